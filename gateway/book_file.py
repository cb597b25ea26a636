"""A list of the register as a file: all that a filter chooses, up to a bound, whole or not at all.

Only where the gateway is told where the register is (INVOICING_REGISTER_AT).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import Query, Response

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.books import Chosen, booked, register_of
from gateway.callers import Caller
from gateway.files import XLSX
from gateway.problems import Kind
from gateway.routes import Heads, Limits
from tabular.listed import Cells, Format, cells, written
from tabular.wishes import Decimals

heads = Heads("books")
router = heads.router

MOST_ROWS = 10_000
"""Of one file: the latest so many."""
AT_ONCE = 1000
"""Rows that the register is asked for at once."""
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}
_SCHEMA = {"schema": {"type": "string", "format": "binary"}}
_FILES: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": _SCHEMA, XLSX: _SCHEMA}}}


class Csv(Response):
    """What it is where nothing else is asked for."""

    media_type = "text/csv"


class FileFilters(Chosen):
    """As those of the list, and how the file is written."""

    format: Format = "csv"
    decimal: Decimals = "point"
    """Of CSV. With a comma, a semicolon separates."""


class File(NamedTuple):
    """What is handed out."""

    name: str
    media: str
    content: bytes


@heads.lists("The file", Limits.SHOWN, "/file", Kind.NOT_FOUND, more=_FILES, response_class=Csv)
async def take_books(
    filters: Annotated[FileFilters, Query()], behind: Behind, who: Who
) -> Response:
    """The rows of the list as CSV or XLSX, the latest first. Where more than 10,000 are chosen, the
    latest 10,000, and the file's name says so. One file of a caller at a time."""
    return handed_out(await file_of(filters, behind, who))


def handed_out(file: File) -> Response:
    """The answer that has it."""
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, 200, headers, file.media)


async def file_of(filters: FileFilters, behind: Backend, who: Caller) -> File:
    """What these filters choose of this caller's. Raises Trouble."""
    register_of(behind)
    return await behind.handing.after(who.name, _file(filters, behind, who))


async def _file(filters: FileFilters, behind: Backend, who: Caller) -> File:
    rows, more = await _rows(filters, behind, who)
    writing = partial(written, rows, filters.format, filters.decimal)
    content = await behind.files.do(who.name, writing)
    name = f"invoices-first-{MOST_ROWS}" if more else "invoices"
    return File(f"{name}.{filters.format}", MEDIA[filters.format], content)


async def _rows(filters: FileFilters, behind: Backend, who: Caller) -> tuple[Sequence[Cells], bool]:
    """And whether there are more."""
    books, wanted = register_of(behind), filters.wanted(who)
    rows: list[Cells] = []
    after: str | None = None
    while len(rows) < MOST_ROWS:
        most = min(AT_ONCE, MOST_ROWS - len(rows))
        found = await booked(behind, who, books.page(wanted, most, after))
        rows += map(cells, found.rows)
        after = found.next
        if after is None:
            break
    return rows, after is not None
