"""Checked to the cent and made final: and the guards of every call that cannot be undone."""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice.acting import (
    Change,
    attempt,
    late_effects_are_over,
    may_go,
    still_holds,
)
from workflows.invoice.asking import ask
from workflows.invoice.life import Life, tell_order
from workflows.invoice.looking import (
    GONE,
    differing,
    is_deletable,
    may_be_tolerated,
    tolerate,
    view,
    vouch,
    wait_for,
)
from workflows.invoice.searching import be_alone
from workflows.kit.confirming import confirm
from workflows.kit.endings import Ended, StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import FieldProblem
    from invoicing.provider import Stage
    from invoicing.request import Goal
    from invoicing.state.invoice import Status
    from invoicing.state.questions import Answer, Reason


async def check(life: Life) -> None:
    """Compare the provider's figures with ours; a difference parks the invoice."""
    while True:
        if (stage := await view(life)) in (Stage.DELETED, Stage.CREDITED):
            await ended_without_us(life, stage)
        wrong = differing(life)
        if not wrong:
            return
        said = await ask(life, Reason.AMOUNTS_DIFFER, _ways_out(life, wrong), fields=wrong)
        if said is Answer.ACCEPT:
            tolerate(life, wrong)
        elif said is Answer.HAPPENED:
            vouch(life, wrong)
        elif said is Answer.MAKE_AGAIN:
            life.case.forget()
            raise StartOver


def _ways_out(life: Life, wrong: tuple[FieldProblem, ...]) -> list[Answer]:
    """Where a look shows what became of it, it is mended there and compared again. Where none does,
    a person says what they have seen: a second comparison would hold the same answer against us."""
    offered = [Answer.HAPPENED, Answer.MAKE_AGAIN] if life.cannot_look else [Answer.RETRY]
    offered += [Answer.CORRECT] if is_deletable(life) else []
    return offered + ([Answer.ACCEPT] if may_be_tolerated(life, wrong) else [])


async def approve(life: Life) -> None:
    """Make it final, not before a hold is released, and wait until it has its number."""
    if life.request.goal is Goal.DRAFTED:
        return
    while not (stage := await view(life)).reached(Stage.APPROVED):
        if stage is Stage.FAILED and life.case.insisted != "approve":
            await _failed(life)
        elif stage in GONE:
            await ended_without_us(life, stage)
        elif stage is Stage.APPROVING or life.case.accepted == "approve":
            pace = life.paces.approval
            await wait_for(life, "approval", pace, Reason.APPROVAL_OVERDUE, verb="approve")
        else:
            offered = (Answer.RETRY, Answer.CORRECT)
            await irreversible(life, "approve", life.calls.approve, offered)
    life.show()
    await tell_order(life)
    # Whoever changed it between our last look and our call is found out now.
    await check(life)


async def irreversible(life: Life, verb: str, change: Change, offered: tuple[Answer, ...]) -> None:
    """Make a call that cannot be undone, if our invoice is the only one, its figures agree, and it
    is neither held nor cancelled.

    The order matters. The search comes first, for it may take long; then the look and the figures;
    then the gate. If anything had to be waited for on the way, the call is not made: the caller
    looks again and comes back. From `still_holds` to the call nothing is awaited.
    """
    seen = life.case.stage
    if verb == "send" and not await late_effects_are_over(life, verb):
        return
    await be_alone(life)
    await check(life)
    # Sending waits for its day even where `sent_by` is approve: somebody else may have approved it.
    opens = life.request.sent_from if verb in (life.plan.sent_by, "send") else None
    if life.case.stage is seen and await may_go(life, opens) and still_holds(life):
        await attempt(life, verb, change, offered)


async def ended_without_us(life: Life, stage: Stage) -> None:
    """It was deleted or credited, or has failed, at the provider and not by us. Credited is the
    end; otherwise a person is asked. Never returns: the story ends or starts over."""
    if stage is Stage.CREDITED:
        await be_alone(life)
        raise Ended(Status.CREDITED)
    what = f"it is {stage} at the provider, and not by us"
    offered = [Answer.MAKE_AGAIN] if life.cannot_look else [Answer.MAKE_AGAIN, Answer.ADOPT]
    await ask(life, Reason.GONE, offered, what)
    life.case.forget()
    if not life.cannot_look:
        # "Deleted" may be wrong, so it is searched for before another one is made.
        life.case.doubt = life.case.doubt.missed(life.content, workflow.now())
    raise StartOver


async def _failed(life: Life) -> None:
    """The provider gave up: on retry, approve again although it still says so."""
    offered = [Answer.RETRY, Answer.CORRECT]
    offered += [Answer.HAPPENED] if life.cannot_look else []
    said = await ask(life, Reason.APPROVAL_FAILED, offered, fields=life.case.problems)
    life.case.accepted, life.case.insisted = "", "approve"
    if said is Answer.HAPPENED:
        confirm(life.case, "approve")
