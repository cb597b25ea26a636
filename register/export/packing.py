"""The books of a period as one ZIP file, made on disk: neither rows nor file are held in memory."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, Select, func, select
from sqlalchemy.exc import DBAPIError

from invoicing.books.booked import Wanted
from invoicing.books.exporting import MOST_INVOICES, MOST_LINES, Asked, Packed, TooMuch
from register.export.bookings import BookingTable
from register.export.writing import BadExport, exported, invoices_of, lines_of
from register.trouble import cannot_be

QUICKLY = 1
"""How hard the compression tries: a sixth larger than the usual, in a third of the time."""


def packed(engine: Engine, asked: Asked, table: BookingTable) -> Packed:
    """See `Exports`. Raises BadExport and BadRegister too."""
    _refuse_too_much(engine, asked)
    first, last = asked.period.since, asked.period.until
    name = f"books-{first:%Y-%m}" if f"{first:%Y-%m}" == f"{last:%Y-%m}" else "books"
    with tempfile.TemporaryDirectory(prefix="books") as place:
        folder = Path(place) / name
        done = exported(
            engine,
            folder,
            asked.period,
            asked.provider,
            table,
            xlsx=asked.xlsx,
            accounts=asked.accounts,
            references=asked.references,
        )
        try:
            file = _pack(folder)
        except OSError as error:
            raise BadExport(f"the books cannot be packed: {error.strerror}") from None
    return Packed(name, done.seal, done.broken, file, file.tell())


def _pack(folder: Path) -> IO[bytes]:
    """It has no name on the disk. Each file is taken away once it is in: the disk does not hold all
    of it twice."""
    # Whoever hands it out closes it.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=QUICKLY) as pack:
            for each in sorted(folder.iterdir()):
                pack.write(each, f"{folder.name}/{each.name}")
                each.unlink()
    except BaseException:
        file.close()
        raise
    return file


def _refuse_too_much(engine: Engine, asked: Asked) -> None:
    wanted = Wanted(
        period=asked.period,
        provider=asked.provider,
        accounts=asked.accounts,
        prefixes=asked.references,
    )
    try:
        with engine.begin() as db:
            _bound(db, invoices_of(wanted), MOST_INVOICES, "invoices")
            _bound(db, lines_of(wanted, asked.period), MOST_LINES, "lines of the journal")
    except DBAPIError as error:
        raise cannot_be("read", error) from None


def _bound(db: Connection, query: Select[Any], most: int, what: str) -> None:
    some = query.order_by(None).limit(most + 1).subquery()
    if db.execute(select(func.count()).select_from(some)).scalar_one() > most:
        raise TooMuch(
            f"has more than {most:,} {what}: take one provider's, or have `invoicing export` write "
            "it at the register"
        )
