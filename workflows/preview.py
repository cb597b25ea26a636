"""What would become of an invoice: the first steps of its life, none of which creates anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.kit.calls import MARGIN, PLAN_TIMEOUT, Kind, Trouble, trouble
from workflows.kit.endings import Overdue
from workflows.kit.listing import Listing
from workflows.kit.waiting import Waits

with workflow.unsafe.imports_passed_through():
    from activities.invoice import InvoiceActivities
    from invoicing.preview import Preview
    from invoicing.provider import Found, LookUp, LookUpCall, Pace, Plan, Target
    from invoicing.request import InvoiceRequest
    from invoicing.state.identity import provider_queue
    from invoicing.state.invoice import AWAY, UNREAD, Waiting

PATIENCE = timedelta(seconds=60)
"""Somebody sits there and waits: what does not answer by then is told as it is."""
AGAIN = Pace(
    first=timedelta(seconds=1),
    factor=2,
    cap=timedelta(seconds=4),
    deadline=timedelta(seconds=7),
)
"""A call that failed is made again so often, and then told as it is."""


class _Slot:
    """What one of the calls waits for."""

    waiting: Waiting | None = None


@workflow.defn
class PreviewWorkflow:
    """plan → look up, and what came of it; nothing at the provider changes. A call that fails shows
    at once as what is waited for."""

    @workflow.init
    def __init__(self, request: InvoiceRequest) -> None:
        self._request = request
        self._preview = Preview(
            reference=request.reference,
            provider=request.provider,
            account=request.account,
            goal=request.goal,
        )
        self._listing = Listing()
        self._slots: list[_Slot] = []

    @workflow.run
    async def run(self, request: InvoiceRequest) -> Preview:
        """What stands in the way is part of the result, not a failure."""
        try:
            plan: Plan = await self._ask(InvoiceActivities.plan, request, "plan", PLAN_TIMEOUT)
        except Trouble as problem:
            return self._told(problem)
        self._preview = self._preview.model_copy(update={"totals": plan.totals})
        return await self._look_up(plan)

    async def _look_up(self, plan: Plan) -> Preview:
        context = plan.context
        for wave in plan.look_ups:
            target = Target(
                account=self._request.account, reference=self._request.reference, context=context
            )
            calls = (self._answer(target, one, plan.call_timeout) for one in wave)
            answers = await asyncio.gather(*calls)
            found = [one for one in answers if isinstance(one, Found)]
            names = (
                one.name
                for one, answer in zip(wave, answers, strict=True)
                if isinstance(answer, Found)
            )
            looked_up = (*self._preview.looked_up, *names)
            self._preview = self._preview.model_copy(update={"looked_up": looked_up})
            # Look-ups of one wave do not need each other, so all that is wrong is told at once.
            if wrong := [one for one in answers if isinstance(one, Trouble)]:
                return self._told(*wrong)
            for each in found:
                context = {**context, **each.context}
        return self._preview

    def _told(self, *wrong: Trouble) -> Preview:
        said = "; ".join(dict.fromkeys(problem.message for problem in wrong))
        fields = tuple(field for problem in wrong for field in problem.fields)
        passing = not any(problem.final for problem in wrong)
        told = {"problem": said, "fields": fields, "may_pass": passing}
        return self._preview.model_copy(update=told)

    async def _answer(self, target: Target, one: LookUp, within: timedelta) -> Found | Trouble:
        call = LookUpCall(target=target, look_up=one)
        try:
            found: Found = await self._ask(
                InvoiceActivities.look_up, call, f"look up {one.name}", within + MARGIN
            )
        except Trouble as problem:
            return problem
        return found

    async def _ask(
        self, verb: Callable[..., Any], call: object, summary: str, within: timedelta
    ) -> Any:
        slot = _Slot()
        waits = Waits(slot, lambda: None, lambda: False, self._show)
        self._slots.append(slot)
        until = workflow.now() + PATIENCE
        while True:
            try:
                answered = await self._once(verb, call, summary, within, until)
            except Trouble as problem:
                over = workflow.now() >= until or problem.kind not in _PASSING
                if over or not await _paused(waits, problem):
                    raise
            else:
                if slot.waiting:
                    waits.over()
                    self._show()
                return answered

    async def _once(
        self,
        verb: Callable[..., Any],
        call: object,
        summary: str,
        within: timedelta,
        until: datetime,
    ) -> Any:
        try:
            return await workflow.execute_activity_method(
                verb,
                call,
                task_queue=provider_queue(self._request.provider),
                summary=summary,
                start_to_close_timeout=within,
                schedule_to_close_timeout=until - workflow.now(),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError as error:
            raise trouble(error, changes=False) from None

    def _show(self) -> None:
        waiting = [slot.waiting for slot in self._slots if slot.waiting]
        first = min(waiting, key=lambda each: each.since, default=None)
        self._listing.show((), first, f"Waits for {first}" if first else "")


_PASSING = {Kind.UNAVAILABLE: AWAY, Kind.UNREADABLE: UNREAD}
"""What another call may mend while somebody waits, and what is waited for meanwhile."""


async def _paused(waits: Waits, problem: Trouble) -> bool:
    """Wait for the next call; False where there is none any more."""
    at_least = problem.retry_after or timedelta()
    try:
        await waits.pause(_PASSING[problem.kind], AGAIN, at_least=at_least)
    except Overdue:
        return False
    return True
