"""What the Temporal server says of itself, of its queues and of whoever works at them, and what an
administrator may have it make. Raises errors of ours alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    PollWorkflowTaskQueueRequest,
    RegisterNamespaceRequest,
)
from temporalio.client import Client

from invoicing.errors import EngineError, EngineRefused, ServerAway
from invoicing.temporal.engine import ours, stored

WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_PREFIX = "INDEXED_VALUE_TYPE_"
_THERE = "ALREADY_EXISTS"


Work: TypeAlias = TaskQueueType.ValueType
"""What a queue holds: WORKFLOWS or ACTIVITIES."""


class Poller(NamedTuple):
    """Who asks a queue for work, as it calls itself, and when it did last."""

    identity: str
    at: datetime


@stored
async def pollers(client: Client, queue: str, kind: Work) -> list[Poller]:
    """Who has asked this queue for work in the last minutes, as the server remembers."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request)
    return [Poller(one.identity, one.last_access_time.ToDatetime(UTC)) for one in answer.pollers]


@stored
async def waiting(client: Client, query: str) -> int:
    """How many workflows this query of lists finds."""
    return (await client.count_workflows(query)).count


@stored
async def make_namespace(client: Client, retention_days: int) -> bool:
    """Make the client's namespace. False: it was there. EngineError where we may not."""
    retention = Duration()
    retention.FromTimedelta(timedelta(days=retention_days))
    request = RegisterNamespaceRequest(
        namespace=client.namespace, workflow_execution_retention_period=retention
    )
    try:
        with ours(ServerAway):
            await client.workflow_service.register_namespace(request)
    except EngineRefused as error:
        if error.code == _THERE:
            return False
        raise
    return True


@stored
async def registered(client: Client) -> dict[str, str]:
    """The custom search attributes of the client's namespace: name and type, as in our own list."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request)
    return {name: _word(kind) for name, kind in answer.custom_attributes.items()}


async def register(client: Client, wanted: Mapping[str, str]) -> None:
    """Add these search attributes; safe to race. EngineError where the server refuses."""
    if not wanted:
        return
    attributes = {name: _value(kind) for name, kind in wanted.items()}
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=attributes)
    try:
        with ours(ServerAway):
            await client.operator_service.add_search_attributes(request)
    except EngineRefused as error:
        if error.code != _THERE:
            raise


def _word(kind: IndexedValueType.ValueType) -> str:
    return IndexedValueType.Name(kind).removeprefix(_PREFIX).title().replace("_", "")


def _value(word: str) -> IndexedValueType.ValueType:
    return IndexedValueType.Value(_PREFIX + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).upper())


async def server_time(client: Client) -> datetime | None:
    """What time it is at the server. It tells nobody unasked, but notes when a queue is polled:
    ask a queue of our own for work that never comes, and look when that was."""
    queue = f"doctor-{uuid4()}"
    poll = PollWorkflowTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), identity="doctor"
    )
    polling = asyncio.ensure_future(
        client.workflow_service.poll_workflow_task_queue(poll, timeout=timedelta(seconds=10))
    )
    try:
        for _ in range(50):
            begun = datetime.now(UTC)
            if found := await pollers(client, queue, WORKFLOWS):
                return found[0].at + (datetime.now(UTC) - begun)
            await asyncio.sleep(0.02)
        return None
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError, EngineError), ours():
            await polling
