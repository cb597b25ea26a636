"""One credit note: begun, followed to its end, and what that means for the ledger."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from workflows.credit.learning import NotCreditable, look
from workflows.credit.life import CreditsLife
from workflows.invoice import InvoiceWorkflow
from workflows.kit.outbox import looked_at

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory
    from invoicing.case import InvoiceInput
    from invoicing.credit_document import request_of
    from invoicing.identity import (
        DETAILS,
        MEMO,
        OWNER,
        fingerprint,
        search_attributes,
        summary,
        workflow_id,
    )
    from invoicing.news import Became, BecameCall
    from invoicing.provider import Pace
    from invoicing.questions import Answer
    from invoicing.request import InvoiceRequest

CALL = timedelta(seconds=30)
LOOKS = Pace(
    first=timedelta(seconds=10),
    factor=2,
    cap=timedelta(days=1),
    deadline=timedelta(days=3650),
)
"""How often a credit note that an earlier run began is looked at. It tells of its end by itself;
the looks are for one that was cut off and could not."""

Child = workflow.ChildWorkflowHandle[Any, Any]


async def begin(life: CreditsLife, name: str) -> None:
    """Begin its credit note, and follow it beside whatever else goes on."""
    child: Child | None = None
    if name not in life.case.begun and not life.case.states[name].ended:
        try:
            with life.calling():
                child = await _start(_request(life, name), life.case.under_way[name].proven)
        except WorkflowAlreadyStartedError:
            if await _is_ours(life, name):
                life.case.begin(name)
            else:
                life.case.doubt(name, "its reference already stands for an invoice")
        else:
            life.case.begin(name)
    life.following[name] = asyncio.create_task(_follow(life, name, child))


async def _is_ours(life: CreditsLife, name: str) -> bool:
    """Whether the note that is there is this credit's: begun by a run that was terminated before it
    heard so. Nobody else makes a request that credits this invoice."""
    try:
        looked = await look(life, life.case.states[name].reference)
    except NotCreditable:
        return False
    note = looked.invoice and looked.invoice.request.credits
    return bool(note and note.reference == life.reference)


async def _follow(life: CreditsLife, name: str, child: Child | None) -> None:
    if child is not None:
        await workflow.wait_condition(lambda: child.done() or not _goes_on(life, name))
        if child.done():
            _hear_end(life, name, child)
        else:
            child.add_done_callback(looked_at)
    while _goes_on(life, name):
        await _look_again(life, name)
    if name in life.case.unclear:
        await _ask_what_became_of(life, name)


def _goes_on(life: CreditsLife, name: str) -> bool:
    return name in life.case.begun


def _hear_end(life: CreditsLife, name: str, child: Child) -> None:
    try:
        life.case.hear(name, child.result())
    except ChildWorkflowError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type in ("Rejected", "Unsupported"):
            life.note(f"credit {name} is refused: {cause.message}")
            life.case.release(name)
        else:
            life.case.doubt(name, "its credit note was ended from outside")
    life.show()


async def _look_again(life: CreditsLife, name: str) -> None:
    pause = LOOKS.pause(life.case.looks.get(name, 0)) * (0.7 + 0.3 * workflow.random().random())
    try:
        await workflow.wait_condition(
            lambda: not _goes_on(life, name), timeout=pause, timeout_summary=f"credit {name}"
        )
    except TimeoutError:
        life.case.looked(name)
        _hear_what_became(life, name, await _look(life, name))


def _hear_what_became(life: CreditsLife, name: str, became: Became) -> None:
    if became.running or not _goes_on(life, name):
        return
    if became.invoice:
        life.case.hear(name, became.invoice)
    elif became.refused:
        life.note(f"credit {name} is refused: {became.why}")
        life.case.release(name)
    else:
        life.case.doubt(name, "its credit note was ended from outside")
    life.show()


async def _look(life: CreditsLife, name: str) -> Became:
    call = BecameCall(workflow_id=workflow_id(life.case.states[name].reference))
    with life.calling():
        try:
            became: Became = await workflow.execute_activity_method(
                Directory.became,
                call,
                summary="what became of its credit note",
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=timedelta(hours=1),
                retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
            )
        except ActivityError:
            return Became(running=True)
    return became


async def _ask_what_became_of(life: CreditsLife, name: str) -> None:
    said = await life.ask(f"credit {name}: {life.case.unclear[name]}. Does it stand?")
    if name not in life.case.unclear:
        return
    if said.answer is Answer.FREE:
        life.case.release(name)
    else:
        life.case.book(name, said.number)
    life.show()


def _request(life: CreditsLife, name: str) -> InvoiceRequest:
    case = life.case
    if case.invoice is None or case.ledger is None:
        raise RuntimeError("nothing is credited of an invoice that is not known")
    held = case.ledger.held[name].portion
    if held is None:
        raise RuntimeError("what is credited for good is not begun again")
    return request_of(case.invoice, case.ledger, held, case.under_way[name], case.states[name].day)


async def _start(request: InvoiceRequest, proven: str) -> Child:
    fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
    ledger = workflow.info().workflow_id
    return await workflow.start_child_workflow(
        InvoiceWorkflow.run,
        InvoiceInput.model_construct(**fields, tells=ledger, proven=proven),
        id=workflow_id(request.reference),
        # Also one that has ended: what it left at the provider is not this credit's.
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        # What it credits is the ledger's: nobody begins it again but the ledger.
        memo={MEMO: fingerprint(request), OWNER: ledger},
        search_attributes=search_attributes(request),
        static_summary=f"credit · {summary(request)}",
        static_details=DETAILS,
        cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        # A ledger that is terminated leaves its credit notes to end as they must.
        parent_close_policy=ParentClosePolicy.ABANDON,
    )
