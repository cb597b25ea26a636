"""The simulated provider's orders: registered before their invoices, cancelled line by line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from invoicing.provider import (
    CONFIRMED,
    CancelLinesCall,
    Event,
    OrderPlan,
    OrderReadCall,
    OrderSnapshot,
    OrderStage,
    OrderTarget,
    RegisterCall,
)
from invoicing.request import OrderRequest
from simulation.documents import sums
from simulation.engine import ActivityCall, Attempt
from simulation.provider.kinds import Kind
from simulation.provider.ledger import HeldOrder, Ledger
from simulation.wire import Refusal, Story, Wire

VERDICT = timedelta(seconds=40)


class SimulatedOrders:
    """What the provider does with orders. Both changing calls are recognised when repeated."""

    def __init__(
        self, kind: Kind, ledger: Ledger, wire: Wire, story: Story, tell: Callable[[Event], None]
    ) -> None:
        self._kind = kind
        self._ledger = ledger
        self._wire = wire
        self._story = story
        self._tell = tell
        self._events = 0
        self.claims = False
        """Whether its worker keeps a register."""

    def plan_order(self, request: OrderRequest, call: ActivityCall) -> Attempt:
        """How this kind carries it out."""
        self._wire.begin("plan_order")
        plan = OrderPlan.model_construct(
            totals=sums(request.document),
            registers=self._kind.registers,
            whole_lines=self._kind.whole_lines,
            claims=self.claims,
            keys=(order_name(request.reference),),
        )
        return Attempt(after=timedelta(milliseconds=5), result=plan)

    def register(self, given: RegisterCall, call: ActivityCall) -> Attempt:
        """Make it known; confirmed later."""
        return self._wire.change("register", lambda fails: self._registered(given, fails))

    def _registered(self, given: RegisterCall, failing: bool) -> OrderSnapshot:
        name = order_name(given.target.reference)
        order = self._ledger.orders.get(name)
        if order is None or order.state == "refused":
            units = {line.id: line.quantity for line in given.document.lines}
            order = HeldOrder(name, given.target.reference, units=units)
            self._ledger.orders[name] = order
            self._story.tell(f"order {name} is there")
            self._wire.later(VERDICT, lambda: self._judged(order, failing))
        elif order.state == "confirmed":
            self._judge(order, "register", ok=True)
        return self._snapshot(order, given.target)

    def _judged(self, order: HeldOrder, failing: bool) -> None:
        order.state = "refused" if failing else "confirmed"
        self._story.tell(f"order {order.id}: {order.state}")
        self._judge(order, "register", ok=not failing)

    def read_order(self, given: OrderReadCall, call: ActivityCall) -> Attempt:
        """The order as far as it is known."""
        return self._wire.look("read_order", lambda: self._read(given))

    def _read(self, given: OrderReadCall) -> OrderSnapshot:
        order = self._ledger.orders.get(order_name(given.target.reference))
        if self._kind.can_look and order is not None:
            return self._snapshot(order, given.target)
        told = dict(_kept(given.target))
        for event in given.events:
            told = _heard(told, event)
        return _as_told(told, given.target)

    def cancel_lines(self, given: CancelLinesCall, call: ActivityCall) -> Attempt:
        """Take lines out; the verdict comes later."""
        return self._wire.change("cancel_lines", lambda fails: self._cancelled(given, fails))

    def _cancelled(self, given: CancelLinesCall, failing: bool) -> OrderSnapshot:
        order = self._ledger.orders.get(order_name(given.target.reference))
        if order is None:
            raise Refusal("there is no such order")
        name = given.cancellation
        if name not in order.cancellations:
            order.cancellations[name] = "asked"
            self._wire.later(VERDICT, lambda: self._decided(order, given, failing))
        elif order.cancellations[name] != "asked":
            ok = order.cancellations[name] == "cancelled"
            self._judge(order, "cancel_lines", ok=ok, cancellation=name)
        return self._snapshot(order, given.target)

    def _decided(self, order: HeldOrder, given: CancelLinesCall, failing: bool) -> None:
        asked = {line: given.quantities.get(line, order.units[line]) for line in given.lines}
        taken = self._ledger.taken(order.reference)
        fits = {
            line: taken.get(line, 0) + units <= order.units[line] for line, units in asked.items()
        }
        # What was refused and took effect all the same is done when it is asked for once more.
        ok = not failing and all(
            fits[line] or order.cancelled.get(line, 0) >= units for line, units in asked.items()
        )
        order.cancellations[given.cancellation] = "cancelled" if ok else "refused"
        if ok:
            for line, units in asked.items():
                if fits[line]:
                    order.cancelled[line] = order.cancelled.get(line, Decimal(0)) + units
            self._ledger.changes += 1
        self._story.tell(f"order {order.id}: {given.cancellation} {'done' if ok else 'refused'}")
        self._judge(order, "cancel_lines", ok=ok, cancellation=given.cancellation)

    def _judge(self, order: HeldOrder, verb: str, *, ok: bool, cancellation: str = "") -> None:
        if self._kind.can_look:
            return
        self._events += 1
        body: dict[str, JsonValue] = {
            "verb": verb,
            "ok": ok,
            "cancellation": cancellation,
            "names": [order.id],
        }
        event = Event(id=f"order-event-{self._events}", kind="verdict", body=body)
        self._wire.news(lambda: self._tell(event))

    def _snapshot(self, order: HeldOrder, target: OrderTarget) -> OrderSnapshot:
        done = {name for name, state in order.cancellations.items() if state == "cancelled"}
        told: dict[str, Any] = {**_kept(target), "stage": _stage(order).value}
        if not self._kind.can_look:
            return _as_told({**told, "stage": told["stage"]}, target)
        return OrderSnapshot.model_construct(
            provider_id=order.id,
            stage=_stage(order),
            status=order.state,
            cancelled=tuple(sorted(done)),
            refused=tuple(
                sorted(name for name, state in order.cancellations.items() if state == "refused")
            ),
            problems=(),
            context={},
        )

    def handlers(self) -> dict[str, Callable[[Any, ActivityCall], Attempt]]:
        """Its activities by name."""
        return {
            "plan_order": self.plan_order,
            "register": self.register,
            "read_order": self.read_order,
            "cancel_lines": self.cancel_lines,
        }


def order_name(reference: str) -> str:
    """The provider's id of an order: from our reference."""
    return f"order-{reference}"


def _stage(order: HeldOrder) -> OrderStage:
    return {
        "submitted": OrderStage.SUBMITTED,
        "confirmed": OrderStage.CONFIRMED,
        "refused": OrderStage.REJECTED,
    }[order.state]


def _kept(target: OrderTarget) -> dict[str, Any]:
    told = target.context.get("told")
    return dict(told) if isinstance(told, dict) else {}


def _heard(told: dict[str, Any], event: Event) -> dict[str, Any]:
    if event.kind == CONFIRMED:
        return _confirmed(told, event)
    if event.kind != "verdict":
        return told
    ok = bool(event.body["ok"])
    if event.body["verb"] == "register":
        if told.get("stage") == OrderStage.CONFIRMED.value:
            return told
        return {**told, "stage": (OrderStage.CONFIRMED if ok else OrderStage.REJECTED).value}
    which = "cancelled" if ok else "refused"
    return {**told, which: [*told.get(which, ()), str(event.body["cancellation"])]}


def _confirmed(told: dict[str, Any], event: Event) -> dict[str, Any]:
    if event.body.get("verb") == "register":
        return {**told, "stage": OrderStage.CONFIRMED.value}
    name = event.body.get("cancellation")
    return {**told, "cancelled": [*told.get("cancelled", ()), str(name)]} if name else told


def _as_told(told: dict[str, Any], target: OrderTarget) -> OrderSnapshot:
    stage = OrderStage(told["stage"]) if "stage" in told else OrderStage.SUBMITTED
    return OrderSnapshot.model_construct(
        provider_id=order_name(target.reference),
        stage=stage,
        status=stage.value,
        cancelled=tuple(told.get("cancelled", ())),
        refused=tuple(told.get("refused", ())),
        problems=(),
        context={"told": told},
    )
