"""How it goes, in pictures: what was asked for day by day, what waits for a person and why, and
what it comes to. All of it by the gateway's own functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from console import pictures
from console.door import Console, Desk, Looking
from console.inbox import waiting
from console.render import Visitor
from gateway import books
from invoicing.books.calls import OK
from invoicing.books.overview import MOST_TIMED, Calls, Money, Overview, SentIn

router = APIRouter()

DAYS = (7, 28, 91)
"""Which spans there are."""
SUMS = ("asked", "final", "paid", "credited", "overdue")


class Wait(NamedTuple):
    """So many wait for this reason; `length` of its bar."""

    waiting_for: str
    invoices: int
    length: int


class Sums(NamedTuple):
    """What it comes to in one currency, each with the length of its bar."""

    money: Money
    bars: tuple[tuple[str, Decimal, int], ...]


class Times(NamedTuple):
    """How long it took one provider's, with the lengths of the two bars."""

    sent_in: SentIn
    p50: int
    p95: int


class Called(NamedTuple):
    """How often one account of a provider was called, and each kind of error, the most first; with
    the lengths of the bars of all calls and of those that failed."""

    provider: str
    account: str
    calls: int
    failed: int
    errors: tuple[tuple[str, int], ...]
    length: int
    failed_length: int


@router.get("/going")
async def how_it_goes(
    request: Request,
    desk: Desk,
    visitor: Looking,
    days: Annotated[Literal["7", "28", "91"], Query()] = "28",
) -> HTMLResponse:
    """Pictures of the last days, today included."""
    today = datetime.now(UTC).date()
    span = [today - timedelta(days=before) for before in reversed(range(int(days)))]
    overview = await _overview(desk, visitor, span)
    waits, more = await _waits(desk, visitor)
    return desk.pages.page(
        request,
        "going.html",
        visitor,
        days=int(days),
        spans=DAYS,
        chart=pictures.by_day(span, overview.days) if overview else None,
        sums=[_sums(each) for each in overview.money] if overview else [],
        times=_times(overview.sent_in) if overview else [],
        most_timed=MOST_TIMED,
        called=_called(overview.calls) if overview else [],
        waits=waits,
        more=more,
        groups=tuple(pictures.GROUPS),
        field=(pictures.WIDTH, pictures.HEIGHT),
    )


async def _overview(desk: Console, visitor: Visitor, span: list[date]) -> Overview | None:
    """As it was some seconds ago. None where there is no register: only what waits is
    known then."""
    if desk.backend.books is None:
        return None
    filters = books.OverviewFilters(since=span[0], until=span[-1])
    of = ("overview", visitor.caller.reach, filters.since, filters.until)
    ask = partial(books.overlook_books, filters, desk.backend, visitor.caller)
    return await desk.read.pictures.answer(of, ask)


async def _waits(desk: Console, visitor: Visitor) -> tuple[list[Wait], bool]:
    """What waits for a person by reason, the most first; and whether there are more than the inbox
    puts in order."""
    rows, more = await waiting(desk, visitor, at_once=True)
    counted = Counter(row.waiting_for or "" for _, row in rows).most_common()
    bars = pictures.lengths([count for _, count in counted])
    found = [Wait(what, count, bar) for (what, count), bar in zip(counted, bars, strict=True)]
    return found, more


def _called(every: Sequence[Calls]) -> list[Called]:
    results: dict[tuple[str, str], Counter[str]] = {}
    for each in every:
        of = results.setdefault((each.provider, each.account), Counter())
        of[each.result] += each.calls
    sums = [(of.total(), of.total() - of[OK]) for of in results.values()]
    bars = pictures.lengths([count for each in sums for count in each])
    return [
        Called(
            *whose,
            *sums[n],
            tuple((result, count) for result, count in of.most_common() if result != OK),
            *bars[2 * n : 2 * n + 2],
        )
        for n, (whose, of) in enumerate(results.items())
    ]


def _times(taken: Sequence[SentIn]) -> list[Times]:
    bars = pictures.lengths([Decimal(each) for one in taken for each in (one.p50, one.p95)])
    return [Times(one, *bars[2 * n : 2 * n + 2]) for n, one in enumerate(taken)]


def _sums(money: Money) -> Sums:
    amounts = [getattr(money, name) for name in SUMS]
    return Sums(money, tuple(zip(SUMS, amounts, pictures.lengths(amounts), strict=True)))
