"""Everything known about one order on its way: the memory of its workflow, and how it is shown."""

from __future__ import annotations

from pydantic import JsonValue

from invoicing import attributes
from invoicing.case import Memory, fitting
from invoicing.errors import FieldProblem
from invoicing.invoice import Amounts, Invoice, LineStatus, Problem, Status, Waiting
from invoicing.order import (
    CancellationState,
    CancelLines,
    Deliver,
    DeliveryState,
    Ledger,
    Order,
    OrderStatus,
    ResolveOrder,
    fate,
    invoice_reference,
)
from invoicing.provider import OrderPlan, OrderSnapshot, OrderStage, OrderTarget
from invoicing.request import OrderRequest


class OrderCase(Memory):
    """One order's memory."""

    ledger: Ledger
    plan: OrderPlan | None = None
    context: dict[str, JsonValue] = {}
    provider_id: str | None = None
    stage: OrderStage | None = None
    provider_status: str = ""
    confirmed: tuple[str, ...] = ()
    """Cancellations the provider has confirmed, by name."""
    refused: tuple[str, ...] = ()
    problems: tuple[FieldProblem, ...] = ()

    asked: dict[str, Deliver | CancelLines] = {}
    """What was asked for, by `delivery/…` and `cancellation/…`, so that it is done once."""
    deliveries: dict[str, DeliveryState] = {}
    cancellations: dict[str, CancellationState] = {}

    cancelled: bool = False
    """Whether the whole order is to be taken back."""
    problem: Problem | None = None
    resolution: ResolveOrder | None = None
    waiting: Waiting | None = None
    asking: Waiting | None = None
    """What a person is asked; it goes before what the provider is waited for."""
    outcome: OrderStatus | None = None

    # Deliveries

    def deliver(self, order: OrderRequest, wanted: Deliver) -> None:
        """Take the lines for a delivery. Raises NotOpen."""
        self.ledger = self.ledger.reserve(wanted.lines, held_by(wanted))
        self.asked = {**self.asked, held_by(wanted): wanted}
        state = DeliveryState(
            delivery=wanted.delivery,
            reference=invoice_reference(order.reference, wanted.delivery),
            lines=wanted.lines,
        )
        self.deliveries = {**self.deliveries, wanted.delivery: state}

    def hear(self, delivery: str, invoice: Invoice) -> None:
        """What a delivery's invoice said about itself: final, or at its end."""
        update = {"status": invoice.status, "number": invoice.number, "ended": invoice.ended}
        self._now(delivery, **update)
        if invoice.ended:
            self._fulfil(delivery, fate(invoice), invoice.number)
        elif (ahead := fate(invoice)) in (LineStatus.INVOICED, LineStatus.SETTLED):
            self._fulfil(delivery, ahead, invoice.number)

    def refuse(self, delivery: str) -> None:
        """Its invoice never began: the lines are open again."""
        self._now(delivery, status=Status.REJECTED, ended=True)
        self.ledger = self.ledger.release(f"delivery/{delivery}")

    def decide(self, delivery: str, status: LineStatus, number: str | None) -> None:
        """What a person knows about a delivery that ended unclearly."""
        self._now(delivery, ended=True, number=number)
        self._fulfil(delivery, status, number)

    def unclear(self, delivery: str) -> bool:
        """Whether its invoice has ended and nobody knows what that means for the lines."""
        holder = f"delivery/{delivery}"
        held = {line.status for line in self.ledger.lines if line.holder == holder}
        return LineStatus.RESERVED in held

    def _now(self, delivery: str, **update: object) -> None:
        state = self.deliveries[delivery].model_copy(update=update)
        self.deliveries = {**self.deliveries, delivery: state}

    def _fulfil(self, delivery: str, status: LineStatus | None, number: str | None) -> None:
        holder = f"delivery/{delivery}"
        if status is LineStatus.OPEN:
            self.ledger = self.ledger.release(holder)
        elif status is not None:
            self.ledger = self.ledger.invoice(holder, number)
        if status is LineStatus.SETTLED:
            self.ledger = self.ledger.settle(holder)
        elif status is LineStatus.CREDITED:
            self.ledger = self.ledger.credit(holder)

    # Cancellations

    def cancel_lines(self, wanted: CancelLines) -> None:
        """Take the lines for a cancellation. Raises NotOpen."""
        self.ledger = self.ledger.reserve(wanted.lines, held_by(wanted))
        self.asked = {**self.asked, held_by(wanted): wanted}
        state = CancellationState(
            cancellation=wanted.cancellation,
            lines=wanted.lines,
            by=wanted.by,
            reason=wanted.reason,
        )
        self.cancellations = {**self.cancellations, wanted.cancellation: state}

    def end_cancellation(self, name: str, *, done: bool) -> None:
        """The lines are cancelled, or open again because the provider refused."""
        holder = f"cancellation/{name}"
        self.ledger = self.ledger.cancel(holder) if done else self.ledger.release(holder)
        outcome = "cancelled" if done else "refused"
        state = self.cancellations[name].model_copy(update={"outcome": outcome})
        self.cancellations = {**self.cancellations, name: state}

    # The provider

    def learn(self, snapshot: OrderSnapshot) -> None:
        """Take in what the provider said. What is confirmed stays confirmed."""
        self.provider_id = snapshot.provider_id
        self.provider_status = snapshot.status or self.provider_status
        self.stage = snapshot.stage or self.stage
        self.problems = snapshot.problems
        self.context = {**self.context, **snapshot.context}
        self.confirmed = tuple(dict.fromkeys((*self.confirmed, *snapshot.cancelled)))
        self.refused = tuple(dict.fromkeys((*self.refused, *snapshot.refused)))

    def target(self, request: OrderRequest) -> OrderTarget:
        """What a call about this order needs to know."""
        return OrderTarget(
            account=request.account,
            reference=request.reference,
            provider_id=self.provider_id,
            context=self.context,
        )

    def names(self, request: OrderRequest) -> list[str]:
        """What the provider may call this order."""
        own = (self.provider_id, *(self.plan.keys if self.plan else ()))
        names = attributes.keys(request.provider, request.account, filter(None, own))
        return fitting(names, names)

    # Showing

    @property
    def status(self) -> OrderStatus:
        """The one word for people."""
        if self.outcome:
            return self.outcome
        if self.problem:
            return OrderStatus.NEEDS_ATTENTION
        if self.plan is None:
            return OrderStatus.STARTED
        if self.plan.registers and self.stage is not OrderStage.CONFIRMED:
            return OrderStatus.REGISTERING
        return OrderStatus.OPEN

    def shown(self, request: OrderRequest) -> Order:
        """The state, for queries and as the result."""
        sums = self.plan.totals if self.plan else None
        return Order(
            reference=request.reference,
            provider=request.provider,
            account=request.account,
            goal=request.goal,
            status=self.status,
            provider_status=self.provider_status,
            provider_id=self.provider_id,
            amounts=sums
            and Amounts(currency=sums.currency, net=sums.net, vat=sums.vat, gross=sums.gross),
            ledger=self.ledger,
            deliveries=tuple(self.deliveries.values()),
            cancellations=tuple(self.cancellations.values()),
            waiting=self.asking or self.waiting,
            problem=self.problem,
            ended=self.outcome is not None,
        )


def held_by(wanted: Deliver | CancelLines) -> str:
    """What the ledger calls the holder of lines."""
    if isinstance(wanted, Deliver):
        return f"delivery/{wanted.delivery}"
    return f"cancellation/{wanted.cancellation}"


class OrderInput(OrderRequest):
    """The workflow's argument: a request, as callers send it.

    `resumed` is set by the workflow alone when it continues as new.
    """

    resumed: OrderCase | None = None

    def request(self) -> OrderRequest:
        """The request alone."""
        fields = {name: getattr(self, name) for name in OrderRequest.model_fields}
        return OrderRequest.model_construct(**fields)
