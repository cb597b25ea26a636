"""How long work has been waiting for a worker, by queue: the server's own count.

A worker knows that it polls. Only the server knows that nobody does, or nobody of the build that
gets the work.
"""

from __future__ import annotations

from collections.abc import Iterable

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from invoicing.books.claims import REGISTER_QUEUE
from invoicing.state.identity import TASK_QUEUE, provider_queue

_STORIES = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_CALLS = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


class Queues:
    """The queue of the workflows, that of the register, and one of calls per provider."""

    def __init__(self, client: Client, providers: Iterable[str]) -> None:
        self._client = client
        # No work ever waits for a register where there is none.
        self._queues = [(TASK_QUEUE, _STORIES), (REGISTER_QUEUE, _CALLS)]
        self._queues += [(provider_queue(each), _CALLS) for each in sorted(providers)]

    async def backlogs(self) -> dict[str, float]:
        """Seconds that the oldest work has been waiting, by queue; 0 where none does.

        Raises the engine's own error: who asks for it has the layer that makes one of ours of it.
        """
        return {name: await self._backlog(name, kind) for name, kind in self._queues}

    async def _backlog(self, name: str, kind: TaskQueueType.ValueType) -> float:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=name),
            task_queue_type=kind,
            report_stats=True,
        )
        told = await self._client.workflow_service.describe_task_queue(request)
        if not told.stats.approximate_backlog_count:
            return 0.0
        return told.stats.approximate_backlog_age.ToTimedelta().total_seconds()
