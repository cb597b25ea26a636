"""What has been kept for as long as it is to be kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, FromClause, and_, exists, func, or_, select

from invoicing.books.claims import Kind
from invoicing.books.retention import Retained
from register.tables import claims, data_keys, invoices, legal_holds


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
            ~_waits_for_its_owner(),
            ~_is_held_with_its_owner(),
        )
        .order_by(invoices.c.ended_at, invoices.c.reference)
        .limit(limit)
    )
    if ended_at is not None:
        later = invoices.c.ended_at > ended_at
        beside = and_(invoices.c.ended_at == ended_at, invoices.c.reference > reference)
        query = query.where(or_(later, beside))
    return tuple((row.kind, row.reference, row.ended_at) for row in db.execute(query))


# What would be refused is no part of a page: such as come first would keep the others from it.

_OWNERS = (("order", "order/"), ("invoice", "credits/"))
"""Kind of what an invoice belongs to, and how the id of the owner's workflow begins."""


def _waits_for_its_owner() -> ColumnElement[bool]:
    """As `erasing` refuses: it has a key, and what it belongs to is not erased."""
    owners = claims.alias()
    of_key = (data_keys.c.kind == invoices.c.kind, data_keys.c.reference == invoices.c.reference)
    key = exists().where(*of_key, data_keys.c.sealed.is_not(None))
    owner = exists().where(_owns(owners), owners.c.erased_at.is_(None))
    return and_(key.correlate(invoices), owner.correlate(invoices))


def _is_held_with_its_owner() -> ColumnElement[bool]:
    """Or with its owner's: a credit note is of an invoice, which is of an order."""
    holds, owner = legal_holds.alias(), invoices.alias()
    of_owner = exists().where(_owns(holds)).correlate(invoices)
    of_its = exists().where(_owns(owner), _owns(holds, owner)).correlate(invoices)
    return or_(of_owner, of_its)


def _owns(table: FromClause, owned: FromClause = invoices) -> ColumnElement[bool]:
    """The row of this table is of what the invoice belongs to."""
    return or_(
        *(
            and_(
                owned.c.order_id.startswith(prefix),
                table.c.kind == kind,
                table.c.reference == func.substr(owned.c.order_id, len(prefix) + 1),
            )
            for kind, prefix in _OWNERS
        )
    )
