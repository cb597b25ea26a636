"""What a stand-in does by itself some time later, and still does after a restart."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any


class Agenda:
    """Effects that are due some seconds from now. Nothing happens while it does not run.

    An effect is a method of what the stand-in keeps, or a `partial` of one: then both can be
    written to a file together.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[float, Callable[[], None]]] = {}
        self._last = 0
        self._idle()

    def _idle(self) -> None:
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._running = False
        self.after: Callable[[], None] = _nothing
        """Called after every effect."""

    def later(self, seconds: float, effect: Callable[[], None]) -> None:
        """Let something happen after `seconds`; never, when that is infinite."""
        if math.isinf(seconds):
            return
        self._last += 1
        self._waiting[self._last] = seconds, effect
        if self._running:
            self._schedule(self._last)

    def run(self) -> None:
        """From now on effects happen; what waited waits anew."""
        self._running = True
        for which in self._waiting:
            self._schedule(which)

    def stop(self) -> None:
        """Nothing happens any more; what waits is kept."""
        self._running = False
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def clear(self) -> None:
        """Forget what waits."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()

    def _schedule(self, which: int) -> None:
        seconds, _ = self._waiting[which]
        loop = asyncio.get_running_loop()
        self._timers[which] = loop.call_later(seconds, self._happen, which)

    def _happen(self, which: int) -> None:
        del self._timers[which]
        _, effect = self._waiting.pop(which)
        effect()
        self.after()

    def __getstate__(self) -> dict[str, Any]:
        return {"_waiting": self._waiting, "_last": self._last}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._idle()


def _nothing() -> None:
    """Nobody wants to know."""
