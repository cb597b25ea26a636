"""What people do with findings: list them, and close them with a reason."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Engine,
    RowMapping,
    and_,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from invoicing.booked import BadCursor
from invoicing.reconciling import Close, Found, FoundPage, NoFinding, Sought
from register.database import BadRegister
from register.tables import findings

MOST_ROWS = 1000
"""Of one page."""


def closed(engine: Engine, finding: str, said: Close, among: Sought, at: datetime) -> Found:
    """A person says that it is dealt with. Who says the same again is answered the same. Raises
    NoFinding, BadRegister. Blocks."""
    has = findings.c
    ours = (has.id == finding, *_conditions(among.model_copy(update={"closed_too": True})))
    word = {"closed_by": said.who, "reason": said.reason}
    closing = update(findings).where(*ours, has.closed_at.is_(None))
    query = select(findings).where(*ours, *(has[name] == value for name, value in word.items()))
    try:
        with engine.begin() as db:
            db.execute(closing.values(closed_at=at, **word))
            row = db.execute(query).mappings().one_or_none()
    except DBAPIError as error:
        raise BadRegister(f"the register cannot be written: {type(error.orig).__name__}") from None
    if row is None:
        raise NoFinding(finding)
    return _found(row)


def page(engine: Engine, sought: Sought, limit: int, after: str | None = None) -> FoundPage:
    """So many of those that fit, the oldest first. Raises BadCursor, BadRegister. Blocks."""
    has, most = findings.c, min(limit, MOST_ROWS)
    fits = [*_conditions(sought), *([_after(after)] if after else [])]
    query = select(findings).where(*fits).order_by(has.first_at, has.id).limit(most + 1)
    try:
        with engine.begin() as db:
            rows = [_found(row) for row in db.execute(query).mappings()]
    except DBAPIError as error:
        raise BadRegister(f"the register cannot be read: {type(error.orig).__name__}") from None
    shown = tuple(rows[:most])
    return FoundPage(rows=shown, next=_cursor(shown[-1]) if len(rows) > most else None)


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    has = findings.c
    given = {name: getattr(sought, name) for name in ("provider", "account", "kind")}
    fits: list[ColumnElement[bool]] = [
        has[name] == value for name, value in given.items() if value is not None
    ]
    if not sought.closed_too:
        fits.append(has.closed_at.is_(None))
    if sought.accounts:
        fits.append(or_(*map(_at, sought.accounts)))
    if sought.prefixes:
        begin = (func.substr(has.reference, 1, len(each)) == each for each in sought.prefixes)
        fits.append(or_(*begin))
    return fits


def _at(account: str) -> ColumnElement[bool]:
    provider, _, name = account.partition("/")
    has = findings.c
    return and_(has.provider == provider, has.account == name) if name else has.provider == provider


def _cursor(last: Found) -> str:
    told = json.dumps([last.first_at.isoformat(), last.id])
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _after(cursor: str) -> ColumnElement[bool]:
    has = findings.c
    try:
        told = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, identity = json.loads(told)
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError, binascii.Error):
        raise BadCursor("a cursor that no list has given") from None
    if moment.tzinfo is None or not isinstance(identity, str):
        raise BadCursor("a cursor that no list has given")
    return or_(has.first_at > moment, and_(has.first_at == moment, has.id > identity))


def _found(row: RowMapping) -> Found:
    return Found.model_validate({name: row[name] for name in Found.model_fields})
