"""The server, worker and companies of the lifecycle tests, and a gateway before them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.door import Door, Gateway, gateway_over
from tests.lifecycle.conftest import company, server, shared_world
from tests.lifecycle.world import World

__all__ = ["company", "door", "gateway", "server", "shared_world"]


@pytest.fixture(scope="session")
async def gateway(shared_world: World) -> AsyncIterator[Gateway]:
    async with gateway_over(shared_world.client) as made:
        yield made


@pytest.fixture
def door(gateway: Gateway) -> Door:
    """The gateway as somebody with every right."""
    return gateway.door("all")
