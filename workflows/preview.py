"""What would become of an invoice: the first steps of its life, none of which creates anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.calls import MARGIN, PLAN_TIMEOUT, Trouble, trouble

with workflow.unsafe.imports_passed_through():
    from activities.invoice import InvoiceActivities
    from invoicing.identity import provider_queue
    from invoicing.preview import Preview
    from invoicing.provider import Found, LookUp, LookUpCall, Plan, Target
    from invoicing.request import InvoiceRequest

PATIENCE = timedelta(seconds=60)
"""Somebody sits there and waits: what does not answer by then is told as it is."""


@workflow.defn
class PreviewWorkflow:
    """plan → look up, and what came of it; nothing at the provider changes."""

    @workflow.init
    def __init__(self, request: InvoiceRequest) -> None:
        self._request = request
        self._preview = Preview(
            reference=request.reference,
            provider=request.provider,
            account=request.account,
            goal=request.goal,
        )

    @workflow.run
    async def run(self, request: InvoiceRequest) -> Preview:
        """What stands in the way is part of the result, not a failure."""
        try:
            plan: Plan = await self._ask(InvoiceActivities.plan, request, "plan", PLAN_TIMEOUT)
            self._preview = self._preview.model_copy(update={"totals": plan.totals})
            await self._look_up(plan)
        except Trouble as problem:
            said = {"problem": problem.message, "fields": problem.fields}
            return self._preview.model_copy(update=said)
        return self._preview

    async def _look_up(self, plan: Plan) -> None:
        context = plan.context
        for wave in plan.look_ups:
            target = Target(
                account=self._request.account, reference=self._request.reference, context=context
            )
            calls = (self._answer(target, one, plan.call_timeout) for one in wave)
            found = await asyncio.gather(*calls, return_exceptions=True)
            # Those of one wave do not need each other: all are told of before the first trouble.
            names = (one.name for one, got in zip(wave, found, strict=True) if isinstance(got, Found))
            looked_up = (*self._preview.looked_up, *names)
            self._preview = self._preview.model_copy(update={"looked_up": looked_up})
            for answer in found:
                if isinstance(answer, BaseException):
                    raise answer
                context = {**context, **answer.context}

    async def _answer(self, target: Target, one: LookUp, timeout: timedelta) -> Found:
        call = LookUpCall(target=target, look_up=one)
        found: Found = await self._ask(
            InvoiceActivities.look_up, call, f"look up {one.name}", timeout + MARGIN
        )
        return found

    async def _ask(
        self, verb: Callable[..., Any], call: object, summary: str, timeout: timedelta
    ) -> Any:
        try:
            return await workflow.execute_activity_method(
                verb,
                call,
                task_queue=provider_queue(self._request.provider),
                summary=summary,
                start_to_close_timeout=timeout,
                schedule_to_close_timeout=PATIENCE,
                retry_policy=RetryPolicy(maximum_attempts=3),
            )
        except ActivityError as error:
            raise trouble(error, changes=False) from None
