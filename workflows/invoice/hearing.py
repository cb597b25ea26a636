"""After the end of an invoice a small workflow of its own goes on hearing of its money."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from workflows.invoice.life import Life
from workflows.kit.lifetime import listed
from workflows.kit.outbox import looked_at

with workflow.unsafe.imports_passed_through():
    from invoicing.state.case import STANDS, Case
    from invoicing.state.identity import DETAILS, MEMO, MONEY_WORKFLOW, OWNER, fingerprint, money_id
    from invoicing.state.invoice import LATER_MONEY, Status, Waiting
    from invoicing.state.money_after import Before, CreditedSince
    from invoicing.state.notice import news


async def tell_invoice(life: Life) -> None:
    """Of a credit note that is final: let who hears of its invoice's money know what it took."""
    credits_, plan = life.request.credits, life.case.plan
    if credits_ is None or plan is None or life.case.outcome not in STANDS:
        return
    hearing = workflow.get_external_workflow_handle(money_id(credits_.reference))
    told = CreditedSince(note=life.request.reference, gross=plan.totals.gross)
    with contextlib.suppress(FailureError):
        # Nobody hears of an invoice that is under way, or whose time is over.
        await hearing.signal("credited", told)


async def hear_of_money(life: Life) -> None:
    """Begin it, as the very last thing, with all that is known; whatever news have come meanwhile
    go there."""
    case, before = life.case, _of_whom(life)
    if before is None or not (_follows(life) and _is_heard(life)):
        return
    given = {event.id for event in case.inbox}
    known = _known(life, before)
    try:
        hearing = await workflow.start_child_workflow(
            # By its name: it is made of the steps of an invoice, which this is one of.
            MONEY_WORKFLOW,
            life.resumed(known, before),
            id=money_id(life.request.reference),
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            memo=_memo(life),
            search_attributes=listed(),
            static_summary=f"{life.request.provider} · money after the end",
            static_details=DETAILS,
        )
    except WorkflowAlreadyStartedError:
        life.note("somebody hears of its money already")
        return
    hearing.add_done_callback(looked_at)
    while late := [event for event in case.inbox if event.id not in given]:
        given |= {event.id for event in late}
        for event in late:
            with contextlib.suppress(FailureError):
                await hearing.signal("provider_event", event)


def _memo(life: Life) -> dict[str, str | dict[str, str]]:
    """Whose it is: when the invoice's own workflow is forgotten, nothing else says."""
    asked = {MEMO: fingerprint(life.request)}
    return {OWNER: life.order_id, **asked} if life.order_id else {**asked}


def _follows(life: Life) -> bool:
    return life.paces.money.deadline > timedelta()


def _of_whom(life: Life) -> Before | None:
    """The life whose money it is: this one, or the one that the register knows. None where its time
    is over."""
    if life.case.known_before:
        known = life.case.known_as
        return known if known and _until(life, known) > workflow.now() else None
    info = workflow.info()
    return Before(claimant=info.first_execution_run_id, began=info.workflow_start_time)


def _until(life: Life, known: Before) -> datetime:
    return (known.ended or known.began) + life.paces.money.deadline


def _known(life: Life, before: Before) -> Case:
    """All that is known of it. An earlier life has told everybody how it ended, and since nobody
    has heard of its money: it is looked at without a wait, and no longer than that life would."""
    known = life.case.model_copy(update={"hears": True, "waiting": None})
    if life.case.known_before:
        known.known_before, known.recording, known.lines = False, True, before.lines
        known.told, known.look_soon = news(known.shown(life.request)), True
        known.waiting = Waiting(
            on="provider", what=LATER_MONEY, since=workflow.now(), until=_until(life, before)
        )
    return known


def _is_heard(life: Life) -> bool:
    """Whether money may still move: it stands, or it was paid before it was credited."""
    balance, outcome = life.balance, life.case.outcome
    if balance is None:
        return False
    return outcome in STANDS or (outcome is Status.CREDITED and bool(balance.paid))
