"""Where many calls wait for one provider, what is begun is finished before more is begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from invoicing.state.identity import share
from invoicing.state.invoice import Cancel, Status
from temporal_server import local_server
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.world import world
from tests.tiers import simulated

pytestmark = simulated

MANY = 30
BY_TURNS = {"matching.useNewMatcher": True, "matching.enableFairness": True}


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """At a provider of which one call is made at a time."""
    async with (
        local_server(own=True, dynamic_config=BY_TURNS) as server,
        world(server, calls=1) as made,
        opened(made, "mollie") as shop,
    ):
        yield shop


async def test_the_first_is_final_long_before_the_last_is_begun(shop: Shop) -> None:
    references = await asyncio.gather(*(shop.start() for _ in range(MANY)))
    await asyncio.gather(*(shop.client.invoices.result(each) for each in references))
    creates, approves = at(shop, "create"), at(shop, "approve")
    begun_before_half_are_final = sum(each < approves[MANY // 2] for each in creates)
    assert begun_before_half_are_final < 0.8 * MANY


async def test_a_cancel_does_not_wait_for_those_that_are_still_to_be_begun(shop: Shop) -> None:
    held = await shop.start(hold=True)
    await shop.follow(held, lambda state: state.status is Status.HELD)
    references = [await shop.start() for _ in range(MANY)]
    await shop.client.invoices.cancel(held, Cancel(by="somebody", reason="by mistake"))
    await shop.client.invoices.result(held)
    await asyncio.gather(*(shop.client.invoices.result(each) for each in references))
    assert at(shop, "delete")[0] < at(shop, "create")[MANY // 2]


def at(shop: Shop, step: str) -> list[int]:
    """Which calls of all were of this step."""
    return [number for number, call in enumerate(shop.stand_in.calls.all) if call.step == step]


def test_a_share_tells_callers_apart_and_names_none() -> None:
    assert share("default", "erp") != share("default", "shop")
    assert share("default", "erp") != share("second", "erp")
    assert "erp" not in share("default", "erp")
    assert len(share("a" * 50, "https://issuer.example:subject").encode()) <= 64
