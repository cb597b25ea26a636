"""One server and one worker for all lifecycle tests of a session; one company per test."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from documents import opened as store_at
from temporal_server import Server, local_server
from tests.lifecycle.world import Company, World, world

# The engine logs a traceback for every call that fails, and here thousands are made to.
logging.getLogger("temporalio.activity").setLevel(logging.ERROR)


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    async with local_server() as running:
        yield running


@pytest.fixture(scope="session")
async def shared_world(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    files = store_at(str(tmp_path_factory.mktemp("files")))
    async with world(server, files=files) as made:
        yield made


@pytest.fixture
async def company(shared_world: World) -> AsyncIterator[Company]:
    async with shared_world.company() as made:
        yield made
