"""Whoever sends much at once does not begin before all others; what came together ends apart."""

from __future__ import annotations

import asyncio
import gc
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.access import Access
from gateway.guard import Guard
from gateway.pace import Pace, spread
from invoicing import process
from tests.gateway.door import TOKENS, callers, settings
from tests.tiers import detail


async def test_of_many_that_one_sender_begins_at_once_another_waits_for_one_at_most() -> None:
    pace, begun = Pace(), list[str]()

    async def begins(whose: str) -> None:
        await pace.begin(whose)
        begun.append(whose)

    async with asyncio.TaskGroup() as group:
        for whose in "aaaaaabab":
            group.create_task(begins(whose))
    assert begun == [*"ababaaaaa"]


async def test_nothing_is_kept_of_who_sends_nothing_or_has_left() -> None:
    pace = Pace()
    waiting = [asyncio.create_task(pace.begin("a")) for _ in range(5)]
    await asyncio.wait(waiting[:1])
    for each in waiting[1:4]:
        each.cancel()
    await asyncio.wait(waiting)
    assert not waiting[4].cancelled(), "who has left is not waited for"
    async with asyncio.timeout(10):
        while len(pace):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def asking(token: str, address: str = "192.0.2.1") -> Scope:
    access = Access(settings(), callers())
    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {token}".encode())]
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "client": (address, 1),
        "headers": headers if token else headers[:1],
        "app": SimpleNamespace(state=SimpleNamespace(access=access)),
    }


@pytest.mark.parametrize(
    ("many", "one"),
    [
        (asking(TOKENS["read"]), asking(TOKENS["start"])),
        (asking(""), asking(TOKENS["start"])),
        (asking("made up"), asking(TOKENS["start"])),
        (asking("", "192.0.2.7"), asking("")),
    ],
    ids=["another token", "no token", "a token of nobody", "another address"],
)
async def test_a_request_begins_in_its_own_sender_s_turn(many: Scope, one: Scope) -> None:
    """Here all of them come from one machine but the last."""
    begun: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["one"])
        await Response("well")(scope, receive, send)

    async def receive() -> Any:
        return await asyncio.Future() if begun else {"type": "http.request", "body": b""}

    async def send(_: Any) -> None:
        pass

    guard = Guard(app)
    async with asyncio.TaskGroup() as group:
        for scope, is_one in [(many, False)] * 6 + [(one, True)]:
            group.create_task(guard({**scope, "one": is_one}, receive, send))
    assert len(begun) == 7
    assert begun.index(True) <= 1


async def test_tokens_of_nobody_are_one_sender_however_many_there_are() -> None:
    begun: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])
        await Response("well")(scope, receive, send)

    async def receive() -> Any:
        return await asyncio.Future()

    async def send(_: Any) -> None:
        pass

    guard = Guard(app)
    scopes = [{**asking(f"made-up-{number}"), "path": "/made-up"} for number in range(6)]
    async with asyncio.TaskGroup() as group:
        for scope in [*scopes, {**asking(TOKENS["read"]), "path": "/known"}]:
            group.create_task(guard(scope, receive, send))
    assert begun.index("/known") <= 1


def test_what_came_together_ends_apart_and_never_before_its_time() -> None:
    ends = {spread(10) for _ in range(100)}
    assert len(ends) > 50
    assert min(ends) >= 10
    assert max(ends) <= 12.5


@detail
def test_what_is_kept_is_not_looked_through_again_until_the_end() -> None:
    before = gc.get_threshold()
    try:
        process.keep()
        assert gc.get_freeze_count() > 10_000
        process.settle()
        assert gc.get_freeze_count() == 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
