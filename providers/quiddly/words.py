"""Quiddly: what an invoice says in words, asked for or stated: both are written alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.kit.said import at, listed, many, number, parts, said, switch
from providers.kit.wire import day_of

_ADDRESS = {
    "street": "address",
    "second address line": "address2",
    "third address line": "address3",
    "postal code": "zip",
    "city": "city",
    "country": "countryCode",
}

PLACES: Mapping[str, str] = {
    "kind of invoice": "type",
    "product": "productCode",
    "base currency": "currency.baseCurrency",
    "buyer's name": "debtor.name",
    "kind of buyer": "debtor.type",
    "buyer's location number": "debtor.GLN",
    "buyer's VAT number": "debtor.vatNumber",
    "buyer's e-mail": "debtor.email",
    "buyer's invoice name": "debtor.invoiceAddress.name",
    **{f"buyer's {what}": f"debtor.invoiceAddress.{at}" for what, at in _ADDRESS.items()},
    "delivery name": "debtor.deliveryAddress.name",
    **{f"delivery {what}": f"debtor.deliveryAddress.{at}" for what, at in _ADDRESS.items()},
    "payment reference": "paymentReference",
    "credited invoice": "debitInvoiceNumber",
    "our reference": "ourReference",
    "our order": "ourOrderNumber",
    "buyer's reference": "yourReference",
    "buyer's order": "yourOrderNumber",
    "buyer's contact": "yourContactPerson",
    "note": "remark",
    "terms of payment": "terms.payment",
    "terms of delivery": "terms.delivery",
}
"""Where each text stands. What an answer leaves empty is not compared: the page's own example
answers null to an identification number that was given."""

ROWS = "articleRows"
"""Of which texts and figures are compared."""

NUMBERS: Mapping[str, str] = {
    "VAT amount": "totals.totalVat",
    "tax reduction": "totals.taxReduction",
    "administration fee": "fees.administration",
    "freight fee": "fees.freight",
    "exchange rate": "currency.exchangeRate",
}
"""Where the amounts stand that are part of a figure, or beside one."""

SWITCHES: Mapping[str, str] = {
    "reverse charge": "reverseCharge",
    "refund": "refund",
    "recourse": "useRecourse",
}

DISTRIBUTION = "distribution"


def words_of(body: Any) -> dict[str, str]:
    """Digests of the texts and of the parts in a request or an answer. What is not there is not
    said; but that nobody distributes it is."""
    rows = listed(body, ROWS)
    words: dict[str, Any] = {name: at(body, place) for name, place in PLACES.items()}
    words["buyer's identity number"] = _bare(at(body, "debtor.identificationNumber"))
    words["delivery date"] = day_of(at(body, "dates.deliveryDate"))
    words |= {name: number(at(body, place)) for name, place in NUMBERS.items()}
    words |= {name: switch(at(body, place)) for name, place in SWITCHES.items()}
    words["taxable amounts"] = parts(
        [number(at(row, name)) for name in ("percentage", "totalTaxable")]
        for row in listed(body, "vats")
    )
    words["units of the lines"] = many(at(row, "unit") for row in rows)
    if isinstance(body, Mapping) and "distributionCode" in body:
        words[DISTRIBUTION] = body["distributionCode"] or "NULL"
    return said(words, [at(row, "description") for row in rows], map(_figures, rows))


def _figures(row: Any) -> list[str | None]:
    names = ("quantity", "price", "vatPercentage", "totalExclVat", "totalVat")
    return [number(at(row, name)) for name in names]


def _bare(value: Any) -> Any:
    """A number that somebody is registered under, however it is divided."""
    return "".join(filter(str.isalnum, value)) if isinstance(value, str) else value
