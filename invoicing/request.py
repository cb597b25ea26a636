"""What a service asks for: one invoice, by its own reference."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from invoicing.document import Document, Inconsistent
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.lengths import Length
from invoicing.model import Recorded, Typed
from invoicing.money import Number
from invoicing.values import MOST_OPTIONS, MOST_ORDER_LINES, day_or_moment, sparing

Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:#-]{0,99}$")]
"""The caller's own key. It becomes part of ids that are never encrypted: no personal data in it."""

ProviderName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
AccountName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,49}$")]
SubscriberName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,49}$")]


class Goal(StrEnum):
    """How far the caller wants the invoice to get."""

    DRAFTED = "drafted"
    APPROVED = "approved"
    SENT = "sent"
    DELIVERED = "delivered"
    PAID = "paid"


SendOn = Annotated[
    AwareDatetime | date, Field(union_mode="left_to_right"), BeforeValidator(day_or_moment)
]
"""A day, which begins at midnight UTC, or a moment with its offset."""

Options = Annotated[dict[str, JsonValue], Length(MOST_OPTIONS), BeforeValidator(sparing)]
"""What only one provider has; its adaptor says what may stand here."""


class RegisteredOrder(Recorded):
    """The order that an invoice delivers a part of, as the provider knows it."""

    reference: Reference
    provider_id: str
    context: Annotated[dict[str, JsonValue], Length(MOST_OPTIONS)] = {}
    """The adaptor's own, from registering it."""


class CreditedInvoice(Recorded):
    """The invoice that a credit note takes back, as its provider knows it, and what of it."""

    reference: Reference
    provider_id: str
    number: str
    issue_date: date
    whole: bool
    """Whether all of it is taken back at once."""
    net: Number
    vat: Number
    gross: Number
    """What the credit comes to: a plan that comes to anything else is refused."""
    context: Annotated[dict[str, JsonValue], Length(MOST_OPTIONS)] = {}
    """The adaptor's own, from making the invoice."""


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
    options: Options = {}
    """What only this provider has; its adaptor validates it."""
    hold: bool = False
    """Stop before the first irreversible step until a person releases it."""
    send_on: SendOn | None = None
    """Not before this is it sent: nor approved, where approving is what sends it."""
    may_credit: bool = True
    """Whether cancelling may credit an invoice that is already final."""
    subscriber: SubscriberName | None = None
    """Which of the systems configured in the worker is told of each change of its status."""
    order: RegisteredOrder | None = None
    """Set by the order's workflow alone, where the provider had to know the order first."""
    credits: CreditedInvoice | None = None
    """Set by the workflow of an invoice's credits alone: which invoice this credit note is of."""

    @property
    def sent_from(self) -> datetime | None:
        """The moment from which it may be sent; None: at once."""
        if self.send_on is None or isinstance(self.send_on, datetime):
            return self.send_on
        return datetime.combine(self.send_on, time(), UTC)

    @model_validator(mode="after")
    def _sendable_then(self) -> Self:
        wrong = _why_not_on(self.send_on, self.goal, self.document.due_date)
        if wrong:
            raise Inconsistent([FieldProblem(field="send_on", message=wrong)])
        return self


SET_BY_US = frozenset({"order", "credits"})
"""What an order's workflow and that of an invoice's credits say of what they begin. From anybody
else it would be a credit note that no ledger knows, or a delivery that no order has."""


def refuse_set_by_us(request: InvoiceRequest) -> None:
    """Raise InvalidRequest where somebody says what our own workflows alone do."""
    said = sorted(name for name in SET_BY_US if getattr(request, name) is not None)
    if said:
        wrong = [FieldProblem(field=name, message=LEAVE_OUT) for name in said]
        raise InvalidRequest("the request cannot be taken as it is:", wrong)


LEAVE_OUT = "is set by us alone: leave it out"


def _why_not_on(send_on: datetime | date | None, goal: Goal, due: date | None) -> str | None:
    if send_on is None:
        return None
    if goal is Goal.DRAFTED:
        return "a draft is not sent: leave it out, or ask for another goal"
    day = send_on.date() if isinstance(send_on, datetime) else send_on
    return f"is after the due date, {due}" if due and day > due else None


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
    options: Options = {}
    """What only this provider has; a delivery may add to it."""
    may_credit: bool = True
    subscriber: SubscriberName | None = None
    """Who is told of each change of its status, and of its deliveries' invoices'."""

    @model_validator(mode="after")
    def _deliverable_in_parts(self) -> Self:
        wrong = [
            FieldProblem(field=f"document.{field}", message=why)
            for field, why in _OF_ONE_INVOICE.items()
            if getattr(self.document, field) not in (None, (), 0)
        ]
        if (count := len(self.document.lines)) > MOST_ORDER_LINES:
            message = f"an order has at most {MOST_ORDER_LINES}, this {count}: make several of it"
            wrong.append(FieldProblem(field="document.lines", message=message))
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
    "rounding": "cannot be divided over deliveries",
    "vat_accounting": "cannot be divided over deliveries",
}
