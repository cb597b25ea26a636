"""The streams of this process: how many there may be, and what they look at, once for all who watch
the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable

from gateway.problems import busy, trouble_with, unavailable
from settings.gateway import GatewaySettings

EVERY = 3.0
"""Seconds between two looks at one thing, for everybody who watches it."""

Look = Callable[[], Awaitable[str]]
Leave = Callable[[], None]


class Watch:
    """One look after the other at one thing, as long as somebody watches it."""

    def __init__(self, look: Look) -> None:
        self.watchers = 0
        self.version = ""
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(look))

    def end(self) -> None:
        """Nobody watches it any more."""
        self._task.cancel()

    async def other_than(self, version: str, within: float) -> str:
        """The version that is another one, or this one once the time is over."""
        if self.version == version:
            try:
                await asyncio.wait_for(self._changed.wait(), within)
            except TimeoutError:
                return version
        return self.version

    async def _run(self, look: Look) -> None:
        while True:
            try:
                version = await look()
            except Exception as error:  # noqa: BLE001
                # It is away, or fails: what is seen when it is back is told then.
                trouble_with(error)
                version = self.version
            if version != self.version:
                self.version = version
                changed, self._changed = self._changed, asyncio.Event()
                changed.set()
            await asyncio.sleep(EVERY)


class Streams:
    """So many of one person, so many in all."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._of_one, self._most = settings.console_streams, settings.console_streams_in_all
        self._of: Counter[str] = Counter()
        self._watches: dict[Hashable, Watch] = {}

    def enter(self, name: str, of: Hashable, look: Look) -> tuple[Watch, Leave]:
        """A place for one more, who watches what `look` says; call what comes with it when it has
        ended. Those who watch the same thing share its looks. Raises Trouble where there is no
        place."""
        if self._of[name] >= self._of_one:
            raise busy("too many pages of this person are kept up to date")
        if self._of.total() >= self._most:
            raise unavailable("too many pages are kept up to date", 60)
        self._of[name] += 1
        watch = self._watches.get(of)
        if watch is None:
            watch = self._watches[of] = Watch(look)
        watch.watchers += 1

        def leave() -> None:
            self._of[name] -= 1
            if not self._of[name]:
                del self._of[name]
            watch.watchers -= 1
            if not watch.watchers:
                watch.end()
                del self._watches[of]

        return watch, leave

    @property
    def under_way(self) -> tuple[int, int]:
        """How many there are, and how many things they look at."""
        return self._of.total(), len(self._watches)
