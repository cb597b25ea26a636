"""What a service asks for: one invoice, by its own reference."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import JsonValue, StringConstraints, model_validator

from invoicing.document import Document, Inconsistent
from invoicing.errors import FieldProblem
from invoicing.model import Recorded, Typed

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:#-]{0,99}$")]
"""The caller's own key. It becomes part of ids that are never encrypted: no personal data in it."""

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,49}$")]


class Goal(StrEnum):
    """How far the caller wants the invoice to get."""

    DRAFTED = "drafted"
    APPROVED = "approved"
    SENT = "sent"
    DELIVERED = "delivered"
    PAID = "paid"


class RegisteredOrder(Recorded):
    """The order that an invoice delivers a part of, as the provider knows it."""

    reference: Reference
    provider_id: str
    context: dict[str, JsonValue] = {}
    """The adaptor's own, from registering it."""


class InvoiceRequest(Typed):
    """One invoice to be made at one provider.

    The same reference asked for again is the same invoice; with other content it is an error.
    """

    reference: Reference
    provider: ProviderName
    account: AccountName = "default"
    """Which of the credentials configured for that provider."""
    goal: Goal = Goal.SENT
    document: Document
    options: dict[str, JsonValue] = {}
    """What only this provider has; its adaptor validates it."""
    hold: bool = False
    """Stop before the first irreversible step until a person releases it."""
    may_credit: bool = True
    """Whether cancelling may credit an invoice that is already final."""
    order: RegisteredOrder | None = None
    """Set by the order's workflow alone, where the provider had to know the order first."""


class OrderRequest(Typed):
    """An order whose lines are invoiced as they are delivered, each line once and as a whole.

    `document` is the invoice that one single delivery would make: its parties, terms and lines go
    into every delivery's invoice. `issue_date` is the day of the order.
    """

    reference: Reference
    provider: ProviderName
    account: AccountName = "default"
    goal: Goal = Goal.SENT
    """How far each delivery's invoice is to get."""
    document: Document
    options: dict[str, JsonValue] = {}
    """What only this provider has; a delivery may add to it."""
    may_credit: bool = True

    @model_validator(mode="after")
    def _deliverable_in_parts(self) -> Self:
        wrong = [
            FieldProblem(field=f"document.{field}", message=why)
            for field, why in _OF_ONE_INVOICE.items()
            if getattr(self.document, field) not in (None, (), 0)
        ]
        if self.goal is Goal.DRAFTED:
            wrong.append(FieldProblem(field="goal", message="a draft invoices no line"))
        if self.document.type != "invoice":
            wrong.append(FieldProblem(field="document.type", message="an order invoices"))
        if wrong:
            raise Inconsistent(wrong)
        return self


_OF_ONE_INVOICE = {
    "number": "each delivery has its own",
    "allowances": "cannot be divided over deliveries: put it on the lines",
    "charges": "cannot be divided over deliveries: put it on the lines",
    "prepaid": "cannot be divided over deliveries",
}
