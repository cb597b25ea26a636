"""What a body of Invoro's must look like, field by field, and the shapes of its refusals.

The fields, limits and nulls are those of the page "Create Invoice". It is stricter than the
original may be: a property the page does not have is refused, so that a misspelling shows.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from starlette.responses import Response

from sandbox.kit.forms import (
    ABSENT,
    Form,
    Number,
    checked,
    dotted,
    is_moment,
    matching,
    mistakes,
    one_of,
)
from sandbox.kit.wire import answer

Wrong = dict[str, list[str]]
"""What is wrong, by the path of its field (`items.0.name`)."""
INVOICE_PROFILES = frozenset(
    {
        *("invoice", "ublbe_invoice", "nlcius_invoice"),
        *("xrechnung_ubl_invoice", "xrechnung_cii_invoice"),
    }
)
CREDIT_NOTE_PROFILES = frozenset(
    {"credit_note", "ublbe_credit_note", "nlcius_credit_note", "xrechnung_ubl_credit_note"}
)
_PROFILES = sorted(INVOICE_PROFILES | CREDIT_NOTE_PROFILES)


def is_currency(value: str) -> bool:
    """Whether it can be an ISO 4217 code."""
    return re.fullmatch("[A-Z]{3}", value) is not None


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _is_base64(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        return False
    return True


CURRENCY = "must be an ISO 4217 code of 3 letters"
MOMENT = "must be an RFC 3339 date-time with an offset"
_EMAIL = r"(?=.{0,255}$)[^@\s]+@[^@\s]+\.[^@\s]+"
# Sizes are bounded so that every sum is exact.
_SIZE = checked(
    lambda value: value == 0 or Decimal("1e-9") < abs(value) < 10**12,
    "must be a number of reasonable size",
)

Text = str | None
Text500 = Annotated[str, Field(max_length=500)] | None
Text255 = Annotated[str, Field(max_length=255)] | None
Text100 = Annotated[str, Field(max_length=100)] | None
Text50 = Annotated[str, Field(max_length=50)] | None
Text34 = Annotated[str, Field(max_length=34)] | None
Text20 = Annotated[str, Field(max_length=20)] | None
Text11 = Annotated[str, Field(max_length=11)] | None
Code = Annotated[str, Field(max_length=10)] | None
Country = Annotated[str, Field(min_length=2, max_length=2)] | None
Moment = Annotated[str, checked(is_moment, MOMENT)] | None
Currency = Annotated[str, checked(is_currency, CURRENCY)] | None
Email = (
    Annotated[str, matching(_EMAIL, "must be an e-mail address of at most 255 characters")] | None
)
Uuid = Annotated[str, checked(_is_uuid, "must be a UUID")] | None
_Cents = Annotated[int, checked(lambda value: abs(value) < 10**12, "must be an integer, in cents")]
Cents = _Cents | None
_Quantity = Annotated[Number, _SIZE]
Percentage = (
    Annotated[Number, _SIZE, checked(lambda value: value <= 100, "must not be greater than 100")]
    | None
)
# That it must be more than 0 is inferred (I): prices are divided by it.
Divisor = (
    Annotated[Number, _SIZE, checked(lambda value: value > 0, "must be greater than 0")] | None
)


# In the order and with the limits of the page, which allows null for no object.


class Coded(Form):
    scheme: Code = None
    value: Text255 = None


class Period(Form):
    start_date: Moment = None
    end_date: Moment = None


class InvoicePeriod(Period):
    description: Text255 = None


class Address(Form):
    street: Text255 = None
    additional_line: Text255 = None
    city: Text255 = None
    subdivision: Text255 = None
    postal_code: Text20 = None
    country: Country = None


class Contact(Form):
    name: Text255 = None
    phone: Text50 = None
    email: Email = None


class Party(Form):
    endpoint_id: Coded = ABSENT
    identifiers: list[Coded] | None = None
    name: Text255 = None
    legal_name: Text255 = None
    trading_name: Text255 = None
    company_id: Coded = ABSENT
    vat_number: Text50 = None
    tax_registration_id: Coded = ABSENT
    address: Address = ABSENT
    contact: Contact = ABSENT


class Seller(Party):
    legal_information: Text = None


class Buyer(Party):
    name: Annotated[str, Field(max_length=255)]


class Payee(Form):
    name: Text255 = None
    company_id: Coded = ABSENT


class BankAccount(Form):
    iban: Text34 = None
    bic: Text11 = None
    account_name: Text255 = None


class Card(Form):
    pan: Text20 = None
    network: Text50 = None
    holder_name: Text255 = None


class DirectDebit(Form):
    mandate_id: Text255 = None
    debited_account: Text255 = None


class Means(Form):
    means_code: Code = None
    means_text: Text255 = None
    payment_id: Text255 = None
    card: Card = ABSENT
    direct_debit: DirectDebit = ABSENT


class OneOfMeans(Means):
    bank_accounts: list[BankAccount] | None = None


class Payment(Means):
    terms: Text = None
    payments: list[OneOfMeans] | None = None
    bank_account: BankAccount = ABSENT


class LineAdjustment(Form):
    reason: Text255 = None
    reason_code: Code = None
    amount: Cents = None
    percentage: Percentage = None
    base_amount: Cents = None


class Adjustment(LineAdjustment):
    tax_category: Code = None
    tax_rate: Percentage = None
    tax_exemption_reason_code: Code = None
    tax_exemption_reason: Text255 = None


class StandardIdentifier(Form):
    scheme: Text50 = None
    value: Text255 = None


class Identifiers(Form):
    standard: StandardIdentifier = ABSENT
    sellers_item_id: Text255 = None
    buyers_item_id: Text255 = None


class Classification(Form):
    list_id: Text50 = None
    list_version: Text50 = None
    value: Text255 = None


class Attribute(Form):
    name: Text255 = None
    value: Text255 = None


class Item(Form):
    id: Text50 = None
    name: Annotated[str, Field(max_length=255)]
    description: Text = None
    note: Text = None
    price: _Cents
    quantity: _Quantity
    unit_code: Code = None
    base_quantity: Divisor = None
    tax_rate: Percentage = None
    tax_category: Code = None
    tax_exemption_reason_code: Code = None
    tax_exemption_reason: Text255 = None
    order_line_reference: Text255 = None
    accounting_cost: Text255 = None
    origin_country: Country = None
    period: Period = ABSENT
    identifiers: Identifiers = ABSENT
    classifications: list[Classification] | None = None
    attributes: list[Attribute] | None = None
    allowances: list[LineAdjustment] | None = None
    charges: list[LineAdjustment] | None = None


class Header(Form):
    specification: Text500 = None
    business_process: Text500 = None
    invoice_number: Text255 = None
    invoice_type_code: Code = None
    # From the page on document type profiles.
    document_type: (
        Annotated[str, one_of(_PROFILES, "must be one of " + ", ".join(_PROFILES))] | None
    ) = None
    issue_date: Moment = None
    due_date: Moment = None
    tax_point_date: Moment = None
    currency: Currency = None
    vat_currency: Currency = None
    accounting_cost: Text255 = None
    buyer_reference: Text255 = None
    project_reference: Text255 = None
    contract_reference: Text255 = None
    tender_or_lot_reference: Text255 = None
    rounding_amount: Cents = None
    # The page says array and not of what; notes are texts in UBL (I).
    notes: list[str] | None = None
    invoice_period: InvoicePeriod = ABSENT


class HeaderWithSeries(Header):
    invoice_number_series: str = ABSENT


class Delivery(Form):
    date: Moment = None
    location_id: Text255 = None
    party_name: Text255 = None
    address: Address = ABSENT


class Preceding(Form):
    number: Text255 = None
    issue_date: Moment = None


class References(Form):
    purchase_order: Text255 = None
    sales_order: Text255 = None
    preceding_invoices: list[Preceding] | None = None


class Totals(Form):
    line_extension_amount: Cents = None
    tax_exclusive_amount: Cents = None
    tax_inclusive_amount: Cents = None
    tax_amount: Cents = None
    allowance_total_amount: Cents = None
    charge_total_amount: Cents = None
    paid_amount: Cents = None
    payable_rounding_amount: Cents = None
    payable_amount: Cents = None


class TaxRow(Form):
    category_code: Code = None
    rate: Percentage = None
    taxable_amount: Cents = None
    tax_amount: Cents = None
    exemption_reason: Text255 = None
    exemption_reason_code: Code = None


class Attachment(Form):
    filename: Text255 = None
    mime_type: Text100 = None
    description: Text255 = None
    data: Annotated[str, checked(_is_base64, "must be base64")] | None = None
    external_reference: Text500 = None


class _Create(Form):
    calculate_totals: bool = ABSENT
    business_entity_id: Uuid = None
    related_invoice_id: Uuid = None
    seller: Seller = ABSENT
    buyer: Buyer
    payee: Payee = ABSENT
    payment: Payment = ABSENT
    delivery: Delivery = ABSENT
    references: References = ABSENT
    totals: Totals = ABSENT
    items: Annotated[list[Item], Field(min_length=1)]
    allowances: list[Adjustment] | None = None
    charges: list[Adjustment] | None = None
    tax_breakdown: list[TaxRow] | None = None
    attachments: list[Attachment] | None = None


class CreateSeriesInHeader(_Create):
    header: HeaderWithSeries = ABSENT


class CreateSeriesOnTop(_Create):
    header: Header = ABSENT
    invoice_number_series: str = ABSENT


CREATE: Mapping[str, type[Form]] = {"header": CreateSeriesInHeader, "top": CreateSeriesOnTop}
"""The body of create, by where the name of the number series stands in it."""
TOTALS = tuple(Totals.model_fields)


class LookUp(Form):
    """The body of a look-up of Peppol participants."""

    query: Annotated[str, Field(min_length=1)]


_SAYS = {
    "missing": "is required",
    "extra_forbidden": "is not a property of this request",
    "string_type": "must be a string",
    "string_too_long": "must not be longer than {max_length} characters",
    "string_too_short": "must be at least {min_length} characters",
    "number": "must be a number of reasonable size",
    "int_type": "must be an integer, in cents",
    "bool_type": "must be true or false",
    "list_type": "must be an array",
    "too_short": "must have at least {min_length} items",
    "model_type": "must be an object",
}


def wrong_in(body: Any, form: type[Form]) -> Wrong:
    """What is wrong with a body, all of it."""
    wrong: Wrong = {}
    for one in mistakes(form, body):
        says = "must not be null" if one.null else _SAYS.get(one.kind, one.says)
        wrong.setdefault(dotted(one.at), []).append(says.format(**one.limits))
    return wrong


class Refusal(Exception):
    """A refusal in one sentence: HTTP `status` and `{message}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Invalid(Exception):
    """A body that was understood and is wrong: HTTP 422, field by field."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(", ".join(wrong))
        self.wrong = wrong


def message(status: int, text: str) -> Response:
    return answer({"message": text}, status)


def enveloped(status: int, text: str, errors: Mapping[str, Any] | None = None) -> Response:
    """The general envelope of a refusal: `{success, message, data, errors}`."""
    return answer({"success": False, "message": text, "data": None, "errors": errors}, status)


def invalid(wrong: Wrong) -> Response:
    first = next(f"{at} {problems[0]}" for at, problems in wrong.items())
    return enveloped(422, first.strip(), wrong)
