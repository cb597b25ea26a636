"""Lists that callers save over REST: each its own, bounded, and no wider than what it may see."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.problems import Kind
from invoicing.saved import MOST_SAVED
from register import opened
from register.reading import Reader
from tests.gateway.door import Door, Gateway, gateway_over, problem
from tests.lifecycle.world import World
from tests.tiers import detail


@pytest.fixture
async def keeping(shared_world: World, tmp_path: Path) -> AsyncIterator[Gateway]:
    place = str(tmp_path / "register.db")
    opened(place).close()
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, books=reader) as gateway:
            yield gateway


def named(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {each["name"]: each["filters"] for each in answer.json()["lists"]}


async def save(door: Door, name: str, **filters: Any) -> Any:
    return await door.post("/v1/lists", {"name": name, "filters": filters})


async def test_a_list_is_saved_listed_replaced_and_forgotten(keeping: Gateway) -> None:
    door = keeping.door("read")
    assert named(await save(door, "b", overdue=True, amount_from="10.50")) == {
        "b": {"overdue": True, "amount_from": "10.50"}
    }
    await save(door, "a")
    assert named(await save(door, "b", since="2026-06-01")) == {
        "a": {},
        "b": {"since": "2026-06-01"},
    }
    for _ in range(2):
        assert [*named(await door.post("/v1/lists/forget", {"name": "b"}))] == ["a"]
    assert [*named(await door.get("/v1/lists"))] == ["a"]


async def test_nobody_sees_replaces_or_forgets_another_s(keeping: Gateway) -> None:
    mine, other = keeping.door("read"), keeping.door("all")
    await save(mine, "late", overdue=True)
    assert named(await other.get("/v1/lists")) == {}
    await save(other, "late")
    await other.post("/v1/lists/forget", {"name": "late"})
    assert named(await mine.get("/v1/lists")) == {"late": {"overdue": True}}


@detail
async def test_a_caller_has_twenty_at_most(keeping: Gateway) -> None:
    door = keeping.door("read")
    for count in range(MOST_SAVED):
        await save(door, f"list {count}")
    problem(await save(door, "one more"), Kind.REFUSED)
    assert len(named(await save(door, "list 0", running=True))) == MOST_SAVED
    assert named(await save(keeping.door("all"), "one more")) == {"one more": {}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 61},
        {"name": "a\u0000b"},
        {"name": "x", "filters": {"status": "nonsense"}},
        {"name": "x", "filters": {"limit": 5}},
        {"name": "x", "filters": {"since": "2026-07-01", "until": "2026-06-01"}},
        {"name": "x", "owner": "all"},
    ],
)
async def test_what_is_no_list_is_a_mistake(keeping: Gateway, body: dict[str, Any]) -> None:
    problem(await keeping.door("read").post("/v1/lists", body), Kind.INVALID)
    assert named(await keeping.door("read").get("/v1/lists")) == {}


@detail
async def test_without_a_register_it_says_so(gateway: Gateway) -> None:
    door = gateway.door("read")
    for answer in (await door.get("/v1/lists"), await save(door, "x")):
        assert "INVOICING_REGISTER_AT" in problem(answer, Kind.NOT_FOUND).detail
