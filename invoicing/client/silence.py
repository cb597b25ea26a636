"""Why nobody answered: no worker runs, or one runs and fails at it, or it is only busy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client

from invoicing.client.server import WORKFLOWS, Work, pollers
from invoicing.errors import LOOK_FIRST, EngineError, Failing, NoWorker, WrongKey
from invoicing.temporal.asking import Execution
from invoicing.temporal.converter import Undecipherable
from invoicing.temporal.engine import stored

RECENT = timedelta(seconds=90)
"""A worker asks for work once a minute at least."""
NOBODY = "no worker runs for this namespace and task queue: start one (`make worker`)"
LOOKED_AT = 10
"""Events, the latest first, among which a failed task is looked for. The server writes only the
first of a row of them down."""


@stored
async def why_silent(client: Client, queue: str, about: Execution | None) -> EngineError | None:
    """What to tell a caller whom nobody answered, who asked for work of this queue, and `about`
    this workflow if that is known: NoWorker, Failing or WrongKey. None: a worker is there, and
    nothing is wrong with it that could be seen. Raises EngineError as any call does."""
    if not await served(client, queue, WORKFLOWS):
        return NoWorker(f"{NOBODY}; {LOOK_FIRST}")
    if about is not None and await _fails(about):
        return WrongKey() if await _lacks_a_key(client, about) else Failing()
    return None


async def served(client: Client, queue: str, kind: Work) -> bool:
    """Whether a worker has asked this queue for work a moment ago."""
    now = datetime.now(UTC)
    return any(now - one.at < RECENT for one in await pollers(client, queue, kind))


async def _fails(about: Execution) -> bool:
    """Whether the workflow's task is being tried again."""
    last = await about.describe()
    return last.raw_description.pending_workflow_task.attempt > 1


async def _lacks_a_key(client: Client, about: Execution) -> bool:
    """Whether a worker could not read what it was given, by the class of what it raised."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=about.id, run_id=about.run_id or ""),
        maximum_page_size=LOOKED_AT,
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return Undecipherable.__name__ in _kinds(
                event.workflow_task_failed_event_attributes.failure
            )
    return False


def _kinds(failure: Failure) -> Iterator[str]:
    """The class of a failure, and of each that it came of."""
    while True:
        yield failure.application_failure_info.type
        if not failure.HasField("cause"):
            return
        failure = failure.cause
