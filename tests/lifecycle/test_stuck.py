"""A workflow whose next task keeps failing shows, although its status is what it said last."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from invoicing.client import InvoicingClient
from invoicing.state.identity import WORKFLOW
from invoicing.temporal import stuck
from tests.command_line import typed
from tests.examples import an_invoice
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow


@workflow.defn(name=WORKFLOW)
class Changed:
    """The invoice's workflow after a change that no history fits, until somebody mends it."""

    mended = False

    @workflow.run
    async def run(self, _: dict[str, Any]) -> None:
        if not self.mended:
            raise RuntimeError("this is not how it was recorded")


async def references(client: InvoicingClient, prefix: str) -> set[str]:
    return {row.reference async for row in client.invoices.list(prefix=prefix, stuck=True)}


async def until(client: InvoicingClient, prefix: str, wanted: set[str]) -> None:
    """The server counts failures, and lists are a moment behind."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            if await references(client, prefix) == wanted:
                return
            await asyncio.sleep(0.05)


@slow
async def test_an_invoice_whose_task_keeps_failing_is_listed_as_long_as_it_does(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[nondeterminism] It stood still though a hold had been answered, and no list showed it."""
    prefix = f"stuck-{uuid.uuid4().hex[:8]}"
    queue = f"{prefix}-queue"
    client = InvoicingClient(company.client.temporal, task_queue=queue)
    request = an_invoice(f"{prefix}-1", account=company.account)
    runner = UnsandboxedWorkflowRunner()
    async with Worker(
        client.temporal, task_queue=queue, workflows=[Changed], workflow_runner=runner
    ):
        handle = await client.invoices.start(request)
        await company.client.invoices.start(
            an_invoice(f"{prefix}-2", account=company.account, hold=True)
        )
        await until(client, prefix, {request.reference})
        said = await typed("list", "--stuck", "--prefix", prefix, "--json", at=company)
        assert f'"{prefix}-1"' in said.output
        assert f'"{prefix}-2"' not in said.output
        monkeypatch.setattr(Changed, "mended", True)
        await handle.result()
        await until(client, prefix, set())


class Lists:
    """As much of a client as is asked: its lists know what is reported."""

    def __init__(self, refusal: RPCStatusCode | None = None) -> None:
        self.asked: list[str] = []
        self._refusal = refusal

    async def list_workflows(self, query: str, limit: int | None = None) -> AsyncIterator[str]:
        self.asked.append(query)
        if self._refusal:
            raise RPCError("no", self._refusal, b"")
        yield "one"

    async def count_workflows(self, query: str) -> Any:
        self.asked.append(query)
        if self._refusal:
            raise RPCError("no", self._refusal, b"")
        return SimpleNamespace(count=7)


def of(lists: Lists) -> Client:
    return lists  # type: ignore[return-value]


async def test_a_server_that_can_tell_is_asked_once() -> None:
    lists = Lists()
    found: list[Any] = [each async for each in stuck.stuck(of(lists), "WorkflowType = 'X'")]
    assert found == ["one"]
    (asked,) = lists.asked
    assert asked == f"ExecutionStatus = 'Running' AND WorkflowType = 'X' AND {stuck.REPORTED}"


@pytest.mark.parametrize(
    ("refusal", "counted"), [(None, 7), (RPCStatusCode.INVALID_ARGUMENT, None)]
)
async def test_what_a_server_cannot_tell_is_not_counted_as_none(
    refusal: RPCStatusCode | None, counted: int | None
) -> None:
    assert await stuck.count_stuck(of(Lists(refusal)), "WorkflowType = 'X'") == counted


@detail
async def test_a_server_that_is_away_is_not_taken_for_one_that_cannot_tell() -> None:
    lists = Lists(RPCStatusCode.UNAVAILABLE)
    with pytest.raises(RPCError):
        [each async for each in stuck.stuck(of(lists), "WorkflowType = 'X'")]
    with pytest.raises(RPCError):
        await stuck.count_stuck(of(lists), "WorkflowType = 'X'")
