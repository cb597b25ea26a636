"""Line, VAT and grand totals of a document; pure (EN 16931 section 6.5, rules BR-CO-10 to 17).

Always true of what `totals` answers, to the minor unit:

    line_net - allowances + charges = net = sum of the VAT rows' taxable amounts
    net + vat = gross               vat = sum of the VAT rows' VAT
    gross - prepaid + rounding = due    sum of the lines' nets = line_net

**Prices without VAT.** A line's net is its rounded price less its allowances plus its charges, each
rounded. VAT comes on top: of every line, and of every adjustment of the document as if it were a
line (`line`), or once of each VAT row's taxable amount (`category`).

**Prices with VAT.** Every amount in the document, its adjustments included, contains VAT. The VAT
inside is taken out of every line and adjustment (`line`) or once out of each VAT row's sum
(`category`); net is what is left. The gross of a line, and of the whole, is then exactly what was
typed. With `category` the nets of single lines, each rounded, may miss their row's by some minor
units. The lines that were rounded furthest the other way take one each, so that nets add up
(BR-CO-10), and every line's gross stays as typed.

A percentage on a line is of the line's price before adjustments. A percentage on the document is of
the lines that carry the same VAT as it does, so a discount over two rates is two adjustments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from invoicing.model import Recorded
from invoicing.money import (
    Number,
    added,
    exactly,
    minor_units,
    nothing,
    percentage,
    plain,
    vat_inside,
)
from invoicing.vat import Vat, VatCategory

if TYPE_CHECKING:  # a document's rules ask for its totals
    from invoicing.document import Document, DocumentAmounts, Line

VatRounding = Literal["line", "category"]
BOTH_ROUNDINGS: Sequence[VatRounding] = ("line", "category")


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
    the category's VAT by a minor unit.
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
    """BT-115, gross less what is prepaid, plus the document's rounding (BT-114)."""
    vat_rows: tuple[VatRow, ...]
    """Sorted by category, then rate."""
    rounding: VatRounding | None = None
    """Where VAT was rounded; None in totals of old, which did not say."""


class Rate(NamedTuple):
    """What a VAT row is for."""

    category: VatCategory
    rate: Decimal


class Part(NamedTuple):
    """A line or an adjustment of the document, its amount split."""

    under: Rate
    net: Decimal
    vat: Decimal

    @property
    def gross(self) -> Decimal:
        """Both together."""
        return self.net + self.vat


class Split(NamedTuple):
    """Every line and adjustment of a document without and with VAT, and the rows they make."""

    lines: list[Part]
    allowances: list[Part]
    charges: list[Part]
    rows: tuple[VatRow, ...]


def totals(document: Document, rounding: VatRounding) -> Totals:
    """What the document adds up to, with VAT rounded per `line` or per `category`.

    The document's own `vat_rounding`, when it has one, must already agree with `rounding`:
    ValueError if it does not.
    """
    if document.vat_rounding not in (None, rounding):
        raise ValueError(f"the document asks for VAT rounded per {document.vat_rounding}")
    return summed(document, document.amounts(), rounding)


def summed(document: Document, amounts: DocumentAmounts, rounding: VatRounding) -> Totals:
    """The same, of amounts that are known, whatever rounding the document asks for."""
    with exactly():
        made = _summed(document, split(document, amounts, rounding))
        return made.model_copy(update={"rounding": rounding})


def gross(document: Document, amounts: DocumentAmounts, rounding: VatRounding) -> Decimal:
    """The gross of the same totals, with nothing made or kept for any single line."""
    currency = document.currency
    with exactly():
        if rounding == "line" or document.prices_include_vat:
            return added((part.gross for part in _signed(document, amounts)), currency)
        nets = dict(amounts.by_vat)
        for part in _signed_adjustments(document, amounts):
            nets[part.under] = nets.get(part.under, nothing(currency)) + part.net
        return added(
            (net + percentage(net, rate, currency) for (_, rate), net in nets.items()), currency
        )


def _signed(document: Document, amounts: DocumentAmounts) -> Iterator[Part]:
    """Each line, then each adjustment, those that lower with the opposite sign."""
    for line, each in zip(document.lines, amounts.lines, strict=True):
        yield _part(document, line.vat, each.amount)
    yield from _signed_adjustments(document, amounts)


def _signed_adjustments(document: Document, amounts: DocumentAmounts) -> Iterator[Part]:
    for one in document.allowances:
        yield _negative(_part(document, one.vat, amounts.of(one)))
    for one in document.charges:
        yield _part(document, one.vat, amounts.of(one))


def split(document: Document, amounts: DocumentAmounts, rounding: VatRounding) -> Split:
    """What each line and adjustment comes to without VAT, and its VAT, so that they add up."""
    with exactly():
        signed, lines = [*_signed(document, amounts)], len(document.lines)
        groups: defaultdict[Rate, list[int]] = defaultdict(list)
        for index, part in enumerate(signed):
            groups[part.under].append(index)
        row = _row_by_line if rounding == "line" else _row_by_category
        rows = tuple(
            row(document, under, [signed[index] for index in groups[under]])
            for under in sorted(groups)
        )
        for made in rows:
            _fit(signed, groups[Rate(made.category, made.rate)], lines, made.taxable, document)
        after = lines + len(document.allowances)
        lowered = [_negative(part) for part in signed[lines:after]]
        return Split(signed[:lines], lowered, signed[after:], rows)


def who_owes(document: Document, sums: Totals) -> Literal["buyer", "nobody", "seller"]:
    """Who is to pay what is due when the document is final.

    Nobody pays an invoice of 0.00, and the buyer pays none below zero, in which returns outweigh
    what was bought: there the seller owes, as under a credit note. A payment by the buyer can be
    awaited only where the buyer owes; elsewhere nothing is left to be paid once it is delivered.
    """
    if not sums.due:
        return "nobody"
    return "buyer" if (sums.due > 0) == (document.type == "invoice") else "seller"


def _part(document: Document, vat: Vat, amount: Decimal) -> Part:
    under = Rate(vat.category, Decimal(plain(vat.rate)))
    if document.prices_include_vat:
        inside = vat_inside(amount, under.rate, document.currency)
        return Part(under, amount - inside, inside)
    return Part(under, amount, percentage(amount, under.rate, document.currency))


def _negative(part: Part) -> Part:
    return Part(part.under, -part.net, -part.vat)


def _row_by_line(document: Document, under: Rate, parts: list[Part]) -> VatRow:
    return _row(
        under,
        added((part.net for part in parts), document.currency),
        added((part.vat for part in parts), document.currency),
    )


def _row_by_category(document: Document, under: Rate, parts: list[Part]) -> VatRow:
    if document.prices_include_vat:
        gross = added((part.gross for part in parts), document.currency)
        vat = vat_inside(gross, under.rate, document.currency)
        return _row(under, gross - vat, vat)
    taxable = added((part.net for part in parts), document.currency)
    return _row(under, taxable, percentage(taxable, under.rate, document.currency))


def _row(under: Rate, taxable: Decimal, vat: Decimal) -> VatRow:
    return VatRow(category=under.category, rate=under.rate, taxable=taxable, vat=vat)


def _fit(
    parts: list[Part], row: list[int], lines: int, taxable: Decimal, document: Document
) -> None:
    """Have the nets of the parts in this row add up to what the row says.

    Its lines take the difference, the first so many parts; where it has none, its adjustments.
    """
    missing = taxable - added((parts[index].net for index in row), document.currency)
    if not missing:
        return
    taking = [index for index in row if index < lines] or row
    unit = Decimal((0, (1,), -minor_units(document.currency))).copy_sign(missing)

    def owed(index: int) -> Decimal:
        """By how much this net was rounded against the difference."""
        part = parts[index]
        return (part.gross * 100 / (100 + part.under.rate) - part.net) * unit

    each, more = divmod(int(missing / unit), len(taking))
    for position, index in enumerate(sorted(taking, key=owed, reverse=True)):
        moved = unit * (each + (position < more))
        part = parts[index]
        parts[index] = Part(part.under, part.net + moved, part.vat - moved)


def _summed(document: Document, made: Split) -> Totals:
    currency = document.currency
    lowered = added((part.net for part in made.allowances), currency)
    raised = added((part.net for part in made.charges), currency)
    net = added((row.taxable for row in made.rows), currency)
    vat = added((row.vat for row in made.rows), currency)
    return Totals(
        currency=currency,
        lines=tuple(map(_line_total, document.lines, made.lines)),
        line_net=net + lowered - raised,
        allowances=lowered,
        charges=raised,
        net=net,
        vat=vat,
        gross=net + vat,
        due=added((net, vat, -document.prepaid, document.rounding), currency),
        vat_rows=made.rows,
    )


def _line_total(line: Line, part: Part) -> LineTotal:
    return LineTotal(id=line.id, net=part.net, vat=part.vat, gross=part.gross)
