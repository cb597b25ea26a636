"""The schedule by which an account is reconciled."""

from __future__ import annotations

from datetime import timedelta

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

with workflow.unsafe.imports_passed_through():
    from invoicing.books.reconciling import ReconcileInput
    from invoicing.state.identity import RECONCILIATION_WORKFLOW, TASK_QUEUE, reconciliation_id

HOUR = 2
"""In UTC: the day before is over everywhere, and nobody is at work yet in Europe."""


def daily(provider: str, account: str) -> Schedule:
    """Every night, over the last whole days. Accounts begin apart, within half an hour; one that
    is under way is left to end. A night that was missed is made up for within twelve hours."""
    action = ScheduleActionStartWorkflow(
        RECONCILIATION_WORKFLOW,
        ReconcileInput(provider=provider, account=account),
        id=reconciliation_id(provider, account),
        task_queue=TASK_QUEUE,
        static_summary=f"{provider} · reconciliation of {account}",
    )
    spec = ScheduleSpec(
        calendars=[ScheduleCalendarSpec(hour=[ScheduleRange(HOUR)])], jitter=timedelta(minutes=30)
    )
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(hours=12))
    return Schedule(action=action, spec=spec, policy=policy)
