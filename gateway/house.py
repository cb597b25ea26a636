"""Who may be inside at once: nobody takes another's place.

Every caller has a bound of its own, requests that wait for a result are counted apart from all
others, some places are kept for webhooks and operators, and senders who have not proven themselves
have a room of their own, in which whoever dawdles gives way to whoever comes.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import sleep
from collections import Counter
from collections.abc import Callable, Iterator

from gateway.callers import Caller
from gateway.pace import spread
from gateway.problems import busy, unavailable
from settings.callers import Scope
from settings.gateway import GatewaySettings

UNPROVEN_BYTES = 32_000_000
"""Of all bodies together whose senders have not proven themselves."""
PAUSE = 0.5
"""Seconds, and up to a quarter more."""
Leave = Callable[[], None]


class House:
    """The places of this process."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._inside = self._long = 0
        self._of: Counter[str] = Counter()
        self._long_of: Counter[str] = Counter()
        self._reading: dict[asyncio.Timeout, int] = {}
        self._pausing: Counter[str] = Counter()

    def enter(self, caller: Caller) -> Leave:
        """A place for a caller's request; call what it returns when it has ended. Raises Trouble
        where there is none."""
        most = self._settings.at_once
        if Scope.OPERATE not in caller.may:
            most -= self._settings.reserve
        if self._of[caller.name] >= self._settings.caller_at_once:
            raise busy("too many requests of this caller at once")
        return self._enter(most, caller.name)

    def enter_proven(self) -> Leave:
        """The same for a webhook whose sender has been proven."""
        return self._enter(self._settings.at_once, None)

    def _enter(self, most: int, name: str | None) -> Leave:
        if self._inside >= most:
            raise unavailable("too many requests at once", 1)
        self._inside += 1
        if name is not None:
            self._of[name] += 1

        def leave() -> None:
            self._inside -= 1
            if name is not None:
                _less(self._of, name)

        return leave

    def wait_long(self, caller: Caller) -> Leave:
        """A place for a request that waits for a result. Raises Trouble where there is none."""
        name = caller.name
        if self._long_of[name] >= self._settings.caller_long_polls:
            raise busy("too many requests of this caller wait for a result")
        if self._long >= self._settings.long_polls:
            raise unavailable("too many requests wait for a result", 1)
        self._long += 1
        self._long_of[name] += 1

        def leave() -> None:
            self._long -= 1
            _less(self._long_of, name)

        return leave

    @contextlib.contextmanager
    def reading_unproven(self, deadline: asyncio.Timeout) -> Iterator[Callable[[int], None]]:
        """While the body of somebody unproven is read, until this deadline; it is told how many
        bytes came. Where there are too many readers or bytes, the deadline of whoever has been at
        it longest is now: a sender who means it is quick."""
        if len(self._reading) >= self._settings.unproven:
            self._give_way()
        self._reading[deadline] = 0

        def took(count: int) -> None:
            if deadline in self._reading:
                self._reading[deadline] += count
            while sum(self._reading.values()) > UNPROVEN_BYTES:
                self._give_way()

        try:
            yield took
        finally:
            self._reading.pop(deadline, None)

    def _give_way(self) -> None:
        slowest = next(iter(self._reading))
        del self._reading[slowest]
        slowest.reschedule(asyncio.get_running_loop().time())

    async def pause(self, caller: Caller) -> None:
        """Before a caller is told that it asks too often: who does not wait is made to, or it would
        be told so a thousand times a second. Only so many of its requests wait."""
        if self._pausing[caller.name] < self._settings.caller_at_once:
            self._pausing[caller.name] += 1
            try:
                await sleep(spread(PAUSE))
            finally:
                _less(self._pausing, caller.name)


def _less(count: Counter[str], name: str) -> None:
    """One less; nothing is kept of who has nothing here, for an issuer has many people."""
    count[name] -= 1
    if not count[name]:
        del count[name]
