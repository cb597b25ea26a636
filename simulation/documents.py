"""The documents that lives are about: few of them, made once, and told apart by their content."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from invoicing.document import Document, Line, Party, Vat
from invoicing.totals import Totals, totals

ISSUED = date(2026, 3, 2)
_BUYER = Party(name="Canary Energy BV", account_number="K-1001")
_VAT = Vat(rate=Decimal(21))
_NAMES = ("Replacement of a heat meter", "Travel", "Reading", "Standing charge")
_PRICES = ("89.00", "12.50", "33.35", "7.99")


@lru_cache(maxsize=256)
def document(
    lines: int, wording: int = 0, dearer: int = 0, number: str | None = None, times: int = 1
) -> Document:
    """An invoice of so many lines.

    Another `wording` has another description and due date, and the same totals. A `dearer` one
    costs so many cents more. Of every line there are so many `times` the units.
    """
    return Document(
        currency="EUR",
        number=number,
        issue_date=ISSUED,
        due_date=ISSUED + timedelta(days=90 + wording),
        buyer=_BUYER,
        lines=tuple(_line(place, wording, dearer, times) for place in range(lines)),
    )


def _line(place: int, wording: int, dearer: int, times: int) -> Line:
    price = Decimal(_PRICES[place % 4]) + (Decimal(dearer) / 100 if place == 0 else 0)
    return Line(
        id=f"L{place + 1}",
        name=_NAMES[place % 4],
        description=f"as agreed, version {wording + 1}",
        quantity=Decimal(times * (1 + place % 3)),
        unit_price=price,
        vat=_VAT,
    )


def content(given: Document) -> str:
    """What the document says, as far as documents here differ."""
    lines = ",".join(
        f"{line.id}:{line.description}:{line.quantity.normalize()}x{line.unit_price.normalize()}"
        for line in given.lines
    )
    more = "" if given.type == "invoice" else _credited(given)
    return f"{given.number or ''}|{given.due_date}|{lines}{more}"


def _credited(given: Document) -> str:
    """What else tells credit notes apart."""
    bases = ",".join(str(line.base_quantity.normalize()) for line in given.lines)
    others = [f"-{each.amount}" for each in given.allowances]
    others += [f"+{each.amount}" for each in given.charges]
    of = ",".join(each.number for each in given.precedents)
    return f"|credits {of}|{bases}|{','.join(others)}"


_sums: dict[str, Totals] = {}


def sums(given: Document) -> Totals:
    """Its totals, worked out once."""
    known = content(given)
    if known not in _sums:
        _sums[known] = totals(given, "category")
    return _sums[known]
