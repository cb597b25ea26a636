"""How it goes, as the register knows it: what was asked for day by day, and what it comes to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Protocol

from invoicing.books.booked import Wanted
from invoicing.books.periods import Period
from invoicing.model import Recorded


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


MOST_TIMED = 1000
"""Invoices of a period of which it is told how long they took: the latest."""


class SentIn(Recorded):
    """How long it took those of one provider that were sent, from asked for to sent, in seconds:
    half of them at most `p50`, 95 of a hundred at most `p95`. Waits for people and for a day on
    which it was to be sent are in it."""

    provider: str
    invoices: int
    p50: float
    p95: float


class Calls(Recorded):
    """How many calls to an account of a provider had this result: `ok`, or a kind of error."""

    provider: str
    account: str
    result: str
    calls: int


class Overview(Recorded):
    """Of the invoices that were asked for in a period. `sent_in`: of the latest 1000 of them.
    `calls`: to providers in these days, as workers have written them down; one that was killed has
    not told of its last minute."""

    days: tuple[DayCount, ...]
    money: tuple[Money, ...]
    sent_in: tuple[SentIn, ...] = ()
    calls: tuple[Calls, ...] = ()


class Overlooks(Protocol):
    """A register that can be looked over. Raises Unavailable."""

    async def overview(self, wanted: Wanted, asked: Period, today: date) -> Overview:
        """Of those that fit and were asked for in these days."""
        ...
