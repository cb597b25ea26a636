"""The ledger of an order's lines: how many units of each are open, taken, invoiced or cancelled.

A line that is delivered in parts is in parts here: each has so many units, one status and one
holder. Every unit ends in exactly one final status, whatever deliveries, cancellations and failures
do in between, and two sums stay what they were in the order, to the unit and to the cent: the units
of a line, and what they come to. Pure data and pure answers: the workflow asks, the ledger says yes
or names what stands against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType
from typing import Self

from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.model import Recorded
from invoicing.money import Number, exactly, plain
from invoicing.portions import share
from invoicing.state.invoice import LineStatus

FINAL = (LineStatus.INVOICED, LineStatus.SETTLED, LineStatus.CREDITED, LineStatus.CANCELLED)
"""Units that have one of these never become open again."""

MOST_PARTS = 5_000
"""Parts of all lines of an order together: what a ledger of 1,000 lines may grow to."""
MOST_PARTS_OF_A_LINE = 100
_NAMED = 3
"""Parts of a line that a refusal names."""

WHOLE: Mapping[str, Decimal] = MappingProxyType({})
"""Of every line that is named, all that is open."""


class NotOpen(Exception):
    """Lines or units that cannot be taken; `problems` says of each why, and what is left."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class LedgerLine(Recorded):
    """A line, or a part of it: its status, and the delivery or cancellation that gave it."""

    id: str
    status: LineStatus = LineStatus.OPEN
    holder: str | None = None
    number: str | None = None
    """The number of the invoice that it is on."""
    units: Number | None = None
    """How many of the line's; those of a return without their minus sign. None in the ledgers of
    old, which knew whole lines alone."""
    amount: Number | None = None
    """What they come to, as the amount of a line (BT-131): with VAT where prices contain it."""

    @property
    def measured(self) -> tuple[Decimal, Decimal]:
        """Units and amount."""
        if self.units is None or self.amount is None:
            raise RuntimeError("a ledger of old is measured by its order before it is used")
        return self.units, self.amount

    def __str__(self) -> str:
        units = "" if self.units is None else f"{plain(self.units)} "
        return f"{units}{self.status} by {self.holder}" if self.holder else f"{units}{self.status}"


class Ledger(Recorded):
    """Every line of an order, in its order, and the parts of a line beside each other. Each change
    returns a new ledger."""

    lines: tuple[LedgerLine, ...]
    currency: str = ""
    """Of the amounts. Empty in the ledgers of old."""

    @classmethod
    def of(cls, document: Document) -> Self:
        """All units of all lines open."""
        lines = tuple(LedgerLine(id=line.id) for line in document.lines)
        return cls(lines=lines).measured(document)

    def measured(self, document: Document) -> Self:
        """With the units and amounts of lines that have none: those of a ledger of old."""
        if self.currency:
            return self
        of = {line.id: line for line in document.lines}
        lines = (
            each.model_copy(
                update={
                    "units": abs(of[each.id].quantity),
                    "amount": of[each.id].amount(document.currency),
                }
            )
            for each in self.lines
        )
        return self.model_copy(update={"lines": tuple(lines), "currency": document.currency})

    def grown(self, document: Document) -> Self:
        """With the lines of its order's document that it does not know yet, open. Raises NotOpen
        where there would be more parts than a ledger may have."""
        known = {line.id for line in self.lines}
        of = Ledger.of(document)
        more = tuple(line for line in of.lines if line.id not in known)
        lines = (*self.lines, *more)
        if len(lines) > MOST_PARTS:
            why = f"come to more than {MOST_PARTS} parts with those of this order: make another one"
            raise NotOpen([FieldProblem(field="lines", message=why)])
        return self.model_copy(update={"lines": lines})

    def reserve(
        self, ids: Iterable[str], holder: str, quantities: Mapping[str, Decimal] = WHOLE
    ) -> Self:
        """Take open units for a delivery or a cancellation: so many of a line, or all that are open
        of one without a quantity. Raises NotOpen, and takes none then."""
        wanted = tuple(ids)
        parts = self._parts(frozenset(wanted))
        wrong = [
            FieldProblem(field=f"lines[{place}]", message=why)
            for place, each in enumerate(wanted)
            if (why := _why_not(each, parts, wanted[:place], quantities.get(each)))
        ]
        if wrong:
            raise NotOpen(wrong)
        taken = self._taken(frozenset(wanted), holder, quantities)
        # What is taken whole splits nothing: a ledger that is full can always be emptied.
        if len(taken) > max(MOST_PARTS, len(self.lines)):
            why = f"come to more than {MOST_PARTS} parts; take all that is open of them, or fewer"
            raise NotOpen([FieldProblem(field="lines", message=why)])
        return self.model_copy(update={"lines": taken})

    def _taken(
        self, ids: frozenset[str], holder: str, quantities: Mapping[str, Decimal]
    ) -> tuple[LedgerLine, ...]:
        taken: list[LedgerLine] = []
        for line in self.lines:
            if line.id not in ids or not _may_be_taken(line):
                taken.append(line)
                continue
            units, amount = line.measured
            want = quantities.get(line.id, units)
            worth = share(want, amount, units, self.currency)
            held = {"status": LineStatus.RESERVED, "holder": holder}
            taken.append(line.model_copy(update={**held, "units": want, "amount": worth}))
            if want != units:
                with exactly():
                    left = {"units": units - want, "amount": amount - worth}
                taken.append(line.model_copy(update=left))
        return tuple(taken)

    def release(self, holder: str) -> Self:
        """Open what this holder has reserved. What is invoiced or cancelled stays as it is."""
        opened = self._changed(_reserved_by(holder), status=LineStatus.OPEN, holder=None)
        return opened.model_copy(update={"lines": tuple(_joined(opened.lines))})

    def invoice(self, holder: str, number: str | None) -> Self:
        """What the holder has reserved is on a final invoice."""
        return self._changed(_reserved_by(holder), status=LineStatus.INVOICED, number=number)

    def settle(self, holder: str) -> Self:
        """The holder's invoice is paid."""
        return self._changed(_invoiced_by(holder), status=LineStatus.SETTLED)

    def credit(self, holder: str) -> Self:
        """The holder's invoice was taken back by a credit."""
        return self._changed(_invoiced_by(holder), status=LineStatus.CREDITED)

    def cancel(self, holder: str) -> Self:
        """What the cancellation has reserved will not be delivered."""
        return self._changed(_reserved_by(holder), status=LineStatus.CANCELLED)

    def with_status(self, *status: LineStatus) -> tuple[str, ...]:
        """The ids of the lines of which a part has one of these."""
        return tuple(dict.fromkeys(line.id for line in self.lines if line.status in status))

    def held(self, holder: str) -> dict[str, LedgerLine]:
        """What this delivery or cancellation has, by line: one part of each at the most."""
        return {line.id: line for line in self.lines if line.holder == holder}

    def in_parts(self, holder: str, document: Document) -> tuple[str, ...]:
        """The lines of the order of which this holder has a part alone."""
        held = self.held(holder)
        return tuple(
            line.id
            for line in document.lines
            if line.id in held and held[line.id].units != abs(line.quantity)
        )

    @property
    def done(self) -> bool:
        """Whether every unit has its final status."""
        return all(line.status in FINAL for line in self.lines)

    def _parts(self, ids: frozenset[str]) -> dict[str, list[LedgerLine]]:
        """Of these lines alone: an order has thousands of others."""
        parts: dict[str, list[LedgerLine]] = {}
        for line in self.lines:
            if line.id in ids:
                parts.setdefault(line.id, []).append(line)
        return parts

    def _changed(self, which: Callable[[LedgerLine], bool], **update: object) -> Self:
        lines = (line.model_copy(update=update) if which(line) else line for line in self.lines)
        return self.model_copy(update={"lines": tuple(lines)})


def _joined(lines: Iterable[LedgerLine]) -> Iterator[LedgerLine]:
    """The parts of each line, what is open of it as one part, the last."""
    for _, group in groupby(lines, key=lambda line: line.id):
        parts = list(group)
        opened = list(filter(_may_be_taken, parts))
        if len(opened) <= 1:
            yield from parts
            continue
        yield from (part for part in parts if not _may_be_taken(part))
        with exactly():
            units = sum((part.measured[0] for part in opened), Decimal(0))
            amount = sum((part.measured[1] for part in opened), Decimal(0))
        yield opened[0].model_copy(update={"units": units, "amount": amount})


def _why_not(
    each: str,
    known: Mapping[str, list[LedgerLine]],
    before: tuple[str, ...],
    quantity: Decimal | None,
) -> str | None:
    if each in before:
        return "is named twice"
    if each not in known:
        return "is no line of this order"
    parts = known[each]
    found = next(filter(_may_be_taken, parts), None)
    if found is None:
        return _where(parts)
    left, _ = found.measured
    if quantity is None or quantity == left:
        return None
    if quantity > left:
        return f"has {plain(left)} open, and {plain(quantity)} are asked for"
    if len(parts) >= MOST_PARTS_OF_A_LINE:
        return f"is in {len(parts)} parts already: take the {plain(left)} that are open of it"
    return None


def _may_be_taken(line: LedgerLine) -> bool:
    return line.status is LineStatus.OPEN


def _where(parts: list[LedgerLine]) -> str:
    """Who has the units of a line of which none is open."""
    if len(parts) == 1:
        (line,) = parts
        return f"is {line.status} by {line.holder}" if line.holder else f"is {line.status}"
    said = ", ".join(map(str, parts[:_NAMED]))
    more = f", and {len(parts) - _NAMED} more parts" if len(parts) > _NAMED else ""
    return f"has nothing open: {said}{more}"


def _reserved_by(holder: str) -> Callable[[LedgerLine], bool]:
    return lambda line: line.holder == holder and line.status is LineStatus.RESERVED


def _invoiced_by(holder: str) -> Callable[[LedgerLine], bool]:
    final = (LineStatus.INVOICED, LineStatus.SETTLED)
    return lambda line: line.holder == holder and line.status in final
