"""Who may call the stand-in for Quiddly, for whom, and examples of debtors and requests.

All of it is made up; the Swedish identification numbers have valid check digits and stand for
nobody. Requests stand here in the shape they have on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

CLIENT = "C.100001"
OTHER_CLIENT = "C.100002"
CLIENTS = {CLIENT: "Sandbox Kund AB", OTHER_CLIENT: "Sandbox Systerbolag AB"}

USERNAME = "integration@client.example.com"
PASSWORD = "sandbox-password-of-no-worth"  # noqa: S105
PARTNER_USERNAME = "integration@partner.example.com"
"""Not a client-type user: must say for which client it acts."""
SERVICE_TOKEN = "eySandboxServiceAccountOfNoWorth"  # noqa: S105
"""The long-lived token of a service account of CLIENT."""


@dataclass(frozen=True)
class User:
    """Who calls: `client` is the only client it may act for, or None when it acts for all."""

    id: str
    name: str
    client: str | None


USERS: Mapping[str, User] = {
    USERNAME: User("U.1001", USERNAME, CLIENT),
    PARTNER_USERNAME: User("U.1002", PARTNER_USERNAME, None),
}
SERVICE = User("U.1003", "service-account@client.example.com", CLIENT)


class Debtors:
    """Identification numbers that pass the check."""

    COMPANY = "559999-9991"
    TRADING_COMPANY = "999999-9999"
    PERSON = "19121212-1212"


def debtor(**changes: Any) -> Json:
    """A company in Sweden that can be reached by letter and by e-mail."""
    return {
        "customerNumber": "K-1001",
        "name": "Exempelbolaget AB",
        "type": "COMPANY",
        "identificationNumber": Debtors.COMPANY,
        "email": "faktura@exempelbolaget.example.com",
        "invoiceAddress": {
            "name": "Exempelbolaget AB",
            "address": "Exempelgatan 1",
            "zip": "12345",
            "city": "Exempelstad",
            "countryCode": "SE",
        },
        **changes,
    }


def request(number: str, **changes: Any) -> Json:
    """The body of a create: two pieces at 100 kronor and 25 %, as in the page's own example."""
    return {
        "invoiceNumber": number,
        "type": "INVOICE",
        "productCode": "INVOICE_SERVICE",
        "distributionCode": "LETTER",
        "currency": {"baseCurrency": "SEK", "invoiceCurrency": "SEK", "exchangeRate": 1},
        "dates": {"invoiceDate": "2026-05-18", "expireDate": "2026-06-17"},
        "debtor": debtor(),
        "articleRows": [
            {
                "description": "Servicebesök",
                "discountType": "PERCENTAGE",
                "price": 100,
                "quantity": "2,00",
                "total": 200,
                "totalDiscount": 0,
                "totalExclVat": 200,
                "totalVat": 50,
                "unit": "st",
                "vatPercentage": 25,
            }
        ],
        "vats": [{"percentage": 25, "totalTaxable": 200, "totalVat": 50}],
        "totals": {
            "taxReduction": 0,
            "total": 250,
            "totalExclVat": 200,
            "totalRoundOff": 0,
            "totalToPay": 250,
            "totalVat": 50,
        },
        **changes,
    }
