"""Why nobody answered: no worker runs, or one runs and fails at it, or it is only busy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from gateway.backend import Backend
from gateway.problems import Kind, Trouble, no_worker
from invoicing.asking import Execution

RECENT = timedelta(seconds=90)
"""A worker asks for work once a minute at least."""
FAILS = (
    "Its log says why; that it lacks an encryption key is one reason. Nothing is lost: it goes on "
    "when that is mended."
)


async def told_apart(behind: Backend, about: Execution | None) -> Trouble:
    """What to tell a caller whom nobody answered. What cannot be found out is not guessed."""
    try:
        if not await behind.stored(_runs(behind)):
            return no_worker("No worker runs for this namespace and task queue.")
        if about is not None and await behind.stored(_fails(about)):
            return Trouble(Kind.FAILING, FAILS)
    except (Trouble, RPCError):
        pass
    return no_worker()


async def _runs(behind: Backend) -> bool:
    """Whether a worker has asked for work lately."""
    temporal = behind.client.temporal
    found = await temporal.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=temporal.namespace,
            task_queue=TaskQueue(name=behind.client.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    now = datetime.now(UTC)
    times = (each.last_access_time.ToDatetime(tzinfo=UTC) for each in found.pollers)
    return any(now - at < RECENT for at in times)


async def _fails(about: Execution) -> bool:
    """Whether the workflow's task is being tried again."""
    last = await about.describe()
    return last.raw_description.pending_workflow_task.attempt > 1
