"""A console over a register in which something disagrees."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invoicing.provider import PaymentStatus
from register import opened
from register.reading import Reader
from settings.callers import CallerSettings
from tests.console.browser import console_over
from tests.gateway.door import Gateway
from tests.lifecycle.world import World
from tests.register.said import a_claim, a_record, a_row, lines
from tests.register.test_reconciling import SAYS, Drill, there


@dataclass
class Booked:
    """The console, and the reader behind it."""

    gateway: Gateway
    reader: Reader


@contextlib.asynccontextmanager
async def booked_over(
    world: World, place: Path, known: Mapping[str, CallerSettings] | None = None, **changes: Any
) -> AsyncIterator[Booked]:
    """A-1 of mollie/shop was paid there, and `id-2` is there, which nobody asked for here.
    `changes`: of the gateway's settings."""
    where = str(place / "register.db")
    books = opened(where)
    await books.claim(a_claim("A-1"))
    row = a_row(ended=True, account="shop", says=SAYS.model_copy(update={"reference": "A-1"}))
    await books.record(a_record(lines(1, 1), row, "A-1"))
    drill = Drill(books, where)
    try:
        paid = there("A-1", payment=PaymentStatus.PAID)
        await drill.run(paid, there(None, "id-2"), scope={"account": "shop"})
    finally:
        drill.engine.dispose()
        books.close()
    with contextlib.closing(Reader(where)) as reader:
        async with console_over(world.client, known, books=reader, **changes) as gateway:
            yield Booked(gateway, reader)
