"""What is due is found and erased: in the register, with its data key and its documents."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client

from activities.failures import as_failures
from documents import DocumentStore, StoreAway
from invoicing.books.retention import (
    PAGE,
    Days,
    Due,
    DueCall,
    DuePage,
    EraseCall,
    ErasedNow,
    Retained,
    Retains,
    first_turn,
    over_before,
    turn_after,
)
from invoicing.client.open_still import open_still
from invoicing.document_file import folder_of
from invoicing.errors import EngineError, Unavailable

UNUSED = timedelta(days=30)
"""That a file is kept which no invoice has needed."""
SWEPT = 1000
"""Of them looked at in a night, so that the activity has time for it."""
STILL_IN_THE_FILE = (
    "Somebody reads the register: what was erased is still in its file (the log that SQLite writes "
    "ahead). The next page tries it again."
)


class RetentionActivities:
    """What the register and the store have kept for too long.

    Args:
        client: to the server that the workflows run on: nothing is erased that still runs there.
        register: where it is erased.
        days: how long each kind is kept; what is not named is kept.
        documents: where they are kept, if they are.
    """

    def __init__(
        self, client: Client, register: Retains, days: Days, documents: DocumentStore | None
    ) -> None:
        self._client = client
        self._register = register
        self._days = days
        self._documents = documents

    @activity.defn
    @as_failures
    async def due(self, call: DueCall) -> DuePage:
        """Some that are due: orders, then invoices, then credit notes, the longest ended first.
        Before the first of them, files that were put long ago and nobody needs are removed."""
        if call.kind is None:
            await self._sweep(call.at)
        kind = call.kind or first_turn(self._days)
        if kind is None or kind not in self._days:
            return DuePage()
        days = self._days[kind]
        place = (call.ended_at, call.reference)
        found = await self._register.due_of(kind, over_before(call.at, days), place, PAGE)
        due = tuple(
            Due(kind=of, reference=reference, ended_at=ended, days=days)
            for of, reference, ended in found
        )
        return DuePage(due=due, next=self._after(call.at, kind, due))

    async def _sweep(self, at: datetime) -> None:
        """One night's share. Where the store is away the next night does it."""
        if self._documents is not None:
            with contextlib.suppress(StoreAway):
                await self._documents.attachments.sweep(at - UNUSED, SWEPT)

    def _after(self, at: datetime, kind: Retained, due: tuple[Due, ...]) -> DueCall | None:
        if len(due) == PAGE:
            last = due[-1]
            return DueCall(at=at, kind=kind, ended_at=last.ended_at, reference=last.reference)
        following = turn_after(kind, self._days)
        return DueCall(at=at, kind=following) if following else None

    @activity.defn
    @as_failures
    async def erase_due(self, call: EraseCall) -> ErasedNow:
        """Erase these, those apart that may not be. Safe to repeat."""
        done = [await self._erased(each, call.at) for each in call.due]
        # Of every page, for somebody may have read the file when the one before was done.
        if not await self._register.forget():
            activity.logger.warning(STILL_IN_THE_FILE)
        return ErasedNow(erased=sum(done), left=len(done) - sum(done))

    async def _erased(self, due: Due, at: datetime) -> bool:
        order = due.kind == "order"
        # First, for what hears of its money is ended only where it is erased.
        namespace = await self._register.ran_in(due, at)
        if namespace != self._client.namespace:
            return False
        try:
            if await open_still(self._client, due.reference, order=order):
                return False
        except EngineError as error:
            raise Unavailable(f"whether it still runs is not known: {error}") from None
        if not await self._register.erase_one(due, at):
            return False
        if self._documents is not None and not order:
            try:
                await self._documents.erase(folder_of(due.reference))
            except StoreAway as error:
                # Repeated, it is erased already, and its documents are removed then.
                raise Unavailable(str(error)) from None
        return True

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of the register's queue."""
        return [self.due, self.erase_due]
