"""The worker as a program: what it says when it cannot start, and how it stops."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

import settings.accounts
from invoicing.client import InvoicingClient
from invoicing.state.invoice import Status
from providers.kit.http import client as http_client
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from sandbox.kit.server import serve
from sandbox.zero_friction import Step, ZeroFrictionStandIn
from settings.worker import WorkerSettings
from temporal_server import Server, local_server
from tests.examples import an_invoice
from tests.patience import LONG_ENOUGH
from tests.tiers import slow
from tests.worker_process import account_variables, worker_process
from worker import workers


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    async with local_server(own=True) as running:
        yield running


@pytest.fixture
async def stand_in() -> AsyncIterator[ZeroFrictionStandIn]:
    async with serve(ZeroFrictionStandIn(approval_delay=0.05, sending_delay=0.05)) as served:
        yield served


async def _refusal(variables: dict[str, str]) -> str:
    """What a worker says that does not start."""
    async with worker_process(variables) as worker:
        assert await worker.ended() == 1
        assert worker.said.startswith("worker: ")
        assert "Traceback" not in worker.said
        for secret in (zf.CLIENT_SECRET, zf.SUBSCRIPTION_KEY, zf.CLIENT_ID):
            assert secret not in worker.said
        return worker.said


@slow
async def test_a_worker_that_cannot_start_says_why_in_a_sentence(
    server: Server, stand_in: ZeroFrictionStandIn
) -> None:
    whole = account_variables(stand_in)
    wrong = whole | account_variables(stand_in, "belgium")
    del wrong["ZERO_FRICTION__BELGIUM__CLIENT_SECRET"]
    wrong["ZERO_FRICTION_CLIENT_SECRETS"] = zf.CLIENT_SECRET
    elsewhere = {"TEMPORAL_ADDRESS": server.address, "TEMPORAL_NAMESPACE": "elsewhere"}
    none, wrongly, backwards, unreachable, stranger = await asyncio.gather(
        _refusal({}),
        _refusal(wrong),
        _refusal(whole | {"INVOICING_PACE": "-1"}),
        _refusal(whole | {"TEMPORAL_ADDRESS": "127.0.0.1:1"}),
        _refusal(whole | elsewhere),
    )
    assert "no provider account is configured" in none
    assert "ZERO_FRICTION_" in none
    assert "ZERO_FRICTION__BELGIUM__CLIENT_SECRET: is missing" in wrongly
    assert "ZERO_FRICTION_CLIENT_SECRETS: is not a setting" in wrongly
    assert "INVOICING_PACE: " in backwards
    assert "no Temporal server answers at 127.0.0.1:1" in unreachable
    assert f"the Temporal server at {server.address} does not let us in (NOT_FOUND)" in stranger


@slow
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_told_to_stop_lets_a_create_under_way_end(
    server: Server, stand_in: ZeroFrictionStandIn, told: signal.Signals
) -> None:
    """It stays until the answer is in and reported, so the next worker has no doubt to settle."""
    variables = {
        **account_variables(stand_in, timeout=20),
        **account_variables(stand_in, "belgium"),
        "TEMPORAL_ADDRESS": server.address,
        "INVOICING_PACE": "0.02",
    }
    client = await InvoicingClient.connect(server.address)
    request = an_invoice(f"stopped-by-{told.name}")
    held = stand_in.faults.place(Step.CREATE, Fault.GATE, when="after")
    async with worker_process(variables) as worker:
        await worker.ready()
        assert "serving zero_friction: belgium, default" in worker.said
        await client.invoices.start(request)
        await held.reached(within=LONG_ENOUGH)
        worker.signal(told)
        await worker.says("stopping")
        with pytest.raises(TimeoutError):
            await worker.ended(within=0.5)
        held.release()
        assert await worker.ended() == 0
        assert "stopped" in worker.said.splitlines()[-1]
    async with worker_process(variables):
        invoice = await asyncio.wait_for(client.invoices.result(request.reference), LONG_ENOUGH)
        journal = await asyncio.wait_for(client.invoices.journal(request.reference), LONG_ENOUGH)
    assert invoice.status is Status.SENT
    assert stand_in.ledger.effects(request.reference) == ["created", "approved", "sent"]
    assert stand_in.calls.count("find") == 1, "the one before the create"
    told_of = {entry.what for entry in journal.entries}
    assert "draft created" in told_of
    assert "create: outcome unknown" not in told_of


async def test_a_providers_stated_limit_is_kept_by_its_queue(server: Server) -> None:
    client = (await InvoicingClient.connect(server.address)).temporal
    async with http_client() as http:
        accounts = settings.accounts.read({"INVORO_API_KEY": "a key"})
        adaptors = settings.accounts.connect(accounts, http)
        limits = {
            worker.task_queue: worker.config(active_config=True)[
                "max_task_queue_activities_per_second"
            ]
            for worker in workers(client, {**adaptors, "zero_friction": {}}, WorkerSettings())
        }
    assert limits == {"invoicing": None, "provider-invoro": 100.0, "provider-zero_friction": None}
