"""Invoices as the register lists them, with their amounts: what is wanted, and what is answered.

Amounts are decimals in the row's currency; None where nothing is known.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from invoicing.books.claims import Kind
from invoicing.books.periods import Period
from invoicing.errors import InvoicingError
from invoicing.model import Recorded
from invoicing.money import Number, added


class BadCursor(InvoicingError):
    """A cursor that no list has given."""


class Wanted(Recorded):
    """Which invoices; all that is given must fit. `text` is looked for in reference, number and
    buyer, in capitals or not. `overdue_on`: final, due before that day, and
    neither paid nor taken back by credit notes."""

    kind: Kind = "invoice"
    provider: str | None = None
    account: str | None = None
    status: str | None = None
    payment: str | None = None
    prefix: str | None = None
    accounts: tuple[str, ...] = ()
    """At one of these: `mollie`, or `mollie/shop`; empty: anywhere."""
    prefixes: tuple[str, ...] = ()
    """With a reference that begins with one of these; empty: with any."""
    text: str | None = None
    running: bool | None = None
    buyer: str | None = None
    """Looked for in the buyer's name alone."""
    currency: str | None = None
    amount_from: Number | None = None
    """Of the gross amount, each invoice's in its own currency; the bounds are included."""
    amount_to: Number | None = None
    among: tuple[str, ...] | None = None
    """With one of these references."""
    due_before: date | None = None
    overdue_on: date | None = None
    went_back: bool = False
    """Money that had come in has gone again."""
    too_much: bool = False
    """More was paid than was due."""
    period: Period | None = None


class Entry(Recorded):
    """One invoice as the register has it; amounts in `currency`, None where not known."""

    reference: str
    provider: str
    account: str
    status: str
    payment: str
    number: str | None = None
    provider_id: str | None = None
    buyer: str | None = None
    currency: str
    net: Decimal | None = None
    vat: Decimal | None = None
    gross: Decimal | None = None
    due: Decimal | None = None
    paid: Decimal | None = None
    credited: Decimal | None = None
    left_to_pay: Decimal | None = None
    too_much: Decimal | None = None
    """Paid beyond what was due."""
    refunded: Decimal | None = None
    charged_back: Decimal | None = None
    returned: Decimal | None = None
    """It went back, and the provider does not say by whom."""
    collection: str = ""
    """How far its reminders or its collection have got, in the provider's word."""
    credit_note: bool = False
    """It gives money back: its amounts are above zero, and count the other way."""
    credits: str | None = None
    """The reference of the invoice that it takes back, where that is one of ours."""
    issue_date: date | None = None
    due_date: date | None = None
    began_at: datetime
    changed_at: datetime
    ended_at: datetime | None = None

    @property
    def left(self) -> Decimal | None:
        """What is left to be paid: in the provider's words, else what follows from ours. None for a
        credit note, and where a part is paid and nobody has said how much."""
        if self.credit_note or self.number is None:
            return None
        if self.left_to_pay is not None or self.due is None or self.paid is None:
            return self.left_to_pay
        return added((self.due, -self.paid, -(self.credited or Decimal(0))), self.currency)


class Page(Recorded):
    """A part of a list, the latest first. `next` gets the part after it; None: there is none."""

    rows: tuple[Entry, ...]
    next: str | None = None


class Worth(Recorded):
    """What one of them is worth: what is to be paid, or its gross amount where that is unknown."""

    reference: str
    currency: str
    amount: Decimal


class Rate(Recorded):
    """What is taxed at one rate."""

    category: str
    rate: str
    taxable: Decimal
    vat: Decimal


class Total(Recorded):
    """What the final ones (those with a number) come to in one currency. `paid_unknown`: of so many
    a part is paid and nobody has said how much. `credited` is what was taken back, also by so many
    `credit_notes`; all other amounts are those of invoices."""

    currency: str
    invoices: int
    net: Decimal
    vat: Decimal
    gross: Decimal
    due: Decimal
    paid: Decimal
    paid_unknown: int
    credited: Decimal
    credit_notes: int = 0
    rates: tuple[Rate, ...]


class Booked(Protocol):
    """A register that is read. All raise Unavailable."""

    async def page(self, wanted: Wanted, limit: int, after: str | None = None) -> Page:
        """So many of those that fit. Raises BadCursor as well."""
        ...

    async def worths(self, wanted: Wanted) -> tuple[Worth, ...]:
        """Of those that fit and of which an amount is known; 1,000 at most."""
        ...

    async def totals(self, wanted: Wanted) -> tuple[Total, ...]:
        """What all that fit come to, by currency."""
        ...
