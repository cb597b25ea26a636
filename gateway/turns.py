"""A turn that is waited for: of many things asked for in one request, each counts for the rate."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway.problems import Kind, Trouble

TRIES = 30
"""Times that one thing waits for its turn."""
LONGEST = 2.0
"""Seconds that it waits then."""


async def in_turn(take: Callable[[], Awaitable[object]]) -> None:
    """Take it once it may be taken. Raises Trouble where that does not come, or for anything but
    the caller's rate."""
    for _ in range(TRIES):
        try:
            await take()
        except Trouble as trouble:
            if trouble.kind is not Kind.TOO_MANY:
                raise
            await asyncio.sleep(min(LONGEST, float(trouble.headers.get("Retry-After", "1"))))
        else:
            return
    raise Trouble(Kind.TOO_MANY)
