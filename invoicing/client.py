"""What a calling Python service imports.

client = await InvoicingClient.connect("localhost:7233")
await client.start(request)      # the same request again is the same invoice
invoice = await client.result(request.reference)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Collection
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from invoicing import attributes, lists
from invoicing.asking import (
    Execution,
    Refused,
    accepted,
    answer,
    ask,
    cut_off,
    known,
    queried,
    raise_if_cut_off,
)
from invoicing.bounds import refuse_event, refuse_too_large
from invoicing.case import Earlier, InvoiceInput
from invoicing.connection import Unreachable, connect, converter, reach
from invoicing.credit import Credit
from invoicing.credit_case import Credits, CreditState
from invoicing.credit_client import CreditsClient
from invoicing.doubt import UNKNOWN_CONTENT
from invoicing.errors import CutOff, InvoicingError, NotFound, ReferenceInUse
from invoicing.identity import (
    DETAILS,
    EVENT_WORKFLOW,
    MARK,
    MEMO,
    ORDER_WORKFLOW,
    OWNER,
    TASK_QUEUE,
    WORKFLOW,
    content,
    event_id,
    fingerprint,
    order_id,
    search_attributes,
    summary,
    workflow_id,
)
from invoicing.invoice import (
    AFTER_THE_END,
    Cancel,
    Hold,
    Invoice,
    Journal,
    Problem,
    Release,
    Resolve,
    Status,
)
from invoicing.lists import CUT_OFF_BY, CutOffWord, Listed, Page
from invoicing.news import EventInput, EventState
from invoicing.order import (
    CancellationState,
    CancelLines,
    Deliver,
    DeliveryState,
    Order,
    OrderBrief,
    OrderStatus,
)
from invoicing.order_case import OrderInput
from invoicing.preview import PREVIEW_TIMEOUT, PREVIEW_WORKFLOW, Preview
from invoicing.provider import Event, Stage
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.stuck import stuck as standing_still

__all__ = [
    "CutOff",
    "Execution",
    "Failed",
    "InvoicingClient",
    "Listed",
    "Page",
    "Refused",
    "Unreachable",
    "connect",
    "converter",
    "reach",
    "web_page",
]


def web_page(web_ui: str, namespace: str, reference: str) -> str:
    """Where Temporal's Web UI, reached at `web_ui`, shows the invoice."""
    identity = quote(workflow_id(reference), safe="")
    return f"{web_ui.rstrip('/')}/namespaces/{namespace}/workflows/{identity}"


class Failed(InvoicingError):
    """The invoice ended without existing: refused at once, or nobody came to help it."""


class _Asked(NamedTuple):
    """Who asks, if that is proven, and the mark of the very call."""

    proven: str
    mark: str

    @property
    def memo(self) -> dict[str, str]:
        return {MARK: self.mark} if self.mark else {}


class InvoicingClient:
    """Asks for invoices and follows them, over a Temporal client that uses our `data_converter`."""

    def __init__(self, temporal: Client, *, task_queue: str = TASK_QUEUE) -> None:
        self.temporal = temporal
        self.task_queue = task_queue
        self._credits = CreditsClient(temporal, task_queue)

    @classmethod
    async def connect(cls, address: str, **options: Any) -> InvoicingClient:
        """Connect to a Temporal server; `options` are those of temporalio's `Client.connect`."""
        if "data_converter" not in options:
            options["data_converter"] = converter()
        return cls(await Client.connect(address, **options))

    async def start(
        self, request: InvoiceRequest, mark: str = "", *, proven: str = ""
    ) -> Execution:
        """Have this invoice made. Asked again, it is the same invoice, running or finished.

        A reference whose last run ended with nothing final at the provider begins anew, with other
        content only where that run left nothing there at all. So does one whose last run was cut
        off: its successor goes on with the invoice that it finds there.

        `proven` is who asks, where the caller has proven that: it goes into the journal. A run that
        this very call begins has `mark` in its memo.

        Raises:
            ReferenceInUse: the reference stands for other content; it says what differs.
            Refused: it is the invoice of an order's delivery; only its order begins it.
            TooLarge: the request cannot be stored; it says how large it may be.
        """
        refuse_too_large(request)
        asked = _Asked(proven, mark)
        try:
            return await self._start(request, WorkflowIDReusePolicy.REJECT_DUPLICATE, asked)
        except WorkflowAlreadyStartedError:
            handle = self.handle(request.reference)
        last = await handle.describe()
        await _refuse_if_owned(request.reference, last)
        left_nothing_final = _left_nothing_final(last)
        if not (left_nothing_final and await self._left_nothing(last)):
            # What it left is gone on with as it is, so it must be what is asked for now.
            await self._same(handle, request)
        if not (left_nothing_final or last.status in CUT_OFF_BY):
            return handle
        earlier = await self._earlier(handle, last, request)
        return await self._start(request, WorkflowIDReusePolicy.ALLOW_DUPLICATE, asked, earlier)

    async def _earlier(
        self, handle: Execution, last: WorkflowExecutionDescription, request: InvoiceRequest
    ) -> Earlier:
        """What a successor must know of the lives before it: all that they may have asked for."""
        memo = await last.memo()
        asked = memo.get(MEMO) or await self._asked_for(handle, request)
        return Earlier.of(
            memo,
            content(asked) if asked else UNKNOWN_CONTENT,
            last.close_time or datetime.now(UTC),
            unfinished=last.status in (*CUT_OFF_BY, WorkflowExecutionStatus.FAILED),
        )

    async def _left_nothing(self, last: WorkflowExecutionDescription) -> bool:
        """Whether the last run, which ended by itself, left no draft behind either."""
        status = last.typed_search_attributes.get(attributes.STATUS)
        if status != Status.ABANDONED:
            return status != Status.EXPIRED
        handle = self.temporal.get_workflow_handle(last.id, run_id=last.run_id, result_type=Invoice)
        invoice: Invoice = await handle.result()
        there = invoice.provider_id is not None and invoice.stage is not Stage.DELETED
        return not (there or invoice.in_doubt)

    async def _start(
        self,
        request: InvoiceRequest,
        reuse: WorkflowIDReusePolicy,
        asked: _Asked,
        earlier: Earlier | None = None,
    ) -> Execution:
        fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
        before = earlier.memo if earlier else {}
        with accepted(request.reference):
            handle = await self.temporal.start_workflow(
                WORKFLOW,
                InvoiceInput.model_construct(**fields, earlier=earlier, proven=asked.proven),
                id=workflow_id(request.reference),
                task_queue=self.task_queue,
                result_type=Invoice,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=reuse,
                memo={MEMO: fingerprint(request), **before, **asked.memo},
                search_attributes=search_attributes(request),
                static_summary=summary(request),
                static_details=DETAILS,
            )
        return await self._same(handle, request)

    async def _same(self, handle: Execution, request: InvoiceRequest | OrderRequest) -> Execution:
        wanted = fingerprint(request)
        left = (await (await handle.describe()).memo()).get(MEMO)
        given = left or await self._asked_for(handle, request) or wanted
        differs = sorted(name for name in {*given, *wanted} if given.get(name) != wanted.get(name))
        if differs:
            raise ReferenceInUse(request.reference, differs)
        return handle

    async def _asked_for(
        self, handle: Execution, like: InvoiceRequest | OrderRequest
    ) -> dict[str, str] | None:
        """The fingerprint of a request whose caller left none, and that no worker has begun; None
        where it cannot be read."""
        kind = OrderInput if isinstance(like, OrderRequest) else InvoiceInput
        async for begun in handle.fetch_history_events(page_size=1):
            payloads = begun.workflow_execution_started_event_attributes.input.payloads
            with contextlib.suppress(ApplicationError):
                (asked,) = await self.temporal.data_converter.decode(payloads, [kind])
                return fingerprint(asked.request())
            break
        return None

    def handle(self, reference: str) -> Execution:
        """The workflow behind a reference, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(workflow_id(reference), result_type=Invoice)

    async def result(self, reference: str) -> Invoice:
        """Wait until the invoice has ended, and return it.

        Its workflow may go on after that for a while, to look for what a lost create does late, or
        until the register has written everything down.
        Raises:
            NotFound: nobody asked for it.
            Failed: it was refused or it expired; `__cause__` has Temporal's failure where its
                workflow has closed.
            CutOff: the server or a person ended its run in the middle; it says what to do.
        """
        handle = self.handle(reference)
        closed = asyncio.ensure_future(handle.result())
        try:
            while not (await asyncio.wait({closed}, timeout=_BETWEEN_LOOKS))[0]:
                if await _only_looks_back(handle):
                    return _ended_well(await self.state(reference))
            result: Invoice = await known(reference, closed)
        except WorkflowFailureError as error:
            _raise_if_it_failed(reference, error)
            raise_if_cut_off(reference, handle, error)
            return _ended_well(await self.state(reference))
        finally:
            closed.cancel()
        return _ended_well(result)

    async def start_and_wait(self, request: InvoiceRequest) -> Invoice:
        """Have this invoice made, and wait for its end. Raises as `start` and `result` do."""
        await self.start(request)
        return await self.result(request.reference)

    async def state(self, reference: str) -> Invoice:
        """Where the invoice is.

        Raises:
            NotFound: nobody asked for it.
            Failed: no worker could read its request; the sentence names what is wrong with it.
        """
        try:
            return await queried(reference, self.handle(reference), "state", Invoice)
        except WorkflowQueryFailedError:
            await self._never_began(reference)
            raise

    async def _never_began(self, reference: str) -> None:
        """Raise Failed for a workflow that ended on its input, and so has no state."""
        last = await self.handle(reference).describe()
        if last.status is WorkflowExecutionStatus.FAILED:
            try:
                await self.handle(reference).result()
            except WorkflowFailureError as error:
                _raise_if_it_failed(reference, error)

    async def journal(self, reference: str) -> Journal:
        """What happened to the invoice. Raises NotFound."""
        return await queried(reference, self.handle(reference), "journal", Journal)

    async def list(
        self,
        *,
        provider: str | None = None,
        status: Status | CutOffWord | None = None,
        waiting_for: str | None = None,
        due_before: date | None = None,
        prefix: str | None = None,
        running: bool = False,
        stuck: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Listed]:
        """Invoices by what lists know of them, the latest first.

        `waiting_for` is whom (`person`, `provider`), for what (`amounts_differ`), or both as they
        are shown (`person: amounts_differ`). `prefix` is how the reference begins; `running` leaves
        out what has ended, and `stuck` all but what stands still (see `invoicing.stuck`).
        """
        query = lists.query(
            WORKFLOW,
            provider=provider,
            status=status,
            waiting_for=waiting_for,
            due_before=due_before,
            prefix=prefix,
            running=running,
        )
        found = (
            standing_still(self.temporal, query, limit)
            if stuck
            else self.temporal.list_workflows(query, limit=limit)
        )
        async for execution in found:
            yield lists.listed(execution)

    async def page(
        self,
        *,
        provider: str | None = None,
        status: Status | CutOffWord | None = None,
        waiting_for: str | None = None,
        size: int = 50,
        after: bytes | None = None,
    ) -> Page:
        """A part of what `list` gives, for callers who ask for the next one later."""
        query = lists.query(WORKFLOW, provider=provider, status=status, waiting_for=waiting_for)
        return await self._page(query, size, after)

    async def _page(self, query: str, size: int, after: bytes | None) -> Page:
        found = self.temporal.list_workflows(query, page_size=size, next_page_token=after)
        await found.fetch_next_page()
        rows = tuple(lists.listed(each) for each in found.current_page or ())
        return Page(rows=rows, next=found.next_page_token)

    async def listed(self, reference: str) -> Listed:
        """The last run as lists show it, but up to date; needs no worker. Raises NotFound."""
        return lists.listed(await known(reference, self.handle(reference).describe()))

    async def changes(self, reference: str) -> AsyncGenerator[Invoice, None]:
        """The invoice as it is now, and again whenever it has changed, until it has ended.

        One more look at the provider that shows nothing new is no change. The last one says
        `ended`; its workflow may go on looking for late effects. Raises NotFound, and CutOff after
        the last one that there was.
        """
        shown: Invoice | None = None
        async for _ in self._news(reference):
            state = await self.state(reference)
            if shown is None or _without_turn(state) != _without_turn(shown):
                yield state
            if state.ended:
                return
            shown = state
        if cut := await self.cut_off(reference):
            raise cut

    async def cut_off(self, reference: str) -> CutOff | None:
        """The error for a caller that waits for it, where its run was ended from outside; needs no
        worker. Raises NotFound."""
        return await cut_off(reference, self.handle(reference))

    async def _news(self, reference: str) -> AsyncIterator[None]:
        """Once at first, then whenever the history has grown, over every continue-as-new."""
        continued = True
        while continued:
            pages = self.handle(reference).fetch_history_events(wait_new_event=True)
            page_follows = True
            while page_follows:
                await known(reference, pages.fetch_next_page())
                page_follows = pages.next_page_token is not None
                events = pages.current_page or ()
                kinds = {event.event_type for event in events}
                continued = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW in kinds
                if events:
                    yield

    # An instruction with a `key` is carried out once, however often it comes with the same key:
    # the first outcome is given again. One that was refused is not remembered.

    async def hold(self, reference: str, order: Hold, *, key: str | None = None) -> Invoice:
        """Stop before the next irreversible step. Raises NotFound, Refused."""
        return await self._update(reference, "hold", order, key)

    async def release(self, reference: str, order: Release, *, key: str | None = None) -> Invoice:
        """Let a held invoice go on. Raises NotFound, Refused."""
        return await self._update(reference, "release", order, key)

    async def resolve(self, reference: str, said: Resolve, *, key: str | None = None) -> Invoice:
        """Answer the question that is open.

        Raises NotFound, TooLarge, and Refused with the question that is open instead.
        """

        async def problem() -> Problem | None:
            return (await self.state(reference)).problem

        return await answer(
            said.question, lambda: self._update(reference, "resolve", said, key), problem
        )

    async def cancel(self, reference: str, order: Cancel, *, key: str | None = None) -> Invoice:
        """Take the invoice back. Raises NotFound, Refused."""
        return await self._update(reference, "cancel", order, key)

    async def tell(
        self, provider: str, account: str, event: Event, *, pace: float = 1
    ) -> Execution:
        """Store something a provider told us; it finds its invoice by itself.

        Stored when this returns. The same event again is the same workflow, also after it ended.
        `pace` multiplies how long it waits for its invoice; less than 1 in tests. Raises TooLarge.
        """
        refuse_event(event)
        identity = event_id(provider, account, event.id)
        start = EventInput(provider=provider, account=account, event=event, pace=pace)
        with contextlib.suppress(WorkflowAlreadyStartedError), accepted(event.id):
            await self.temporal.start_workflow(
                EVENT_WORKFLOW,
                start,
                id=identity,
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"{provider} · {event.kind or 'event'}",
            )
        return self.temporal.get_workflow_handle(identity, result_type=EventState)

    async def preview(self, request: InvoiceRequest) -> Preview:
        """What would become of this request, found out without creating anything.

        Raises TooLarge, and Unreachable when no worker answers in time.
        """
        refuse_too_large(request)
        with accepted(request.reference):
            handle = await self.temporal.start_workflow(
                PREVIEW_WORKFLOW,
                request,
                id=f"preview/{request.reference}/{uuid4()}",
                task_queue=self.task_queue,
                result_type=Preview,
                execution_timeout=PREVIEW_TIMEOUT,
                static_summary=f"{request.provider} · preview, creates nothing",
            )
        try:
            result: Preview = await handle.result()
        except WorkflowFailureError as error:
            _raise_if_it_failed(request.reference, error)
            raise Unreachable(
                f"{request.reference}: no worker for {request.provider} answered in time"
            ) from None
        return result

    # Events that nobody could be found for

    async def events(
        self, *, limit: int | None = None, under: Collection[str] = ()
    ) -> AsyncIterator[str]:
        """The ids of the events that wait for a person, the latest first; those that begin with one
        of `under`, such as `mollie/shop/`, if it names any."""
        query = (
            f"WorkflowType = {attributes.quoted(EVENT_WORKFLOW)} AND ExecutionStatus = 'Running' "
            f"AND {attributes.STATUS.name} = {attributes.quoted(Status.NEEDS_ATTENTION)}"
        )
        if under:
            query += f" AND {lists.begins('WorkflowId', [_EVENT + one for one in under])}"
        async for execution in self.temporal.list_workflows(query, limit=limit):
            yield execution.id.removeprefix(_EVENT)

    async def event(self, event: str) -> EventState:
        """Where an event is; its id is `provider/account/id`. Raises NotFound."""
        return await queried(event, self._event_handle(event), "state", EventState)

    async def told(self, event: str) -> Event:
        """What the provider told, as it was stored; needs no worker. Raises NotFound, and
        InvoicingError where it cannot be read here."""
        pages = self._event_handle(event).fetch_history_events(page_size=1)
        await known(event, pages.fetch_next_page())
        for begun in pages.current_page or ():
            payloads = begun.workflow_execution_started_event_attributes.input.payloads
            try:
                (start,) = await self.temporal.data_converter.decode(payloads, [EventInput])
            except ApplicationError as error:
                raise InvoicingError(f"{event}: what was told cannot be read here") from error
            return Event.model_validate(start.event)
        raise NotFound(event)

    async def resolve_event(
        self, event: str, said: Resolve, *, key: str | None = None
    ) -> EventState:
        """Answer for an event that waits for a person. Raises as `resolve` does."""
        handle = self._event_handle(event)

        async def problem() -> Problem | None:
            return (await self.event(event)).problem

        def give() -> Awaitable[EventState]:
            return ask(event, handle, "resolve", said, EventState, key)

        return await answer(said.question, give, problem)

    def _event_handle(self, event: str) -> Execution:
        return self.temporal.get_workflow_handle(
            f"{_EVENT}{event.removeprefix(_EVENT)}", result_type=EventState
        )

    # Orders

    async def start_order(
        self, request: OrderRequest, mark: str = "", *, proven: str = ""
    ) -> Execution:
        """Begin an order. Asked again, it is the same order, running or finished.

        One that was rejected, before anything was asked of the provider, begins anew. `mark` and
        `proven` are as for an invoice.

        Raises:
            ReferenceInUse: the reference stands for other content; it says what differs.
            TooLarge: the request cannot be stored; it says how large it may be.
        """
        refuse_too_large(request)
        asked = _Asked(proven, mark)
        try:
            return await self._start_order(request, WorkflowIDReusePolicy.REJECT_DUPLICATE, asked)
        except WorkflowAlreadyStartedError:
            handle = self.order_handle(request.reference)
        if (await handle.describe()).status is not WorkflowExecutionStatus.FAILED:
            return await self._same(handle, request)
        return await self._start_order(request, WorkflowIDReusePolicy.ALLOW_DUPLICATE, asked)

    async def _start_order(
        self, request: OrderRequest, reuse: WorkflowIDReusePolicy, asked: _Asked
    ) -> Execution:
        fields = {name: getattr(request, name) for name in OrderRequest.model_fields}
        with accepted(request.reference):
            handle = await self.temporal.start_workflow(
                ORDER_WORKFLOW,
                OrderInput.model_construct(**fields, proven=asked.proven),
                id=order_id(request.reference),
                task_queue=self.task_queue,
                result_type=Order,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=reuse,
                memo={MEMO: fingerprint(request), **asked.memo},
                search_attributes=search_attributes(request),
                static_summary=f"order · {summary(request)}",
                static_details=DETAILS,
            )
        return await self._same(handle, request)

    def order_handle(self, reference: str) -> Execution:
        """The workflow behind an order, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(order_id(reference), result_type=Order)

    async def orders(
        self,
        *,
        provider: str | None = None,
        status: OrderStatus | CutOffWord | None = None,
        running: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Listed]:
        """Orders by what lists know of them, the latest first; `running` leaves out the ended."""
        query = lists.query(ORDER_WORKFLOW, provider=provider, status=status, running=running)
        async for execution in self.temporal.list_workflows(query, limit=limit):
            yield lists.listed(execution)

    async def order_page(
        self,
        *,
        provider: str | None = None,
        status: OrderStatus | CutOffWord | None = None,
        size: int = 50,
        after: bytes | None = None,
    ) -> Page:
        """A part of what `orders` gives, for callers who ask for the next one later."""
        query = lists.query(ORDER_WORKFLOW, provider=provider, status=status)
        return await self._page(query, size, after)

    async def listed_order(self, reference: str) -> Listed:
        """The order as lists show it; needs no worker. Raises NotFound."""
        return lists.listed(await known(reference, self.order_handle(reference).describe()))

    async def order(self, reference: str) -> Order:
        """Where the order is: every line, every delivery. Raises NotFound."""
        return await queried(reference, self.order_handle(reference), "state", Order)

    async def order_journal(self, reference: str) -> Journal:
        """What happened to the order. Raises NotFound."""
        return await queried(reference, self.order_handle(reference), "journal", Journal)

    async def order_result(self, reference: str) -> Order:
        """Wait until every line has its final status. Raises NotFound, Failed, CutOff."""
        handle = self.order_handle(reference)
        try:
            result: Order = await known(reference, handle.result())
        except WorkflowFailureError as error:
            _raise_if_it_failed(reference, error)
            raise_if_cut_off(reference, handle, error)
            return await self.order(reference)
        return result

    async def deliver(self, reference: str, wanted: Deliver) -> DeliveryState:
        """Have these lines invoiced now. Raises NotFound, Refused, TooLarge."""
        handle = self.order_handle(reference)
        told: DeliveryState = await ask(
            reference, handle, "deliver", wanted, DeliveryState, key=None
        )
        return told

    async def cancel_lines(self, reference: str, wanted: CancelLines) -> CancellationState:
        """Take lines out of the order that will not be delivered. Raises NotFound, Refused."""
        handle = self.order_handle(reference)
        told: CancellationState = await ask(
            reference, handle, "cancel_lines", wanted, CancellationState, key=None
        )
        return told

    async def cancel_order(
        self, reference: str, order: Cancel, *, key: str | None = None
    ) -> OrderBrief:
        """Cancel what is open and take back what is invoiced. Raises NotFound, Refused."""
        handle = self.order_handle(reference)
        told: OrderBrief = await ask(reference, handle, "cancel", order, OrderBrief, key)
        return told

    async def resolve_order(
        self, reference: str, said: Resolve, *, key: str | None = None
    ) -> OrderBrief:
        """Answer an order that needs attention. Raises as `resolve` does."""
        handle = self.order_handle(reference)

        async def problem() -> Problem | None:
            return (await self.order(reference)).problem

        def give() -> Awaitable[OrderBrief]:
            return ask(reference, handle, "resolve", said, OrderBrief, key)

        return await answer(said.question, give, problem)

    # Credits

    async def credit(self, reference: str, wanted: Credit) -> CreditState:
        """Credit what is left of an invoice, or a part of it. Raises Refused with what is left."""
        return await self._credits.credit(reference, wanted)

    async def credits(self, reference: str) -> Credits:
        """What is left to credit of an invoice, and every credit. Raises NotFound where nobody has
        credited anything of it."""
        return await self._credits.state(reference)

    async def credits_journal(self, reference: str) -> Journal:
        """What happened to the credits of an invoice. Raises NotFound."""
        return await self._credits.journal(reference)

    async def resolve_credits(
        self, reference: str, said: Resolve, *, key: str | None = None
    ) -> Credits:
        """Say whether a credit stands. Raises as `resolve` does."""
        return await self._credits.resolve(reference, said, key=key)

    async def _update(
        self,
        reference: str,
        name: str,
        order: Hold | Release | Resolve | Cancel,
        key: str | None,
    ) -> Invoice:
        handle = self.handle(reference)
        result: Invoice = await ask(reference, handle, name, order, Invoice, key)
        return result


_EVENT = "event/"

_BETWEEN_LOOKS = 15
"""Seconds after which whoever waits for a result asks the lists whether it has come already."""


async def _only_looks_back(handle: Execution) -> bool:
    """Whether it has ended, and its workflow only waits for what may take effect late, or for the
    register."""
    last = await handle.describe()
    return last.typed_search_attributes.get(attributes.WAITING_FOR) in AFTER_THE_END


async def _refuse_if_owned(reference: str, last: WorkflowExecutionDescription) -> None:
    """An order's ledger says on which invoice a line is; begun beside it, it would be on two."""
    if owner := (await last.memo()).get(OWNER):
        raise Refused(f"{reference}: it belongs to {owner}: only that begins it")


def _without_turn(state: Invoice) -> Invoice:
    waiting = state.waiting and state.waiting.model_copy(update={"turn": 0})
    return state.model_copy(update={"waiting": waiting})


def _ended_well(state: Invoice) -> Invoice:
    """The same, if it ended as anything but a failure. Its status says so at once; its workflow
    fails only when it closes, which what comes after the end may put off. Raises Failed."""
    if state.ended and state.status in (Status.REJECTED, Status.EXPIRED):
        why = state.problem.what if state.problem else "nobody came in time"
        raise Failed(f"{state.reference}: {why}")
    return state


def _raise_if_it_failed(reference: str, error: WorkflowFailureError) -> None:
    """Failed, where the workflow itself said why it failed: it was not ended from outside."""
    if isinstance(error.cause, ApplicationError):
        raise Failed(f"{reference}: {error.cause.message}") from error


def _left_nothing_final(last: WorkflowExecutionDescription) -> bool:
    """Whether the last run ended by itself and knew of no invoice with a number."""
    failed = last.status is WorkflowExecutionStatus.FAILED
    status = last.typed_search_attributes.get(attributes.STATUS)
    ended = failed or status in (Status.CANCELLED, Status.ABANDONED)
    return ended and not last.typed_search_attributes.get(attributes.NUMBER)
