"""How often providers were called, by day, account and result: in no export, for no book has it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from invoicing.books.booked import Wanted
from invoicing.books.calls import KEPT, Called
from invoicing.books.overview import Calls
from invoicing.books.periods import Period
from register.reach import at
from register.tables import provider_calls


def count(db: Connection, every: tuple[Called, ...]) -> None:
    """Add these, and forget what is too old. Of two who begin the same row in the same moment the
    second fails, and comes again."""
    has = provider_calls.c
    # In one order: two workers do not wait for each other's rows.
    for each in sorted(every, key=lambda each: (each.day, each.provider, each.account)):
        row = {"day": each.day, "provider": each.provider, "account": each.account}
        row["result"] = each.result
        this = and_(*(has[name] == value for name, value in row.items()))
        more = update(provider_calls).where(this).values(calls=has.calls + each.calls)
        if db.execute(more).rowcount == 0:
            db.execute(insert(provider_calls).values(**row, calls=each.calls))
    if every:
        last = max(each.day for each in every)
        db.execute(delete(provider_calls).where(has.day < last - KEPT))


def calls_of(db: Connection, wanted: Wanted, period: Period) -> tuple[Calls, ...]:
    """Those of these days. Calls are of accounts: who is limited to references sees none."""
    if wanted.prefixes:
        return ()
    has = provider_calls.c
    names = (has.provider, has.account, has.result)
    query = select(*names, func.sum(has.calls).label("calls")).where(*_fits(wanted, period))
    rows = db.execute(query.group_by(*names).order_by(*names)).mappings()
    return tuple(Calls.model_validate({**row, "calls": int(row["calls"])}) for row in rows)


def _fits(wanted: Wanted, period: Period) -> list[ColumnElement[bool]]:
    has = provider_calls.c
    fits = [has.day >= period.since, has.day <= period.until]
    if wanted.provider:
        fits.append(has.provider == wanted.provider)
    if wanted.account:
        fits.append(has.account == wanted.account)
    return [*fits, *at(provider_calls, wanted.accounts)]
