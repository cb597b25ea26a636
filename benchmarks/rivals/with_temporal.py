"""A bare workflow with a look-up before the create: the same steps as every rival, on Temporal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from benchmarks.rivals.job import ATTEMPTS, LONGEST, PAUSE, Job
    from invoicing.provider import Stage

QUEUE = "rival"


class Of(BaseModel):
    """What a step is about."""

    reference: str
    context: dict[str, Any] = {}
    invoice: str = ""
    stage: Stage = Stage.NONE


class Steps:
    """The activities."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @activity.defn
    async def learn(self, of: Of) -> dict[str, Any]:
        """See `Job`."""
        return await self._job.learn(of.reference)

    @activity.defn
    async def draft(self, of: Of) -> str:
        """See `Job`."""
        return await self._job.draft(of.reference, of.context)

    @activity.defn
    async def approve(self, of: Of) -> None:
        """See `Job`."""
        await self._job.approve(of.reference, of.context, of.invoice)

    @activity.defn
    async def send(self, of: Of) -> None:
        """See `Job`."""
        await self._job.send(of.reference, of.context, of.invoice)

    @activity.defn
    async def is_at(self, of: Of) -> bool:
        """See `Job`."""
        return await self._job.is_at(of.reference, of.context, of.invoice, of.stage)


_HOW: dict[str, Any] = {
    "start_to_close_timeout": timedelta(seconds=30),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=PAUSE),
        maximum_interval=timedelta(seconds=LONGEST),
        maximum_attempts=ATTEMPTS,
    ),
}


@workflow.defn
class RivalWorkflow:
    """One invoice, until it is sent."""

    @workflow.run
    async def run(self, reference: str) -> str:
        """Go through the steps."""
        of = Of(reference=reference)
        of.context = await workflow.execute_activity_method(Steps.learn, of, **_HOW)
        of.invoice = await workflow.execute_activity_method(Steps.draft, of, **_HOW)
        await workflow.execute_activity_method(Steps.approve, of, **_HOW)
        await self._until(of, Stage.APPROVED)
        await workflow.execute_activity_method(Steps.send, of, **_HOW)
        await self._until(of, Stage.SENT)
        return of.invoice

    @staticmethod
    async def _until(of: Of, stage: Stage) -> None:
        of = of.model_copy(update={"stage": stage})
        pause = PAUSE
        while not await workflow.execute_activity_method(Steps.is_at, of, **_HOW):
            await workflow.sleep(pause)
            pause = min(2 * pause, LONGEST)
