"""The document of a final invoice is asked for, and nobody here waits for it."""

from __future__ import annotations

import contextlib

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from workflows.document import DocumentWorkflow
from workflows.invoice.life import Life
from workflows.kit.outbox import looked_at

with workflow.unsafe.imports_passed_through():
    from invoicing.document_file import DocumentInput
    from invoicing.state.identity import DETAILS, document_id


async def ask_for_document(life: Life) -> None:
    """Begin the workflow that fetches it, once for each invoice that is final under the reference,
    where the worker keeps documents."""
    case = life.case
    if case.document_asked or not (life.plan.keeps_document and case.was_final):
        return
    case.document_asked = True
    try:
        fetching = await workflow.start_child_workflow(
            DocumentWorkflow.run,
            DocumentInput(reference=life.request.reference),
            id=document_id(life.request.reference),
            # One that has ended is of an earlier invoice, or a person asked for it too early.
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            static_summary="document",
            static_details=DETAILS,
        )
    except WorkflowAlreadyStartedError:
        await _look_again(document_id(life.request.reference))
        return
    fetching.add_done_callback(looked_at)


async def _look_again(fetching: str) -> None:
    """Somebody asked before it was final: what waits by now would look hours later."""
    with contextlib.suppress(FailureError):
        await workflow.get_external_workflow_handle(fetching).signal("look_again")
