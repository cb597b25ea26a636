"""All files of a period, from one moment of the register; a folder that is there as a whole or not.

Rows go from the database to the files as they come: none is held, however many there are.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, select
from sqlalchemy.exc import DBAPIError

from invoicing.books.booked import Wanted
from invoicing.books.periods import Period
from invoicing.errors import InvoicingError
from invoicing.money import added
from register.erasing import blanked
from register.export import rows
from register.export.bookings import Bookings, BookingTable
from register.export.manifest import MANIFEST, SEAL, FileEntry, JournalEnd, Manifest, Sums, sealed
from register.export.tables import Table
from register.export.workbook import Workbook
from register.lists import conditions, of_whom
from register.tables import invoices, journal
from register.trouble import cannot_be

AT_ONCE = 500
"""Rows that are fetched at once."""


class BadExport(InvoicingError):
    """The files cannot be written there."""


@dataclass(frozen=True)
class Exported:
    """What was written, and what is wrong with the register's journal, if anything is."""

    manifest: Manifest
    seal: str
    broken: str | None


def exported(
    engine: Engine,
    folder: Path,
    period: Period,
    provider: str | None = None,
    bookings: BookingTable | None = None,
    *,
    xlsx: bool = False,
    accounts: tuple[str, ...] = (),
    references: tuple[str, ...] = (),
) -> Exported:
    """Write the period's files into this folder, which must be empty or not there yet; `xlsx`: with
    all tables in one workbook as well. `accounts`, `references`: of a limited caller's own alone,
    as in `Wanted`.

    An invoice is of the day of its issue; one without such a day, of the day on which it was asked
    for. A line of the journal is of the day on which it happened. Raises BadExport, BadRegister.
    """
    wanted = Wanted(period=period, provider=provider, accounts=accounts, prefixes=references)
    fresh = _beside(folder)
    try:
        fresh.mkdir(mode=0o700)
        book = Workbook(fresh) if xlsx else None
        done = _written(engine, fresh, wanted, period, bookings or BookingTable(), book)
        _put_in_place(fresh, folder)
    except OSError as error:
        raise BadExport(f"{folder} cannot be written: {error.strerror}") from None
    except DBAPIError as error:
        raise cannot_be("read", error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return done


def _beside(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadExport(f"{folder} is there already, and not empty: name another")
    return folder.resolve().with_name(f".{folder.resolve().name}.{os.getpid()}.new")


def _put_in_place(fresh: Path, folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()
    fresh.rename(folder.resolve())


def _written(
    engine: Engine,
    folder: Path,
    wanted: Wanted,
    period: Period,
    table: BookingTable,
    book: Workbook | None,
) -> Exported:
    with contextlib.ExitStack() as stack:
        files = _Files.opened(folder, table, stack, book)
        totals = _Totals()
        with engine.begin() as db:
            for columns in _streamed(db, invoices_of(wanted)):
                kept = rows.Kept(columns)
                files.add(kept)
                totals.add(kept)
            links, broken = _journal(db, files.journal, lines_of(wanted, period))
        manifest = Manifest(
            made_at=datetime.now(UTC),
            since=period.since,
            until=period.until,
            provider=wanted.provider,
            accounts=wanted.accounts,
            references=wanted.prefixes,
            files=files.closed(),
            journal=JournalEnd(lines=links.lines, chained=links.chained),
            totals=totals.sums(),
        )
    (folder / MANIFEST).write_bytes(manifest.text)
    (folder / SEAL).write_bytes(sealed(manifest.text))
    for name in (MANIFEST, SEAL):
        (folder / name).chmod(0o600)
    return Exported(manifest, sealed(manifest.text).decode().split()[0], broken)


@dataclass(frozen=True)
class _Files:
    invoices: Table
    vat: Table
    payments: Table
    credits: Table
    journal: Table
    bookings: Bookings
    book: Workbook | None

    @classmethod
    def opened(
        cls,
        folder: Path,
        table: BookingTable,
        stack: contextlib.ExitStack,
        book: Workbook | None,
    ) -> _Files:
        def of(name: str, columns: tuple[str, ...]) -> Table:
            made = Table(folder, name, columns, book)
            stack.callback(made.give_up)
            return made

        bookings = Bookings(folder, table)
        stack.callback(bookings.give_up)
        return cls(
            invoices=of("invoices", rows.INVOICE),
            vat=of("vat", rows.VAT),
            payments=of("payments", rows.PAYMENT),
            credits=of("credits", rows.CREDIT),
            journal=of("journal", rows.JOURNAL),
            bookings=bookings,
            book=book,
        )

    def add(self, kept: rows.Kept) -> None:
        """All that there is to say about this invoice."""
        self.invoices.add(kept.invoice())
        for each in kept.vat():
            self.vat.add(each)
        if payment := kept.payment():
            self.payments.add(payment)
        if credit := kept.credit():
            self.credits.add(credit)
        self.bookings.add(kept)

    def closed(self) -> tuple[FileEntry, ...]:
        tables = (self.invoices, self.vat, self.payments, self.credits, self.journal)
        books = (self.book.close(),) if self.book else ()
        written = (entry for table in tables for entry in table.close())
        return (*written, self.bookings.close(), *books)


def _journal(db: Connection, table: Table, query: Select[Any]) -> tuple[rows.Links, str | None]:
    links, broken = rows.Links(), None
    for line in _streamed(db, query):
        wrong = links.add(line, line["salt"], line["said"])
        broken = broken or wrong
        table.add(*rows.journal(line, links.chained))
    return links, broken or blanked(db, query)


def _streamed(db: Connection, query: Select[Any]) -> Iterator[Mapping[str, Any]]:
    with db.execution_options(yield_per=AT_ONCE).execute(query) as found:
        yield from map(dict, found.mappings())


def invoices_of(wanted: Wanted) -> Select[Any]:
    """Those of the period, in an order that does not change."""
    query = select(invoices).where(*conditions(wanted))
    return query.order_by(invoices.c.kind, invoices.c.reference)


def lines_of(wanted: Wanted, period: Period) -> Select[Any]:
    """The journal of the period."""
    begin, after = period.moments
    query = select(journal).where(journal.c.at >= begin, journal.c.at < after)
    fits = [*of_whom(wanted)]
    if wanted.provider is not None:
        fits.append(invoices.c.provider == wanted.provider)
    if fits:
        about = and_(invoices.c.kind == journal.c.kind, invoices.c.reference == journal.c.reference)
        query = query.join(invoices, about).where(*fits)
    return query.order_by(journal.c.position)


class _Totals:
    """Sums per currency of what is final, exact."""

    _NAMES = ("net", "vat", "gross", "due", "paid", "credited")

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, Decimal]] = {}
        self._count: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()

    def add(self, kept: rows.Kept) -> None:
        row = kept.row
        if not kept.final:
            return
        sums = self._sums.setdefault(row.currency, dict.fromkeys(self._NAMES, Decimal(0)))
        if kept.is_note:
            self._notes[row.currency] += 1
            given_back = row.gross or Decimal(0)
            sums["credited"] = added((sums["credited"], given_back), row.currency)
            return
        self._count[row.currency] += 1
        self._unknown[row.currency] += row.paid is None
        for name in self._NAMES:
            sums[name] = added((sums[name], getattr(row, name) or Decimal(0)), row.currency)

    def sums(self) -> tuple[Sums, ...]:
        return tuple(
            Sums(
                currency=currency,
                invoices=self._count[currency],
                paid_unknown=self._unknown[currency],
                credit_notes=self._notes[currency],
                **{name: f"{amount:f}" for name, amount in sums.items()},
            )
            for currency, sums in sorted(self._sums.items())
        )
