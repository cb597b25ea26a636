"""Many invoices of one file. A batch is nothing but its file: what each of its invoices is, and
what has become of it, follows from the reference. So the same file again is the same batch, at
whichever gateway, and nothing of it is kept here."""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

from starlette.types import Scope as Connection

from gateway.access import Access
from gateway.backend import Backend
from gateway.callers import Caller
from gateway.files import XLSX, Sheet
from gateway.problems import Kind, Trouble, trouble_with
from gateway.routes import begin
from gateway.turns import in_turn
from gateway.visits import Book, Visit
from invoicing.errors import InvoicingError, NotFound
from invoicing.model import Recorded
from invoicing.request import InvoiceRequest
from invoicing.temporal import lists
from invoicing.temporal.asking import known
from invoicing.temporal.lists import Listed
from settings.callers import Scope
from tabular.entries import Entry
from tabular.expected import MEND, expected
from tabular.results import COLUMNS, Result, counted, write
from tabular.wishes import Dialect

AT_ONCE = 8
"""Invoices of one batch that are looked at or asked for at once."""
AGAIN = "send the same file again: each reference is one invoice"


class BatchLine(Recorded):
    """One invoice of a file. Amounts are ours, in `currency`; None where they hang on how the
    provider rounds VAT, and are learned later.

    `outcome`: `not asked` for yet; `asking`: it may have been; then `started` now, `known` from
    before, or `refused`. `status`, `number`, `waiting_for`: as lists have it, a moment old. `why`:
    what is wrong or asked. `do`: what a person does about it.
    """

    rows: tuple[int, ...]
    reference: str
    outcome: str
    status: str = ""
    number: str = ""
    waiting_for: str = ""
    currency: str = ""
    net: Decimal | None = None
    vat: Decimal | None = None
    gross: Decimal | None = None
    due: Decimal | None = None
    due_date: date | None = None
    why: str = ""
    do: str = ""


class Batch(Recorded):
    """What is in a file, in the order of its rows; and how many have which outcome and status."""

    invoices: tuple[BatchLine, ...]
    outcomes: dict[str, int]
    statuses: dict[str, int]


_Work = Callable[[Result, InvoiceRequest], Awaitable[BatchLine]]


@dataclasses.dataclass(frozen=True)
class Batches:
    """The batches of one caller, within one request (`visit`, `connection`)."""

    behind: Backend
    access: Access
    caller: Caller
    visit: Visit
    connection: Connection

    async def seen(self, sheet: Sheet) -> Batch:
        """What each comes to, and what has become of it so far. Nothing is made."""
        looks = sum(entry.request is not None for entry in sheet.entries)
        await self.access.count_looks(self.caller, looks)
        return await self._each(sheet, self._look)

    async def started(self, sheet: Sheet) -> Batch:
        """Each that can be asked for is. A bad one does not stop the others."""
        book = Book()
        return await self._each(sheet, partial(self._start, book))

    async def _each(self, sheet: Sheet, work: _Work) -> Batch:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(result: Result, request: InvoiceRequest | None) -> BatchLine:
            if request is None:
                return _line(result)
            async with places:
                return await work(result, request)

        pairs = await self.behind.files.do(self.caller.name, partial(_expected, sheet.entries))
        return _batch(await asyncio.gather(*(one(*pair) for pair in pairs)))

    async def _look(self, result: Result, request: InvoiceRequest) -> BatchLine:
        try:
            self.caller.reach.refuse(request)
            now = await self._now(request.reference)
        except (Trouble, InvoicingError) as error:
            return _refused(result, error)
        if now is None:
            return _line(result)
        result.outcome = "known"
        return _line(result, now)

    async def _now(self, reference: str) -> Listed | None:
        """As lists have it; None where there is none that is the caller's own."""
        handle = self.behind.client.invoices.handle(reference)
        try:
            last = await self.behind.stored(known(handle.id, handle.describe()))
        except NotFound:
            return None
        reach = self.caller.reach
        if reach.accounts and not await self.behind.stored(reach.has(last)):
            return None
        return lists.listed(last)

    async def _start(self, book: Book, result: Result, request: InvoiceRequest) -> BatchLine:
        """Let in, counted and written down as if it had come by itself."""
        visit = dataclasses.replace(self.visit, status=201, outcome="", leave=[])
        visit.about(request.reference)
        visit.identity = Visit("").identity
        try:
            await in_turn(partial(self.access.take_place, visit, self.caller, Scope.START))
            made, is_new = await begin(self.behind, self.caller, visit.identity, request)
        except (Trouble, InvoicingError) as error:
            trouble = trouble_with(error)
            visit.status, visit.outcome = trouble.kind.status, trouble.kind.slug
            return _refused(result, error)
        finally:
            visit.end()
            book.write(visit, self.connection)
        result.outcome = "started" if is_new else "known"
        return _line(result, made)


def _expected(entries: Iterable[Entry]) -> list[tuple[Result, InvoiceRequest | None]]:
    """Beside the loop: the sums of ten thousand lines take most of a second."""
    return [(expected(entry), entry.request) for entry in entries]


async def result_file(batch: Batch, dialect: Dialect) -> tuple[bytes, str, str]:
    """What has become of each, as a file that is written as the one that asked for them: its
    content, how its name ends, and its media type."""
    content = await asyncio.to_thread(_written, batch, dialect)
    return content, f".{dialect.kind}", RESULTS[dialect.kind]


RESULTS = {"csv": "text/csv", "xlsx": XLSX, "jsonl": "application/jsonl"}


def _written(batch: Batch, dialect: Dialect) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result"
        write(path, dialect, map(_as_result, batch.invoices))
        return path.read_bytes()


def _as_result(line: BatchLine) -> Result:
    told = {name: getattr(line, name) for name in COLUMNS}
    return Result(**{**told, "why": line.why or line.waiting_for})


def _refused(result: Result, error: Exception) -> BatchLine:
    """For good, or for now: then it may have been asked for all the same."""
    trouble = trouble_with(error)
    details = trouble.details
    for_now = trouble.kind.status >= 500 or trouble.kind is Kind.TOO_MANY
    result.outcome = "asking" if for_now else "refused"
    result.why = "; ".join(
        filter(None, (details.detail or details.title, *map(str, details.errors), *details.differs))
    )
    result.do = AGAIN if for_now else MEND
    return _line(result)


def _line(result: Result, now: Listed | None = None) -> BatchLine:
    told = dataclasses.asdict(result)
    if now:
        told["status"], told["number"] = now.status or "", now.number or ""
        told["waiting_for"] = now.waiting_for or ""
        told["due_date"] = now.due_date or result.due_date
    return BatchLine.model_validate(told)


def _batch(lines: Iterable[BatchLine]) -> Batch:
    every = tuple(lines)
    return Batch(
        invoices=every,
        outcomes=Counter(each.outcome for each in every),
        statuses=Counter(each.status for each in every if each.status),
    )


__all__ = ["Batch", "BatchLine", "Batches", "counted", "result_file"]
