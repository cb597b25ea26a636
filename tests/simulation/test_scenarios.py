"""Schedules in which the promise was broken, or might be: each a scene of a few lines.

They are played under the real workflows in virtual time. Where a finding has a name, the docstring
begins with it.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError

from invoicing.document import Document
from invoicing.provider import Event, Item, Paces, Stage
from invoicing.request import Goal
from invoicing.state.identity import EVENT_WORKFLOW, FEED_WORKFLOW, provider_queue, workflow_id
from invoicing.state.invoice import Cancel, LineStatus, Status
from invoicing.state.news import EventInput, FeedInput, Located
from invoicing.state.order import AddLines, Deliver, OrderStatus
from invoicing.state.questions import Answer, Reason
from simulation.documents import ISSUED, document
from simulation.engine import Limits
from tests.simulation.scene import ORDER, PROVIDER, Act, Scene, away, lost, refused, request

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


def test_a_send_that_is_lost_again_and_again_is_a_question_in_the_end() -> None:
    """The waits for its late effect and for the provider take turns, and have one deadline."""
    with Scene() as scene:
        scene.provider.script("send", *[lost()] * 200)
        scene.begin()
        scene.until_called("send")
        waits = set()
        for _ in range(60):
            scene.passes(timedelta(minutes=1))
            waits.add(str(scene.state.waiting))
        assert waits == {"provider: a lost call", "provider: provider unavailable"}
        scene.until_asked(Reason.PROVIDER_UNAVAILABLE, within=25 * HOUR)


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


def test_a_successor_takes_back_what_an_earlier_life_was_told_to_take_back() -> None:
    """Its cancel was acknowledged, it was terminated, its request repeated: it was sent."""
    with Scene() as scene:
        scene.begin(hold=True)
        scene.until_held()
        update = scene.cancel()
        scene.until(lambda: update.status != "pending")
        scene.server.terminate(scene.id)
        scene.begin()
        assert scene.ended().status is Status.CANCELLED
        assert scene.provider.sent == 0
        assert scene.provider.alive == []


def test_a_successor_of_one_that_was_abandoned_in_doubt_looks_for_what_it_left() -> None:
    """[successor-doubt] Abandoned while a lost create could take effect, begun again: two alive."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=10)), refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.ABANDON)
        scene.until(lambda: scene.run.closed)
        scene.begin()
        assert scene.ended().status is SENT
        assert len(scene.provider.alive) == 1


def test_an_order_hands_news_on_to_the_deliveries_that_are_not_final() -> None:
    """Each piece of news was a signal to every delivery that was not paid yet."""
    with Scene() as scene:
        scene.begin_order(3, goal=Goal.PAID)
        for place in (1, 2):
            scene.deliver(f"D{place}", f"L{place}")
        scene.until(lambda: {each.number is None for each in scene.order.deliveries} == {False})
        wanted = Deliver(delivery="D3", lines=("L3",), issue_date=ISSUED, hold=True)
        asked = scene.server.update(scene.order_id, "deliver", wanted)
        scene.until(lambda: asked.status == "done")
        scene.until(lambda: scene.of("D3").status is Status.HELD)
        scene.server.signal(scene.order_id, "provider_event", Event(id="news"))
        scene.passes(MOMENT)
        told = scene.server.runs(scene.order_id)[-1].history
        assert told.count("SignalExternalWorkflowExecutionInitiated") == 1


def test_a_successor_takes_back_what_was_cancelled_while_a_call_was_settling() -> None:
    """The cancel had not stopped the story yet when the workflow was terminated."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(seconds=1)))
        scene.begin()
        scene.until_called("create")
        scene.passes(2 * MOMENT)
        scene.cancel()
        scene.passes(MOMENT)
        scene.server.terminate(scene.id)
        scene.begin()
        assert scene.ended().status is Status.CANCELLED
        assert scene.provider.alive == []


@pytest.mark.parametrize("lives", [1, 2], ids="of {} lives".format)
def test_a_successor_is_held_where_a_person_held_its_earlier_life(lives: int) -> None:
    """Held, terminated, its request repeated: it was sent."""
    with Scene() as scene:
        scene.provider.script("create", lost())
        scene.begin()
        scene.until_called("create")
        scene.hold()
        scene.passes(MOMENT)
        scene.server.terminate(scene.id)
        for _ in range(lives - 1):
            # This one ends before a worker has begun it.
            scene.begin()
            scene.server.terminate(scene.id)
        scene.begin()
        scene.until_held()
        scene.passes(24 * HOUR)
        assert scene.provider.sent == 0
        scene.release()
        assert scene.ended().status is SENT


def test_a_successor_is_held_though_nobody_had_come_in_time_to_release_the_earlier_life() -> None:
    """The hold became overdue, the question too: the workflow failed, and was begun again."""
    with Scene(paces=Paces(hold=HOUR, attention=HOUR)) as scene:
        scene.begin()
        scene.hold()
        scene.until(lambda: scene.run.closed)
        assert scene.state.status is Status.EXPIRED
        scene.begin()
        scene.until_held()
        assert scene.provider.sent == 0


def test_a_successor_is_not_held_where_its_earlier_life_was_released() -> None:
    """What is inherited is what still holds."""
    with Scene() as scene:
        scene.provider.script("create", lost())
        scene.begin()
        scene.until_called("create")
        scene.hold()
        scene.release()
        scene.passes(MOMENT)
        scene.server.terminate(scene.id)
        scene.begin()
        assert scene.ended().status is SENT


def test_a_successor_of_one_that_a_person_corrected_is_held() -> None:
    """Terminated before the corrected one was sent, its request repeated: the old one was sent."""
    with Scene() as scene:
        scene.provider.script("create", refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.CORRECT, document=document(1, wording=1))
        scene.server.terminate(scene.id)
        scene.begin()
        scene.until_held()
        assert scene.provider.sent == 0
        assert scene.cancel()
        assert scene.ended().status is Status.CANCELLED


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
            scene.server.executions.give_signal(scene.run, name, given)
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
            scene.server.executions.give_signal(scene.server.open_run(scene.order_id), name, given)
        scene.server.executions.give_signal(scene.server.open_run("feed"), "fetch_now", given)
        scene.server.executions.give_signal(scene.server.open_run("event"), "resolve", given)
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


@pytest.mark.parametrize("by", ["signal", "update"])
def test_an_order_in_too_many_parts_can_be_taken_back(
    monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """[order-parts] Its cancel was refused in the middle, and the order was stuck for good."""
    with Scene() as scene:
        scene.begin_order(lines=2)
        scene.passes(MOMENT)
        monkeypatch.setattr("invoicing.state.order_ledger.MOST_PARTS", 1)
        say = scene.server.signal if by == "signal" else scene.server.update
        say(scene.order_id, "cancel", Cancel(by="a person", reason="test"))
        scene.until(lambda: scene.server.runs(scene.order_id)[-1].closed)
        assert scene.server.counters.tasks_failed == 0
        assert {line.status for line in scene.order.ledger.lines} == {LineStatus.CANCELLED}


def test_a_line_too_many_is_refused_and_not_taken_into_an_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Scene() as scene:
        scene.begin_order(lines=2)
        scene.passes(MOMENT)
        monkeypatch.setattr("invoicing.state.order_ledger.MOST_PARTS", 2)
        more = document(1).lines[0].model_copy(update={"id": "X"})
        added = scene.server.update(
            scene.order_id, "add_lines", AddLines(addition="A", lines=(more,))
        )
        scene.passes(MOMENT)
        assert "more than 2 parts" in str(added.failure)
        assert len(scene.order.ledger.lines) == 2


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


# --- findings of which the bracketed name says which ----------------------------------------------


def other_wording(scene: Scene) -> list[Stage]:
    """What has become of what says something else than is asked for now."""
    return [one.stage for one in scene.provider.made.values() if one.document == document(1)]


def right_wording(scene: Scene) -> list[Stage]:
    """What has become of what says what is asked for now."""
    right = document(1, wording=1)
    return [one.stage for one in scene.provider.made.values() if one.document == right]


@pytest.mark.parametrize("goal", [Goal.APPROVED, Goal.SENT])
def test_figures_that_change_while_it_is_being_approved_are_a_question_once_it_is_final(
    goal: Goal,
) -> None:
    """Between our last look and our call somebody has the last word: it is sent no more, and where
    being final was all that was asked for, a person is told."""
    with Scene() as scene:
        scene.provider.script("approve", Act(MOMENT, after=2 * MOMENT))
        scene.begin(goal=goal)
        scene.until_called("approve")
        scene.provider.made["P-1"].document = document(2)
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        assert scene.state.stage is Stage.APPROVED
        assert scene.provider.sent == 0
        assert scene.server.query(scene.id, "request").differs
        scene.answer(Answer.ABANDON)
        scene.ended()


def test_a_text_that_the_provider_writes_otherwise_may_stand_as_long_as_it_stays_so() -> None:
    with Scene(said={"buyer's street": "ours"}) as scene:
        scene.provider.said = {"buyer's street": "theirs"}
        scene.provider.script("approve", away())
        scene.begin()
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        scene.answer(Answer.ACCEPT)
        scene.until_called("approve")
        scene.provider.said = {"buyer's street": "another one"}
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        assert scene.provider.calls.count("approve") == 1
        scene.answer(Answer.ACCEPT)
        assert scene.ended().status is SENT


@pytest.mark.parametrize(
    "text",
    [
        *("buyer's name", "buyer's VAT number", "buyer's registration number"),
        *("bank account number", "figures of the lines", "taxable amounts", "kind of invoice"),
    ],
)
def test_what_says_whose_invoice_it_is_or_how_much_may_not_stand_otherwise(text: str) -> None:
    with Scene(said={text: "ours"}) as scene:
        scene.provider.said = {text: "theirs"}
        scene.begin()
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        assert Answer.ACCEPT not in scene.state.problem.answers  # type: ignore[union-attr]


def test_an_amount_may_not_stand_otherwise_beside_a_text_that_may() -> None:
    with Scene(said={"buyer's street": "ours"}) as scene:
        scene.provider.said = {"buyer's street": "theirs"}
        scene.begin(hold=True)
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        scene.provider.made["P-1"].document = document(2)
        scene.answer(Answer.ACCEPT)
        scene.until_asked(Reason.AMOUNTS_DIFFER)
        assert Answer.ACCEPT not in scene.state.problem.answers  # type: ignore[union-attr]


def test_an_old_content_that_comes_late_is_not_sent_in_place_of_the_corrected_one() -> None:
    """[old-content] Create 1 lost and late, create 2 refused, corrected with equal totals."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=1)), refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        assert scene.provider.made == {}
        scene.answer(Answer.CORRECT, document=document(1, wording=1))
        assert scene.ended().status is SENT
        assert other_wording(scene) == [Stage.DELETED]
        assert right_wording(scene) == [Stage.SENT]


def test_an_old_content_that_is_there_already_is_not_adopted_for_the_corrected_one() -> None:
    """[old-content] The first create takes effect while the correction is being written."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=1)), refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.passes(HOUR)
        scene.answer(Answer.CORRECT, document=document(1, wording=1))
        assert scene.ended().status is SENT
        assert other_wording(scene) == [Stage.DELETED]
        assert right_wording(scene) == [Stage.SENT]


def test_an_old_content_of_a_life_that_was_cancelled_is_not_sent_by_the_next() -> None:
    """[old-content] Cancelled while its create was lost, and asked for again in other words."""
    with Scene() as scene:
        scene.provider.script("create", refused(late=timedelta(minutes=20)))
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.server.terminate(scene.id)
        scene.begin(request(document(1, wording=1)))
        assert scene.ended().status is SENT
        assert other_wording(scene) == [Stage.DELETED]
        assert right_wording(scene) == [Stage.SENT]


def test_an_old_content_that_somebody_made_final_is_a_question() -> None:
    """[old-content] It cannot be deleted any more, and is not what is asked for."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=1)), refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.passes(HOUR)
        scene.provider.become("P-1", Stage.APPROVED)
        scene.answer(Answer.CORRECT, document=document(1, wording=1))
        scene.until_asked(Reason.OLD_CONTENT)
        assert scene.provider.sent == 0


def test_another_customers_invoice_of_equal_figures_is_not_adopted() -> None:
    """[adopt-foreign] Two equal monthly invoices: both ended `sent`, with one number."""
    with Scene(find_first=True) as scene:
        scene.provider.searchable = False
        scene.provider.script("create", lost(late=timedelta()))
        foreign = scene.provider.put(document(1), reference="S-2")
        scene.begin()
        scene.until_asked(Reason.MAY_EXIST)
        scene.answer(Answer.ADOPT, provider_id=foreign)
        scene.until_asked(Reason.MAY_EXIST)
        assert any("it carries another reference" in each for each in scene.journal)
        assert scene.provider.made[foreign].stage is Stage.DRAFTED


@pytest.mark.parametrize("late", [timedelta(minutes=1), timedelta(minutes=25)], ids=str)
def test_a_draft_that_comes_to_light_after_the_end_is_deleted(late: timedelta) -> None:
    """[late-commit] A create that takes effect after the last look left a stray draft."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=late))
        scene.begin()
        scene.until(lambda: scene.state.ended)
        assert scene.ended().status is SENT
        scene.passes(HOUR)
        assert [one.stage for one in scene.provider.alive] == [Stage.SENT]


def test_a_draft_that_comes_to_light_after_a_cancel_is_deleted() -> None:
    """[late-commit] The same after `cancelled`."""
    with Scene() as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=25)))
        scene.begin()
        scene.until_called("create")
        scene.cancel()
        assert scene.ended().status is Status.CANCELLED
        scene.passes(HOUR)
        assert scene.provider.alive == []


def test_nothing_is_sent_after_a_cancel_was_acknowledged_where_the_first_call_is_final() -> None:
    """[late-commit] Created, approved and sent at once, minutes after the cancel was answered."""
    with Scene(sent_by="create", credits=True) as scene:
        scene.provider.script("create", lost(late=timedelta(minutes=25)))
        scene.begin(may_credit=True)
        scene.until_called("create")
        cancel = scene.cancel()
        scene.passes(timedelta(minutes=1))
        assert str(scene.state.waiting) == "provider: a lost call"
        scene.until(lambda: cancel.status == "done")
        sent = scene.provider.sent
        scene.ended()
        scene.passes(HOUR)
        assert scene.provider.sent == sent
        assert scene.provider.alive == []


def test_a_create_that_was_refused_and_happened_makes_no_second_one() -> None:
    """[said-not-done] The provider said that it had done nothing, and had: who tries again adopts
    what is there."""
    with Scene() as scene:
        scene.provider.script("create", refused(late=timedelta()))
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        scene.answer(Answer.RETRY)
        assert scene.ended().status is SENT
        assert len(scene.provider.made) == 1


def test_a_create_that_was_lost_where_nobody_can_look_makes_no_second_one_unasked() -> None:
    """[said-not-done] Answered "too many calls" at a provider without a search, and done."""
    with Scene() as scene:
        scene.provider.searchable = False
        scene.provider.script("create", lost(late=timedelta()))
        scene.begin()
        scene.until_asked(Reason.MAY_EXIST)
        assert len(scene.provider.made) == 1


def test_an_event_that_fits_two_running_invoices_is_a_question_and_reaches_neither() -> None:
    """[shared-number] One payment was delivered to both, and both ended `paid`."""
    with Scene() as scene:
        scene.begin(goal=Goal.PAID)
        scene.begin_order(lines=1, goal=Goal.PAID)
        scene.deliver("A", "L1")
        scene.passes(HOUR)
        both = (scene.id, workflow_id(f"{ORDER}:A"))
        scene.provider.listed = tuple(Located(workflow_id=each, running=True) for each in both)
        start = EventInput(provider=PROVIDER, event=Event(id="paid"))
        scene.server.start(EVENT_WORKFLOW, start, id="event")
        scene.until(lambda: scene.problem_of("event") is not None)
        asked = scene.problem_of("event")
        assert asked is not None
        assert asked.reason is Reason.EVENT_AMBIGUOUS
        scene.answer_to("event", Answer.DELIVER, reference=scene.state.reference)
        scene.until(lambda: scene.server.runs("event")[-1].closed)
        assert scene.server.runs("event")[-1].result.to == (scene.id,)


def test_the_line_of_a_delivery_that_was_abandoned_with_a_draft_is_not_delivered_again() -> None:
    """[abandoned-delivery] It was open, delivered again and sent, beside a draft that lives."""
    with Scene() as scene:
        scene.provider.accepts_only.add("approve")
        scene.begin_order(lines=1)
        scene.deliver("A", "L1")
        name = workflow_id(f"{ORDER}:A")
        scene.until(lambda: scene.provider.calls.count("approve") == 1)
        scene.until(lambda: scene.problem_of(name) is not None)
        scene.answer_to(name, Answer.ABANDON)
        scene.until(lambda: scene.order.problem is not None)
        assert scene.order.problem is not None
        assert scene.order.problem.reason is Reason.DELIVERY_UNCLEAR
        again = scene.deliver("B", "L1")
        scene.passes(MOMENT)
        assert again.status == "refused"
        scene.answer_order(Answer.FREE)
        scene.passes(MOMENT)
        assert [line.status for line in scene.order.ledger.lines] == ["open"]


def test_a_held_invoice_that_is_told_very_much_goes_on() -> None:
    """[inbox] Six webhooks of 400 kB, then released: the server ended the workflow."""
    with Scene(strict=True) as scene:
        scene.begin(hold=True)
        scene.until_held()
        for number in range(6):
            scene.tell(f"e{number}", {"told": "x" * 400_000})
        scene.passes(MOMENT)
        scene.release()
        assert scene.ended().status is SENT


def test_a_parked_invoice_that_is_told_very_often_begins_a_new_run_with_the_same_question() -> None:
    """[parked-growth] It looked again for each event, and its history only grew."""
    with Scene(limits=Limits(suggest_events=200)) as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.provider.become("P-1", Stage.DELETED)
        scene.release()
        scene.until_asked(Reason.GONE)
        asked = scene.state.problem
        known = len(scene.server.runs(scene.id))
        for number in range(100):
            scene.tell(f"e{number}")
            scene.passes(MOMENT)
        runs = scene.server.runs(scene.id)
        assert len(runs) > known
        assert max(run.events for run in runs) < 400
        assert scene.state.problem == asked
        assert scene.state.waiting is not None


def test_what_a_delivery_adds_to_its_orders_history_does_not_grow_with_the_order() -> None:
    """[order-growth] Each update was answered with the whole order: 65 kB for a delivery."""

    def cost(lines: int) -> int:
        with Scene(strict=True) as scene:
            scene.begin_order(lines=lines, goal=Goal.PAID)
            scene.passes(MOMENT)
            run = scene.server.runs(scene.order_id)[-1]
            before = run.bytes
            for place in range(1, 21):
                asked = scene.deliver(f"D{place}", f"L{place}")
                scene.until(lambda asked=asked: asked.status == "done")  # type: ignore[misc]
            return (run.bytes - before) // 20

    assert cost(400) < 2 * cost(20)


def test_a_feed_of_very_many_items_starts_no_children() -> None:
    """[feed-children] With 2,000 items in one fetch the feed's task failed, listed nowhere."""
    with Scene() as scene:
        scene.provider.feed = [Item(event=Event(id=f"i{number}")) for number in range(2_500)]
        scene.server.start(FEED_WORKFLOW, FeedInput(provider=PROVIDER), id="feed")
        scene.until(lambda: not scene.provider.feed, within=HOUR)
        assert scene.server.counters.tasks_failed == 0
        assert scene.server.ids() == ("feed",)


def large() -> Document:
    """More than a life could carry."""
    line = document(1).lines[0]
    text = {"description": "x" * 700}
    lines = tuple(line.model_copy(update={"id": f"L{n}", **text}) for n in range(1_000))
    return document(1).model_copy(update={"lines": lines})


def test_a_request_too_large_for_its_life_is_refused_before_anything_is_asked() -> None:
    """[size-window] It was stored, created, approved and sent, and then ended by the server."""
    with Scene(strict=True) as scene:
        scene.begin(request(large()))
        assert scene.ended().status is Status.REJECTED
        assert scene.provider.calls == []


def test_a_correction_too_large_for_its_life_is_refused_while_the_draft_is_there() -> None:
    """[size-window] Its draft was deleted first, and then the server ended the workflow."""
    with Scene(strict=True) as scene:
        scene.provider.script("create", refused())
        scene.begin()
        scene.until_asked(Reason.REJECTED)
        asked = scene.state.problem
        with pytest.raises(ApplicationError, match="too large"):
            scene.answer(Answer.CORRECT, document=large())
        assert scene.state.problem == asked


@pytest.mark.parametrize("said", [Answer.HAPPENED, Answer.DID_NOT_HAPPEN])
def test_a_successor_whose_name_is_taken_there_can_be_helped(said: Answer) -> None:
    """[dead-end] Refused as a duplicate for ever, and nobody could say that it is there, or that
    what is there is over."""
    with Scene(uncertain="repeat", sent_by="approve") as scene:
        scene.begin(hold=True)
        scene.until_held()
        scene.server.terminate(scene.id)
        scene.provider.duplicates = True
        scene.begin()
        scene.until_asked(Reason.DRAFT_FAILED)
        if said is Answer.DID_NOT_HAPPEN:
            scene.provider.become("P-1", Stage.DELETED)
        scene.answer(said)
        assert scene.ended().status is SENT
        assert len(scene.provider.alive) == 1


def test_two_that_are_taken_back_are_looked_for_no_more_though_a_list_still_shows_them() -> None:
    """Each was adopted in place of the other, in turns: fifteen calls a second, without an end."""
    with Scene(find_first=True, credits=True) as scene:
        for _ in range(2):
            scene.provider.put(document(1), Stage.APPROVED)
        scene.begin(may_credit=True)
        scene.until_asked(Reason.SEVERAL_FOUND)
        scene.provider.lists_all = True
        scene.cancel()
        assert scene.ended(within=timedelta(minutes=2)).status is Status.CREDITED
        assert scene.provider.alive == []
        assert scene.provider.calls.count("credit") == 2


def test_an_order_whose_plan_is_too_large_to_be_carried_is_refused() -> None:
    """[size-window] An invoice's plan had a bound, an order's had none."""
    with Scene(context={"learned": "x" * 400_000}) as scene:
        scene.begin_order(lines=1)
        scene.passes(HOUR)
        assert scene.order.status is OrderStatus.REJECTED
