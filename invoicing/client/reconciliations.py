"""The room of reconciliations: compare a provider's books with ours."""

from __future__ import annotations

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from invoicing import engine
from invoicing.asking import Execution, raise_if_cut_off
from invoicing.client.shared import raise_if_it_failed
from invoicing.errors import EngineRefused
from invoicing.identity import RECONCILIATION_WORKFLOW, reconciliation_id
from invoicing.reconciling import Reconciled, ReconcileInput


class Reconciliations:
    """Begins them, and waits for what they find; `client.reconciliations`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    def handle(self, provider: str, account: str) -> Execution:
        """The workflow behind an account's reconciliation."""
        identity = reconciliation_id(provider, account)
        return self.temporal.get_workflow_handle(identity, result_type=Reconciled)

    @engine.told
    async def make(self, start: ReconcileInput) -> Reconciled:
        """Compare, or wait for the comparison of this account that is under way.

        Raises Failed, CutOff, and EngineRefused where somebody cancelled it.
        """
        handle = await self.temporal.start_workflow(
            RECONCILIATION_WORKFLOW,
            start,
            id=reconciliation_id(start.provider, start.account),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=Reconciled,
            static_summary=f"{start.provider} · reconciliation of {start.account}",
        )
        try:
            done: Reconciled = await handle.result()
        except WorkflowFailureError as error:
            raise_if_it_failed(handle.id, error)
            raise_if_cut_off(handle.id, handle, error)
            raise EngineRefused(f"{handle.id}: it was ended before it was done") from error
        return done
