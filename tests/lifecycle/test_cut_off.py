"""A run that the server or a person ended in the middle is an error to whoever waits for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from invoicing.client import CutOff, InvoicingClient, Listed
from invoicing.errors import InvoicingError
from invoicing.request import OrderRequest
from invoicing.state.bounds import ENGINE_PAYLOAD
from invoicing.state.identity import WORKFLOW, search_attributes, workflow_id
from invoicing.state.invoice import Hold, Status
from invoicing.temporal import lists
from tests.examples import a_document, an_invoice
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated

pytestmark = simulated

WHY = "somebody thought this was the way"
HOLD = Hold(by="a person", reason="r")


async def held(company: Company) -> str:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    return reference


async def terminated(company: Company) -> str:
    reference = await held(company)
    await company.client.invoices.handle(reference).terminate(reason=WHY)
    return reference


async def in_lists(client: InvoicingClient, reference: str, **filters: Any) -> list[Listed]:
    return [row async for row in client.invoices.list(prefix=reference, **filters)]


async def until_listed(client: InvoicingClient, reference: str, status: str) -> Listed:
    """Lists are a moment behind."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            rows = await in_lists(client, reference)
            if rows and rows[0].status == status:
                return rows[0]
            await asyncio.sleep(0.05)


async def test_whoever_waits_for_a_terminated_invoice_is_told_why_and_what_to_do(
    company: Company,
) -> None:
    reference = await held(company)
    waiting = asyncio.create_task(company.client.invoices.result(reference))
    await company.client.invoices.handle(reference).terminate(reason=WHY)
    with pytest.raises(CutOff) as told:
        await asyncio.wait_for(waiting, LONG_ENOUGH)
    assert str(told.value) == (
        f"{reference} was ended from outside, in Temporal ({WHY}): what is at the provider stays "
        "as it was; start the same request again, and it goes on with it"
    )
    assert isinstance(told.value, InvoicingError)
    assert told.value.why == WHY


async def test_to_start_and_wait_does_not_end_well_either(company: Company) -> None:
    request = company.request(hold=True)
    waiting = asyncio.create_task(company.client.invoices.start_and_wait(request))
    await until_listed(company.client, request.reference, "held")
    await company.until_status(request.reference, Status.HELD)
    await company.client.invoices.handle(request.reference).terminate()
    with pytest.raises(CutOff, match="ended from outside"):
        await asyncio.wait_for(waiting, LONG_ENOUGH)


async def test_changes_end_with_the_error_and_after_the_last_state(company: Company) -> None:
    reference = await held(company)
    shown = []

    async def watch() -> None:
        async for invoice in company.client.invoices.changes(reference):
            shown.append(invoice)
            if invoice.status is Status.HELD:
                await company.client.invoices.handle(reference).terminate(reason=WHY)

    with pytest.raises(CutOff, match=WHY):
        await asyncio.wait_for(watch(), LONG_ENOUGH)
    assert shown[-1].status is Status.HELD


async def test_an_instruction_for_it_says_the_same(company: Company) -> None:
    reference = await terminated(company)
    with pytest.raises(CutOff, match=WHY):
        await company.client.invoices.hold(reference, HOLD)


async def test_lists_do_not_show_what_it_said_last(company: Company) -> None:
    client = company.client
    reference = await terminated(company)
    row = await until_listed(client, reference, "cut_off")
    assert (row.execution, row.waiting_for) == ("terminated", None)
    assert (await client.invoices.listed(reference)).status == "cut_off"
    assert [each.reference for each in await in_lists(client, reference, status="cut_off")] == [
        reference
    ]
    assert await in_lists(client, reference, status=Status.HELD) == []
    assert await in_lists(client, reference, waiting_for="person") == []
    other = await held(company)
    await until_listed(client, other, "held")
    assert await in_lists(client, other, status="cut_off") == []
    assert len(await in_lists(client, other, status=Status.HELD)) == 1
    assert len(await in_lists(client, other, waiting_for="person")) == 1


async def test_started_again_it_goes_on_and_is_cut_off_no_more(company: Company) -> None:
    request = company.request(hold=True)
    reference = await company.start(request)
    await company.until_status(reference, Status.HELD)
    await company.client.invoices.handle(reference).terminate(reason=WHY)
    assert await company.client.invoices.cut_off(reference)
    await company.client.invoices.start(request)
    assert await company.client.invoices.cut_off(reference) is None
    await company.until_status(reference, Status.HELD)


async def test_one_whose_time_was_over_is_cut_off_too(company: Company) -> None:
    client, request = company.client, an_invoice("T-out-of-time")
    await client.temporal.start_workflow(
        WORKFLOW,
        request,
        id=workflow_id(request.reference),
        task_queue="nobody",
        execution_timeout=timedelta(seconds=1),
        search_attributes=search_attributes(request),
    )
    with pytest.raises(CutOff, match="its time was over"):
        await asyncio.wait_for(client.invoices.result(request.reference), LONG_ENOUGH)
    assert (await client.invoices.listed(request.reference)).status == "cut_off"
    assert (
        await client.invoices.cut_off(request.reference) or CutOff("", "")
    ).why == "its time was over"


async def test_an_order_says_what_becomes_of_its_invoices(company: Company) -> None:
    order = OrderRequest(
        reference="O-cut",
        provider="zero_friction",
        account=company.account,
        document=a_document(due_date=None),
    )
    await company.client.orders.start(order)
    await company.client.orders.handle("O-cut").terminate(reason=WHY)
    with pytest.raises(CutOff, match="its deliveries' invoices go on by themselves"):
        await asyncio.wait_for(company.client.orders.result("O-cut"), LONG_ENOUGH)
    assert (await company.client.orders.listed("O-cut")).status == "cut_off"


@workflow.defn(name=WORKFLOW)
class _TooMuch:
    """Schedules what the server does not take."""

    @workflow.run
    async def run(self, _: Any) -> None:
        await workflow.execute_activity(
            "plan", "x" * (ENGINE_PAYLOAD + 1), start_to_close_timeout=timedelta(seconds=5)
        )


async def test_what_the_server_itself_ended_comes_with_the_server_s_reason(
    company: Company,
) -> None:
    client = company.client
    async with Worker(
        client.temporal,
        task_queue="too-much",
        workflows=[_TooMuch],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        await client.temporal.start_workflow(
            WORKFLOW, {}, id=workflow_id("T-too-much"), task_queue="too-much"
        )
        with pytest.raises(CutOff) as told:
            await asyncio.wait_for(client.invoices.result("T-too-much"), LONG_ENOUGH)
    assert "BadScheduleActivityAttributes" in told.value.why
    last = await client.invoices.handle("T-too-much").describe()
    assert last.status is WorkflowExecutionStatus.TERMINATED


def test_the_word_for_it_is_no_status_of_an_invoice() -> None:
    assert lists.CUT_OFF not in list(Status)
