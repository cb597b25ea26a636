"""One delivery: its invoice begun, followed to its end, and what that means for its lines."""

from __future__ import annotations

import contextlib
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, WorkflowAlreadyStartedError

from workflows.kit.children import pause, refused_at_once, sentence, start, what_became
from workflows.kit.outbox import looked_at
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Event
    from invoicing.request import InvoiceRequest, RegisteredOrder
    from invoicing.state.identity import workflow_id
    from invoicing.state.invoice import LineStatus
    from invoicing.state.news import Became
    from invoicing.state.order import Deliver, OrderStatus, request_of
    from invoicing.state.order_case import held_by
    from invoicing.state.questions import Answer, Reason


async def invoice(life: OrderLife, wanted: Deliver) -> None:
    """Have the lines invoiced; what becomes of the invoice becomes of them."""
    name = wanted.delivery
    if name in life.case.begun:
        await _follow(life, name)
    elif not life.case.deliveries[name].ended:
        await _begin(life, wanted)
    if life.case.unclear(name):
        await _ask_what_became_of(life, name, "its invoice has ended, and nobody knows how")
    life.case.close(name)
    life.show()


async def _begin(life: OrderLife, wanted: Deliver) -> None:
    name = wanted.delivery
    try:
        with life.calling():
            child = await start(_invoice_of(life, wanted), wanted.proven or life.case.asked_by)
    except WorkflowAlreadyStartedError:
        life.tried.add(name)
        await _ask_what_became_of(life, name, "its reference already stands for an invoice")
        return
    life.tried.add(name)
    life.case.begin(name)
    if life.case.cancelled:
        take_back_invoice(life, name)
    await workflow.wait_condition(lambda: child.done() or life.case.deliveries[name].ended)
    if not child.done():
        # It has told of its end. That it still looks for late effects holds up no order.
        child.add_done_callback(looked_at)
        return
    try:
        life.case.hear(name, await child)
    except ChildWorkflowError as error:
        # What it was when it ended it has told us itself, unless it was cut off.
        life.note(f"delivery {name} failed: {sentence(error)}")
        if not life.case.deliveries[name].ended and refused_at_once(error):
            life.case.refuse(name)


async def _follow(life: OrderLife, name: str) -> None:
    """One that an earlier run of this order began: it tells of its end itself, or is looked at."""
    waits = life.waits(f"delivery {name}")
    while name in life.case.begun:
        span = pause(life.case.looks.get(name, 0))
        await waits.sleep(lambda: name not in life.case.begun, span, f"invoice of {name}")
        if name in life.case.begun:
            life.case.looked(name)
            with life.calling():
                became = await what_became(life.case.deliveries[name].reference)
            _hear_what_became(life, name, became)


def _hear_what_became(life: OrderLife, name: str, became: Became) -> None:
    if became.running:
        return
    if became.invoice:
        life.case.hear(name, became.invoice)
    elif became.refused:
        life.case.refuse(name)
    else:
        life.note(f"delivery {name} failed: {became.why}")
        life.case.cut_off(name)


def take_back_invoice(life: OrderLife, name: str) -> None:
    """Have the delivery's invoice cancelled, beside whatever else goes on."""

    async def cancelled() -> None:
        with life.calling(), contextlib.suppress(FailureError):
            # One that has ended needs no cancel.
            await _handle(life, name).cancel()

    life.beside(cancelled())


async def told_invoices(life: OrderLife, event: Event) -> None:
    """Hand news on to the invoices that lists may not show yet under the names of the order: they
    know what is theirs. One that is final has been listed since it was planned, so whoever looked
    for the order has found it as well, and has told it."""
    for name in [each for each in life.case.begun if not life.case.deliveries[each].number]:
        with life.calling(), contextlib.suppress(FailureError):
            await _handle(life, name).signal("provider_event", event)


def _handle(life: OrderLife, name: str) -> workflow.ExternalWorkflowHandle[Any]:
    return workflow.get_external_workflow_handle(workflow_id(life.case.deliveries[name].reference))


def _invoice_of(life: OrderLife, wanted: Deliver) -> InvoiceRequest:
    order, case = life.request, life.case
    registered = RegisteredOrder(
        reference=order.reference, provider_id=case.provider_id or "", context=case.context
    )
    update = {"order": registered if life.registers else None}
    held = case.ledger.held(held_by(wanted))
    return request_of(order, wanted, held).model_copy(update=update)


async def _ask_what_became_of(life: OrderLife, name: str, why: str) -> None:
    said = await life.ask(
        Reason.DELIVERY_UNCLEAR,
        (Answer.INVOICED, Answer.FREE),
        f"delivery {name}: {why}. Was it invoiced?",
    )
    if said:
        invoiced = said.answer is Answer.INVOICED
        status = LineStatus.INVOICED if invoiced else LineStatus.OPEN
        life.case.decide(name, status, said.number)


def about_to_begin(life: OrderLife, delivery: str) -> bool:
    """Whether nothing stands between a delivery and its invoice but a moment. A run that has grown
    long, or has as many children as it may, begins nothing more; the next one does."""
    case = life.case
    over = case.outcome or case.deliveries[delivery].ended
    if over or delivery in (*case.begun, *life.tried):
        return False
    if f"delivery/{delivery}" not in life.work and not life.room:
        return False
    # A question about another delivery holds up none.
    soon = case.status is OrderStatus.STARTED or case.may_deliver
    return soon and not life.renewal.due
