"""Invoro: what a request may ask for here and nowhere else."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, StrictBool, StringConstraints, model_validator
from pydantic_extra_types.country import CountryAlpha2

from invoicing.document import Bic, Code, Document, Iban, Line, Text
from invoicing.model import Typed
from invoicing.money import Currency, Number

Upto10 = Annotated[str, StringConstraints(min_length=1, max_length=10)]

Upto50 = Annotated[str, StringConstraints(min_length=1, max_length=50)]

Upto100 = Annotated[str, StringConstraints(min_length=1, max_length=100)]

Upto255 = Annotated[str, StringConstraints(min_length=1, max_length=255)]

Upto500 = Annotated[str, StringConstraints(min_length=1, max_length=500)]


def _last_digits(value: str) -> str:
    if sum(character.isdigit() for character in value) > 10:
        raise ValueError("give the last 4 to 6 digits only, as EN 16931 asks (BT-87)")
    return value


def _base64(value: str) -> str:
    try:
        b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be Base64") from None
    return value


class _Some(Typed):
    """Something in which at least one field is given."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_dump(exclude_none=True, exclude_defaults=True):
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self


class TaxRegistration(Typed):
    """BT-32: a number at a tax office that is no VAT number."""

    scheme: Upto10 | None = None
    value: Upto255


class BankAccount(_Some):
    """BG-17."""

    iban: Iban | None = None
    bic: Bic | None = None
    account_name: Upto255 | None = None


class Card(_Some):
    """BG-18."""

    pan: (
        Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_last_digits)]
        | None
    ) = None
    network: Upto50 | None = None
    holder_name: Upto255 | None = None


class DirectDebit(_Some):
    """BG-19."""

    mandate_id: Upto255 | None = None
    debited_account: Upto255 | None = None


class PaymentMeans(_Some):
    """BG-16: one more way to pay, beside the document's own."""

    means_code: Upto10 | None = None
    means_text: Upto255 | None = None
    payment_id: Upto255 | None = None
    bank_accounts: tuple[BankAccount, ...] = ()
    card: Card | None = None
    direct_debit: DirectDebit | None = None


class Attachment(Typed):
    """BG-24: a file, or where one is found."""

    filename: Upto255 | None = None
    mime_type: Upto100 | None = None
    description: Upto255 | None = None
    data: Annotated[str, AfterValidator(_base64)] | None = None
    external_reference: Upto500 | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.data is None and self.external_reference is None:
            raise ValueError("give data or external_reference")
        return self


class Classification(Typed):
    """BT-158."""

    list_id: Upto50 | None = None
    list_version: Upto50 | None = None
    value: Upto255


class Attribute(Typed):
    """BG-32."""

    name: Upto255
    value: Upto255


class LineOptions(Typed):
    """What a line has here and not in the document."""

    origin_country: CountryAlpha2 | None = None
    classifications: tuple[Classification, ...] = ()
    attributes: tuple[Attribute, ...] = ()


DocumentType = Literal[
    "invoice",
    "ublbe_invoice",
    "nlcius_invoice",
    "xrechnung_ubl_invoice",
    "xrechnung_cii_invoice",
    "credit_note",
    "ublbe_credit_note",
    "nlcius_credit_note",
    "xrechnung_ubl_credit_note",
]


class InvoroOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document.

    `mark` says where the invoice carries our reference; `none` is possible with a number of our
    own, which then alone identifies it. `lines` go by line id, over `line_defaults`.
    """

    calculate_totals: StrictBool = False
    """Whether the provider adds up; its figures are compared with ours either way."""
    business_entity_id: UUID | None = None
    related_invoice_id: UUID | None = None
    invoice_number_series: Upto255 | None = None
    credit_note_number: Upto255 | None = None
    credit_note_series: Upto255 | None = None
    document_type: DocumentType | None = None
    invoice_type_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")] | None = None
    specification: Upto500 | None = None
    business_process: Upto500 | None = None
    vat_currency: Currency | None = None
    tender_or_lot_reference: Upto255 | None = None
    rounding_amount: Number | None = None
    """BT-114, in the document's currency: added to what is due."""
    period_description: Upto255 | None = None
    legal_information: Text | None = None
    """BT-33, of the seller."""
    seller_tax_registration: TaxRegistration | None = None
    buyer_tax_registration: TaxRegistration | None = None
    means_text: Upto255 | None = None
    debited_account: Upto255 | None = None
    payments: tuple[PaymentMeans, ...] = ()
    payment_layout: Literal["list", "single"] = "list"
    """`single` writes the one way to pay in the older, flat form."""
    attachments: tuple[Attachment, ...] = ()
    line_defaults: LineOptions = LineOptions()
    lines: dict[Code, LineOptions] = {}
    mark: Literal["note", "buyer_reference", "sales_order", "none"] = "note"
    peppol_look_up: StrictBool = False
    """Whether the buyer must be found on the Peppol network before anything is created."""
    sent_counts_as_delivered: StrictBool | None = None

    def for_credit(self, document: Document, invoice_id: str, *, whole: bool) -> InvoroOptions:
        """Those of a credit note that has them from its invoice: what says that it is an invoice
        says the opposite, and what belongs to the whole stays there where a part is taken back."""
        known = {line.id for line in document.lines}
        return self.model_copy(
            update={
                "related_invoice_id": UUID(invoice_id),
                "document_type": credit_profile(self.document_type),
                "invoice_type_code": None,
                "invoice_number_series": None if document.number else self.credit_note_series,
                "credit_note_number": None,
                "credit_note_series": None,
                "rounding_amount": self.rounding_amount if whole else None,
                "lines": {name: one for name, one in self.lines.items() if name in known},
            }
        )

    def line(self, line: Line) -> LineOptions:
        """The defaults with what this line says for itself."""
        own = self.lines.get(line.id, LineOptions())
        said = {name: getattr(own, name) for name in own.model_fields_set}
        return self.line_defaults.model_copy(update=said)

    def type_code(self, document: Document) -> str:
        """BT-3, UNCL1001."""
        return self.invoice_type_code or TYPE_CODES[document.type]


TYPE_CODES = {"invoice": "380", "credit_note": "381"}

CREDIT_PROFILES = {
    "invoice": "credit_note",
    "ublbe_invoice": "ublbe_credit_note",
    "nlcius_invoice": "nlcius_credit_note",
    "xrechnung_ubl_invoice": "xrechnung_ubl_credit_note",
}
"""The credit note's profile for an invoice's; CII has none: there the company's default holds."""


def credit_profile(profile: str | None) -> str | None:
    """That of a credit note over an invoice with this one; one of a credit note stays."""
    return profile if profile in CREDIT_PROFILES.values() else CREDIT_PROFILES.get(profile or "")
