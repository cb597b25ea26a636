"""`attach`: a file into the store, for documents to name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from commands.base import PROGRAM, BadInput, app
from documents import Account, DocumentStore, StoreAway
from invoicing.attachment import MOST_BYTES, described
from invoicing.errors import InvoicingError
from invoicing.process import run
from invoicing.request import AccountName, ProviderName
from settings.documents import store_of
from terminal import plain

_PROVIDER, _ACCOUNT = TypeAdapter(ProviderName), TypeAdapter(AccountName)


@app.command(
    "attach",
    short_help="Put a file in the store, for documents to name.",
    epilog=f"Example: {PROGRAM} attach timesheet.pdf --provider invoro",
)
def attach(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="PDF, PNG, JPEG, CSV, XLSX, ODS.")],
    provider: Annotated[str, typer.Option("--provider", help="Whose invoices may name it.")],
    account: Annotated[str, typer.Option("--account", help="Of that provider.")] = "default",
    name: Annotated[
        str | None, typer.Option("--name", help="By which the buyer is to know it.")
    ] = None,
) -> None:
    """Put a file where INVOICING_DOCUMENTS_AT says that documents are kept, and print what a
    document is to say of it, as `file` of one of its `attachments`. The same file again is the same
    file: it is called by what is in it.
    """
    whose = _account(provider, account)
    store = store_of(os.environ)
    if store is None:
        raise BadInput("Set INVOICING_DOCUMENTS_AT to where the workers keep documents.")
    raw = _read(file)
    try:
        said = described(name or file.name, raw)
    except ValueError as error:
        raise BadInput(f"{plain(str(file))}: {error}.") from None
    run(_put(store, whose, raw))
    typer.echo(said.model_dump_json())


def _account(provider: str, account: str) -> Account:
    try:
        return Account(_PROVIDER.validate_python(provider), _ACCOUNT.validate_python(account))
    except ValidationError:
        raise BadInput("Provider and account are names such as invoro and default.") from None


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{plain(str(file))}: {plain(error.strerror)}.") from None


async def _put(store: DocumentStore, whose: Account, raw: bytes) -> None:
    try:
        await store.attachments.put(whose, raw)
    except StoreAway as error:
        raise InvoicingError(f"{error}.") from None
