"""Which invoices are of which days."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_

from invoicing.books.periods import Period
from register.tables import invoices


def of_period(period: Period) -> ColumnElement[bool]:
    """Invoices of these days: by issue, or where nothing is known of that, by request."""
    begin, after = period.moments
    days = invoices.c.issue_date.between(period.since, period.until)
    began = and_(invoices.c.began_at >= begin, invoices.c.began_at < after)
    return or_(days, and_(invoices.c.issue_date.is_(None), began))
