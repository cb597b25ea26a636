"""Invoro: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, StrictBool, StringConstraints, model_validator
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
    """What kind of number it is."""
    value: Upto255
    """The number."""


class BankAccount(_Some):
    """BG-17."""

    iban: Iban | None = None
    """BT-84: the account."""
    bic: Bic | None = None
    """BT-86: its bank."""
    account_name: Upto255 | None = None
    """BT-85: who holds it."""


class Card(_Some):
    """BG-18."""

    pan: (
        Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_last_digits)]
        | None
    ) = None
    """BT-87: the last 4 to 6 digits of the card's number."""
    network: Upto50 | None = None
    """The card's network, such as VISA."""
    holder_name: Upto255 | None = None
    """BT-88: who holds the card."""


class DirectDebit(_Some):
    """BG-19."""

    mandate_id: Upto255 | None = None
    """BT-89: the mandate."""
    debited_account: Upto255 | None = None
    """BT-91: the buyer's account that is debited."""


class PaymentMeans(_Some):
    """BG-16: one more way to pay, beside the document's own."""

    means_code: Upto10 | None = None
    """BT-81: a code of UNCL4461."""
    means_text: Upto255 | None = None
    """BT-82: the same in words."""
    payment_id: Upto255 | None = None
    """BT-83: what the buyer is to state with the payment."""
    bank_accounts: tuple[BankAccount, ...] = ()
    """The accounts that may be paid to."""
    card: Card | None = None
    """The card that has paid."""
    direct_debit: DirectDebit | None = None
    """How it is collected."""


class Classification(Typed):
    """BT-158."""

    list_id: Upto50 | None = None
    """BT-158-1: which list the code is from, by UNTDID 7143."""
    list_version: Upto50 | None = None
    """BT-158-2: the version of that list."""
    value: Upto255
    """The code."""


class Attribute(Typed):
    """BG-32."""

    name: Upto255
    """BT-160: what is described, such as the colour."""
    value: Upto255
    """BT-161: how it is."""


class LineOptions(Typed):
    """What a line has here and not in the document."""

    origin_country: CountryAlpha2 | None = None
    """BT-159: the country that the item comes from."""
    classifications: tuple[Classification, ...] = ()
    """Codes of the item."""
    attributes: tuple[Attribute, ...] = ()
    """Properties of the item."""


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
    """`InvoiceRequest.options`. What is left out follows from the document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"mark": "sales_order", "lines": {"1": {"origin_country": "NL"}}}]
        }
    )

    calculate_totals: StrictBool = False
    """Whether the provider adds up; its figures are compared with ours either way."""
    business_entity_id: UUID | None = None
    """Which of the account's companies invoices. Left out, the provider's default."""
    related_invoice_id: UUID | None = None
    """The provider's id of the invoice that a credit note is about."""
    invoice_number_series: Upto255 | None = None
    """The series from which the provider numbers an invoice."""
    credit_note_number: Upto255 | None = None
    """The number of the credit note with which this invoice would be taken back."""
    credit_note_series: Upto255 | None = None
    """The series from which such a credit note is numbered."""
    document_type: DocumentType | None = None
    """The provider's word for the document's form. Left out, it follows from the document."""
    invoice_type_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")] | None = None
    """BT-3, a code of UNCL1001. Left out, 380 or 381."""
    specification: Upto500 | None = None
    """BT-24: the specification that the invoice follows."""
    business_process: Upto500 | None = None
    """BT-23: the process that it is part of."""
    vat_currency: Currency | None = None
    """BT-6: the currency in which VAT is accounted for, where it is another one. The
    amount in it (BT-111) has no place here."""
    tender_or_lot_reference: Upto255 | None = None
    """BT-17: the tender or lot."""
    rounding_amount: Number | None = None
    """BT-114, in the document's currency: added to what is due. For documents that have no
    rounding of their own."""
    period_description: Upto255 | None = None
    """The document's period in words."""
    legal_information: Text | None = None
    """BT-33, of the seller."""
    seller_tax_registration: TaxRegistration | None = None
    """The seller's number at a tax office; the document must name the seller."""
    buyer_tax_registration: TaxRegistration | None = None
    """Likewise of the buyer."""
    means_text: Upto255 | None = None
    """BT-82: the document's own way to pay, in words."""
    debited_account: Upto255 | None = None
    """BT-91: the buyer's account, where the document's payment has a mandate."""
    payments: tuple[PaymentMeans, ...] = ()
    """More ways to pay, beside the document's own."""
    payment_layout: Literal["list", "single"] = "list"
    """`single` writes the one way to pay in the older, flat form."""
    line_defaults: LineOptions = LineOptions()
    """What every line has unless it says otherwise."""
    lines: dict[Code, LineOptions] = {}
    """What single lines have, by line id."""
    mark: Literal["note", "buyer_reference", "sales_order", "none"] = "note"
    """Where the invoice carries our reference. `none` is possible with a number of our own, which
    then alone identifies it."""
    peppol_look_up: StrictBool = False
    """Whether the buyer must be found on the Peppol network before anything is created."""
    sent_counts_as_delivered: StrictBool | None = None
    """Whether the word `sent` is taken for delivered. Left out, the settings say it."""

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

    def rounding(self, document: Document) -> Decimal:
        """BT-114: the document's own, or that of the options; both are refused."""
        return document.rounding or self.rounding_amount or Decimal(0)

    def type_code(self, document: Document) -> str:
        """BT-3, UNCL1001."""
        return self.invoice_type_code or TYPE_CODES[document.type]


TYPE_CODES = {"invoice": "380", "credit_note": "381"}


UNSAID: Mapping[str, str] = {
    "sent_counts_as_delivered": "says what the word `sent` is taken for here, when it is read",
}
"""Options of which the provider is not told, and what they do instead."""
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
