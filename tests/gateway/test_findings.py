"""What reconciliations found, over REST: to each its own, closed with a reason, looked for now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway import tokens
from gateway.problems import Kind
from invoicing.reconciling import TO_DO, FindingKind, RestCall
from register import Books, opened
from register.reading import Reader
from settings.callers import Scope
from tests.gateway.door import TOKENS, Gateway, caller, callers, gateway_over, problem
from tests.lifecycle.reconciled import behind_our_back, kept_at
from tests.lifecycle.reconciled import opened as at_a_provider
from tests.lifecycle.world import World
from tests.register.said import a_claim, a_record, a_row, lines
from tests.register.test_reconciling import a_scope

LIMITED: dict[str, dict[str, Any]] = {
    "of an account": {"accounts": ("mollie/shop",)},
    "of references": {"references": ("A-",)},
}
KEYS = {name: tokens.new() for name in LIMITED}
CUT_OFF = {"A-1": ("mollie", "shop"), "A-2": ("mollie", "default"), "B-1": ("mollie", "shop")}
UNPLACED = ("mollie", "default")


async def _seeded(books: Books) -> None:
    for reference, (provider, account) in CUT_OFF.items():
        await books.claim(a_claim(reference))
        row = a_row(provider=provider, account=account, provider_id=f"id-{reference}")
        await books.record(a_record(lines(1, 1), row, reference))
        scope = a_scope(reference, provider=provider, account=account)
        await books.compare_rest(RestCall(scope=scope, whole=False, cut_off=(reference,)))
    scope = a_scope("events", provider=UNPLACED[0], account=UNPLACED[1])
    await books.compare_rest(RestCall(scope=scope, whole=False, unplaced=("event/1",)))


@pytest.fixture
async def found(
    shared_world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    place = str(tmp_path_factory.mktemp("register") / "register.db")
    books = opened(place)
    await _seeded(books)
    books.close()
    known = {
        name: caller(KEYS[name], Scope.READ, Scope.OPERATE, **limits)
        for name, limits in LIMITED.items()
    } | callers()
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, known, reader) as gateway:
            yield gateway


async def everything(gateway: Gateway, token: str, **filters: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        path, door = "/v1/books/findings", gateway.bearer(token)
        answer = (await door.get(path, limit=1, **filters, **more)).json()
        told += answer["findings"]
        if answer["cursor"] is None:
            return told
        more = {"cursor": answer["cursor"]}


async def test_every_finding_is_there_once_with_what_to_do(found: Gateway) -> None:
    told = await everything(found, TOKENS["read"])
    assert sorted(one["reference"] or "" for one in told) == ["", "A-1", "A-2", "B-1"]
    assert {one["action"] for one in told if one["reference"]} == {TO_DO[FindingKind.CUT_OFF]}
    (one,) = await everything(found, TOKENS["read"], kind="event_unplaced")
    assert one["provider_id"] == "event/1"


@pytest.mark.parametrize(
    ("limited", "own"), [("of an account", {"A-1", "B-1"}), ("of references", {"A-1", "A-2"})]
)
async def test_a_limited_caller_sees_and_closes_its_own_alone(
    found: Gateway, limited: str, own: set[str]
) -> None:
    told = await everything(found, KEYS[limited])
    assert {one["reference"] for one in told} == own
    door = found.bearer(KEYS[limited])
    for one in await everything(found, TOKENS["read"]):
        said = {"by": "ann", "reason": "seen"}
        answer = await door.post(f"/v1/books/findings/{one['id']}/close", said)
        assert answer.status_code == (200 if one["reference"] in own else 404)
    left = await everything(found, TOKENS["read"])
    assert {one["reference"] for one in left} == {*CUT_OFF, None} - own


async def test_who_closed_it_was_proven_by_the_door(found: Gateway) -> None:
    (one,) = await everything(found, TOKENS["read"], kind="event_unplaced")
    path, said = f"/v1/books/findings/{one['id']}/close", {"by": "ann", "reason": "dropped"}
    problem(await found.door("read").post(path, said), Kind.FORBIDDEN)
    forged = {**said, "proven": "the director"}
    problem(await found.door("operate").post(path, forged), Kind.INVALID)
    closed = (await found.door("operate").post(path, said)).json()
    assert (closed["closed_by"], closed["reason"]) == ("ann (proven: operate)", "dropped")
    assert (await found.door("operate").post(path, said)).json() == closed
    other = {**said, "reason": "placed"}
    problem(await found.door("operate").post(path, other), Kind.NOT_FOUND)
    assert len(await everything(found, TOKENS["read"], closed="true")) == 4


async def test_a_cursor_of_nobodys_is_a_mistake(found: Gateway) -> None:
    for cursor in ("bm90LW9uZQ", "WzEsMl0", "!"):
        answer = await found.door("read").get("/v1/books/findings", cursor=cursor)
        problem(answer, Kind.INVALID)


async def test_without_a_register_it_says_so(gateway: Gateway) -> None:
    answer = await gateway.door("read").get("/v1/books/findings")
    assert "INVOICING_REGISTER_AT" in problem(answer, Kind.NOT_FOUND).detail


async def test_others_accounts_are_not_reconciled(found: Gateway) -> None:
    path, wanted = "/v1/books/reconciliations", {"provider": "mollie", "account": "default"}
    for limited in LIMITED:
        door = found.bearer(KEYS[limited])
        problem(await door.post(path, wanted), Kind.NOT_FOUND)
        problem(await door.get(f"{path}/mollie/default"), Kind.NOT_FOUND)
    turned = {**wanted, "since": "2026-07-01", "until": "2026-06-01"}
    problem(await found.door("operate").post(path, turned), Kind.INVALID)
    problem(await found.door("read").get(f"{path}/mollie/nobodys"), Kind.NOT_FOUND)


async def test_an_account_is_reconciled_when_it_is_asked_for(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = str(tmp_path_factory.mktemp("register") / "register.db")
    async with kept_at(place) as kept, at_a_provider(kept.here, "mollie") as shop:
        stranger = await behind_our_back(shop, "NOBODYS")
        with contextlib.closing(Reader(place)) as reader:
            async with gateway_over(kept.here.client, None, reader) as gateway:
                door, path = gateway.door("operate"), "/v1/books/reconciliations"
                today = datetime.now(UTC).date().isoformat()
                wanted = {"provider": "mollie", "account": shop.account, "until": today}
                assert (await door.post(path, wanted)).json()["running"]
                async with asyncio.timeout(30):
                    where = f"{path}/mollie/{shop.account}"
                    while (state := (await door.get(where)).json())["running"]:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                assert state["result"]["found"] == {"unknown_here": 1}
                asked = {"account": shop.account}
                (one,) = (await door.get("/v1/books/findings", **asked)).json()["findings"]
                assert one["provider_id"] == stranger
