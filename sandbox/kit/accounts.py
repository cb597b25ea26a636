"""What was invoiced, credited and paid at a stand-in, in one shape for all, for a judge to add up.

An account is opened when an invoice becomes final. Whatever is credited or paid after that is
written down as it was committed, also where it is more than was invoiced: a stand-in that lets that
pass, as its provider would, does not hide it.

    account = stand_in.ledger.account("INV-1")
    account.invoiced.rates            # {Decimal("21"): Taxed(net, vat)}
    account.credited[Decimal("21")]   # the same, of all its credits
    account.left;  account.excess     # what may still be credited; what was credited too much
    account.paid;  account.due        # received less given back; what is still to be paid

Amounts are in units of the currency that the stand-in bills in. A credit's amounts are above zero,
whatever sign they have at the provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Taxed:
    """An amount without VAT, and the VAT on it."""

    net: Decimal = NOTHING
    vat: Decimal = NOTHING

    @property
    def gross(self) -> Decimal:
        """With VAT."""
        return self.net + self.vat

    def __add__(self, other: Taxed) -> Taxed:
        return Taxed(self.net + other.net, self.vat + other.vat)

    def __sub__(self, other: Taxed) -> Taxed:
        return Taxed(self.net - other.net, self.vat - other.vat)


Rates = Mapping[Decimal, Taxed]
"""Amounts by VAT rate, in percent."""


@dataclass(frozen=True)
class Part:
    """One line of a document, without VAT."""

    line: str
    """What the provider tells it apart by: its number, or its place from 1."""
    text: str
    quantity: Decimal
    rate: Decimal
    net: Decimal


@dataclass(frozen=True)
class Stated:
    """What a document states.

    Its lines need not add up to its rates: the whole may have a discount or a fee.
    """

    parts: tuple[Part, ...]
    rates: Rates
    besides: Decimal = NOTHING
    """What is to be paid beside that, without VAT: a rounding, or a deposit (below zero)."""

    @property
    def gross(self) -> Decimal:
        """With VAT."""
        return sum((taxed.gross for taxed in self.rates.values()), NOTHING)


@dataclass(frozen=True)
class Credit:
    """One credit of an invoice."""

    note: str
    """The provider's id of what credits it: a credit note's, a return's."""
    stated: Stated
    number: str | None = None


class Moved(StrEnum):
    """Which way money went."""

    PAID = "paid"
    REFUNDED = "refunded"
    """The seller gave it back."""
    CHARGED_BACK = "charged back"
    """The buyer, or a bank, took it back."""


@dataclass(frozen=True)
class Movement:
    """Money that moved; the amount is above zero."""

    way: Moved
    amount: Decimal
    at: datetime


@dataclass
class Account:
    """One final invoice."""

    invoice: str
    """The provider's id of it."""
    invoiced: Stated
    credits: list[Credit] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)

    def credit(self, credit: Credit) -> None:
        """Write down what was taken back."""
        self.credits.append(credit)

    def move(self, way: Moved, amount: Decimal) -> None:
        """Write down that money moved now; ValueError unless the amount is above zero."""
        if amount <= 0:
            raise ValueError(f"an amount above zero moves, not {amount}")
        self.movements.append(Movement(way, amount, datetime.now(UTC)))

    @property
    def credited(self) -> Rates:
        """What all its credits come to."""
        return added(credit.stated.rates for credit in self.credits)

    @property
    def left(self) -> Rates:
        """What may still be credited; below zero where too much was."""
        credited = self.credited
        return less({**dict.fromkeys(credited, Taxed()), **self.invoiced.rates}, credited)

    @property
    def open(self) -> bool:
        """Whether anything is left that may be credited."""
        return sum((taxed.gross for taxed in self.left.values()), NOTHING) > 0

    @property
    def excess(self) -> Rates:
        """What was credited above what was invoiced, at the rates where that is so."""
        return {
            rate: Taxed(max(-taxed.net, NOTHING), max(-taxed.vat, NOTHING))
            for rate, taxed in self.left.items()
            if taxed.net < 0 or taxed.vat < 0
        }

    @property
    def units(self) -> Mapping[str, Decimal]:
        """How much of each line, by its text, is not credited; for lines whose text is invoiced."""
        left: dict[str, Decimal] = {}
        for part in self.invoiced.parts:
            left[part.text] = left.get(part.text, NOTHING) + part.quantity
        for credit in self.credits:
            for part in credit.stated.parts:
                if part.text in left:
                    left[part.text] -= part.quantity
        return left

    def moved(self, way: Moved) -> Decimal:
        """How much moved this way, in all."""
        return sum((one.amount for one in self.movements if one.way is way), NOTHING)

    @property
    def paid(self) -> Decimal:
        """What was received and neither refunded nor charged back."""
        back = self.moved(Moved.REFUNDED) + self.moved(Moved.CHARGED_BACK)
        return self.moved(Moved.PAID) - back

    @property
    def due(self) -> Decimal:
        """What is still to be paid, fees for reminders aside; below zero, to be given back."""
        taken = sum((credit.stated.gross for credit in self.credits), NOTHING)
        return self.invoiced.gross + self.invoiced.besides - taken - self.paid

    def described(self) -> dict[str, Any]:
        """As plain values, for the wire."""
        return {
            "invoice": self.invoice,
            "invoiced": _described(self.invoiced.rates),
            "credited": _described(self.credited),
            "left": _described(self.left),
            "credits": [
                {
                    "note": credit.note,
                    "number": credit.number,
                    "rates": _described(credit.stated.rates),
                    "parts": [_plain(part) for part in credit.stated.parts],
                }
                for credit in self.credits
            ],
            "movements": [
                {"way": one.way, "amount": _figure(one.amount), "at": one.at.isoformat()}
                for one in self.movements
            ],
            "paid": _figure(self.paid),
            "due": _figure(self.due),
        }


def added(many: Iterable[Rates]) -> Rates:
    """The sum, rate by rate."""
    sums: dict[Decimal, Taxed] = {}
    for rates in many:
        for rate, taxed in rates.items():
            sums[rate] = sums.get(rate, Taxed()) + taxed
    return sums


def within(rates: Rates, limits: Rates) -> Rates:
    """As much of this as the limits allow, rate by rate."""
    shares: dict[Decimal, Taxed] = {}
    for rate, taxed in rates.items():
        limit = limits.get(rate, Taxed())
        net, vat = min(taxed.net, max(limit.net, NOTHING)), min(taxed.vat, max(limit.vat, NOTHING))
        shares[rate] = Taxed(net, vat)
    return shares


def less(rates: Rates, taken: Rates) -> Rates:
    """What is over when this has been taken."""
    return {rate: taxed - taken.get(rate, Taxed()) for rate, taxed in rates.items()}


def skewed(rates: Rates, net: Decimal) -> Rates:
    """The same with this much more at the first rate, where a test has made a total wrong."""
    first = next(iter(rates))
    return {**rates, first: rates[first] + Taxed(net)} if net else rates


def of_lines(lines: Sequence[tuple[Part, Decimal]]) -> Stated:
    """A document whose lines each have their own VAT, which is beside them."""
    rates = added({part.rate: Taxed(part.net, vat)} for part, vat in lines)
    return Stated(tuple(part for part, _ in lines), rates)


def _described(rates: Rates) -> dict[str, dict[str, str]]:
    return {
        _figure(rate): {"net": _figure(taxed.net), "vat": _figure(taxed.vat)}
        for rate, taxed in rates.items()
    }


def _plain(part: Part) -> dict[str, str]:
    return {
        "line": part.line,
        "text": part.text,
        "quantity": _figure(part.quantity),
        "rate": _figure(part.rate),
        "net": _figure(part.net),
    }


def _figure(amount: Decimal) -> str:
    return format(amount, "f")
