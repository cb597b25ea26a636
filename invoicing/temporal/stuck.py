"""Workflows that stand still: their next task fails, and is tried again, for ever.

Their history does not fit the worker's code, or a payload cannot be read. Nothing of that is in
their status: it says what they said last. The server knows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

REPORTED = (
    "TemporalReportedProblems IN ('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')"
)
"""The server's own search attribute: set after some failures in a row, taken away by the first task
that succeeds. A server older than 1.30 does not know it."""

LOOKED_AT = 1_000
"""Running workflows that are looked at one by one where the lists cannot tell: the latest."""
AT_ONCE = 20


async def stuck(
    client: Client, query: str, limit: int | None = None
) -> AsyncIterator[WorkflowExecution]:
    """Those of the running workflows in `query` that stand still.

    Where the server's lists cannot tell, each is looked at, LOOKED_AT at the most. RPCError as
    `list_workflows`.
    """
    running = f"ExecutionStatus = 'Running' AND {query}"
    try:
        async for each in client.list_workflows(f"{running} AND {REPORTED}", limit=limit):
            yield each
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
    else:
        return
    found = 0
    async for each in _looked_at(client, running):
        yield each
        found += 1
        if found == limit:
            return


async def count_stuck(client: Client, query: str) -> int | None:
    """How many there are; None where the server's lists cannot tell."""
    try:
        counted = await client.count_workflows(
            f"ExecutionStatus = 'Running' AND {query} AND {REPORTED}"
        )
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return None
        raise
    return counted.count


async def _looked_at(client: Client, running: str) -> AsyncIterator[WorkflowExecution]:
    some: list[WorkflowExecution] = []
    async for each in client.list_workflows(running, limit=LOOKED_AT):
        some.append(each)
        if len(some) == AT_ONCE:
            for one in await _failing(client, some):
                yield one
            some = []
    for one in await _failing(client, some):
        yield one


async def _failing(client: Client, some: list[WorkflowExecution]) -> list[WorkflowExecution]:
    """Those whose next task is not tried for the first time."""

    async def fails(one: WorkflowExecution) -> bool:
        handle = client.get_workflow_handle(one.id, run_id=one.run_id)
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False  # deleted since it was listed
            raise
        return described.raw_description.pending_workflow_task.attempt > 1

    failing = await asyncio.gather(*map(fails, some))
    return [one for one, stands in zip(some, failing, strict=True) if stands]
