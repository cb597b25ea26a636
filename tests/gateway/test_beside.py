"""What takes long is done beside the loop, a little at once, each caller's in its turn."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from functools import partial

import pytest
from starlette.types import Receive, Scope, Send

from gateway import inputs
from gateway.beside import SWITCH, Beside, Turns
from gateway.serve import serving
from invoicing.parse import read as really_read
from register.reading import AT_ONCE, Reader
from tests.gateway.door import Gateway, gateway_over, settings
from tests.lifecycle.world import World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail


class Work:
    """Things that take until they are let go on, and who is at one."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.begun: list[str] = []
        self.at_once = self.most = 0

    def of(self, whose: str) -> Callable[[], str]:
        return partial(self._do, whose)

    def _do(self, whose: str) -> str:
        self.begun.append(whose)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.let.wait(10)
        self.at_once -= 1
        return whose


async def settled(tasks: int = 50) -> None:
    for _ in range(tasks):
        await asyncio.sleep(0)


async def test_nobody_waits_for_more_than_one_thing_of_each_other_caller() -> None:
    room, work = Beside(1), Work()
    hasty = [asyncio.create_task(room.do("hasty", work.of("hasty"))) for _ in range(20)]
    await settled()
    other = asyncio.create_task(room.do("other", work.of("other")))
    await settled()
    work.let.set()
    assert await other == "other"
    await asyncio.gather(*hasty)
    assert work.begun.index("other") <= 2
    assert (work.most, len(work.begun)) == (1, 21)


async def test_what_a_caller_that_has_left_began_still_counts() -> None:
    """Who hangs up and comes again, over and over, keeps no more than one thread busy."""
    room, work = Beside(1), Work()
    for _ in range(20):
        asked = asyncio.create_task(room.do("hasty", work.of("hasty")))
        await settled()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    last = asyncio.create_task(room.do("hasty", work.of("hasty")))
    await settled()
    work.let.set()
    assert await last == "hasty"
    assert (work.most, len(work.begun)) == (1, 2)


async def test_nothing_is_kept_of_who_has_nothing_there() -> None:
    room = Beside(2)
    assert await room.do("a", lambda: 1) == 1
    assert not room.turns


async def test_a_caller_asks_one_after_the_other_and_what_it_gives_up_is_closed() -> None:
    turns, let, asked = Turns(), asyncio.Event(), []

    async def question(name: str) -> str:
        asked.append(name)
        await let.wait()
        return name

    first, second = (
        asyncio.create_task(turns.after("hasty", question(name))) for name in ("first", "second")
    )
    other = asyncio.create_task(turns.after("other", question("other")))
    await settled()
    assert sorted(asked) == ["first", "other"]
    second.cancel()
    let.set()
    assert [await first, await other] == ["first", "other"]
    assert "second" not in asked
    await asyncio.gather(second, return_exceptions=True)


async def test_a_register_that_takes_long_keeps_no_webhook_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has threads of its own. All of everybody's were waiting for it."""
    reader, work = Reader("nowhere"), Work()
    monkeypatch.setattr("register.reading.for_reading", lambda *_: object())
    questions = [
        asyncio.create_task(reader._read(lambda _: work.of("x")())) for _ in range(3 * AT_ONCE)
    ]
    await settled()
    try:
        assert (
            await asyncio.wait_for(asyncio.to_thread(lambda: "webhook"), LONG_ENOUGH) == "webhook"
        )
    finally:
        work.let.set()
    assert {*await asyncio.gather(*questions)} == {"x"}
    assert work.most <= AT_ONCE


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers nothing."""


async def test_threads_take_short_turns_while_it_serves() -> None:
    before = sys.getswitchinterval()
    async with serving(nothing, settings()):
        assert sys.getswitchinterval() == pytest.approx(SWITCH)
    assert sys.getswitchinterval() == before


@detail
async def test_large_bodies_are_read_one_after_the_other(
    shared_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty at once of one token took all of the processor: others waited for seconds."""
    at_once, most = 0, 0

    def reading(*given: object) -> object:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return really_read(*given)  # type: ignore[arg-type]
        finally:
            at_once -= 1

    monkeypatch.setattr(inputs, "read", reading)
    body = json.dumps({"lines": ["x" * 1000] * 100}).encode()
    assert len(body) > inputs.AT_ONCE

    async def asked(gateway: Gateway) -> int:
        kind = {"Content-Type": "application/json"}
        answer = await gateway.door("start").ask("POST", "/v1/invoices", content=body, headers=kind)
        return answer.status_code

    async with gateway_over(shared_world.client) as gateway:
        assert {*await asyncio.gather(*(asked(gateway) for _ in range(20)))} == {422}
    assert most == 1
