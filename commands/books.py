"""`export` and `verify`: the books of a period as files, and whether they are still that."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import settings.shared
from commands.base import (
    MANY,
    PROGRAM,
    SERVER_SECONDS,
    AsJson,
    BadInput,
    By,
    Code,
    Missing,
    Reference,
    Why,
    app,
    data,
    who_and_why,
)
from commands.choosing import ProviderOf
from commands.confirming import Yes, agree
from commands.keys import converter_here
from documents import StoreAway
from invoicing.client import reach
from invoicing.client.open_still import open_still
from invoicing.document_file import folder_of
from invoicing.errors import InvoicingError
from invoicing.process import run
from settings.documents import store_of
from terminal import plain

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from invoicing.periods import Period
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


@contextmanager
def writing() -> Iterator[Engine]:
    """The same, to be changed."""
    from register.database import made

    with reading():  # is it there, and of this version?
        where = settings.shared.register(os.environ).register_at
    engine = made(where.get_secret_value() if where else "")
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
    from invoicing.periods import Period

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
    "erase",
    rich_help_panel=MANY,
    short_help="Take the person out of the register, after the end.",
    epilog=f'Example: {PROGRAM} erase EXAMPLE-1 --reason "asked for by the buyer" --yes',
)
def erase(
    reference: Reference,
    order: Annotated[bool, typer.Option("--order", help="An order, not an invoice.")] = False,
    yes: Yes = False,
    by: By = None,
    reason: Why = None,
) -> None:
    """Erase for good who an invoice was for and what was said about it, in the register.

    Reference, status, number, amounts, dates and who decided stay; the same reference is refused
    from then on. Its documents are removed where INVOICING_DOCUMENTS_AT says where they are. With
    INVOICING_DATA_KEYS what Temporal has of it cannot be read any more. What the provider has is
    not touched.
    """
    from register.erasing import Erasure, NotThere, erased

    told = who_and_why(by, reason)
    agree("erase", 1, yes)
    wanted = Erasure("order" if order else "invoice", reference, at=datetime.now(UTC), **told)
    with writing() as engine:
        with_keys = settings.shared.clients(os.environ).data_keys
        if with_keys:
            run(_refuse_open(reference, order=order))
        try:
            done = erased(engine, wanted)
        except NotThere as error:
            raise Missing(f"{plain(error)}.") from None
    removed = run(_without_documents(reference)) if not order else 0
    typer.echo(f"{plain(reference)} is erased since {done.at:%Y-%m-%d}.")
    if removed:
        typer.echo(f"{removed} documents were removed.")
    if done.key:
        typer.echo("Its data key is destroyed: Temporal's histories of it cannot be read any more.")
    elif with_keys:
        typer.echo("It had no data key: what Temporal has of it stays until the retention is over.")


async def _refuse_open(reference: str, *, order: bool) -> None:
    """A workflow whose key is destroyed can never go on. Raises BadInput."""
    with converter_here() as here:
        temporal = await reach(SERVER_SECONDS, data_converter=here)
        still = await open_still(temporal, reference, order=order)
    if still:
        raise BadInput(
            f"{plain(reference)} is not over yet: {', '.join(map(plain, still))} still runs. "
            "Nothing is erased before the end."
        )


async def _without_documents(reference: str) -> int:
    """How many there were. Those of its credit notes have references of their own."""
    store = store_of(os.environ)
    try:
        return await store.erase(folder_of(reference)) if store else 0
    except StoreAway as error:
        raise InvoicingError(f"It is erased in the register, and {error}: do it again.") from None


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
