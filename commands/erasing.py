"""`erase`, `legal-hold` and `rekey`: a person taken out of the books, or kept in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

import settings.shared
from commands.base import (
    MANY,
    PROGRAM,
    SERVER_SECONDS,
    BadInput,
    By,
    Missing,
    Reference,
    Why,
    app,
    who_and_why,
)
from commands.books import reading
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

    from register.erasing import Erasure

STILL_IN_THE_FILE = (
    "Somebody reads the register: what was erased is still in its file (the log that SQLite writes "
    "ahead). Do it again when they are done."
)

AnOrder = Annotated[bool, typer.Option("--order", help="An order, not an invoice.")]


@contextmanager
def writing() -> Iterator[Engine]:
    """The register meanwhile, to be changed. Raises BadInput where none is configured,
    BadRegister."""
    from register.database import made  # no other command needs a database

    with reading():  # is it there, and of this version?
        where = settings.shared.register(os.environ).register_at
    engine = made(where.get_secret_value() if where else "")
    try:
        yield engine
    finally:
        engine.dispose()


@app.command(
    "legal-hold",
    rich_help_panel=MANY,
    short_help="Have nothing of a reference erased until the hold is released.",
    epilog=f'Example: {PROGRAM} legal-hold EXAMPLE-1 --reason "file 4711"',
)
def legal_hold(
    reference: Reference,
    order: AnOrder = False,
    release: Annotated[bool, typer.Option("--release", help="Take the hold off.")] = False,
    by: By = None,
    reason: Why = None,
) -> None:
    """Keep what the register and Temporal have of a reference: `erase` refuses it while it is held.

    Who held and who released it, and why, stands in the register's journal. It holds up nothing
    else, and Temporal still forgets with its retention.
    """
    from register.holding import Holding, NothingToHold, held, released

    told = who_and_why(by, reason)
    wanted = Holding("order" if order else "invoice", reference, at=datetime.now(UTC), **told)
    with writing() as engine:
        try:
            if release:
                released(engine, wanted)
                typer.echo(f"{plain(reference)} is not held any more.")
            else:
                typer.echo(f"{plain(reference)} is held since {held(engine, wanted):%Y-%m-%d}.")
        except NothingToHold as error:
            raise Missing(f"{plain(error)}.") from None


@app.command(
    "rekey",
    rich_help_panel=MANY,
    short_help="Encrypt every data key with the newest encryption key.",
    epilog=f"Example: {PROGRAM} rekey",
)
def rekey() -> None:
    """Encrypt the data keys in the register anew, with the first of INVOICING_ENCRYPTION_KEYS.

    Payloads are not touched. An older key is not needed for data keys then; for what was written
    under it alone, it is until the namespace's retention is over. May be cut short and repeated.
    """
    from invoicing.temporal.data_keys import Masters
    from invoicing.temporal.encryption import configured_keys
    from register.keys import rekeyed

    keys = configured_keys()
    if not keys:
        raise BadInput("There are no keys here: set INVOICING_ENCRYPTION_KEYS to the workers' own.")
    masters = Masters(keys)
    with writing() as engine:
        done = rekeyed(engine, masters)
    typer.echo(f"{done} data keys are encrypted with {masters.newest} now; the others were before.")


@app.command(
    "erase",
    rich_help_panel=MANY,
    short_help="Take the person out of the register, after the end.",
    epilog=f'Example: {PROGRAM} erase EXAMPLE-1 --reason "asked for by the buyer" --yes',
)
def erase(
    reference: Reference,
    order: AnOrder = False,
    yes: Yes = False,
    by: By = None,
    reason: Why = None,
) -> None:
    """Erase for good who an invoice was for and what was said about it, in the register.

    Reference, status, number, amounts, dates and who decided stay; the same reference is refused
    from then on. Temporal is asked first whether it still runs; what hears of its money is ended.
    Its documents are removed where INVOICING_DOCUMENTS_AT says where they are. With
    INVOICING_DATA_KEYS what Temporal has of it cannot be read any more. What the provider has is
    not touched.
    """
    from register.erasing import Erasure, NotThere, erased, forget_old_pages, ran_in

    told = who_and_why(by, reason)
    agree("erase", 1, yes)
    wanted = Erasure("order" if order else "invoice", reference, at=datetime.now(UTC), **told)
    with writing() as engine:
        try:
            run(_refuse_open(wanted, ran_in(engine, wanted)))
            done = erased(engine, wanted)
            forgotten = forget_old_pages(engine)
        except NotThere as error:
            raise Missing(f"{plain(error)}.") from None
    removed = run(_without_documents(reference)) if not order else 0
    typer.echo(f"{plain(reference)} is erased since {done.at:%Y-%m-%d}.")
    if not forgotten:
        typer.echo(STILL_IN_THE_FILE)
    if removed:
        typer.echo(f"{removed} documents were removed.")
    if done.key:
        typer.echo("Its data key is destroyed: Temporal's histories of it cannot be read any more.")
    elif settings.shared.clients(os.environ).data_keys:
        typer.echo("It had no data key: what Temporal has of it stays until the retention is over.")


async def _refuse_open(wanted: Erasure, namespace: str) -> None:
    """A workflow whose key is destroyed can never go on. What hears of its money is ended.
    Raises BadInput, EngineError."""
    reference = wanted.reference
    with converter_here() as here:
        temporal = await reach(SERVER_SECONDS, data_converter=here)
        if temporal.namespace != namespace:
            raise BadInput(
                f"{plain(reference)} ran in the namespace {plain(namespace)}, and this is "
                f"{temporal.namespace}: set TEMPORAL_NAMESPACE, so that it is known whether it "
                "still runs. Nothing is erased."
            )
        still = await open_still(
            temporal, reference, order=wanted.kind == "order", within=SERVER_SECONDS
        )
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
