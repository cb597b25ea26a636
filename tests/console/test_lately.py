"""What many people ask of the same rows is looked for once, is never older than it says, and is not
held for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from console import rows, subjects
from console.lately import Lately, Versions
from console.subjects import Kind
from tests.console.browser import Browser
from tests.console.conftest import signed_in
from tests.console.scenes import differing, everywhere, until
from tests.gateway.door import Gateway
from tests.lifecycle.world import Company
from tests.tiers import detail


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Asks:
    """How often it was asked; it answers once it is let, or fails."""

    def __init__(self) -> None:
        self.times = 0
        self.may = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        self.times += 1
        mine = self.times
        await self.may.wait()
        if self.fails:
            raise RuntimeError("away")
        return mine


async def test_those_who_ask_the_same_at_once_share_one_look() -> None:
    asks, some = Asks(), Lately(1.0, clock=Clock())
    every = [asyncio.create_task(some.answer("a", asks)) for _ in range(25)]
    asks.may.set()
    assert await asyncio.gather(*every) == [1] * 25
    assert asks.times == 1


async def test_an_answer_is_no_older_than_it_may_be_and_is_let_go_of() -> None:
    asks, clock = Asks(), Clock()
    asks.may.set()
    some = Lately(1.0, clock=clock)
    assert [await some.answer("a", asks), await some.answer("b", asks)] == [1, 2]
    clock.now = 0.9
    assert await some.answer("a", asks) == 1
    clock.now = 1.0
    assert await some.answer("a", asks) == 3
    assert some.held == 1


async def test_who_has_done_something_is_not_answered_from_before() -> None:
    asks = Asks()
    asks.may.set()
    some = Lately(1.0, clock=Clock())
    assert await some.answer("a", asks) == 1
    some.forget()
    assert await some.answer("a", asks) == 2


async def test_a_failure_is_told_to_those_who_wait_and_nobody_after() -> None:
    asks, some = Asks(), Lately(1.0, clock=Clock())
    asks.fails = True
    waits = asyncio.create_task(some.answer("a", asks))
    await asyncio.sleep(0)
    asks.may.set()
    with pytest.raises(RuntimeError):
        await waits
    asks.fails = False
    assert await some.answer("a", asks) == 2


async def test_one_who_leaves_takes_nobody_s_answer_along() -> None:
    asks, some = Asks(), Lately(1.0, clock=Clock())
    first, second = (asyncio.create_task(some.answer("a", asks)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    asks.may.set()
    assert await second == 1


async def test_who_wants_it_at_once_is_given_the_last_answer_while_the_next_is_under_way() -> None:
    asks, clock = Asks(), Clock()
    asks.may.set()
    some = Lately(1.0, 5.0, clock)
    assert await some.answer("a", asks, at_once=True) == 1
    asks.may.clear()
    clock.now = 4.9
    assert [await some.answer("a", asks, at_once=True) for _ in range(3)] == [1, 1, 1]
    assert (asks.times, some.held) == (1, 1)
    waits = asyncio.create_task(some.answer("a", asks))
    await asyncio.sleep(0)
    assert asks.times == 2, "it was asked for anew once, behind them"
    asks.may.set()
    assert await waits == 2
    assert await some.answer("a", asks, at_once=True) == 2


async def test_an_answer_that_is_given_at_once_is_of_bounded_age() -> None:
    asks, clock = Asks(), Clock()
    asks.may.set()
    some = Lately(1.0, 5.0, clock)
    await some.answer("a", asks)
    asks.may.clear()
    clock.now = 5.0
    late = asyncio.create_task(some.answer("a", asks, at_once=True))
    await asyncio.sleep(0)
    assert not late.done()
    asks.may.set()
    assert await late == 2


async def test_who_has_done_something_is_given_nothing_that_was_asked_for_before() -> None:
    asks, clock = Asks(), Clock()
    asks.may.set()
    some = Lately(1.0, 5.0, clock)
    await some.answer("a", asks)
    clock.now = 2.0
    asks.may.clear()
    assert await some.answer("a", asks, at_once=True) == 1
    await asyncio.sleep(0)
    some.forget()
    mine = asyncio.create_task(some.answer("a", asks, at_once=True))
    await asyncio.sleep(0)
    assert not mine.done()
    asks.may.set()
    assert await mine == 3, "the second was under way when it was done"


async def test_where_asking_anew_fails_that_is_told_once_the_last_answer_is_too_old() -> None:
    asks, clock = Asks(), Clock()
    asks.may.set()
    some = Lately(1.0, 5.0, clock)
    await some.answer("a", asks)
    asks.fails = True
    for clock.now in (1.0, 3.0):
        assert await some.answer("a", asks, at_once=True) == 1
        await asyncio.sleep(0)
    clock.now = 5.0
    with pytest.raises(RuntimeError):
        await some.answer("a", asks, at_once=True)


async def test_nothing_is_left_under_way_at_the_end() -> None:
    asks, some = Asks(), Lately(1.0)
    asker = asyncio.create_task(some.answer("a", asks))
    await asyncio.sleep(0)
    await some.end()
    with pytest.raises(asyncio.CancelledError):
        await asker
    asks.may.set()
    await some.end()


def _reads(said: list[str]) -> Callable[[], Awaitable[str]]:
    async def read() -> str:
        said.append("read")
        return f"{len(said)}"

    return read


async def test_what_has_not_changed_is_not_read_anew_for_as_long_as_it_may_be_held() -> None:
    said: list[str] = []
    clock = Clock()
    some: Versions[str, str] = Versions(2, 60.0, clock)

    async def of(name: str, version: int, *, lasts: bool = True) -> str:
        return await some.of(name, version, _reads(said), lambda _: lasts)

    assert [await of("a", 1), await of("a", 1), await of("a", 2)] == ["1", "1", "2"]
    clock.now = 60.0
    assert await of("a", 2) == "3"
    assert [await of("b", 1, lasts=False), await of("b", 1)] == ["4", "5"]
    await of("c", 1)
    assert some.held == 2
    assert await of("a", 2) == "7"


@detail
async def test_a_row_is_read_of_a_worker_once_and_again_when_it_has_changed(
    console: Gateway, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    truly = subjects.look

    async def look(desk: Any, kind: Kind, name: str) -> Any:
        looked.append(name)
        return await truly(desk, kind, name)

    monkeypatch.setattr(rows, "look", look)
    reference = await differing(company)
    one, other = await signed_in(console, "operate"), await signed_in(console, "read")
    for browser in (one, other, one):
        await everywhere(browser, reference)
    assert looked.count(reference) == 1
    await _answered(one, reference)
    together = f"/console/together?of=invoices/{reference}"
    await until(one, together, lambda page: "They wait for no answer now" in page.text)
    assert looked.count(reference) > 1


async def _answered(browser: Browser, reference: str) -> None:
    page = await browser.get(f"/console/invoices/{reference}")
    form = page.form("/resolve", "abandon")
    await browser.send(form, ("answer", "abandon"), reason="not this one")
