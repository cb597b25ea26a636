"""What waits for a person."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from console.door import Console, Desk, Looking
from console.render import Live, Visitor
from console.rows import look_at_each
from console.second import consents
from console.subjects import Kind, Subject
from gateway import books, events, findings
from gateway.findings import FindingFilters, FindingPage
from gateway.pages import Paged
from gateway.problems import Kind as Problem
from gateway.problems import Trouble
from gateway.routes import page
from invoicing.books import claims
from invoicing.books.booked import Worth
from invoicing.state.identity import (
    AMEND_WORKFLOW,
    CREDITS_WORKFLOW,
    ORDER_WORKFLOW,
    WORKFLOW,
)
from invoicing.temporal.lists import Listed

router = APIRouter()

ROWS = 25
"""Of a page."""
MOST_EVENTS = 25
MOST_FINDINGS = 10
MOST_LISTED = 1000
"""Of each kind: so many are put in order. There are more pages where the first are answered."""
_AT_ONCE = 200


@router.get("/")
async def inbox(
    request: Request,
    desk: Desk,
    visitor: Looking,
    number: Annotated[int, Query(alias="page", ge=1, le=100)] = 1,
    order: Order = "age",
) -> HTMLResponse:
    """What waits, in the order in which it was asked for, or by what it is worth."""
    # Asked side by side: each is a list of its own, and the slowest takes a third of a second for
    # 300 rows. So whoever looks again is shown the rows of some seconds ago, each as it is now.
    (rows, more), found_there, told = await asyncio.gather(
        waiting(desk, visitor, at_once=True),
        findings_of(desk, visitor),
        news_of(desk, visitor, at_once=True),
    )
    worths = await _worths(desk, visitor, rows) if order == "worth" else None
    if worths is not None:
        rows = by_worth(rows, worths)
    last = max(1, -(-len(rows) // ROWS))
    number = min(number, last)
    shown = rows[(number - 1) * ROWS : number * ROWS]
    found = await look_at_each(desk, [(kind, row.reference) for kind, row in shown])
    # Who has just answered is not to see the question again.
    waits = [(each, row) for each, row in zip(found, shown, strict=True) if not each.has_moved_on]
    news = await look_at_each(desk, [(Kind.EVENTS, each) for each in reversed(told)])
    return desk.pages.page(
        request,
        "inbox.html",
        visitor,
        rows=[
            (subject, row, sentence(desk, subject, row), (worths or {}).get((kind, row.reference)))
            for subject, (kind, row) in waits
        ],
        news=[(subject, sentence(desk, subject)) for subject in news],
        findings=found_there.findings,
        more_findings=found_there.cursor is not None,
        count=len(rows) - len(shown) + len(waits),
        more=more,
        number=number,
        last=last,
        consents=consents,
        order=order,
        sorted_by="worth" if worths is not None else "age",
        live=Live("/live/inbox", f"/?page={number}&order={order}"),
    )


def sentence(desk: Console, subject: Subject, row: Listed | None = None) -> str:
    """What is asked, as it stands now; from the table of questions where only lists are known."""
    if subject.problem:
        return subject.problem.what
    what = (row.waiting_for or "") if row else ""
    return desk.pages.words.asked(what.partition(": ")[2])


async def news_of(desk: Console, visitor: Visitor, *, at_once: bool = False) -> tuple[str, ...]:
    """The ids of news that waits for a person, the latest first; as it was a moment ago, `at_once`:
    or some seconds."""
    of = ("news", visitor.caller.reach)
    ask = partial(events.list_events, desk.backend, visitor.caller, MOST_EVENTS)
    return (await desk.read.lists.answer(of, ask, at_once=at_once)).events


async def findings_of(desk: Console, visitor: Visitor) -> FindingPage:
    """The oldest open findings of reconciliations, as they were some seconds ago; none where there
    is no register, or it is away."""
    nothing = FindingPage(findings=())
    if desk.backend.books is None:
        return nothing
    of = ("findings", visitor.caller.reach)
    filters = FindingFilters(limit=MOST_FINDINGS)
    ask = partial(findings.list_findings, filters, desk.backend, visitor.caller)
    try:
        return await desk.read.lists.answer(of, ask, at_once=True)
    except Trouble as trouble:
        if trouble.kind is not Problem.UNAVAILABLE:
            raise
        return nothing


Order = Literal["age", "worth"]
_Row = tuple[Kind, Listed]


async def _worths(
    desk: Console, visitor: Visitor, rows: Sequence[_Row]
) -> Mapping[tuple[Kind, str], Worth] | None:
    """What the register has of each; None where there is none, or it is away."""
    if desk.backend.books is None:
        return None
    found: dict[tuple[Kind, str], Worth] = {}
    for kind, name in _BOOKED.items():
        references = [row.reference for of, row in rows if of is kind]
        try:
            told = await books.worths_of(name, references, desk.backend, visitor.caller)
        except Trouble as trouble:
            if trouble.kind is not Problem.UNAVAILABLE:
                raise
            return None
        found |= {(kind, reference): worth for reference, worth in told.items()}
    return found


_BOOKED: Mapping[Kind, claims.Kind] = {Kind.INVOICES: "invoice", Kind.ORDERS: "order"}
"""Of what the register has amounts, and as what. Of credits and amendments it has those of the
invoice alone."""


def by_worth(rows: Sequence[_Row], worths: Mapping[tuple[Kind, str], Worth]) -> list[_Row]:
    """The largest first, currency by currency, beginning with the one that most are in: nothing is
    converted. Those of which no amount is known come last, as they came."""
    found = [worths.get((kind, row.reference)) for kind, row in rows]
    known = [(worth, row) for worth, row in zip(found, rows, strict=True) if worth]
    count = Counter(worth.currency for worth, _ in known)

    def place(one: tuple[Worth, _Row]) -> tuple[int, str, Decimal]:
        worth, _ = one
        return -count[worth.currency], worth.currency, -worth.amount

    unknown = [row for worth, row in zip(found, rows, strict=True) if not worth]
    return [row for _, row in sorted(known, key=place)] + unknown


_KINDS = {
    Kind.INVOICES: WORKFLOW,
    Kind.ORDERS: ORDER_WORKFLOW,
    Kind.CREDITS: CREDITS_WORKFLOW,
    Kind.AMENDMENTS: AMEND_WORKFLOW,
}


async def waiting(
    desk: Console, visitor: Visitor, *, at_once: bool = False
) -> tuple[list[_Row], bool]:
    """Those that wait for a person, first asked first, and whether there are more than that; as it
    was a moment ago, `at_once`: or some seconds, for everybody who may see the same."""
    of, ask = ("waiting", visitor.caller.reach), partial(_waiting, desk, visitor)
    return await desk.read.lists.answer(of, ask, at_once=at_once)


async def _waiting(desk: Console, visitor: Visitor) -> tuple[list[_Row], bool]:
    each = await asyncio.gather(
        *(_waiting_of(desk, visitor, kind, workflow) for kind, workflow in _KINDS.items())
    )
    found = [row for rows, _ in each for row in rows]
    return sorted(found, key=lambda row: row[1].started_at), any(more for _, more in each)


async def _waiting_of(
    desk: Console, visitor: Visitor, kind: Kind, workflow: str
) -> tuple[list[_Row], bool]:
    found: list[_Row] = []
    cursor: str | None = None
    for _ in range(MOST_LISTED // _AT_ONCE):
        wanted = Paged(limit=_AT_ONCE, cursor=cursor)
        rows, cursor = await page(
            desk.backend, visitor.caller, workflow, wanted, waiting_for="person"
        )
        found += [(kind, row) for row in rows]
        if cursor is None:
            break
    return found, cursor is not None
