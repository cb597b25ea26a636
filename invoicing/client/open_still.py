"""Which workflows of a reference still run: before its data key may be destroyed, none may."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistoryEventFilterType

from invoicing.errors import NotFound
from invoicing.state.identity import (
    amend_id,
    credits_id,
    document_id,
    money_id,
    order_id,
    pay_link_id,
    workflow_id,
)
from invoicing.temporal.asking import known
from invoicing.temporal.engine import stored

WITHIN = 5.0
"""Seconds in which what only waits is to end, once it is cancelled. A page of a retention has time
for fifty of them."""


@stored
async def open_still(
    temporal: Client, reference: str, *, order: bool = False, within: float = WITHIN
) -> list[str]:
    """The ids of those that run. Where nothing else does, what only waits is cancelled, for it
    would go on for months: the ledger of its credits, for one more of them, and what hears of its
    money. They are named too where they have not ended in time; a ledger does not while a credit
    is under way.

    Raises EngineError: then nothing is known."""
    if order:
        return await _running(temporal, [order_id(reference)])
    ends = (workflow_id, amend_id, document_id, pay_link_id)
    if still := await _running(temporal, [name(reference) for name in ends]):
        return still
    # The ledger first: while a credit is under way nothing is erased, and its money is heard of.
    for waits in (credits_id(reference), money_id(reference)):
        if await _runs(temporal, waits):
            began = time.monotonic()
            await _cancelled(temporal, waits, within)
            within = max(within - (time.monotonic() - began), 0.0)
            if await _runs(temporal, waits):
                return [waits]
    return []


async def _running(temporal: Client, ids: Sequence[str]) -> list[str]:
    return [each for each in ids if await _runs(temporal, each)]


async def _runs(temporal: Client, identity: str) -> bool:
    try:
        last = await known(identity, temporal.get_workflow_handle(identity).describe())
    except NotFound:
        return False
    return last.status is WorkflowExecutionStatus.RUNNING


async def _cancelled(temporal: Client, identity: str, within: float) -> None:
    """Cancel it, and wait for its end, but not for longer than this."""
    handle = temporal.get_workflow_handle(identity)
    with contextlib.suppress(TimeoutError, NotFound):
        async with asyncio.timeout(within):
            await known(identity, handle.cancel())
            closes = WorkflowHistoryEventFilterType.CLOSE_EVENT
            async for _ in handle.fetch_history_events(
                wait_new_event=True, event_filter_type=closes
            ):
                return
