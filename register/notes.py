"""Credit notes, as rows of their own: which of them stand, and of what."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from invoicing.books.claims import MOST_NAMED
from invoicing.books.disagreement import FINAL
from register.tables import invoices


def stands(has: ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """Of a credit note: not each has a number of its own."""
    return or_(has.number.is_not(None), has.stage.in_([*FINAL]))


def notes_of(db: Connection, reference: str) -> tuple[str, ...]:
    """The references of the first credit notes of this invoice that stand, or that may: they are
    under way, or nobody knows what became of them."""
    has = invoices.c
    may = or_(has.ended.is_(False), has.in_doubt.is_(True), stands(has))
    # Of invoices alone, for nothing else credits anything: with the kind SQLite took its key.
    query = select(has.reference).where(has.credits == reference, may)
    return tuple(db.scalars(query.order_by(has.reference).limit(MOST_NAMED)))
