"""An invoice's workflow is reset in Temporal: it forgets what it has done since, and the register
has not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Status
from register import Books
from register.database import made
from register.tables import journal
from temporal_server import local_server
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.world import Company, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail


@pytest.fixture
async def shop(books: Books) -> AsyncIterator[Shop]:
    """At a provider where nothing is searched for before a first create."""
    async with (
        local_server(own=True) as server,
        world(server, register=books) as here,
        opened(here, "invoro") as made_,
    ):
        yield made_


async def reset(company: Company, reference: str, *, after_draft: bool = False) -> None:
    """To where it had just begun, or had made its draft."""
    handle = company.client.invoices.handle(reference)
    last = await handle.describe()
    events = [event async for event in handle.fetch_history_events()]
    done = [
        event.event_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    updates = [
        event.event_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    ]
    first = max(each for each in done if each < updates[0] - 1) if after_draft else done[0]
    await company.client.temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=company.client.temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=last.run_id),
            reason="test",
            workflow_task_finish_event_id=first,
            request_id="reset",
            reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_NONE,
        )
    )


async def row(books: Books, reference: str, status: str) -> Mapping[str, Any]:
    """What is kept of it, once its status is this."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            kept = await books.row("invoice", reference)
            if kept is not None and kept["status"] == status:
                return kept
            await asyncio.sleep(0.05)


async def test_one_that_had_ended_is_the_same_invoice(shop: Shop, books: Books) -> None:
    request = shop.request()
    await shop.start(request)
    before = await shop.finished(request.reference)
    effects = shop.effects(request.reference)
    await row(books, request.reference, before.status)
    await reset(shop, request.reference)
    after: Invoice = await shop.finished(request.reference)
    assert (after.status, after.number) == (before.status, before.number)
    assert shop.effects(request.reference) == effects
    assert shop.live(request.reference) == 1


@detail
async def test_one_under_way_is_gone_on_with(shop: Shop, books: Books) -> None:
    """And what happens from then on is written down, though it counts its lines once more."""
    request = shop.request(hold=True)
    await shop.start(request)
    await shop.until_status(request.reference, Status.HELD)
    await row(books, request.reference, Status.HELD)
    await reset(shop, request.reference)
    await shop.until_status(request.reference, Status.HELD)
    await shop.release(request.reference)
    ended = await shop.finished(request.reference)
    assert shop.live(request.reference) == 1
    kept = await row(books, request.reference, ended.status)
    assert (kept["ended"], kept["number"]) == (True, ended.number)
    assert await books.broken() is None


@detail
async def test_what_is_said_to_one_that_was_reset_to_later_is_written_down(
    shop: Shop, books: Books, place: str
) -> None:
    """It does not claim its reference anew: it goes on counting from an earlier number."""
    request = shop.request(hold=True, goal=Goal.SENT)
    await shop.start(request)
    await shop.until_status(request.reference, Status.HELD)
    for _ in range(3):
        await shop.hold(request.reference)
    await row(books, request.reference, Status.HELD)
    await reset(shop, request.reference, after_draft=True)
    await shop.until_status(request.reference, Status.HELD)
    await shop.release(request.reference)
    ended = await shop.finished(request.reference)
    kept = await row(books, request.reference, ended.status)
    assert (kept["ended"], kept["number"]) == (True, ended.number)
    engine = made(place)
    with engine.begin() as db:
        said = [str(line.said) for line in db.execute(select(journal)).all()]
    engine.dispose()
    assert sum('"released"' in each for each in said) == 1
    assert sum('"held"' in each for each in said) == 3
    assert await books.broken() is None
