"""The register as workers write it: each call is one transaction, and safe to repeat.

SQLite lets one write at a time, from the first statement on. PostgreSQL locks a reference's claim,
then the end of the chain, always in this order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from invoicing.books.calls import Called
from invoicing.books.claims import ClaimCall, Claimed, Kind
from invoicing.books.reconciling import (
    KEPT,
    FinishCall,
    OpenFindings,
    PageCall,
    Reconciled,
    RestCall,
    Scope,
    SettleCall,
    Suspects,
)
from invoicing.books.retention import BY, Due, Retained
from invoicing.errors import Unavailable
from invoicing.state.recording import CreditsCall, RecordCall
from register import retaining
from register.calls import count
from register.chain import first_broken
from register.claiming import claim
from register.erasing import (
    Erasure,
    NotErased,
    blanked,
    erase,
    forget_old_pages,
    namespace_of,
)
from register.reconciling import comparing
from register.reconciling.findings import by_account
from register.recording import END, record, record_credits
from register.rows import is_of
from register.tables import invoices, journal
from register.trouble import which

A = TypeVar("A")
R = TypeVar("R")


class Books:
    """One database, and the threads that use it.

    findings_kept: how long a finding is kept after it was closed and found no more, and what a
        reconciliation came to.
    """

    def __init__(self, engine: Engine, *, threads: int, findings_kept: timedelta = KEPT) -> None:
        self._engine = engine
        self._findings_kept = findings_kept
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="register")

    async def claim(self, call: ClaimCall) -> Claimed:
        """Claim a reference, or learn what it stands for. Raises Unavailable."""
        return await self._run(claim, call)

    async def record(self, call: RecordCall) -> bool:
        """Write down what has happened; what is there already is left as it is. False where the
        reference is somebody else's by now, or was erased. Raises Unavailable."""
        return await self._run(record, call)

    async def record_credits(self, call: CreditsCall) -> bool:
        """Write down what has happened to an invoice's credits, also of one that was asked for
        before there was a register. False where it was erased. Raises Unavailable."""
        return await self._run(record_credits, call)

    async def compare_page(self, call: PageCall) -> int:
        """See `Reconciles`."""
        return await self._run(comparing.compare_page, call)

    async def compare_rest(self, call: RestCall) -> None:
        """See `Reconciles`."""
        await self._run(comparing.compare_rest, call)

    async def suspects(self, scope: Scope) -> Suspects:
        """See `Reconciles`."""
        return await self._run(comparing.suspects, scope)

    async def settle(self, call: SettleCall) -> None:
        """See `Reconciles`."""
        await self._run(comparing.settle, call)

    async def finish(self, call: FinishCall) -> Reconciled:
        """See `Reconciles`."""
        return await self._run(self._finish, call)

    def _finish(self, db: Connection, call: FinishCall) -> Reconciled:
        return comparing.finish(db, call, self._findings_kept)

    async def open_findings(self) -> OpenFindings:
        """See `CountsFindings`."""
        return await self._run(by_account, None)

    async def due_of(
        self, kind: Retained, before: datetime, after: tuple[datetime | None, str], limit: int
    ) -> tuple[tuple[Kind, str, datetime], ...]:
        """See `Retains`."""
        return await self._run(retaining.due_of, (kind, before, after, limit))

    async def ran_in(self, due: Due, at: datetime) -> str | None:
        """See `Retains`."""
        return await self._run(self._ran_in, (due, at))

    @staticmethod
    def _ran_in(db: Connection, about: tuple[Due, datetime]) -> str | None:
        try:
            return namespace_of(db, _erasure(*about))
        except NotErased:
            return None

    async def erase_one(self, due: Due, at: datetime) -> bool:
        """See `Retains`."""
        return await self._run(self._erase_one, (due, at))

    async def forget(self) -> bool:
        """See `Retains`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, forget_old_pages, self._engine)

    @staticmethod
    def _erase_one(db: Connection, about: tuple[Due, datetime]) -> bool:
        try:
            erase(db, _erasure(*about))
        except NotErased:
            return False
        return True

    async def count_calls(self, every: tuple[Called, ...]) -> None:
        """See `CountsCalls`."""
        await self._run(count, every)

    async def row(self, kind: str, reference: str) -> Mapping[str, Any] | None:
        """What is kept of one, by column; None where nothing is. Raises Unavailable."""
        return await self._run(_row, (kind, reference))

    async def broken(self) -> str | None:
        """What is wrong with the chain of the journal; None where nothing is."""
        return await self._run(_broken, None)

    def close(self) -> None:
        """Let what is under way end, and let go of the database."""
        self._threads.shutdown()
        self._engine.dispose()

    async def _run(self, work: Callable[[Connection, A], R], about: A) -> R:
        """In a thread, in a transaction. A cancel leaves it to end by itself."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._in_a_transaction, work, about)

    def _in_a_transaction(self, work: Callable[[Connection, A], R], about: A) -> R:
        try:
            with self._engine.begin() as connection:
                return work(connection, about)
        except IntegrityError as error:
            # Somebody else was first, in the very same moment: the next attempt sees it.
            raise Unavailable("the register: somebody else was first") from error
        except DBAPIError as error:
            # The driver's words may repeat what is written; its kind of error does not.
            raise Unavailable(f"the register: {which(error)}") from None
        except PoolTimeout:
            raise Unavailable("the register: every connection is taken") from None


def _erasure(due: Due, at: datetime) -> Erasure:
    reason = f"kept for {due.days} days"
    return Erasure(due.kind, due.reference, by=BY, reason=reason, at=at)


def _row(db: Connection, about: tuple[str, str]) -> Mapping[str, Any] | None:
    found = db.execute(select(invoices).where(*is_of(invoices, *about))).mappings().one_or_none()
    return dict(found) if found else None


def _broken(db: Connection, _: None) -> str | None:
    # The end first, and locked: nobody adds a line meanwhile.
    end = db.execute(END).one()
    every_line = select(journal).order_by(journal.c.position)
    with db.execution_options(yield_per=1000).execute(every_line) as lines:
        broken = first_broken(map(dict, lines.mappings()), (end.position, end.hash))
    return broken or blanked(db, every_line)
