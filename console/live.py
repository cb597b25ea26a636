"""What changes is told to the pages that are open, by server-sent events.

An event says that something has changed, never what: the page asks for itself anew, by the same
door as ever. The first event comes at once, so that nothing is lost while a connection was.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Hashable

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from console.door import SIGNED_IN, Console, Desk, Looking, called
from console.inbox import news_of, waiting
from console.render import Visitor
from console.streams import Look, Watch
from console.subjects import Kind, check, handle_of
from gateway.inputs import Reference
from gateway.visits import visit_of
from invoicing.temporal.asking import known

router = APIRouter()

LONGEST = 300.0
"""Seconds of one stream. The browser opens another, and has to pass the door for it."""
QUIET = 15.0
"""Seconds after which something is sent all the same: else nobody learns that a browser is gone."""
AGAIN = 5000
"""Milliseconds after which a browser opens another."""
TICK = 1.0
"""Seconds between two looks at whether the session is still one."""


@router.get("/live/inbox")
async def watch_inbox(request: Request, desk: Desk, visitor: Looking) -> Response:
    """Whenever what waits for a person has changed."""

    async def look() -> str:
        rows, more = await waiting(desk, visitor)
        told = await news_of(desk, visitor)
        said = [(kind, each.reference, each.waiting_for, each.started_at) for kind, each in rows]
        return _digest((said, more, told))

    return _stream(request, desk, visitor, ("inbox", visitor.caller.reach), look)


@router.get("/live/invoices/{reference}")
async def watch_invoice(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> Response:
    """Whenever an invoice has moved."""
    return await _watch_one(request, desk, visitor, Kind.INVOICES, reference)


@router.get("/live/orders/{reference}")
async def watch_order(
    request: Request, desk: Desk, visitor: Looking, reference: Reference
) -> Response:
    """Whenever an order has moved."""
    return await _watch_one(request, desk, visitor, Kind.ORDERS, reference)


async def _watch_one(
    request: Request, desk: Console, visitor: Visitor, kind: Kind, name: str
) -> Response:
    await check(desk, visitor, kind, name)

    async def look() -> str:
        handle = handle_of(desk, kind, name)
        now = await desk.backend.stored(known(name, handle.describe()))
        return _digest((now.run_id, now.history_length, now.status))

    return _stream(request, desk, visitor, (kind, name), look)


def _digest(said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _stream(
    request: Request, desk: Console, visitor: Visitor, of: Hashable, look: Look
) -> Response:
    visit = visit_of(request)
    # It is not one of the requests under way: it has a place of its own, and would keep theirs.
    visit.end()
    watch, leave = desk.streams.enter(visitor.caller.name, of, look)
    visit.leave.append(leave)
    # Nobody has done anything: an idle session ends although its page is open.
    del request.state.session
    events = _events(request, desk, visitor, watch)
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(events, headers=headers, media_type="text/event-stream")


async def _events(
    request: Request, desk: Console, visitor: Visitor, watch: Watch
) -> AsyncIterator[str]:
    """Lines of the stream, until the session, the gateway or its time ends."""
    clock = asyncio.get_running_loop().time
    ends, said_at, told = clock() + LONGEST, clock(), ""
    yield f"retry: {AGAIN}\n\n"
    while clock() < ends and await _may_go_on(request, desk, visitor):
        version = await watch.other_than(told, TICK)
        if version != told:
            told, said_at = version, clock()
            yield f"id: {version}\nevent: changed\ndata: {version}\n\n"
        elif clock() - said_at > QUIET:
            said_at = clock()
            yield ": nothing new\n\n"


async def _may_go_on(request: Request, desk: Console, visitor: Visitor) -> bool:
    session = desk.sessions.opened(request.cookies.get(called(request, SIGNED_IN)))
    if session is None or desk.backend.stopping.is_set():
        return False
    return await desk.access.knows(session.proof, visitor.caller)
