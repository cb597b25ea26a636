"""The page of an amendment: how far it is, why it does not go on, and what to do then."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from console.answering import show
from console.door import Desk, Looking
from console.subjects import Kind, check
from gateway.inputs import Reference

router = APIRouter()


@router.get("/amendments/{reference}")
async def amendment(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> HTMLResponse:
    """How an invoice is credited and made again. Nothing is done from here: to amend takes the
    whole request of the new invoice."""
    await check(desk, visitor, Kind.AMENDMENTS, reference)
    return await show(request, desk, visitor, Kind.AMENDMENTS, reference)
