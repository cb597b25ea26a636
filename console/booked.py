"""The list of invoices from the register: chosen by what a finance person looks for, added up, and
taken as a file. All by the gateway's own functions, so to each caller its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from console.door import Console, Desk, Looking
from console.render import Visitor
from gateway import book_file, books
from gateway.book_file import MOST_ROWS, FileFilters
from gateway.books import BookFilters, TotalFilters
from gateway.problems import Kind
from gateway.visits import visit_of
from invoicing.booked import Entry
from invoicing.errors import InvalidRequest
from invoicing.invoice import Status
from invoicing.lists import CUT_OFF
from invoicing.parse import read
from invoicing.provider import PaymentStatus

router = APIRouter()

ROWS = 50
"""Of a page."""
MOST_TYPED = 200
"""Characters of a field of the form that are looked at."""
CHOICES: Mapping[str, Sequence[str]] = {
    "status": (*Status, CUT_OFF),
    "payment": (*PaymentStatus,),
    "running": ("true", "false"),
    "overdue": ("true",),
}
"""Fields in which one of these is chosen."""
DAYS = ("since", "until")
TYPED = ("text", "buyer", "provider", "account", "currency", "amount_from", "amount_to")
FIELDS = ("text", "status", "payment", "overdue", "running", "buyer", "provider", "account")
FIELDS += ("since", "until", "currency", "amount_from", "amount_to")
"""In the order in which the form has them."""
_WITH_COMMA = re.compile(r"-?\d+,\d{1,2}")


class Asked(NamedTuple):
    """What the form asks for: as it was typed, and what is wrong with it, by field."""

    typed: Mapping[str, str]
    filters: BookFilters
    mistakes: Mapping[str, str]

    @property
    def address(self) -> str:
        """The same again, from the first page on."""
        return urlencode(self.typed)


def asked(given: Mapping[str, str], cursor: str | None = None) -> Asked:
    """What is in the fields; one that was left empty asks for nothing. Raises InvalidRequest for a
    cursor that no page has given."""
    typed = {
        name: text
        for name in FIELDS
        if (text := given.get(name, "").replace("\0", "").strip()[:MOST_TYPED])
    }
    said = {name: _with_point(text) for name, text in typed.items()}
    try:
        paged: dict[str, Any] = {"limit": ROWS, "cursor": cursor}
        return Asked(typed, read(BookFilters, json.dumps({**said, **paged})), {})
    except InvalidRequest as error:
        mistakes = {each.field: each.message for each in error.fields}
        if not mistakes.keys() <= typed.keys():
            raise
        return Asked(typed, BookFilters(), mistakes)


def _with_point(text: str) -> str:
    """An amount as much of the world types it, 12,50, where that says one thing alone."""
    return text.replace(",", ".") if _WITH_COMMA.fullmatch(text) else text


async def show(request: Request, desk: Console, visitor: Visitor) -> HTMLResponse:
    """The list, the latest first. Raises Trouble, as where the register is away."""
    query = request.query_params
    wanted = asked(query, query.get("cursor") or None)
    found: Mapping[str, Any] = {"rows": (), "overdue": (), "totals": (), "next": ""}
    if wanted.mistakes:
        visit_of(request).outcome = Kind.INVALID.slug
    else:
        found = await _found(desk, visitor, wanted)
    return desk.pages.page(
        request,
        "booked.html",
        visitor,
        status=422 if wanted.mistakes else 200,
        asked=wanted,
        fields=FIELDS,
        choices=CHOICES,
        days=DAYS,
        most=MOST_ROWS,
        **found,
    )


async def _found(desk: Console, visitor: Visitor, wanted: Asked) -> Mapping[str, Any]:
    behind, who = desk.backend, visitor.caller
    page = await books.list_books(wanted.filters, behind, who)
    same = wanted.filters.model_dump(exclude={"limit", "cursor"})
    summed = await books.total_books(TotalFilters.model_validate(same), behind, who)
    rows: Sequence[Entry] = page.invoices
    cursor = {"cursor": page.cursor} if page.cursor else None
    return {
        "rows": rows,
        "overdue": await books.overdue_among(rows, behind, who),
        "totals": summed.totals,
        "next": "?" + urlencode({**wanted.typed, **cursor}) if cursor else "",
    }


@router.get("/books/file")
async def take(
    request: Request,
    desk: Desk,
    visitor: Looking,
    kind: Annotated[str, Query(alias="format", max_length=10)] = "csv",
) -> Response:
    """The rows that the form chooses, as a file that the reader's spreadsheet opens."""
    wanted = asked(request.query_params)
    if wanted.mistakes:
        return await show(request, desk, visitor)
    chosen = wanted.filters.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    decimal = desk.pages.reader(request).decimal
    how = read(FileFilters, json.dumps({**chosen, "format": kind, "decimal": decimal}))
    return book_file.handed_out(await book_file.file_of(how, desk.backend, visitor.caller))
