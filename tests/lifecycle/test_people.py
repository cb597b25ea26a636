"""People: every question an invoice may ask, every answer, and what is not to be answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError

from invoicing.client import Failed, Refused
from invoicing.document import Vat
from invoicing.errors import NotFound
from invoicing.provider import Target
from invoicing.request import Goal
from invoicing.state.invoice import Hold, Invoice, Problem, Release, Resolve, Status
from invoicing.state.questions import Answer, Reason
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from tests.examples import a_document, a_line
from tests.lifecycle.parking import (
    APPROVED,
    CREATED,
    DELETED,
    KINDS,
    NEVER,
    SENT,
    Kind,
    blind,
    drafted_behind_our_back,
    once_more,
    opened,
    sees_again,
)
from tests.lifecycle.world import PACES, Company, World, together
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, simulated, slow

# --- every answer to every question ---------------------------------------------------------------


async def retried(world: World, kind: Kind) -> None:
    """Once its cause is mended, to try or to wait once more leads on."""
    async with opened(world, kind) as company:
        reference = await kind.park(company)
        parked = await company.parked(reference)
        await kind.mend(company, reference)
        if kind.reason is not Reason.HOLD_OVERDUE:  # a release is an answer in itself
            await company.resolve(reference, once_more(parked.problem))
        if kind.retried is Status.NEEDS_ATTENTION:
            await asked_again(company, reference, kind)
            return
        assert (await company.finished(reference)).status is kind.retried
        assert company.live(reference) == (kind.retried is not Status.CREDITED)
        assert company.effects(reference).count(SENT) <= 1
        assert not await company.violations(reference)


async def retried_in_vain(world: World, kind: Kind) -> None:
    """While its cause is there, the same is asked again, and nothing was done twice."""
    async with opened(world, kind) as company:
        reference = await kind.park(company)
        parked = await company.parked(reference)
        before = company.effects(reference)
        await company.resolve(reference, once_more(parked.problem))
        await asked_again(company, reference, kind)
        assert company.effects(reference) == before


async def asked_again(company: Company, reference: str, kind: Kind) -> None:
    """Wait until the same has been asked twice."""
    async with asyncio.timeout(LONG_ENOUGH):
        while await _questions(company, reference) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    parked = await company.parked(reference)
    assert parked.problem is not None
    assert parked.problem.reason is kind.reason


async def _answered(company: Company, about: str, answer: Answer, **more: Any) -> None:
    """As `Company.resolve`, with whatever may come along."""
    said = {"by": "an operator", "reason": "test", "question": "q1", "answer": answer, **more}
    await company.client.invoices.resolve(about, Resolve.model_validate(said))


async def _questions(company: Company, reference: str) -> int:
    entries = (await company.client.invoices.journal(reference)).entries
    return sum(entry.what.startswith("needs attention") for entry in entries)


async def gone_on(world: World, name: str) -> None:
    """What was in its way is settled, not done, and it goes on."""
    kind, (answer, status, effects) = KINDS[name], GONE_ON[name]
    async with opened(world, kind) as company:
        # Only who knows that nothing was created may say so when nobody can tell.
        park = _lost_on_the_way if answer is Answer.DID_NOT_HAPPEN else kind.park
        reference = await park(company)
        await company.parked(reference)
        await company.resolve(reference, answer)
        if kind.mend is sees_again:
            await kind.mend(company, reference)
        if answer is Answer.KEEP:
            await company.until_waiting(reference, "payment")
        else:
            assert (await company.finished(reference)).status is status
        assert company.effects(reference) == list(effects)


async def _lost_on_the_way(company: Company) -> str:
    blind(company, after=1)
    company.stand_in.faults.place(Step.CREATE, Fault.RESET)
    return await company.start()


_THE_STEP, _APPROVED = Answer.GO_WITHOUT, (CREATED, APPROVED)
_SENT = (*_APPROVED, SENT)

GONE_ON: Mapping[str, tuple[Answer, Status, tuple[str, ...]]] = {
    "the sending is refused": (_THE_STEP, Status.APPROVED, _APPROVED),
    "it could not be sent": (_THE_STEP, Status.APPROVED, _APPROVED),
    "the sending takes too long": (_THE_STEP, Status.SENDING, _APPROVED),
    "the delivery takes too long": (_THE_STEP, Status.SENT, _SENT),
    "the payment takes too long": (_THE_STEP, Status.SENT, _SENT),
    "nobody can tell whether it was created": (Answer.DID_NOT_HAPPEN, Status.SENT, _SENT),
    "nobody can search for a second one": (Answer.ALONE, Status.SENT, _SENT),
    "nobody releases it": (Answer.RELEASE, Status.SENT, _SENT),
    "it may not be credited": (Answer.KEEP, Status.SENT, _SENT),
}


OUT_OF_REACH = (
    Reason.PROVIDER_UNAVAILABLE,
    Reason.CREDENTIALS_REFUSED,
    Reason.NOT_UNDERSTOOD,
)
"""No document can mend it."""


async def corrected(world: World, kind: Kind) -> None:
    """A corrected document replaces the draft, and only that one gets final."""
    async with opened(world, kind) as company:
        reference = await kind.park(company)
        await company.parked(reference)
        if kind.reason in OUT_OF_REACH:
            await kind.mend(company, reference)
        await company.resolve(reference, Answer.CORRECT, document=RIGHT)
        assert (await company.finished(reference)).status is Status.SENT
        there = company.effects(reference)
        assert there[-3:] == [CREATED, APPROVED, SENT]
        assert there[:-3] in ([], [CREATED, DELETED])
        assert not await company.violations(reference)


RIGHT = a_document(notes=("as corrected",))


async def adopted(world: World, kind: Kind) -> None:
    """The id of the invoice meant: it goes on with that one."""
    async with opened(world, kind) as company:
        reference = await kind.park(company)
        await company.parked(reference)
        if kind.reason is Reason.GONE:
            meant = await drafted_behind_our_back(company, company.request(reference))
        else:
            meant = company.stand_in.ledger.live(reference)[0]
        # A person says of the others that they are none of ours: they stay as they are.
        there = company.stand_in.ledger.live(reference)
        await company.resolve(reference, Answer.ADOPT, provider_id=meant)
        if kind.mend is sees_again:
            await kind.mend(company, reference)
        finished = await company.finished(reference)
        assert (finished.status, finished.provider_id) == (Status.SENT, meant)
        assert company.stand_in.ledger.live(reference) == there
        assert company.effects(reference).count(SENT) == 1


async def abandoned(company: Company, reference: str) -> None:
    """To abandon ends it and leaves everything there as it is."""
    calls, effects = company.stand_in.calls.counts, company.effects(reference)
    await company.resolve(reference, Answer.ABANDON)
    assert (await company.finished(reference)).status is Status.ABANDONED
    assert company.stand_in.calls.counts == calls
    assert company.effects(reference) == effects
    execution = (await company.client.invoices.handle(reference).describe()).status
    assert execution is WorkflowExecutionStatus.COMPLETED


PASSING = {
    "the create is refused",
    "the approval is refused",
    "the sending is refused",
    "somebody deleted the draft",
    "the approval fails",
}
"""Kinds whose cause has gone by itself: a retry is never in vain."""


@simulated
async def test_a_retry_or_a_wait_leads_on_once_the_cause_is_mended(shared_world: World) -> None:
    await together({name: retried(shared_world, kind) for name, kind in KINDS.items()})


@simulated
async def test_a_retry_or_a_wait_in_vain_asks_again_and_does_nothing_twice(
    shared_world: World,
) -> None:
    lasting = {name: kind for name, kind in KINDS.items() if name not in PASSING}
    lasting.pop("it could not be sent")  # to insist is to send again
    await together({name: retried_in_vain(shared_world, kind) for name, kind in lasting.items()})


@slow
async def test_what_a_person_says_is_settled_holds_it_up_no_longer(shared_world: World) -> None:
    settle = {
        Answer.GO_WITHOUT,
        Answer.RELEASE,
        Answer.KEEP,
        Answer.ALONE,
        Answer.HAPPENED,
        Answer.DID_NOT_HAPPEN,
    }
    offered = {
        (name, answer)
        for name, kind in KINDS.items()
        for answer in kind.answers
        if answer in settle
    }
    assert offered == {(name, answer) for name, (answer, _, _) in GONE_ON.items()}
    await together({name: gone_on(shared_world, name) for name in sorted(GONE_ON)})


async def test_a_correction_replaces_the_draft(shared_world: World) -> None:
    await together(
        {
            name: corrected(shared_world, kind)
            for name, kind in KINDS.items()
            if Answer.CORRECT in kind.answers
        }
    )


@detail
async def test_an_adopted_invoice_is_the_one_it_goes_on_with(shared_world: World) -> None:
    await together(
        {
            name: adopted(shared_world, kind)
            for name, kind in KINDS.items()
            if Answer.ADOPT in kind.answers
        }
    )


@simulated
async def test_every_question_names_the_answers_it_takes_and_may_be_abandoned(
    shared_world: World,
) -> None:
    """And refuses every other answer, without a trace."""

    async def asked(kind: Kind) -> None:
        async with opened(shared_world, kind) as company:
            reference = await kind.park(company)
            parked = await company.parked(reference)
            assert parked.problem is not None
            assert (parked.problem.reason, parked.problem.answers) == (kind.reason, kind.answers)
            assert parked.waiting is not None
            assert (parked.waiting.on, parked.waiting.what) == ("person", kind.reason)
            assert parked.waiting.until is not None
            before = await events(company, reference)
            for answer in set(Answer) - set(kind.answers):
                with pytest.raises(Refused, match=f"{answer} is no answer to q1"):
                    await _answered(company, reference, answer, **_GIVEN.get(answer, {}))
            assert await events(company, reference) == before
            await abandoned(company, reference)

    assert {kind.reason for kind in KINDS.values()} == set(Reason) - ELSEWHERE
    await together({name: asked(kind) for name, kind in KINDS.items()})


ELSEWHERE = {
    # Only where a draft is confirmed later, or where nobody can look at all.
    *(Reason.DRAFT_FAILED, Reason.DRAFT_OVERDUE, Reason.CANNOT_TELL),
    # After the end: see test_faults.
    Reason.STRAY_FOUND,
    # Of orders and of events.
    *(Reason.ORDER_REFUSED, Reason.ORDER_OVERDUE, Reason.LINES_NOT_CANCELLED),
    *(Reason.DELIVERY_UNCLEAR, Reason.EVENT_UNPLACED, Reason.EVENT_AMBIGUOUS),
    # Of the ledger of an invoice's credits.
    Reason.CREDIT_UNCLEAR,
}
"""Questions of other lives than these."""

_GIVEN: Mapping[Answer, Mapping[str, Any]] = {
    Answer.ADOPT: {"provider_id": "0"},
    Answer.CORRECT: {"document": RIGHT},
    Answer.DELIVER: {"reference": "T-another"},
}


_TASK = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
)


async def events(company: Company, reference: str) -> list[int]:
    """The kinds of the events in its history, in order; without those of workflow tasks, which may
    just be ending."""
    history = await company.client.invoices.handle(reference).fetch_history()
    return [event.event_type for event in history.events if event.event_type not in _TASK]


# --- what a correction or an adoption may be wrong about ------------------------------------------


@detail
async def test_a_correction_that_is_refused_again_asks_again(company: Company) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE, times=2)
    reference = await company.start()
    await company.parked(reference)
    await company.resolve(reference, Answer.CORRECT, document=RIGHT)
    await company.until(reference, lambda _: company.stand_in.calls.count("create") == 2)
    parked = await company.parked(reference)
    assert parked.problem is not None
    assert parked.problem.answers == (Answer.RETRY, Answer.CORRECT, Answer.ABANDON)
    await company.resolve(reference, Answer.CORRECT, document=RIGHT)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference) == [CREATED, APPROVED, SENT]


@detail
async def test_a_correction_that_cannot_be_planned_asks_again(company: Company) -> None:
    """The workflow does not fail as it would at its start: a draft may have been made already."""
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    reference = await company.start()
    await company.parked(reference)
    wrong = a_document(lines=(a_line(1), a_line(2, unit="HUR")))
    await company.resolve(reference, Answer.CORRECT, document=wrong)
    parked = await company.until(
        reference, lambda state: state.problem is not None and state.problem.reason == "rejected"
    )
    assert parked.problem is not None
    assert [problem.field for problem in parked.problem.fields] == ["document.lines[1].unit"]
    assert company.live(reference) == 0
    await company.resolve(reference, Answer.RETRY)
    await company.parked(reference)
    await company.resolve(reference, Answer.CORRECT, document=RIGHT)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference) == [CREATED, DELETED, CREATED, APPROVED, SENT]


async def another_question(company: Company, reference: str, before: Problem | None) -> Problem:
    state = await company.until(reference, lambda state: state.problem not in (None, before))
    assert state.problem is not None
    return state.problem


@detail
async def test_what_is_adopted_must_be_there(company: Company) -> None:
    """An id that nobody knows, then one that was deleted, then the right one."""
    blind(company, after=1)
    company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
    reference = await company.start()
    asked = (await company.parked(reference)).problem
    right = company.stand_in.ledger.live(reference)[0]
    other = await drafted_behind_our_back(company, company.request())
    await company.adaptor.delete(Target(account=company.account, reference="", provider_id=other))
    for wrong in ("99999999-0000-4000-8000-000000000000", other):
        await company.resolve(reference, Answer.ADOPT, provider_id=wrong)
        asked = await another_question(company, reference, asked)
        assert (asked.reason, Answer.ADOPT in asked.answers) == ("may_exist", True)
    await company.resolve(reference, Answer.ADOPT, provider_id=right)
    await sees_again(company, reference)
    finished = await company.finished(reference)
    assert (finished.status, finished.provider_id) == (Status.SENT, right)
    assert company.effects(reference) == [CREATED, APPROVED, SENT]


@detail
async def test_an_adopted_invoice_with_other_figures_is_not_approved(company: Company) -> None:
    blind(company, after=1)
    company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
    reference = await company.start()
    await company.parked(reference)
    reduced = a_line(2, vat=Vat(rate=Decimal(6)))
    other = company.request(reference, document={"lines": (a_line(1), reduced)})
    named = await drafted_behind_our_back(company, other)
    await company.resolve(reference, Answer.ADOPT, provider_id=named)
    parked = await company.until(
        reference,
        lambda state: state.problem is not None and state.problem.reason == "amounts_differ",
    )
    assert parked.provider_id == named
    assert company.effects(reference) == [CREATED, CREATED]


@detail
async def test_an_invoice_with_another_reference_is_not_adopted(company: Company) -> None:
    """However equal its figures: it is somebody else's invoice, and stays as it is."""
    blind(company, after=1)
    company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="after")
    reference = await company.start()
    await company.parked(reference)
    other = company.request()
    foreign = await drafted_behind_our_back(company, other)
    await company.resolve(reference, Answer.ADOPT, provider_id=foreign)
    again = await company.until(reference, _asks("q2"))
    assert again.problem is not None
    assert (again.problem.reason, again.provider_id) == (Reason.MAY_EXIST, None)
    assert "not adopted" in str(await company.client.invoices.journal(reference))
    await sees_again(company, reference)
    await company.resolve(reference, Answer.RETRY)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference) == [CREATED, APPROVED, SENT]
    assert company.effects(other.reference) == [CREATED]


# --- hold and release -----------------------------------------------------------------------------


@detail
async def test_a_request_with_hold_waits_until_it_is_released(company: Company) -> None:
    reference = await company.start(hold=True)
    held = await company.until_status(reference, Status.HELD)
    assert str(held.waiting) == "person: release"
    assert company.effects(reference) == [CREATED]
    await company.release(reference)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference) == [CREATED, APPROVED, SENT]


@detail
async def test_an_invoice_can_be_held_before_it_is_sent(shared_world: World) -> None:
    async with shared_world.company(approval_delay=NEVER) as company:
        reference = await company.start()
        await company.until_waiting(reference, "approval")
        await company.hold(reference)
        company.stand_in.finish(reference)
        await company.until_status(reference, Status.HELD)
        assert company.stand_in.calls.count("send") == 0
        await company.release(reference)
        assert (await company.finished(reference)).status is Status.SENT


@detail
async def test_what_changed_while_it_was_held_is_seen_before_it_goes_on(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    company.stand_in.books.latest(reference).lines[0].net += 1
    await company.release(reference)
    parked = await company.parked(reference)
    assert parked.problem is not None
    assert parked.problem.reason is Reason.AMOUNTS_DIFFER
    assert company.effects(reference) == [CREATED]


@detail
async def test_a_hold_is_released_also_when_it_is_overdue(shared_world: World) -> None:
    quick = PACES.model_copy(update={"hold": timedelta(seconds=0.1)})
    async with shared_world.company(paces=quick) as company:
        reference = await company.start(hold=True)
        parked = await company.parked(reference)
        assert parked.problem is not None
        assert parked.problem.reason is Reason.HOLD_OVERDUE
        await company.release(reference)
        assert (await company.finished(reference)).status is Status.SENT


# --- what is refused ------------------------------------------------------------------------------


@detail
async def test_an_instruction_that_makes_no_sense_leaves_no_trace(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    before = await events(company, reference)
    with pytest.raises(Refused, match="does not wait for a person"):
        await _answered(company, reference, Answer.RETRY)
    handle = company.client.invoices.handle(reference)
    for update, mistake, field in (
        ("hold", {"by": "an operator"}, "reason: is required"),
        ("cancel", {"reason": "test"}, "by: is required"),
        ("release", {"by": " ", "reason": "test"}, "by: must not be empty"),
        ("cancel", {"by": "an operator", "reason": "test", "resaon": "x"}, "resaon: unknown field"),
        ("resolve", {**ANSWER, "answer": "adopt"}, "adopt, and only adopt, comes with provider_id"),
        ("resolve", {**ANSWER, "answer": "correct"}, "correct, and only correct, comes with docu"),
        ("resolve", {**ANSWER, "answer": "retry", "number": "1"}, "only invoiced, may come with n"),
        ("resolve", {**ANSWER, "answer": "forget"}, "answer: must be one of"),
        ("resolve", {"by": "o", "reason": "t", "answer": "retry"}, "question: is required"),
    ):
        with pytest.raises(WorkflowUpdateFailedError) as refusal:
            await handle.execute_update(update, mistake)
        assert field in str(refusal.value.cause)
    assert await events(company, reference) == before
    assert (await company.client.invoices.state(reference)).status is Status.HELD


ANSWER = {"by": "o", "reason": "t", "question": "q1"}


@slow
async def test_nothing_is_released_that_is_not_held(shared_world: World) -> None:
    async with shared_world.company(approval_delay=NEVER) as company:
        reference = await company.start()
        await company.until_waiting(reference, "approval")
        with pytest.raises(Refused, match="neither held nor scheduled"):
            await company.release(reference)


@detail
async def test_nobody_can_change_what_has_ended(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    await company.cancel(reference)
    await company.finished(reference)
    before = await events(company, reference)
    for instruct in (company.cancel, company.hold, company.release):
        with pytest.raises(Refused, match="it has ended"):
            await instruct(reference)
    with pytest.raises(Refused, match="it has ended"):
        await _answered(company, reference, Answer.RETRY)
    assert await events(company, reference) == before
    with pytest.raises(NotFound):
        await company.cancel("T-nobody-asked-for-this")


@detail
async def test_of_two_answers_one_counts(company: Company) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE)
    reference = await company.start()
    await company.parked(reference)
    answers = await asyncio.gather(
        _answered(company, reference, Answer.ABANDON),
        _answered(company, reference, Answer.RETRY),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [Refused]
    finished = await company.finished(reference)
    assert finished.status in (Status.ABANDONED, Status.SENT)


# --- which question is answered -------------------------------------------------------------------


@detail
async def test_an_answer_to_another_question_than_the_open_one_is_refused(
    company: Company,
) -> None:
    """Somebody has answered the first meanwhile; what they mean is not what is asked now."""
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE, times=2)
    reference = await company.start()
    first = (await company.parked(reference)).problem
    assert first is not None
    await company.resolve(reference, Answer.RETRY)
    second = await company.until(reference, _asks("q2"))
    assert second.problem == first.model_copy(update={"question": "q2"}), "but for its identity"
    before = await events(company, reference)
    for late in ("q1", "q3"):
        with pytest.raises(Refused, match=f"{late} is not the question that is open.* That is q2"):
            await _answered(company, reference, Answer.RETRY, question=late)
    assert await events(company, reference) == before
    await company.resolve(reference, Answer.RETRY)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.stand_in.calls.count("create") == 3


def _asks(question: str) -> Callable[[Invoice], bool]:
    return lambda state: state.problem is not None and state.problem.question == question


@detail
async def test_a_question_asked_again_after_news_that_changed_nothing_is_the_same_one(
    shared_world: World,
) -> None:
    """Whoever is about to answer it still may, and it is as old as it was."""
    kind = KINDS["the amounts differ"]
    async with opened(shared_world, kind) as company:
        reference = await kind.park(company)
        asked = await company.parked(reference)
        for _ in range(2):
            reads = company.stand_in.calls.count(Step.READ)
            await company.tell(reference)
            await company.stand_in.arrived(Step.READ, reads + 1, 30)
            again = await company.parked(reference)
            assert again.problem == asked.problem
            assert again.waiting == asked.waiting
        assert await _questions(company, reference) == 1
        await kind.mend(company, reference)
        await company.resolve(reference, Answer.RETRY)
        assert (await company.finished(reference)).status is Status.SENT


# --- the same by signal ---------------------------------------------------------------------------


@detail
async def test_what_may_be_said_by_update_may_be_said_by_a_signal_of_its_name(
    company: Company,
) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE)
    reference = await company.start()
    await company.parked(reference)
    who = {"by": "an operator", "reason": "test"}
    tell = company.client.invoices.handle(reference).signal
    await tell("hold", who)
    await tell("resolve", {**who, "question": "q1", "answer": "retry"})
    await company.until_status(reference, Status.HELD)
    await tell("release", who)
    assert (await company.finished(reference)).status is Status.SENT
    entries = (await company.client.invoices.journal(reference)).entries
    ordered = [entry.what for entry in entries if entry.by == "an operator"]
    assert ordered == ["held", "q1 answered: retry", "released"]


@detail
async def test_a_cancel_by_signal_takes_it_back(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    who = {"by": "an operator", "reason": "test"}
    await company.client.invoices.handle(reference).signal("cancel", who)
    assert (await company.finished(reference)).status is Status.CANCELLED
    assert company.effects(reference) == [CREATED, DELETED]


CANARY = "a word nobody may see"
SAID = {"by": "an operator", "reason": "test"}
WRONG_SIGNALS: Mapping[str, tuple[str, list[Any], str]] = {
    "without its input": ("cancel", [], "cancel: it came without its input"),
    "that is no object": ("hold", [CANARY], "hold: "),
    "misspelt": ("cancel", [{**SAID, "resaon": CANARY}], "resaon: unknown field"),
    "without a reason": ("hold", [{"by": CANARY}], "reason: is required"),
    "not waited for": ("release", [SAID], "release: it is neither held nor scheduled"),
    "of a question that is not open": (
        "resolve",
        [{**SAID, "question": "q7", "answer": "retry"}],
        "resolve: q7 is not the question that is open now. That is q1",
    ),
    "of an answer that is not offered": (
        "resolve",
        [{**SAID, "question": "q1", "answer": "keep"}],
        "resolve: keep is no answer to q1",
    ),
}


@slow
async def test_a_signal_that_cannot_be_carried_out_is_journalled_and_changes_nothing(
    shared_world: World,
) -> None:
    """It has nobody to answer; it fails no task, and no value of it is repeated."""

    async def told(name: str, content: list[Any], why: str) -> None:
        async with opened(shared_world, KINDS["the amounts differ"]) as company:
            reference = await KINDS["the amounts differ"].park(company)
            before = await company.parked(reference)
            await company.client.invoices.handle(reference).signal(name, args=content)
            refusal = await _refusal(company, reference)
            assert why in refusal
            assert CANARY not in refusal
            assert await company.client.invoices.state(reference) == before
            await company.resolve(reference, Answer.ABANDON)
            assert (await company.finished(reference)).status is Status.ABANDONED
            history = await company.client.invoices.handle(reference).fetch_history()
            failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
            assert failed not in {event.event_type for event in history.events}

    await together({name: told(*wrong) for name, wrong in WRONG_SIGNALS.items()}, every=True)


async def _refusal(company: Company, reference: str) -> str:
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            for entry in (await company.client.invoices.journal(reference)).entries:
                if entry.what.startswith("refused: "):
                    return entry.what
            await asyncio.sleep(0.05)


# --- the journal, the queries, the end of patience ------------------------------------------------


@detail
async def test_the_journal_says_who_wanted_what_and_why(company: Company) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE)
    reference = await company.start()
    await company.parked(reference)
    await company.client.invoices.hold(reference, Hold(by="Holder", reason="not before noon"))
    await company.resolve(reference, Answer.RETRY, by="Solver", reason="it was a hiccup")
    await company.until_status(reference, Status.HELD)
    await company.client.invoices.release(reference, Release(by="Releaser", reason="it is noon"))
    await company.finished(reference)
    entries = (await company.client.invoices.journal(reference)).entries
    assert [(entry.what, entry.by, entry.reason) for entry in entries if entry.by] == [
        ("held", "Holder", "not before noon"),
        ("q1 answered: retry", "Solver", "it was a hiccup"),
        ("released", "Releaser", "it is noon"),
    ]
    told = [entry.what for entry in entries if not entry.by]
    assert told[0] == "create: Rejected"
    assert told[1].startswith("needs attention: ")
    assert told[-1] == "ended: sent"
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


@detail
async def test_state_and_journal_answer_from_the_first_moment_to_after_the_end(
    shared_world: World,
) -> None:
    async with shared_world.company(approval_delay=NEVER) as company:
        request = company.request()
        with pytest.raises(NotFound):
            await company.client.invoices.state(request.reference)
        with pytest.raises(NotFound):
            await company.client.invoices.journal(request.reference)
        await company.client.invoices.start(request)
        first = await company.client.invoices.state(request.reference)
        assert (first.reference, first.goal, first.ended) == (request.reference, Goal.SENT, False)
        assert first.due_date == request.document.due_date
        await company.client.invoices.journal(request.reference)
        during = await company.until_waiting(request.reference, "approval")
        assert during.status is Status.APPROVING
        assert during.amounts is not None
        assert f"{during.amounts.gross}" == "125.03"
        assert (await company.client.invoices.journal(request.reference)).entries
        company.stand_in.finish(request.reference)
        finished = await company.finished(request.reference)
        assert await company.client.invoices.state(request.reference) == finished
        last = (await company.client.invoices.journal(request.reference)).entries[-1]
        assert last.what == "ended: sent"


@detail
async def test_a_question_that_nobody_answers_ends_the_invoice_as_failed(
    shared_world: World,
) -> None:
    brief = PACES.model_copy(update={"attention": timedelta(seconds=0.3)})
    async with shared_world.company(paces=brief) as company:
        company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
        reference = await company.start()
        with pytest.raises(Failed, match="nobody came in time") as failed:
            await company.finished(reference)
        failure = failed.value.__cause__
        assert isinstance(failure, WorkflowFailureError)
        assert isinstance(failure.cause, ApplicationError)
        assert failure.cause.type == "Expired"
        state = await company.client.invoices.state(reference)
        assert (state.status, state.ended, state.waiting) == (Status.EXPIRED, True, None)
        execution = await company.client.invoices.handle(reference).describe()
        assert execution.status is WorkflowExecutionStatus.FAILED
        assert company.effects(reference) == [CREATED]
