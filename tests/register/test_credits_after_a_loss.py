"""What was credited before Temporal's database was lost is not credited once more: the ledger of an
invoice's credits is gone with it, and the register knows of its credit notes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError

from invoicing.client import Refused
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.invoice import Cancel, Status
from invoicing.temporal.asking import Execution
from register import Books
from register import opened as register_at
from register.database import made
from register.notes import notes_of
from temporal_server import local_server
from tests.examples import a_document
from tests.lifecycle.bookkeeper import NAME, Bookkeeper
from tests.lifecycle.office import TEN, Office, a_credit, office_at, units
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated

pytestmark = simulated

Opened = Callable[[], AbstractAsyncContextManager[Office]]


@pytest.fixture
def opened(books: Books) -> Opened:
    """The same provider and register, each time with a Temporal that knows nothing."""
    provider = Bookkeeper()

    @asynccontextmanager
    async def office() -> AsyncIterator[Office]:
        async with (
            local_server(own=True) as server,
            office_at(server, books, provider) as made,
        ):
            yield made

    return office


def request(reference: str, goal: Goal = Goal.SENT) -> InvoiceRequest:
    return InvoiceRequest(
        reference=reference,
        provider=NAME,
        goal=goal,
        document=a_document(lines=(TEN,)),
        may_credit=True,
    )


async def _credited(office: Office, reference: str) -> None:
    made = await office.client.credits.make(reference, units("4"))
    await asyncio.wait_for(office.client.invoices.result(made.reference), LONG_ENOUGH)


async def test_no_more_is_credited_of_an_invoice_that_had_ended(opened: Opened) -> None:
    async with opened() as office:
        await office.client.invoices.start(request("INV-7"))
        await asyncio.wait_for(office.client.invoices.result("INV-7"), LONG_ENOUGH)
        await _credited(office, "INV-7")
    async with opened() as office:
        await office.client.invoices.start(request("INV-7"))
        await asyncio.wait_for(office.client.invoices.result("INV-7"), LONG_ENOUGH)
        for wanted in (units("4"), a_credit("C2", whole=True)):
            with pytest.raises(Refused, match="INV-7#C1"):
                await office.client.credits.make("INV-7", wanted)
        assert office.provider.units("INV-7", "1") == 4


async def test_nor_by_a_cancel_of_one_that_goes_on(opened: Opened) -> None:
    async with opened() as office:
        await office.client.invoices.start(request("INV-7", Goal.PAID))
        await office.until_invoice("INV-7", lambda invoice: invoice.status is Status.SENT)
        await _credited(office, "INV-7")
    async with opened() as office:
        await office.client.invoices.start(request("INV-7", Goal.PAID))
        await office.until_invoice("INV-7", lambda invoice: invoice.status is Status.SENT)
        cancel = Cancel(by="an operator", reason="test")
        with pytest.raises(Refused, match="parts of it are credited"):
            await office.client.invoices.cancel("INV-7", cancel)
        with pytest.raises(Refused, match="INV-7#C1"):
            await office.client.credits.make("INV-7", a_credit("C2", whole=True))
        assert office.provider.units("INV-7", "1") == 4


async def test_nor_where_the_ledger_alone_is_forgotten(opened: Opened) -> None:
    """One of which nothing is left ends soon; the invoice may wait for its payment for months."""
    async with opened() as office:
        await office.client.invoices.start(request("INV-7", Goal.PAID))
        await office.until_invoice("INV-7", lambda invoice: invoice.status is Status.SENT)
        await _credited(office, "INV-7")
        await _forgotten(office.client.credits.handle("INV-7"))
        with pytest.raises(Refused, match="Temporal has forgotten how much"):
            await office.client.credits.make("INV-7", a_credit("C2", whole=True))
        assert office.provider.units("INV-7", "1") == 4


async def _forgotten(handle: Execution) -> None:
    """As the retention does it."""
    temporal = handle._client
    asked = DeleteWorkflowExecutionRequest(
        namespace=temporal.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id)
    )
    await temporal.workflow_service.delete_workflow_execution(asked)
    async with asyncio.timeout(LONG_ENOUGH):
        with contextlib.suppress(RPCError):
            while await handle.describe():  # noqa: ASYNC110
                await asyncio.sleep(0.1)


def test_the_credit_notes_of_an_invoice_are_found_without_going_through_all(tmp_path: Path) -> None:
    place = str(tmp_path / "register.db")
    register_at(place).close()
    engine = made(place)
    asked: list[tuple[str, tuple[object, ...]]] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _hear(
        _: object, __: object, statement: str, given: tuple[object, ...], *more: object
    ) -> None:
        asked.append((statement, given))

    with engine.begin() as db:
        assert notes_of(db, "INV-7") == ()
        (statement, given) = asked[-1]
        plan = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
    engine.dispose()
    assert "invoices_by_what_they_credit" in str(plan)
