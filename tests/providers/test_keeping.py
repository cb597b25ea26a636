"""Master data kept for a while: asked for once, forgotten in time, not believed blindly."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from invoicing.errors import Rejected, Unavailable
from providers.kit.keeping import MOST_ITEMS, MOST_LISTS, Kept
from tests.patience import LONG_ENOUGH


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Answers with `items`, once `open` is set; counts how often it was asked."""

    def __init__(self, *items: str) -> None:
        self.items: list[str] = list(items)
        self.asked = 0
        self._begun = asyncio.Semaphore(0)
        self.fails: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> Sequence[str]:
        self.asked += 1
        self._begun.release()
        # What is there when it is asked, however late the answer comes.
        items, fails = list(self.items), self.fails
        await self.open.wait()
        if fails:
            raise fails
        return items

    async def begun(self) -> None:
        """Once it was asked, one more time than this was awaited."""
        await asyncio.wait_for(self._begun.acquire(), LONG_ENOUGH)


def only(known: Sequence[str]) -> str:
    if len(known) != 1:
        raise Rejected(f"{len(known)} fit")
    return known[0]


async def test_a_list_is_asked_for_once_in_its_time() -> None:
    clock, source = Clock(), Source("a")
    kept = Kept(600, clock)
    for clock.now in (0.0, 300.0, 599.0):
        assert await kept.judged("codes", source, only) == "a"
    assert source.asked == 1
    clock.now = 600.0
    assert await kept.judged("codes", source, only) == "a"
    assert source.asked == 2


async def test_its_time_begins_when_it_is_asked_for() -> None:
    clock, source = Clock(), Source("a")
    kept = Kept(600, clock)
    source.open.clear()
    first = asyncio.ensure_future(kept.judged("codes", source, only))
    await source.begun()
    clock.now = 500.0
    source.open.set()
    await first
    clock.now = 601.0
    await kept.judged("codes", source, only)
    assert source.asked == 2


async def test_with_no_time_nothing_is_kept() -> None:
    source = Source("a")
    kept = Kept(0)
    assert not kept.keeps
    for _ in range(3):
        await kept.judged("codes", source, only)
    assert source.asked == 3


async def test_many_at_once_share_one_call() -> None:
    source = Source("a")
    kept = Kept(600)
    found = await asyncio.gather(*(kept.judged("codes", source, only) for _ in range(50)))
    assert set(found) == {"a"}
    assert source.asked == 1


async def test_a_caller_that_is_given_up_takes_the_answer_from_nobody() -> None:
    source = Source("a")
    kept = Kept(600)
    source.open.clear()
    first, second = (asyncio.ensure_future(kept.judged("codes", source, only)) for _ in range(2))
    await source.begun()
    first.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert await second == "a"
    assert source.asked == 1


async def test_a_failure_is_not_kept() -> None:
    source = Source("a")
    kept = Kept(600)
    source.fails = Unavailable("down")
    ended = await asyncio.gather(
        *(kept.judged("codes", source, only) for _ in range(3)), return_exceptions=True
    )
    assert [type(each) for each in ended] == [Unavailable] * 3
    source.fails = None
    assert await kept.judged("codes", source, only) == "a"
    assert source.asked == 2


async def test_what_a_kept_list_refuses_is_held_against_a_new_one() -> None:
    source = Source("a", "b")
    kept = Kept(600)
    with pytest.raises(Rejected):
        await kept.judged("codes", source, only)
    assert source.asked == 1, "a new list that refuses is not asked for again"
    source.items = ["b"]
    found = await asyncio.gather(*(kept.judged("codes", source, only) for _ in range(20)))
    assert set(found) == {"b"}
    assert source.asked == 2, "those that it refuses together ask once"


async def test_what_was_dropped_while_it_was_asked_for_is_not_kept() -> None:
    source = Source("old")
    kept = Kept(600)
    source.open.clear()
    before = asyncio.ensure_future(kept.judged("codes", source, only))
    await source.begun()
    kept.drop()
    source.items = ["new"]
    after = asyncio.ensure_future(kept.judged("codes", source, only))
    await source.begun()
    source.open.set()
    assert (await before, await after) == ("old", "new")
    assert await kept.judged("codes", source, only) == "new"
    assert source.asked == 2


async def test_no_more_lists_are_kept_than_is_said_and_none_that_is_too_long() -> None:
    kept = Kept(600)
    first, others = Source("a"), Source("a")
    await kept.judged("first", first, only)
    for number in range(MOST_LISTS):
        await kept.judged(f"other {number}", others, only)
    await kept.judged("first", first, only)
    assert first.asked == 2
    long = Source(*("a" for _ in range(MOST_ITEMS + 1)))
    for _ in range(2):
        await kept.judged("long", long, len)
    assert long.asked == 2


async def test_two_accounts_share_nothing() -> None:
    here, there = Source("ours"), Source("theirs")
    assert await Kept(600).judged("codes", here, only) == "ours"
    assert await Kept(600).judged("codes", there, only) == "theirs"
