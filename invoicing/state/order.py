"""An order: what is asked of it, what is shown of it, and what a delivery of it asks for.

Which units of which line are open, taken, invoiced or cancelled stands in its ledger
(`order_ledger`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from invoicing.document import Code, Day, Document, Line, Positive, Text
from invoicing.document import Delivery as Delivered
from invoicing.errors import FieldProblem
from invoicing.inconsistent import Inconsistent
from invoicing.lengths import Length
from invoicing.model import Recorded, Typed
from invoicing.money import Number
from invoicing.portions import part_of
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal, InvoiceRequest, Options, OrderRequest, SendOn
from invoicing.state.invoice import (
    Amounts,
    Instruction,
    Invoice,
    LineStatus,
    Problem,
    Proven,
    Status,
    Waiting,
)
from invoicing.state.order_ledger import Ledger, LedgerLine
from invoicing.values import MOST_NOTES, MOST_ORDER_LINES

DeliveryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._#-]{0,49}$")]
LineIds = Annotated[tuple[Code, ...], Length(MOST_ORDER_LINES, least=1)]

Quantities = Annotated[dict[Code, Positive], Length(MOST_ORDER_LINES)]
"""Units by line."""


class Deliver(Typed):
    """Invoice these lines now, or so many units of them: what one delivery adds to the order.

    The same name again with the same content is the same delivery.
    """

    delivery: DeliveryName
    lines: LineIds
    quantities: Quantities = {}
    """Of these lines only so many units, those of a return without their minus sign; of the others
    all that is open."""
    number: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """BT-1 of its invoice, where the caller numbers them."""
    issue_date: Day
    due_date: Day | None = None
    delivered: Delivered | None = None
    """BG-13, where and when."""
    notes: Annotated[tuple[Text, ...], Length(MOST_NOTES)] = ()
    options: Options = {}
    """Added to the order's."""
    hold: bool = False
    """Whether its invoice waits for a release before anything irreversible."""
    send_on: SendOn | None = None
    """Not before this is its invoice sent."""
    proven: Proven = ""

    @model_validator(mode="after")
    def _of_its_lines(self) -> Self:
        _refuse_others(self.quantities, self.lines)
        return self


class CancelLines(Instruction):
    """These lines, or so many units of them, will not be delivered. The same name again is the same
    cancellation."""

    cancellation: DeliveryName
    lines: LineIds
    quantities: Quantities = {}
    """Of these lines only so many units; of the others all that is open."""

    @model_validator(mode="after")
    def _of_its_lines(self) -> Self:
        _refuse_others(self.quantities, self.lines)
        return self


class AddLines(Typed):
    """These lines are ordered as well. The same name again is the same addition.

    Their ids are new in the order. At a provider that must know an order they are refused.
    """

    addition: DeliveryName
    lines: Annotated[tuple[Line, ...], Length(MOST_ORDER_LINES, least=1)]
    proven: Proven = ""


def _refuse_others(quantities: Mapping[str, object], lines: Container[str]) -> None:
    """A quantity of a line that is not named would silently not be taken."""
    wrong = [
        FieldProblem(field=f"quantities.{each}", message="is not among the lines")
        for each in quantities
        if each not in lines
    ]
    if wrong:
        raise Inconsistent(wrong)


class OrderStatus(StrEnum):
    """The one word that lists show for an order."""

    STARTED = "started"
    REGISTERING = "registering"
    OPEN = "open"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    """Ended: every line has its final status."""
    ABANDONED = "abandoned"
    """Ended by a person with lines left open."""
    REJECTED = "rejected"
    """Ended before anything was asked of the provider."""


class DeliveryState(Recorded):
    """One delivery and its invoice, as the order knows it."""

    delivery: str
    reference: str
    """Of its invoice."""
    lines: tuple[str, ...]
    quantities: dict[str, Number] = {}
    """As they were asked for: of any other of its lines it took all that was open."""
    status: Status = Status.STARTED
    number: str | None = None
    ended: bool = False


class CancellationState(Recorded):
    """One cancellation of lines."""

    cancellation: str
    lines: tuple[str, ...]
    quantities: dict[str, Number] = {}
    """As those of a delivery."""
    by: str
    reason: str
    outcome: Literal["cancelled", "refused"] | None = None


class OrderBrief(Recorded):
    """What an instruction to a whole order is answered; `state` has all of it."""

    reference: str
    status: OrderStatus
    waiting: Waiting | None = None
    problem: Problem | None = None
    ended: bool = False


class Order(Recorded):
    """The state of one order: what the `state` query and the workflow's result are."""

    reference: str
    provider: str
    account: str
    goal: Goal
    status: OrderStatus
    provider_status: str = ""
    provider_id: str | None = None
    amounts: Amounts | None = None
    """Of all its lines together."""
    ledger: Ledger
    deliveries: tuple[DeliveryState, ...] = ()
    cancellations: tuple[CancellationState, ...] = ()
    waiting: Waiting | None = None
    problem: Problem | None = None
    ended: bool = False


def with_lines(order: OrderRequest, added: AddLines) -> OrderRequest:
    """The order with these lines behind its own.

    Raises Inconsistent where a line's id is taken, and pydantic's ValidationError where the two
    together make no sense.
    """
    whole = order.document
    taken = {line.id for line in whole.lines}
    wrong = [
        FieldProblem(field=f"lines[{place}].id", message="is that of a line of this order")
        for place, line in enumerate(added.lines)
        if line.id in taken
    ]
    if wrong:
        raise Inconsistent(wrong)
    fields = {name: getattr(whole, name) for name in whole.model_fields_set}
    document = Document.model_validate({**fields, "lines": (*whole.lines, *added.lines)})
    return order.model_copy(update={"document": document})


def invoice_reference(order: str, delivery: str) -> str:
    """The reference of a delivery's invoice."""
    return f"{order}:{delivery}"


def request_of(
    order: OrderRequest, deliver: Deliver, held: Mapping[str, LedgerLine]
) -> InvoiceRequest:
    """What one delivery asks for: the order's document with the lines it names, or with so many
    units of them as it holds.

    Raises pydantic's ValidationError where the two together make no sense, such as a due date
    before the day of issue.
    """
    return InvoiceRequest(
        reference=invoice_reference(order.reference, deliver.delivery),
        provider=order.provider,
        account=order.account,
        goal=order.goal,
        document=_document_of(order, deliver, held),
        options={**order.options, **deliver.options},
        hold=deliver.hold,
        send_on=deliver.send_on,
        may_credit=order.may_credit,
        subscriber=order.subscriber,
    )


def _document_of(order: OrderRequest, deliver: Deliver, held: Mapping[str, LedgerLine]) -> Document:
    whole = order.document
    fields = {name: getattr(whole, name) for name in whole.model_fields_set}
    fields |= {
        "lines": tuple(
            _delivered(line, held[line.id], whole.currency)
            for line in whole.lines
            if line.id in held
        ),
        "number": deliver.number,
        "issue_date": deliver.issue_date,
        "due_date": deliver.due_date or whole.due_date,
        "delivery": deliver.delivered or whole.delivery,
        "notes": (*whole.notes, *deliver.notes),
    }
    return Document.model_validate(fields)


def _delivered(line: Line, held: LedgerLine, currency: str) -> Line:
    units, amount = held.measured
    return part_of(line, units.copy_sign(line.quantity), amount, currency)


def fate(invoice: Invoice) -> LineStatus | None:
    """What the end of a delivery's invoice means for its lines; None: only a person can say."""
    if invoice.stage is Stage.CREDITED or invoice.status is Status.CREDITED:
        return LineStatus.CREDITED
    if invoice.stage.reached(Stage.APPROVED):
        paid = invoice.payment is PaymentStatus.PAID
        return LineStatus.SETTLED if paid else LineStatus.INVOICED
    if invoice.status in (Status.CANCELLED, Status.REJECTED):
        return LineStatus.OPEN
    # It was left as it is. While a draft is there, or may be (its stage is not known, or in doubt),
    # somebody may still make it final: then the lines would be on two invoices.
    there = invoice.in_doubt or invoice.stage not in (Stage.NONE, Stage.DELETED)
    return None if there else LineStatus.OPEN
