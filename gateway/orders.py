"""Orders over REST: lines that are invoiced as they are delivered."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response

from gateway.backend import Behind
from gateway.inputs import Key, OnceKey, Reference, accepts, check_key, given, once
from gateway.pages import Bookmarks, Paged, Words
from gateway.problems import Kind, documented
from gateway.routes import (
    AGAIN,
    BODY,
    COMMON,
    INSTRUCTED,
    ONE,
    OPERATE,
    READ,
    START,
    Failure,
    Wait,
    begun,
    ending,
)
from invoicing.client import Listed
from invoicing.invoice import Cancel, Journal, Resolve
from invoicing.lists import CutOffWord
from invoicing.model import Recorded
from invoicing.order import (
    CancellationState,
    CancelLines,
    Deliver,
    DeliveryState,
    Order,
    OrderBrief,
    OrderStatus,
)
from invoicing.request import OrderRequest, ProviderName

router = APIRouter(prefix="/v1/orders", tags=["orders"])


class OrderResult(Recorded):
    """An order that was waited for. `ended` false: not yet, ask again."""

    ended: bool
    order: Order
    failure: Failure | None = None


@router.post(
    "",
    status_code=201,
    dependencies=START,
    openapi_extra=accepts(OrderRequest),
    responses=AGAIN | documented(*COMMON, *BODY, Kind.IN_USE),
    response_description="It was not there before: now it is",
)
async def start_order(
    wanted: Annotated[OrderRequest, given(OrderRequest)],
    behind: Behind,
    response: Response,
    key: Key = None,
) -> Listed:
    """Begin an order. The reference is the key: the same content again is the same order, other
    content is refused and says what differs. Needs no worker."""
    check_key(key, wanted.reference, "reference")
    start = behind.client.start_order(wanted)
    listed = partial(behind.client.listed_order, wanted.reference)
    return await begun(behind, response, router.prefix, start, listed)


class OrderFilters(Paged):
    """What a list is to show."""

    provider: ProviderName | None = None
    status: Annotated[OrderStatus | CutOffWord | None, Words] = None


class OrderPage(Recorded):
    """Orders, the latest first, a moment old. Without a cursor it is the last page."""

    orders: tuple[Listed, ...]
    cursor: str | None = None


@router.get(
    "",
    dependencies=READ,
    responses=documented(*COMMON),
    response_description="One page",
)
async def list_orders(filters: Annotated[OrderFilters, Query()], behind: Behind) -> OrderPage:
    """Orders, the latest first. A reference that was begun anew is there once for each time."""
    chosen = {name: getattr(filters, name) for name in ("provider", "status")}
    marks = Bookmarks("orders", chosen)
    after = marks.token(filters.cursor)
    found = await behind.stored(behind.client.order_page(**chosen, size=filters.limit, after=after))
    return OrderPage(orders=found.rows, cursor=marks.cursor(found.next))


@router.get(
    "/{reference}",
    dependencies=READ,
    responses=documented(*ONE),
    response_description="The order as it is now",
)
async def get_order(reference: Reference, behind: Behind) -> Order:
    """Where the order is: every line, every delivery, every cancellation."""
    return await behind.answered(behind.client.order(reference))


@router.get(
    "/{reference}/journal",
    dependencies=READ,
    responses=documented(*ONE),
    response_description="What has happened so far",
)
async def get_order_journal(reference: Reference, behind: Behind) -> Journal:
    """What happened to the order, and who wanted it."""
    return await behind.answered(behind.client.order_journal(reference))


@router.get(
    "/{reference}/result",
    dependencies=READ,
    responses=documented(*ONE, Kind.CUT_OFF),
    response_description="The order at its end, or as it was when the time was over",
)
async def await_order(reference: Reference, behind: Behind, wait: Wait = 20) -> OrderResult:
    """Wait until every line has its final status, and answer then or when the time is over."""
    ended, failure = await ending(behind.client.order_result(reference), wait)
    order = await behind.answered(behind.client.order(reference))
    return OrderResult(ended=ended or order.ended, order=order, failure=failure)


@router.post(
    "/{reference}/deliver",
    dependencies=START,
    openapi_extra=accepts(Deliver),
    responses=INSTRUCTED,
    response_description="The delivery as it is now",
)
async def deliver_lines(
    reference: Reference,
    wanted: Annotated[Deliver, given(Deliver)],
    behind: Behind,
    key: Key = None,
) -> DeliveryState:
    """Have these lines invoiced now. The same delivery again is the same delivery."""
    check_key(key, wanted.delivery, "delivery")
    return await behind.answered(behind.client.deliver(reference, wanted))


@router.post(
    "/{reference}/cancel-lines",
    dependencies=OPERATE,
    openapi_extra=accepts(CancelLines),
    responses=INSTRUCTED,
    response_description="The cancellation as it is now",
)
async def cancel_lines(
    reference: Reference,
    wanted: Annotated[CancelLines, given(CancelLines)],
    behind: Behind,
    key: Key = None,
) -> CancellationState:
    """Take lines out that will not be delivered. The same cancellation again is the same one."""
    check_key(key, wanted.cancellation, "cancellation")
    return await behind.answered(behind.client.cancel_lines(reference, wanted))


@router.post(
    "/{reference}/cancel",
    dependencies=OPERATE,
    openapi_extra=accepts(Cancel),
    responses=INSTRUCTED,
    response_description="The order in brief",
)
async def cancel_order(
    reference: Reference,
    order: Annotated[Cancel, given(Cancel)],
    behind: Behind,
    key: OnceKey = None,
) -> OrderBrief:
    """Cancel what is open and take back what is invoiced."""
    name = once(key, "cancel", order)
    return await behind.answered(behind.client.cancel_order(reference, order, key=name))


@router.post(
    "/{reference}/resolve",
    dependencies=OPERATE,
    openapi_extra=accepts(Resolve),
    responses=INSTRUCTED,
    response_description="The order in brief",
)
async def resolve_order(
    reference: Reference,
    answer: Annotated[Resolve, given(Resolve)],
    behind: Behind,
    key: OnceKey = None,
) -> OrderBrief:
    """Answer the question that the order's `problem` shows, by its id; see an invoice's."""
    name = once(key, "resolve", answer)
    return await behind.answered(behind.client.resolve_order(reference, answer, key=name))
