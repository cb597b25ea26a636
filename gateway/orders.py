"""Orders over REST: lines that are invoiced as they are delivered."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Query, Request, Response

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.inputs import Key, OnceKey, Reference, check_key, given, once
from gateway.pages import Paged, Words
from gateway.problems import Kind
from gateway.routes import Failure, Heads, Wait, begun, ending, page, written
from invoicing.client import Listed
from invoicing.client.shared import begun_with
from invoicing.model import Recorded
from invoicing.request import OrderRequest, ProviderName
from invoicing.state.identity import ORDER_WORKFLOW
from invoicing.state.invoice import Cancel, Journal, Resolve
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
from invoicing.temporal.lists import CutOffWord
from settings.callers import Scope

heads = Heads("orders", lambda behind, reference: behind.client.orders.handle(reference))
router = heads.router


class OrderResult(Recorded):
    """An order that was waited for. `ended` false: not yet, ask again."""

    ended: bool
    order: Order
    failure: Failure | None = None


@heads.begins(OrderRequest)
async def start_order(
    wanted: Annotated[OrderRequest, given(OrderRequest)],
    behind: Behind,
    request: Request,
    response: Response,
    key: Key = None,
) -> Listed:
    """Begin an order. The reference is the key: the same content again is the same order, other
    content is refused and says what differs. Needs no worker."""
    check_key(key, wanted.reference, "reference")
    start = partial(behind.client.orders.start, wanted)
    handle = behind.client.orders.handle(wanted.reference)
    return await begun(behind, request, response, wanted, start, handle)


class OrderFilters(Paged):
    """What a list is to show."""

    provider: ProviderName | None = None
    status: Annotated[OrderStatus | CutOffWord | None, Words] = None


class OrderPage(Recorded):
    """Orders, the latest first, a moment old. Without a cursor it is the last page."""

    orders: tuple[Listed, ...]
    cursor: str | None = None


@heads.lists()
async def list_orders(
    filters: Annotated[OrderFilters, Query()], behind: Behind, who: Who
) -> OrderPage:
    """Orders, the latest first. A reference that was begun anew is there once for each time."""
    chosen = {name: getattr(filters, name) for name in ("provider", "status")}
    rows, cursor = await page(behind, who, ORDER_WORKFLOW, filters, **chosen)
    return OrderPage(orders=rows, cursor=cursor)


@heads.reads("/{reference}", "The order as it is now")
async def get_order(reference: Reference, behind: Behind) -> Order:
    """Where the order is: every line, every delivery, every cancellation."""
    return await behind.answered(behind.client.orders.state(reference))


@heads.reads("/{reference}/journal", "What has happened so far")
async def get_order_journal(reference: Reference, behind: Behind) -> Journal:
    """What happened to the order, and who wanted it."""
    return await behind.answered(behind.client.orders.journal(reference))


@heads.reads(
    "/{reference}/request",
    "The request, as it would be sent again",
    more={200: {"model": OrderRequest}},
)
async def get_order_request(reference: Reference, behind: Behind) -> Response:
    """What the order was asked for with; lines that were added later are in the order. Needs no
    worker."""
    return written(await asked_for(reference, behind))


async def asked_for(reference: str, behind: Backend) -> OrderRequest:
    """The same. Raises NotFound, and Misread where it cannot be read here."""
    handle = behind.client.orders.handle(reference)
    asked = begun_with(behind.client.temporal, reference, handle, OrderInput)
    start = await behind.stored(asked)
    given = OrderRequest.model_fields.keys() & start.model_fields_set
    return OrderRequest.model_construct(**{name: getattr(start, name) for name in given})


@heads.reads(
    "/{reference}/result",
    "The order at its end, or as it was when the time was over",
    Kind.CUT_OFF,
    long=True,
)
async def await_order(reference: Reference, behind: Behind, wait: Wait = 20) -> OrderResult:
    """Wait until every line has its final status, and answer then or when the time is over."""
    ended, failure = await ending(behind.client.orders.result(reference), wait)
    order = await behind.answered(behind.client.orders.state(reference))
    return OrderResult(ended=ended or order.ended, order=order, failure=failure)


@heads.changes("/{reference}/deliver", Deliver, "The delivery as it is now", Scope.START)
async def deliver_lines(
    reference: Reference,
    wanted: Annotated[Deliver, given(Deliver)],
    behind: Behind,
    key: Key = None,
) -> DeliveryState:
    """Have these lines invoiced now. The same delivery again is the same delivery."""
    check_key(key, wanted.delivery, "delivery")
    return await behind.answered(behind.client.orders.deliver(reference, wanted))


@heads.changes("/{reference}/cancel-lines", CancelLines, "The cancellation as it is now")
async def cancel_lines(
    reference: Reference,
    wanted: Annotated[CancelLines, given(CancelLines)],
    behind: Behind,
    key: Key = None,
) -> CancellationState:
    """Take lines out that will not be delivered. The same cancellation again is the same one."""
    check_key(key, wanted.cancellation, "cancellation")
    return await behind.answered(behind.client.orders.cancel_lines(reference, wanted))


@heads.changes("/{reference}/add-lines", AddLines, "The order in brief", Scope.START)
async def add_lines(
    reference: Reference,
    wanted: Annotated[AddLines, given(AddLines)],
    behind: Behind,
    key: Key = None,
) -> OrderBrief:
    """Order more lines, while the order is open. The same addition again is the same one."""
    check_key(key, wanted.addition, "addition")
    return await behind.answered(behind.client.orders.add_lines(reference, wanted))


@heads.changes("/{reference}/cancel", Cancel, "The order in brief")
async def cancel_order(
    reference: Reference,
    order: Annotated[Cancel, given(Cancel)],
    behind: Behind,
    key: OnceKey = None,
) -> OrderBrief:
    """Cancel what is open and take back what is invoiced."""
    name = once(key, "cancel", order)
    return await behind.answered(behind.client.orders.cancel(reference, order, key=name))


@heads.changes("/{reference}/resolve", Resolve, "The order in brief")
async def resolve_order(
    reference: Reference,
    answer: Annotated[Resolve, given(Resolve)],
    behind: Behind,
    key: OnceKey = None,
) -> OrderBrief:
    """Answer the question that the order's `problem` shows, by its id; see an invoice's."""
    name = once(key, "resolve", answer)
    return await behind.answered(behind.client.orders.resolve(reference, answer, key=name))
