"""The example files are what they say: requests that their provider's adaptor takes as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

import settings.accounts
from demo.accounts import environment, stand_ins
from demo.stories import ORDER, PARTS, STORIES
from demo.story import EXAMPLES, OrderStory, Story
from invoicing.errors import Rejected
from invoicing.parse import read, read_request
from invoicing.provider import Orders
from invoicing.request import OrderRequest
from providers.kit.http import client as http_client
from providers.registry import ADAPTORS
from sandbox.kit.server import serve

ORDERS = ("order.json",)
INVOICES = sorted(path.name for path in EXAMPLES.glob("*.json") if path.name not in ORDERS)


@pytest.fixture
async def adaptors() -> AsyncIterator[dict[str, dict[str, Any]]]:
    """Every account of the demonstration, from the variables that its worker gets."""
    cast = stand_ins(PARTS)
    async with AsyncExitStack() as stack:
        for stand_in in cast.values():
            await stack.enter_async_context(serve(stand_in))
        http = await stack.enter_async_context(http_client())
        yield settings.accounts.connect(settings.accounts.read(environment(cast)), http)


def test_every_provider_has_an_example() -> None:
    shown = {read_request((EXAMPLES / name).read_bytes()).provider for name in INVOICES}
    assert shown == set(ADAPTORS)


@pytest.mark.parametrize("name", INVOICES)
async def test_an_example_can_be_carried_out(name: str, adaptors: Any) -> None:
    request = read_request((EXAMPLES / name).read_bytes())
    plan = await adaptors[request.provider]["default"].plan(request)
    assert plan.totals.gross > 0


@pytest.mark.parametrize("name", ORDERS)
async def test_an_example_of_an_order_can_be_carried_out(name: str, adaptors: Any) -> None:
    request = read(OrderRequest, (EXAMPLES / name).read_bytes())
    adaptor: Orders = adaptors[request.provider]["default"]
    plan = await adaptor.plan_order(request)
    assert plan.registers
    assert plan.totals.gross > 0


@pytest.mark.parametrize("story", [*STORIES, ORDER], ids=lambda story: story.reference)
async def test_what_the_demonstration_asks_for_can_be_carried_out(
    story: Story | OrderStory, adaptors: Any
) -> None:
    adaptor = adaptors[story.provider][story.account]
    if isinstance(story, OrderStory):
        await adaptor.plan_order(story.request())
    else:
        await adaptor.plan(story.request())


async def test_a_mistake_in_an_example_would_show(adaptors: Any) -> None:
    request = read_request((EXAMPLES / "quiddly.json").read_bytes())
    unnumbered = request.document.model_copy(update={"number": None})
    with pytest.raises(Rejected):
        await adaptors["quiddly"]["default"].plan(
            request.model_copy(update={"document": unnumbered})
        )
