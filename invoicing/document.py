"""The neutral invoice, in the vocabulary of EN 16931 (the BT- and BG- numbers are that norm's).

It says what is invoiced, to whom, for how much. It carries no provider's field: what only one
provider has goes into `InvoiceRequest.options`.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, EmailStr, Field, StringConstraints, model_validator
from pydantic_extra_types.country import CountryAlpha2

from invoicing.model import Typed
from invoicing.money import Currency, Number
from invoicing.values import bic, iban, vat_number

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=50)]
VatNumber = Annotated[str, AfterValidator(vat_number)]
Iban = Annotated[str, AfterValidator(iban)]
Bic = Annotated[str, AfterValidator(bic)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Positive = Annotated[Number, Field(gt=0)]
NotNegative = Annotated[Number, Field(ge=0)]


class VatCategory(StrEnum):
    """BT-151, UNCL5305: why this rate applies."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"
    CANARY_ISLANDS = "L"
    CEUTA_MELILLA = "M"


class Vat(Typed):
    """BG-30: category and rate in percent. Only S, L and M may have a rate above zero."""

    category: VatCategory = VatCategory.STANDARD
    rate: Percent
    exemption_reason: Text | None = None
    exemption_code: Code | None = None


class Period(Typed):
    """BG-14, BG-26: first and last day, both included."""

    start: date
    end: date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError("end is before start")
        return self


class Identifier(Typed):
    """A value under a scheme (ISO 6523, EAS), such as 0208 for Belgian enterprise numbers."""

    value: Name
    scheme: Code | None = None


class Address(Typed):
    """BG-5, BG-8."""

    street: Name | None = None
    additional: Name | None = None
    city: Name | None = None
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=20)] | None = None
    region: Name | None = None
    country: CountryAlpha2


class Contact(Typed):
    """BG-6, BG-9."""

    name: Name | None = None
    phone: Code | None = None
    email: EmailStr | None = None


class Party(Typed):
    """BG-4 seller, BG-7 buyer, BG-10 payee."""

    name: Name
    trading_name: Name | None = None
    given_name: Name | None = None
    family_name: Name | None = None
    type: Literal["business", "consumer"] = "business"
    vat_number: VatNumber | None = None
    registration: Identifier | None = None
    identifiers: tuple[Identifier, ...] = ()
    electronic_address: Identifier | None = None
    account_number: Code | None = None
    """The seller's own number for this buyer, where the provider keeps one."""
    address: Address | None = None
    contact: Contact | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] | None = None


class Adjustment(Typed):
    """BG-27, BG-28 on a line, BG-20, BG-21 on the document: an amount or a percentage, not both."""

    amount: NotNegative | None = None
    percent: Percent | None = None
    reason: Name | None = None
    reason_code: Code | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.amount is None) == (self.percent is None):
            raise ValueError("give either amount or percent")
        return self


class DocumentAdjustment(Adjustment):
    """BG-20, BG-21: on the document, so it names its own VAT."""

    vat: Vat


class Line(Typed):
    """BG-25. The unit price (BT-146) is per `base_quantity` units, before allowances."""

    id: Code
    name: Name
    description: Text | None = None
    quantity: Number
    unit: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")] = "C62"
    """BT-130, UN/ECE Recommendation 20: C62 is one piece, KWH, DAY, MTR, LTR …"""
    unit_price: NotNegative
    base_quantity: Positive = Decimal(1)
    allowances: tuple[Adjustment, ...] = ()
    charges: tuple[Adjustment, ...] = ()
    vat: Vat
    period: Period | None = None
    note: Text | None = None
    seller_item_id: Name | None = None
    buyer_item_id: Name | None = None
    standard_item_id: Identifier | None = None
    order_line: Name | None = None
    """BT-132, the line of the purchase order this one refers to."""
    accounting_reference: Name | None = None


class Delivery(Typed):
    """BG-13."""

    actual_date: date | None = None
    """BT-72."""
    party_name: Name | None = None
    location: Identifier | None = None
    address: Address | None = None


class Payment(Typed):
    """BG-16: how the buyer should pay. `means` is UNCL4461: 30 credit transfer, 59 SEPA debit."""

    means: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,3}$")] | None = None
    reference: Name | None = None
    iban: Iban | None = None
    bic: Bic | None = None
    account_name: Name | None = None
    mandate: Name | None = None
    terms: Text | None = None


class Precedent(Typed):
    """BG-3: an earlier invoice this document refers to, as a credit note must."""

    number: Name
    issue_date: date | None = None


class Document(Typed):
    """BG-0. Amounts are in `currency`; everything else is what the parties agreed."""

    type: Literal["invoice", "credit_note"] = "invoice"
    number: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """BT-1, when the caller numbers its invoices; left out, the provider numbers this one."""
    currency: Currency
    issue_date: date
    due_date: date | None = None
    tax_point_date: date | None = None
    period: Period | None = None
    seller: Party | None = None
    """Left out where the provider's account already is the seller."""
    buyer: Party
    payee: Party | None = None
    delivery: Delivery | None = None
    payment: Payment | None = None
    notes: tuple[Text, ...] = ()
    buyer_reference: Name | None = None
    purchase_order: Name | None = None
    sales_order: Name | None = None
    contract: Name | None = None
    project: Name | None = None
    accounting_reference: Name | None = None
    precedents: tuple[Precedent, ...] = ()
    lines: Annotated[tuple[Line, ...], Field(min_length=1, max_length=1000)]
    allowances: tuple[DocumentAdjustment, ...] = ()
    charges: tuple[DocumentAdjustment, ...] = ()
    prices_include_vat: bool = False
    vat_rounding: Literal["line", "category"] | None = None
    """Where VAT is rounded; left out, as the provider does it."""
    prepaid: NotNegative = Decimal(0)
    """BT-113, already paid; lowers the amount due, not the totals."""
