"""What an order asks of its provider. Every one of these is safe to repeat: planning is repeated by
the engine, the rest by who needs it (`failing.answered`), visibly."""

from __future__ import annotations

from temporalio import workflow

from workflows.kit.calls import Queue, Turn, answer

with workflow.unsafe.imports_passed_through():
    from activities.order import OrderActivities
    from invoicing.provider import (
        CancelLinesCall,
        Event,
        OrderPlan,
        OrderReadCall,
        OrderSnapshot,
        RegisterCall,
    )
    from invoicing.request import OrderRequest
    from invoicing.state.order import CancelLines
    from invoicing.state.order_case import OrderCase


class OrderCalls:
    """One provider's verbs for orders. Each raises Trouble."""

    def __init__(self, provider: str) -> None:
        self._queue = Queue(provider)

    def follow(self, plan: OrderPlan) -> None:
        """Take time-outs and pace from the plan."""
        self._queue.follow(plan.call_timeout, plan.paces.unavailable)

    async def plan(self, request: OrderRequest) -> OrderPlan:
        call = self._queue.ask(OrderActivities.plan_order, request, "plan the order")
        plan: OrderPlan = await answer(call, changes=False)
        return plan

    async def register(self, request: OrderRequest, case: OrderCase) -> OrderSnapshot:
        if case.plan is None:
            raise RuntimeError("no order is registered without a plan")
        call = RegisterCall(
            target=case.target(request),
            document=request.document,
            options=request.options,
            totals=case.plan.totals,
        )
        return await self._snapshot(
            OrderActivities.register, call, "register the order", Turn.BEGIN
        )

    async def read(
        self, request: OrderRequest, case: OrderCase, events: tuple[Event, ...]
    ) -> OrderSnapshot:
        call = OrderReadCall(target=case.target(request), events=events)
        return await self._snapshot(OrderActivities.read_order, call, "read the order", Turn.LOOK)

    async def cancel_lines(
        self, request: OrderRequest, case: OrderCase, wanted: CancelLines
    ) -> OrderSnapshot:
        call = CancelLinesCall(
            target=case.target(request),
            cancellation=wanted.cancellation,
            lines=wanted.lines,
            quantities=case.units_in_parts(wanted, request.document),
            reason=wanted.reason,
            document=request.document,
        )
        return await self._snapshot(OrderActivities.cancel_lines, call, "cancel lines", Turn.BACK)

    async def _snapshot(self, verb: object, call: object, what: str, turn: Turn) -> OrderSnapshot:
        asked = self._queue.look(verb, call, what, turn)  # type: ignore[arg-type]
        snapshot: OrderSnapshot = await answer(asked, changes=False)
        return snapshot
