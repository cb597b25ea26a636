"""From nothing to a draft at the provider: created once, confirmed, with the documents it needs.

Never a second one while a first is in doubt.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice.acting import (
    changed,
    late_effects_are_over,
    may_go,
    settle,
)
from workflows.invoice.asking import ask, ask_about
from workflows.invoice.failing import wait_for_provider
from workflows.invoice.life import Life
from workflows.invoice.looking import learn, view, wait_for
from workflows.invoice.searching import find_and_adopt
from workflows.kit.calls import Kind, Trouble
from workflows.kit.confirming import confirm
from workflows.kit.endings import StartOver

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Attachment, CreateCall, Stage
    from invoicing.state.doubt import CREATE
    from invoicing.state.questions import Answer, Reason

_UNTIL_FINAL = (Stage.DRAFTED, Stage.APPROVING)


async def create(life: Life) -> None:
    """Make the draft unless it is there. Ends when we know its id."""
    while life.case.provider_id is None:
        if _must_look(life) and await find_and_adopt(life):
            return
        life.stop_if_cancelled()
        # Nothing is awaited between the search and the call; where the gate had to wait, it answers
        # False and the loop searches again.
        if life.plan.sent_by != CREATE or await _final_create_may_go(life):
            await create_once(life)


async def confirm_draft(life: Life) -> None:
    """Where the provider confirms a draft later, wait until it has, or has refused it."""
    while life.case.stage in (Stage.DRAFTING, Stage.NONE):
        if (stage := await view(life)) is Stage.DRAFTING:
            pace = life.paces.drafting
            await wait_for(life, "confirmation", pace, Reason.DRAFT_OVERDUE, verb=CREATE)
        elif stage is Stage.NONE:
            await _refused_after_all(life)


async def attach(life: Life) -> None:
    """Add the caller's own documents to the draft. A final invoice takes none any more."""
    for each in life.plan.attachments:
        while not _attached(life, each) and await view(life) in _UNTIL_FINAL:
            life.stop_if_cancelled()
            if life.case.stage is Stage.APPROVING:
                # Somebody else has approved it. If it becomes a draft again, the document is added.
                pace = life.paces.approval
                await wait_for(life, "approval", pace, Reason.APPROVAL_OVERDUE, verb="approve")
            else:
                await _attach(life, each)
        if not _attached(life, each) and life.case.stage.reached(Stage.APPROVED):
            life.note(f"not attached, for it is final: {each.name}")
            life.case.without = (*life.case.without, each.name)


async def create_once(life: Life) -> None:
    """One create; what became of it is part of the doubt from the moment it goes out."""
    case = life.case
    life.unknown_calls.end("repeated")
    case.doubt = case.doubt.asked(CREATE, life.content, workflow.now())
    try:
        snapshot = await changed(life, life.calls.create(asked_for(life)))
    except Trouble as problem:
        await _not_created(life, problem)
    else:
        case.doubt = case.doubt.answered(CREATE)
        case.made = life.plan.fixed
        learn(life, snapshot, seen=False)
        life.note("draft created")
        life.show()


def asked_for(life: Life) -> CreateCall:
    """All that the draft is to say."""
    return CreateCall(
        target=life.target,
        document=life.request.document,
        options=life.request.options,
        totals=life.plan.totals,
    )


def _must_look(life: Life) -> bool:
    """Whether to search before the create: an earlier one may have happened, and nothing has
    shown in this very moment that it did not. Not where the provider recognises a repeat."""
    plan, doubt = life.plan, life.case.doubt
    may_be_there = plan.find_first or doubt.unanswered(CREATE)
    return not plan.repeatable and may_be_there and not doubt.absent(workflow.now())


async def _final_create_may_go(life: Life) -> bool:
    """Whether a create that makes the invoice final at once may go out now: no earlier one can
    still take effect, and the gate is open. False after any wait: the caller searches again."""
    if not await late_effects_are_over(life, CREATE):
        return False
    return await may_go(life, life.request.sent_from)


async def _not_created(life: Life, problem: Trouble) -> None:
    case, now = life.case, workflow.now()
    life.note(f"create: {problem.kind}")
    if problem.unknown:
        case.doubt = case.doubt.lost(CREATE, now)
        life.unknown_calls.begin(CREATE)
        await settle(life)
        # Longer each time: it may take effect late, and it may never work.
        await wait_for_provider(life, problem)
        return
    # "Not done" is certain. A refusal is not: it may mean "it is there already". Where nobody can
    # look, there is nothing better than the refusal, so it counts.
    certain = life.cannot_look or not problem.final
    case.doubt = case.doubt.answered(CREATE) if certain else case.doubt.refused(CREATE, now)
    if not problem.final:
        await wait_for_provider(life, problem)
    elif problem.kind is Kind.STALE and not case.looked_up_anew:
        case.looked_up, case.looked_up_anew = False, True
        life.note("what was looked up may have changed: it is looked up anew")
        raise StartOver
    elif not (life.plan.find_first and await find_and_adopt(life)):
        # No search has shown that the refusal meant "it is there already".
        await ask_about(life, problem, _answers_to_a_refusal(life))


async def _refused_after_all(life: Life) -> None:
    """The provider took the draft and refused it later: nothing is there. A person says whether
    to make it again, or that it is there all the same."""
    offered = [Answer.MAKE_AGAIN, *_answers_to_a_refusal(life)[1:]]
    offered += [Answer.HAPPENED, Answer.DID_NOT_HAPPEN] if life.cannot_look else []
    said = await ask(life, Reason.DRAFT_FAILED, offered, fields=life.case.problems)
    if said is Answer.HAPPENED:
        confirm(life.case, CREATE)
        raise StartOver
    life.case.forget()
    if said is Answer.DID_NOT_HAPPEN:
        # The provider refuses our name because an invoice that is over has it, for example one of
        # an earlier life. The next generation has another name.
        life.case.doubt = life.case.doubt.denied(CREATE, workflow.now())
        life.case.generation += 1
    raise StartOver


def _answers_to_a_refusal(life: Life) -> tuple[Answer, ...]:
    """No correction while a create is in doubt at a provider that knows a draft by our name alone:
    a draft with the old content could come to light under the same name."""
    doubted = life.plan.repeatable and life.case.doubt.unanswered(CREATE)
    return (Answer.RETRY,) if doubted else (Answer.RETRY, Answer.CORRECT)


def _attached(life: Life, attachment: Attachment) -> bool:
    return attachment.name in (*life.case.attached, *life.case.without)


async def _attach(life: Life, attachment: Attachment) -> None:
    case = life.case
    case.doubt = case.doubt.looked_at(None)
    life.unknown_calls.end("repeated")
    try:
        answer = await changed(life, life.calls.attach(life.target, attachment))
    except Trouble as problem:
        await _not_attached(life, problem, attachment)
    else:
        case.context = {**case.context, **answer.context}
        case.attached = (*case.attached, attachment.name)
        life.waits.over()
        life.note(f"attached: {attachment.name}")


async def _not_attached(life: Life, problem: Trouble, attachment: Attachment) -> None:
    """An uncertain call is made again: the second takes the place of the first."""
    life.note(f"attach {attachment.name}: {problem.kind}")
    if not problem.final:
        if problem.unknown:
            life.unknown_calls.begin("attach")
            await settle(life)
        await wait_for_provider(life, problem)
        return
    said = await ask_about(life, problem, (Answer.RETRY, Answer.GO_WITHOUT))
    if said is Answer.GO_WITHOUT:
        life.case.without = (*life.case.without, attachment.name)
