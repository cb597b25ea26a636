"""One invoice, one order, one event: their pages and forms."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.answering import instruct, resolve, show
from console.door import Answering, Desk, Looking
from console.subjects import Kind, Subject, check
from gateway.document import get_document, get_document_pdf
from gateway.events import Event
from gateway.inputs import Reference
from gateway.pay_link import get_pay_link

router = APIRouter()


@router.get("/invoices/{reference}")
async def invoice(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> HTMLResponse:
    """Where an invoice is, and what it asks."""
    await check(desk, visitor, Kind.INVOICES, reference)
    return await show(request, desk, visitor, Kind.INVOICES, reference)


@router.get("/invoices/{reference}/document")
async def document(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> Response:
    """The PDF of an invoice; where it is not there yet it is asked for, and the page says so."""
    await check(desk, visitor, Kind.INVOICES, reference)
    state = await get_document(reference, desk.backend)
    if state.file is not None:
        return await get_document_pdf(reference, desk.backend)
    said = "no_document" if state.problem else "fetching"
    path = Subject(Kind.INVOICES, reference).path
    return RedirectResponse(f"{request.scope['root_path']}{path}?said={said}", 303)


@router.get("/invoices/{reference}/pay-link")
async def pay_link(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> Response:
    """Where it is paid, as its provider says now. The address is on no page: it is followed."""
    await check(desk, visitor, Kind.INVOICES, reference)
    told = Response()
    said = await get_pay_link(reference, desk.backend, told)
    own = f"{request.scope['root_path']}{Subject(Kind.INVOICES, reference).path}"
    kept = {"Cache-Control": told.headers["Cache-Control"], "Referrer-Policy": "no-referrer"}
    return RedirectResponse(said.address or f"{own}?said=no_pay_link", 303, kept)


@router.post("/invoices/{reference}/resolve")
async def resolve_invoice(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """Answer an invoice's question."""
    return await resolve(request, desk, visitor, Kind.INVOICES, reference)


@router.post("/invoices/{reference}/{verb}")
async def instruct_invoice(
    request: Request,
    desk: Desk,
    visitor: Answering,
    reference: Reference,
    verb: Literal["hold", "release", "cancel"],
) -> Response:
    """Hold, release or cancel an invoice."""
    return await instruct(request, desk, visitor, Kind.INVOICES, reference, verb)


@router.get("/orders/{reference}")
async def order(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> HTMLResponse:
    """Where an order is, and what it asks."""
    await check(desk, visitor, Kind.ORDERS, reference)
    return await show(request, desk, visitor, Kind.ORDERS, reference)


@router.post("/orders/{reference}/resolve")
async def resolve_order(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """Answer an order's question."""
    return await resolve(request, desk, visitor, Kind.ORDERS, reference)


@router.post("/orders/{reference}/cancel")
async def cancel_order(
    request: Request, desk: Desk, visitor: Answering, reference: Reference
) -> Response:
    """Cancel what is open of an order, and take back what is invoiced."""
    return await instruct(request, desk, visitor, Kind.ORDERS, reference, "cancel")


@router.get("/events/{event:path}")
async def event(request: Request, desk: Desk, visitor: Looking, event: Event) -> HTMLResponse:
    """News of a provider that nobody could be found for."""
    await check(desk, visitor, Kind.EVENTS, event)
    return await show(request, desk, visitor, Kind.EVENTS, event)


@router.post("/events/{event:path}/resolve")
async def resolve_event(request: Request, desk: Desk, visitor: Answering, event: Event) -> Response:
    """Say whose it is, or nobody's."""
    return await resolve(request, desk, visitor, Kind.EVENTS, event)
