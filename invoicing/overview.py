"""How it goes, as the register knows it: what was asked for day by day, and what it comes to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Protocol

from invoicing.booked import Wanted
from invoicing.model import Recorded
from invoicing.periods import Period


class DayCount(Recorded):
    """How many invoices that were asked for on this day (in UTC) have this status now."""

    day: date
    status: str
    invoices: int


class Money(Recorded):
    """What they come to in one currency, gross.

    `final`: those that have a number. `overdue`: what is still to be paid of final ones whose due
    date is over. `paid_unknown`: of so many a part is paid, and nobody has said how much: they
    count as unpaid.
    """

    currency: str
    invoices: int
    asked: Decimal
    final: Decimal
    paid: Decimal
    credited: Decimal
    overdue: Decimal
    paid_unknown: int


class Overview(Recorded):
    """Of the invoices that were asked for in a period."""

    days: tuple[DayCount, ...]
    money: tuple[Money, ...]


class Overlooks(Protocol):
    """A register that can be looked over. Raises Unavailable."""

    async def overview(self, wanted: Wanted, asked: Period, today: date) -> Overview:
        """Of those that fit and were asked for in these days."""
        ...
