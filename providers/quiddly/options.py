"""Quiddly: what a request may ask for here and nowhere else."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StrictBool
from pydantic.alias_generators import to_camel

from invoicing.document import Code, Document, Line, Name, NotNegative, Positive, Text
from invoicing.model import Typed
from invoicing.money import Currency, Number
from providers.kit.files import FileName

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
    invoice_name: Name | None = None
    """Above the postal address, where it is not the buyer's name."""
    address3: Name | None = None
    delivery_address3: Name | None = None
    fmi: Code | None = None
    """The buyer's id for invoices in the internet bank."""
    distribution_channel: Code | None = None
    distribution_channel_override: StrictBool | None = None


class LineOptions(Typed):
    """What a line has here and nowhere else; `unit` instead of the word for the unit's code."""

    unit: Code | None = None
    account_number: Code | None = None
    """The account in the client's own books."""


class Activation(Typed):
    """What is to be different from the draft once it is activated. Best left empty."""

    product_code: ProductCode | None = None
    distribution_code: DistributionCode | None = None
    reminder_profile_code: Code | None = None
    document_template_code: Code | None = None
    payment_reference: Name | None = None
    service_provider_code: Code | None = None
    use_recourse: StrictBool | None = None

    def wire(self) -> dict[str, str | bool | None]:
        given = self.model_dump(exclude_none=True)
        return {to_camel(name): null_code(value) for name, value in given.items()}


class QuiddlyOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document.

    `distribution_code`: EMAIL where the buyer has an e-mail address, else LETTER, if the goal is
    sent or paid; NULL if it is approved; Quiddly's default if it is drafted · `our_reference`: the
    seller's contact, else the request's reference · `charges`: which fee each charge of the
    document is, freight by the reason code FC · `pdf`: a file of the client's own that is attached
    to the draft, by its path below the account's directory · `base_currency`: that of the settings
    · `lines`: by line id.
    """

    product_code: ProductCode | None = None
    distribution_code: DistributionCode | None = None
    document_template_code: Code | None = None
    service_provider_code: Code | None = None
    type: Code | None = None
    use_recourse: StrictBool | None = None
    refund: StrictBool | None = None
    our_reference: Name | None = None
    terms_of_delivery: Text | None = None
    base_currency: Currency | None = None
    exchange_rate: Positive | None = None
    round_off: Annotated[Number, Field(gt=-1, lt=1)] = Decimal(0)
    """Added to what is to be paid, to make it a round sum."""
    tax_reduction: NotNegative = Decimal(0)
    """What the tax office pays instead of the buyer."""
    charges: tuple[Fee, ...] = ()
    pdf: FileName | None = None
    debtor: DebtorOptions = DebtorOptions()
    lines: dict[Code, LineOptions] = {}
    activation: Activation = Activation()

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
