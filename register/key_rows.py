"""The row of a data key, in a transaction of somebody else's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from invoicing.temporal.data_keys import Kept, Subject
from register.tables import data_keys


def kept_of(db: Connection, subject: Subject) -> Kept | None:
    """What there is of its key; None where there never was one."""
    row = db.execute(select(data_keys).where(*about(subject))).one_or_none()
    return Kept(row.sealed, row.master, row.destroyed_at) if row else None


def about(subject: Subject) -> tuple[Any, Any]:
    """Which row is its own."""
    return data_keys.c.kind == subject.kind, data_keys.c.reference == subject.reference


def destroy(db: Connection, subject: Subject, at: datetime) -> bool:
    """Destroy its key for good, in this transaction, and see to it that none is made any more;
    whether there was one."""
    was = has_key(db, subject)
    gone = {"sealed": None, "master": None, "destroyed_at": at}
    dialect = sqlite if db.dialect.name == "sqlite" else postgresql
    db.execute(
        dialect.insert(data_keys)
        .values(**subject._asdict(), made_at=at, **gone)
        .on_conflict_do_update(index_elements=["kind", "reference"], set_=gone)
    )
    return was


def has_key(db: Connection, subject: Subject) -> bool:
    """Whether it has a data key."""
    sealed = db.execute(select(data_keys.c.sealed).where(*about(subject))).scalar()
    return sealed is not None
