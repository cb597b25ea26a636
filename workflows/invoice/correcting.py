"""A draft corrected: updated where it stands where the provider can, else taken away; and taken
away because it is one too many."""

from __future__ import annotations

from typing import NoReturn

from temporalio import workflow

from workflows.invoice.acting import ask_what_became_of, attempt, changed, settle
from workflows.invoice.asking import ask
from workflows.invoice.draft import asked_for
from workflows.invoice.failing import wait_for_provider
from workflows.invoice.life import Life
from workflows.invoice.looking import GONE, is_deletable, learn, view, wait_for
from workflows.invoice.planning import follow, plan_anew
from workflows.kit.calls import Trouble
from workflows.kit.confirming import confirm
from workflows.kit.endings import StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Stage
    from invoicing.state.doubt import CREATE, UNKNOWN_CONTENT, UPDATE
    from invoicing.state.questions import Answer, Reason


async def correct(life: Life) -> None:
    """Have the draft say what is asked for now; then the story begins anew.

    Where the provider can, it is updated where it stands: `bring_up_to_date` does that, once what
    the new content needs is looked up. Otherwise it is taken away, and made again.
    """
    case = life.case
    if case.blind and case.corrected:
        # The person who corrects it has seen that it is still a draft: no approval is in doubt.
        case.doubt = case.doubt.saw("approve")
    made = await plan_anew(life) if _can_stay(life) else None
    if made is None or made.fixed != case.made or made.attachments:
        await _make_again(life)
    if await view(life) is not Stage.DRAFTED or not _can_stay(life):
        # With a plan of the new sums the books would state those of what is final with the old.
        await _make_again(life)
    # From here on nothing is awaited.
    case.keep_draft()
    case.looked_up, case.correcting = False, False
    follow(life, made)
    raise StartOver


async def bring_up_to_date(life: Life) -> None:
    """Give the draft of before a correction its new content. Ends when the provider has said yes
    to that: a look would not show all of it, and the same update once more changes nothing.

    Where it is no plain draft any more, or refuses, it is taken away as anywhere else.
    """
    while life.case.outdated:
        plain = await view(life) is Stage.DRAFTED
        life.stop_if_cancelled()
        # From here to the call nothing is awaited.
        if plain and life.case.doubt.may_update(life.content, workflow.now()):
            await _update(life)
        else:
            await _make_again(life)


def _can_stay(life: Life) -> bool:
    """Whether it may be updated where it stands: a draft with nothing added to it, of which nothing
    else is under way or in doubt."""
    case, plan = life.case, life.case.plan
    if plan is None or not case.made or plan.attachments or life.cannot_look:
        return False
    # A change that was said yes to, and does not show, counts as under way.
    drafted = case.provider_id is not None and case.stage is Stage.DRAFTED and not case.accepted
    return drafted and case.doubt.may_update(life.content, workflow.now())


async def _update(life: Life) -> None:
    case = life.case
    life.unknown_calls.end("repeated")
    case.doubt = case.doubt.asked(UPDATE, life.content, workflow.now())
    try:
        snapshot = await changed(life, life.calls.update(asked_for(life)))
    except Trouble as problem:
        await _not_updated(life, problem)
    else:
        case.doubt = case.doubt.answered(UPDATE)
        learn(life, snapshot, seen=False)
        # Where it has become final, nobody knows with which content.
        if case.stage is Stage.DRAFTED:
            case.outdated = False
            life.note("draft updated")
            life.show()


async def _not_updated(life: Life, problem: Trouble) -> None:
    """An uncertain call is made again. A refusal is not taken on trust: until its time is over no
    other content is given to this draft, and what was refused is made anew."""
    doubt, now = life.case.doubt, workflow.now()
    life.note(f"update: {problem.kind}")
    if problem.unknown:
        life.case.doubt = doubt.lost(UPDATE, now)
        life.unknown_calls.begin(UPDATE)
        await settle(life)
        await wait_for_provider(life, problem)
    elif problem.final:
        life.case.doubt = doubt.refused(UPDATE, now)
        await _make_again(life)
    else:
        life.case.doubt = doubt.answered(UPDATE)
        await wait_for_provider(life, problem)


async def _make_again(life: Life) -> NoReturn:
    """Take away the draft that has the old content; then the story begins anew."""
    case = life.case
    by_us = await withdraw(life)
    case.credited |= case.stage is Stage.CREDITED
    vanished = case.provider_id is not None and case.stage is Stage.DELETED and not by_us
    case.forget()
    if vanished and not life.cannot_look:
        # "Deleted" may be wrong, so it is searched for before another one is made.
        case.doubt = case.doubt.missed(UNKNOWN_CONTENT, workflow.now())
    case.plan, case.looked_up, case.correcting = None, False, False
    raise StartOver


async def withdraw(life: Life) -> bool:
    """Delete our draft, and wait until it is gone. Asks where it has become final meanwhile: once a
    person has credited it there, it is gone as well. Whether we had it deleted just now."""
    by_us = life.case.accepted == "delete"
    while life.case.provider_id is not None and await view(life) not in GONE:
        if life.case.stage is Stage.DRAFTING:
            pace = life.paces.drafting
            await wait_for(life, "confirmation", pace, Reason.DRAFT_OVERDUE, verb=CREATE)
        elif not is_deletable(life):
            await _ask_whether_it_is_taken_back(life)
        elif life.case.accepted == "delete":
            await until_gone(life, "deletion")
        else:
            by_us = True
            await delete(life)
    return by_us


async def _ask_whether_it_is_taken_back(life: Life) -> None:
    what = (
        "it became final meanwhile, so it is not corrected: credit it there, and it is made from "
        "what you gave; or cancel it"
    )
    offered = (Answer.HAPPENED,) if life.cannot_look else (Answer.RETRY,)
    if await ask(life, Reason.CANNOT_CANCEL, offered, what) is Answer.HAPPENED:
        confirm(life.case, "credit")


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
