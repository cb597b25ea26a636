"""Legal holds over REST: put on and taken off by who may operate, of one's own references alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import tokens
from gateway.problems import Kind
from register import opened
from register.database import made
from register.erasing import Erasure, NotErased, erased
from register.reading import Reader
from settings.callers import Scope
from tests.gateway.door import Gateway, caller, callers, gateway_over, problem
from tests.lifecycle.world import World
from tests.register.said import a_claim, a_record, a_row, lines
from tests.tiers import detail

WHY = {"by": "ann", "reason": "file 4711"}
PATH = "/v1/books/A-1/legal-hold"
LIMITED = tokens.new()


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "register.db")


@pytest.fixture
async def kept(shared_world: World, place: str) -> AsyncIterator[Gateway]:
    """A register that has one invoice, which has ended."""
    books = opened(place)
    await books.claim(a_claim("A-1"))
    await books.record(a_record(lines(1, 1), a_row(ended=True, account="shop"), "A-1"))
    books.close()
    other = {"other": caller(LIMITED, Scope.OPERATE, accounts=("invoro",))}
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, callers() | other, reader) as gateway:
            yield gateway


def _erase(place: str) -> None:
    engine = made(place)
    try:
        erased(engine, Erasure("invoice", "A-1", "Bo", "asked for", datetime.now(UTC)))
    finally:
        engine.dispose()


async def test_what_is_held_over_rest_is_not_erased_until_it_is_released(
    kept: Gateway, place: str
) -> None:
    door = kept.door("operate")
    first = (await door.post(PATH, WHY)).json()
    assert first["since"]
    assert (await door.post(PATH, {**WHY, "by": "bob"})).json()["since"] == first["since"]
    with pytest.raises(NotErased, match="legal hold"):
        _erase(place)
    assert (await door.post(f"{PATH}/release", WHY)).status_code == 200
    refused = problem(await door.post(f"{PATH}/release", WHY), Kind.REFUSED)
    assert "no legal hold" in refused.detail
    _erase(place)
    assert "was erased" in problem(await door.post(PATH, WHY), Kind.REFUSED).detail


@detail
async def test_nobody_holds_what_is_not_there_or_not_their_own(kept: Gateway) -> None:
    problem(await kept.door("read").post(PATH, WHY), Kind.FORBIDDEN)
    problem(await kept.bearer(LIMITED).post(PATH, WHY), Kind.NOT_FOUND)
    problem(await kept.door("operate").post("/v1/books/B-1/legal-hold", WHY), Kind.NOT_FOUND)
    problem(await kept.door("operate").post(f"{PATH}?kind=order", WHY), Kind.NOT_FOUND)
