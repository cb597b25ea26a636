"""Which invoices of ours there are at the provider: found, adopted, and strays removed.

An invoice is ours by its reference, and the one we want by its content; figures prove neither.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice.acting import changed, late_effects_are_over, settle
from workflows.invoice.asking import ask, ask_about
from workflows.invoice.failing import asked
from workflows.invoice.life import Life
from workflows.invoice.looking import GONE, NOT_THERE, is_foreign, learn
from workflows.kit.calls import Trouble
from workflows.kit.endings import Overdue

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Search, Snapshot, Stage, Target
    from invoicing.state.doubt import CREATE
    from invoicing.state.questions import Answer, Reason


async def find_and_adopt(life: Life) -> bool:
    """Before a create: search for our reference, and adopt the one invoice that carries it. False
    when it is known that none is there, by a complete search or by a person's word.

    A draft with content that is no longer asked for is ours and of no use: it is deleted. Where
    more than one is left that may be the right one, a person is asked.
    """
    while True:
        search = await look_for_ours(life)
        ours = _ours(life, search)
        if not ours:
            if life.case.doubt.absent(workflow.now()) or await _person_says_absent(life):
                life.unknown_calls.end("absent")
                return False
        elif len(ours) == 1 and life.case.doubt.is_of(life.content):
            life.case.doubt = life.case.doubt.found_one()
            _adopt_found(life, ours[0])
            return True
        else:
            await _leave_one(life, ours)
            await _search_again(life)


async def adopt_named(life: Life) -> None:
    """Go on with the invoice that a person named; the others are none of ours from now on. If the
    named one is not there, or carries another reference, nothing changes and the question comes
    again."""
    case = life.case
    named, *others = case.adopting
    target = life.target.model_copy(update={"provider_id": named})
    try:
        (snapshot,) = await asked(life, lambda: (life.calls.read(target, ()),))
    except Trouble:
        why = "the provider refuses to show it"
    else:
        why = _why_not_ours(life, snapshot)
    case.adopting = ()
    if why:
        life.note(f"not adopted, for {why}: {named}")
        return
    if named != case.provider_id:
        case.forget()
    case.doubt = case.doubt.found_one().denied(CREATE, workflow.now(), others)
    life.note(f"adopted: {named}")
    learn(life, snapshot, seen=True)


def _why_not_ours(life: Life, snapshot: Snapshot) -> str:
    if snapshot.stage in NOT_THERE:
        return "it is not there"
    return "it carries another reference" if is_foreign(life, snapshot) else ""


async def find_another(life: Life) -> bool:
    """During a cancel: search for whatever else carries our reference, with any content. False
    when it is known that nothing is left, by a complete search or by a person's word.

    A draft that states our reference is deleted right here, and not adopted. The first one that
    cannot be deleted like that (a final one, above all) is adopted; then True, and the caller takes
    it back as our own.
    """
    while True:
        ours = _ours(life, await look_for_ours(life))
        others = [one for one in ours if one.provider_id != life.case.provider_id]
        if len(others) == 1:
            life.case.doubt = life.case.doubt.found_one()
        for one in others:
            if not await _delete_stray(life, one):
                _adopt_next(life, one)
                return True
        if life.case.doubt.absent(workflow.now()):
            break
        if ours:
            await _search_again(life)
        elif await _person_says_absent(life):
            break
    life.unknown_calls.end("absent")
    return False


async def be_alone(life: Life) -> None:
    """After a create that was ever uncertain, make sure that it left nothing else behind.

    Absence is proven by a complete search that shows our own, or by a person who has looked.
    """
    while not _is_alone(life):
        search = await look_for_ours(life)
        if _is_alone(life):
            return
        await remove(life, others_of(life, search), Reason.SEVERAL_FOUND)
        await _search_again(life)


async def look_for_ours(life: Life) -> Search:
    """What a search for our reference shows now. The doubt keeps what this proves."""
    while True:
        try:
            (search,) = await asked(life, lambda: (life.calls.find(life.target),))
        except Trouble as problem:
            await ask_about(life, problem, (Answer.RETRY,))
        else:
            shown = [one.provider_id for one in search.invoices if not is_foreign(life, one)]
            now = workflow.now()
            life.case.doubt = life.case.doubt.search(
                now, _own(life), shown, complete=search.complete
            )
            return search


def others_of(life: Life, search: Search) -> list[Snapshot]:
    """Those in a search result that are ours, without the one we know."""
    return [one for one in _ours(life, search) if one.provider_id != _own(life)]


async def remove(life: Life, strays: list[Snapshot], reason: Reason) -> None:
    """Delete the drafts that state our reference; ask a person about anything else."""
    for one in strays:
        if not await _delete_stray(life, one):
            await _ask_about_strays(life, strays, reason)
            return


async def _delete_stray(life: Life, stray: Snapshot) -> bool:
    """Delete a draft too many; whether it is gone. It is read first, deleted at most once, and
    read again. One that is no draft is not touched."""
    if stray.reference != life.request.reference:
        # It states no reference of ours, so it may be somebody else's.
        return False
    target = life.target.model_copy(
        update={"provider_id": stray.provider_id, "context": life.plan.context}
    )
    try:
        if (stage := await _stage(life, target)) is not Stage.DRAFTED:
            return stage in NOT_THERE
        life.note(f"deleting a draft too many: {stray.provider_id}")
        await changed(life, life.calls.delete(target))
    except Trouble as problem:
        if problem.unknown:
            await settle(life)
        return await _is_gone(life, target)
    return await _is_gone(life, target)


async def _stage(life: Life, target: Target) -> Stage:
    (snapshot,) = await asked(life, lambda: (life.calls.read(target, ()),))
    return snapshot.stage


async def _is_gone(life: Life, target: Target) -> bool:
    try:
        return await _stage(life, target) in NOT_THERE
    except Trouble:
        return False


def _own(life: Life) -> str | None:
    """The id of our invoice; None once it is gone, for searches show only what is alive."""
    return None if life.case.stage in GONE else life.case.provider_id


def _ours(life: Life, search: Search) -> list[Snapshot]:
    foreign = life.case.doubt.foreign
    return [
        one
        for one in search.invoices
        if one.provider_id not in foreign and not is_foreign(life, one)
    ]


def _is_alone(life: Life) -> bool:
    recent = life.calls.queue.recent
    return life.case.doubt.alone(_own(life), workflow.now(), recent)


def _adopt_found(life: Life, snapshot: Snapshot) -> None:
    # A search result may be older or thinner than the invoice itself.
    learn(life, snapshot, seen=False)
    life.note("found by our reference and adopted")
    life.show()


def _adopt_next(life: Life, snapshot: Snapshot) -> None:
    """Adopt in place of our own, which is gone: what was known of that one is forgotten."""
    if life.case.provider_id is not None:
        life.case.forget()
    _adopt_found(life, snapshot)


async def _person_says_absent(life: Life) -> bool:
    """Ask a person, where the search proves nothing. True when they say that it is not there.

    Where the create itself makes the invoice final, and where nobody can look back after the end,
    they are asked only when its time is over: before that their answer could be wrong a minute
    later, and nobody would find out.
    """
    must_hold = life.plan.sent_by == CREATE or life.cannot_look
    if must_hold and not await late_effects_are_over(life, CREATE):
        return False
    offered = [Answer.RETRY, Answer.DID_NOT_HAPPEN]
    if not life.cannot_look:
        # Where nobody can look, the figures of an adopted invoice could not be compared.
        offered.append(Answer.ADOPT)
    what = "the provider cannot tell whether the draft was created: look there for our reference"
    said = await ask(life, Reason.MAY_EXIST, offered, what)
    if said is not Answer.DID_NOT_HAPPEN:
        return False
    life.case.doubt = life.case.doubt.denied(CREATE, workflow.now())
    return True


async def _leave_one(life: Life, ours: list[Snapshot]) -> None:
    """One step towards at most one of ours: drafts too many, or with content that may be an old
    one, are deleted; where that cannot settle it, a person is asked. The caller searches again."""
    final = [one for one in ours if one.stage is Stage.UNKNOWN or one.stage.reached(Stage.APPROVED)]
    drafts = [one for one in ours if one not in final]
    known = life.case.doubt.is_of(life.content)
    if known and len(final) <= 1:
        await remove(life, drafts if final else drafts[1:], Reason.SEVERAL_FOUND)
    elif not final:
        await remove(life, drafts, Reason.SEVERAL_FOUND)
    else:
        reason = Reason.SEVERAL_FOUND if len(ours) > 1 else Reason.OLD_CONTENT
        await _ask_about_strays(life, ours, reason)


async def _ask_about_strays(life: Life, strays: list[Snapshot], reason: Reason) -> None:
    named = ", ".join(one.provider_id for one in strays)
    if reason is Reason.STRAY_FOUND:
        what = f"after the end, this came to light: {named}"
        said = await ask(life, reason, (Answer.RETRY, Answer.ALONE), what)
    else:
        what = f"these carry our reference: {named}"
        said = await ask(life, reason, (Answer.RETRY, Answer.ADOPT), what)
    if said is Answer.ALONE:
        foreign = [one.provider_id for one in strays]
        life.case.doubt = life.case.doubt.denied(CREATE, workflow.now(), foreign)


async def _search_again(life: Life) -> None:
    """The search does not show ours, or still shows what is gone: it lags, or it was cut. Pause
    once before the next one; when the row of pauses is over, ask."""
    try:
        await life.waits.pause("a complete search", life.paces.approval)
    except Overdue:
        what = "the provider's search does not show our own invoice: is there a second one?"
        said = await ask(life, Reason.CANNOT_SEARCH, (Answer.WAIT, Answer.ALONE), what)
        if said is Answer.ALONE:
            life.case.doubt = life.case.doubt.denied(CREATE, workflow.now())
