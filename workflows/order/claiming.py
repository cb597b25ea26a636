"""An order's reference claimed in the register, before the provider is told of it."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.kit.calls import Kind, Trouble, answer
from workflows.kit.endings import Overdue
from workflows.kit.recorder import ask_claim, claimed_at_once
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.books.claims import ClaimCall, Claimed, Word
    from invoicing.state.identity import content, fingerprint
    from invoicing.state.invoice import CLAIM


async def claim(life: OrderLife) -> None:
    """Claim the reference. Does nothing where there is no register.

    Raises ApplicationError where the reference stands for an order that was begun before: which of
    its lines are on invoices stood in that order's ledger alone.
    """
    if life.case.plan is None or not life.case.plan.claims or life.case.claimed:
        return
    parts = fingerprint(life.request)
    call = ClaimCall(
        kind="order",
        reference=life.request.reference,
        fingerprint=parts,
        content=content(parts),
        claimant=workflow.info().first_execution_run_id,
        namespace=workflow.info().namespace,
        at=workflow.now(),
    )
    claimed = await _answered(life, call)
    life.case.claimed = call.content
    if claimed.word in (Word.REFUSED, Word.KNOWN):
        why = claimed.why or f"it was {claimed.left.status if claimed.left else 'begun'} before"
        raise ApplicationError(
            f"{life.request.reference}: {why}",
            *claimed.fields,
            type=Kind.REJECTED.value,
            non_retryable=True,
        )
    life.recorder.begin()


async def _answered(life: OrderLife, call: ClaimCall) -> Claimed:
    waits = life.waits("claim")
    with life.calling():
        claimed = await claimed_at_once(call)
    while claimed is None:
        try:
            with life.calling():
                claimed = await answer(ask_claim(call), changes=False)
        except Trouble as problem:
            try:
                await waits.pause(CLAIM, life.paces.unavailable, on="register")
            except Overdue:
                await life.ask_about(problem)
    waits.over()
    return claimed
