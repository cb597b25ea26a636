"""What one credit takes of an invoice: its worth, and the rounding that keeps the rest a document.

The rules stand in `invoicing.credits.credit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from invoicing.credits.credit import (
    Credit,
    CreditLedger,
    NotLeft,
    Part,
    Portion,
    Rate,
    Take,
    rest_of,
)
from invoicing.errors import FieldProblem
from invoicing.money import added, exactly, minor_units, plain, rounded
from invoicing.portions import share

MOST_MOVED = 300
"""Cents by which a credit may differ from what it is worth: at 2 % it is 52 at most, at 21 % six,
and mostly one or none. Only rates below a third of a percent would ask for more."""


def portion(ledger: CreditLedger, wanted: Credit) -> Portion:
    """What this credit would take. Raises NotLeft, which says what is left."""
    with exactly():
        return _Working(ledger).out(wanted)


class _Working:
    """One credit being worked out."""

    def __init__(self, ledger: CreditLedger) -> None:
        self._ledger = ledger
        self._parts = {part.id: part for part in ledger.parts}
        self._rates = list(dict.fromkeys(part.under for part in ledger.parts))
        self._pots = ledger.by_pot(ledger.parts, [part.amount for part in ledger.parts])
        self._nothing = rounded(Decimal(0), ledger.currency)

    def out(self, wanted: Credit) -> Portion:
        takes = self._everything() if wanted.whole else self._lines(wanted)
        given = self._given(wanted)
        takes |= {part: Take(part=part, amount=amount) for part, amount in given.items()}
        self._refuse_too_much(takes)
        vat = self._rounded(takes, given)
        # What was named and is rounded away again is in the document, and so is what takes it away.
        kept = tuple(
            take for part, take in takes.items() if take.amount or take.units or part in given
        )
        ledger = self._ledger
        amount = added((take.amount for take in kept), ledger.currency)
        sums = ledger.sums(amount, added(vat.values(), ledger.currency))
        if not any(take.amount for take in kept):
            raise _refused("whole" if wanted.whole else "lines", self._comes_to_nothing(wanted))
        untouched = wanted.whole and not ledger.held
        return Portion(takes=kept, given=given, vat=vat, whole=untouched, sums=sums)

    def _comes_to_nothing(self, wanted: Credit) -> str:
        left = self._ledger.left
        return "nothing is left to credit" if wanted.whole else f"it comes to nothing; {left}"

    # What it is worth

    def _everything(self) -> dict[str, Take]:
        return {
            part.id: Take(part=part.id, amount=part.amount, units=part.units)
            for part in self._parts.values()
        }

    def _lines(self, wanted: Credit) -> dict[str, Take]:
        takes: dict[str, Take] = {}
        wrong: list[FieldProblem] = []
        for place, line in enumerate(wanted.lines):
            part = self._parts.get(f"line {line.id}")
            if part is None or part.units is None:
                why = f"{line.id} is no line of this invoice"
                wrong.append(FieldProblem(field=f"lines[{place}]", message=why))
            elif too_much := _why_not(part, part.units, line.quantity):
                wrong.append(FieldProblem(field=f"lines[{place}]", message=too_much))
            else:
                takes[part.id] = _share(part, part.units, line.quantity, self._ledger.currency)
        if wrong:
            raise NotLeft(wrong)
        return takes | self._allowances_with(takes)

    def _allowances_with(self, takes: Mapping[str, Take]) -> dict[str, Take]:
        """The allowances of the document that go with these lines."""
        of: dict[Rate, Decimal] = {}
        taken: dict[Rate, Decimal] = {}
        for part in self._parts.values():
            if part.kind == "line":
                of[part.under] = of.get(part.under, Decimal(0)) + part.amount
                if part.id in takes:
                    more = taken.get(part.under, Decimal(0)) + takes[part.id].amount
                    taken[part.under] = more
        found: dict[str, Take] = {}
        for part in self._parts.values():
            if part.kind == "allowance" and part.amount and of.get(part.under):
                share = taken.get(part.under, Decimal(0)) / of[part.under]
                share = min(max(share, Decimal(0)), Decimal(1))
                amount = rounded(part.amount * share, self._ledger.currency)
                found[part.id] = Take(part=part.id, amount=amount)
        return found

    def _given(self, wanted: Credit) -> dict[str, Decimal]:
        given: dict[str, Decimal] = {}
        currency = self._ledger.currency
        for place, each in enumerate(wanted.amounts):
            under = Rate(each.category, plain(each.rate))
            if under not in self._rates:
                there = ", ".join(map(str, self._rates))
                raise _refused(
                    f"amounts[{place}]", f"{under} is no rate of this invoice; it has {there}"
                )
            if each.amount != rounded(each.amount, currency):
                decimals = minor_units(currency)
                raise _refused(
                    f"amounts[{place}].amount", f"{currency} has {decimals} decimals, not more"
                )
            given[rest_of(under)] = rounded(each.amount, currency)
        return given

    def _refuse_too_much(self, takes: Mapping[str, Take]) -> None:
        """Of no rate more than is left, in neither direction."""
        for under in self._rates:
            every = [part for part in self._parts.values() if part.under == under]
            left = sum((part.amount for part in every), self._nothing)
            wanted = sum(
                (takes[part.id].amount for part in every if part.id in takes), self._nothing
            )
            if not min(left, self._nothing) <= wanted <= max(left, self._nothing):
                raise _refused(
                    f"{under}", f"{wanted} is asked for, and {left} is left at this rate"
                )

    # So that what is left stays a document

    def _rounded(self, takes: dict[str, Take], given: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """The VAT of the credit, by pot. The takes change by what rounding asks for."""
        ledger = self._ledger
        parts = [self._parts[part] for part in takes]
        named = self._named_alone(takes, given)
        vat: dict[str, Decimal] = {}
        for pot, amount in ledger.by_pot(parts, [take.amount for take in takes.values()]).items():
            under = self._parts[pot].under
            over = _Pot(ledger, under, self._pots[pot], ledger.vat[pot])
            if pot in named:
                self._refuse_unsound(over, amount, under)
                stated = amount
            else:
                stated = over.nearest(amount)
            vat[pot] = ledger.vat_of(stated, under)
            if stated != amount:
                take = takes.get(pot, Take(part=pot, amount=self._nothing))
                takes[pot] = take.model_copy(update={"amount": take.amount + stated - amount})
        return vat

    def _named_alone(self, takes: Mapping[str, Take], given: Mapping[str, Decimal]) -> set[str]:
        """The pots of which nothing is taken but an amount that was named."""
        others = {self._ledger.pot(self._parts[part]) for part in takes if part not in given}
        return set(given) - others

    def _refuse_unsound(self, over: _Pot, amount: Decimal, under: Rate) -> None:
        if abs(over.off(amount)) <= abs(over.off(self._nothing)):
            return
        left = sum((p.amount for p in self._parts.values() if p.under == under), self._nothing)
        near = over.near(amount, left)
        instead = f"credit {' or '.join(map(str, near))} instead" if near else f"{left} is left"
        raise _refused(
            f"{under}", f"{amount} would leave VAT that no document can state; {instead}"
        )


class _Pot:
    """A sum over which VAT is rounded once, as far as it is left."""

    def __init__(self, ledger: CreditLedger, under: Rate, left: Decimal, vat: Decimal) -> None:
        self._ledger = ledger
        self._under = under
        self._left = left
        self._vat = vat
        self._cent = Decimal((0, (1,), -minor_units(ledger.currency)))

    def off(self, amount: Decimal) -> Decimal:
        """By how much the VAT of this amount, and that of the rest, miss the VAT that is left."""
        of = self._ledger.vat_of
        return self._vat - of(amount, self._under) - of(self._left - amount, self._under)

    def nearest(self, amount: Decimal) -> Decimal:
        """The nearest amount that misses it least, a smaller one first."""
        if not self.off(amount):
            return amount
        low, high = sorted((self._left, 0 * self._left))
        found = [amount]
        for each in self._around(amount, low, high):
            if not each:
                continue  # A credit that takes something comes to something.
            found.append(each)
            if not self.off(each):
                break
        return min(found, key=lambda each: (abs(self.off(each)), abs(each - amount)))

    def near(self, amount: Decimal, most: Decimal) -> list[Decimal]:
        """The nearest amounts below and above it that do not miss it."""
        good = [each for each in self._around(amount, self._cent, most) if not self.off(each)]
        below = [each for each in good if each < amount][:1]
        return below + [each for each in good if each > amount][:1]

    def _around(self, amount: Decimal, low: Decimal, high: Decimal) -> Iterator[Decimal]:
        """In so many cents as are looked at, the VAT of any amount moves by a whole one."""
        rate = Decimal(self._under.rate)
        reach = min(MOST_MOVED, int(Decimal(100) / rate) + 2) if rate else 0
        for step in range(1, reach + 1):
            for each in (amount - step * self._cent, amount + step * self._cent):
                if low <= each <= high:
                    yield each


def _refused(field: str, message: str) -> NotLeft:
    return NotLeft([FieldProblem(field=field, message=message)])


def _why_not(part: Part, units: Decimal, quantity: Decimal | None) -> str | None:
    left = abs(units)
    if not left:
        return f"nothing is left of line {part.name}"
    if quantity is not None and quantity > left:
        return f"{plain(quantity)} are asked for, and {plain(left)} are left of line {part.name}"
    return None


def _share(part: Part, units: Decimal, quantity: Decimal | None, currency: str) -> Take:
    taken = units if quantity is None else quantity.copy_sign(units)
    amount = share(taken, part.amount, units, currency)
    return Take(part=part.id, amount=amount, units=taken)
