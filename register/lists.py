"""Lists of invoices with their amounts, page by page, and what those that fit come to.

Amounts come from columns: one that no column holds is left out here, and is in an export.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Subquery,
    and_,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError

from invoicing.books.booked import Entry, Page, Rate, Total, Wanted, Worth
from invoicing.money import by_minor_units, exactly, minor_units
from invoicing.provider import PaymentStatus
from invoicing.state.invoice import Status
from register import cursors
from register.notes import stands
from register.periods import of_period
from register.reach import at, beginning
from register.tables import invoices, vat_rows
from register.trouble import cannot_be

MOST_ROWS = 1000
"""Of one page."""
MOST_UNITS = 2**63 - 1
"""Minor units that a column holds."""

_AMOUNTS = ("net", "vat", "gross", "due", "paid", "credited")
_SAME = ("provider", "account", "status", "payment", "currency")
_MOVED = ("left_to_pay", "too_much", "refunded", "charged_back", "returned")


def page(engine: Engine, wanted: Wanted, limit: int, after: str | None = None) -> Page:
    """So many of those that fit. Raises BadCursor, BadRegister. Blocks."""
    fits = [*conditions(wanted), *([_after(after)] if after else [])]
    order = (invoices.c.began_at.desc(), invoices.c.reference.desc())
    most = min(limit, MOST_ROWS)
    query = select(invoices).where(*fits).order_by(*order).limit(most + 1)
    try:
        with engine.begin() as db:
            found = [dict(each) for each in db.execute(query).mappings()]
    except DBAPIError as error:
        raise cannot_be("read", error) from None
    rows = tuple(map(_entry, found[:most]))
    return Page(rows=rows, next=_cursor(rows[-1]) if len(found) > most else None)


def worths(engine: Engine, wanted: Wanted) -> tuple[Worth, ...]:
    """Of those that fit and of which an amount is known. Raises BadRegister. Blocks."""
    has = invoices.c
    amount = func.coalesce(has.due, has.gross).label("amount")
    query = select(has.reference, has.currency, amount).where(*conditions(wanted))
    try:
        with engine.begin() as db:
            found = db.execute(query.where(amount.is_not(None)).limit(MOST_ROWS)).all()
    except DBAPIError as error:
        raise cannot_be("read", error) from None
    return tuple(_worth(*each) for each in found)


def _worth(reference: str, currency: str, units: int) -> Worth:
    amount = Decimal(int(units)).scaleb(-minor_units(currency))
    return Worth(reference=reference, currency=currency, amount=amount)


def totals(engine: Engine, wanted: Wanted) -> tuple[Total, ...]:
    """What all that fit come to, by currency. Raises BadRegister. Blocks."""
    has, chosen = invoices.c, conditions(wanted)
    fits = (*chosen, has.number.is_not(None), has.credit_note.is_(False))
    try:
        with engine.begin() as db:
            rates, notes = _rates(db, fits), _notes(db, chosen)
            found = {one["currency"]: one for one in _sums(db, fits)}
            return tuple(
                _total(found.get(currency, _nothing(currency)), rates, notes)
                for currency in sorted(found.keys() | notes.keys())
            )
    except DBAPIError as error:
        raise cannot_be("read", error) from None


def conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """What an invoice has to fulfil to be wanted."""
    has, begins = invoices.c, wanted.prefix
    fits = [has.kind == wanted.kind]
    given = {name: getattr(wanted, name) for name in _SAME}
    fits += [has[name] == value for name, value in given.items() if value is not None]
    if begins:
        fits.append(func.substr(has.reference, 1, len(begins)) == begins)
    fits += of_whom(wanted)
    if wanted.text:
        places = (has.reference, has.number, has.buyer)
        fits.append(or_(*(_says(each, wanted.text) for each in places)))
    if wanted.buyer:
        fits.append(_says(has.buyer, wanted.buyer))
    fits += _of_worth(wanted)
    if wanted.among is not None:
        fits.append(has.reference.in_(wanted.among))
    if wanted.running is not None:
        fits.append(has.ended.is_(not wanted.running))
    if wanted.due_before:
        fits.append(has.due_date < wanted.due_before)
    if wanted.overdue_on:
        fits.append(overdue(wanted.overdue_on))
    if wanted.went_back:
        fits.append(went_back())
    if wanted.too_much:
        fits.append(invoices.c.too_much > 0)
    if wanted.period:
        fits.append(of_period(wanted.period))
    return fits


def of_whom(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    """What keeps a limited caller to its own."""
    yield from at(invoices, wanted.accounts)
    yield from beginning(invoices, wanted.prefixes)


def _says(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text.lower(), autoescape=True)


def _of_worth(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    has = invoices.c
    if wanted.amount_from is not None:
        yield has.gross >= _in_units(wanted.amount_from, ROUND_CEILING)
    if wanted.amount_to is not None:
        yield has.gross <= _in_units(wanted.amount_to, ROUND_FLOOR)


def _in_units(bound: Decimal, rounding: str) -> ColumnElement[Any]:
    """The same number in the minor unit of whatever currency a row is in."""

    def units(places: int) -> int:
        with exactly():
            exact = bound.scaleb(places).to_integral_value(rounding)
        return max(-MOST_UNITS, min(int(exact), MOST_UNITS))

    places = by_minor_units()
    others = ((invoices.c.currency.in_(places[each]), units(each)) for each in places if each != 2)
    return case(*others, else_=units(2))


def overdue(day: date) -> ColumnElement[bool]:
    """Final, due before this day, not paid in full, and not taken back by credit notes. What comes
    to nothing, or gives money back, is never overdue."""
    has = invoices.c
    open_ = (has.payment != PaymentStatus.PAID, has.status != Status.CREDITED)
    final = (has.number.is_not(None), has.credit_note.is_(False), func.coalesce(has.due, 1) > 0)
    return and_(*final, has.due_date < day, *open_, has.reference.not_in(_taken_back()))


def given_back() -> Subquery:
    """What credit notes that stand give back, by the invoice that they are `of`."""
    note = invoices.alias("note").c
    query = select(note.credits.label("of"), func.sum(note.gross).label("gross"))
    fits = and_(note.kind == "invoice", note.credit_note.is_(True), stands(note))
    return query.where(fits, note.credits.is_not(None)).group_by(note.credits).subquery()


def _taken_back() -> Select[tuple[str]]:
    """The references of those of which credit notes leave nothing to be paid. Asked once, and not
    for each invoice."""
    back, of = given_back(), invoices.alias("of")
    left = of.c.due - func.coalesce(of.c.paid, 0) - func.coalesce(of.c.credited, 0)
    about = and_(of.c.kind == "invoice", of.c.reference == back.c.of)
    return select(of.c.reference).join(back, about).where(left <= back.c.gross)


def went_back() -> ColumnElement[bool]:
    """Money that had come in has gone again, whoever took it back."""
    return or_(*(invoices.c[name] > 0 for name in ("refunded", "charged_back", "returned")))


def _cursor(last: Entry) -> str:
    return cursors.written(last.began_at, last.reference)


def _after(cursor: str) -> ColumnElement[bool]:
    began, reference = cursors.read(cursor)
    has = invoices.c
    same = and_(has.began_at == began, has.reference < reference)
    return or_(has.began_at < began, same)


def _entry(row: Mapping[str, Any]) -> Entry:
    amounts = {name: _amount(row[name], row["currency"]) for name in (*_AMOUNTS, *_MOVED)}
    return Entry.model_validate({**row, **amounts})


def _amount(units: int | None, currency: str) -> Decimal | None:
    return None if units is None else Decimal(int(units)).scaleb(-minor_units(currency))


def _sums(db: Connection, fits: tuple[ColumnElement[bool], ...]) -> list[dict[str, Any]]:
    has = invoices.c
    sums = [func.coalesce(func.sum(has[name]), 0).label(name) for name in _AMOUNTS]
    counts = (func.count().label("invoices"), func.count(has.paid).label("told"))
    query = select(has.currency, *counts, *sums).where(*fits).group_by(has.currency)
    return [dict(each) for each in db.execute(query.order_by(has.currency)).mappings()]


def _nothing(currency: str) -> dict[str, Any]:
    counts = {"currency": currency, "invoices": 0, "told": 0}
    return {**counts, **dict.fromkeys(_AMOUNTS, 0)}


def _notes(db: Connection, chosen: Sequence[ColumnElement[bool]]) -> dict[str, tuple[int, int]]:
    """Credit notes that stand, by currency: how many, and what they give back."""
    has = invoices.c
    query = select(has.currency, func.count(), func.coalesce(func.sum(has.gross), 0))
    found = db.execute(
        query.where(*chosen, has.credit_note.is_(True), stands(has)).group_by(has.currency)
    )
    return {currency: (count, int(gross)) for currency, count, gross in found}


def _rates(db: Connection, fits: tuple[ColumnElement[bool], ...]) -> dict[str, list[Rate]]:
    has, of = vat_rows.c, invoices.c
    about = and_(has.kind == of.kind, has.reference == of.reference)
    sums = (func.sum(has.taxable), func.sum(has.vat))
    names = (of.currency, has.category, has.rate)
    query = select(*names, *sums).join(invoices, about).where(*fits).group_by(*names)
    found: dict[str, list[Rate]] = {}
    for currency, category, rate, taxable, vat in db.execute(query.order_by(*names)):
        sums_ = {"taxable": _amount(taxable, currency), "vat": _amount(vat, currency)}
        one = Rate.model_validate({"category": category, "rate": rate, **sums_})
        found.setdefault(currency, []).append(one)
    return found


def _total(
    sums: dict[str, Any], rates: dict[str, list[Rate]], notes: dict[str, tuple[int, int]]
) -> Total:
    currency = sums["currency"]
    count, given_back = notes.get(currency, (0, 0))
    sums = {**sums, "credited": int(sums["credited"]) + given_back}
    amounts = {name: _amount(sums[name], currency) for name in _AMOUNTS}
    counted = {"invoices": sums["invoices"], "paid_unknown": sums["invoices"] - sums["told"]}
    counted["credit_notes"] = count
    given = {"currency": currency, "rates": tuple(rates.get(currency, ())), **counted, **amounts}
    return Total.model_validate(given)
