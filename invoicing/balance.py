"""The money of one invoice: what is due, what came in, what went back, and what is left.

    due + costs = credited + paid + left - too_much + unexplained

An adaptor states what its provider states, as a `Statement`. `Balance.of` adds what follows from
that, and nothing else: a figure that nobody stated, and that does not follow, is None. Figures that
do not add up are shown as they are stated; what is between them is `unexplained`.

Pure; amounts are in the currency of the invoice.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from invoicing.model import Recorded
from invoicing.money import Number, exactly

MOST_MOVEMENTS = 30
"""Of one invoice that are kept one by one, the newest. Older ones are in the sums alone."""

_ZERO = Decimal(0)


class Way(StrEnum):
    """Which way money went."""

    PAYMENT = "payment"
    REFUND = "refund"
    """Given back by the seller."""
    CHARGEBACK = "chargeback"
    """Taken back by the buyer, or by a bank."""
    RETURN = "return"
    """It went back, and the provider does not say by whom."""


class Movement(Recorded):
    """One payment, or one that went back; what the provider does not state is empty."""

    way: Way
    amount: Number
    """Above zero, whichever way it went."""
    on: str = ""
    """When, as the provider writes it."""
    by: str = ""
    """By what means, in the provider's word."""
    id: str = ""
    """The provider's."""

    def __str__(self) -> str:
        said = (self.on, self.by, self.id and f"({self.id})")
        return " ".join([str(self.way), f"{self.amount:f}", *filter(None, said)])


class Statement(Recorded):
    """All that a provider has stated so far of the money of one invoice."""

    paid: Number | None = None
    """What came in, less what went back, where it states that as one figure."""
    left: Number | None = None
    """What is still to be paid; below zero where it says so of what is too much."""
    costs: Number = _ZERO
    """What it has put on top for reminders and interest, as far as was seen."""
    tells: tuple[Way, ...] = ()
    """The ways that it tells apart, movement by movement."""
    sums: dict[Way, Number] = {}
    """Of all movements that it told of."""
    movements: tuple[Movement, ...] = ()
    """The newest of them, the oldest of those first."""
    count: int = 0
    """How many it told of."""
    collection: str = ""
    """How far its reminders or its collection have got, in its word; empty: not begun."""

    def moved(self, movement: Movement) -> Statement:
        """With one more movement."""
        with exactly():
            before = self.sums.get(movement.way, _ZERO)
            sums = {**self.sums, movement.way: before + movement.amount}
        kept = (*self.movements, movement)[-MOST_MOVEMENTS:]
        update = {"sums": sums, "movements": kept, "count": self.count + 1}
        return self.model_copy(update=update)

    @property
    def net(self) -> Decimal | None:
        """What came in less what went back, as one figure or by the movements; None: not stated,
        or more went back than it told of."""
        if self.paid is not None or not self.count:
            return self.paid
        with exactly():
            back = sum((self.sums.get(way, _ZERO) for way in Way if way is not Way.PAYMENT), _ZERO)
            net = self.sums.get(Way.PAYMENT, _ZERO) - back
        return net if net >= 0 else None

    @property
    def went_back(self) -> bool:
        """Whether it told of money that went back."""
        return any(self.sums.get(way) for way in Way if way is not Way.PAYMENT)

    def sum_of(self, way: Way) -> Decimal | None:
        """What went this way; None where the provider does not tell it apart."""
        return self.sums.get(way, _ZERO) if way in self.tells else None


UNSTATED = Statement()
"""Nothing so far."""


class Balance(Recorded):
    """The money of one invoice as it stands; None where nobody has said."""

    currency: str
    due: Number
    """What the buyer is asked for."""
    costs: Number = _ZERO
    """What the provider has put on top for reminders and interest."""
    paid: Number | None = None
    """What came in, less what went back."""
    credited: Number | None = None
    """What credit notes have taken back for good. None: the ledger that knew it is forgotten."""
    refunded: Number | None = None
    charged_back: Number | None = None
    returned: Number | None = None
    """What went back without a word by whom: told so, or seen because `paid` has fallen."""
    left: Number | None = None
    too_much: Number | None = None
    """Paid beyond what was due. Never above zero where `left` is."""
    unexplained: Number = _ZERO
    """By how much the provider's own figures do not add up."""
    movements: tuple[Movement, ...] = ()
    earlier: int = 0
    """How many there were before these."""
    collection: str = ""

    @classmethod
    def of(
        cls,
        stated: Statement | None,
        *,
        currency: str,
        due: Decimal,
        credited: Decimal | None = _ZERO,
        most_paid: Decimal = _ZERO,
        lowered: bool = False,
    ) -> Balance:
        """What follows from what was stated. `most_paid` is the most that was ever seen as paid;
        `lowered` says that a credit note may have lowered what is left already, and by how much is
        not known."""
        stated = stated or UNSTATED
        with exactly():
            wanted = due + stated.costs
            paid = stated.net
            if paid is None and stated.left is not None and credited == 0 and not lowered:
                # Nothing but payments can have lowered it.
                paid = wanted - stated.left
            rest = _rest(stated.left, wanted, paid, credited)
            returned = _returned(stated, paid, most_paid)
            over = _ZERO
            if None not in (rest, paid, credited):
                over = wanted - credited - paid - rest  # type: ignore[operator]
        return cls(
            currency=currency,
            due=due,
            costs=stated.costs,
            paid=paid,
            credited=credited,
            refunded=stated.sum_of(Way.REFUND),
            charged_back=stated.sum_of(Way.CHARGEBACK),
            returned=returned,
            left=None if rest is None else max(rest, _ZERO),
            too_much=None if rest is None else max(-rest, _ZERO),
            unexplained=over,
            movements=stated.movements,
            earlier=stated.count - len(stated.movements),
            collection=stated.collection,
        )

    @property
    def word(self) -> str:
        """What makes it another balance, in short: amounts and how far its collection is."""
        back = (self.refunded, self.charged_back, self.returned)
        figures = (self.paid, *back, self.left, self.too_much)
        told = "/".join("" if each is None else format(each.normalize(), "f") for each in figures)
        return f"{told}/{self.collection}" if self.is_told else ""

    @property
    def is_told(self) -> bool:
        """Whether anything moved, or was put to collection."""
        moved = (self.paid, self.refunded, self.charged_back, self.returned)
        return any(moved) or bool(self.collection)

    @property
    def went_back(self) -> bool:
        """Whether money that had come in has gone again."""
        return any((self.refunded, self.charged_back, self.returned))

    def sentence(self) -> str:
        """For people: `paid 50.00 of 121.00 EUR, left 71.00`."""
        paid = "an unknown amount" if self.paid is None else f"{self.paid:f}"
        parts = [f"paid {paid} of {self.due:f} {self.currency}"]
        parts += [f"{name} {amount:f}" for name, amount in self._besides() if amount]
        return ", ".join([*parts, *([self.collection] if self.collection else [])])

    def _besides(self) -> Iterable[tuple[str, Decimal | None]]:
        return (
            ("costs", self.costs),
            ("refunded", self.refunded),
            ("charged back", self.charged_back),
            ("gone back", self.returned),
            ("credited", self.credited),
            ("left", self.left),
            ("too much", self.too_much),
            ("unexplained", self.unexplained),
        )


def _rest(
    stated: Decimal | None, wanted: Decimal, paid: Decimal | None, credited: Decimal | None
) -> Decimal | None:
    """What is left, below zero what is too much. Many providers say of both no more than that
    nothing is left: then what was paid says how much is too much. To be called within `exactly`, as
    `_returned` is: to enter it takes longer than the sums do."""
    if paid is None or credited is None:
        return stated
    follows = wanted - credited - paid
    return follows if stated is None or (stated == 0 and follows < 0) else stated


def _returned(stated: Statement, paid: Decimal | None, most_paid: Decimal) -> Decimal | None:
    """What was told, or what was seen where that is more: a look may be faster than the news."""
    told = stated.sum_of(Way.RETURN)
    if paid is None or (stated.tells and told is None):
        return told
    named = (stated.sum_of(Way.REFUND) or _ZERO) + (stated.sum_of(Way.CHARGEBACK) or _ZERO)
    return max(told or _ZERO, most_paid - paid - named)
