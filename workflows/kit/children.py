"""An invoice that another workflow begins and follows: that of an order's delivery, or a credit
note."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from workflows.invoice import InvoiceWorkflow

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory
    from invoicing.provider import Pace
    from invoicing.request import InvoiceRequest
    from invoicing.state.case import InvoiceInput
    from invoicing.state.identity import (
        DETAILS,
        MEMO,
        OWNER,
        fingerprint,
        search_attributes,
        summary,
        workflow_id,
    )
    from invoicing.state.news import Became, BecameCall

CALL = timedelta(seconds=30)
LOOKS = Pace(
    first=timedelta(seconds=10),
    factor=2,
    cap=timedelta(days=1),
    deadline=timedelta(days=3650),
)
"""How often an invoice that an earlier run began is looked at. It tells of its end by itself; the
looks are for one that was cut off and could not."""

Child = workflow.ChildWorkflowHandle[Any, Any]


async def start(request: InvoiceRequest, proven: str, what: str = "") -> Child:
    """Begin an invoice that is this workflow's own. `what` it is stands before its summary.

    Raises WorkflowAlreadyStartedError, also where one of its reference has ended: what that left at
    the provider is not ours.
    """
    fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
    owner = workflow.info().workflow_id
    return await workflow.start_child_workflow(
        InvoiceWorkflow.run,
        InvoiceInput.model_construct(**fields, tells=owner, proven=proven),
        id=workflow_id(request.reference),
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        # What is on it is its owner's: nobody else begins it again.
        memo={MEMO: fingerprint(request), OWNER: owner},
        search_attributes=search_attributes(request),
        static_summary=what + summary(request),
        static_details=DETAILS,
        cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        # An owner that is terminated leaves its invoices to end as they must.
        parent_close_policy=ParentClosePolicy.ABANDON,
    )


async def what_became(reference: str) -> Became:
    """How it is with one that an earlier run began. Running, where that cannot be asked now."""
    try:
        became: Became = await workflow.execute_activity_method(
            Directory.became,
            BecameCall(workflow_id=workflow_id(reference)),
            summary="what became of its invoice",
            start_to_close_timeout=CALL,
            schedule_to_close_timeout=timedelta(hours=1),
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )
    except ActivityError:
        return Became(running=True)
    return became


def pause(looks: int) -> timedelta:
    """Until the next look. A thousand of them are not looked at in one moment."""
    return LOOKS.pause(looks) * (0.7 + 0.3 * workflow.random().random())


def refused_at_once(error: ChildWorkflowError) -> bool:
    """Whether nothing was made, because what was asked for is refused."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type in ("Rejected", "Unsupported")


def sentence(error: ChildWorkflowError) -> str:
    """Why it failed."""
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else type(cause).__name__
