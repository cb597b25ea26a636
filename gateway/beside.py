"""Work that takes the processor for long: beside the loop, and a little of it at once.

Python runs one thread at a time. So many threads that compute would hold up the loop as much as if
they computed in it, and whoever sends what is laborious would take everybody's time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")

SWITCH = 0.0005
"""Seconds after which a thread that computes lets another go on. The interpreter's own are ten
times as many, and a request needs several turns."""


class Beside:
    """A room for so many at once. Of one caller it takes one at a time, so nobody waits for more
    than one thing of each other caller."""

    def __init__(self, at_once: int) -> None:
        # Threads of its own: what a caller that has left has begun goes on to its end, and then
        # still counts.
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="beside")
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def do(self, whose: str, work: Callable[[], T]) -> T:
        """What this caller's work gives, once it has its turn."""
        turn = self._turns.setdefault(whose, asyncio.Lock())
        async with turn:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
