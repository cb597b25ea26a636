"""Work that no worker asks for is seen from outside, on a real server."""

from __future__ import annotations

import asyncio

from temporalio.client import Client

from invoicing.client import InvoicingClient
from observing.queues import Queues
from rollout.deployment import Deployment
from settings.worker import WorkerSettings
from temporal_server import local_server
from tests.examples import an_invoice
from tests.lifecycle.world import world
from tests.patience import LONG_ENOUGH
from tests.rollout.conftest import Scene
from tests.tiers import slow
from worker import serving, workers


async def waits(client: Client, queue: str) -> None:
    """Once work has been waiting there for a second: only the server knows."""
    async with asyncio.timeout(LONG_ENOUGH):
        while (await Queues(client, ["zero_friction"]).backlogs())[queue] < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_work_is_seen_to_wait_where_nobody_asks_for_it() -> None:
    async with local_server(own=True) as server:
        client = await InvoicingClient.connect(server.address)
        assert await Queues(client.temporal, ["zero_friction"]).backlogs() == {
            "invoicing": 0,
            "register": 0,
            "provider-zero_friction": 0,
        }
        await client.invoices.start(an_invoice("waits"))
        await waits(client.temporal, "invoicing")
        alone = workers(client.temporal, {}, WorkerSettings(grace=1))
        async with serving(alone):
            await waits(client.temporal, "provider-zero_friction")


@slow
async def test_work_is_seen_to_wait_where_only_another_build_s_workers_ask() -> None:
    async with (
        local_server(own=True) as server,
        world(server, build="one") as here,
        here.company() as company,
    ):
        scene = Scene(here, company)
        async with scene.serve("two"):
            await Deployment(scene.client, "invoicing").promote("two")
        await here.client.invoices.start(an_invoice("waits"))
        await waits(scene.client, "invoicing")
