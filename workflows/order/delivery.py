"""One delivery: its invoice begun, followed to its end, and what that means for its lines."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from workflows.invoice import InvoiceWorkflow
from workflows.kit.outbox import looked_at
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory
    from invoicing.case import InvoiceInput
    from invoicing.identity import (
        DETAILS,
        MEMO,
        OWNER,
        fingerprint,
        search_attributes,
        summary,
        workflow_id,
    )
    from invoicing.invoice import LineStatus
    from invoicing.news import Became, BecameCall
    from invoicing.order import Deliver, OrderStatus, request_of
    from invoicing.provider import Event, Pace
    from invoicing.questions import Answer, Reason
    from invoicing.request import InvoiceRequest, RegisteredOrder

CALL = timedelta(seconds=30)
LOOKS = Pace(
    first=timedelta(seconds=10),
    factor=2,
    cap=timedelta(days=1),
    deadline=timedelta(days=3650),
)
"""How often an invoice that an earlier run began is looked at. It tells its order of its end by
itself; the looks are for one that was cut off and could not."""

Child = workflow.ChildWorkflowHandle[Any, Any]


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
            child = await _start(_invoice_of(life, wanted), wanted.proven or life.case.asked_by)
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
        life.note(f"delivery {name} failed: {_sentence(error)}")
        if not life.case.deliveries[name].ended and _refused_at_once(error):
            life.case.refuse(name)


async def _follow(life: OrderLife, name: str) -> None:
    """One that an earlier run of this order began: it tells of its end itself, or is looked at."""
    waits = life.waits(f"delivery {name}")
    while name in life.case.begun:
        # A thousand of them are not looked at in one moment.
        jitter = 0.7 + 0.3 * workflow.random().random()
        pause = LOOKS.pause(life.case.looks.get(name, 0)) * jitter
        await waits.sleep(lambda: name not in life.case.begun, pause, f"invoice of {name}")
        if name in life.case.begun:
            life.case.looked(name)
            _hear_what_became(life, name, await _look(life, name))


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


async def _look(life: OrderLife, name: str) -> Became:
    call = BecameCall(workflow_id=workflow_id(life.case.deliveries[name].reference))
    with life.calling():
        try:
            became: Became = await workflow.execute_activity_method(
                Directory.became,
                call,
                summary="what became of its invoice",
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=timedelta(hours=1),
                retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
            )
        except ActivityError:
            return Became(running=True)
    return became


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
    return request_of(order, wanted).model_copy(update=update)


async def _start(request: InvoiceRequest, proven: str) -> Child:
    fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
    order = workflow.info().workflow_id
    return await workflow.start_child_workflow(
        InvoiceWorkflow.run,
        InvoiceInput.model_construct(**fields, tells=order, proven=proven),
        id=workflow_id(request.reference),
        # Also one that has ended: what it left at the provider is not this delivery's.
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        # The lines are the order's: nobody begins such an invoice again but the order.
        memo={MEMO: fingerprint(request), OWNER: order},
        search_attributes=search_attributes(request),
        static_summary=summary(request),
        static_details=DETAILS,
        cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        # An order that is terminated leaves its invoices to end as they must.
        parent_close_policy=ParentClosePolicy.ABANDON,
    )


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


def _refused_at_once(error: ChildWorkflowError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type in ("Rejected", "Unsupported")


def _sentence(error: ChildWorkflowError) -> str:
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else type(cause).__name__


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
