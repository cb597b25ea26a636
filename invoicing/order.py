"""An order and the ledger of its lines: which line is open, taken, invoiced or cancelled.

A line is invoiced whole or not at all, and ends in exactly one final status, whatever deliveries,
cancellations and failures do in between. Pure data and pure answers: the workflow asks, the ledger
says yes or names what stands against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import StringConstraints

from invoicing.document import Code, Day, Document, Text
from invoicing.document import Delivery as Delivered
from invoicing.errors import FieldProblem
from invoicing.invoice import (
    Amounts,
    Instruction,
    Invoice,
    LineStatus,
    Problem,
    Proven,
    Status,
    Waiting,
)
from invoicing.lengths import Length
from invoicing.model import Recorded, Typed
from invoicing.provider import PaymentStatus, Stage
from invoicing.request import Goal, InvoiceRequest, Options, OrderRequest, SendOn
from invoicing.values import MOST_NOTES, MOST_ORDER_LINES

DeliveryName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._#-]{0,49}$")]
LineIds = Annotated[tuple[Code, ...], Length(MOST_ORDER_LINES, least=1)]

FINAL = (LineStatus.INVOICED, LineStatus.SETTLED, LineStatus.CREDITED, LineStatus.CANCELLED)
"""A line that has one of these never becomes open again."""


class NotOpen(Exception):
    """Lines that cannot be taken; `problems` says of each why."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class LedgerLine(Recorded):
    """One line: its status, and the delivery or cancellation that gave it."""

    id: str
    status: LineStatus = LineStatus.OPEN
    holder: str | None = None
    number: str | None = None
    """The number of the invoice that it is on."""


class Ledger(Recorded):
    """Every line of an order, in its order. Each change returns a new ledger."""

    lines: tuple[LedgerLine, ...]

    @classmethod
    def of(cls, document: Document) -> Self:
        """All lines open."""
        return cls(lines=tuple(LedgerLine(id=line.id) for line in document.lines))

    def reserve(self, ids: Iterable[str], holder: str) -> Self:
        """Take open lines for a delivery or a cancellation. Raises NotOpen, and takes none then."""
        wanted = tuple(ids)
        known = {line.id: line for line in self.lines}
        wrong = [
            FieldProblem(field=f"lines[{place}]", message=why)
            for place, each in enumerate(wanted)
            if (why := _why_not(each, known, wanted[:place]))
        ]
        if wrong:
            raise NotOpen(wrong)
        return self._changed(
            lambda line: line.id in wanted, status=LineStatus.RESERVED, holder=holder
        )

    def release(self, holder: str) -> Self:
        """Open what this holder has reserved. What is invoiced or cancelled stays as it is."""
        return self._changed(_reserved_by(holder), status=LineStatus.OPEN, holder=None)

    def invoice(self, holder: str, number: str | None) -> Self:
        """What the holder has reserved is on a final invoice."""
        return self._changed(_reserved_by(holder), status=LineStatus.INVOICED, number=number)

    def settle(self, holder: str) -> Self:
        """The holder's invoice is paid."""
        return self._changed(_invoiced_by(holder), status=LineStatus.SETTLED)

    def credit(self, holder: str) -> Self:
        """The holder's invoice was taken back by a credit."""
        return self._changed(_invoiced_by(holder), status=LineStatus.CREDITED)

    def cancel(self, holder: str) -> Self:
        """What the cancellation has reserved will not be delivered."""
        return self._changed(_reserved_by(holder), status=LineStatus.CANCELLED)

    def with_status(self, *status: LineStatus) -> tuple[str, ...]:
        """The ids of the lines that have one of these."""
        return tuple(line.id for line in self.lines if line.status in status)

    @property
    def done(self) -> bool:
        """Whether every line has its final status."""
        return all(line.status in FINAL for line in self.lines)

    def _changed(self, which: Callable[[LedgerLine], bool], **update: object) -> Self:
        lines = (line.model_copy(update=update) if which(line) else line for line in self.lines)
        return self.model_copy(update={"lines": tuple(lines)})


def _why_not(each: str, known: dict[str, LedgerLine], before: tuple[str, ...]) -> str | None:
    if each in before:
        return "is named twice"
    if each not in known:
        return "is no line of this order"
    line = known[each]
    if line.status is LineStatus.OPEN:
        return None
    return f"is {line.status} by {line.holder}" if line.holder else f"is {line.status}"


def _reserved_by(holder: str) -> Callable[[LedgerLine], bool]:
    return lambda line: line.holder == holder and line.status is LineStatus.RESERVED


def _invoiced_by(holder: str) -> Callable[[LedgerLine], bool]:
    final = (LineStatus.INVOICED, LineStatus.SETTLED)
    return lambda line: line.holder == holder and line.status in final


class Deliver(Typed):
    """Invoice these lines now: what one delivery adds to the order.

    The same name again with the same content is the same delivery.
    """

    delivery: DeliveryName
    lines: LineIds
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


class CancelLines(Instruction):
    """These lines will not be delivered. The same name again is the same cancellation."""

    cancellation: DeliveryName
    lines: LineIds


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
    status: Status = Status.STARTED
    number: str | None = None
    ended: bool = False


class CancellationState(Recorded):
    """One cancellation of lines."""

    cancellation: str
    lines: tuple[str, ...]
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


def invoice_reference(order: str, delivery: str) -> str:
    """The reference of a delivery's invoice."""
    return f"{order}:{delivery}"


def request_of(order: OrderRequest, deliver: Deliver) -> InvoiceRequest:
    """What one delivery asks for: the order's document with the lines it names.

    Raises pydantic's ValidationError where the two together make no sense, such as a due date
    before the day of issue.
    """
    return InvoiceRequest(
        reference=invoice_reference(order.reference, deliver.delivery),
        provider=order.provider,
        account=order.account,
        goal=order.goal,
        document=_document_of(order, deliver),
        options={**order.options, **deliver.options},
        hold=deliver.hold,
        send_on=deliver.send_on,
        may_credit=order.may_credit,
        subscriber=order.subscriber,
    )


def _document_of(order: OrderRequest, deliver: Deliver) -> Document:
    wanted = set(deliver.lines)
    whole = order.document
    fields = {name: getattr(whole, name) for name in whole.model_fields_set}
    fields |= {
        "lines": tuple(line for line in whole.lines if line.id in wanted),
        "number": deliver.number,
        "issue_date": deliver.issue_date,
        "due_date": deliver.due_date or whole.due_date,
        "delivery": deliver.delivered or whole.delivery,
        "notes": (*whole.notes, *deliver.notes),
    }
    return Document.model_validate(fields)


def fate(invoice: Invoice) -> LineStatus | None:
    """What the end of a delivery's invoice means for its lines; None: only a person can say."""
    if invoice.stage is Stage.CREDITED or invoice.status is Status.CREDITED:
        return LineStatus.CREDITED
    if invoice.stage.reached(Stage.APPROVED):
        paid = invoice.payment is PaymentStatus.PAID
        return LineStatus.SETTLED if paid else LineStatus.INVOICED
    if invoice.status in (Status.CANCELLED, Status.REJECTED):
        return LineStatus.OPEN
    # It was left as it is. While a draft is there, or may be, somebody may still make it final:
    # then the lines would be on two invoices.
    there = invoice.in_doubt or invoice.stage not in (Stage.NONE, Stage.DELETED)
    return None if there else LineStatus.OPEN
