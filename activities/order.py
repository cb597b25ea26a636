"""What an order's workflow asks of a provider that must know orders; of any other, nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from temporalio import activity

from activities.failures import as_failures
from activities.invoice import provider_of
from activities.learning import taken_in
from invoicing.errors import Unsupported
from invoicing.provider import (
    Accounts,
    CancelLinesCall,
    OrderPlan,
    OrderReadCall,
    Orders,
    OrderSnapshot,
    RegisterCall,
)
from invoicing.request import OrderRequest
from invoicing.state.notice import refuse_unknown
from invoicing.totals import totals


class OrderActivities:
    """One provider's orders.

    Args:
        accounts: this provider's adaptors by account name.
        pace: multiplies every wait of every plan; less than 1 in tests and demos.
        subscribers: those that a request may name.
        claims: whether this worker keeps a register.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        pace: float = 1,
        subscribers: Collection[str] = (),
        claims: bool = False,
    ) -> None:
        self._claims = claims
        self._accounts = accounts
        self._pace = pace
        self._subscribers = subscribers

    def _orders(self, account: str) -> Orders:
        provider = provider_of(self._accounts, account)
        if not isinstance(provider, Orders):
            raise Unsupported("this provider keeps no orders")
        return provider

    @activity.defn
    @as_failures
    async def plan_order(self, request: OrderRequest) -> OrderPlan:
        """How the provider will carry out the order; no call is made."""
        refuse_unknown(request.subscriber, self._subscribers)
        provider = provider_of(self._accounts, request.account)
        if isinstance(provider, Orders):
            plan = await provider.plan_order(request)
        else:
            rounding = request.document.vat_rounding or "category"
            plan = OrderPlan(totals=totals(request.document, rounding))
        paces = plan.paces.scaled(self._pace)
        return plan.model_copy(update={"paces": paces, "claims": self._claims})

    @activity.defn
    @as_failures
    async def register(self, call: RegisterCall) -> OrderSnapshot:
        """Make the order known; safe to repeat."""
        answer = await self._orders(call.target.account).register(call)
        return taken_in(call.target, answer)

    @activity.defn
    @as_failures
    async def read_order(self, call: OrderReadCall) -> OrderSnapshot:
        """The order as it is known now."""
        answer = await self._orders(call.target.account).read_order(call)
        return taken_in(call.target, answer)

    @activity.defn
    @as_failures
    async def cancel_lines(self, call: CancelLinesCall) -> OrderSnapshot:
        """Cancel lines that are on no invoice; safe to repeat."""
        answer = await self._orders(call.target.account).cancel_lines(call)
        return taken_in(call.target, answer)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of this provider's queue."""
        return [self.plan_order, self.register, self.read_order, self.cancel_lines]
