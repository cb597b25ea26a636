"""Under which names the gateway answers."""

from __future__ import annotations

import pytest

from gateway.hosts import is_ours
from gateway.problems import Kind
from tests.gateway.door import Gateway, gateway_over, problem
from tests.lifecycle.world import World
from tests.tiers import detail

OURS = ["invoices.example.com"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080",
        "[::1]:8080",
        "localhost",
        "LOCALHOST:1",
        "gateway:8080",
        "198.51.100.7",
        "invoices.example.com",
        "Invoices.Example.Com.:443",
    ],
)
def test_an_address_a_bare_name_and_what_is_configured_are_ours(host: str) -> None:
    assert is_ours(host, OURS)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.evil.example",
        "127.0.0.1.evil.example",
        "invoices.example.com.evil.example",
        "localhost.evil.example:8080",
        "invoices.example.com@evil.example",
        "a b",
        "",
        "[::1",
    ],
)
def test_any_other_name_is_not(host: str) -> None:
    assert not is_ours(host, OURS)


async def test_a_name_that_somebody_else_could_point_here_is_refused(gateway: Gateway) -> None:
    door = gateway.door("all")
    for path in ("/v1/invoices", "/health", "/codec/", "/openapi.json"):
        answer = await door.ask("GET", path, headers={"Host": "evil.example"}, known=False)
        assert "GATEWAY_HOSTS" in problem(answer, Kind.MISDIRECTED).detail
        assert "evil" not in answer.text


@detail
async def test_a_name_that_is_configured_is_answered(shared_world: World) -> None:
    async with gateway_over(shared_world.client, hosts=("invoices.example.com",)) as gateway:
        named = {"Host": "invoices.example.com"}
        assert (await gateway.door(None).ask("GET", "/health", headers=named)).status_code == 200
