"""The baseline: a workflow that makes as many calls and waits as often as an invoice. No more."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

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
