"""The norm's sums once more, from what is written in UBL alone: fractions, and none of our code.

EN 16931-1, 6.5: BR-CO-10 to BR-CO-17 and the line net of BT-131.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_NS = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
_TAX = "cac:TaxCategory"
_LINE_TAX = "cac:Item/cac:ClassifiedTaxCategory"
_Key = tuple[str, str]


def rounded(amount: Fraction, decimals: int) -> Fraction:
    """Halves away from zero."""
    unit = Fraction(1, 10**decimals)
    size = (abs(amount) / unit + Fraction(1, 2)).__floor__() * unit
    return size if amount >= 0 else -size


def _number(element: Element, path: str, default: str | None = None) -> Fraction:
    return Fraction(element.findtext(path, default, _NS) or "0")


def _key(element: Element, path: str) -> _Key:
    category = element.find(path, _NS)
    assert category is not None
    rate = Fraction(category.findtext("cbc:Percent", "0", _NS))
    return category.findtext("cbc:ID", "", _NS), str(rate)


def _adjustment(element: Element) -> Fraction:
    amount = _number(element, "cbc:Amount")
    return amount if element.findtext("cbc:ChargeIndicator", "", _NS) == "true" else -amount


class Read:
    """A document as it is written."""

    def __init__(self, text: bytes, decimals: int) -> None:
        root = ElementTree.fromstring(text)  # noqa: S314 (written by ubl.py)
        self.decimals = decimals
        kind = "CreditNote" if root.tag.endswith("CreditNote") else "Invoice"
        self.lines = root.findall(f"cac:{kind}Line", _NS)
        self.quantity = f"cbc:{'Credited' if kind == 'CreditNote' else 'Invoiced'}Quantity"
        self.adjustments = root.findall("cac:AllowanceCharge", _NS)
        self.rows = root.findall("cac:TaxTotal/cac:TaxSubtotal", _NS)
        self.tax = _number(root, "cac:TaxTotal/cbc:TaxAmount")
        (self.totals,) = root.findall("cac:LegalMonetaryTotal", _NS)

    def total(self, name: str) -> Fraction:
        """One of the document's totals; 0 where it is left out."""
        return _number(self.totals, f"cbc:{name}", "0")


def wrong(text: bytes, decimals: int, *, by_line: bool, with_vat: bool) -> list[str]:
    """The sums that are not as the norm's formulas have them, to the last minor unit."""
    read = Read(text, decimals)
    found = [*_wrong_totals(read), *_wrong_rows(read, by_line=by_line, with_vat=with_vat)]
    return found if with_vat else [*found, *_wrong_lines(read)]


def _wrong_totals(read: Read) -> Iterator[str]:
    nets = sum(_number(line, "cbc:LineExtensionAmount") for line in read.lines)
    amounts = [_adjustment(one) for one in read.adjustments]
    charges = [one.findtext("cbc:ChargeIndicator", "", _NS) == "true" for one in read.adjustments]
    lowered = -sum(one for one, charge in zip(amounts, charges, strict=True) if not charge)
    raised = sum(one for one, charge in zip(amounts, charges, strict=True) if charge)
    net = nets - lowered + raised
    tax = sum(_number(row, "cbc:TaxAmount") for row in read.rows)
    expected = {
        "LineExtensionAmount": nets,
        "AllowanceTotalAmount": lowered,
        "ChargeTotalAmount": raised,
        "TaxExclusiveAmount": net,
        "TaxInclusiveAmount": net + tax,
        "PayableAmount": net
        + tax
        - read.total("PrepaidAmount")
        + read.total("PayableRoundingAmount"),
    }
    for name, amount in expected.items():
        if read.total(name) != amount:
            yield f"{name} is {read.total(name)}, not {amount}"
    if read.tax != tax:
        yield f"TaxAmount is {read.tax}, not {tax}"


def _wrong_rows(read: Read, *, by_line: bool, with_vat: bool) -> Iterator[str]:
    parts = [
        (_key(line, _LINE_TAX), _number(line, "cbc:LineExtensionAmount")) for line in read.lines
    ]
    parts += [(_key(one, _TAX), _adjustment(one)) for one in read.adjustments]
    keys = [_key(row, _TAX) for row in read.rows]
    if sorted(keys) != sorted({key for key, _ in parts}):
        yield f"the rows are {keys}"
    for row, key in zip(read.rows, keys, strict=True):
        nets = [net for other, net in parts if other == key]
        taxable, tax = _number(row, "cbc:TaxableAmount"), _number(row, "cbc:TaxAmount")
        if taxable != sum(nets):
            yield f"{key}: TaxableAmount is {taxable}, not {sum(nets)}"
        if with_vat and by_line:
            continue  # what each line contained does not stand in it
        due = _tax(taxable, tax, nets, Fraction(key[1]), read, by_line=by_line, with_vat=with_vat)
        if tax != due:
            yield f"{key}: TaxAmount is {tax}, not {due}"


def _tax(
    taxable: Fraction,
    tax: Fraction,
    nets: Iterable[Fraction],
    rate: Fraction,
    read: Read,
    *,
    by_line: bool,
    with_vat: bool,
) -> Fraction:
    if with_vat:
        return rounded((taxable + tax) * rate / (100 + rate), read.decimals)
    if by_line:
        return sum((rounded(net * rate / 100, read.decimals) for net in nets), Fraction(0))
    return rounded(taxable * rate / 100, read.decimals)


def _wrong_lines(read: Read) -> Iterator[str]:
    for line in read.lines:
        per = _number(line, "cac:Price/cbc:BaseQuantity", "1")
        price = _number(line, "cac:Price/cbc:PriceAmount") * _number(line, read.quantity) / per
        adjusted = sum(_adjustment(one) for one in line.findall("cac:AllowanceCharge", _NS))
        net = rounded(price, read.decimals) + adjusted
        if _number(line, "cbc:LineExtensionAmount") != net:
            yield f"line {line.findtext('cbc:ID', '', _NS)} is not {net}"
