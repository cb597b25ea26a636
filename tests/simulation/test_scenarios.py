"""Schedules in which the promise was broken, or might be: each a scene of a few lines.

They are played under the real workflows in virtual time. Where a finding has a name, the docstring
begins with it.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Payload

from invoicing.identity import EVENT_WORKFLOW, FEED_WORKFLOW, provider_queue, workflow_id
from invoicing.invoice import Status
from invoicing.news import EventInput, FeedInput
from invoicing.order import OrderStatus
from invoicing.provider import Event, Stage
from invoicing.questions import Answer, Reason
from invoicing.request import Goal
from simulation.documents import document
from tests.simulation.scene import ORDER, PROVIDER, Scene, lost

SENT = Status.SENT
MOMENT = timedelta(seconds=1)
HOUR = timedelta(hours=1)


# --- what a person says ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "asked"),
    [("approve", Reason.APPROVAL_OVERDUE), ("send", Reason.SENDING_OVERDUE)],
)
def test_whoever_says_to_go_on_waiting_does_not_have_it_done_again(
    verb: str, asked: Reason
) -> None:
    """The provider has said yes and takes days: `wait` sent the invoice a second time."""
    with Scene() as scene:
        scene.provider.accepts_only.add(verb)
        scene.begin()
        scene.until_asked(asked)
        scene.answer(Answer.WAIT)
        scene.until_asked(asked)
        assert scene.provider.calls.count(verb) == 1


@pytest.mark.parametrize(
    ("verb", "asked"),
    [("approve", Reason.APPROVAL_OVERDUE), ("send", Reason.SENDING_OVERDUE)],
)
def test_whoever_has_seen_that_it_is_not_under_way_has_it_done_again(
    verb: str, asked: Reason
) -> None:
    """What the provider said yes to and then forgot would else be waited for without an end."""
    with Scene() as scene:
        scene.provider.accepts_only.add(verb)
        scene.begin()
        scene.until_asked(asked)
        scene.provider.accepts_only.clear()
        scene.answer(Answer.DID_NOT_HAPPEN)
        assert scene.ended().status is Status.SENT
        assert scene.provider.calls.count(verb) == 2


def test_whoever_goes_on_waiting_for_a_credit_does_not_have_it_credited_twice() -> None:
    """A credit that is under way for days is still the first one."""
    with Scene(credits=True) as scene:
        scene.provider.accepts_only |= {"send", "credit"}
        scene.begin(may_credit=True)
        scene.until_called("send")
        scene.passes(HOUR)
        scene.cancel()
        scene.until_asked(Reason.CANNOT_CANCEL)
        scene.answer(Answer.WAIT)
        scene.until_asked(Reason.CANNOT_CANCEL)
        assert scene.provider.calls.count("credit") == 1


def test_an_id_that_is_not_there_is_not_adopted_and_the_question_comes_again() -> None:
    """A typing error made strangers of both that carry the reference, and a third one was made."""
    with Scene(find_first=True) as scene:
        right, _ = scene.provider.put(document(1)), scene.provider.put(document(1), Stage.APPROVED)
        scene.provider.become(right, Stage.APPROVED)
        scene.begin()
        scene.until_asked(Reason.SEVERAL_FOUND)
        scene.answer(Answer.ADOPT, provider_id="P-77")
        scene.until_asked(Reason.SEVERAL_FOUND)
        assert "create" not in scene.provider.calls
        scene.answer(Answer.ADOPT, provider_id=right)
        assert scene.ended().provider_id == right
        assert len(scene.provider.made) == 2


def test_one_that_carries_another_reference_is_not_adopted_and_nothing_is_made_unasked() -> None:
    """[adopt-foreign] Somebody deleted ours and names the next customer's: it was made again."""
    with Scene() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.provider.become("P-1", Stage.DELETED)
        foreign = scene.provider.put(document(1), reference="another customer's")
        scene.release()
        scene.until_asked(Reason.GONE)
        scene.answer(Answer.ADOPT, provider_id=foreign)
        scene.until_asked(Reason.GONE)
        assert scene.provider.made[foreign].stage is Stage.DRAFTED
        assert scene.provider.calls.count("create") == 1


# --- a life and its successor ---------------------------------------------------------------------


def test_a_successor_does_not_send_what_an_earlier_life_may_have_sent() -> None:
    """Terminated while a lost send may still take effect, begun again: it was sent twice."""
    with Scene() as scene:
        scene.provider.script("send", lost(late=timedelta(minutes=10)))
        scene.begin()
        scene.until_called("send")
        scene.server.terminate(scene.id)
        scene.begin()
        assert scene.ended().status is SENT
        assert scene.provider.sent == 1


def test_a_successor_that_finds_a_draft_sends_it_without_waiting() -> None:
    """What is sent is final: nobody has sent a draft."""
    with Scene() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.server.terminate(scene.id)
        scene.begin()
        scene.until(lambda: scene.provider.sent == 1, within=timedelta(minutes=1))


def test_a_successor_that_cannot_be_planned_any_more_asks_what_its_earlier_life_left() -> None:
    """It ended `rejected`, "before anything was asked of the provider", beside a draft."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=5)))
        scene.begin()
        scene.until_called("create")
        scene.server.terminate(scene.id)
        scene.provider.refuses_to_plan = True
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.provider.refuses_to_plan = False
        scene.answer(Answer.RETRY)
        assert scene.ended().status is SENT
        assert len(scene.provider.alive) == 1


def test_a_successors_cancel_is_not_acknowledged_before_it_has_a_plan() -> None:
    """What its earlier life has sent may still reach the buyer, and it knows only with a plan."""
    with Scene(sent_by="create", credits=True) as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=20)))
        scene.begin(may_credit=True)
        scene.until_called("create")
        scene.server.terminate(scene.id)
        scene.server.shut_queue(provider_queue(PROVIDER))
        scene.begin(may_credit=True)
        cancel = scene.cancel()
        scene.passes(timedelta(minutes=1))
        assert cancel.status == "pending"
        scene.server.open_queue(provider_queue(PROVIDER))
        scene.until(lambda: cancel.status == "done")
        assert scene.ended().status is Status.CREDITED
        assert scene.provider.alive == []


# --- what anybody can send ------------------------------------------------------------------------

_SAID = Payload(metadata={"encoding": b"json/plain"}, data=b'{"by": "a", "reason": "b"}')
MALFORMED = {
    "nothing": (),
    "two inputs": (_SAID, _SAID),
    "null": (Payload(metadata={"encoding": b"binary/null"}),),
    "bytes": (Payload(metadata={"encoding": b"binary/plain"}, data=b"{}"),),
    "no encoding": (Payload(data=b"{}"),),
    "other fields": (Payload(metadata={"encoding": b"json/plain"}, data=b'{"x": []}'),),
}


@pytest.mark.parametrize("given", MALFORMED.values(), ids=MALFORMED)
def test_no_signal_whatever_its_input_stops_a_workflow(given: tuple[Payload, ...]) -> None:
    """One with two inputs, or a null, failed the workflow's task, again and again and for ever."""
    with Scene() as scene:
        scene.begin(hold=True)
        scene.until_held()
        for name in ("provider_event", "hold", "release", "resolve", "cancel"):
            scene.server.give_signal(scene.run, name, given)
        scene.passes(HOUR)
        assert scene.server.counters.tasks_failed == 0
        assert scene.state.status is Status.HELD
        assert sum(what.startswith("refused: ") for what in scene.journal) == 4
        scene.release()
        assert scene.ended().status is SENT


@pytest.mark.parametrize("given", MALFORMED.values(), ids=MALFORMED)
def test_no_signal_whatever_its_input_stops_an_order_or_a_feed(given: tuple[Payload, ...]) -> None:
    """Those of orders, events, feeds and notices are of the same kinds."""
    with Scene() as scene:
        scene.begin_order(lines=2)
        scene.server.start(FEED_WORKFLOW, FeedInput(provider=PROVIDER), id="feed")
        scene.server.start(
            EVENT_WORKFLOW, EventInput(provider=PROVIDER, event=Event(id="e")), id="event"
        )
        scene.passes(HOUR)
        for name in ("provider_event", "invoice_is_final", "deliver", "cancel_lines", "cancel"):
            scene.server.give_signal(scene.server.open_run(scene.order_id), name, given)
        scene.server.give_signal(scene.server.open_run("feed"), "fetch_now", given)
        scene.server.give_signal(scene.server.open_run("event"), "resolve", given)
        scene.passes(HOUR)
        assert scene.server.counters.tasks_failed == 0
        assert scene.order.status is OrderStatus.OPEN


# --- orders ---------------------------------------------------------------------------------------


def test_an_order_with_more_deliveries_than_a_run_may_have_children_begins_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[order-growth] The next one was begun, and its caller answered, when another one was paid."""
    monkeypatch.setattr("workflows.order.life.CHILDREN", 2)
    with Scene() as scene:
        scene.begin_order(lines=5, goal=Goal.PAID)
        scene.passes(MOMENT)
        asked = [scene.deliver(f"D{place}", f"L{place}") for place in range(1, 6)]
        scene.passes(HOUR)
        assert [each.status for each in asked] == ["done"] * 5
        assert {each.status for each in scene.order.deliveries} == {Status.APPROVED}
        assert scene.provider.calls.count("create") == 5


def test_an_order_that_is_abandoned_asks_nothing_more() -> None:
    """A second question was waiting behind the first: its result had a question that is open."""
    with Scene() as scene:
        scene.begin_order(lines=2)
        for name, line in (("A", "L1"), ("B", "L2")):
            scene.deliver(name, line)
        scene.until_called("plan", 2)
        for name in "AB":
            scene.server.terminate(workflow_id(f"{ORDER}:{name}"))
        scene.until(lambda: scene.order.problem is not None)
        scene.answer_order(Answer.ABANDON)
        scene.until(lambda: scene.server.runs(scene.order_id)[-1].closed)
        assert scene.order.status is OrderStatus.ABANDONED
        assert scene.order.problem is None


def test_a_cancel_that_comes_when_an_order_was_abandoned_changes_no_line() -> None:
    """It took the lines of an order that had ended: reserved for good, by a cancel of nothing."""
    with Scene() as scene:
        scene.begin_order(lines=2, subscriber="books")
        scene.deliver("A", "L1")
        scene.until_called("plan")
        scene.server.terminate(workflow_id(f"{ORDER}:A"))
        scene.until(lambda: scene.order.problem is not None)
        scene.answer_order(Answer.ABANDON)
        scene.until(lambda: scene.order.ended)
        scene.server.cancel(scene.order_id, "too late")
        scene.passes(HOUR)
        assert scene.server.runs(scene.order_id)[-1].status == "completed"
        assert [line.status for line in scene.order.ledger.lines] == ["reserved", "open"]
