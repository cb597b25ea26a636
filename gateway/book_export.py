"""The books of a month as one file: what `invoicing export` writes, packed.

Only where the gateway is told where the register is (INVOICING_REGISTER_AT).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import IO, Annotated, Any

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import StringConstraints, field_validator

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.books import register_of
from gateway.callers import Caller
from gateway.problems import Kind, Trouble, invalid, unavailable
from gateway.routes import Heads, Limits
from invoicing.books.exporting import Asked, Packed, TooMuch
from invoicing.books.periods import Period
from invoicing.errors import Unavailable
from invoicing.model import Typed
from invoicing.request import ProviderName

heads = Heads("books")
router = heads.router

ZIP = "application/zip"
MOST_OUT = 4
"""Files that are read out at once: each is on the disk until its last byte has left."""
PIECE = 1 << 16
"""Bytes that are held at once of a file on its way out."""
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {ZIP: {"schema": {"type": "string", "format": "binary"}}}}
}


class Zip(StreamingResponse):
    """A ZIP file, in pieces."""

    media_type = ZIP


class ExportFilters(Typed):
    """Of which month, as 2026-06; of one provider, or of all; with a workbook of all tables."""

    month: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    provider: ProviderName | None = None
    xlsx: bool = False

    @field_validator("month")
    @classmethod
    def _is_one(cls, month: str) -> str:
        try:
            Period.month(month)
        except (ValueError, OverflowError):
            raise ValueError("is written as 2026-06") from None
        return month


@heads.lists("The files", Limits.SHOWN, "/export", Kind.NOT_FOUND, more=_FILES, response_class=Zip)
async def export_books(
    filters: Annotated[ExportFilters, Query()], behind: Behind, who: Who
) -> StreamingResponse:
    """Invoices, VAT, payments, credits, bookings and the journal of a month as CSV and JSON Lines,
    all of one moment, with a manifest: what `invoicing export` writes. `ETag` is its seal. Where a
    line of the journal is not as it was once written, the file's name says so.

    At most 10,000 invoices and 100,000 lines of the journal. One is packed at a time, and whoever
    asks meanwhile waits; four are read out at once."""
    return handed_out(await export_of(filters, behind, who))


async def export_of(filters: ExportFilters, behind: Backend, who: Caller) -> Packed:
    """What is this caller's. Raises Trouble."""
    books = register_of(behind)
    asked = Asked(
        period=Period.month(filters.month),
        provider=filters.provider,
        accounts=who.reach.accounts,
        references=who.reach.references,
        xlsx=filters.xlsx,
    )
    _refuse_too_many(behind)
    try:
        packed = await behind.packing.do(who.name, partial(books.export, asked))
    except TooMuch as error:
        raise invalid("query.month", str(error)) from None
    except Unavailable as error:
        raise unavailable(error.message) from None
    try:
        # Others may have been packed while this one waited.
        _refuse_too_many(behind)
    except Trouble:
        packed.file.close()
        raise
    behind.packs.add(packed.file)
    return packed


def _refuse_too_many(behind: Backend) -> None:
    if sum(not each.closed for each in behind.packs) >= MOST_OUT:
        raise unavailable("too many take the books now", 30)


def handed_out(packed: Packed) -> Zip:
    """The answer that has it."""
    name = f"{packed.name}-journal-changed" if packed.broken else packed.name
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.zip"',
        "Content-Length": str(packed.size),
        "ETag": f'"{packed.seal}"',
    }
    return Zip(_pieces(packed.file), headers=headers)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    """One after the other, each once the one before has left; then the file is gone."""
    with file:
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
