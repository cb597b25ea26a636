"""The whole life of an invoice's credits, as one reads it."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow

from workflows.credit.learning import NotCreditable, learn, tell
from workflows.credit.life import CreditsLife
from workflows.credit.note import begin

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.case import CreditsInput, CreditsStatus
    from invoicing.credits.credit import Credit, NotLeft
    from invoicing.credits.document import request_of
    from invoicing.credits.portion import portion
    from invoicing.errors import TooLarge
    from invoicing.state.bounds import (
        CREDITS_UNDER_WAY,
        refuse_credit_without_room,
        refuse_too_large,
    )

KEPT = timedelta(days=365)
"""How long a ledger waits for one more credit. One that comes later begins it again."""
KEPT_EMPTY = timedelta(minutes=10)
"""The same where nothing is left, or nothing could be credited: for callers who ask at that moment.
It is begun again as well, and knows what it knew."""


async def live(life: CreditsLife) -> None:
    """Decide about what is asked for, one after the other, until nobody asks any more."""
    life.recorder.go_on()
    await tell(life)
    for name in dict.fromkeys((*life.case.under_way, *life.case.begun)):
        await begin(life, name)
    while True:
        try:
            await workflow.wait_condition(
                lambda: _has_work(life) or _renews(life),
                timeout=_patience(life),
                timeout_summary="one more credit",
            )
        except TimeoutError:
            if _is_over(life):
                break
            continue
        for task in [task for task in life.following.values() if task.done()]:
            task.result()
        if life.leaves and _may_leave(life):
            break
        if life.case.undecided:
            await _decide(life)
        elif life.case.untold:
            await tell(life)
        elif _renews(life):
            _renew(life)
    credited = life.case.ledger is not None and life.case.ledger.nothing_left
    life.case.outcome = CreditsStatus.CREDITED if credited else CreditsStatus.IDLE
    life.note(f"ended: {life.case.outcome}")
    life.show()
    await life.recorder.emptied()
    await workflow.wait_condition(workflow.all_handlers_finished)


def _has_work(life: CreditsLife) -> bool:
    failed = any(task.done() and task.exception() for task in life.following.values())
    return bool(life.case.undecided) or life.case.untold is not None or failed or life.leaves


def _may_leave(life: CreditsLife) -> bool:
    """Whether Temporal's own Cancel ends it. What is under way has credit notes, and those have an
    end of their own; one that only waits for one more credit knows all of it when it begins again.
    """
    life.leaves = False
    if over := _is_over(life):
        life.note("Temporal's Cancel")
    else:
        life.note("Temporal's Cancel: cancel the credit notes, each by itself")
    return over


def _patience(life: CreditsLife) -> timedelta:
    ledger = life.case.ledger
    return KEPT if ledger is not None and not ledger.nothing_left else KEPT_EMPTY


def _is_over(life: CreditsLife) -> bool:
    return not (life.case.undecided or life.case.under_way or life.case.begun or life.case.untold)


async def _decide(life: CreditsLife) -> None:
    """Reserve the first of what is asked for and begin it, or refuse it."""
    name = next(iter(life.case.undecided))
    try:
        await learn(life)
        _reserve(life, life.case.undecided[name])
        # Before its note can be final: what is left there may be less by it then.
        await tell(life)
    except (NotLeft, TooLarge, NotCreditable) as refusal:
        _refuse(life, name, str(refusal))
    except ValidationError as error:
        detail = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in detail["loc"]) or "the credit"
        _refuse(life, name, f"{where}: {detail['msg']}")
    else:
        await begin(life, name)
        life.decided(name)
    life.show()


def _reserve(life: CreditsLife, wanted: Credit) -> None:
    case = life.case
    if case.invoice is None or case.ledger is None:
        raise RuntimeError("nothing is credited of an invoice that is not known")
    if len(case.under_way) >= CREDITS_UNDER_WAY:
        raise NotCreditable(f"{CREDITS_UNDER_WAY} credits of it are under way: ask again later")
    refuse_credit_without_room(wanted, *case.grown)
    today = workflow.now().date()
    found = portion(case.ledger, wanted)
    refuse_too_large(request_of(case.invoice, case.ledger, found, wanted, today))
    case.reserve(wanted, case.ledger.reserve(wanted.credit, found), today)
    life.note(f"credit {wanted.credit} asked for: {found.sums.gross} with VAT", wanted)


def _refuse(life: CreditsLife, name: str, why: str) -> None:
    by = life.case.undecided[name]
    life.case.refuse(name)
    life.note(f"credit {name} is refused: {why}", by)
    life.decided(name, why)


def _renews(life: CreditsLife) -> bool:
    """Whether to continue as new: credits may be under way, and a question open, but no call."""
    idle = life.busy == 0 and workflow.all_handlers_finished() and not life.case.undecided
    idle = idle and life.recorder.may_renew
    return life.renewal.due and idle and life.case.resolution is None


def _renew(life: CreditsLife) -> None:
    life.renewal.begin(CreditsInput(reference=life.reference, resumed=life.case))
