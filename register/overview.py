"""How it goes: counts by day and status, sums by currency, of what was asked for in a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    String,
    and_,
    case,
    func,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError

from invoicing.books.booked import Wanted
from invoicing.books.overview import MOST_TIMED, DayCount, Money, Overview, SentIn
from invoicing.books.periods import Period
from invoicing.money import minor_units
from invoicing.provider import PaymentStatus
from invoicing.state.invoice import Status
from register.calls import calls_of
from register.lists import conditions, given_back, overdue
from register.tables import invoices, journal
from register.trouble import cannot_be

SENT = (Status.SENT, Status.DELIVERED, Status.PAID)
"""In one of them an invoice has been sent: whichever its journal has first."""


def overview(engine: Engine, wanted: Wanted, asked: Period, today: date) -> Overview:
    """Of those that fit and were asked for in these days. Raises BadRegister. Blocks."""
    begin, after = asked.moments
    fits = [*conditions(wanted), invoices.c.began_at >= begin, invoices.c.began_at < after]
    try:
        with engine.begin() as db:
            return Overview(
                days=_days(db, fits),
                money=_money(db, fits, today),
                sent_in=_sent_in(db, fits),
                calls=calls_of(db, wanted, asked),
            )
    except DBAPIError as error:
        raise cannot_be("read", error) from None


def _days(db: Connection, fits: list[ColumnElement[bool]]) -> tuple[DayCount, ...]:
    has = invoices.c
    # Moments are kept as text in UTC: the day is how it begins.
    day = func.substr(type_coerce(has.began_at, String), 1, 10).label("day")
    query = select(day, has.status, func.count().label("invoices")).where(*fits)
    rows = db.execute(query.group_by(day, has.status).order_by(day, has.status)).mappings()
    return tuple(DayCount.model_validate(dict(row)) for row in rows)


def _money(db: Connection, fits: list[ColumnElement[bool]], today: date) -> tuple[Money, ...]:
    has = invoices.c
    final = has.number.is_not(None)
    back = given_back()
    taken = func.coalesce(has.credited, 0) + func.coalesce(back.c.gross, 0)
    left = has.due - func.coalesce(has.paid, 0) - taken
    sums = {
        "asked": func.sum(has.gross),
        "final": func.sum(case((final, has.gross), else_=0)),
        "paid": func.sum(case((final, has.paid), else_=0)),
        "credited": func.sum(case((final, has.credited), else_=0)),
        "overdue": func.sum(case((and_(overdue(today), left > 0), left), else_=0)),
    }
    partly = and_(has.payment == PaymentStatus.PARTLY_PAID, has.paid.is_(None))
    query = select(
        has.currency,
        func.count().label("invoices"),
        func.sum(case((partly, 1), else_=0)).label("paid_unknown"),
        *(func.coalesce(each, 0).label(name) for name, each in sums.items()),
    )
    of = and_(has.kind == "invoice", has.reference == back.c.of)
    query = query.select_from(invoices.outerjoin(back, of)).where(*fits)
    rows = db.execute(query.group_by(has.currency).order_by(has.currency)).mappings()
    return tuple(_sum(dict(row), [*sums]) for row in rows if row["currency"])


def _sum(row: dict[str, Any], names: list[str]) -> Money:
    places = minor_units(row["currency"])
    amounts = {name: Decimal(int(row[name])).scaleb(-places) for name in names}
    return Money.model_validate({**row, **amounts})


def _sent_in(db: Connection, fits: list[ColumnElement[bool]]) -> tuple[SentIn, ...]:
    """By provider. Of one that was asked for again after its end, the journal has lines of before:
    they do not count."""
    has = invoices.c
    latest = (
        select(has.kind, has.reference, has.provider, has.began_at)
        .where(*fits, has.kind == "invoice")
        .order_by(has.began_at.desc())
        .limit(MOST_TIMED)
        .subquery()
    )
    line = and_(
        journal.c.kind == latest.c.kind,
        journal.c.reference == latest.c.reference,
        journal.c.at >= latest.c.began_at,
        journal.c.status.in_(SENT),
    )
    of = (latest.c.provider, latest.c.reference, latest.c.began_at)
    query = select(*of, func.min(journal.c.at).label("sent_at")).join(journal, line).group_by(*of)
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for row in db.execute(query):
        taken[row.provider].append((row.sent_at - row.began_at).total_seconds())
    return tuple(_sent(provider, sorted(each)) for provider, each in sorted(taken.items()))


def _sent(provider: str, taken: Sequence[float]) -> SentIn:
    return SentIn(provider=provider, invoices=len(taken), p50=_of(taken, 50), p95=_of(taken, 95))


def _of(taken: Sequence[float], percent: int) -> float:
    """The smallest that so many of a hundred do not exceed."""
    return taken[-(-len(taken) * percent // 100) - 1]
