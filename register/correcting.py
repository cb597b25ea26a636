"""What people had invoices made from last: kept sealed, for a life that goes on after a loss."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from register.rows import insert_into, is_of
from register.tables import corrections


def keep(db: Connection, kind: str, reference: str, sealed: bytes) -> None:
    """Keep it in the place of an earlier one."""
    db.execute(
        insert_into(corrections, db.dialect.name)
        .values(kind=kind, reference=reference, sealed=sealed)
        .on_conflict_do_update(index_elements=["kind", "reference"], set_={"sealed": sealed})
    )


def kept(db: Connection, kind: str, reference: str) -> bytes:
    """What is kept of this reference; empty where nothing is."""
    asked = select(corrections.c.sealed).where(*is_of(corrections, kind, reference))
    return db.execute(asked).scalar() or b""


def forget(db: Connection, kind: str, reference: str) -> None:
    """It is not of what the reference stands for from now on, or was erased."""
    db.execute(delete(corrections).where(*is_of(corrections, kind, reference)))
