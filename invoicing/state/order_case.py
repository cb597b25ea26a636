"""Everything known about one order on its way: the memory of its workflow, and how it is shown."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal

from pydantic import JsonValue

from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.money import plain
from invoicing.provider import OrderPlan, OrderSnapshot, OrderStage, OrderTarget
from invoicing.request import OrderRequest
from invoicing.state import attributes
from invoicing.state.bounds import listed_keys, said
from invoicing.state.doubt import Doubt
from invoicing.state.invoice import FAILING, Amounts, Invoice, LineStatus, Status, Waiting
from invoicing.state.memory import Memory
from invoicing.state.order import (
    AddLines,
    CancellationState,
    CancelLines,
    Deliver,
    DeliveryState,
    Order,
    OrderBrief,
    OrderStatus,
    fate,
    invoice_reference,
)
from invoicing.state.order_ledger import Ledger

Asked = Deliver | CancelLines | AddLines
"""What is asked of an order under a name, and done once."""


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
    refused_lines: tuple[str, ...] = ()
    """Cancellations the provider has refused, by name."""
    problems: tuple[FieldProblem, ...] = ()

    under_way: dict[str, Deliver | CancelLines] = {}
    """What was asked for and is not over, by `delivery/…` and `cancellation/…`."""
    known: dict[str, str] = {}
    """A digest of everything that was ever asked for, by the same names: it is done once."""
    begun: tuple[str, ...] = ()
    """The deliveries whose invoice was started and has not ended."""
    looks: dict[str, int] = {}
    """How often what became of a delivery's invoice was asked for, of those that an earlier run
    began."""
    deliveries: dict[str, DeliveryState] = {}
    cancellations: dict[str, CancellationState] = {}

    cancelled: bool = False
    """Whether the whole order is to be taken back."""
    doubt: Doubt = Doubt()
    """Of registrations and cancellations: which of them may have had an effect nobody has seen."""
    rows: dict[str, Waiting] = {}
    """What is waited for, by what waits: deliveries and cancellations go on beside each other."""
    outcome: OrderStatus | None = None

    # Deliveries

    def deliver(self, order: OrderRequest, wanted: Deliver) -> None:
        """Take the lines for a delivery. Raises NotOpen."""
        self.ledger = self.reserved(wanted)
        self._take(wanted)
        state = DeliveryState(
            delivery=wanted.delivery,
            reference=invoice_reference(order.reference, wanted.delivery),
            lines=wanted.lines,
            quantities=wanted.quantities,
        )
        self.deliveries = {**self.deliveries, wanted.delivery: state}

    def add_lines(self, wanted: AddLines, document: Document, plan: OrderPlan) -> None:
        """Lines were ordered as well: the document and the plan of all of it."""
        self.ledger, self.plan = self.ledger.grown(document), plan
        self.known = {**self.known, held_by(wanted): digest(wanted)}

    def reserved(self, wanted: Deliver | CancelLines) -> Ledger:
        """The ledger with the lines taken for this. Raises NotOpen."""
        return self.ledger.reserve(wanted.lines, held_by(wanted), wanted.quantities)

    def units_in_parts(
        self, wanted: Deliver | CancelLines, document: Document
    ) -> dict[str, Decimal]:
        """Of the lines of which it has a part alone, how many units that is."""
        held = self.ledger.held(held_by(wanted))
        parts = self.ledger.in_parts(held_by(wanted), document)
        return {line: held[line].measured[0] for line in parts}

    def _take(self, wanted: Deliver | CancelLines) -> None:
        name = held_by(wanted)
        self.under_way = {**self.under_way, name: wanted}
        self.known = {**self.known, name: digest(wanted)}

    def _over(self, name: str) -> None:
        self.under_way = {key: one for key, one in self.under_way.items() if key != name}

    def begin(self, delivery: str) -> None:
        """Its invoice was started."""
        self.begun = tuple(dict.fromkeys((*self.begun, delivery)))

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

    def cut_off(self, delivery: str) -> None:
        """Its invoice was ended from outside: only a person can say what became of its lines."""
        self._now(delivery, ended=True)

    def decide(self, delivery: str, status: LineStatus, number: str | None) -> None:
        """What a person knows about a delivery that ended unclearly."""
        self._now(delivery, ended=True, number=number)
        self._fulfil(delivery, status, number)

    def unclear(self, delivery: str) -> bool:
        """Whether its invoice has ended and nobody knows what that means for the lines."""
        holder = f"delivery/{delivery}"
        held = {line.status for line in self.ledger.lines if line.holder == holder}
        return LineStatus.RESERVED in held

    def looked(self, delivery: str) -> None:
        """What became of its invoice is being asked for."""
        self.looks = {**self.looks, delivery: self.looks.get(delivery, 0) + 1}

    def _now(self, delivery: str, **update: object) -> None:
        state = self.deliveries[delivery].model_copy(update=update)
        self.deliveries = {**self.deliveries, delivery: state}
        if state.ended:
            self.begun = tuple(one for one in self.begun if one != delivery)
            self.looks = {name: looks for name, looks in self.looks.items() if name != delivery}

    def close(self, delivery: str) -> None:
        """Nothing more is to be done for it."""
        self._over(f"delivery/{delivery}")

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

    @property
    def grown(self) -> tuple[object, ...]:
        """What it carries beside its request."""
        asked = list(self.under_way.values()), self.known
        return (*asked, self.ledger, list(self.deliveries.values()), self.cancellations)

    # Cancellations

    def cancel_lines(self, wanted: CancelLines) -> None:
        """Take the lines for a cancellation. Raises NotOpen."""
        self.ledger = self.reserved(wanted)
        self._take(wanted)
        state = CancellationState(
            cancellation=wanted.cancellation,
            lines=wanted.lines,
            quantities=wanted.quantities,
            by=wanted.by,
            reason=wanted.reason,
        )
        self.cancellations = {**self.cancellations, wanted.cancellation: state}

    def end_cancellation(self, name: str, *, done: bool) -> None:
        """The lines are cancelled, or open again because the provider refused."""
        holder = f"cancellation/{name}"
        self.ledger = self.ledger.cancel(holder) if done else self.ledger.release(holder)
        outcome = "cancelled" if done else "refused"
        self._over(holder)
        state = self.cancellations[name].model_copy(update={"outcome": outcome})
        self.cancellations = {**self.cancellations, name: state}

    def refuse_lines(self, name: str) -> None:
        """The provider refused this cancellation at once."""
        self.refused_lines = (*self.refused_lines, name)

    # The provider

    def learn(self, snapshot: OrderSnapshot) -> None:
        """Take in what the provider said. What is confirmed stays confirmed."""
        self.provider_id = snapshot.provider_id
        self.provider_status = snapshot.status or self.provider_status
        self.stage = self.stage if snapshot.stage is OrderStage.UNKNOWN else snapshot.stage
        self.problems = said(snapshot.problems)
        self.context = {**self.context, **snapshot.context}
        self.confirmed = tuple(dict.fromkeys((*self.confirmed, *snapshot.cancelled)))
        self.refused_lines = tuple(dict.fromkeys((*self.refused_lines, *snapshot.refused)))

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
        return listed_keys(attributes.keys(request.provider, request.account, filter(None, own)))

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
        return OrderStatus.OPEN if self.may_deliver else OrderStatus.REGISTERING

    @property
    def may_deliver(self) -> bool:
        """Whether a delivery's invoice may be begun: the provider knows the order, if it must."""
        if self.plan is None or (self.plan.claims and not self.claimed):
            return False
        return not self.plan.registers or self.stage is OrderStage.CONFIRMED

    @property
    def current(self) -> Waiting | None:
        """What is waited for: a person, else what fails, else what has waited longest."""
        rows = filter(None, (*self.rows.values(), self.waiting))
        return min(rows, key=_urgency, default=None)

    def brief(self, request: OrderRequest) -> OrderBrief:
        """The answer to an instruction."""
        return OrderBrief(
            reference=request.reference,
            status=self.status,
            waiting=self.current,
            problem=self.problem,
            ended=self.outcome is not None,
        )

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
            waiting=self.current,
            problem=self.problem,
            ended=self.outcome is not None,
        )


def _urgency(row: Waiting) -> tuple[bool, bool, datetime]:
    return row.on != "person", row.what not in FAILING, row.since


def digest(wanted: Asked) -> str:
    """What tells a repetition from something else under the same name, whoever asks for it."""
    # What names no quantity has the digest that it had before one could be named.
    left_out = {"proven"}
    if not isinstance(wanted, AddLines):
        left_out |= set() if wanted.quantities else {"quantities"}
        # Of one quantity there are several ways to write it: 4 and 4.0.
        quantities = {
            line: Decimal(plain(units)) for line, units in sorted(wanted.quantities.items())
        }
        wanted = wanted.model_copy(update={"quantities": quantities})
    return hashlib.sha256(wanted.model_dump_json(exclude=left_out).encode()).hexdigest()[:16]


def held_by(wanted: Asked) -> str:
    """What the ledger calls the holder of lines, and the order what was asked of it."""
    if isinstance(wanted, AddLines):
        return f"addition/{wanted.addition}"
    if isinstance(wanted, Deliver):
        return f"delivery/{wanted.delivery}"
    return f"cancellation/{wanted.cancellation}"


class OrderInput(OrderRequest):
    """The workflow's argument: a request, as callers send it.

    `resumed` is set by the workflow alone when it continues as new. `proven` is who asked, and is
    set by a door that has its callers prove it.
    """

    resumed: OrderCase | None = None
    proven: str = ""

    def request(self) -> OrderRequest:
        """The request alone."""
        fields = {name: getattr(self, name) for name in OrderRequest.model_fields}
        return OrderRequest.model_construct(**fields)
