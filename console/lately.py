"""What is asked again and again is not looked for each time: many look at the same pages, and each
row of one is several calls."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class _Asked(NamedTuple):
    begun: float
    answer: asyncio.Task[Any]

    @property
    def is_good(self) -> bool:
        """Whether it is there, and no failure."""
        done = self.answer.done() and not self.answer.cancelled()
        return done and self.answer.exception() is None


class Lately:
    """Answers of a moment ago, for everybody who asks the same.

    Args:
        seconds: how old an answer may be, from when it was asked for; one that is under way is
            waited for however long it takes.
        meanwhile: how old one may be that is given at once to who wants that, while the next one
            is under way.
        clock: seconds that never go back.
    """

    def __init__(
        self, seconds: float, meanwhile: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._meanwhile, self._clock = seconds, meanwhile, clock
        self._asked: dict[Hashable, _Asked] = {}
        self._before: dict[Hashable, _Asked] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    async def answer(
        self, of: Hashable, ask: Callable[[], Coroutine[Any, Any, T]], *, at_once: bool = False
    ) -> T:
        """What `ask` answers, or has answered somebody lately. Raises what it raised."""
        now = self._clock()
        self._let_go(now)
        if of not in self._asked:
            self._asked[of] = _Asked(now, self._begun(ask()))
        asked, before = self._asked[of], self._before.get(of)
        found: T
        if at_once and before and not asked.answer.done():
            found = before.answer.result()
        else:
            found = await asyncio.shield(asked.answer)
        return found

    def _begun(self, asking: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        answer = asyncio.create_task(asking)
        self._under_way.add(answer)
        answer.add_done_callback(self._under_way.discard)
        # Those who asked may all have left when it fails.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return answer

    def _let_go(self, now: float) -> None:
        """What is too old goes, so that no more is held than was asked for lately."""
        for of, asked in [*self._asked.items()]:
            if not asked.answer.done() or (asked.is_good and now - asked.begun < self._seconds):
                continue
            del self._asked[of]
            if asked.is_good:
                self._before[of] = asked
        for of, before in [*self._before.items()]:
            if now - before.begun >= self._meanwhile:
                del self._before[of]

    def forget(self) -> None:
        """Ask anew from now on: somebody has just changed something. What is under way was asked
        for before that, and nobody new is given it."""
        self._asked.clear()
        self._before.clear()

    async def end(self) -> None:
        """Nothing is under way any more."""
        under_way = [*self._under_way]
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    @property
    def held(self) -> int:
        """Of how many things there are answers."""
        return len({*self._asked, *self._before})


class _Kept(NamedTuple, Generic[T]):
    version: Hashable
    until: float
    what: T


class Versions(Generic[K, T]):
    """What things were at their present version: what has not changed is not read anew.

    Args:
        most: so many; those that were looked at longest ago go.
        seconds: how long one is held at most, changed or not: what it says may have been erased.
    """

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._kept: OrderedDict[K, _Kept[T]] = OrderedDict()

    async def of(
        self,
        name: K,
        version: Hashable,
        read: Callable[[], Awaitable[T]],
        lasts: Callable[[T], bool],
    ) -> T:
        """What it is at this version, which was asked for before; as `read` says where that is not
        held. Only what `lasts` is held."""
        kept, now = self._kept.pop(name, None), self._clock()
        if kept is None or kept.version != version or now >= kept.until:
            what = await read()
            if not lasts(what):
                return what
            kept = _Kept(version, now + self._seconds, what)
        self._kept[name] = kept
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept.what

    @property
    def held(self) -> int:
        """How many there are."""
        return len(self._kept)


MOMENT = 1.0
"""Seconds: Temporal's lists are about as old."""
MEANWHILE = 5.0
"""Seconds: all that wait are read anew behind a page that shows who waited then. A stream looks
oftener, so while somebody has the inbox open nobody waits for that."""
PICTURES = 15.0
"""Seconds: days and weeks look the same a moment later, and adding them up takes a while."""
MOST_ROWS = 500
"""That are held: twenty pages of those that wait."""
HELD = 60.0
"""Seconds. What is erased may be read so long by every process."""


class Read:
    """What this process has read of the rows of pages."""

    def __init__(self) -> None:
        self.lists = Lately(MOMENT, MEANWHILE)
        """What waits, by who may see it."""
        self.rows = Lately(MOMENT)
        self.pictures = Lately(PICTURES)
        """How it goes, by who may see it and over which days; nobody decides by them."""
        self.held: Versions[Hashable, Any] = Versions(MOST_ROWS, HELD)

    def forget(self) -> None:
        """Somebody has done something here: what they look at next is as it is then."""
        self.lists.forget()
        self.rows.forget()

    async def end(self) -> None:
        """Nothing is read any more."""
        for each in (self.lists, self.rows, self.pictures):
            await each.end()
