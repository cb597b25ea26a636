"""What a calling Python service imports.

client = await InvoicingClient.connect("localhost:7233")
invoice = await client.start(request)      # the same request again returns the same invoice
invoice = await client.result(request.reference)
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from typing import Any, TypeVar

from pydantic_core import to_json
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from invoicing import attributes
from invoicing.case import InvoiceInput
from invoicing.converter import data_converter
from invoicing.errors import InvoicingError, NotFound, ReferenceInUse
from invoicing.invoice import Cancel, Hold, Invoice, Journal, Release, Resolve, Status
from invoicing.request import InvoiceRequest

TASK_QUEUE = "invoicing"
WORKFLOW = "InvoiceWorkflow"
MEMO = "fingerprint"

T = TypeVar("T")
Execution = WorkflowHandle[Any, Any]


def workflow_id(reference: str) -> str:
    """One reference, one workflow: this is what makes a second invoice impossible to ask for."""
    return f"invoice/{reference}"


def fingerprint(request: InvoiceRequest) -> dict[str, str]:
    """A digest per part of the request, to say where two requests differ without showing either."""
    parts = {name: getattr(request, name) for name in type(request).model_fields}
    document = parts.pop("document")
    for name in type(document).model_fields:
        parts[f"document.{name}"] = getattr(document, name)
    return {name: hashlib.sha256(to_json(part)).hexdigest()[:16] for name, part in parts.items()}


class Refused(InvoicingError):
    """The invoice cannot do that now; the sentence says why. Nothing has changed."""


class Failed(InvoicingError):
    """The invoice ended without existing: refused at once, or nobody came to help it."""


class InvoicingClient:
    """Asks for invoices and follows them, over a Temporal client that uses our `data_converter`."""

    def __init__(self, temporal: Client, *, task_queue: str = TASK_QUEUE) -> None:
        self.temporal = temporal
        self._queue = task_queue

    @classmethod
    async def connect(cls, address: str, **options: Any) -> InvoicingClient:
        """Connect to a Temporal server; `options` are those of temporalio's `Client.connect`."""
        options.setdefault("data_converter", data_converter)
        return cls(await Client.connect(address, **options))

    async def start(self, request: InvoiceRequest) -> Execution:
        """Have this invoice made. Asked again, it is the same invoice, running or finished.

        A reference whose last run ended with nothing alive at the provider begins anew.

        Raises:
            ReferenceInUse: the reference stands for other content; it says what differs.
        """
        try:
            return await self._start(request, WorkflowIDReusePolicy.REJECT_DUPLICATE)
        except WorkflowAlreadyStartedError:
            handle = self.handle(request.reference)
        if not _may_begin_anew(await handle.describe()):
            return await self._same(handle, request)
        return await self._start(request, WorkflowIDReusePolicy.ALLOW_DUPLICATE, look_first=True)

    async def _start(
        self, request: InvoiceRequest, reuse: WorkflowIDReusePolicy, *, look_first: bool = False
    ) -> Execution:
        fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
        handle = await self.temporal.start_workflow(
            WORKFLOW,
            InvoiceInput.model_construct(**fields, look_first=look_first),
            id=workflow_id(request.reference),
            task_queue=self._queue,
            result_type=Invoice,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse,
            memo={MEMO: fingerprint(request)},
            search_attributes=_search_attributes(request),
            static_summary=f"{request.provider} · to be {request.goal}",
        )
        return await self._same(handle, request)

    async def _same(self, handle: Execution, request: InvoiceRequest) -> Execution:
        wanted = fingerprint(request)
        given = (await (await handle.describe()).memo()).get(MEMO, wanted)
        differs = sorted(name for name in wanted if given.get(name) != wanted[name])
        if differs:
            raise ReferenceInUse(request.reference, differs)
        return handle

    def handle(self, reference: str) -> Execution:
        """The workflow behind a reference, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(workflow_id(reference), result_type=Invoice)

    async def result(self, reference: str) -> Invoice:
        """Wait until the invoice has ended, and return it.

        Raises:
            NotFound: nobody asked for it.
            Failed: it was refused or it expired; `__cause__` has Temporal's failure.
        """
        try:
            result: Invoice = await _known(reference, self.handle(reference).result())
        except WorkflowFailureError as error:
            if isinstance(error.cause, ApplicationError):
                raise Failed(f"{reference}: {error.cause.message}") from error
            return await self.state(reference)
        return result

    async def state(self, reference: str) -> Invoice:
        """Where the invoice is. Raises NotFound."""
        query = self.handle(reference).query("state", result_type=Invoice)
        return await _known(reference, query)

    async def journal(self, reference: str) -> Journal:
        """What happened to the invoice. Raises NotFound."""
        query = self.handle(reference).query("journal", result_type=Journal)
        return await _known(reference, query)

    async def hold(self, reference: str, order: Hold) -> Invoice:
        """Stop before the next irreversible step. Raises NotFound, Refused."""
        return await self._update(reference, "hold", order)

    async def release(self, reference: str, order: Release) -> Invoice:
        """Let a held invoice go on. Raises NotFound, Refused."""
        return await self._update(reference, "release", order)

    async def resolve(self, reference: str, answer: Resolve) -> Invoice:
        """Answer a parked invoice. Raises NotFound, Refused."""
        return await self._update(reference, "resolve", answer)

    async def cancel(self, reference: str, order: Cancel) -> Invoice:
        """Take the invoice back. Raises NotFound, Refused."""
        return await self._update(reference, "cancel", order)

    async def _update(
        self, reference: str, name: str, order: Hold | Release | Resolve | Cancel
    ) -> Invoice:
        call = self.handle(reference).execute_update(name, order, result_type=Invoice)
        try:
            return await _known(reference, call)
        except WorkflowUpdateFailedError as error:
            raise Refused(f"{reference}: {error.cause}") from error


async def _known(reference: str, call: Awaitable[T]) -> T:
    try:
        return await call
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise NotFound(reference) from error
        raise


def _search_attributes(request: InvoiceRequest) -> TypedSearchAttributes:
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(attributes.PROVIDER, request.provider),
        SearchAttributePair(attributes.REFERENCE, request.reference),
        SearchAttributePair(attributes.STATUS, Status.STARTED.value),
    ]
    if due := request.document.due_date:
        pairs.append(SearchAttributePair(attributes.DUE_DATE, attributes.midnight(due)))
    return TypedSearchAttributes(pairs)


def _may_begin_anew(last: WorkflowExecutionDescription) -> bool:
    """Whether the last run left nothing final behind.

    A terminated run may have left anything behind: its successor looks before it creates.
    """
    if last.typed_search_attributes.get(attributes.NUMBER):
        return False
    if last.status in (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT):
        return True
    return last.typed_search_attributes.get(attributes.STATUS) in (
        Status.CANCELLED,
        Status.ABANDONED,
        Status.REJECTED,
        Status.EXPIRED,
    )
