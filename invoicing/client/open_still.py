"""Which workflows of a reference still run: before its data key may be destroyed, none may."""

from __future__ import annotations

import asyncio
import contextlib

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
"""Seconds in which what hears of its money is to end, once it is cancelled. A page of a retention
has time for fifty of them."""


@stored
async def open_still(
    temporal: Client, reference: str, *, order: bool = False, within: float = WITHIN
) -> list[str]:
    """The ids of those that run. Where nothing else does, what hears of its money is cancelled, for
    it would go on for months; it is named too where no worker has ended it in time.

    Raises EngineError: then nothing is known."""
    if order:
        ids = [order_id(reference)]
    else:
        named = (workflow_id, credits_id, amend_id, document_id, pay_link_id)
        ids = [name(reference) for name in named]
    still = [each for each in ids if await _runs(temporal, each)]
    if still or order:
        return still
    hearing = money_id(reference)
    if await _runs(temporal, hearing):
        await _cancelled(temporal, hearing, within)
    return [hearing] if await _runs(temporal, hearing) else []


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
