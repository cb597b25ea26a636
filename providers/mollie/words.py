"""Mollie: what an invoice says in words, and of which amounts it is made, asked for or stated: both
are written alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import idna

from providers.kit.said import at, listed, number, said, switch

PLACES: Mapping[str, str] = {
    "profile": "profileId",
    "buyer's name": "recipient.organizationName",
    "buyer's given name": "recipient.givenName",
    "buyer's family name": "recipient.familyName",
    "kind of buyer": "recipient.type",
    "buyer's VAT number": "recipient.vatNumber",
    "buyer's registration number": "recipient.organizationNumber",
    "buyer's street": "recipient.streetAndNumber",
    "buyer's second address line": "recipient.streetAdditional",
    "buyer's postal code": "recipient.postalCode",
    "buyer's city": "recipient.city",
    "buyer's region": "recipient.region",
    "buyer's country": "recipient.country",
    "note": "memo",
    "VAT scheme": "vatScheme",
    "payment term": "paymentTerm",
}
"""Where each text stands."""

LINES = "lines"
"""Of which texts and figures are compared."""


def words_of(body: Any) -> dict[str, str]:
    """Digests of what a request or an answer says. What is not there is not said."""
    lines = listed(body, LINES)
    words: dict[str, Any] = {name: at(body, place) for name, place in PLACES.items()}
    words["buyer's e-mail"] = _as_one_writes_it(at(body, "recipient.email"))
    words["e-invoice"] = switch(at(body, "isEInvoice"))
    if isinstance(body, Mapping) and "discount" in body:
        words["discount"] = _discount(body["discount"])
    return said(words, [at(line, "description") for line in lines], map(_figures, lines))


def _figures(line: Any) -> list[str | None]:
    return [
        *(number(at(line, name)) for name in ("quantity", "unitPrice.value", "vatRate")),
        _discount(at(line, "discount")),
    ]


def _discount(given: Any) -> str:
    return f"{at(given, 'type')} {number(at(given, 'value'))}" if given else "none"


def _as_one_writes_it(email: Any) -> Any:
    """With its domain in letters, whichever of its two forms it came in."""
    if not isinstance(email, str) or "@" not in email:
        return email
    local, _, domain = email.rpartition("@")
    try:
        return f"{local}@{idna.decode(domain)}"
    except (idna.IDNAError, UnicodeError):
        return email
