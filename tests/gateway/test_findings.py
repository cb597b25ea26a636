"""What reconciliations have found, over REST: listed, looked at, closed once with a reason, and to
each its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway import tokens
from gateway.problems import Kind
from invoicing.books.reconciling import TO_DO, FindingKind
from invoicing.provider import PaymentStatus
from register import opened
from register.reading import Reader
from settings.callers import Scope
from tests.gateway.door import Door, Gateway, caller, callers, fields, gateway_over, problem
from tests.lifecycle.world import World
from tests.register.said import a_claim, a_record, a_row, lines
from tests.register.test_reconciling import SAYS, Drill, there
from tests.tiers import detail

LIMITED: dict[str, dict[str, tuple[str, ...]]] = {
    "of an account": {"accounts": ("mollie/shop",)},
    "of another provider": {"accounts": ("invoro",)},
    "of references": {"references": ("A-",)},
}
KEYS = {name: tokens.new() for name in LIMITED}
PAID = {"payment": PaymentStatus.PAID}
WHY = {"by": "ann", "reason": "booked by hand"}


@pytest.fixture
async def found(shared_world: World, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A register that was reconciled: A-1 paid there, and one there that nobody asked for."""
    place = str(tmp_path / "register.db")
    books = opened(place)
    await books.claim(a_claim("A-1"))
    row = a_row(ended=True, account="shop", says=SAYS.model_copy(update={"reference": "A-1"}))
    await books.record(a_record(lines(1, 1), row, "A-1"))
    drill = Drill(books, place)
    try:
        await drill.run(there("A-1", **PAID), there(None, "id-2"), scope={"account": "shop"})
    finally:
        drill.engine.dispose()
        books.close()
    known = {
        name: caller(KEYS[name], Scope.READ, Scope.OPERATE, **limits)
        for name, limits in LIMITED.items()
    } | callers()
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, known, reader) as gateway:
            yield gateway


async def listed(door: Door, **query: Any) -> dict[str, dict[str, Any]]:
    answer = (await door.get("/v1/findings", **query)).json()
    return {each["found"]["kind"]: each for each in answer["findings"]}


async def test_what_is_open_is_listed_with_what_to_do(found: Gateway) -> None:
    open_ = await listed(found.door("read"))
    assert set(open_) == {"paid_unseen", "unknown_here"}
    assert open_["paid_unseen"]["found"]["reference"] == "A-1"
    assert open_["paid_unseen"]["to_do"] == TO_DO[FindingKind.PAID_UNSEEN]
    assert set(await listed(found.door("read"), kind="unknown_here")) == {"unknown_here"}
    assert await listed(found.door("read"), account="default") == {}


@detail
async def test_a_list_goes_on_where_it_broke_off(found: Gateway) -> None:
    door = found.door("read")
    first = (await door.get("/v1/findings", limit=1)).json()
    rest = (await door.get("/v1/findings", limit=1, cursor=first["cursor"])).json()
    kinds = [each["found"]["kind"] for page in (first, rest) for each in page["findings"]]
    assert sorted(kinds) == ["paid_unseen", "unknown_here"]
    assert rest["cursor"] is None
    for path in ("/v1/findings", "/v1/reconciliations"):
        assert fields(await door.get(path, cursor="bm90LW9uZQ")) == ["query.cursor"]


@detail
async def test_a_run_is_listed_with_its_days_and_what_it_came_to(found: Gateway) -> None:
    (run,) = (await found.door("read").get("/v1/reconciliations")).json()["reconciliations"]
    result = run["result"]
    assert (result["provider"], result["account"], result["since"]) == (
        "mollie",
        "shop",
        "2026-05-01",
    )
    assert result["found"] == {"paid_unseen": 1, "unknown_here": 1}


@detail
async def test_a_finding_is_closed_once_and_the_first_one_s_words_stay(found: Gateway) -> None:
    operate = found.door("operate")
    identity = (await listed(operate))["paid_unseen"]["found"]["id"]
    path = f"/v1/findings/{identity}"
    closed = (await operate.post(f"{path}/close", WHY)).json()["found"]
    assert (closed["closed_by"], closed["reason"]) == ("ann, proven operate", WHY["reason"])
    assert set(await listed(operate)) == {"unknown_here"}
    assert set(await listed(operate, closed="true")) == {"paid_unseen"}
    assert (await operate.post(f"{path}/close", WHY)).json()["found"] == closed
    again = problem(await operate.post(f"{path}/close", {**WHY, "by": "bob"}), Kind.REFUSED)
    assert "by ann, proven operate" in again.detail
    assert (await operate.get(path)).json()["found"] == closed


@detail
async def test_who_may_only_look_closes_nothing(found: Gateway) -> None:
    door = found.door("read")
    identity = (await listed(door))["paid_unseen"]["found"]["id"]
    problem(await door.post(f"/v1/findings/{identity}/close", WHY), Kind.FORBIDDEN)
    assert "paid_unseen" in await listed(door)


@detail
@pytest.mark.parametrize(
    ("limited", "kinds", "runs"),
    [
        ("of an account", {"paid_unseen", "unknown_here"}, 1),
        ("of another provider", set(), 0),
        ("of references", {"paid_unseen"}, 0),
    ],
)
async def test_a_limited_caller_sees_and_closes_its_own_alone(
    found: Gateway, limited: str, kinds: set[str], runs: int
) -> None:
    everything, door = await listed(found.door("read")), found.bearer(KEYS[limited])
    assert set(await listed(door)) == kinds
    shown = (await door.get("/v1/reconciliations")).json()["reconciliations"]
    assert len(shown) == runs
    never = await door.get("/v1/findings/never")
    for kind, each in everything.items():
        path = f"/v1/findings/{each['found']['id']}"
        answers = [await door.get(path), await door.post(f"{path}/close", WHY)]
        if kind in kinds:
            assert [each.status_code for each in answers] == [200, 200]
        else:
            assert [each.content for each in answers] == [never.content] * 2


async def test_without_a_register_it_says_so(gateway: Gateway) -> None:
    for path in ("/v1/findings", "/v1/findings/never", "/v1/reconciliations"):
        answer = await gateway.door("read").get(path)
        assert "INVOICING_REGISTER_AT" in problem(answer, Kind.NOT_FOUND).detail
