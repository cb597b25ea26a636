"""What has been kept for as long as it is to be kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from invoicing.claims import Kind
from invoicing.retention import Retained
from register.tables import claims, invoices, legal_holds


def due_of(
    db: Connection,
    about: tuple[Retained, datetime, tuple[datetime | None, str], int],
) -> tuple[tuple[Kind, str, datetime], ...]:
    """See `Retains`."""
    kind, before, (ended_at, reference), limit = about
    claim = and_(claims.c.kind == invoices.c.kind, claims.c.reference == invoices.c.reference)
    hold = and_(
        legal_holds.c.kind == invoices.c.kind, legal_holds.c.reference == invoices.c.reference
    )
    query = (
        select(invoices.c.kind, invoices.c.reference, invoices.c.ended_at)
        .join(claims, claim)
        .outerjoin(legal_holds, hold)
        .where(
            invoices.c.ended,
            # Zero: it has begun again, and has recorded nothing since.
            invoices.c.sequence > 0,
            invoices.c.ended_at < before,
            claims.c.erased_at.is_(None),
            legal_holds.c.at.is_(None),
            invoices.c.kind == ("order" if kind is Retained.ORDER else "invoice"),
            invoices.c.credit_note == (kind is Retained.CREDIT_NOTE),
        )
        .order_by(invoices.c.ended_at, invoices.c.reference)
        .limit(limit)
    )
    if ended_at is not None:
        later = invoices.c.ended_at > ended_at
        beside = and_(invoices.c.ended_at == ended_at, invoices.c.reference > reference)
        query = query.where(or_(later, beside))
    return tuple((row.kind, row.reference, row.ended_at) for row in db.execute(query))
