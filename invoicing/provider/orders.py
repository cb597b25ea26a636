"""Orders that a provider must know before it takes invoices for their lines."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from invoicing.document import Document
from invoicing.errors import FieldProblem
from invoicing.model import Recorded
from invoicing.money import Number
from invoicing.provider.calls import (
    Event,
)
from invoicing.provider.stages import Paces
from invoicing.request import OrderRequest
from invoicing.totals import Totals


class OrderStage(StrEnum):
    """How far an order is at the provider, where it must be registered before its invoices."""

    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    """Nothing is stored; `problems` says why."""
    UNKNOWN = "unknown"
    """A word nobody knows, which is waited on."""


class OrderPlan(Recorded):
    """How this provider will carry out this order."""

    totals: Totals
    """What all its lines come to."""
    registers: bool = False
    """Whether the provider must know the order before its first invoice."""
    whole_lines: bool = False
    """Whether the provider invoices and cancels a line as a whole alone: a delivery or cancellation
    of a part is refused."""
    claims: bool = False
    """As a Plan's."""
    paces: Paces = Paces()
    call_timeout: timedelta = timedelta(seconds=30)
    keys: tuple[str, ...] = ()
    """What the provider may call this order in news about it, apart from its id."""
    context: dict[str, JsonValue] = {}


class OrderTarget(Recorded):
    """Which order a call is about."""

    account: str
    reference: str
    provider_id: str | None = None
    context: dict[str, JsonValue] = {}


class RegisterCall(Recorded):
    """Input of `register`: the whole order."""

    target: OrderTarget
    document: Document
    options: dict[str, JsonValue] = {}
    totals: Totals


class OrderReadCall(Recorded):
    """Input of `read_order`: what has arrived about the order since the last one."""

    target: OrderTarget
    events: tuple[Event, ...] = ()


class CancelLinesCall(Recorded):
    """Input of `cancel_lines`. `cancellation` is ours, and the same when the call is repeated."""

    target: OrderTarget
    cancellation: str
    lines: tuple[str, ...]
    quantities: dict[str, Number] = {}
    """Of these lines only so many units; never where the plan says that lines are whole."""
    reason: str = ""
    document: Document
    """The order as it was registered, so that lines can be described."""


class OrderSnapshot(Recorded):
    """What the provider said about one order in one answer."""

    provider_id: str
    stage: OrderStage = OrderStage.UNKNOWN
    status: str = ""
    cancelled: tuple[str, ...] = ()
    """Cancellations that are confirmed, by our own names."""
    refused: tuple[str, ...] = ()
    """Cancellations that the provider refused, by our own names."""
    problems: tuple[FieldProblem, ...] = ()
    context: dict[str, JsonValue] = {}


@runtime_checkable
class Orders(Protocol):
    """A provider that must know an order before it takes invoices for its lines.

    `register` and `cancel_lines` must be safe to repeat: with the same names of ours the provider
    (or the adaptor) recognises the second one. That is how an uncertain call is resolved here.
    """

    async def plan_order(self, request: OrderRequest) -> OrderPlan:
        """Check the order and say how it will be carried out. No call; raises as `plan` does."""
        ...

    async def register(self, call: RegisterCall) -> OrderSnapshot:
        """Make the order known."""
        ...

    async def read_order(self, call: OrderReadCall) -> OrderSnapshot:
        """The order as far as it is known now."""
        ...

    async def cancel_lines(self, call: CancelLinesCall) -> OrderSnapshot:
        """Cancel lines that are on no invoice."""
        ...
