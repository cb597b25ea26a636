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


class Lately:
    """Answers of a moment ago, for everybody who asks the same.

    Args:
        seconds: how old an answer may be, from when it was asked for; one that is under way is
            waited for however long it takes.
        clock: seconds that never go back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._asked: dict[Hashable, _Asked] = {}

    async def answer(self, of: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `ask` answers, or has answered somebody lately. Raises what it raised."""
        now = self._clock()
        # What is too old is let go of, so that no more is held than was asked for lately.
        for each in [name for name, asked in self._asked.items() if self._is_over(asked, now)]:
            del self._asked[each]
        if of not in self._asked:
            answer = asyncio.create_task(ask())
            # Those who asked may all have left when it fails.
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._asked[of] = _Asked(now, answer)
        found: T = await asyncio.shield(self._asked[of].answer)
        return found

    def _is_over(self, asked: _Asked, now: float) -> bool:
        if not asked.answer.done():
            return False
        failed = asked.answer.cancelled() or asked.answer.exception() is not None
        return failed or now - asked.begun >= self._seconds

    def forget(self) -> None:
        """Ask anew from now on: somebody has just changed something."""
        self._asked.clear()

    @property
    def held(self) -> int:
        """How many answers there are."""
        return len(self._asked)


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
PICTURES = 15.0
"""Seconds: days and weeks look the same a moment later, and adding them up takes a while."""
MOST_ROWS = 500
"""That are held: twenty pages of those that wait."""
HELD = 60.0
"""Seconds. What is erased may be read so long by every process."""


class Read:
    """What this process has read of the rows of pages."""

    def __init__(self) -> None:
        self.lists = Lately(MOMENT)
        """What waits, by who may see it."""
        self.rows = Lately(MOMENT)
        self.pictures = Lately(PICTURES)
        """How it goes, by who may see it and over which days; nobody decides by them."""
        self.held: Versions[Hashable, Any] = Versions(MOST_ROWS, HELD)

    def forget(self) -> None:
        """Somebody has done something here: what they look at next is as it is then."""
        self.lists.forget()
        self.rows.forget()
