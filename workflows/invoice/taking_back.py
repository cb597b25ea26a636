"""A cancel, in the form that the stage asks for: nothing begun, the draft deleted, or credited."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from temporalio import workflow

from workflows.invoice import planning
from workflows.invoice.acting import attempt, late_effects_are_over
from workflows.invoice.asking import ask
from workflows.invoice.claiming import claim_before_taking_back
from workflows.invoice.correcting import delete, until_gone
from workflows.invoice.draft import create_once
from workflows.invoice.inheritance import leave_word
from workflows.invoice.life import Life
from workflows.invoice.looking import GONE, is_deletable, view, wait_for
from workflows.invoice.searching import adopt_named, find_another
from workflows.kit.confirming import confirm
from workflows.kit.endings import Ended

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Stage
    from invoicing.state.doubt import CREATE, CREDIT, SEND
    from invoicing.state.invoice import Status
    from invoicing.state.questions import Answer, Reason


async def take_back(life: Life) -> None:
    """Carry out a cancel: nothing under our reference is left alive at the provider, neither the
    invoice we know nor one that an uncertain create has made.

    Raises Ended when that is so. Returns only when a person decided that the invoice stands.
    """
    life.taking_back = True
    leave_word(life.case)
    await claim_before_taking_back(life)
    while life.case.cancel is not None:
        if life.case.adopting:
            await adopt_named(life)
        elif life.case.provider_id is not None:
            # An earlier life may have made it, and this one has not got that far.
            await planning.plan(life)
            await _from(life, await view(life))
        else:
            await _end_unless_more_is_there(life)
    life.taking_back = False


async def _from(life: Life, stage: Stage) -> None:
    may_credit = life.plan.credits and life.request.may_credit and not life.case.in_parts
    if stage in GONE:
        await _gone(life, stage)
    elif stage is Stage.DRAFTING:
        pace = life.paces.drafting
        await wait_for(life, "confirmation", pace, Reason.DRAFT_OVERDUE, verb=CREATE)
    elif stage is Stage.APPROVING:
        pace = life.paces.approval
        await wait_for(life, "approval", pace, Reason.APPROVAL_OVERDUE, verb="approve")
    elif life.case.accepted in ("delete", "credit"):
        await until_gone(life, "cancellation")
    elif is_deletable(life):
        await delete(life)
    elif may_credit:
        await _credit(life)
    else:
        await _ask_whether_it_stands(life)


async def _credit(life: Life) -> None:
    # Not again while an earlier one may take effect. Where nobody can look, a person says.
    if life.plan.blind or await late_effects_are_over(life, CREDIT):
        await attempt(life, CREDIT, life.calls.credit, (Answer.RETRY, Answer.KEEP))


async def _ask_whether_it_stands(life: Life) -> None:
    # Taken back there by hand, a look shows it; where none does, a person says so.
    offered = [Answer.KEEP, Answer.HAPPENED] if life.cannot_look else [Answer.RETRY, Answer.KEEP]
    what = "it is final, and may not be credited from here"
    if life.case.in_parts:
        what = "parts of it are credited, so the whole cannot be: credit what is left of it"
    said = await ask(life, Reason.CANNOT_CANCEL, offered, what)
    if said is Answer.KEEP:
        life.keep()
    elif said is Answer.HAPPENED:
        confirm(life.case, "credit")


async def _gone(life: Life, stage: Stage) -> None:
    """Our own is gone. That is the end, unless a create in doubt may have made another one."""
    case = life.case
    case.credited |= stage is Stage.CREDITED
    case.doubt = case.doubt.without((case.provider_id,) if case.provider_id else ())
    if case.doubt.unanswered(CREATE) and life.plan.repeatable:
        await _ask_whether_it_is_there(life)
    else:
        await _end_unless_more_is_there(life)


async def _end_unless_more_is_there(life: Life) -> None:
    """End where nothing more is there and nothing can come. The id and number of an invoice that
    is gone stay in the state."""
    if not await _must_look_again(life) and await _nothing_can_come(life):
        raise Ended(Status.CREDITED if life.case.credited else Status.CANCELLED)


async def _must_look_again(life: Life) -> bool:
    """Find out whether something is there that we do not know of. True: there may be, so the caller
    goes round again. False: nothing is left.

    How depends on the provider: search for it; or, where a repeat is recognised, create once more
    and take back what that answers; or, where a repeat could reach the buyer, ask a person.
    """
    doubt = life.case.doubt
    if not doubt.unanswered(CREATE) and not doubt.others(life.case.provider_id):
        return False
    await planning.plan(life)
    await planning.look_up(life)
    if not life.plan.repeatable:
        return await find_another(life)
    if life.plan.sent_by == CREATE:
        return await _final_one_may_be_there(life)
    while life.case.doubt.unanswered(CREATE) and life.case.provider_id is None:
        # The provider answers a repeat with the draft that it has, and so we learn its id.
        await create_once(life)
    return life.case.provider_id is not None


async def _final_one_may_be_there(life: Life) -> bool:
    """Where a repeat is recognised, but the create is final, it is not repeated to find out what
    became of it: when its time is over, a person is asked. True: the caller goes round again."""
    if life.case.provider_id is not None:
        return False
    if await late_effects_are_over(life, CREATE):
        what = "creating it was lost: take it back there, if it is there"
        said = await ask(life, Reason.MAY_EXIST, (Answer.RETRY, Answer.DID_NOT_HAPPEN), what)
        if said is Answer.DID_NOT_HAPPEN:
            life.case.doubt = life.case.doubt.denied(CREATE, workflow.now())
    return True


async def _nothing_can_come(life: Life) -> bool:
    """Whether the end may be announced. Where a lost create would reach the buyer, it is not said
    to be cancelled before that create can no longer take effect; until then this pauses once and
    answers False. Anywhere else a late draft reaches nobody, and `closing` removes it."""
    plan = life.case.plan
    if plan is None or plan.sent_by != CREATE:
        return True
    return await late_effects_are_over(life, CREATE)


async def _ask_whether_it_is_there(life: Life) -> None:
    """A repeated create was refused, perhaps because the first one had succeeded: ask a person."""
    what = "the provider refused it, perhaps because it has it already: is it there?"
    offered = (Answer.RETRY, Answer.HAPPENED, Answer.DID_NOT_HAPPEN)
    said = await ask(life, Reason.MAY_EXIST, offered, what, life.case.problems)
    if said is Answer.HAPPENED:
        confirm(life.case, CREATE)
        return
    if said is Answer.DID_NOT_HAPPEN:
        life.case.doubt = life.case.doubt.denied(CREATE, workflow.now())
    life.case.forget()


async def until_nothing_can_reach_the_buyer(life: Life) -> None:
    """What the answer to a cancel waits for: no call that is under way or lost can still bring the
    invoice to the buyer, or the cancel is withdrawn. It does not wait for the cancel's end."""

    def over() -> bool:
        waits = _may_stand_already(life) or _may_reach_the_buyer(life)
        return life.case.cancel is None or not waits

    while not over():
        ends = [until for verb in _reaching(life) if (until := life.case.doubt.until(verb))]
        left = max(ends, default=workflow.now()) - workflow.now()
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(over, timeout=left if left > timedelta() else None)


def _may_stand_already(life: Life) -> bool:
    """Whether the register has not said yet what the reference stands for. Without a plan it is not
    known whether there is one."""
    case = life.case
    unplanned = case.plan is None and not (case.claimed or case.outcome)
    return unplanned or life.unclaimed


def _may_reach_the_buyer(life: Life) -> bool:
    if life.in_flight or life.case.outcome:
        return life.in_flight
    return any(life.case.doubt.may_still(verb, workflow.now()) for verb in _reaching(life))


def _reaching(life: Life) -> set[str]:
    """The calls that may bring it to the buyer. Without a plan, which a draft made again takes
    away and a successor has not made yet, any may."""
    plan = life.case.plan
    return {plan.sent_by, SEND} if plan else {CREATE, "approve", SEND}
