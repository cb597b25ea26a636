"""Rules that Peppol BIS Billing 3.0 has for the sellers of single countries, named as there
(`PEPPOL-EN16931-UBL.sch`, national rules). They are asked of a document that names its seller: one
that leaves it out is of a seller whom the provider knows, and who is set up there once.

Left out, because the document cannot break them: NO-R-001, SE-R-001 and SE-R-002 (a VAT number has
been checked by its digits), DK-R-009 and DK-R-011 (an account is an IBAN here, so DK-R-008 and
DK-R-010 come first), NL-R-001 (every credit note names its invoice), NL-R-006 (it has no fiscal
representative). Left out, because they only warn: NO-R-002, DK-R-003, SE-R-003, SE-R-004, SE-R-007
to SE-R-013. Not asked are the rules for sellers of Germany, Greece and Iceland (DE-R, GR-R, IS-R).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain

from invoicing.document import Document, Party, VatCategory
from invoicing.errors import FieldProblem
from providers.kit.beside import Beside, needs

_Problems = Iterator[FieldProblem]


def national(document: Document, beside: Beside) -> _Problems:
    """Every rule of the seller's country that would keep it from being sent by Peppol."""
    if seller := document.seller:
        at = seller.address.country if seller.address else ""
        asked = [*_BY_ADDRESS.get(at, ())]
        if _taxed_in(seller) == "IT":
            asked.append(_italian)
        for rule in asked:
            yield from rule(document, seller, beside)


def _taxed_in(seller: Party) -> str:
    """As the rules tell the seller's country for Italy: by its VAT number, else its address."""
    if seller.vat_number:
        return seller.vat_number[:2]
    return seller.address.country if seller.address else ""


def _is_there(party: Party, country: str) -> bool:
    return party.address is not None and party.address.country == country


def _whole_address(name: str, party: Party, rule: str) -> _Problems:
    for field in ("street", "city", "postal_code"):
        if not getattr(party.address, field, None):
            yield needs(f"{name}.address.{field}", f"needed to go by Peppol ({rule})")


def _dutch(document: Document, seller: Party, beside: Beside) -> _Problems:
    yield from _whole_address("seller", seller, "NL-R-002")
    yield from _in_a_dutch_register("seller", seller, "NL-R-003")
    if _is_there(document.buyer, "NL"):
        yield from _whole_address("buyer", document.buyer, "NL-R-004")
        yield from _in_a_dutch_register("buyer", document.buyer, "NL-R-005")
    if not (document.purchase_order or document.sales_order or beside.sales_order):
        for index, line in enumerate(document.lines):
            if line.order_line:
                message = "needs the order too, in purchase_order (NL-R-009)"
                yield needs(f"lines[{index}].order_line", message)


def _in_a_dutch_register(name: str, party: Party, rule: str) -> _Problems:
    if party.registration and party.registration.scheme not in ("0106", "0190"):
        message = f"must be 0106 (KVK) or 0190 (OIN) to go by Peppol ({rule})"
        yield needs(f"{name}.registration.scheme", message)


def _paid_as_in_the_netherlands(_: Document, __: Party, beside: Beside) -> _Problems:
    if not (beside.credit or beside.ways) and beside.due > 0:
        yield needs("payment.means", "needed to go by Peppol (NL-R-007)")
    for at, way in beside.ways:
        if way.means_code and way.means_code not in _DUTCH_MEANS:
            message = f"means must be one of {', '.join(_DUTCH_MEANS)} (NL-R-008)"
            yield FieldProblem(field=at, message=message)


def _danish(document: Document, seller: Party, beside: Beside) -> _Problems:
    if not seller.registration:
        yield needs("seller.registration", "a Danish seller gives its CVR number (DK-R-002)")
    elif seller.registration.scheme != "0184":
        yield needs("seller.registration.scheme", "must be 0184 (CVR) to go by Peppol (DK-R-014)")
    if not _is_there(document.buyer, "DK"):
        return
    for name, party in (("seller", seller), ("buyer", document.buyer)):
        for index, identifier in enumerate(party.identifiers):
            if not identifier.scheme:
                at = f"{name}.identifiers[{index}].scheme"
                yield needs(at, "needed to go by Peppol (DK-R-013)")
    if beside.credit and beside.due < 0:
        yield needs("lines", "a credit note cannot be below zero (DK-R-016)")
    yield from _other_taxes(document)


def _other_taxes(document: Document) -> _Problems:
    """Of the document and of each line: what stands for a tax that is no VAT."""
    places = [("", document), *((f"lines[{i}].", line) for i, line in enumerate(document.lines))]
    for place, whole in places:
        for kind in ("allowances", "charges"):
            for index, one in enumerate(getattr(whole, kind)):
                if one.reason_code == "ZZZ" and not _FOUR_DIGITS.fullmatch(one.reason or ""):
                    message = "must be the tax's category in four digits, for ZZZ (DK-R-004)"
                    yield needs(f"{place}{kind}[{index}].reason", message)


def _paid_as_in_denmark(document: Document, _: Party, beside: Beside) -> _Problems:
    """Between two of the country; a credit note is not asked."""
    if beside.credit or not _is_there(document.buyer, "DK"):
        return
    for at, way in beside.ways:
        whole = bool(way.bank_accounts) and all(one.iban and one.bic for one in way.bank_accounts)
        debit = way.direct_debit
        message = ""
        if way.means_code and way.means_code not in _DANISH_MEANS:
            message = f"means must be one of {', '.join(_DANISH_MEANS)} (DK-R-005)"
        elif way.means_code in ("31", "42") and not whole:
            message = f"means {way.means_code} needs an account and its bank (DK-R-006)"
        elif way.means_code == "49" and not (debit and debit.mandate_id and debit.debited_account):
            message = "means 49 needs the mandate and the account that is debited (DK-R-007)"
        elif way.means_code in _OF_DANISH_ACCOUNTS:
            rule = _OF_DANISH_ACCOUNTS[way.means_code]
            message = f"means {way.means_code} needs an account that is no IBAN ({rule})"
        if message:
            yield FieldProblem(field=at, message=message)


def _italian(_: Document, seller: Party, beside: Beside) -> _Problems:
    number = beside.tax_registration
    if number and not _ITALIAN.fullmatch(number):
        message = "must be 11 to 16 capital letters and digits (IT-R-001)"
        yield FieldProblem(field="options.seller_tax_registration", message=message)
    yield from _whole_address("seller", seller, "IT-R-002 to IT-R-004")


def _swedish(document: Document, seller: Party, beside: Beside) -> _Problems:
    number = beside.tax_registration
    if number and seller.registration and number.strip().upper() != _F_TAX:
        message = "must say Godkänd för F-skatt (SE-R-005)"
        yield FieldProblem(field="options.seller_tax_registration", message=message)
    if not (seller.vat_number or "").startswith("SE"):
        return
    every = chain(
        ((f"lines[{index}]", one.vat) for index, one in enumerate(document.lines)),
        ((f"allowances[{index}]", one.vat) for index, one in enumerate(document.allowances)),
        ((f"charges[{index}]", one.vat) for index, one in enumerate(document.charges)),
    )
    for at, vat in every:
        if vat.category is VatCategory.STANDARD and vat.rate not in _SWEDISH_RATES:
            yield needs(f"{at}.vat.rate", "must be 25, 12 or 6 of a Swedish seller (SE-R-006)")


_DUTCH_MEANS = ("30", "48", "49", "57", "58", "59")
_DANISH_MEANS = ("1", "10", "31", "42", "48", "49", "50", "58", "59", "93", "97")
_OF_DANISH_ACCOUNTS = {"50": "DK-R-008", "93": "DK-R-010"}
_FOUR_DIGITS = re.compile(r"[0-9]{4}")
_ITALIAN = re.compile(r"[A-Z0-9]{11,16}")
_F_TAX = "GODKÄND FÖR F-SKATT"
_SWEDISH_RATES = tuple(map(Decimal, (25, 12, 6)))
_BY_ADDRESS = {
    "NL": (_dutch, _paid_as_in_the_netherlands),
    "DK": (_danish, _paid_as_in_denmark),
    "SE": (_swedish,),
}
