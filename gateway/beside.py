"""Work that takes the processor for long: beside the loop, and a little of it at once.

Python runs one thread at a time. So many threads that compute would hold up the loop as much as if
they computed in it, and whoever sends what is laborious would take everybody's time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

SWITCH = 0.0005
"""Seconds after which a thread that computes lets another go on. The interpreter's own are ten
times as many, and a request needs several turns."""


class Turns:
    """One thing of each caller at a time."""

    def __init__(self) -> None:
        self._of: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, whose: str) -> asyncio.Lock:
        """To be held while it is done. Nothing is kept of who holds or waits for none."""
        return self._of.setdefault(whose, asyncio.Lock())

    async def after(self, whose: str, asked: Coroutine[Any, Any, T]) -> T:
        """What this gives, once it is this caller's turn."""
        try:
            async with self.of(whose):
                return await asked
        finally:
            asked.close()  # where its turn did not come


class Beside:
    """A room for so many at once. Of one caller it takes one at a time, so nobody waits for more
    than one thing of each other caller."""

    def __init__(self, at_once: int) -> None:
        # Threads of its own: what a caller that has left has begun goes on to its end, and then
        # still counts.
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="beside")
        self.turns = Turns()

    async def do(self, whose: str, work: Callable[[], T]) -> T:
        """What this caller's work gives, once it has its turn."""
        async with self.turns.of(whose):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
