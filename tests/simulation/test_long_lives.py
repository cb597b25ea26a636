"""What a run does that has grown long, or holds more than can be carried on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from invoicing.state import bounds
from invoicing.state.bounds import stored
from invoicing.state.identity import NOTICES_WORKFLOW
from invoicing.state.invoice import Hold, Status
from invoicing.state.notice import Notice, NoticesInput, NoticesState
from invoicing.state.questions import Reason
from simulation.engine import Limits
from tests.simulation.scene import Scene, away, refused

NEVER = Limits(suggest_events=10**9, suggest_bytes=10**9, suggest_updates=10**9)
"""A server that suggests nothing."""
POSTS = "notices/erp/x"


# --- when the next run begins ---------------------------------------------------------------------


def test_a_parked_invoice_begins_a_new_run_though_the_server_suggests_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workflows.kit.lifetime.HISTORY_EVENTS", 60)
    with Scene(limits=NEVER) as scene:
        scene.provider.script("create", *[refused()] * 200)
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        asked = scene.state.problem
        for number in range(60):
            scene.tell(f"e{number}")
            scene.passes(timedelta(seconds=1))
        assert len(scene.server.runs(scene.id)) > 1
        assert scene.state.problem == asked
        scene.cancel()
        assert scene.ended().status is Status.CANCELLED
        assert all(run.events < 80 for run in scene.server.runs(scene.id))


def test_the_size_of_its_history_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.kit.lifetime.HISTORY_BYTES", 40_000)
    with Scene(limits=NEVER, strict=True) as scene:
        scene.begin(hold=True)
        scene.until_held()
        for number in range(10):
            scene.tell(f"e{number}", {"text": "x" * 10_000})
            scene.passes(timedelta(seconds=1))
        assert len(scene.server.runs(scene.id)) > 1
        scene.release()
        assert scene.ended().status is Status.SENT


# --- what does not fit into it --------------------------------------------------------------------


def room(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """The next run takes no more than so many bytes."""
    monkeypatch.setattr("invoicing.state.bounds.ENGINE_PAYLOAD", size + bounds.ENCRYPTED)


def test_what_is_least_needed_is_given_up_where_the_next_run_has_no_room_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room(monkeypatch, 9_000)
    with Scene(limits=Limits(suggest_events=30)) as scene:
        scene.begin(hold=True)
        scene.until_held()
        for number in range(150):
            hold = Hold(by=f"person {number}", reason="test")
            scene.server.update(scene.id, "hold", hold)
            scene.passes(timedelta(seconds=1))
        assert len(scene.server.runs(scene.id)) > 1
        journal = scene.server.query(scene.id, "journal")
        assert journal.dropped > 0
        assert "cannot continue as new" not in " ".join(scene.journal)
        scene.release()
        assert scene.ended().status is Status.SENT


def test_an_invoice_that_cannot_continue_goes_on_as_it_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room(monkeypatch, 500)
    with Scene(limits=Limits(suggest_events=20)) as scene:
        scene.begin(hold=True)
        scene.until_held()
        for number in range(30):
            scene.tell(f"e{number}")
        scene.passes(timedelta(minutes=1))
        scene.release()
        assert scene.ended().status is Status.SENT
        assert len(scene.server.runs(scene.id)) == 1
        said = [what for what in scene.journal if what.startswith("cannot continue as new: ")]
        assert len(said) == 1


def test_an_order_that_cannot_continue_goes_on_as_it_is_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room(monkeypatch, 500)
    with Scene(limits=Limits(suggest_events=20)) as scene:
        scene.begin_order(5)
        for place in range(1, 6):
            asked = scene.deliver(f"D{place}", f"L{place}")
            scene.until(lambda asked=asked: asked.status == "done")  # type: ignore[misc]
        scene.until(lambda: scene.server.runs(scene.order_id)[-1].closed)
        (run,) = scene.server.runs(scene.order_id)
        assert {line.status for line in run.result.ledger.lines} == {"invoiced"}
        said = [each.what for each in scene.server.query(scene.order_id, "journal").entries]
        assert sum(what.startswith("cannot continue as new: ") for what in said) == 1


def test_an_order_begins_no_more_invoices_in_one_task_than_one_message_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All that one task says is one gRPC message; a larger one is never sent, but tried again."""
    monkeypatch.setattr("workflows.order.life.BEGUN_BYTES", 2 * bounds.INSTRUCTION + 8_000)
    with Scene() as scene:
        scene.begin_order(7)
        asked = [scene.deliver(f"D{place}", f"L{place}") for place in range(1, 8)]
        scene.until(lambda: all(each.status == "done" for each in asked))
        (run,) = scene.server.runs(scene.order_id)
        tasks = " ".join(run.history).split("WorkflowTaskCompleted")
        begun = [task.count("StartChildWorkflowExecutionInitiated") for task in tasks]
        assert sum(begun) == 7
        assert max(begun) == 2


# --- notices --------------------------------------------------------------------------------------


def notice(number: int, size: int = 0) -> Notice:
    return Notice(
        id=f"n_{number}",
        type="invoice.sent",
        timestamp="2026-06-30T12:00:00Z",
        sequence=number,
        data={"text": "x" * size},
    )


def posted(scene: Scene) -> NoticesState:
    state: NoticesState = scene.server.query(POSTS, "state")
    return state


def begin_to_post(scene: Scene) -> None:
    first = notice(1).model_copy(update={"timestamp": scene.server.now})
    start = NoticesInput(subscriber="erp", waiting=(first,))
    scene.server.start(NOTICES_WORKFLOW, start, id=POSTS)


def test_of_notices_that_wait_the_oldest_go_and_are_counted() -> None:
    with Scene() as scene:
        scene.provider.script("post", *[away()] * 10_000)
        begin_to_post(scene)
        for number in range(2, 200):
            scene.server.signal(POSTS, "tell", notice(number, 60_000))
            scene.passes(timedelta(seconds=1))
        state = posted(scene)
        assert len(state.waiting) * 60_000 < bounds.NOTICES_BYTES + 60_000
        assert len(state.dropped) == bounds.DROPPED
        gone = len(state.dropped) + state.lost
        assert gone + len(state.waiting) == 199
        assert [one.sequence for one in state.dropped][-1] == gone + 1, "the first is being posted"
        assert stored(state.dropped) < 64 * bounds.KIB


def test_a_subscriber_that_is_away_does_not_keep_a_run_from_ending_that_is_told_much() -> None:
    """It waited for days for one notice, and the server took no more than so many signals."""
    with Scene(limits=Limits(suggest_events=60, signals=150)) as scene:
        scene.provider.script("post", *[away()] * 15)
        begin_to_post(scene)
        for number in range(2, 301):
            scene.server.signal(POSTS, "tell", notice(number))
            scene.passes(timedelta(milliseconds=100))
        scene.until(lambda: scene.server.runs(POSTS)[-1].closed)
        result = scene.server.runs(POSTS)[-1].result
        assert (result.taken, result.dropped, result.lost) == (300, (), 0)
        assert len(scene.server.runs(POSTS)) > 2
