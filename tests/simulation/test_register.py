"""What an invoice does with a register: claimed first, written down beside, gone on with later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from invoicing.provider import Stage
from invoicing.request import Goal
from invoicing.state.bounds import LINES_BYTES
from invoicing.state.invoice import Invoice, Status
from invoicing.state.order import AddLines, Deliver
from invoicing.state.questions import Answer, Reason
from simulation.documents import ISSUED, document
from simulation.engine import Faults, Limits
from simulation.register import SimulatedRegister
from tests.simulation.scene import ORDER, REFERENCE, Scene, away, lost, request

ABOUT = ("invoice", REFERENCE)
DAY = timedelta(days=1)
SOON = timedelta(seconds=11)
"""A line is handed over within twice the first pause of its plan's notices, which is 5 seconds."""


class Kept(Scene):
    """A scene with a register."""

    def __init__(self, busy: Callable[[], bool] = lambda: False, **plan: Any) -> None:
        super().__init__(**{"claims": True, **plan})
        self.register = SimulatedRegister(busy=busy)
        for name, handler in self.register.handlers().items():
            self.server.activity(name, handler)

    def forgotten(self) -> None:
        """Temporal knows nothing of it any more, whether it had ended or not."""
        if not self.run.closed:
            self.server.terminate(self.id, "its database is lost")
            self.passes(timedelta(seconds=1))
        self.server.expire(self.id)
        assert self.server.runs(self.id) == ()

    @property
    def failure(self) -> str:
        """What it failed with."""
        self.until(lambda: self.run.closed)
        failure = self.run.failure
        assert isinstance(failure, ApplicationError)
        return str(failure)

    @property
    def waits_for(self) -> str:
        """As lists show it."""
        return str(self.state.waiting or "")

    def written(self) -> Invoice:
        """Its end; everything that it told is written down, each line once and in order."""
        state = self.ended()
        row = self.register.rows[ABOUT]
        assert (row.status, row.ended, row.number) == (state.status, True, state.number)
        assert self.register.gaps == []
        return state


# --- beside the story -----------------------------------------------------------------------------


def test_nothing_is_asked_of_a_register_that_is_not_there() -> None:
    with Kept(claims=False) as scene:
        scene.begin()
        assert scene.ended().status is Status.SENT
        assert (scene.register.claims, scene.register.records) == (0, 0)


def test_every_line_of_a_life_is_written_down_with_who_wanted_it() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.release()
        assert scene.written().status is Status.SENT
        (kept,) = scene.register.lines.values()
        told = [line.what for line in kept]
        assert [each for each in told if not each.startswith("is ")] == scene.journal
        assert {"is drafted", "is held", "is sent"} <= set(told)
        (released,) = [line for line in kept if line.what == "released"]
        assert (released.by, released.reason) == ("a person", "test")


def test_a_register_that_answers_is_asked_within_the_workflow_s_own_tasks() -> None:
    with Kept() as scene:
        scene.begin()
        scene.written()
        assert (scene.register.claims, scene.register.records) == (1, 1)
        assert scene.run.history.count("MarkerRecorded") == 2
    with Scene() as without:
        without.begin()
        without.ended()
    # A marker each; and the timer by which what follows soon is waited for.
    own = ["MarkerRecorded", "MarkerRecorded", "TimerCanceled", "TimerStarted"]
    assert sorted(scene.run.history) == sorted([*without.run.history, *own])


def test_one_that_gives_no_answer_at_once_is_asked_on_its_own_queue() -> None:
    with Kept(busy=lambda: True) as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.passes(SOON)
        scene.release()
        scene.written()
        # A claim and a record were tried at once, and then the rest of the run went to the queue.
        assert scene.run.history.count("MarkerRecorded") == 2
        assert (scene.register.claims, scene.register.records) == (2, 4)


def test_what_was_written_in_a_task_that_was_lost_is_written_once() -> None:
    with Kept() as scene:
        scene.server.faults = Faults(task_lost=0.4)
        scene.begin()
        scene.written()
        assert scene.server.counters.tasks_lost


def test_what_happens_soon_after_goes_along_in_the_same_call() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.passes(SOON)
        assert scene.register.rows[ABOUT].status == Status.HELD
        assert scene.register.records == 1
        scene.release()
        scene.written()
        # What a person has said is not kept waiting; all that came after it was one call more.
        assert scene.register.records == 3


def test_what_a_person_has_said_is_written_down_at_once() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.passes(SOON)
        (kept,) = scene.register.lines.values()
        before = len(kept)
        scene.hold()
        scene.passes(timedelta(seconds=1))
        assert "held" in [line.what for line in kept[before:]]


def test_where_nobody_can_look_each_line_is_written_down_at_once() -> None:
    """Its successor approves again what is not known to be approved: that may send it twice."""
    with Kept(uncertain="ask", sent_by="approve") as scene:
        scene.provider.script("send", *[away()] * 50)
        scene.begin()
        scene.until_called("approve")
        scene.passes(timedelta(seconds=1))
        assert scene.register.rows[ABOUT].stage == Stage.APPROVED


def test_what_a_proven_caller_wants_of_an_order_is_written_down_at_once() -> None:
    with Kept() as scene:
        scene.begin_order(lines=2, proven="anna")
        scene.passes(timedelta(minutes=1))
        scene.deliver("first", "L1")
        scene.passes(SOON)
        (kept,) = [kept for about, kept in scene.register.lines.items() if about[1] == ORDER]
        more = document(1).lines[0].model_copy(update={"id": "X"})
        for name, wanted in (
            ("add_lines", AddLines(addition="A", lines=(more,), proven="bob")),
            ("deliver", Deliver(delivery="D", lines=("X",), issue_date=ISSUED, proven="carl")),
        ):
            before = len(kept)
            scene.server.update(scene.order_id, name, wanted)
            scene.passes(timedelta(seconds=1))
            assert [line.proven for line in kept[before:] if line.proven] == [wanted.proven]
            scene.passes(SOON)


def test_who_asked_for_it_first_is_gathered_with_what_follows() -> None:
    """One call for each invoice would be saved by nobody: they ask again what they asked."""
    with Kept() as scene:
        scene.begin(hold=True, proven="anna")
        scene.until_held()
        scene.passes(SOON)
        assert scene.register.records == 1


def test_nothing_is_made_while_the_register_is_away_and_it_shows_why() -> None:
    with Kept() as scene:
        scene.register.away = True
        scene.begin()
        scene.until(lambda: scene.waits_for == "register: claim", timedelta(minutes=2))
        scene.passes(timedelta(hours=3))
        assert scene.provider.made == {}
        scene.register.away = False
        assert scene.written().status is Status.SENT


def test_a_register_that_answers_too_late_is_a_named_wait_and_claims_once() -> None:
    with Kept() as scene:
        scene.register.took = timedelta(seconds=20)
        scene.begin()
        scene.passes(timedelta(minutes=2))
        assert scene.waits_for == "register: claim"
        assert not scene.provider.made
        assert scene.register.claims > 2
        scene.register.took = timedelta(milliseconds=20)
        assert scene.written().status is Status.SENT
        assert len(scene.register.standing) == 1


def test_a_record_that_is_answered_too_late_holds_up_the_end_alone_and_is_written_once() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.register.took = timedelta(seconds=20)
        scene.release()
        scene.until(lambda: scene.waits_for == "register: record")
        assert scene.state.status is Status.SENT
        assert not scene.run.closed
        scene.register.took = timedelta(milliseconds=20)
        scene.written()


def test_a_register_that_stays_away_is_told_to_a_person() -> None:
    with Kept() as scene:
        scene.register.away = True
        scene.begin()
        scene.until_asked(Reason.PROVIDER_UNAVAILABLE, within=2 * DAY)
        assert "the register" in (scene.state.problem.what if scene.state.problem else "")
        scene.register.away = False
        scene.answer(Answer.RETRY)
        assert scene.written().status is Status.SENT


def test_a_register_that_goes_away_holds_up_nothing_but_the_workflow_s_own_end() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.register.away = True
        scene.release()
        scene.until(lambda: scene.state.ended, timedelta(minutes=1))
        assert scene.provider.sent == 1
        scene.until(lambda: scene.waits_for == "register: record", timedelta(minutes=2))
        scene.passes(30 * DAY)
        assert not scene.run.closed
        scene.register.away = False
        assert scene.written().status is Status.SENT
        assert scene.waits_for == ""


def test_a_cancel_while_the_reference_is_not_claimed_makes_nothing() -> None:
    with Kept() as scene:
        scene.register.away = True
        scene.begin()
        scene.until(lambda: scene.waits_for == "register: claim")
        cancel = scene.cancel()
        scene.passes(timedelta(hours=1))
        assert (cancel.status, scene.state.ended) == ("pending", False)
        scene.register.away = False
        assert scene.written().status is Status.CANCELLED
        assert cancel.failure is None
        assert scene.provider.made == {}


def test_what_waits_for_the_register_goes_on_in_the_next_run() -> None:
    """The run continues as new while lines wait; none is lost and none is written twice."""
    with Kept(limits=Limits(suggest_events=150)) as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.register.away = True
        for _ in range(30):
            scene.hold()
            scene.passes(timedelta(minutes=20))
        assert len(scene.server.runs(scene.id)) > 1
        scene.register.away = False
        scene.release()
        scene.written()
        (kept,) = scene.register.lines.values()
        assert [line.what for line in kept].count("held") == 30


def test_more_than_the_next_run_has_room_for_is_not_given_up() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.register.away = True
        said = LINES_BYTES // 100
        for _ in range(said // 2):
            scene.hold()
            scene.passes(timedelta(seconds=1))
            scene.server.signal(scene.id, "resolve", {"not": "an answer"})
        scene.register.away = False
        scene.release()
        scene.written()
        (kept,) = scene.register.lines.values()
        assert len(kept) > said // 2


# --- after Temporal has forgotten it --------------------------------------------------------------

PLANS: dict[str, dict[str, Any]] = {
    "looks": {},
    "searched first": {"find_first": True},
    "final at once": {"sent_by": "create"},
    "sent by approving": {"sent_by": "approve"},
    "blind": {"uncertain": "ask"},
    "repeatable": {"uncertain": "repeat"},
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_what_has_ended_is_the_same_invoice_and_is_told_at_once(plan: dict[str, Any]) -> None:
    with Kept(**plan) as scene:
        scene.begin()
        before = scene.written()
        calls = list(scene.provider.calls)
        scene.forgotten()
        scene.passes(900 * DAY)
        scene.begin()
        after = scene.ended(within=timedelta(minutes=1))
        assert (after.status, after.number, after.provider_id) == (
            Status.SENT,
            before.number,
            before.provider_id,
        )
        assert scene.provider.calls == [*calls, "plan"]
        assert len(scene.provider.made) == 1


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_other_content_is_refused_and_nothing_is_made(plan: dict[str, Any]) -> None:
    with Kept(**plan) as scene:
        scene.begin()
        scene.written()
        scene.forgotten()
        scene.begin(request(document(2)))
        assert "other content" in scene.failure
        assert scene.state.status is Status.REJECTED
        assert [each.field for each in scene.state.problem.fields] == (  # type: ignore[union-attr]
            ["document.lines"]
        )
        assert len(scene.provider.made) == 1
        # An amendment that wanted it made may give it another reference.
        assert scene.server.query(scene.id, "request").reference_taken
        # And it changes nothing about what the reference stands for.
        scene.forgotten()
        scene.begin()
        assert scene.ended().status is Status.SENT
        assert not scene.server.query(scene.id, "request").reference_taken


@pytest.mark.parametrize("plan", [PLANS["looks"], PLANS["searched first"], PLANS["final at once"]])
@pytest.mark.parametrize("late", [None, timedelta(), timedelta(minutes=10)])
def test_a_create_that_was_lost_with_its_life_is_looked_for_first(
    plan: dict[str, Any], late: timedelta | None
) -> None:
    with Kept(**plan) as scene:
        scene.provider.script("create", lost(late))
        scene.begin()
        scene.until_called("create")
        scene.forgotten()
        scene.begin()
        assert scene.written().status is Status.SENT
        scene.passes(DAY)
        assert (len(scene.provider.alive), scene.provider.sent) == (1, 1)


def test_where_nobody_can_look_a_person_is_asked_before_anything_is_made() -> None:
    with Kept(uncertain="ask") as scene:
        scene.provider.searchable = False
        scene.provider.script("create", lost())
        scene.begin()
        scene.until_called("create")
        scene.forgotten()
        scene.begin()
        scene.until_asked(Reason.MAY_EXIST)
        assert scene.provider.made == {}
        scene.answer(Answer.DID_NOT_HAPPEN)
        # The earlier life may have sent one, too, as far as anybody here knows.
        scene.until_asked(Reason.CANNOT_TELL)
        scene.answer(Answer.DID_NOT_HAPPEN)
        assert scene.written().status is Status.SENT


@pytest.mark.parametrize("stage", [Stage.DRAFTED, Stage.APPROVED, Stage.SENT])
def test_it_is_gone_on_with_from_wherever_it_is_there(stage: Stage) -> None:
    """What the register heard last may be old: the provider is looked at."""
    with Kept() as scene:
        scene.begin(hold=True, goal=Goal.SENT)
        scene.until_held()
        scene.until(lambda: ABOUT in scene.register.rows)
        scene.forgotten()
        scene.provider.become("P-1", stage)
        scene.begin(hold=True, goal=Goal.SENT)
        if stage is not Stage.SENT:
            scene.until_held()
            scene.release()
        assert scene.written().status is Status.SENT
        assert (len(scene.provider.made), scene.provider.sent) == (1, 1)


def test_a_cancel_is_carried_out_by_the_life_that_comes_after() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.provider.script("delete", lost(), lost())
        scene.cancel()
        scene.until_called("delete")
        scene.until(lambda: scene.register.rows[ABOUT].cancelling)
        scene.forgotten()
        scene.begin(hold=True)
        assert scene.written().status is Status.CANCELLED
        assert scene.provider.alive == []


def test_a_cancel_of_what_had_ended_is_refused_once_the_register_says_so() -> None:
    with Kept() as scene:
        scene.begin()
        scene.written()
        scene.forgotten()
        scene.register.away = True
        scene.begin()
        scene.until(lambda: scene.waits_for == "register: claim")
        cancel = scene.cancel()
        scene.passes(timedelta(minutes=30))
        scene.register.away = False
        assert scene.ended().status is Status.SENT
        assert "it has ended: sent" in str(cancel.failure)
        assert len(scene.provider.alive) == 1


def test_a_cancel_that_comes_before_the_plan_does_not_say_cancelled_of_what_stands() -> None:
    with Kept() as scene:
        scene.begin()
        scene.written()
        scene.forgotten()
        scene.begin()
        cancel = scene.cancel()
        assert scene.ended().status is Status.SENT
        assert "it has ended: sent" in str(cancel.failure)


@pytest.mark.parametrize("plan", [PLANS["looks"], PLANS["searched first"]])
def test_what_a_lost_create_does_after_the_end_is_looked_for_by_the_life_that_comes_after(
    plan: dict[str, Any],
) -> None:
    """The life that made both ended, and was looking when Temporal lost its database."""
    with Kept(**plan) as scene:
        scene.provider.script("create", lost(timedelta(minutes=20)))
        scene.begin()
        scene.until(lambda: scene.state.status is Status.SENT)
        scene.until(lambda: scene.register.rows[ABOUT].ended)
        scene.forgotten()
        scene.begin()
        assert scene.ended().status is Status.SENT
        scene.passes(DAY)
        assert (len(scene.provider.made), len(scene.provider.alive), scene.provider.sent) == (
            2,
            1,
            1,
        )


def test_one_that_was_taken_back_may_begin_again_with_other_content() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.cancel()
        assert scene.written().status is Status.CANCELLED
        scene.forgotten()
        scene.begin(request(document(2)))
        assert scene.written().status is Status.SENT
        assert len(scene.provider.alive) == 1


def test_a_life_that_lost_its_reference_writes_nothing_more() -> None:
    with Kept() as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.until(lambda: ABOUT in scene.register.rows)
        stands = scene.register.standing[ABOUT]
        scene.register.standing[ABOUT] = stands.model_copy(update={"claimant": "another"})
        before = scene.register.rows[ABOUT]
        scene.release()
        assert scene.ended().status is Status.SENT
        assert scene.register.rows[ABOUT] == before
