"""Zero Friction: its routes, what its words mean in ours, and what later calls remember."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum

from pydantic import JsonValue

from invoicing.document import Period
from invoicing.errors import FieldProblem
from invoicing.model import Recorded
from invoicing.money import Number, plain
from invoicing.provider import Pace, Paces, PaymentStatus, Stage
from providers.kit.words import Words
from providers.zero_friction.options import ContractChoice, NamedChoice


class CreditedId(Recorded):
    """Of a credit note of one of our invoices: that invoice, and its reference."""

    id: str
    reference: str
    negative: bool = False
    """Whether what it takes back is below zero."""


class Context(Recorded):
    """What later calls need: from the plan its first three, from the look-ups the rest."""

    invoice_date: str = ""
    invoice_type: str = "incidentalnote"
    channel: str = "email"
    customer_id: str | None = None
    bank_account_id: str | None = None
    contract_id: str | None = None
    contract_number: str | None = None
    property_group_ids: tuple[str, ...] = ()
    tax_codes: dict[str, str] = {}
    """By rate and choice, see `tax_key`."""
    billing_items: dict[str, str] = {}
    service_locations: dict[str, str] = {}
    credits: CreditedId | None = None

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_unset=True)


class TaxWanted(Recorded):
    """One tax code that must hold at `rate` over every one of `periods`; for these `lines`."""

    key: str
    rate: Number
    choice: NamedChoice | None = None
    periods: tuple[Period, ...] = ()
    lines: tuple[int, ...] = ()

    def problems(self, fitting: int) -> Iterator[FieldProblem]:
        count = f"{fitting} tax codes hold" if fitting else "no tax code holds"
        message = f"{count} at {plain(self.rate)} % over its period; name one in the options"
        for index in self.lines:
            yield FieldProblem(field=f"document.lines[{index}].vat.rate", message=message)


class TaxQuery(Recorded):
    """All the tax codes that an invoice needs."""

    wanted: tuple[TaxWanted, ...]


class ContractQuery(Recorded):
    """Which contract, and what of it."""

    contract: ContractChoice
    terminated: bool = False
    property_group: bool = False
    """Whether the contract's property groups are wanted too."""


INVOICE = "/api/bill/Invoices/{id}"

FILTER = "/api/bill/Invoices/filter"

SEND_ROUTES = {"email": "send", "postal": "sendviapostal", "mark_sent": "marksent"}

ALL = {"quickFilter": "all"}

PACES = Paces(
    approval=Pace(
        first=timedelta(seconds=2),
        factor=1.2,
        cap=timedelta(minutes=1),
        deadline=timedelta(hours=24),
    )
)

STATUSES = Words(
    {
        "created": Stage.DRAFTED,
        "approvalinprogress": Stage.APPROVING,
        "approved": Stage.APPROVED,
        "generated": Stage.APPROVED,
        "settled": Stage.APPROVED,
        "generationfailed": Stage.FAILED,
        "approvalfailed": Stage.FAILED,
    }
)

SENT = Words(
    {
        None: Stage.APPROVED,
        "notsent": Stage.APPROVED,
        "failed": Stage.APPROVED,
        "sending": Stage.SENDING,
        "printing": Stage.SENDING,
        "sent": Stage.SENT,
        "skipped": Stage.SENT,  # somebody decided against sending: nothing more will come
    }
)

PAYMENTS = {
    "paid": PaymentStatus.PAID,
    "paymentrejected": PaymentStatus.REJECTED,
    "readyforpaymentcollection": PaymentStatus.UNPAID,
    "pendingpaymentexport": PaymentStatus.UNPAID,
    "pendingpaymentcollectionconfirmation": PaymentStatus.UNPAID,
    "waitingforpayment": PaymentStatus.UNPAID,
}


class Refusal(StrEnum):
    """What a known error key means; the value is our sentence."""

    REQUEST = "refuses the request"
    STATE = "says the invoice is not in the state for this"
    GONE = "does not know the invoice"
    SENDING = "cannot send the invoice"


# COULD_NOT_GENERATE_INVOICE_NUMBER is missing on purpose: it leaves open how far an approval got.
ERROR_KEYS = {
    "TAXCODE_DOES_NOT_EXIST": Refusal.REQUEST,
    "TAX_CODE_NOT_FOUND": Refusal.REQUEST,
    "NO_TAXCODE_SPECIFIED": Refusal.REQUEST,
    "NO_INVOICE_LINES": Refusal.REQUEST,
    "INVALID_INVOICE_TYPE": Refusal.REQUEST,
    "INVOICE_LINE_SPANS_MULTIPLE_TAX_RATE_PERIODS": Refusal.REQUEST,
    "INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS": Refusal.REQUEST,
    "INVOICE_LINE_CANNOT_SPAN_MULTIPLE_YEARS": Refusal.REQUEST,
    "BANK_ACCOUNT_NOT_FOUND": Refusal.REQUEST,
    "CUSTOMER_DOES_NOT_EXIST": Refusal.REQUEST,
    "CONTRACT_NOT_FOUND": Refusal.REQUEST,
    "BILLING_ITEM_DOES_NOT_EXIST": Refusal.REQUEST,
    "SERVICELOCATION_DOES_NOT_EXIST": Refusal.REQUEST,
    "SDD_REQUIRES_BANK_ACCOUNT": Refusal.REQUEST,
    "INVOICE_LINE_TYPE_NOT_SUPPORTED": Refusal.REQUEST,
    "PAYMENT_REFERENCE_INVALID": Refusal.REQUEST,
    "DUPLICATE_INVOICE_NUMBER": Refusal.REQUEST,
    "INVOICE_ALREADY_EXISTS": Refusal.REQUEST,
    "COULD_NOT_CREATE_INVOICE": Refusal.REQUEST,
    "COULD_NOT_APPROVE_INVOICE": Refusal.REQUEST,
    "INVOICE_NOT_CREATED_STATUS": Refusal.STATE,
    "INVOICE_NOT_APPROVED_STATUS": Refusal.STATE,
    "INVOICE_NOT_APPROVALINPROGRESS_STATUS": Refusal.STATE,
    "INVOICE_WRONG_STATUS": Refusal.STATE,
    "APPROVED_INVOICES_CANNOT_BE_DELETED": Refusal.STATE,
    "CREATED_INVOICES_CANNOT_BE_CREDITED": Refusal.STATE,
    "INVOICE_IS_ALREADY_CREDITED": Refusal.STATE,
    "CREATED_INVOICE_CANT_BE_PAID": Refusal.STATE,
    "INVOICE_DOES_NOT_EXIST": Refusal.GONE,
    "INVOICE_NOT_FOUND": Refusal.GONE,
    "USER_HAS_NO_EMAIL_ADDRESS": Refusal.SENDING,
    "USER_HAS_NO_POSTAL_ADDRESS": Refusal.SENDING,
    "NO_TEMPLATE_FOR_EMAIL_BODY": Refusal.SENDING,
    "INVOICE_TEMPLATE_NOT_CONFIGURED": Refusal.SENDING,
}

GONE = {"404", *(key for key, refusal in ERROR_KEYS.items() if refusal is Refusal.GONE)}
