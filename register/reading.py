"""The register for those that read it and close what was found in it, each time in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine

from invoicing.books.booked import Page, Total, Wanted, Worth
from invoicing.books.claims import Kind
from invoicing.books.exporting import Asked, Packed
from invoicing.books.findings import FoundPage, RunsPage, WantedFindings
from invoicing.books.overview import Overview
from invoicing.books.periods import Period
from invoicing.books.reconciling import Found
from invoicing.errors import Unavailable
from invoicing.saved import SavedList
from register import holding, lists, overview, saved
from register.database import PATIENCE, BadRegister, for_reading, made
from register.export import BookingTable, packed
from register.export.writing import BadExport
from register.reconciling import kept, listed

R = TypeVar("R")

AT_ONCE = 4
"""Questions that are answered at once; the next wait."""


class Reader:
    """The register at a place, opened with the first question: a gateway may begin before it is
    there. One that cannot be read is opened anew for the next question. `bookings`: the table of
    an export's booking file; BadBookingTable where it cannot be used."""

    def __init__(self, where: str, bookings: Path | None = None) -> None:
        self._where = where
        self._bookings = BookingTable.read(bookings) if bookings else BookingTable()
        self._engine: Engine | None = None
        # Its own: questions that take long must not keep those waiting who ask for something else.
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="register")

    async def page(self, wanted: Wanted, limit: int, after: str | None = None) -> Page:
        """See `Booked`."""
        return await self._read(lists.page, wanted, limit, after)

    async def worths(self, wanted: Wanted) -> tuple[Worth, ...]:
        """See `Booked`."""
        return await self._read(lists.worths, wanted)

    async def totals(self, wanted: Wanted) -> tuple[Total, ...]:
        """See `Booked`."""
        return await self._read(lists.totals, wanted)

    async def overview(self, wanted: Wanted, asked: Period, today: date) -> Overview:
        """See `Overlooks`."""
        return await self._read(overview.overview, wanted, asked, today)

    async def findings(
        self, wanted: WantedFindings, limit: int, after: str | None = None
    ) -> FoundPage:
        """See `Findings`."""
        return await self._read(listed.findings_page, wanted, limit, after)

    async def finding(self, identity: str) -> Found | None:
        """See `Findings`."""
        return await self._read(listed.finding, identity)

    async def runs(
        self, accounts: tuple[str, ...], limit: int, after: str | None = None
    ) -> RunsPage:
        """See `Findings`."""
        return await self._read(listed.runs_page, accounts, limit, after)

    async def close_finding(self, identity: str, by: str, reason: str, at: datetime) -> Found:
        """See `Findings`."""
        return await self._read(self._closed, identity, by, reason, at)

    async def account_of(self, kind: Kind, reference: str) -> tuple[str, str] | None:
        """See `Holds`."""
        return await self._read(holding.account_of, kind, reference)

    async def legal_hold(
        self, kind: Kind, reference: str, by: str, reason: str, at: datetime
    ) -> datetime:
        """See `Holds`."""
        wanted = holding.Holding(kind, reference, by, reason, at)
        return await self._read(self._writing, holding.held, wanted)

    async def release_legal_hold(
        self, kind: Kind, reference: str, by: str, reason: str, at: datetime
    ) -> None:
        """See `Holds`."""
        wanted = holding.Holding(kind, reference, by, reason, at)
        await self._read(self._writing, holding.released, wanted)

    async def saved_lists(self, owner: str) -> tuple[SavedList, ...]:
        """See `SavesLists`."""
        return await self._read(saved.all_of, owner)

    async def save_list(self, owner: str, one: SavedList) -> None:
        """See `SavesLists`."""
        await self._read(self._writing, saved.save, owner, one)

    async def forget_list(self, owner: str, name: str) -> None:
        """See `SavesLists`."""
        await self._read(self._writing, saved.forget, owner, name)

    def export(self, asked: Asked) -> Packed:
        """See `Exports`. It takes long, so it has an engine of its own."""
        try:
            reading = for_reading(self._where)
            try:
                return packed(reading, asked, self._bookings)
            finally:
                reading.dispose()
        except BadRegister as error:
            raise Unavailable(str(error)) from None
        except BadExport:
            # Where that is, is nobody's business out there.
            raise Unavailable("the gateway cannot write the books to its disk") from None

    def _writing(self, _: Engine, work: Callable[..., R], *wanted: object) -> R:
        # As rare as closing a finding: an engine that may write is made for each.
        writing = made(self._where)
        try:
            return work(writing, *wanted)
        finally:
            writing.dispose()

    def close(self) -> None:
        """Let go of it."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._engine is not None:
            self._engine.dispose()

    def _closed(self, reading: Engine, identity: str, by: str, reason: str, at: datetime) -> Found:
        # People close some in a day: an engine that may write is made for each, and none is kept.
        writing = made(self._where)
        try:
            with contextlib.suppress(kept.NoFinding):
                kept.closed(writing, identity, by, reason, at)
        finally:
            writing.dispose()
        found = listed.finding(reading, identity)
        if found is None:
            raise BadRegister("the finding went away in the same moment")
        return found

    async def _read(self, work: Callable[..., R], *given: object) -> R:
        asked = functools.partial(self._in_a_thread, work, *given)
        return await asyncio.get_running_loop().run_in_executor(self._threads, asked)

    def _in_a_thread(self, work: Callable[..., R], *given: object) -> R:
        try:
            if self._engine is None:
                self._engine = for_reading(self._where, PATIENCE)
            return work(self._engine, *given)
        except BadRegister as error:
            raise Unavailable(str(error)) from None
