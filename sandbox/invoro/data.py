"""What is there at Invoro from the start: a company, its keys and number series, participants.

All of it is made up. Participants stand here in the shape they have on the wire.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

BASE_PATH = "/invoice-api"

COMPANY = "10000000-0000-4000-8000-000000000001"
OTHER_COMPANY = "10000000-0000-4000-8000-000000000002"


class Entities:
    """Ids of the company's business entities (seller identities)."""

    MAIN = "20000000-0000-4000-8000-000000000001"
    SECOND = "20000000-0000-4000-8000-000000000002"


ENTITIES = frozenset({Entities.MAIN, Entities.SECOND})
SELLER: Json = {
    "name": "Sandbox Seller S.à r.l.",
    "vat_number": "LU99999999",
    "endpoint_id": {"scheme": "9938", "value": "LU99999999"},
    "address": {"city": "Luxembourg", "country": "LU"},
}

DEFAULT_SERIES = "invoices"
SERIES = {DEFAULT_SERIES: "INV", "billing": "BIL", "credit-notes": "CN"}
"""Number series by name, each with the prefix of its numbers."""

SCOPES = frozenset(
    {
        *("invoice:create", "invoice:read", "invoice:send", "invoice:delete"),
        *("contact:read", "contact:create", "contact:delete", "participant:read"),
    }
)


@dataclass(frozen=True)
class Key:
    """An API key: live or test data, what it may do, whose it is."""

    live: bool
    scopes: frozenset[str] = SCOPES
    company: str | None = COMPANY


def _secret(mode: str, name: str) -> str:
    """64 characters, as a key has."""
    return f"ak_{mode}_sandbox_key_of_no_worth_{name}_".ljust(64, "0")


LIVE_KEY = _secret("live", "main")
TEST_KEY = _secret("test", "main")
READER_KEY = _secret("test", "reader")
"""May read invoices and nothing else."""
HOMELESS_KEY = _secret("test", "homeless")
"""Belongs to no company."""
STRANGER_KEY = _secret("test", "stranger")
"""Belongs to another company."""


def keys() -> dict[str, Key]:
    """The keys that are there from the start, by their secret."""
    return {
        LIVE_KEY: Key(live=True),
        TEST_KEY: Key(live=False),
        READER_KEY: Key(live=False, scopes=frozenset({"invoice:read"})),
        HOMELESS_KEY: Key(live=False, company=None),
        STRANGER_KEY: Key(live=False, company=OTHER_COMPANY),
    }


class Participants:
    """Peppol ids that are registered from the start."""

    CANARY = "0208:0123456749"
    """Canary Energy BV, Belgium: invoices and credit notes."""
    CANARY_VAT = "9925:BE0123456749"
    """The same company, by its VAT number."""
    INVOICES_ONLY = "9938:LU12345613"
    """Sample Housing A.s.b.l., Luxembourg: takes no credit notes, shows no business card."""


def _document_type(kind: str, name: str) -> Json:
    syntax = f"urn:oasis:names:specification:ubl:schema:xsd:{kind}-2::{kind}"
    rules = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
    return {"id": f"{syntax}##{rules}", "name": f"Peppol BIS Billing 3.0 {name}"}


_INVOICE = _document_type("Invoice", "Invoice")
_CREDIT_NOTE = _document_type("CreditNote", "Credit Note")


def participant(peppol_id: str, *types: Json, name: str | None = None, country: str = "") -> Json:
    """A registration; without a name it has no business card."""
    entity: Json = {
        "name": name,
        "country_code": country,
        "geographical_info": None,
        "website": None,
        "identifiers": [],
        "contacts": [],
    }
    return {
        "peppol_id": peppol_id,
        "smp_url": "https://smp.example.test",
        "document_types": list(types or (_INVOICE, _CREDIT_NOTE)),
        "business_card": {"entities": [entity]} if name else None,
    }


def participants() -> dict[str, Json]:
    """Who is registered from the start, by Peppol id."""
    canary = {"name": "Canary Energy BV", "country": "BE"}
    known = (
        participant(Participants.CANARY, **canary),
        participant(Participants.CANARY_VAT, **canary),
        participant(Participants.INVOICES_ONLY, _INVOICE),
    )
    return {one["peppol_id"]: one for one in known}


_VAT_SCHEMES = {
    "BE": "9925",
    "DE": "9930",
    "FR": "9957",
    "LU": "9938",
    "NL": "9944",
    "PL": "9945",
}
_RAW_SCHEMES = ("0088", "0106", "0208")


def candidates(query: str) -> Sequence[str]:
    """The Peppol ids an identifier may mean; which ones the original tries is unknown (U)."""
    text = re.sub(r"[\s.]", "", query).upper()
    if re.fullmatch(r"[0-9]{4}:.+", text):
        return [text]
    scheme, rest = _VAT_SCHEMES.get(text[:2]), text[2:]
    if scheme is None:
        return [f"{raw}:{text}" for raw in _RAW_SCHEMES]
    return [f"0208:{rest}", f"{scheme}:{text}"] if text[:2] == "BE" else [f"{scheme}:{text}"]
