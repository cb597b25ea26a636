"""Mollie: where the discounts of a document are written.

A document's allowance lowers the lines of one VAT; Mollie has one discount over everything, and
does not say how it divides that over VAT rates. So one over lines of a single VAT is written as it
is, and every other is taken from the lines that it lowers, as amounts: nothing is left to divide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from invoicing.document import Adjustment, Document, DocumentAmounts, Vat
from invoicing.money import added, exactly, minor_units
from invoicing.totals import VatRounding, summed


def as_written(document: Document, rounding: VatRounding) -> Document:
    """The same invoice with at most one discount over the whole, which then all lines share."""
    given, first = document.allowances, document.lines[0].vat
    alike = all(line.vat.same(first) for line in document.lines)
    if not given or (len(given) == 1 and alike and rounding == "category"):
        return document
    amounts = document.amounts()
    shares = [Decimal(0)] * len(document.lines)
    for vat, total in lowered(document, amounts):
        taken = [index for index, line in enumerate(document.lines) if line.vat.same(vat)]
        nets = [amounts.lines[index].amount for index in taken]
        for index, share in zip(taken, spread(total, nets, document.currency), strict=True):
            shares[index] = share
    lines = [
        line.model_copy(update={"allowances": (Adjustment(amount=own.lowered + share),)})
        if share
        else line
        for line, own, share in zip(document.lines, amounts.lines, shares, strict=True)
    ]
    return document.model_copy(update={"lines": tuple(lines), "allowances": ()})


def lowered(document: Document, amounts: DocumentAmounts) -> Iterator[tuple[Vat, Decimal]]:
    """By how much the document's allowances together lower the lines of each VAT."""
    vats: list[Vat] = []
    for one in document.allowances:
        if not any(one.vat.same(vat) for vat in vats):
            vats.append(one.vat)
    for vat in vats:
        alike = (amounts.of(one) for one in document.allowances if one.vat.same(vat))
        yield vat, added(alike, document.currency)


def spread(total: Decimal, nets: Sequence[Decimal], currency: str) -> list[Decimal]:
    """The total in shares like these nets, in minor units; none is more than its net, if the total
    is not. What rounding leaves goes to those that lost most by it."""
    with exactly():
        unit = Decimal((0, (1,), -minor_units(currency)))
        whole = sum(nets, Decimal(0))
        units, parts = int(total / unit), [int(net / unit) for net in nets]
        if not whole:
            return [Decimal(0)] * len(nets)
        shares = [divmod(units * part, int(whole / unit)) for part in parts]
        left = units - sum(share for share, _ in shares)
        rest = sorted(range(len(shares)), key=lambda index: shares[index][1], reverse=True)
        extra = set(rest[:left])
        return [(share + (index in extra)) * unit for index, (share, _) in enumerate(shares)]


def fits(document: Document, amounts: DocumentAmounts) -> bool:
    """Whether no VAT is lowered by more than its lines come to."""
    return all(
        total <= amounts.by_vat.get((vat.category, vat.rate), Decimal(0))
        for vat, total in lowered(document, amounts)
    )


def agrees(document: Document, rounding: VatRounding) -> bool:
    """Whether what is written comes to what the document does. It always does where VAT is rounded
    per rate; per line a discount of the lines may differ by a cent from one of its own."""
    written = as_written(document, rounding)
    ours = summed(document, document.amounts(), rounding)
    theirs = summed(written, written.amounts(), rounding)
    return ours.vat_rows == theirs.vat_rows
