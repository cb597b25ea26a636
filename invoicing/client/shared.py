"""What the rooms of the client have in common: whose request a workflow stands for, pages of
lists, how an end is told."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from invoicing import lists
from invoicing.asking import Execution, known
from invoicing.case import InvoiceInput
from invoicing.errors import InvoicingError, ReferenceInUse
from invoicing.identity import MARK, MEMO, fingerprint
from invoicing.lists import Page
from invoicing.order_case import OrderInput
from invoicing.request import InvoiceRequest, OrderRequest


class Failed(InvoicingError):
    """The invoice ended without existing: refused at once, or nobody came to help it."""


class Asked(NamedTuple):
    """Who asks, if that is proven, and the mark of the very call."""

    proven: str
    mark: str

    @property
    def memo(self) -> dict[str, str]:
        """What a workflow that this call begins keeps beside its request."""
        return {MARK: self.mark} if self.mark else {}


async def same(
    temporal: Client, handle: Execution, request: InvoiceRequest | OrderRequest
) -> Execution:
    """The handle, where it stands for this very content; ReferenceInUse where it does not."""
    wanted = fingerprint(request)
    left = (await (await handle.describe()).memo()).get(MEMO)
    given = left or await asked_for(temporal, handle, request) or wanted
    differs = sorted(name for name in {*given, *wanted} if given.get(name) != wanted.get(name))
    if differs:
        raise ReferenceInUse(request.reference, differs)
    return handle


async def asked_for(
    temporal: Client, handle: Execution, like: InvoiceRequest | OrderRequest
) -> dict[str, str] | None:
    """The fingerprint of a request whose caller left none, and that no worker has begun; None
    where it cannot be read."""
    kind = OrderInput if isinstance(like, OrderRequest) else InvoiceInput
    async for begun in handle.fetch_history_events(page_size=1):
        payloads = begun.workflow_execution_started_event_attributes.input.payloads
        with contextlib.suppress(ApplicationError):
            (asked,) = await temporal.data_converter.decode(payloads, [kind])
            return fingerprint(asked.request())
        break
    return None


async def page_of(temporal: Client, query: str, size: int, after: bytes | None) -> Page:
    """A part of what a list gives."""
    found = temporal.list_workflows(query, page_size=size, next_page_token=after)
    await found.fetch_next_page()
    rows = tuple(lists.listed(each) for each in found.current_page or ())
    return Page(rows=rows, next=found.next_page_token)


def raise_if_it_failed(reference: str, error: WorkflowFailureError) -> None:
    """Failed, where the workflow itself said why it failed: it was not ended from outside."""
    if isinstance(error.cause, ApplicationError):
        raise Failed(f"{reference}: {error.cause.message}") from error


async def news(reference: str, handle: Execution) -> AsyncIterator[None]:
    """Once at first, then whenever the history has grown, over every continue-as-new."""
    continued = True
    while continued:
        pages = handle.fetch_history_events(wait_new_event=True)
        page_follows = True
        while page_follows:
            await known(reference, pages.fetch_next_page())
            page_follows = pages.next_page_token is not None
            events = pages.current_page or ()
            kinds = {event.event_type for event in events}
            continued = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW in kinds
            if events:
                yield


async def raise_if_it_never_began(reference: str, handle: Execution) -> None:
    """Raise Failed for a workflow that ended on its input, and so has no state."""
    last = await handle.describe()
    if last.status is WorkflowExecutionStatus.FAILED:
        try:
            await handle.result()
        except WorkflowFailureError as error:
            raise_if_it_failed(reference, error)
