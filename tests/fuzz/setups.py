"""Six providers as they are met: how the stand-in is made, the account, an ordinary invoice, and
what can go wrong there.

A line's name says which version of the content it belongs to, so that what became final can be told
from what was asked for first, although both have the same totals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from invoicing.document import Address, Contact, Delivery, Document, Identifier, Line, Party, Vat
from sandbox import invoro, mollie, quiddly, riverty
from sandbox import zero_friction as zf
from sandbox.kit.faults import When
from sandbox.kit.server import StandIn
from sandbox.riverty.words import PAYMENT_RECEIVED
from tests.examples import a_document, a_line

TIMEOUT = 0.6
"""Seconds an adaptor waits for an answer."""
VERSION = re.compile(r"v(\d+)x")
LINES = re.compile(r"x L(\d)")

Trouble = tuple[str, str, str | None, When]
"""Step, fault in the provider's own words, its key, and whether the call takes effect first."""


@dataclass(frozen=True)
class Setup:
    """One provider.

    changes: its steps that change something; `reads`: those that only look.
    told: faults in its own words, at the steps at which they make sense.
    numbers: the caller numbers the invoices, here by our reference.
    mark: how our reference stands there.
    blind: nobody can look what became of an uncertain call.
    repeatable: an uncertain call is cleared up by making it again.
    credits: what is final can be taken back.
    orders: whether orders are fuzzed here.
    """

    name: str
    provider: str
    make: Callable[[], StandIn]
    settings: Callable[[Any], dict[str, Any]]
    buyer: Mapping[str, Any]
    lines: Callable[[str], tuple[Line, ...]]
    changes: tuple[str, ...]
    reads: tuple[str, ...]
    told: tuple[Trouble, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    mark: str = "{}"
    numbers: bool = False
    blind: bool = False
    repeatable: bool = False
    credits: bool = True
    orders: bool = True

    def content(self, reference: str, version: int) -> Document:
        """The content of this version: other words, the same totals."""
        number = {"number": reference} if self.numbers else {}
        return a_document(
            **{
                "buyer": Party(**self.buyer),
                "lines": self.lines(f"Meter v{version}x"),
                **self.document,
                **number,
            }
        )


_CONTACT = Contact(email="billing@example.com")
_BELGIAN: dict[str, Any] = {
    "name": "Canary Energy BV",
    "account_number": "K-1001",
    "vat_number": "BE0428759497",
    "address": Address(street="Sample Street 1", city="Ghent", postal_code="9000", country="BE"),
    "contact": _CONTACT,
    "language": "nl",
}
_SWEDISH: dict[str, Any] = {
    "name": "Canary Energy AB",
    "account_number": "K-1001",
    "registration": Identifier(value="5590000005"),
    "address": Address(street="Sample Street 1", city="Malmo", postal_code="21119", country="SE"),
    "contact": _CONTACT,
}


def _lines(*rates: int, prices: tuple[str, ...] = ("19.99", "33", "10")) -> Any:
    def made(name: str) -> tuple[Line, ...]:
        return tuple(
            a_line(
                number,
                name=f"{name} L{number}",
                quantity=Decimal(2),
                unit_price=Decimal(price),
                vat=Vat(rate=Decimal(rate)),
            )
            for number, (rate, price) in enumerate(zip(rates, prices, strict=True), 1)
        )

    return made


# --- Zero Friction, Mollie, Invoro ----------------------------------------------------------------


ZERO_FRICTION = Setup(
    name="zero_friction",
    provider="zero_friction",
    make=lambda: zf.ZeroFrictionStandIn(approval_delay=0.05, sending_delay=0, page_size=10),
    settings=lambda stand_in: stand_in.account(),
    buyer={"name": "Canary Energy BV", "account_number": "K-1001"},
    lines=_lines(21, 21, 21),
    changes=("create", "approve", "send", "delete", "credit"),
    reads=("find", "read", "token", "customers"),
    told=(
        ("create", "success_false", "NOBODY_KNOWS_THIS", "before"),
        ("create", "success_false", "NOBODY_KNOWS_THIS", "after"),
        ("approve", "success_false", "INVOICE_WRONG_STATUS", "after"),
        ("approve", "success_false", "COULD_NOT_APPROVE_INVOICE", "before"),
        ("approve", "errors_filled", "COULD_NOT_APPROVE_INVOICE", "before"),
        ("send", "success_false", "NOBODY_KNOWS_THIS", "before"),
        ("send", "success_false", "INVOICE_WRONG_STATUS", "after"),
        ("delete", "success_false", "INVOICE_WRONG_STATUS", "after"),
        ("credit", "success_false", "INVOICE_WRONG_STATUS", "after"),
        ("create", "changed_amount", None, "before"),
        ("read", "changed_amount", None, "after"),
        ("read", "unknown_status", None, "after"),
    ),
)

MOLLIE = Setup(
    name="mollie",
    provider="mollie",
    make=lambda: mollie.MollieStandIn(e_invoice_delay=0, collection_delay=0),
    settings=lambda stand_in: {
        **stand_in.account(),
        "email_subject": "Your invoice",
        "email_body": "Please find it attached.",
    },
    buyer=_BELGIAN,
    options={"issue_date": "day_of_issuing"},
    lines=_lines(21, 21, 21),
    changes=("create", "approve", "delete", "credit"),
    reads=("find", "read"),
    told=(
        ("create", "problem", None, "before"),
        ("create", "problem", None, "after"),
        ("create", "problem", "409", "after"),
        ("approve", "problem", None, "before"),
        ("approve", "problem", None, "after"),
        ("delete", "problem", None, "after"),
        ("credit", "problem", None, "after"),
        ("create", "changed_amount", None, "before"),
        ("read", "changed_amount", None, "after"),
        ("read", "unknown_status", None, "after"),
    ),
)


def _invoro() -> invoro.InvoroStandIn:
    assumed = invoro.Assumed()
    # For the ledger alone: the number, where there is one, is not our reference.
    assumed.reference_at = ("references.sales_order",)
    return invoro.InvoroStandIn(
        sending_delay=0, delivery_delay=0, rate_limit=1_000_000, assumed=assumed
    )


INVORO = Setup(
    name="invoro",
    provider="invoro",
    make=_invoro,
    settings=lambda stand_in: stand_in.account(),
    buyer={**_BELGIAN, "electronic_address": Identifier(scheme="0208", value="0123456749")},
    lines=_lines(21, 21, 21),
    document={"buyer_reference": "PO-7"},
    options={"mark": "sales_order"},
    mark="Our reference: {}",
    changes=("create", "approve", "delete"),
    reads=("find", "read"),
    told=(
        ("create", "server_failure", None, "before"),
        ("create", "server_failure", None, "after"),
        ("approve", "server_failure", None, "before"),
        ("approve", "server_failure", None, "after"),
        ("create", "changed_amount", None, "before"),
        ("read", "changed_amount", None, "after"),
        ("read", "unknown_status", None, "after"),
    ),
)


# --- Quiddly, with all routes and with none -------------------------------------------------------


_REFUSED: tuple[Trouble, ...] = (
    ("create", "refused", None, "before"),
    ("create", "refused", None, "after"),
    ("approve", "refused", None, "before"),
    ("approve", "refused", None, "after"),
    ("delete", "refused", None, "after"),
    ("create", "changed_amount", None, "before"),
)
_QUIDDLY: dict[str, Any] = {
    "provider": "quiddly",
    "settings": lambda stand_in: {**stand_in.account(), "feed_minutes": 0.15},
    "buyer": _SWEDISH,
    "lines": _lines(25, 12, 25),
    "document": {"currency": "SEK"},
    "numbers": True,
    "credits": False,
}

QUIDDLY = Setup(
    name="quiddly",
    make=lambda: quiddly.QuiddlyStandIn(
        distribution_delay=0, assumed=quiddly.Assumed(reads=True, lists=True, deletes=True)
    ),
    changes=("create", "approve", "delete"),
    reads=("find", "read", "authenticate"),
    told=(*_REFUSED, ("read", "changed_amount", None, "after")),
    **_QUIDDLY,
)

BLIND = Setup(
    name="blind",
    make=lambda: quiddly.QuiddlyStandIn(
        distribution_delay=0, assumed=quiddly.Assumed(deletes=False)
    ),
    changes=("create", "approve"),
    reads=("authenticate",),
    told=tuple(one for one in _REFUSED if one[0] != "delete"),
    blind=True,
    **_QUIDDLY,
)


# --- Riverty --------------------------------------------------------------------------------------

RIVERTY = Setup(
    name="riverty",
    provider="riverty",
    make=lambda: riverty.RivertyStandIn(
        verdict_delay=0, document_delay=0, activated=(PAYMENT_RECEIVED,)
    ),
    settings=lambda stand_in: stand_in.account(),
    buyer=_BELGIAN,
    lines=_lines(21, 6, prices=("50", "10")),
    document={"delivery": Delivery(actual_date=date(2026, 6, 30))},
    options={"carrier": "Sample Carrier", "tracking_code": "T-1001"},
    numbers=True,
    repeatable=True,
    orders=False,
    changes=("create", "approve", "delete", "credit"),
    reads=(),
    told=(
        ("create", "rejected", None, "before"),
        ("approve", "rejected", None, "before"),
        ("delete", "rejected", None, "before"),
        ("create", "verdict_twice", None, "before"),
        ("approve", "verdict_late", None, "before"),
        ("create", "verdict_dropped", None, "before"),
        ("approve", "verdict_dropped", None, "before"),
        ("create", "contradicted", None, "before"),
        ("approve", "unknown_result", None, "before"),
    ),
)

SETUPS = {one.name: one for one in (ZERO_FRICTION, MOLLIE, INVORO, QUIDDLY, BLIND, RIVERTY)}
