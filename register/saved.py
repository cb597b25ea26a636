"""Lists that callers have saved, each its own. They are no part of the books: in no export."""

from __future__ import annotations

import json

from sqlalchemy import Connection, Engine, delete, func, insert, select
from sqlalchemy.exc import DBAPIError

from invoicing.saved import MOST_SAVED, SavedList, TooManySaved
from register.tables import saved_lists
from register.trouble import cannot_be


def all_of(engine: Engine, owner: str) -> tuple[SavedList, ...]:
    """Of this caller, by name. Raises BadRegister. Blocks."""
    has = saved_lists.c
    query = select(has.name, has.filters, has.saved_at).where(has.owner == owner)
    try:
        with engine.begin() as db:
            rows = db.execute(query.order_by(has.name)).all()
    except DBAPIError as error:
        raise cannot_be("read", error) from None
    return tuple(
        SavedList(name=row.name, filters=json.loads(row.filters), saved_at=row.saved_at)
        for row in rows
    )


def save(engine: Engine, owner: str, one: SavedList) -> None:
    """Keep it, in the place of one of the same name. Raises TooManySaved, BadRegister. Blocks."""
    values = {
        "owner": owner,
        "name": one.name,
        "filters": json.dumps(one.filters),
        "saved_at": one.saved_at,
    }
    try:
        with engine.begin() as db:
            _forget(db, owner, one.name)
            mine = select(func.count()).where(saved_lists.c.owner == owner)
            if (db.execute(mine).scalar() or 0) >= MOST_SAVED:
                raise TooManySaved
            db.execute(insert(saved_lists), values)
    except DBAPIError as error:
        raise cannot_be("written", error) from None


def forget(engine: Engine, owner: str, name: str) -> None:
    """Have none of this name. Raises BadRegister. Blocks."""
    try:
        with engine.begin() as db:
            _forget(db, owner, name)
    except DBAPIError as error:
        raise cannot_be("written", error) from None


def _forget(db: Connection, owner: str, name: str) -> None:
    has = saved_lists.c
    db.execute(delete(saved_lists).where(has.owner == owner, has.name == name))
