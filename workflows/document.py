"""The document of one invoice: asked for once it is final, fetched by its worker, and kept.

It has a life of its own: a store that is away, or a provider that takes days to make a PDF,
holds up nothing else.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from workflows.kit.instructions import of_no_input, of_one_input

with workflow.unsafe.imports_passed_through():
    from activities.document import DocumentActivities
    from activities.news import Directory
    from invoicing.credits.case import Looked, RequestedCall
    from invoicing.credits.credit import Requested
    from invoicing.document_file import DocumentFile, DocumentInput, DocumentState
    from invoicing.provider import DocumentCall, Event, Pace, Target
    from invoicing.state.identity import provider_queue, workflow_id
    from invoicing.state.invoice import Invoice

CALL = timedelta(seconds=60)
MOST_EVENTS = 10
"""News that are kept for one document; of more, the last."""
_FINAL = ("Rejected", "Unsupported")
"""Kinds of failure that waiting does not change."""


@workflow.defn
class DocumentWorkflow:
    """look at the invoice → fetch and keep; again, at growing intervals, until it is there."""

    @workflow.init
    def __init__(self, start: DocumentInput) -> None:
        self._state = DocumentState(reference=start.reference)
        self._events: tuple[Event, ...] = ()
        self._heard = 0
        self._pace = Pace(
            first=timedelta(seconds=5),
            factor=2,
            cap=timedelta(hours=6),
            deadline=start.patience,
        )

    @workflow.query(description="Whether the document is there, and why not.")
    def state(self) -> DocumentState:
        """What is known now."""
        return self._state

    @workflow.signal(description="Something the provider told us of the document.")
    @of_one_input
    def provider_event(self, event: Event) -> None:
        """What the invoice's own workflow, which has ended, can take no more."""
        self._events = (*self._events, event)[-MOST_EVENTS:]
        self._heard += 1

    @workflow.signal(description="The invoice has become final: look now.")
    @of_no_input
    def look_again(self) -> None:
        """From the invoice's own workflow, where somebody asked for its document before that."""
        self._heard += 1

    @workflow.run
    async def run(self, start: DocumentInput) -> DocumentState:
        """Until it is kept, or there will be none. What stands in the way is part of the result."""
        until = workflow.now() + start.patience
        looks = 0
        while not self._state.over:
            heard = self._heard
            await self._try(start.reference)
            if self._state.problem and self._heard > heard:
                # What was seen is older than what was told meanwhile.
                self._say(waiting=self._state.problem)
            if not self._state.over:
                await self._wait(looks, until, heard)
                looks += 1
        return self._state

    async def _wait(self, looks: int, until: datetime, heard: int) -> None:
        """Until it is time for the next look, or something is heard that the last one missed."""
        if workflow.now() >= until:
            self._say(problem=f"it did not come in time: {self._state.waiting}")
            return
        pause = min(self._pace.pause(looks), until - workflow.now())
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._heard > heard,
                timeout=pause,
                timeout_summary=self._state.waiting[:200],
            )

    async def _try(self, reference: str) -> None:
        looked = await self._looked(reference)
        if looked is None:
            return
        if looked.invoice is None:
            self._say(problem="nobody knows an invoice with this reference")
        elif not _has_one(looked.invoice.invoice):
            if looked.running:
                self._say(waiting="the invoice is not final yet")
            else:
                self._say(problem="the invoice has ended without being final")
        else:
            await self._keep(looked.invoice)

    async def _looked(self, reference: str) -> Looked | None:
        try:
            looked: Looked = await workflow.execute_activity_method(
                Directory.requested,
                RequestedCall(workflow_id=workflow_id(reference)),
                summary="what the invoice is",
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=timedelta(minutes=10),
                retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
            )
        except ActivityError:
            self._say(waiting="its workflow cannot be asked now")
            return None
        return looked

    async def _keep(self, invoice: Requested) -> None:
        wanted, shown = invoice.request, invoice.invoice
        target = Target(
            account=wanted.account,
            reference=wanted.reference,
            provider_id=shown.provider_id,
            context=invoice.context,
        )
        try:
            kept: DocumentFile = await workflow.execute_activity_method(
                DocumentActivities.keep_document,
                DocumentCall(target=target, events=self._events),
                task_queue=provider_queue(wanted.provider),
                summary="the document, to be kept",
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=timedelta(minutes=10),
                retry_policy=RetryPolicy(maximum_attempts=2, non_retryable_error_types=_FINAL),
            )
        except ActivityError as error:
            self._say_why_not(error)
        else:
            self._state = DocumentState(
                reference=wanted.reference, provider_id=shown.provider_id or "", file=kept
            )

    def _say_why_not(self, error: ActivityError) -> None:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            final = cause.type in _FINAL
            self._say(**{"problem" if final else "waiting": cause.message})
        else:
            self._say(waiting="no worker of the provider fetched it in time")

    def _say(self, *, waiting: str = "", problem: str = "") -> None:
        self._state = self._state.model_copy(update={"waiting": waiting, "problem": problem})


def _has_one(invoice: Invoice) -> bool:
    """Whether it is an invoice in law, or was one: what is credited keeps its document."""
    return invoice.final or (invoice.credited_whole and bool(invoice.number))
