"""The invoice that is credited: that it is final, and that no cancel credits the whole of it.

Its workflow may run, or have ended long ago. One that runs is told by signal that parts of it are
to be credited; from then on a cancel of it credits nothing. One whose cancel came first does not
take the signal, so it is looked whether it did.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError

from workflows.credit.life import CreditsLife

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory
    from invoicing.credits.case import Looked, RequestedCall
    from invoicing.credits.credit import Requested
    from invoicing.credits.document import opening, refuse_uncreditable
    from invoicing.errors import InvalidRequest
    from invoicing.state.identity import money_id, workflow_id
    from invoicing.state.invoice import Status

CALL = timedelta(seconds=30)
PAUSE = timedelta(seconds=2)
HOLDS = timedelta(seconds=10)
"""How long a look at the invoice holds: nobody ends it, credits it by hand and has another one made
in less. Fifty credits at once are decided with one look."""
LOOKS = 6
"""So often an invoice that was told is looked at: each time for longer, a minute in all."""


class NotCreditable(Exception):
    """Nothing of this invoice can be credited now; the sentence says why."""


class Unknown(NotCreditable):
    """Nobody knows an invoice with this reference, or nobody does any more."""


async def learn(life: CreditsLife) -> None:
    """Find out what there is to credit, and before each credit whether it is still so: a person may
    have ended the invoice from outside, and begun another one under its reference.

    Raises NotCreditable.
    """
    known = life.case.invoice
    if known is not None and life.seen and workflow.now() - life.seen < HOLDS:
        return
    try:
        invoice = await _excluded(life)
    except Unknown:
        if known is not None:
            # Temporal has forgotten it. What is final does not change.
            return
        raise
    stands = known is not None and known.invoice.provider_id == invoice.invoice.provider_id
    if known is not None and not stands and life.case.under_way:
        raise NotCreditable(
            f"another invoice stands for it now, and credits of {known.invoice.number} are "
            "under way: ask again when they have ended"
        )
    if not stands:
        _take(life, invoice)
    life.seen = workflow.now()


def _take(life: CreditsLife, invoice: Requested) -> None:
    """Its ledger begins with all of it."""
    try:
        ledger = opening(invoice)
    except InvalidRequest as error:
        raise NotCreditable(str(error)) from None
    life.case.learn(invoice, ledger)
    life.note(f"the invoice is known, {invoice.invoice.number}, and what is left of it")
    life.show()


async def _excluded(life: CreditsLife) -> Requested:
    """The invoice, once no cancel can credit the whole of it any more."""
    for turn in range(LOOKS):
        invoice, running = await _look(life)
        life.invoice_runs = running
        _refuse_if_a_ledger_is_lost(life, invoice)
        if not running or invoice.invoice.in_parts:
            return invoice
        if invoice.invoice.status is Status.CANCELLING:
            raise NotCreditable("it is being cancelled, which takes the whole of it back")
        life.case.told_invoice = True
        handle = workflow.get_external_workflow_handle(workflow_id(life.reference))
        with life.calling(), contextlib.suppress(FailureError):
            # One that has just ended needs not be told: no cancel is taken any more.
            await handle.signal("credits_begin")
        if turn:
            await workflow.sleep(PAUSE * 2**turn, summary="the invoice, to be told of its credits")
    raise NotCreditable("it has not heard of its credits: ask again")


async def tell(life: CreditsLife) -> None:
    """Tell the invoice what is credited of it, where that has changed: its own workflow, or what
    hears of its money after the end."""
    told = life.case.untold
    if told is None:
        return
    own, money = workflow_id(life.reference), money_id(life.reference)
    with life.calling():
        for identity in (own, money) if life.invoice_runs else (money,):
            try:
                await workflow.get_external_workflow_handle(identity).signal(
                    "credited_so_far", told
                )
            except FailureError:
                # It has ended, or nobody hears any more.
                continue
            break
    life.case.told_so_far = told


def _refuse_if_a_ledger_is_lost(life: CreditsLife, invoice: Requested) -> None:
    """An invoice that runs for long outlives the ledger of its credits, once nothing was left and
    the retention is over. It still says that parts of it were credited, and this ledger said it
    never."""
    if invoice.invoice.in_parts and life.case.invoice is None and not life.case.told_invoice:
        known = ", ".join(invoice.credited_before)
        by = f" ({known})" if known else ""
        raise NotCreditable(
            f"parts of it were credited, or were to be{by}, and Temporal has forgotten how much: "
            "credit what is left of it at the provider"
        )


def _refuse_if_it_has_forgotten(life: CreditsLife, looked: Looked) -> None:
    """Nobody knows how much is left then: more might be credited than was invoiced."""
    life.case.hold_against(looked)
    life.told_in = looked.run or life.told_in
    if lost := life.case.lost:
        raise NotCreditable(lost)


async def look(life: CreditsLife, reference: str, *, first: bool = False) -> Looked:
    """What an invoice's workflow says of itself; `first`: and what earlier runs of this ledger have
    credited. Raises NotCreditable where it cannot be asked."""
    call = RequestedCall(workflow_id=workflow_id(reference), first=first)
    with life.calling():
        try:
            looked: Looked = await workflow.execute_activity_method(
                Directory.requested,
                call,
                summary="what the invoice is",
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=timedelta(minutes=2),
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=10)),
            )
        except ActivityError:
            raise NotCreditable("its workflow cannot be asked now: ask again") from None
    return looked


async def _look(life: CreditsLife) -> tuple[Requested, bool]:
    looked = await look(life, life.reference, first=life.told_in != workflow.info().run_id)
    _refuse_if_it_has_forgotten(life, looked)
    if looked.claims:
        life.record()
    if looked.cut_off:
        raise NotCreditable(
            "it was ended from outside: start the same request again, and credit it then"
        )
    if looked.invoice is None:
        raise Unknown("nobody knows an invoice with this reference")
    try:
        refuse_uncreditable(looked.invoice)
    except InvalidRequest as error:
        raise NotCreditable(str(error)) from None
    return looked.invoice, looked.running
