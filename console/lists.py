"""Lists of invoices and orders, page by page."""

from __future__ import annotations

import json
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from console.door import Desk, Looking
from gateway import invoices, orders
from gateway.pages import Paged
from invoicing.invoice import Status
from invoicing.lists import CUT_OFF
from invoicing.order import OrderStatus
from invoicing.parse import read

router = APIRouter()

ROWS = 50
"""Of a page."""


Filters = TypeVar("Filters", bound=Paged)


def _chosen(request: Request, model: type[Filters]) -> Filters:
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


@router.get("/invoices")
async def list_invoices(request: Request, desk: Desk, visitor: Looking) -> HTMLResponse:
    """Invoices, the latest first."""
    filters = _chosen(request, invoices.Filters)
    found = await invoices.list_invoices(filters, desk.backend, visitor.caller)
    return desk.pages.page(
        request,
        "list.html",
        visitor,
        kind="invoices",
        rows=found.invoices,
        next=_next(filters, found.cursor),
        filters=filters,
        statuses=[*Status, CUT_OFF],
    )


@router.get("/orders")
async def list_orders(request: Request, desk: Desk, visitor: Looking) -> HTMLResponse:
    """Orders, the latest first."""
    filters = _chosen(request, orders.OrderFilters)
    found = await orders.list_orders(filters, desk.backend, visitor.caller)
    return desk.pages.page(
        request,
        "list.html",
        visitor,
        kind="orders",
        rows=found.orders,
        next=_next(filters, found.cursor),
        filters=filters,
        statuses=[*OrderStatus, CUT_OFF],
    )
