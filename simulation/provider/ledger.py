"""What the simulated provider really holds: the truth that every invariant is judged by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from invoicing.balance import Movement


@dataclass(slots=True)
class Deed:
    """One thing that became of an invoice there, and who did it."""

    at: datetime
    what: str
    by: str
    """`us` with the call that did it, or who else."""
    ours: bool


@dataclass(slots=True)
class Held:
    """One invoice at the provider, from its making on."""

    id: str
    reference: str
    generation: int
    content: str
    lines: tuple[str, ...]
    net: Decimal
    vat: Decimal
    gross: Decimal
    made: datetime
    shown_from: datetime
    """From when a search shows it."""
    state: str = "draft"
    """drafting · draft · approving · failed · final · deleted · credited · refused"""
    sending: bool = False
    sent: int = 0
    """How often the buyer got it."""
    delivered: bool = False
    paid: bool = False
    number: str | None = None
    asked_gross: Decimal = Decimal(0)
    """What its creation asked for; `gross` may have been changed since."""
    touched: datetime | None = None
    """When somebody else changed it last."""
    taken_back: bool = False
    """Whether a credit or deletion of it is asked for and not judged yet."""
    units: dict[str, Decimal] = field(default_factory=dict)
    """By line, as it was made."""
    credits: str | None = None
    """The number of the invoice that it is a credit note of."""
    moved: list[Movement] = field(default_factory=list)
    """The money that came in for it and went back, where a life is about that."""
    deeds: list[Deed] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """Whether it is there: a draft or a final invoice."""
        return self.state not in ("deleted", "credited", "refused")

    @property
    def final(self) -> bool:
        """Whether it is an invoice in law that nothing has taken back."""
        return self.state == "final"

    @property
    def approved_by_us(self) -> bool:
        """Whether nobody else has approved it."""
        return all(deed.ours for deed in self.deeds if deed.what == "approved")

    def did(self, what: str, at: datetime, by: str, *, ours: bool) -> None:
        """Write down what became of it."""
        self.deeds.append(Deed(at, what, by, ours))

    def when(self, what: str) -> datetime | None:
        """When this became of it last."""
        return next((deed.at for deed in reversed(self.deeds) if deed.what == what), None)


@dataclass(slots=True)
class HeldOrder:
    """One order at the provider."""

    id: str
    reference: str
    state: str = "submitted"
    """submitted · confirmed · refused"""
    cancellations: dict[str, str] = field(default_factory=dict)
    """By our own names: asked · cancelled · refused."""
    units: dict[str, Decimal] = field(default_factory=dict)
    """By line, as it was registered."""
    cancelled: dict[str, Decimal] = field(default_factory=dict)
    """By line, how many of them."""


class Ledger:
    """Every invoice ever made there, by id, and what happened as lines of a story."""

    def __init__(self) -> None:
        self.invoices: dict[str, Held] = {}
        self.orders: dict[str, HeldOrder] = {}
        self.changes = 0
        """Grows with every change, so that nobody judges the same twice."""
        self.announced: dict[str, str] = {}
        """By the workflow of an event, the reference whose document it tells of."""
        self.told_of: dict[str, tuple[str, str]] = {}
        """By event, the reference and the movement of money that it tells of."""

    def of(self, reference: str) -> list[Held]:
        """Every invoice that carries this reference, the oldest first."""
        return [held for held in self.invoices.values() if held.reference == reference]

    def notes(self, invoice: Held) -> list[Held]:
        """The final credit notes of an invoice, which name it by its number, or by its id where
        that is all that we were told."""
        names = {invoice.id, invoice.number}
        every = self.invoices.values()
        return [held for held in every if held.final and held.credits and held.credits in names]

    def alive(self, reference: str) -> list[Held]:
        """Those of them that are there."""
        return [held for held in self.of(reference) if held.alive]

    def taken(self, order: str) -> dict[str, Decimal]:
        """Of each line of an order, the units that are on an invoice or cancelled there."""
        taken: dict[str, Decimal] = {}
        there = [
            held.units
            for held in self.invoices.values()
            if held.alive and held.credits is None and held.reference.startswith(f"{order}:")
        ]
        there += [each.cancelled for each in self.orders.values() if each.reference == order]
        for units in there:
            for line, count in units.items():
                taken[line] = taken.get(line, Decimal(0)) + count
        return taken

    def add(self, held: Held) -> Held:
        """A new one."""
        self.invoices[held.id] = held
        self.changes += 1
        return held
