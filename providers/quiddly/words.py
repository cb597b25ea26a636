"""Quiddly: what an invoice says in words, asked for or stated: both are written alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.kit.said import said

_ADDRESS = {
    "street": "address",
    "second address line": "address2",
    "third address line": "address3",
    "postal code": "zip",
    "city": "city",
    "country": "countryCode",
}

PLACES: Mapping[str, str] = {
    "buyer's name": "debtor.name",
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
"""Where each text stands. Of the page's fields these are stated as they were written; what else is
known of the buyer it answers with null, or spells in its own way."""

ROWS = "articleRows"
"""Of which the descriptions are compared."""


def words_of(body: Any) -> dict[str, str]:
    """Digests of the texts in a request or an answer. What is not there is not said."""
    rows = _at(body, ROWS)
    texts = [_at(row, "description") for row in rows] if isinstance(rows, list) else []
    return said({name: _at(body, place) for name, place in PLACES.items()}, texts)


def _at(body: Any, place: str) -> Any:
    for name in place.split("."):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
