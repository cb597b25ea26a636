"""A draft taken away: because a correction replaces it, or because it is one too many."""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice.acting import ask_what_became_of, attempt
from workflows.invoice.asking import ask
from workflows.invoice.life import Life
from workflows.invoice.looking import NOT_THERE, is_deletable, view, wait_for
from workflows.kit.confirming import confirm
from workflows.kit.endings import StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.doubt import CREATE
    from invoicing.provider import Stage
    from invoicing.questions import Answer, Reason


async def correct(life: Life) -> None:
    """Take away the draft that has the old content; then the story begins anew."""
    case = life.case
    if case.blind:
        # The person who corrects it has seen that it is still a draft: no approval is in doubt.
        case.doubt = case.doubt.saw("approve")
    await withdraw(life)
    case.forget()
    case.plan, case.looked_up, case.correcting = None, False, False
    raise StartOver


async def withdraw(life: Life) -> None:
    """Delete our draft, and wait until it is gone. Asks where it has become final meanwhile."""
    while life.case.provider_id is not None and await view(life) not in NOT_THERE:
        if life.case.stage is Stage.DRAFTING:
            pace = life.paces.drafting
            await wait_for(life, "confirmation", pace, Reason.DRAFT_OVERDUE, verb=CREATE)
        elif not is_deletable(life):
            what = "it became final meanwhile: it can be cancelled, not corrected"
            await ask(life, Reason.CANNOT_CANCEL, (Answer.RETRY,), what)
        elif life.case.accepted == "delete":
            await until_gone(life, "deletion")
        else:
            await delete(life)


async def delete(life: Life) -> None:
    """Delete the draft. Where an approval is in doubt, and neither a look nor the provider would
    stop us from deleting a final invoice, a person is asked first."""
    unchecked = life.plan.blind or life.request.order is not None
    if unchecked and life.case.doubt.unanswered("approve"):
        await ask_what_became_of(life, "approve")
    else:
        await attempt(life, "delete", life.calls.delete, (Answer.RETRY,))


async def until_gone(life: Life, what: str) -> None:
    """The provider takes its time to delete or credit it, or has refused to."""
    verb = life.case.accepted
    if not life.case.problems:
        pace = life.paces.sending
        await wait_for(life, what, pace, Reason.CANNOT_CANCEL, verb=verb)
        return
    offered = [Answer.RETRY, Answer.HAPPENED] if life.cannot_look else [Answer.RETRY]
    sentence = "the provider refuses to take it back"
    said = await ask(life, Reason.CANNOT_CANCEL, offered, sentence, life.case.problems)
    life.case.accepted = ""
    if said is Answer.HAPPENED:
        confirm(life.case, verb)
