"""Findings and runs, page by page, for those who look at them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    and_,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError

from invoicing.books.findings import FoundPage, Run, RunsPage, WantedFindings
from invoicing.books.reconciling import Found, Reconciled
from register import cursors
from register.reach import at, beginning
from register.reconciling.kept import found_in
from register.tables import findings, reconciliations
from register.trouble import cannot_be

R = TypeVar("R")

MOST_ROWS = 1000
"""Of one page."""


def findings_page(
    engine: Engine, wanted: WantedFindings, limit: int, after: str | None = None
) -> FoundPage:
    """So many of those that fit, the oldest first. Raises BadCursor, BadRegister. Blocks."""
    has, most = findings.c, min(limit, MOST_ROWS)
    fits = _fitting(wanted)
    if after:
        first_at, identity = cursors.read(after)
        same = and_(has.first_at == first_at, has.id > identity)
        fits.append(or_(has.first_at > first_at, same))
    query = select(findings).where(*fits).order_by(has.first_at, has.id).limit(most + 1)
    found = _read(engine, lambda db: db.execute(query).mappings().all())
    rows = tuple(map(found_in, found[:most]))
    more = cursors.written(rows[-1].first_at, rows[-1].id) if len(found) > most else None
    return FoundPage(rows=rows, next=more)


def finding(engine: Engine, identity: str) -> Found | None:
    """The one with this id, if there is any. Raises BadRegister. Blocks."""
    query = select(findings).where(findings.c.id == identity)
    row = _read(engine, lambda db: db.execute(query).mappings().one_or_none())
    return found_in(row) if row else None


def runs_page(
    engine: Engine, accounts: Iterable[str], limit: int, after: str | None = None
) -> RunsPage:
    """So many of those at these accounts, the latest first. Raises BadCursor, BadRegister.
    Blocks."""
    has, most = reconciliations.c, min(limit, MOST_ROWS)
    fits = [*at(reconciliations, accounts)]
    if after:
        ended_at, run = cursors.read(after)
        fits.append(or_(has.ended_at < ended_at, and_(has.ended_at == ended_at, has.run < run)))
    order = (has.ended_at.desc(), has.run.desc())
    query = select(reconciliations).where(*fits).order_by(*order).limit(most + 1)
    found = _read(engine, lambda db: db.execute(query).mappings().all())
    last = found[:most][-1] if len(found) > most else None
    more = cursors.written(last["ended_at"], last["run"]) if last else None
    return RunsPage(rows=tuple(map(_run, found[:most])), next=more)


def _read(engine: Engine, work: Callable[[Connection], R]) -> R:
    try:
        with engine.begin() as db:
            return work(db)
    except DBAPIError as error:
        raise cannot_be("read", error) from None


def _fitting(wanted: WantedFindings) -> list[ColumnElement[bool]]:
    has = findings.c
    given = {name: getattr(wanted, name) for name in ("provider", "account", "kind")}
    fits = [has[name] == value for name, value in given.items() if value is not None]
    fits.append(has.closed_at.is_not(None) if wanted.closed else has.closed_at.is_(None))
    # One about no reference of ours is nobody's who is limited to some.
    fits += beginning(findings, wanted.prefixes)
    return [*fits, *at(findings, wanted.accounts)]


def _run(row: RowMapping) -> Run:
    told = {**row, "found": json.loads(row["found"])}
    return Run(
        began_at=row["began_at"], ended_at=row["ended_at"], result=Reconciled.model_validate(told)
    )
