"""The world of the lifecycle tests, a console before it, and a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.person import NOT_HERE, a_browser, chromium
from tests.lifecycle.conftest import company, server, shared_world

__all__ = ["company", "engine", "server", "shared_world"]


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip(NOT_HERE)
    async with a_browser(path) as made:
        yield made
