"""The room of documents: have an invoice's PDF fetched and kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from invoicing.document_file import DocumentInput, DocumentState
from invoicing.errors import NotFound
from invoicing.state import attributes
from invoicing.state.bounds import shown
from invoicing.state.identity import DETAILS, DOCUMENT_WORKFLOW, document_id, workflow_id
from invoicing.temporal import engine
from invoicing.temporal.asking import Execution, accepted, known, queried

AGAIN_AFTER = timedelta(minutes=1)
"""From then on what ended with a problem is tried again when somebody asks."""


class Documents:
    """Has documents fetched, and says what is kept; `client.documents`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    def handle(self, reference: str) -> Execution:
        """The workflow that fetches it, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(document_id(reference), result_type=DocumentState)

    @engine.told
    async def ask(self, reference: str) -> DocumentState:
        """Have it fetched where it is not kept yet, and say how it is with it now. Asking again
        a minute after there was a problem tries again; what is kept is not fetched twice.

        `wait` tells when it is over. Needs a worker. Raises NotFound where there is no invoice.
        """
        handle = self.handle(reference)
        invoice = self.temporal.get_workflow_handle(workflow_id(reference))
        await known(reference, invoice.describe())
        if await self._is_to_be_begun(handle):
            with accepted(reference):
                await self.temporal.start_workflow(
                    DOCUMENT_WORKFLOW,
                    DocumentInput(reference=reference),
                    id=handle.id,
                    task_queue=self.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    static_summary="document",
                    static_details=DETAILS,
                )
        return await self.state(reference)

    @engine.told
    async def state(self, reference: str) -> DocumentState:
        """How it is with the document now. What is kept of an earlier invoice under this reference
        is not its document. Raises NotFound where nobody has asked for it."""
        state = await queried(reference, self.handle(reference), "state", DocumentState)
        if await self._is_of_another(state):
            return DocumentState(reference=reference, waiting=OF_ANOTHER)
        return state

    @engine.told
    async def wait(self, reference: str) -> DocumentState:
        """How it was in the end: kept, or why there is none. Raises NotFound."""
        state: DocumentState = await self.handle(reference).result()
        return state

    async def _is_to_be_begun(self, handle: Execution) -> bool:
        try:
            last = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True
            raise
        if last.status is WorkflowExecutionStatus.RUNNING:
            return False
        if last.status is not WorkflowExecutionStatus.COMPLETED:
            return True
        state: DocumentState = await handle.result()
        if state.file is None:
            # Who asks again and again has one try a minute.
            ended = last.close_time or datetime.now(UTC)
            return datetime.now(UTC) - ended > AGAIN_AFTER
        return await self._is_of_another(state)

    async def _is_of_another(self, state: DocumentState) -> bool:
        """Whether what is kept is of another invoice than the one that stands there now. One that
        Temporal has forgotten has no successor."""
        if state.file is None:
            return False
        invoice = self.temporal.get_workflow_handle(workflow_id(state.reference))
        try:
            last = await known(state.reference, invoice.describe())
        except NotFound:
            return False
        stands = last.typed_search_attributes.get(attributes.PROVIDER_ID)
        return stands != shown(state.provider_id)


OF_ANOTHER = "what is kept is of an earlier invoice under this reference; that of this one is not"
