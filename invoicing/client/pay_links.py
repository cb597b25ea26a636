"""The room of pay links: where a buyer pays an invoice."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from invoicing.state.identity import PAY_LINK_WORKFLOW, pay_link_id, workflow_id
from invoicing.state.pay_link import PayLink, PayLinkInput
from invoicing.temporal import engine
from invoicing.temporal.asking import accepted, known

AT_MOST = timedelta(minutes=3)
"""Then nobody waits for it any more, and it ends."""


class PayLinks:
    """Asks providers where their invoices are paid; `client.pay_links`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    @engine.told
    async def ask(self, reference: str) -> PayLink:
        """The page on which this invoice is paid, as its provider says now, or why there is none.

        Whoever has the address may see what is due: hand it to those alone who may. Those who ask
        at once share one answer; later it is asked for anew, for it may have expired. Needs a
        worker. Raises NotFound where there is no invoice.
        """
        invoice = self.temporal.get_workflow_handle(workflow_id(reference))
        await known(reference, invoice.describe())
        with accepted(reference):
            asking = await self.temporal.start_workflow(
                PAY_LINK_WORKFLOW,
                PayLinkInput(reference=reference),
                id=pay_link_id(reference),
                task_queue=self.task_queue,
                result_type=PayLink,
                execution_timeout=AT_MOST,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary="page to pay",
            )
        said: PayLink = await asking.result()
        return said
