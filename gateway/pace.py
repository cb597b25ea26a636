"""When requests begin: those of one sender some milliseconds apart.

The loop does first what came first. Twenty requests of one sender that come in one moment would all
be done before another's, which comes a moment later: that one would wait for twenty of them.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque

APART = 0.003
"""Seconds: four times as long as a small request takes. It is no bound that anybody meets who keeps
to a caller's rate."""


class Pace:
    """Of every sender one begins, and the next not before the last has had its time. On a machine
    that stood still for a while, too: what is late does not begin all at once."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    async def begin(self, whose: str) -> None:
        """Returns once it is this sender's turn."""
        loop = asyncio.get_running_loop()
        if whose not in self._waiting:
            self._waiting[whose] = deque()
            loop.call_later(APART, self._next, whose)
            return
        turn = loop.create_future()
        self._waiting[whose].append(turn)
        await turn

    def _next(self, whose: str) -> None:
        turns = self._waiting[whose]
        while turns:
            turn = turns.popleft()
            if not turn.done():  # as it is where its caller has left
                turn.set_result(None)
                asyncio.get_running_loop().call_later(APART, self._next, whose)
                return
        del self._waiting[whose]


_CHANCE = random.SystemRandom()


def spread(seconds: float) -> float:
    """Up to a quarter longer, by chance: what came in one moment does not end in one."""
    return seconds * _CHANCE.uniform(1, 1.25)
