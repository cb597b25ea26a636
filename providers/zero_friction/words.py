"""Zero Friction: what an invoice says in words, and of which amounts it is made, asked or stated.

Name and address of the buyer are not among them: it is made out to the customer as the provider
keeps it, whose id is compared. So are ids of what was looked up for a line: its rate is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.kit.said import at, instant, listed, number, said

ASKED: Mapping[str, str] = {
    "contract": "contractNumber",
    "payment reference": "paymentReference",
    "payment method": "paymentMethod",
    "note": "noteToCustomer",
    "kind of invoice": "invoiceType",
}
"""Where each text stands in the body of create."""

STATED: Mapping[str, str] = {
    "buyer's account number": "debtor.customerAccountNumber",
    "contract": "contractNumber",
    "payment reference": "paymentDetails.paymentReference",
    "payment method": "paymentDetails.paymentMethod",
    "note": "noteToCustomer",
    "kind of invoice": "type",
}
"""Where each stands in an answer."""

ACCOUNT = "bank account number"
_AS_CHOSEN = "as chosen"
CHOSEN = said({ACCOUNT: _AS_CHOSEN})
"""What a plan says of the account that is paid to: which one that is, a look-up tells later."""


def words_of(body: Any, places: Mapping[str, str], more: Mapping[str, Any]) -> dict[str, str]:
    """Digests of what a request or an answer says. What is not there is not said."""
    lines = listed(body, "lines")
    words: dict[str, Any] = {name: at(body, place) for name, place in places.items()} | {**more}
    for name, place in (("start", "periodStartDateTime"), ("end", "periodEndDateTime")):
        words[f"{name} of the period"] = instant(at(body, place))
    return said(words, [at(line, "description") for line in lines], map(_figures, lines))


def _figures(line: Any) -> list[str | None]:
    numbers = ("quantity", "unitPrice", "amountExclVAT", "amountInclVAT")
    return [
        at(line, "unitOfMeasure"),
        at(line, "lineType"),
        *(number(at(line, name)) for name in numbers),
        *(instant(at(line, name)) for name in ("startDateTime", "endDateTime")),
    ]


def paid_to(account: str | None, chosen: str | None) -> dict[str, str]:
    """Whether it is paid to the account that was chosen; nothing where either is not known."""
    if not (account and chosen):
        return {}
    return CHOSEN if account == chosen else said({ACCOUNT: account})
