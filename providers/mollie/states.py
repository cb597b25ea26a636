"""Mollie: its routes, what its words mean in ours, and what later calls remember."""

from __future__ import annotations

from datetime import date

from pydantic import JsonValue

from invoicing.model import Recorded
from invoicing.money import Number
from invoicing.provider import PaymentStatus, Stage
from providers.kit.http import Json
from providers.kit.wire import filled
from providers.kit.words import Words
from providers.mollie.options import PaymentDetails
from providers.mollie.settings import EmailDetails

REFERENCE = "invoicing_reference"
"""The key under which an invoice's metadata carries our reference."""


class Context(Recorded):
    """What later calls need, all of it from the plan."""

    sends: bool = False
    """Whether an issued invoice has also been sent, or nothing more is to be sent."""
    finish: str = "issued"
    payment_details: PaymentDetails | None = None
    email: EmailDetails | None = None
    recipient: str | None = None
    gross: Number | None = None
    issue_date: date | None = None
    """The one that was asked for; what a draft's payment term is reckoned from."""
    credits: str | None = None
    """Of a credit note of one of our invoices: that invoice's id."""
    any_day: bool = False
    """Whether it may be issued on another."""

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    def final(self, status: str) -> dict[str, Json]:
        """What issuing or paying brings besides, whether at create or later."""
        return filled(
            {
                "status": status,
                "paymentDetails": self.payment_details.wire() if self.payment_details else None,
                "emailDetails": self.email.model_dump() if self.email else None,
            }
        )


INVOICES = "/v2/sales-invoices"

INVOICE = "/v2/sales-invoices/{id}"

STATUSES = Words(
    {  # looked up with - for _: both spellings of payment-reversed are in use
        "draft": Stage.DRAFTED,
        "issuing": Stage.SENDING,
        "issued": Stage.APPROVED,
        "overdue": Stage.APPROVED,
        "pending-payment": Stage.APPROVED,
        "paid": Stage.APPROVED,
        "payment-reversed": Stage.APPROVED,
        "failed": Stage.FAILED,
        "cancelled": Stage.CREDITED,
        "canceled": Stage.CREDITED,
    }
)

E_INVOICE = Words(
    {
        "issuing": Stage.SENDING,
        "issued": Stage.DELIVERED,
        "failed": Stage.APPROVED,
    }
)

PAYMENTS = {
    "issuing": PaymentStatus.UNPAID,
    "issued": PaymentStatus.UNPAID,
    "overdue": PaymentStatus.UNPAID,
    "pending-payment": PaymentStatus.UNPAID,
    "paid": PaymentStatus.PAID,
    "payment-reversed": PaymentStatus.REVERSED,
}

GONE = ("404", "410")
