"""Master data of one account, kept for a while: lists that change rarely."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from invoicing.errors import Rejected

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")

MOST_LISTS = 16
MOST_ITEMS = 5_000
"""Of one list: a longer one is asked for each time."""


@dataclass(frozen=True)
class _List:
    items: Sequence[Any]
    until: float


class Kept:
    """Lists by name, each for so many seconds from the moment it was asked for; 0: none is kept.

    One adaptor has one, so no account sees another's. Many that need the same list at once share
    one call. What is refused by a kept list is held against a new one before it counts, and
    `drop` forgets all of them.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lists: dict[str, _List] = {}
        self._flights: dict[str, asyncio.Task[Sequence[Any]]] = {}

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self._seconds > 0

    def drop(self) -> None:
        """Forget everything, and keep nothing of what is being asked for at this moment."""
        self._lists.clear()
        self._flights.clear()

    async def judged(
        self,
        name: str,
        ask: Callable[[], Awaitable[Sequence[_Item]]],
        judge: Callable[[Sequence[_Item]], _Found],
    ) -> _Found:
        """What `judge` finds in the list; raises as it does, and as `ask` does."""
        if not self.keeps:
            return judge(await ask())
        kept = self._lists.get(name)
        if kept and self._clock() < kept.until:
            try:
                return judge(kept.items)
            except Rejected:
                del self._lists[name]
        return judge(await self._asked(name, ask))

    async def _asked(
        self, name: str, ask: Callable[[], Awaitable[Sequence[_Item]]]
    ) -> Sequence[_Item]:
        flight = self._flights.get(name)
        if flight is None:
            until = self._clock() + self._seconds
            flight = self._flights[name] = asyncio.ensure_future(ask())
            flight.add_done_callback(lambda done: self._take(name, until, done))
        # Whoever asked first may be given up; the others still want the answer.
        return await asyncio.shield(flight)

    def _take(self, name: str, until: float, done: asyncio.Task[Sequence[Any]]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if self._flights.get(name) is not done:
            return
        del self._flights[name]
        if failed or len(done.result()) > MOST_ITEMS:
            return
        self._lists.pop(name, None)
        while len(self._lists) >= MOST_LISTS:
            del self._lists[next(iter(self._lists))]
        self._lists[name] = _List(done.result(), until)
