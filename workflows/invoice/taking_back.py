"""A cancel, in the form that the stage asks for: nothing begun, the draft deleted, or credited."""

from __future__ import annotations

import contextlib
from datetime import timedelta

from temporalio import workflow

from workflows.invoice import planning
from workflows.invoice.acting import attempt, once_late_effects_are_over
from workflows.invoice.asking import ask, confirm
from workflows.invoice.correcting import delete, until_gone
from workflows.invoice.draft import create_once
from workflows.invoice.life import Life
from workflows.invoice.looking import is_deletable, view, wait_for
from workflows.invoice.searching import adopt, another
from workflows.kit.endings import Ended

with workflow.unsafe.imports_passed_through():
    from invoicing.doubt import CREATE, SEND
    from invoicing.invoice import Status
    from invoicing.provider import Stage
    from invoicing.questions import Answer, Reason

_OVER = (Stage.NONE, Stage.DELETED, Stage.CREDITED)


async def take_back(life: Life) -> None:
    """Have nothing left alive at the provider under our reference, neither what we know of nor what
    an uncertain create has left.

    Returns only when a person decided that the invoice stands after all.
    """
    life.taking_back = True
    while life.case.cancel is not None:
        if life.case.adopting:
            await adopt(life)
        elif life.case.provider_id is not None:
            await _from(life, await view(life))
        else:
            await _end_unless_more_is_there(life)
    life.taking_back = False


async def _from(life: Life, stage: Stage) -> None:
    may_credit = life.plan.credits and life.request.may_credit
    if stage in _OVER:
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
        await attempt(life, "credit", life.calls.credit, (Answer.RETRY, Answer.KEEP))
    else:
        await _ask_whether_it_stands(life)


async def _ask_whether_it_stands(life: Life) -> None:
    offered = [Answer.RETRY, Answer.KEEP]
    offered += [Answer.HAPPENED] if life.unseen else []
    what = "it is final, and may not be credited from here"
    said = await ask(life, Reason.CANNOT_CANCEL, offered, what)
    if said is Answer.KEEP:
        life.keep()
    elif said is Answer.HAPPENED:
        confirm(life, "credit")


async def _gone(life: Life, stage: Stage) -> None:
    """Ours is gone. Done, unless a create that was once in doubt may have left another: that is
    looked for, and taken back as well."""
    case = life.case
    case.credited |= stage is Stage.CREDITED
    case.doubt = case.doubt.without((case.provider_id,) if case.provider_id else ())
    if case.doubt.unanswered(CREATE) and life.plan.repeatable:
        await _ask_whether_it_is_there(life)
    else:
        await _end_unless_more_is_there(life)


async def _end_unless_more_is_there(life: Life) -> None:
    """What is known of the one that is gone stays to be seen."""
    if not await _found_more(life) and await _nothing_can_come(life):
        raise Ended(Status.CREDITED if life.case.credited else Status.CANCELLED)


async def _found_more(life: Life) -> bool:
    """Whether there is something to take back that we did not know of, or that a search has shown
    besides ours."""
    doubt = life.case.doubt
    if not doubt.unanswered(CREATE) and not doubt.others(life.case.provider_id):
        return False
    await planning.plan(life)
    await planning.look_up(life)
    if not life.plan.repeatable:
        return await another(life)
    while life.case.doubt.unanswered(CREATE) and life.case.provider_id is None:
        # Only what is known to be there can be taken back: it is asked for once more.
        await create_once(life)
    return life.case.provider_id is not None


async def _nothing_can_come(life: Life) -> bool:
    """Whether it may be said that nothing is alive. What is final from the start is not said to be
    cancelled while a lost create may still make it."""
    plan = life.case.plan
    if plan is None or plan.sent_by != CREATE:
        return True
    return await once_late_effects_are_over(life, CREATE)


async def _ask_whether_it_is_there(life: Life) -> None:
    """A create made again was refused: perhaps because the first had been taken."""
    what = "the provider refused it, perhaps because it has it already: is it there?"
    offered = (Answer.RETRY, Answer.HAPPENED, Answer.DID_NOT_HAPPEN)
    said = await ask(life, Reason.MAY_EXIST, offered, what, life.case.problems)
    if said is Answer.HAPPENED:
        confirm(life, CREATE)
        return
    if said is Answer.DID_NOT_HAPPEN:
        life.case.doubt = life.case.doubt.denied(CREATE, workflow.now())
    life.case.forget()


async def until_nothing_can_reach_the_buyer(life: Life) -> None:
    """Wait until no call that is under way, or that was lost, may yet bring it to the buyer; or
    until the cancel is withdrawn. Only then is a cancel acknowledged."""

    def over() -> bool:
        return life.case.cancel is None or not _may_reach_the_buyer(life)

    while not over():
        ends = [until for verb in _reaching(life) if (until := life.case.doubt.until(verb))]
        left = max(ends, default=workflow.now()) - workflow.now()
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(over, timeout=left if left > timedelta() else None)


def _may_reach_the_buyer(life: Life) -> bool:
    if life.in_flight or life.case.outcome:
        return life.in_flight
    return any(life.case.doubt.may_still(verb, workflow.now()) for verb in _reaching(life))


def _reaching(life: Life) -> set[str]:
    """The calls that may bring it to the buyer. Without a plan, which a correction takes away and a
    successor has not made yet, any may."""
    plan = life.case.plan
    return {plan.sent_by, SEND} if plan else {CREATE, "approve", SEND}
