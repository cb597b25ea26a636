"""Quiddly: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictBool
from pydantic.alias_generators import to_camel

from invoicing.document import Code, Document, Line, Name, NotNegative, Positive, Text
from invoicing.model import Typed
from invoicing.money import Currency, Number

ProductCode = Literal[
    "INVOICE_SERVICE",
    "REMINDER_SERVICE",
    "COLLECTION_SERVICE",
    "INVOICE_FACTORING_LOAN",
    "INVOICE_FACTORING_SELL",
]

DistributionCode = Literal["LETTER", "EMAIL", "NULL"]
"""`NULL`, as the page writes it: nobody sends the invoice; on the wire it is null."""

Fee = Literal["administration", "freight"]

INVOICE = "INVOICE"
"""`type` of what is no credit invoice, as in the page's example."""


class DebtorOptions(Typed):
    """What a buyer has here and nowhere else."""

    cell_phone: Code | None = None
    """The buyer's mobile phone."""
    invoice_name: Name | None = None
    """Above the postal address, where it is not the buyer's name."""
    address3: Name | None = None
    """A third line of the postal address."""
    delivery_address3: Name | None = None
    """Likewise of the delivery's; the delivery must have an address."""
    fmi: Code | None = None
    """The buyer's id for invoices in the internet bank."""
    distribution_channel: Code | None = None
    """The provider's code of how this buyer gets invoices."""
    distribution_channel_override: StrictBool | None = None
    """Whether that code goes before the invoice's own."""


class LineOptions(Typed):
    """What a line has here and nowhere else; `unit` instead of the word for the unit's code."""

    unit: Code | None = None
    """The unit in the provider's word. Left out, that of the line's code."""
    account_number: Code | None = None
    """The account in the client's own books."""


class Activation(Typed):
    """What is to be different from the draft once it is activated. Best left empty."""

    product_code: ProductCode | None = None
    """Another service of the provider."""
    distribution_code: DistributionCode | None = None
    """Another way of sending it."""
    reminder_profile_code: Code | None = None
    """The provider's code of how reminders are sent."""
    document_template_code: Code | None = None
    """Another template."""
    payment_reference: Name | None = None
    """Another reference for the payment."""
    service_provider_code: Code | None = None
    """Another company that carries the service out."""
    use_recourse: StrictBool | None = None
    """Whether it is sold with recourse."""

    def wire(self) -> dict[str, str | bool | None]:
        given = self.model_dump(exclude_none=True)
        return {to_camel(name): null_code(value) for name, value in given.items()}


class QuiddlyOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"product_code": "INVOICE_SERVICE", "lines": {"1": {"account_number": "3041"}}}
            ]
        }
    )

    product_code: ProductCode | None = None
    """Which service of the provider the invoice is for."""
    distribution_code: DistributionCode | None = None
    """How it is sent. Left out: EMAIL where the buyer has an e-mail address, else LETTER, if the
    goal is sent or paid; NULL if it is approved; the provider's default if it is drafted."""
    document_template_code: Code | None = None
    """The template that the invoice is printed with."""
    service_provider_code: Code | None = None
    """The company that carries the service out."""
    type: Code | None = None
    """The provider's word for the kind of invoice. Left out, it follows from the document."""
    use_recourse: StrictBool | None = None
    """Whether it is sold with recourse."""
    refund: StrictBool | None = None
    """Sent as it is, in the provider's field of this name."""
    our_reference: Name | None = None
    """Left out: the seller's contact, else the request's reference."""
    terms_of_delivery: Text | None = None
    """The terms of delivery, in words."""
    base_currency: Currency | None = None
    """The currency of the client's books. Left out, that of the settings."""
    exchange_rate: Positive | None = None
    """The rate between the two currencies, where they differ."""
    round_off: Annotated[Number, Field(gt=-1, lt=1)] = Decimal(0)
    """Added to what is to be paid, to make it a round sum. For documents that have no rounding of
    their own."""
    tax_reduction: NotNegative = Decimal(0)
    """What the tax office pays instead of the buyer."""
    charges: tuple[Fee, ...] = ()
    """Which fee each charge of the document is. Left out: freight by the reason code FC."""
    debtor: DebtorOptions = DebtorOptions()
    """What the buyer has here and nowhere else."""
    lines: dict[Code, LineOptions] = {}
    """What single lines have, by line id."""
    activation: Activation = Activation()
    """What is to differ from the draft once it is activated."""

    def for_credit(self, document: Document, *, whole: bool) -> QuiddlyOptions:
        """Those of a credit invoice that has them from its invoice: what says that it is an invoice
        is left out, and what belongs to the whole stays there where a part is taken back."""
        known = {line.id for line in document.lines}
        return self.model_copy(
            update={
                "type": None if self.type == INVOICE else self.type,
                "round_off": self.round_off if whole else Decimal(0),
                "tax_reduction": self.tax_reduction if whole else Decimal(0),
                "charges": self.charges if document.charges else (),
                "lines": {name: one for name, one in self.lines.items() if name in known},
            }
        )

    def line(self, line: Line) -> LineOptions:
        """What this line says for itself."""
        return self.lines.get(line.id, LineOptions())


def null_code(code: str) -> str | None:
    """The code as it travels: null for NULL."""
    return None if code == "NULL" else code


UNSAID: Mapping[str, str] = {}
"""Options of which the provider is not told, and what they do instead."""
