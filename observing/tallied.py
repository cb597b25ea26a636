"""Calls to providers, counted for people: written into the register every minute."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from invoicing.books.calls import CountsCalls, Tally
from invoicing.errors import Unavailable

log = logging.getLogger("invoicing.tallied")

EVERY = 60.0
"""Seconds. So much is not counted of a process that is killed."""


@contextlib.asynccontextmanager
async def written_down(
    tally: Tally, register: CountsCalls | None, every: float = EVERY
) -> AsyncIterator[None]:
    """Write it down meanwhile, and at the end; nowhere where there is no register."""
    if register is None:
        yield
        return
    writing = asyncio.create_task(_again_and_again(tally, register, every))
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await write(tally, register)


async def _again_and_again(tally: Tally, register: CountsCalls, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await write(tally, register)


async def write(tally: Tally, register: CountsCalls) -> None:
    """What cannot be written now is written with what comes next."""
    counted = tally.taken()
    if not counted:
        return
    try:
        await register.count_calls(counted)
    except Unavailable as error:
        tally.put_back(counted)
        log.warning("calls are not counted in the register now: %s", error.message)
