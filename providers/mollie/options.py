"""Mollie: what a request may ask for here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import ConfigDict, StrictBool, StrictInt, StrictStr, model_validator

from invoicing.document import Code, Inconsistent, Name
from invoicing.errors import FieldProblem
from invoicing.model import Typed
from providers.kit.http import Json
from providers.kit.wire import filled
from providers.mollie.settings import EmailDetails

PaymentTerm = Literal["7 days", "14 days", "30 days", "45 days", "60 days", "90 days", "120 days"]

Locale = Literal["en_US", "en_GB", "nl_NL", "nl_BE", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_BE"]


class PaymentDetails(Typed):
    """By what the invoice has been paid already."""

    source: Literal["manual", "payment-link", "payment"]
    """How it was paid: by hand, by a payment link, or by a payment of the provider's."""
    source_reference: Name | None = None
    """The provider's id of that link or payment."""

    @model_validator(mode="after")
    def _referenced(self) -> Self:
        if self.source != "manual" and self.source_reference is None:
            message = f"needed for source {self.source}"
            raise Inconsistent([FieldProblem(field="source_reference", message=message)])
        return self

    def wire(self) -> Json:
        body: dict[str, Json] = {"source": self.source, "sourceReference": self.source_reference}
        return filled(body)


class MollieOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"issue_date": "day_of_issuing", "locale": "nl_NL"}]}
    )

    status: Literal["draft", "issued", "paid"] = "draft"
    """What the one call of create makes. Only a draft's figures are checked before it is final."""
    payment_details: PaymentDetails | None = None
    """It is paid already: finished as `paid`, not as `issued`."""
    customer_id: Name | None = None
    """With `mandate_id`, whom to collect from; only for what is created as `paid`."""
    mandate_id: Name | None = None
    """By which mandate to collect from `customer_id`."""
    channel: Literal["email", "none"] = "email"
    """`none`: nobody is mailed, because the caller hands out the invoice itself."""
    email: EmailDetails | None = None
    """Subject and text of the mail. Left out, those of the settings."""
    recipient_identifier: Name | None = None
    """Under which id the provider keeps the buyer. Left out, the buyer's account number."""
    title: Name | None = None
    """A consumer's form of address."""
    locale: Locale | None = None
    """The invoice's language and country. Left out, the buyer's."""
    vat_scheme: Literal["standard", "one-stop-shop"] = "standard"
    """Whether VAT is that of the One-Stop Shop."""
    payment_term: PaymentTerm | None = None
    """The time to pay. Left out, the days from issue to due date, else the provider's own 30."""
    issue_date: Literal["as_asked", "day_of_issuing"] = "as_asked"
    """An invoice bears the day on which it is issued, no other. `as_asked`: it is issued on the
    document's issue date or not at all. `day_of_issuing`: whatever day that is, the document's
    does not count, nor its due date: the payment term is reckoned from the real one."""
    e_invoice: StrictBool = False
    """Whether the provider sends it as an e-invoice as well."""
    metadata: dict[Code, StrictStr | StrictInt | StrictBool | None] = {}
    """What is kept with the invoice, beside our reference."""

    @property
    def finish(self) -> str:
        """What a draft becomes."""
        return "paid" if self.payment_details else "issued"


UNSAID: Mapping[str, str] = {
    "issue_date": "says whether another day than the document's is accepted; it is not sent",
}
"""Options of which the provider is not told, and what they do instead."""
