"""The rows of a page, each as it is now: who buys, how much, what is asked.

One costs two calls and a worker's time, and many people look at the same. So the server is asked
first, which needs no worker, whether anything has happened to it since it was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from console.door import Console
from console.subjects import Kind, Subject, handle_of, look
from gateway.problems import Trouble
from invoicing.client.shared import described
from invoicing.errors import InvoicingError

MOST_AT_ONCE = 8
"""Of one page's looks."""
PATIENCE = 5.0
"""Seconds for one row of a page: the others are not to wait for one that nobody answers for."""
MOST_LINES = 50
"""Of a document that is held with its row; larger ones are read each time."""
Name = tuple[Kind, str]


async def look_lately(desk: Console, kind: Kind, name: str) -> Subject:
    """One of them, at most a moment old. Raises as REST does."""
    return await desk.read.rows.answer((kind, name), partial(_look, desk, kind, name))


async def _look(desk: Console, kind: Kind, name: str) -> Subject:
    read = partial(look, desk, kind, name)
    if kind is Kind.EVENTS:
        return await read()
    now = await desk.backend.stored(described(name, handle_of(desk, kind, name)))
    version = (now.run_id, now.history_length, now.status)
    found: Subject = await desk.read.held.of((kind, name), version, read, _follows_from_history)
    return found


def _follows_from_history(subject: Subject) -> bool:
    """What asks something runs, and what it says follows from its history, as all of an amendment
    does; what has ended may have money that others tell of."""
    if subject.kind is Kind.AMENDMENTS:
        return True
    lines = len(subject.asked.document.lines) if subject.asked else 0
    return subject.problem is not None and lines <= MOST_LINES


async def look_at_each(desk: Console, wanted: Iterable[Name]) -> list[Subject]:
    """Each as it was a moment ago, or by its name alone where that cannot be had now."""
    places = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(kind: Kind, name: str) -> Subject:
        async with places:
            try:
                async with asyncio.timeout(PATIENCE):
                    return await look_lately(desk, kind, name)
            except (TimeoutError, Trouble, InvoicingError):
                return Subject(kind, name)

    return list(await asyncio.gather(*(one(*each) for each in wanted)))
