"""What reconciliations left behind, deleted when it has been kept long enough."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from register.tables import findings, reconciliations

AT_ONCE = 1000
"""Rows of each table that one run deletes at most: so that it ends soon, whatever has piled up."""


def forget(db: Connection, before: datetime) -> int:
    """Delete findings that are closed and were last found before then, and what runs that began
    before then came to; how many rows. What is open stays, however old."""
    has, runs = findings.c, reconciliations.c
    dealt_with = (has.closed_at.is_not(None), has.closed_at < before, has.last_at < before)
    old = select(has.id).where(*dealt_with).order_by(has.last_at, has.id).limit(AT_ONCE)
    gone = db.execute(delete(findings).where(has.id.in_(old))).rowcount
    ended = select(runs.run).where(runs.began_at < before).order_by(runs.began_at).limit(AT_ONCE)
    return gone + db.execute(delete(reconciliations).where(runs.run.in_(ended))).rowcount
