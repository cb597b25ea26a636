"""The row of a data key, in a transaction of somebody else's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from invoicing.temporal.data_keys import Kept, Subject
from register.rows import insert_into, is_of
from register.tables import data_keys


def kept_of(db: Connection, subject: Subject) -> Kept | None:
    """What there is of its key; None where there never was one."""
    row = db.execute(select(data_keys).where(*is_of(data_keys, *subject))).one_or_none()
    return Kept(row.sealed, row.master, row.destroyed_at) if row else None


def destroy(db: Connection, subject: Subject, at: datetime) -> bool:
    """Destroy its key for good, in this transaction, and see to it that none is made any more;
    whether there was one."""
    was = has_key(db, subject)
    gone = {"sealed": None, "master": None, "destroyed_at": at}
    db.execute(
        insert_into(data_keys, db.dialect.name)
        .values(**subject._asdict(), made_at=at, **gone)
        .on_conflict_do_update(index_elements=["kind", "reference"], set_=gone)
    )
    return was


def has_key(db: Connection, subject: Subject) -> bool:
    """Whether it has a data key."""
    sealed = db.execute(select(data_keys.c.sealed).where(*is_of(data_keys, *subject))).scalar()
    return sealed is not None
