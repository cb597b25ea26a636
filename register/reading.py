"""The register for those that read it, and close its findings; each time in a thread."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Engine

from invoicing.booked import Page, Total, Wanted
from invoicing.errors import Unavailable
from invoicing.reconciling import Close, Found, FoundPage, Sought
from register import lists
from register.database import PATIENCE, BadRegister, for_reading, made
from register.reconciling import kept

R = TypeVar("R")


class Reader:
    """The register at a place, opened with the first question: a gateway may begin before it is
    there. One that cannot be read is opened anew for the next question."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._engine: Engine | None = None

    async def page(self, wanted: Wanted, limit: int, after: str | None = None) -> Page:
        """See `Booked`."""
        return await self._read(lists.page, wanted, limit, after)

    async def totals(self, wanted: Wanted) -> tuple[Total, ...]:
        """See `Booked`."""
        return await self._read(lists.totals, wanted)

    async def findings(self, sought: Sought, limit: int, after: str | None = None) -> FoundPage:
        """See `Booked`."""
        return await self._read(kept.page, sought, limit, after)

    async def close_finding(self, finding: str, said: Close, among: Sought) -> Found:
        """See `Booked`."""
        return await self._read(self._closed, finding, said, among)

    def _closed(self, _: Engine, finding: str, said: Close, among: Sought) -> Found:
        """By a connection of its own, which may write: it was read first, so it is there."""
        engine = made(self._where)
        try:
            return kept.closed(engine, finding, said, among, datetime.now(UTC))
        finally:
            engine.dispose()

    def close(self) -> None:
        """Let go of it."""
        if self._engine is not None:
            self._engine.dispose()

    async def _read(self, work: Callable[..., R], *given: object) -> R:
        return await asyncio.to_thread(functools.partial(self._in_a_thread, work, *given))

    def _in_a_thread(self, work: Callable[..., R], *given: object) -> R:
        try:
            if self._engine is None:
                self._engine = for_reading(self._where, PATIENCE)
            return work(self._engine, *given)
        except BadRegister as error:
            raise Unavailable(str(error)) from None
