"""Lists of invoices and orders, page by page: from the register where it has them, else as
Temporal lists them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from console import booked
from console.door import Console, Desk, Looking
from console.render import Visitor
from console.subjects import Kind
from gateway import invoices, orders
from gateway.backend import Backend
from gateway.callers import Caller
from gateway.pages import Paged
from gateway.problems import Kind as Problem
from gateway.problems import Trouble
from invoicing.parse import read
from invoicing.state.invoice import Status
from invoicing.state.order import OrderStatus
from invoicing.temporal.lists import CUT_OFF, Listed

router = APIRouter()

ROWS = 50
"""Of a page."""

_Page = tuple[tuple[Listed, ...], str | None]
"""Rows, and the cursor of the next page."""


async def _invoices(filters: Any, behind: Backend, who: Caller) -> _Page:
    found = await invoices.list_invoices(filters, behind, who)
    return found.invoices, found.cursor


async def _orders(filters: Any, behind: Backend, who: Caller) -> _Page:
    found = await orders.list_orders(filters, behind, who)
    return found.orders, found.cursor


class _List(NamedTuple):
    """What one kind of list is filtered by, who gives it, and which statuses may be chosen."""

    filters: type[invoices.Filters | orders.OrderFilters]
    page: Callable[[Any, Backend, Caller], Awaitable[_Page]]
    statuses: tuple[str, ...]


LISTS: Mapping[str, _List] = {
    f"/{Kind.INVOICES}": _List(invoices.Filters, _invoices, (*Status, CUT_OFF)),
    f"/{Kind.ORDERS}": _List(orders.OrderFilters, _orders, (*OrderStatus, CUT_OFF)),
}
"""By their routes."""


@router.get(f"/{Kind.INVOICES}")
async def list_invoices(request: Request, desk: Desk, visitor: Looking) -> HTMLResponse:
    """Invoices, the latest first: from the register, where it has them."""
    if desk.backend.books is None:
        return await _listed(request, desk, visitor, desk.pages.words("list.no_register"))
    if request.query_params.get("status") == CUT_OFF:
        return await _listed(request, desk, visitor, desk.pages.words("list.no_rows_cut_off"))
    try:
        return await booked.show(request, desk, visitor)
    except Trouble as trouble:
        if trouble.kind is not Problem.UNAVAILABLE or "cursor" in request.query_params:
            raise
    return await _listed(request, desk, visitor, desk.pages.words("list.register_away"))


@router.get(f"/{Kind.ORDERS}")
async def list_orders(request: Request, desk: Desk, visitor: Looking) -> HTMLResponse:
    """Orders, the latest first."""
    return await _listed(request, desk, visitor)


async def _listed(
    request: Request, desk: Console, visitor: Visitor, note: str = ""
) -> HTMLResponse:
    """As Temporal lists them."""
    path = request.scope["route"].path
    one = LISTS[path]
    filters = _chosen(request, one.filters)
    rows, cursor = await one.page(filters, desk.backend, visitor.caller)
    return desk.pages.page(
        request,
        "list.html",
        visitor,
        kind=path.removeprefix("/"),
        rows=rows,
        next=_next(filters, cursor),
        filters=filters,
        statuses=one.statuses,
        note=note,
    )


def _chosen(request: Request, model: type[Paged]) -> Paged:
    """What the address asks for; a field that was left empty asks for nothing. Raises
    InvalidRequest."""
    given = {name: value for name, value in request.query_params.items() if value}
    known = {name: given[name] for name in ("provider", "status", "cursor") if name in given}
    return read(model, json.dumps({**known, "limit": ROWS}))


def _next(filters: Paged, cursor: str | None) -> str:
    """The address of the next page; empty where there is none."""
    if cursor is None:
        return ""
    kept = filters.model_dump(mode="json", include={"provider", "status"}, exclude_none=True)
    return "?" + urlencode({**kept, "cursor": cursor})
