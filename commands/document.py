"""`document`: the PDF of an invoice."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer

from commands.base import (
    PROGRAM,
    AsJson,
    BadInput,
    Code,
    Reference,
    answered,
    app,
    finite,
    with_client,
)
from documents import DocumentStore, StoreAway
from invoicing.client import InvoicingClient
from invoicing.document_file import DocumentFile, DocumentState, document_key
from invoicing.errors import InvoicingError
from settings.documents import store_of
from terminal import plain


@app.command(
    "document",
    short_help="Fetch the PDF of an invoice.",
    epilog=f"Example: {PROGRAM} document INV-7 --output INV-7.pdf",
)
def document(
    reference: Reference,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it; new.")
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", min=0, max=86_400, callback=finite, metavar="SECONDS", help="At most."
        ),
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Have the document fetched from the provider and kept, where it is not yet, and say its size
    and digest. With --output it is written to a file, from where INVOICING_DOCUMENTS_AT says that
    documents are kept.

    Exit code 6 where it is not there after the time that was given: it is fetched once it is.
    """
    store = _needed_store() if output else None

    async def work(client: InvoicingClient) -> Code:
        state = await answered(client.documents.ask(reference))
        if not state.over and wait:
            state = await _waited(client, reference, state, wait)
        typer.echo(state.model_dump_json() if as_json else _sentence(state))
        if state.file is None:
            return Code.FAILED if state.problem else Code.UNDER_WAY
        if output and store:
            await _write(store, state, state.file, output)
        return Code.DONE

    with_client(work)


async def _waited(
    client: InvoicingClient, reference: str, state: DocumentState, seconds: float
) -> DocumentState:
    try:
        async with asyncio.timeout(seconds):
            return await client.documents.wait(reference)
    except TimeoutError:
        return await answered(client.documents.state(reference))


def _sentence(state: DocumentState) -> str:
    name = plain(state.reference)
    if state.file is None:
        return f"{name}: {plain(state.problem or state.waiting or 'it is being fetched')}"
    file = state.file
    return f"{name}: {file.media_type}, {file.size} bytes, SHA-256 {file.sha256}"


def _needed_store() -> DocumentStore:
    if store := store_of(os.environ):
        return store
    raise BadInput("Set INVOICING_DOCUMENTS_AT to where the workers keep documents.")


async def _write(
    store: DocumentStore, state: DocumentState, file: DocumentFile, output: Path
) -> None:
    """All of it under its name, or nothing."""
    key = document_key(state.reference, state.provider_id)
    try:
        raw = b"".join([piece async for piece in store.read(key, 0, file.size)])
    except StoreAway as error:
        raise InvoicingError(f"{error}.") from None
    if hashlib.sha256(raw).hexdigest() != file.sha256:
        raise InvoicingError("What is in the store is not what was kept: nothing was written.")
    try:
        with output.open("xb") as opened_file:
            opened_file.write(raw)
    except FileExistsError:
        raise BadInput(f"{output} is there already.") from None
    except OSError as error:
        raise BadInput(f"{output}: {plain(error.strerror)}.") from None
