"""The list of invoices from the register: chosen by what a finance person looks for, added up, and
taken as a file. All by the gateway's own functions, so to each caller its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.door import Console, Desk, Looking, filled
from console.render import Visitor
from gateway import book_file, books, saved
from gateway.book_file import MOST_ROWS, FileFilters
from gateway.books import BookFilters, TotalFilters
from gateway.problems import Kind, Trouble
from gateway.saved import ForgetList, SaveList
from gateway.visits import visit_of
from invoicing.books.booked import Entry
from invoicing.errors import InvalidRequest
from invoicing.parse import read
from invoicing.provider import PaymentStatus
from invoicing.saved import MOST_SAVED, SavedList
from invoicing.state.invoice import Status
from invoicing.temporal.asking import Refused
from invoicing.temporal.lists import CUT_OFF

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
    "went_back": ("true",),
    "too_much": ("true",),
}
"""Fields in which one of these is chosen."""
DAYS = ("since", "until", "due_before")
FIELDS = (
    *("text", "status", "payment", "overdue", "running", "buyer", "provider", "account"),
    *("since", "until", "currency", "amount_from", "amount_to"),
)
"""In the order in which the form has them."""
SELDOM = ("prefix", "due_before", "went_back", "too_much")
"""Fields that it has only where a list that was saved over REST, or an address, asks for them."""
_OF_PAGES = {"limit", "cursor"}
_WITH_COMMA = re.compile(r"-?\d+,\d{1,2}")


class Asked(NamedTuple):
    """What the form asks for: as it was typed, and what is wrong with it, by field."""

    typed: Mapping[str, str]
    filters: BookFilters
    mistakes: Mapping[str, str]

    @property
    def fields(self) -> tuple[str, ...]:
        """Those of the form."""
        return (*FIELDS, *(name for name in SELDOM if name in self.typed))

    @property
    def address(self) -> str:
        """The same again, from the first page on."""
        return urlencode(self.typed)


def asked(given: Mapping[str, str], cursor: str | None = None) -> Asked:
    """What is in the fields; one that was left empty asks for nothing. Raises InvalidRequest for a
    cursor that no page has given."""
    typed = {
        name: text
        for name in (*FIELDS, *SELDOM)
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


class Saving(NamedTuple):
    """A list that was to be saved, and was not."""

    name: str
    problem: str
    status: int


async def show(request: Request, desk: Console, visitor: Visitor) -> HTMLResponse:
    """The list, the latest first. Raises Trouble, as where the register is away."""
    query = request.query_params
    return await _shown(request, desk, visitor, asked(query, query.get("cursor") or None))


async def _shown(
    request: Request,
    desk: Console,
    visitor: Visitor,
    wanted: Asked,
    saving: Saving | None = None,
) -> HTMLResponse:
    found: Mapping[str, Any] = {"rows": (), "overdue": (), "totals": (), "next": ""}
    status = saving.status if saving else 200
    if wanted.mistakes:
        visit_of(request).outcome, status = Kind.INVALID.slug, 422
    else:
        found = await _found(desk, visitor, wanted)
    kept = await saved.saved_lists(desk.backend, visitor.caller)
    return desk.pages.page(
        request,
        "booked.html",
        visitor,
        status=status,
        asked=wanted,
        choices=CHOICES,
        days=DAYS,
        most=MOST_ROWS,
        saved=[(one.name, _address_of(one)) for one in kept.lists],
        saving=saving,
        most_saved=MOST_SAVED,
        **found,
    )


def _address_of(one: SavedList) -> str:
    """What the form asks for it: a truth is a word there."""
    return urlencode(
        {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in one.filters.items()
        }
    )


async def _found(desk: Console, visitor: Visitor, wanted: Asked) -> Mapping[str, Any]:
    page = await books.list_books(wanted.filters, desk.backend, visitor.caller)
    cursor = {"cursor": page.cursor} if page.cursor else None
    return {
        "rows": page.invoices,
        "next": "?" + urlencode({**wanted.typed, **cursor}) if cursor else "",
        **await _about(desk, visitor, wanted, page.invoices),
    }


async def _about(
    desk: Console, visitor: Visitor, wanted: Asked, rows: Sequence[Entry]
) -> Mapping[str, Any]:
    """What they come to, and which are overdue; None where the register does not say so in time:
    it has to look at all that are chosen, where the rows are a page of them."""
    behind, who = desk.backend, visitor.caller
    same = TotalFilters.model_validate(wanted.filters.model_dump(exclude=_OF_PAGES))
    try:
        overdue = await books.overdue_among(rows, behind, who)
        summed = await books.total_books(same, behind, who)
    except Trouble as trouble:
        if trouble.kind is not Kind.UNAVAILABLE:
            raise
        return {"overdue": (), "totals": None}
    return {"overdue": overdue, "totals": summed.totals}


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
    chosen = wanted.filters.model_dump(mode="json", exclude=_OF_PAGES, exclude_none=True)
    decimal = desk.pages.reader(request).decimal
    how = read(FileFilters, json.dumps({**chosen, "format": kind, "decimal": decimal}))
    return book_file.handed_out(await book_file.file_of(how, desk.backend, visitor.caller))


@router.post("/lists")
async def save(request: Request, desk: Desk, visitor: Looking) -> Response:
    """Save the list that the form has, under the name that was filled in."""
    form = await filled(request, desk, visitor.session)
    wanted = asked({name: form[name] for name in (*FIELDS, *SELDOM)})
    if wanted.mistakes:
        return await _shown(request, desk, visitor, wanted)
    filters = wanted.filters.model_dump(mode="json", exclude=_OF_PAGES, exclude_defaults=True)
    visit = visit_of(request)
    try:
        word = read(SaveList, json.dumps({"name": form["name"], "filters": filters}))
        await saved.save_list(word, desk.backend, visitor.caller, key=form.once)
    except InvalidRequest as error:
        visit.outcome = Kind.INVALID.slug
        said = "; ".join(each.message for each in error.fields)
        return await _shown(request, desk, visitor, wanted, Saving(form["name"], said, 422))
    except Refused as error:
        visit.outcome = Kind.REFUSED.slug
        return await _shown(request, desk, visitor, wanted, Saving(form["name"], str(error), 409))
    return _to_the_list(request, wanted.typed, "saved")


@router.post("/lists/forget")
async def forget(request: Request, desk: Desk, visitor: Looking) -> Response:
    """Have none of this name."""
    form = await filled(request, desk, visitor.session)
    word = read(ForgetList, json.dumps({"name": form["name"]}))
    await saved.forget_list(word, desk.backend, visitor.caller, key=form.once)
    return _to_the_list(request, {}, "forgotten")


def _to_the_list(request: Request, typed: Mapping[str, str], said: str) -> Response:
    where = f"{request.scope['root_path']}/invoices"
    return RedirectResponse(f"{where}?{urlencode({**typed, 'said': said})}", 303)
