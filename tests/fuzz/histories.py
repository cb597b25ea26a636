"""Every history that a fuzz has left: what the server says went wrong in it, and a replay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from invoicing.temporal.converter import data_converter
from worker import RUNNER, STORIES

_HARMLESS = {
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
}
"""Of the server's own making: something came while the task was being answered."""


@dataclass
class Replays:
    """How many histories there were, and what is wrong, by workflow."""

    replayed: int = 0
    events: int = 0
    wrong: list[str] = field(default_factory=list)


async def replayed(client: Client) -> Replays:
    """Look through every run of every workflow, and replay it."""
    found = Replays()

    async def histories() -> AsyncIterator[WorkflowHistory]:
        async for each in client.list_workflows(""):
            handle = client.get_workflow_handle(each.id, run_id=each.run_id)
            history = await handle.fetch_history()
            found.replayed += 1
            found.events += len(history.events)
            found.wrong += [f"{each.id} {each.run_id}: {one}" for one in _troubles(history)]
            names[each.run_id] = each.id
            yield history

    names: dict[str, str] = {}
    replayer = Replayer(workflows=STORIES, data_converter=data_converter, workflow_runner=RUNNER)
    async with replayer.workflow_replay_iterator(histories()) as results:
        async for result in results:
            if result.replay_failure is not None:
                run = result.history.run_id
                found.wrong.append(f"{names[run]} {run}: replay: {result.replay_failure}")
    return found


def _troubles(history: WorkflowHistory) -> list[str]:
    return [what for event in history.events if (what := _trouble(event))]


def _trouble(event: HistoryEvent) -> str:
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
        failed = event.workflow_task_failed_event_attributes
        if failed.cause not in _HARMLESS:
            cause = WorkflowTaskFailedCause.Name(failed.cause)
            return f"workflow task failed: {cause} {failed.failure.message[:300]}"
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        ended = event.workflow_execution_terminated_event_attributes
        if ended.identity == "history-service":
            return f"terminated by the server: {ended.reason}"
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
        return "timed out"
    return ""
