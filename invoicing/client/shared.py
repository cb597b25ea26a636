"""What the rooms of the client have in common: whose request a workflow stands for, pages of
lists, how an end is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar, cast

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from invoicing.errors import FieldProblem, InvoicingError, Misread, NotFound, ReferenceInUse
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.case import InvoiceInput
from invoicing.state.identity import MARK, MEMO, fingerprint
from invoicing.state.order_case import OrderInput
from invoicing.temporal import lists
from invoicing.temporal.asking import Execution, known
from invoicing.temporal.converter import Undecipherable
from invoicing.temporal.engine import stored
from invoicing.temporal.lists import Page

T = TypeVar("T")
U = TypeVar("U")


class Failed(InvoicingError):
    """The invoice ended without existing: refused at once, or nobody came to help it.

    `fields` is what was wrong field by field, the provider's words included.
    """

    def __init__(self, message: str, fields: Sequence[FieldProblem] = ()) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class Asked(NamedTuple):
    """Who asks, if that is proven, and the mark of the very call."""

    proven: str
    mark: str

    @property
    def memo(self) -> dict[str, str]:
        """What a workflow that this call begins keeps beside its request."""
        return {MARK: self.mark} if self.mark else {}


_BESIDE = ThreadPoolExecutor(1, thread_name_prefix="beside")
"""One: several that compute would hold up the loop as if they computed in it."""


async def _beside(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_BESIDE, work)


async def marks(request: InvoiceRequest | OrderRequest) -> dict[str, str]:
    """Its fingerprint, taken beside the loop: of thousands of adjustments it takes fifty
    milliseconds."""
    return await _beside(partial(fingerprint, request))


async def same(
    temporal: Client, handle: Execution, request: InvoiceRequest | OrderRequest
) -> Execution:
    """The handle, where it stands for this very content; ReferenceInUse where it does not."""
    wanted = await marks(request)
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
    kind: type[InvoiceInput | OrderInput]
    kind = OrderInput if isinstance(like, OrderRequest) else InvoiceInput
    try:
        return fingerprint((await begun_with(temporal, like.reference, handle, kind)).request())
    except Undecipherable:
        raise  # Whether it is the same is not known, and not to be guessed.
    except Misread:
        return None


@stored
async def begun_with(temporal: Client, reference: str, handle: Execution, kind: type[T]) -> T:
    """What its workflow was begun with, from its first event; needs no worker. Raises NotFound, and
    Misread where it cannot be read here."""
    pages = handle.fetch_history_events(page_size=1)
    await known(reference, pages.fetch_next_page())
    for begun in pages.current_page or ():
        payloads = begun.workflow_execution_started_event_attributes.input.payloads
        return await decoded(temporal.data_converter, payloads, kind)
    raise NotFound(reference)


async def remembered(
    temporal: Client, handle: Execution, memory: type[T], begun: type[U]
) -> T | U | None:
    """What the last run, which has ended, remembered (its query `memory`); where it was ended
    before a worker had seen it, what it was begun with."""
    last = await handle.describe()
    closed = temporal.get_workflow_handle(handle.id, run_id=last.run_id)
    try:
        return cast("T", await closed.query("memory", result_type=memory))
    except RPCError as error:
        if error.status is not RPCStatusCode.FAILED_PRECONDITION:
            raise
    async for first in closed.fetch_history_events(page_size=1):
        payloads = first.workflow_execution_started_event_attributes.input.payloads
        return await decoded(temporal.data_converter, payloads, begun)
    return None


async def decoded(converter: DataConverter, payloads: Sequence[Payload], kind: type[T]) -> T:
    """The one value of these. A large one is read beside the loop: nobody else waits for it."""
    codec = converter.payload_codec
    clear = await codec.decode(payloads) if codec else payloads
    read = partial(converter.payload_converter.from_payloads, clear, [kind])
    large = sum(len(each.data) for each in clear) > AT_ONCE
    (value,) = await _beside(read) if large else read()
    return cast("T", value)


AT_ONCE = 20_000
"""Bytes that are read in some milliseconds at most."""

Own = Callable[[WorkflowExecution], Awaitable[bool]]


@stored
async def page_of(
    temporal: Client, query: str, size: int, after: bytes | None, own: Own | None = None
) -> Page:
    """A part of what a list gives; of those alone that are `own`, where that is given."""
    found = temporal.list_workflows(query, page_size=size, next_page_token=after)
    await found.fetch_next_page()
    every = found.current_page or ()
    shown = [each for each in every if own is None or await own(each)]
    return Page(rows=tuple(map(lists.listed, shown)), next=found.next_page_token)


@stored
async def described(reference: str, handle: Execution) -> WorkflowExecutionDescription:
    """What the server knows of the workflow; needs no worker. Raises NotFound."""
    return await known(reference, handle.describe())


def raise_if_it_failed(reference: str, error: WorkflowFailureError) -> None:
    """Failed, where the workflow itself said why it failed: it was not ended from outside."""
    if isinstance(error.cause, ApplicationError):
        fields = [FieldProblem.model_validate(each) for each in error.cause.details]
        raise Failed(f"{reference}: {error.cause.message}", fields) from error


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
