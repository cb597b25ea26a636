"""`export` and `verify`: the books of a period as files, and whether they are still that."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import settings.shared
from commands.base import (
    MANY,
    PROGRAM,
    AsJson,
    BadInput,
    Code,
    app,
    data,
)
from commands.choosing import ProviderOf
from terminal import plain

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from invoicing.books.periods import Period
    from register.export import BookingTable, Manifest

NO_REGISTER = "There is no register here: set INVOICING_REGISTER_AT to what the workers have."


@contextmanager
def reading() -> Iterator[Engine]:
    """The register meanwhile, to be read. Raises BadInput where none is configured, BadRegister."""
    from register.database import for_reading  # no other command needs a database

    where = settings.shared.register(os.environ).register_at
    if where is None:
        raise BadInput(NO_REGISTER)
    engine = for_reading(where.get_secret_value())
    try:
        yield engine
    finally:
        engine.dispose()


Month = Annotated[str | None, typer.Option("--month", metavar="MONTH", help="As 2026-06.")]
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="From this day on."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d"], metavar="DAY", help="Up to and with this day."),
]


def period_of(month: str | None, since: datetime | None, until: datetime | None) -> Period | None:
    """What was typed, or None where nothing was. Raises BadInput."""
    from invoicing.books.periods import Period

    if month is None and since is None and until is None:
        return None
    if month is not None:
        if since or until:
            raise BadInput("Say either --month, or --from and --until.")
        try:
            return Period.month(month)
        except ValueError:
            raise BadInput("--month is written as 2026-06.") from None
    first = since.date() if since else date.min.replace(year=1900)
    last = until.date() if until else date(9998, 12, 31)
    if last < first:
        raise BadInput("--until is before --from.")
    return Period(first, last)


@app.command(
    "export",
    rich_help_panel=MANY,
    short_help="Write the books of a period into files.",
    epilog=f"Example: {PROGRAM} export --month 2026-06 -o june/",
)
def export(
    folder: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="New, or empty.")
    ],
    month: Month = None,
    since: From = None,
    until: Until = None,
    provider: ProviderOf = None,
    xlsx: Annotated[bool, typer.Option("--xlsx", help="All of it in one workbook, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write invoices, VAT, payments, credits, bookings and the journal of a period into a folder.

    Each as ….csv and ….jsonl, all of one moment of the register; manifest.json has a digest of
    every file. Keep the seal that is printed somewhere else: with it, `verify` also finds a folder
    of which all was changed. An invoice is of the day of its issue; the journal is by UTC.
    """
    from register.export import exported

    period = period_of(month, since, until)
    if period is None:
        raise BadInput("Say which period: --month 2026-06, or --from and --until.")
    table = _bookings()
    with reading() as engine:
        done = exported(engine, folder, period, provider, table, xlsx=xlsx)
    if as_json:
        told = {"manifest": data(done.manifest), "seal": done.seal, "broken": done.broken}
        typer.echo(json.dumps(told))
    else:
        _tell(folder, done.manifest, done.seal)
    if done.broken:
        typer.echo(f"The register's journal was changed: {plain(done.broken)}.", err=True)
        raise typer.Exit(Code.FAILED)


def _bookings() -> BookingTable:
    from register.export import BookingTable

    path = settings.shared.register(os.environ).bookings
    return BookingTable.read(path) if path else BookingTable()


def _tell(folder: Path, manifest: Manifest, seal: str) -> None:
    typer.echo(f"Period   {manifest.since} to {manifest.until}")
    for one in manifest.files:
        typer.echo(f"  {one.name:16} {one.lines:>9} lines")
    for sums in manifest.totals:
        typer.echo(
            f"{sums.currency}      {sums.invoices} invoices: net {sums.net} + VAT {sums.vat} = "
            f"gross {sums.gross}; paid {sums.paid}, credited {sums.credited}"
        )
    typer.echo(f"Written  {plain(folder)}\nSeal     {seal}")


@app.command(
    "verify",
    rich_help_panel=MANY,
    short_help="Say whether an export is still what was written.",
    epilog=f"Example: {PROGRAM} verify june/",
)
def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", exists=True, file_okay=False, help="An export.")
    ],
    seal: Annotated[
        str | None, typer.Option("--seal", metavar="HEX", help="What `export` printed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find every file that was changed, added or taken out, and a journal with a broken chain."""
    from register.export import verified

    try:
        found = list(verified(folder, seal and seal.strip().lower()))
    except OSError as error:
        raise BadInput(f"{folder} cannot be read: {error.strerror}.") from None
    if as_json:
        typer.echo(json.dumps({"wrong": found}))
    else:
        typer.echo("\n".join(map(plain, found)) or "It is as it was written.")
    raise typer.Exit(Code.FAILED if found else Code.DONE)
