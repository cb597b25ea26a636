"""Money at the simulated provider: what came in and went back, and what of it is stated.

The truth is in the ledger, as a row of movements. A provider states of it what its kind does, and
never anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from pydantic import JsonValue

from invoicing.balance import Movement, Statement, Way
from invoicing.provider import PaymentStatus
from simulation.provider.kinds import Kind
from simulation.provider.ledger import Held, Ledger

NONE = Decimal(0)
_CENT = Decimal("0.01")
WAYS = tuple(Way)


@dataclass(frozen=True, slots=True)
class Stands:
    """The money of one invoice at one moment, as it really is."""

    due: Decimal
    credited: Decimal
    sums: Mapping[Way, Decimal]

    @property
    def net(self) -> Decimal:
        """What came in, less what went back."""
        back = sum((amount for way, amount in self.sums.items() if way is not Way.PAYMENT), NONE)
        return self.sums.get(Way.PAYMENT, NONE) - back

    @property
    def left(self) -> Decimal:
        """What is still to be paid; below zero what is too much."""
        return self.due - self.credited - self.net

    @property
    def word(self) -> PaymentStatus:
        """All of it in one word."""
        if self.left <= 0 and (self.net > 0 or self.due > 0):
            return PaymentStatus.PAID
        if self.net > 0:
            return PaymentStatus.PARTLY_PAID
        came = self.sums.get(Way.PAYMENT, NONE) > 0
        return PaymentStatus.REVERSED if came else PaymentStatus.UNPAID


def stands(held: Held, ledger: Ledger) -> Stands:
    """How much of it is paid, and how much is credited."""
    whole = held.gross if held.state == "credited" else NONE
    notes = (note.gross for note in ledger.notes(held))
    return Stands(held.gross, whole or sum(notes, NONE), added(held.moved))


def added(moved: Iterable[Movement]) -> dict[Way, Decimal]:
    """By the way that it went."""
    sums: dict[Way, Decimal] = {}
    for each in moved:
        sums[each.way] = sums.get(each.way, NONE) + each.amount
    return sums


def share(held: Held, way: Way, percent: int) -> Decimal:
    """So many hundredths of what is due; of what goes back, no more than is there."""
    amount = (held.gross * percent / 100).quantize(_CENT)
    if way is Way.PAYMENT:
        return amount
    sums = added(held.moved)
    back = sum((each for other, each in sums.items() if other is not Way.PAYMENT), NONE)
    return min(amount, sums.get(Way.PAYMENT, NONE) - back)


def stated(held: Held, kind: Kind, now: Stands) -> Statement | None:
    """What a look shows of it; nothing of what is no invoice in law, and of a credit note."""
    if held.credits is not None or held.state not in ("final", "credited"):
        return None
    if held.state == "credited" and kind.money in ("left", "never below"):
        return None  # Of one that is credited it says nothing of what was paid before.
    if kind.money == "left":
        return Statement(left=now.left)
    if kind.money == "never below":
        return Statement(left=max(now.left, NONE))
    if kind.money == "paid":
        return Statement(paid=now.net)
    return of_movements(held.moved) if kind.money == "each" else None


def of_movements(moved: Iterable[Movement]) -> Statement:
    """Where each of them is told, and who took it back."""
    statement = Statement(tells=WAYS)
    for each in moved:
        statement = statement.moved(each)
    return statement


def as_told(move: Movement, due: Decimal) -> dict[str, JsonValue]:
    """What its news say of it."""
    return {
        "move": move.id,
        "way": move.way.value,
        "amount": str(move.amount),
        "due": str(due),
    }


def heard(told: Mapping[str, JsonValue], news: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """With what these news say: each movement counts once, in whatever order it is told."""
    known = told.get("moves")
    kept = dict(known) if isinstance(known, dict) else {}
    kept.setdefault(str(news["move"]), [news["way"], news["amount"]])
    return {**told, "moves": kept, "due": news["due"]}


def remembered_moves(told: Mapping[str, JsonValue]) -> tuple[Movement, ...]:
    """Those that were told."""
    known = told.get("moves")
    rows = known.items() if isinstance(known, dict) else ()
    return tuple(
        Movement(way=Way(str(row[0])), amount=Decimal(str(row[1])), id=name)
        for name, row in rows
        if isinstance(row, list)
    )


def of_told(told: Mapping[str, JsonValue]) -> tuple[PaymentStatus, Statement]:
    """Where nobody can look: what the news come to."""
    moved = remembered_moves(told)
    now = Stands(Decimal(str(told.get("due", "0"))), NONE, added(moved))
    word = now.word if moved else PaymentStatus.UNPAID
    return word, of_movements(moved)
