"""What is remembered about one invoice, and the one word that is made of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter

from invoicing.errors import FieldProblem
from invoicing.provider import Echo, Event, PaymentStatus, Snapshot, Stage
from invoicing.request import Goal
from invoicing.state.case import Case, InvoiceInput, reached
from invoicing.state.doubt import CREATE, Doubt
from invoicing.state.invoice import (
    JOURNAL_LIMIT,
    Cancel,
    LineStatus,
    Problem,
    Status,
    Waiting,
)
from invoicing.state.order import fate
from invoicing.state.questions import Answer, Reason
from tests.examples import an_invoice

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
REQUEST = an_invoice("T-1")
PROBLEM = Problem(
    reason=Reason.REJECTED,
    what="it was refused",
    question="q1",
    answers=(Answer.RETRY, Answer.ABANDON),
)
REFUSAL = Problem(reason=Reason.REJECTED, what="it was refused")
"""Nobody is asked: it says why it ended."""
CANCEL = Cancel(by="an operator", reason="test")
HELD = Waiting(on="person", what="release", since=NOW)


def a_snapshot(stage: Stage = Stage.DRAFTED, **changes: object) -> Snapshot:
    return Snapshot.model_validate({"provider_id": "17", "stage": stage, **changes})


def heard(stage: Stage, payment: PaymentStatus) -> Case:
    return Case(stage=stage, payment=payment, outcome=Status.SENT, hears=True)


# --- the journal ----------------------------------------------------------------------------------


def test_the_journal_keeps_the_latest_and_counts_what_it_dropped() -> None:
    case = Case()
    for turn in range(JOURNAL_LIMIT + 7):
        case.note(NOW + timedelta(seconds=turn), f"turn {turn}")
    assert len(case.journal.entries) == JOURNAL_LIMIT
    assert case.journal.dropped == 7
    assert case.journal.entries[0].what == "turn 7"
    assert case.journal.entries[-1].what == f"turn {JOURNAL_LIMIT + 6}"


def test_the_journal_says_who_and_why() -> None:
    case = Case()
    case.note(NOW, "held", "an operator", "not before noon")
    (entry,) = case.journal.entries
    assert (entry.at, entry.by, entry.reason) == (NOW, "an operator", "not before noon")


# --- learning -------------------------------------------------------------------------------------


def test_what_the_provider_says_is_taken_in() -> None:
    case = Case(context={"customer_id": "1"})
    echo = Echo(number="A-1")
    case.learn(
        a_snapshot(
            Stage.APPROVED,
            status="approved",
            number="A-1",
            payment=PaymentStatus.UNPAID,
            echo=echo,
            context={"etag": "2"},
        )
    )
    assert (case.provider_id, case.stage, case.number) == ("17", Stage.APPROVED, "A-1")
    assert (case.provider_status, case.payment) == ("approved", PaymentStatus.UNPAID)
    assert case.echo == echo
    assert case.context == {"customer_id": "1", "etag": "2"}


def test_a_word_nobody_knows_changes_no_stage_and_is_shown() -> None:
    case = Case()
    case.learn(a_snapshot(Stage.APPROVED, status="approved"))
    case.learn(a_snapshot(Stage.UNKNOWN, status="inreview"))
    assert (case.stage, case.known, case.provider_status) == (Stage.APPROVED, False, "inreview")
    case.learn(a_snapshot(Stage.APPROVED))
    assert (case.known, case.provider_status) == (True, "inreview")


def test_figures_and_problems_are_those_of_the_last_answer_only() -> None:
    """An answer without figures must never be checked against those of an older one."""
    case = Case()
    wrong = FieldProblem(field="sent", message="failed")
    case.learn(a_snapshot(echo=Echo(number="A-1"), problems=(wrong,), number="A-1"))
    case.learn(a_snapshot())
    assert (case.echo, case.problems) == (None, ())
    assert case.number == "A-1"


def test_a_payment_that_is_not_mentioned_is_remembered() -> None:
    case = Case()
    case.learn(a_snapshot(payment=PaymentStatus.PAID))
    case.learn(a_snapshot())
    assert case.payment is PaymentStatus.PAID


def test_what_belonged_to_one_draft_is_forgotten_with_it() -> None:
    lost = Doubt().asked(CREATE, "content", NOW).lost(CREATE, NOW)
    lost = lost.search(NOW, None, ("17", "18"), complete=True)
    case = Case(doubt=lost, context={"customer_id": "1"}, buyer="1")
    case.learn(a_snapshot(Stage.APPROVED, number="A-1", payment=PaymentStatus.PAID, status="x"))
    case.doubt = case.doubt.asked("send", "content", NOW).looked_at(NOW)
    case.accepted, case.insisted, case.without = "send", "send", ("send",)
    case.note(NOW, "held")
    journal = case.journal
    case.forget()
    # What was asked for may still be there, and so may what a search has shown.
    assert case == Case(
        doubt=lost,
        generation=1,
        context={"customer_id": "1"},
        buyer="1",
        journal=journal,
    )


# --- events ---------------------------------------------------------------------------------------


def test_the_same_event_counts_once() -> None:
    case = Case()
    assert case.receive(Event(id="1"))
    assert not case.receive(Event(id="1"))
    assert [event.id for event in case.inbox] == ["1"]


def test_only_so_many_events_are_remembered() -> None:
    case = Case()
    for number in range(503):
        case.receive(Event(id=str(number)))
    assert case.seen == tuple(str(number) for number in range(3, 503))


# --- the one word ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "status"),
    [
        (Case(), Status.STARTED),
        (Case(stage=Stage.DELETED), Status.STARTED),
        (Case(stage=Stage.DRAFTED), Status.DRAFTED),
        (Case(stage=Stage.DRAFTED, waiting=HELD), Status.HELD),
        (Case(stage=Stage.FAILED), Status.APPROVING),
        (Case(stage=Stage.APPROVING), Status.APPROVING),
        (Case(stage=Stage.SENT, payment=PaymentStatus.PARTLY_PAID), Status.SENT),
        (Case(stage=Stage.SENT, payment=PaymentStatus.PAID), Status.PAID),
        (Case(stage=Stage.SENT, cancel=CANCEL), Status.CANCELLING),
        (Case(stage=Stage.DRAFTED, cancel=CANCEL, waiting=HELD), Status.CANCELLING),
        (Case(stage=Stage.SENT, cancel=CANCEL, problem=PROBLEM), Status.NEEDS_ATTENTION),
        (Case(stage=Stage.SENT, problem=REFUSAL, outcome=Status.ABANDONED), Status.ABANDONED),
        # Also after the end, when something has come to light.
        (Case(stage=Stage.SENT, problem=PROBLEM, outcome=Status.SENT), Status.NEEDS_ATTENTION),
        # While its money is heard of: paid since, charged back, credited there though it was paid.
        (heard(Stage.SENT, PaymentStatus.PAID), Status.PAID),
        (heard(Stage.SENT, PaymentStatus.REVERSED), Status.SENT),
        (heard(Stage.CREDITED, PaymentStatus.PAID), Status.CREDITED),
    ],
)
def test_the_status_is_the_most_pressing_truth(case: Case, status: Status) -> None:
    assert case.status is status
    assert case.shown(REQUEST).status is status


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_a_word_for_people(stage: Stage) -> None:
    assert Case(stage=stage).status in set(Status)


@pytest.mark.parametrize(
    ("case", "line"),
    [
        (Case(), LineStatus.OPEN),
        (Case(provider_id="17", stage=Stage.DRAFTED), LineStatus.RESERVED),
        (Case(provider_id="17", stage=Stage.APPROVING), LineStatus.RESERVED),
        (Case(provider_id="17", stage=Stage.APPROVED), LineStatus.INVOICED),
        (Case(stage=Stage.SENT, outcome=Status.SENT), LineStatus.INVOICED),
        (Case(stage=Stage.SENT, outcome=Status.ABANDONED), LineStatus.INVOICED),
        (Case(stage=Stage.SENT, payment=PaymentStatus.PAID), LineStatus.SETTLED),
        (Case(stage=Stage.CREDITED, payment=PaymentStatus.PAID), LineStatus.CREDITED),
        (Case(stage=Stage.DELETED, outcome=Status.CREDITED), LineStatus.CREDITED),
        (Case(stage=Stage.DELETED, outcome=Status.CANCELLED), LineStatus.CANCELLED),
        (Case(outcome=Status.REJECTED), LineStatus.CANCELLED),
    ],
)
def test_every_line_shares_the_fate_of_its_invoice(case: Case, line: LineStatus) -> None:
    assert case.line_status() is line
    assert [each.status for each in case.shown(REQUEST).lines] == [line, line]


@pytest.mark.parametrize("status", [Status.ABANDONED, Status.EXPIRED])
@pytest.mark.parametrize("before", [None, Stage.DELETED])
def test_what_has_an_id_and_a_word_that_nobody_knows_is_not_shown_as_nothing(
    status: Status, before: Stage | None
) -> None:
    """Whoever hears of its end keeps what is reserved for it: its draft may be there."""
    case = Case()
    for stage in filter(None, (before, Stage.UNKNOWN)):
        case.learn(a_snapshot(stage))
    case.outcome = status
    shown = case.shown(REQUEST)
    assert (shown.stage, fate(shown)) == (Stage.UNKNOWN, None)


def test_a_word_that_nobody_knows_hides_no_stage_that_was_seen() -> None:
    case = Case()
    case.learn(a_snapshot(Stage.APPROVED))
    case.learn(a_snapshot(Stage.UNKNOWN))
    assert case.shown(REQUEST).stage is Stage.APPROVED


@pytest.mark.parametrize(
    ("goal", "case", "there"),
    [
        (Goal.DRAFTED, Case(stage=Stage.DRAFTED), True),
        (Goal.APPROVED, Case(stage=Stage.APPROVING), False),
        (Goal.APPROVED, Case(stage=Stage.SENT), True),
        (Goal.SENT, Case(stage=Stage.SENDING), False),
        (Goal.DELIVERED, Case(stage=Stage.SENT, payment=PaymentStatus.PAID), False),
        (Goal.PAID, Case(stage=Stage.DELIVERED), False),
        (Goal.PAID, Case(stage=Stage.APPROVED, payment=PaymentStatus.PAID), True),
        (Goal.SENT, Case(stage=Stage.CREDITED), False),
        (Goal.DRAFTED, Case(stage=Stage.DELETED), False),
    ],
)
def test_a_goal_is_reached_by_being_there_or_past_it(goal: Goal, case: Case, there: bool) -> None:
    assert reached(goal, case) is there


# --- what travels ---------------------------------------------------------------------------------


def test_the_input_is_the_request_as_callers_write_it() -> None:
    start = InvoiceInput.model_validate_json(REQUEST.model_dump_json())
    assert start.request() == REQUEST
    assert (start.resumed, start.earlier) == (None, None)


def test_everything_remembered_survives_a_new_run() -> None:
    case = Case(provider_id="17", stage=Stage.SENT, cancel=CANCEL, waiting=HELD, problem=PROBLEM)
    case.learn(a_snapshot(Stage.SENT, echo=Echo(number="A-1")))
    case.receive(Event(id="1"))
    case.note(NOW, "held")
    adapter = TypeAdapter(Case)
    assert adapter.validate_json(adapter.dump_json(case)) == case


def test_a_memory_of_a_later_version_can_be_read() -> None:
    later = Case(stage=Stage.SENT).model_dump(mode="json") | {"added_later": 1}
    assert Case.model_validate(later) == Case(stage=Stage.SENT)


# --- what people are told of the doubt ------------------------------------------------------------

REFUSED = Doubt().asked(CREATE, "content", NOW).refused(CREATE, NOW)
LOST = Doubt().asked(CREATE, "content", NOW).lost(CREATE, NOW)


@pytest.mark.parametrize(
    ("doubt", "in_doubt"),
    [
        (Doubt(), False),
        (REFUSED, True),
        (REFUSED.search(NOW, None, (), complete=False), True),
        (REFUSED.search(NOW, None, (), complete=True), False),
        (REFUSED.search(NOW, None, ("17",), complete=True), False),
        (REFUSED.search(NOW, None, ("17", "18"), complete=True), True),
        # What was lost may come late, however empty a search was.
        (LOST.search(NOW, None, (), complete=True), True),
        (LOST.denied(CREATE, NOW), False),
        (Doubt().asked("approve", "content", NOW).lost("approve", NOW), True),
    ],
)
def test_a_refusal_that_a_search_bears_out_is_in_doubt_no_more(
    doubt: Doubt, in_doubt: bool
) -> None:
    assert Case(provider_id="17", doubt=doubt).shown(REQUEST).in_doubt is in_doubt
