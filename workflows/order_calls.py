"""What an order asks of its provider, as durable calls that end in an answer or a Trouble.

Every one of them is safe to repeat, so the engine repeats them until they answer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.calls import MARGIN, PLAN_PATIENCE, PLAN_TIMEOUT, trouble

with workflow.unsafe.imports_passed_through():
    from activities.order import OrderActivities
    from invoicing.identity import provider_queue
    from invoicing.order import CancelLines
    from invoicing.order_case import OrderCase
    from invoicing.provider import (
        CancelLinesCall,
        Event,
        OrderPlan,
        OrderReadCall,
        OrderSnapshot,
        RegisterCall,
    )
    from invoicing.request import OrderRequest

R = TypeVar("R")


class OrderCalls:
    """One provider's verbs for orders, on its own queue."""

    def __init__(self, provider: str) -> None:
        self._queue = provider_queue(provider)
        self._timeout = PLAN_TIMEOUT
        self._patience = PLAN_PATIENCE
        self._retries = RetryPolicy(maximum_interval=timedelta(minutes=1))

    def follow(self, plan: OrderPlan) -> None:
        """Take time-outs and pace from the plan."""
        pace = plan.paces.unavailable
        self._timeout = plan.call_timeout + MARGIN
        self._patience = pace.deadline
        self._retries = RetryPolicy(
            initial_interval=pace.first, backoff_coefficient=pace.factor, maximum_interval=pace.cap
        )

    async def plan(self, request: OrderRequest) -> OrderPlan:
        return await self.answer(self._ask(OrderActivities.plan_order, request, "plan the order"))

    def register(
        self, request: OrderRequest, case: OrderCase
    ) -> workflow.ActivityHandle[OrderSnapshot]:
        if case.plan is None:
            raise RuntimeError("no order is registered without a plan")
        call = RegisterCall(
            target=case.target(request),
            document=request.document,
            options=request.options,
            totals=case.plan.totals,
        )
        return self._ask(OrderActivities.register, call, "register the order")

    def read(
        self, request: OrderRequest, case: OrderCase, events: tuple[Event, ...]
    ) -> workflow.ActivityHandle[OrderSnapshot]:
        call = OrderReadCall(target=case.target(request), events=events)
        return self._ask(OrderActivities.read_order, call, "read the order")

    def cancel_lines(
        self, request: OrderRequest, case: OrderCase, wanted: CancelLines
    ) -> workflow.ActivityHandle[OrderSnapshot]:
        call = CancelLinesCall(
            target=case.target(request),
            cancellation=wanted.cancellation,
            lines=wanted.lines,
            reason=wanted.reason,
            document=request.document,
        )
        return self._ask(OrderActivities.cancel_lines, call, "cancel lines")

    async def answer(self, call: workflow.ActivityHandle[R]) -> R:
        """What a call answered. Raises Trouble."""
        try:
            return await call
        except ActivityError as error:
            raise trouble(error, changes=False) from None

    def _ask(
        self, verb: Callable[..., Any], call: object, what: str
    ) -> workflow.ActivityHandle[Any]:
        return workflow.start_activity_method(
            verb,
            call,
            task_queue=self._queue,
            summary=what,
            start_to_close_timeout=self._timeout,
            schedule_to_close_timeout=self._patience,
            retry_policy=self._retries,
        )
