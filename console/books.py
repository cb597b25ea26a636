"""The books: what reconciliations have found and what to do about it, their runs, and what the
final invoices of a month come to. All by the gateway's own functions, from the register."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.answering import Again
from console.door import Answering, Console, Desk, Form, Looking, filled
from console.render import Visitor
from gateway import book_export, books, findings
from gateway.book_export import ExportFilters
from gateway.findings import FindingFilters, FindingId
from gateway.pages import Cursor, Paged
from gateway.problems import Kind, invalid
from gateway.visits import visit_of
from invoicing.books.exporting import MOST_INVOICES
from invoicing.books.findings import Close
from invoicing.books.periods import Period
from invoicing.books.reconciling import FindingKind
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.parse import read
from invoicing.temporal.asking import Refused

router = APIRouter()

ROWS = 25
"""Findings of a page."""
RUNS = 10
"""Reconciliations of a page."""


@router.get("/books")
async def show_books(
    request: Request,
    desk: Desk,
    visitor: Looking,
    month: Annotated[str, Query(max_length=7)] = "",
    runs: Cursor | None = None,
) -> HTMLResponse:
    """What is open, what was reconciled, and what a month comes to."""
    behind, who = desk.backend, visitor.caller
    filters = _filters(request)
    today = datetime.now(desk.backend.settings.console_zone).date()
    period = _month(month, today)
    chosen = books.TotalFilters(since=period.since, until=period.until)
    found = await findings.list_findings(filters, behind, who)
    ran = await findings.list_reconciliations(Paged(limit=RUNS, cursor=runs), behind, who)
    summed = await books.total_books(chosen, behind, who)
    return desk.pages.page(
        request,
        "books.html",
        visitor,
        findings=found.findings,
        filters=filters,
        kinds=FindingKind,
        later=_address(filters, found.cursor),
        runs=ran.reconciliations,
        earlier=_runs_address(filters, ran.cursor),
        totals=summed.totals,
        month=period.since,
        is_over=period.until < today,
        most=MOST_INVOICES,
    )


@router.get("/books/export")
async def take_books(request: Request, desk: Desk, visitor: Looking) -> Response:
    """The books of the month that is shown, packed; a field that was left empty asks for nothing.
    Raises InvalidRequest, Trouble."""
    names = ("month", "provider", "xlsx")
    known = {name: value for name in names if (value := request.query_params.get(name))}
    wanted = read(ExportFilters, json.dumps(known))
    return book_export.handed_out(await book_export.export_of(wanted, desk.backend, visitor.caller))


def _filters(request: Request) -> FindingFilters:
    """What the address asks for; a field that was left empty asks for nothing. Raises
    InvalidRequest."""
    names = ("provider", "kind", "closed", "cursor")
    given = {name: request.query_params.get(name) for name in names}
    known = {name: value for name, value in given.items() if value}
    return read(FindingFilters, json.dumps({**known, "closed": "closed" in known, "limit": ROWS}))


def _kept(filters: FindingFilters) -> Mapping[str, str]:
    kept = {"provider": filters.provider, "kind": filters.kind}
    return {name: value for name, value in kept.items() if value} | (
        {"closed": "yes"} if filters.closed else {}
    )


def _address(filters: FindingFilters, cursor: str | None) -> str:
    """The address of the next findings; empty where there are none."""
    return "?" + urlencode({**_kept(filters), "cursor": cursor}) if cursor else ""


def _runs_address(filters: FindingFilters, cursor: str | None) -> str:
    return "?" + urlencode({**_kept(filters), "runs": cursor}) + "#runs" if cursor else ""


def _month(written: str, today: date) -> Period:
    """The month that was asked for, or this one. Raises Trouble."""
    try:
        return Period.month(written or f"{today:%Y-%m}")
    except (ValueError, OverflowError):
        raise invalid("query.month", "is written as 2026-06") from None


@router.get("/findings/{finding}")
async def show_finding(
    request: Request, desk: Desk, visitor: Looking, finding: FindingId
) -> HTMLResponse:
    """One finding: what disagrees and what to do."""
    return await _finding(request, desk, visitor, finding)


async def _finding(
    request: Request, desk: Console, visitor: Visitor, finding: str, again: Again | None = None
) -> HTMLResponse:
    told = await findings.get_finding(finding, desk.backend, visitor.caller)
    mistakes: Sequence[FieldProblem] = again.mistakes if again else ()
    content: dict[str, Any] = {
        "one": told.found,
        "to_do": told.to_do,
        "again": again,
        "mistakes": {each.field: each.message for each in mistakes},
    }
    status = again.status if again else 200
    return desk.pages.page(request, "finding.html", visitor, status=status, **content)


@router.post("/findings/{finding}/close")
async def close(request: Request, desk: Desk, visitor: Answering, finding: FindingId) -> Response:
    """Close it, with the reason that was filled in."""
    form = await filled(request, desk, visitor.session)
    words, visit = desk.pages.words, visit_of(request)
    try:
        word = _word(form, visitor)
        await findings.close_finding(finding, word, desk.backend, visitor.caller, key=form.once)
    except InvalidRequest as error:
        visit.outcome = Kind.INVALID.slug
        mistakes = error.fields or [FieldProblem(field="reason", message=str(error))]
        again = Again(422, words("again.mistakes"), "close", form, mistakes)
    except Refused as error:
        visit.outcome = Kind.REFUSED.slug
        again = Again(409, words("again.refused", why=str(error)), "close", form)
    else:
        return RedirectResponse(f"{request.scope['root_path']}/books?said=closed", 303)
    return await _finding(request, desk, visitor, finding, again)


def _word(form: Form, visitor: Visitor) -> Close:
    who = visitor.caller.name
    return read(Close, json.dumps({"by": who, "proven": who, "reason": form["reason"]}))
