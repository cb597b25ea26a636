"""Line, VAT and grand totals of a document; pure (EN 16931 section 6.5, rules BR-CO-10 to 17).

Always true of what `totals` answers, to the minor unit:

    line_net - allowances + charges = net = sum of the VAT rows' taxable amounts
    net + vat = gross               vat = sum of the VAT rows' VAT
    gross - prepaid = due           sum of the lines' nets = line_net, with the exception below

**Prices without VAT.** A line's net is its rounded price less its allowances plus its charges, each
rounded. VAT comes on top: of every line, and of every adjustment of the document as if it were a
line (`line`), or once of each VAT row's taxable amount (`category`).

**Prices with VAT.** Every amount in the document, its adjustments included, contains VAT. The VAT
inside is taken out of every line and adjustment (`line`) or once out of each VAT row's sum
(`category`); net is what is left. The gross of a line, and of the whole, is then exactly what was
typed. With `category` nothing is distributed: each line shows the VAT it would contain on its own,
its net is informative, and only `line_net` is made to fit.

A percentage on a line is of the line's price before adjustments. A percentage on the document is of
the lines that carry the same VAT as it does, so a discount over two rates is two adjustments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

from invoicing.document import (
    Document,
    DocumentAdjustment,
    DocumentAmounts,
    Line,
    Vat,
    VatCategory,
)
from invoicing.model import Recorded
from invoicing.money import Number, added, exactly, percentage, plain, vat_inside

VatRounding = Literal["line", "category"]


class VatRow(Recorded):
    """BG-23: what is taxed at one category and rate, and the tax on it."""

    category: VatCategory
    rate: Number
    """In percent, without trailing zeros."""
    taxable: Number
    vat: Number


class LineTotal(Recorded):
    """One line: net (BT-131), its VAT, and both together, in the document's currency.

    With VAT rounded per category the VAT of a single line is informative: lines need not add up to
    the category's VAT by a minor unit. Where prices include VAT that holds for their nets as well.
    """

    id: str
    net: Number
    vat: Number
    gross: Number


class Totals(Recorded):
    """All in minor-unit precision of `currency`."""

    currency: str
    lines: tuple[LineTotal, ...]
    line_net: Number
    """BT-106, sum of the lines' nets."""
    allowances: Number
    """BT-107."""
    charges: Number
    """BT-108."""
    net: Number
    """BT-109, without VAT."""
    vat: Number
    """BT-110."""
    gross: Number
    """BT-112, with VAT."""
    due: Number
    """BT-115, gross less what is prepaid."""
    vat_rows: tuple[VatRow, ...]
    """Sorted by category, then rate."""


class _Rate(NamedTuple):
    category: VatCategory
    rate: Decimal


class _Part(NamedTuple):
    """A line or an adjustment of the document, its amount split."""

    under: _Rate
    net: Decimal
    vat: Decimal

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


def totals(document: Document, rounding: VatRounding) -> Totals:
    """What the document adds up to, with VAT rounded per `line` or per `category`.

    The document's own `vat_rounding`, when it has one, must already agree with `rounding`:
    ValueError if it does not.
    """
    if document.vat_rounding not in (None, rounding):
        raise ValueError(f"the document asks for VAT rounded per {document.vat_rounding}")
    with exactly():
        amounts = document.amounts()
        lines = [
            _part(document, line.vat, each.amount)
            for line, each in zip(document.lines, amounts.lines, strict=True)
        ]
        allowances = _adjustments(document, amounts, document.allowances)
        charges = _adjustments(document, amounts, document.charges)
        signed = [*lines, *(_negative(part) for part in allowances), *charges]
        return _summed(document, lines, allowances, charges, _rows(document, signed, rounding))


def _part(document: Document, vat: Vat, amount: Decimal) -> _Part:
    under = _Rate(vat.category, Decimal(plain(vat.rate)))
    if document.prices_include_vat:
        inside = vat_inside(amount, under.rate, document.currency)
        return _Part(under, amount - inside, inside)
    return _Part(under, amount, percentage(amount, under.rate, document.currency))


def _adjustments(
    document: Document, amounts: DocumentAmounts, given: Iterable[DocumentAdjustment]
) -> list[_Part]:
    return [_part(document, one.vat, amounts.of(one)) for one in given]


def _negative(part: _Part) -> _Part:
    return _Part(part.under, -part.net, -part.vat)


def _rows(document: Document, parts: Iterable[_Part], rounding: VatRounding) -> tuple[VatRow, ...]:
    groups: defaultdict[_Rate, list[_Part]] = defaultdict(list)
    for part in parts:
        groups[part.under].append(part)
    row = _row_by_line if rounding == "line" else _row_by_category
    return tuple(row(document, under, groups[under]) for under in sorted(groups))


def _row_by_line(document: Document, under: _Rate, parts: list[_Part]) -> VatRow:
    return _row(
        under,
        added((part.net for part in parts), document.currency),
        added((part.vat for part in parts), document.currency),
    )


def _row_by_category(document: Document, under: _Rate, parts: list[_Part]) -> VatRow:
    if document.prices_include_vat:
        gross = added((part.gross for part in parts), document.currency)
        vat = vat_inside(gross, under.rate, document.currency)
        return _row(under, gross - vat, vat)
    taxable = added((part.net for part in parts), document.currency)
    return _row(under, taxable, percentage(taxable, under.rate, document.currency))


def _row(under: _Rate, taxable: Decimal, vat: Decimal) -> VatRow:
    return VatRow(category=under.category, rate=under.rate, taxable=taxable, vat=vat)


def _summed(
    document: Document,
    lines: list[_Part],
    allowances: list[_Part],
    charges: list[_Part],
    rows: tuple[VatRow, ...],
) -> Totals:
    currency = document.currency
    lowered = added((part.net for part in allowances), currency)
    raised = added((part.net for part in charges), currency)
    net = added((row.taxable for row in rows), currency)
    vat = added((row.vat for row in rows), currency)
    return Totals(
        currency=currency,
        lines=tuple(map(_line_total, document.lines, lines)),
        line_net=net + lowered - raised,
        allowances=lowered,
        charges=raised,
        net=net,
        vat=vat,
        gross=net + vat,
        due=added((net, vat, -document.prepaid), currency),
        vat_rows=rows,
    )


def _line_total(line: Line, part: _Part) -> LineTotal:
    return LineTotal(id=line.id, net=part.net, vat=part.vat, gross=part.gross)
