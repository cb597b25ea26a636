"""Line, VAT and grand totals of a document; pure (EN 16931 section 6.5, rules BR-CO-10 to 17)."""

from __future__ import annotations

from typing import Literal

from invoicing.document import Document, VatCategory
from invoicing.model import Recorded
from invoicing.money import Number

VatRounding = Literal["line", "category"]


class VatRow(Recorded):
    """BG-23: what is taxed at one category and rate, and the tax on it."""

    category: VatCategory
    rate: Number
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
    """BT-115, gross less what is prepaid."""
    vat_rows: tuple[VatRow, ...]
    """Sorted by category, then rate."""


def totals(document: Document, rounding: VatRounding) -> Totals:
    """What the document adds up to, with VAT rounded per `line` or per `category`.

    The document's own `vat_rounding`, when it has one, must already agree with `rounding`.
    """
    raise NotImplementedError
