"""The baseline: a workflow that makes as many calls and waits as often as an invoice, and no more.

    python -m benchmarks.bare

is its worker: calls that do nothing, on a queue of their own, with our data converter.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from benchmarks.children import until_told
    from invoicing import process
    from worker import WorkerSettings, connect, serving

WORKFLOWS = "bare"
CALLS = "bare-calls"


class Shape(BaseModel):
    """What to do, in order: 0 is a call, anything else a pause of so many seconds.

    With `waits` it then waits for a signal that nobody sends.
    """

    steps: tuple[float, ...]
    waits: bool = False


class Nothing(BaseModel):
    """What a call takes and answers."""

    reference: str = ""


@activity.defn
async def nothing(call: Nothing) -> Nothing:
    """A call that nobody has to answer."""
    return call


@workflow.defn
class BareWorkflow:
    """One call after the other, as anybody would write it who needs nothing but that."""

    @workflow.run
    async def run(self, shape: Shape) -> Nothing:
        """Go through the steps."""
        answer = Nothing(reference=workflow.info().workflow_id)
        for pause in shape.steps:
            if pause:
                await workflow.sleep(pause)
            else:
                answer = await workflow.execute_activity(
                    nothing,
                    answer,
                    task_queue=CALLS,
                    start_to_close_timeout=timedelta(seconds=30),
                )
        if shape.waits:
            await workflow.wait_condition(lambda: False, timeout=timedelta(days=1))
        return answer


async def main() -> None:
    """Serve until SIGTERM, with the same settings as the worker it is compared with."""
    client, settings = await connect(), WorkerSettings()
    stories = Worker(
        client,
        task_queue=WORKFLOWS,
        workflows=[BareWorkflow],
        # Spared what ours is spared: modules imported anew for every workflow.
        workflow_runner=SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_modules("benchmarks")
        ),
        max_cached_workflows=settings.cached_workflows,
    )
    calls = Worker(
        client, task_queue=CALLS, activities=[nothing], max_concurrent_activities=settings.calls
    )
    async with serving([stories, calls]):
        await until_told()


if __name__ == "__main__":
    process.run(main())
