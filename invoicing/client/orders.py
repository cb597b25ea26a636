"""The room of orders: begin one, deliver and cancel its lines, follow it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from invoicing.client.shared import Asked, marks, page_of, raise_if_it_failed, same
from invoicing.request import OrderRequest
from invoicing.state.bounds import refuse_too_large
from invoicing.state.identity import (
    DETAILS,
    MEMO,
    ORDER_WORKFLOW,
    order_id,
    search_attributes,
    share,
    summary,
)
from invoicing.state.invoice import Cancel, Journal, Problem, Resolve
from invoicing.state.order import (
    AddLines,
    CancellationState,
    CancelLines,
    Deliver,
    DeliveryState,
    Order,
    OrderBrief,
    OrderStatus,
)
from invoicing.state.order_case import OrderInput
from invoicing.temporal import engine, lists
from invoicing.temporal.asking import (
    Execution,
    accepted,
    answer,
    ask,
    known,
    queried,
    raise_if_cut_off,
)
from invoicing.temporal.lists import CutOffWord, Listed, Page


class Orders:
    """Orders that are invoiced line by line; `client.orders`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    @engine.stored
    async def start(self, request: OrderRequest, mark: str = "", *, proven: str = "") -> Execution:
        """Begin an order. Asked again, it is the same order, running or finished.

        One that was rejected, before anything was asked of the provider, begins anew. `mark` and
        `proven` are as for an invoice.

        Raises:
            ReferenceInUse: the reference stands for other content; it says what differs.
            TooLarge: the request cannot be stored; it says how large it may be.
        """
        refuse_too_large(request)
        asked = Asked(proven, mark)
        try:
            return await self._start(request, WorkflowIDReusePolicy.REJECT_DUPLICATE, asked)
        except WorkflowAlreadyStartedError:
            handle = self.handle(request.reference)
        if (await handle.describe()).status is not WorkflowExecutionStatus.FAILED:
            return await same(self.temporal, handle, request)
        return await self._start(request, WorkflowIDReusePolicy.ALLOW_DUPLICATE, asked)

    async def _start(
        self, request: OrderRequest, reuse: WorkflowIDReusePolicy, asked: Asked
    ) -> Execution:
        fields = {name: getattr(request, name) for name in OrderRequest.model_fields}
        told = await marks(request)
        with accepted(request.reference):
            handle = await self.temporal.start_workflow(
                ORDER_WORKFLOW,
                OrderInput.model_construct(**fields, proven=asked.proven),
                id=order_id(request.reference),
                task_queue=self.task_queue,
                result_type=Order,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=reuse,
                memo={MEMO: told, **asked.memo},
                search_attributes=search_attributes(request),
                static_summary=f"order · {summary(request)}",
                static_details=DETAILS,
                priority=Priority(fairness_key=share(request.account, asked.proven)),
            )
        return await same(self.temporal, handle, request)

    def handle(self, reference: str) -> Execution:
        """The workflow behind an order, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(order_id(reference), result_type=Order)

    @engine.stored_each
    async def list(
        self,
        *,
        provider: str | None = None,
        status: OrderStatus | CutOffWord | None = None,
        running: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[Listed, None]:
        """Orders by what lists know of them, the latest first; `running` leaves out the ended."""
        query = lists.query(ORDER_WORKFLOW, provider=provider, status=status, running=running)
        async for execution in self.temporal.list_workflows(query, limit=limit):
            yield lists.listed(execution)

    @engine.stored
    async def page(
        self,
        *,
        provider: str | None = None,
        status: OrderStatus | CutOffWord | None = None,
        size: int = 50,
        after: bytes | None = None,
    ) -> Page:
        """A part of what `list` gives, for callers who ask for the next one later."""
        query = lists.query(ORDER_WORKFLOW, provider=provider, status=status)
        return await page_of(self.temporal, query, size, after)

    @engine.stored
    async def listed(self, reference: str) -> Listed:
        """The order as lists show it; needs no worker. Raises NotFound."""
        return lists.listed(await known(reference, self.handle(reference).describe()))

    @engine.told
    async def state(self, reference: str) -> Order:
        """Where the order is: every line, every delivery. Raises NotFound."""
        return await queried(reference, self.handle(reference), "state", Order)

    @engine.told
    async def journal(self, reference: str) -> Journal:
        """What happened to the order. Raises NotFound."""
        return await queried(reference, self.handle(reference), "journal", Journal)

    @engine.told
    async def result(self, reference: str) -> Order:
        """Wait until every line has its final status. Raises NotFound, Failed, CutOff."""
        handle = self.handle(reference)
        try:
            result: Order = await known(reference, handle.result())
        except WorkflowFailureError as error:
            raise_if_it_failed(reference, error)
            raise_if_cut_off(reference, handle, error)
            return await self.state(reference)
        return result

    @engine.told
    async def deliver(self, reference: str, wanted: Deliver) -> DeliveryState:
        """Have these lines invoiced now. Raises NotFound, Refused, TooLarge."""
        handle = self.handle(reference)
        told: DeliveryState = await ask(
            reference, handle, "deliver", wanted, DeliveryState, key=None
        )
        return told

    @engine.told
    async def cancel_lines(self, reference: str, wanted: CancelLines) -> CancellationState:
        """Take lines out of the order that will not be delivered. Raises NotFound, Refused."""
        handle = self.handle(reference)
        told: CancellationState = await ask(
            reference, handle, "cancel_lines", wanted, CancellationState, key=None
        )
        return told

    @engine.told
    async def add_lines(self, reference: str, wanted: AddLines) -> OrderBrief:
        """Order more lines, while it is open and where its provider need not know it.

        Raises NotFound, Refused, TooLarge.
        """
        handle = self.handle(reference)
        told: OrderBrief = await ask(reference, handle, "add_lines", wanted, OrderBrief, key=None)
        return told

    @engine.told
    async def cancel(self, reference: str, order: Cancel, *, key: str | None = None) -> OrderBrief:
        """Cancel what is open and take back what is invoiced. Raises NotFound, Refused."""
        handle = self.handle(reference)
        told: OrderBrief = await ask(reference, handle, "cancel", order, OrderBrief, key)
        return told

    @engine.told
    async def resolve(self, reference: str, said: Resolve, *, key: str | None = None) -> OrderBrief:
        """Answer an order that needs attention. Raises as `resolve` does."""
        handle = self.handle(reference)

        async def problem() -> Problem | None:
            return (await self.state(reference)).problem

        def give() -> Awaitable[OrderBrief]:
            return ask(reference, handle, "resolve", said, OrderBrief, key)

        return await answer(said.question, give, problem)
