"""The page on which an invoice is paid, asked for while somebody waits.

The answer is in this workflow's history and in no other: not in the invoice's, nor in anything that
Temporal does not encrypt.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory
    from activities.pay_link import PayLinkActivities
    from invoicing.credits.case import Looked, RequestedCall
    from invoicing.credits.credit import Requested
    from invoicing.provider import Target
    from invoicing.state.identity import provider_queue, workflow_id
    from invoicing.state.pay_link import PayLink, PayLinkInput

CALL = timedelta(seconds=25)
"""For one call, and PATIENCE for it with its repetition: somebody sits there and waits."""
PATIENCE = timedelta(seconds=55)
AWAY = "it could not be asked for in time: try again"


@workflow.defn
class PayLinkWorkflow:
    """look at the invoice → ask its provider."""

    @workflow.run
    async def run(self, start: PayLinkInput) -> PayLink:
        """The address, or why there is none."""
        looked = await self._looked(start.reference)
        if isinstance(looked, str):
            return self._told(start, problem=looked)
        try:
            address = await self._asked(looked)
        except ActivityError as error:
            cause = error.cause
            why = cause.message if isinstance(cause, ApplicationError) else AWAY
            return self._told(start, looked, problem=why)
        return self._told(start, looked, address=address)

    async def _looked(self, reference: str) -> Requested | str:
        """The invoice, or why there is nothing to pay."""
        try:
            looked: Looked = await workflow.execute_activity_method(
                Directory.requested,
                RequestedCall(workflow_id=workflow_id(reference)),
                summary="what the invoice is",
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=PATIENCE,
                retry_policy=RetryPolicy(maximum_attempts=2),
            )
        except ActivityError:
            return AWAY
        if looked.invoice is None:
            return "nobody knows an invoice with this reference"
        if not looked.invoice.invoice.final:
            return "the invoice is not final: there is nothing to pay"
        return looked.invoice

    async def _asked(self, invoice: Requested) -> str:
        wanted = invoice.request
        target = Target(
            account=wanted.account,
            reference=wanted.reference,
            provider_id=invoice.invoice.provider_id,
            context=invoice.context,
        )
        address: str = await workflow.execute_activity_method(
            PayLinkActivities.pay_link,
            target,
            task_queue=provider_queue(wanted.provider),
            summary="the page to pay",
            start_to_close_timeout=CALL,
            schedule_to_close_timeout=PATIENCE,
            retry_policy=RetryPolicy(maximum_attempts=2),
        )
        return address

    def _told(
        self,
        start: PayLinkInput,
        invoice: Requested | None = None,
        *,
        address: str = "",
        problem: str = "",
    ) -> PayLink:
        shown = invoice.invoice.provider_id if invoice else None
        return PayLink(
            reference=start.reference,
            provider_id=shown or "",
            address=address,
            asked=workflow.now(),
            problem=problem,
        )
