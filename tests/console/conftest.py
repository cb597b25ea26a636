"""The server, worker and companies of the lifecycle tests, and a console before them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.console.browser import Browser, console_over
from tests.gateway.door import TOKENS, Gateway
from tests.lifecycle.conftest import company, server, shared_world
from tests.lifecycle.world import World

__all__ = ["browser", "company", "console", "everybody", "looker", "server", "shared_world"]


@pytest.fixture(scope="session")
async def console(shared_world: World) -> AsyncIterator[Gateway]:
    async with console_over(shared_world.client) as made:
        yield made


@pytest.fixture
async def browser(console: Gateway) -> Browser:
    """Somebody who may look and answer, signed in."""
    return await signed_in(console, "operate")


@pytest.fixture
async def everybody(console: Gateway) -> Browser:
    """Somebody who may do whatever anybody may."""
    return await signed_in(console, "all")


@pytest.fixture
async def looker(console: Gateway) -> Browser:
    """Somebody who may only look."""
    return await signed_in(console, "read")


async def signed_in(console: Gateway, who: str) -> Browser:
    made = Browser(console.url)
    page = await made.sign_in(TOKENS[who])
    assert (page.status, page.path) == (200, "/console/")
    return made
