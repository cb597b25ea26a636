"""Callers from outside: the example in Python, and SDKs that know the workflow's id alone.

The examples in other languages are run by `make examples`.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from invoicing.errors import ReferenceInUse
from invoicing.request import InvoiceRequest
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id
from invoicing.state.invoice import Invoice, Status
from temporal_server import Server
from tests.examples import a_document
from tests.gateway.door import gateway_over
from tests.lifecycle.parking import APPROVED, CREATED, SENT
from tests.lifecycle.world import Company
from tests.tiers import detail

CALLER = Path(__file__).resolve().parents[2] / "examples" / "python" / "invoice.py"


def _caller() -> ModuleType:
    spec = importlib.util.spec_from_file_location("example_caller", CALLER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_the_caller_in_python_gets_the_same_invoice_each_time(
    company: Company,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
    request, caller = company.request(), _caller()
    assert [await caller.main(request), await caller.main(request)] == [0, 0]
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert first.startswith(f"{request.reference}: sent, number ")
    assert first.endswith(", 125.03 EUR")
    assert company.effects(request.reference) == [CREATED, APPROVED, SENT]


async def started_plainly(
    company: Company, request: InvoiceRequest, queue: str = TASK_QUEUE
) -> WorkflowHandle[object, Invoice]:
    """As the examples in TypeScript and Go do: the content as JSON, and no memo."""
    return await company.client.temporal.start_workflow(
        WORKFLOW,
        request.model_dump(mode="json", exclude_none=True),
        id=workflow_id(request.reference),
        task_queue=queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        result_type=Invoice,
    )


@detail
async def test_what_another_sdk_started_is_told_apart_from_other_content(company: Company) -> None:
    """It left no fingerprint, so the workflow leaves one itself."""
    request = company.request()
    there = await started_plainly(company, request)
    assert (await there.result()).status is Status.SENT
    handle = await company.client.invoices.start(request)
    assert (await handle.describe()).run_id == there.first_execution_run_id
    other = request.model_copy(update={"document": a_document(notes=("another",))})
    with pytest.raises(ReferenceInUse, match=r"document\.notes"):
        await company.client.invoices.start(other)
    async with gateway_over(company.client) as gateway:
        answer = await gateway.door("start").post("/v1/invoices", other)
    assert answer.status_code == 409
    assert company.effects(request.reference) == [CREATED, APPROVED, SENT]


async def test_it_is_told_apart_before_any_worker_has_seen_it(company: Company) -> None:
    request = company.request()
    there = await started_plainly(company, request, "nobody-serves-this")
    await company.client.invoices.start(request)
    other = request.model_copy(update={"document": a_document(notes=("another",))})
    with pytest.raises(ReferenceInUse, match=r"document\.notes"):
        await company.client.invoices.start(other)
    assert (await there.describe()).run_id == there.first_execution_run_id


@detail
async def test_another_sdk_gets_the_invoice_that_our_client_started(company: Company) -> None:
    request = company.request(hold=True)
    ours = await company.client.invoices.start(request)
    theirs = await started_plainly(company, request)
    assert theirs.first_execution_run_id == (await ours.describe()).run_id
    await company.until_status(request.reference, Status.HELD)
    await company.release(request.reference)
    assert await theirs.result() == await ours.result()
    assert company.effects(request.reference) == [CREATED, APPROVED, SENT]
