"""What so many units of a line come to, so that its parts add up to the line to the cent.

One rule for whatever takes a line in parts, a credit or a delivery: a part is worth its share of
what is left of the line, rounded, and the last part takes all that is left. Pure functions.
"""

from __future__ import annotations

from decimal import Decimal

from invoicing.document import Adjustment, Line
from invoicing.money import exactly, priced, rounded


def share(units: Decimal, amount: Decimal, of: Decimal, currency: str) -> Decimal:
    """What `units` are worth where `of` units are left, at this amount."""
    return amount if units == of else priced(units, amount, of, currency)


def at_price(line: Line, units: Decimal, amount: Decimal, currency: str) -> Line:
    """So many units of a line that come to this amount, its allowances and charges in the price.

    `units` have the sign of the line's quantity.
    """
    update: dict[str, object] = {"allowances": (), "charges": (), "quantity": units}
    if priced(units, line.unit_price, line.base_quantity, currency) != amount:
        update |= {"unit_price": abs(amount), "base_quantity": abs(units)}
    return line.model_copy(update=update)


def part_of(line: Line, units: Decimal, amount: Decimal, currency: str) -> Line:
    """So many units of a line that come to this amount, as an invoice shows them.

    At the line's own price, with its allowances and charges: percentages as they are, amounts in
    proportion. Cents that rounding leaves are in the first of them, which is an amount then. Where
    that cannot be written down, they are in the price.
    """
    if units == line.quantity and amount == line.amount(currency):
        return line
    shown = _in_proportion(line, units, currency)
    off = shown.amount(currency) - amount
    if off:
        shown = _moved(shown, off, currency)
    made = shown.amounts(currency)
    fits = made.amount == amount and abs(made.lowered) <= abs(made.price)
    return shown if fits else at_price(line, units, amount, currency)


def _in_proportion(line: Line, units: Decimal, currency: str) -> Line:
    def of(one: Adjustment) -> Adjustment:
        if one.amount is None:
            return one
        amount = share(units, rounded(one.amount, currency), line.quantity, currency)
        return one.model_copy(update={"amount": amount})

    update = {
        "quantity": units,
        "allowances": tuple(map(of, line.allowances)),
        "charges": tuple(map(of, line.charges)),
    }
    return line.model_copy(update=update)


def _moved(line: Line, off: Decimal, currency: str) -> Line:
    """The line with so much less, in its first allowance or charge. A return keeps percentages:
    an amount would not say which way it moves it."""
    if line.quantity < 0 or not (line.allowances or line.charges):
        return line
    name, sign = ("allowances", 1) if line.allowances else ("charges", -1)
    first, *others = getattr(line, name)
    with exactly():
        amount = first.of(line.price(currency), currency) + sign * off
    if amount < 0:
        return line
    first = first.model_copy(update={"amount": amount, "percent": None})
    return line.model_copy(update={name: (first, *others)})
