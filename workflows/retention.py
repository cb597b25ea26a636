"""One night's retention: what has been kept for long enough is erased, page by page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.retention import RetentionActivities
    from invoicing.books.claims import REGISTER_QUEUE
    from invoicing.books.retention import (
        MOST_PAGES,
        DueCall,
        DuePage,
        EraseCall,
        ErasedNow,
        RetentionInput,
    )
    from invoicing.state.identity import RETENTION, RETENTION_WORKFLOW, TASK_QUEUE

CALL = timedelta(minutes=5)
"""For a page of fifty."""
PATIENCE = timedelta(hours=12)
"""How long register, server or store may be away; the next night begins anew."""
HOUR = 4
"""In UTC: two hours after the reconciliations."""


@workflow.defn
class RetentionWorkflow:
    """due → erase, as often as a run may. The days are the workers' settings, none by default."""

    def __init__(self) -> None:
        self._done = ErasedNow()

    @workflow.run
    async def run(self, start: RetentionInput) -> ErasedNow:
        """How many were erased, and how many were left."""
        call: DueCall | None = DueCall(at=workflow.now())
        pages = 0
        while call is not None and pages < MOST_PAGES:
            page: DuePage = await self._ask(RetentionActivities.due, call, "what is due")
            if page.due:
                wanted = EraseCall(due=page.due, at=workflow.now())
                self._add(await self._ask(RetentionActivities.erase_due, wanted, "erase it"))
            pages += 1
            call = page.next
        self._done = self._done.model_copy(update={"more": call is not None})
        return self._done

    @workflow.query(description="How many are erased so far, and how many were left.")
    def state(self) -> ErasedNow:
        """As it is now."""
        return self._done

    def _add(self, page: ErasedNow) -> None:
        now = self._done
        self._done = ErasedNow(erased=now.erased + page.erased, left=now.left + page.left)

    async def _ask(self, verb: Callable[..., Any], call: object, summary: str) -> Any:
        return await workflow.execute_activity_method(
            verb,
            call,
            task_queue=REGISTER_QUEUE,
            summary=summary,
            start_to_close_timeout=CALL,
            schedule_to_close_timeout=PATIENCE,
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=5)),
        )


def nightly() -> Schedule:
    """Every night; one that is under way is left to end."""
    action = ScheduleActionStartWorkflow(
        RETENTION_WORKFLOW,
        RetentionInput(),
        id=RETENTION,
        task_queue=TASK_QUEUE,
        static_summary="retention",
    )
    spec = ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(HOUR)])])
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=12))
    return Schedule(action=action, spec=spec, policy=policy)
