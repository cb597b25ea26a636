"""The room of reconciliations: compare a provider's books with ours."""

from __future__ import annotations

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy

from invoicing.books.claims import REGISTER_QUEUE
from invoicing.books.reconciling import Reconciled, ReconcileInput
from invoicing.client.server import ACTIVITIES, WORKFLOWS
from invoicing.client.shared import raise_if_it_failed
from invoicing.client.silence import served
from invoicing.errors import EngineRefused, NoWorker
from invoicing.state.identity import RECONCILIATION_WORKFLOW, provider_queue, reconciliation_id
from invoicing.temporal import engine
from invoicing.temporal.asking import Execution, raise_if_cut_off


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

        Raises NoWorker, and begins nothing, where a step of it would wait for a worker that is not
        there; Failed, CutOff, and EngineRefused where somebody cancelled it.
        """
        await self._refuse_unserved(start)
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

    async def _refuse_unserved(self, start: ReconcileInput) -> None:
        steps = (
            (self.task_queue, WORKFLOWS, "runs", "start one (`make worker`)"),
            (
                provider_queue(start.provider),
                ACTIVITIES,
                f"serves {start.provider}",
                "configure an account of it, or mind how it is written",
            ),
            (REGISTER_QUEUE, ACTIVITIES, "keeps a register", "set INVOICING_REGISTER_AT there"),
        )
        for queue, kind, does, remedy in steps:
            if not await served(self.temporal, queue, kind):
                raise NoWorker(f"no worker {does}: {remedy}; nothing was begun")
