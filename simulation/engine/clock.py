"""Virtual time: what is due, in order. Two things at one moment happen in the order of asking."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(span: timedelta) -> int:
    """A time span in microseconds, the unit of everything here."""
    return span // _MICROSECOND


def moment(at: int) -> datetime:
    """Microseconds since 1970 as a time in UTC."""
    return _EPOCH + timedelta(microseconds=at)


class Due:
    """Something that will happen, unless it is called off."""

    __slots__ = ("act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act

    def call_off(self) -> None:
        """Let it not happen."""
        self.act = None


class Clock:
    """Now, and what is due later."""

    def __init__(self, start: datetime) -> None:
        self.now = micros(start - _EPOCH)
        self._queue: list[tuple[int, int, Due]] = []
        self._asked = 0

    def at(self, when: int, act: Callable[[], None]) -> Due:
        """Have something happen at `when`; what is past happens next."""
        due = Due(act)
        self._asked += 1
        heapq.heappush(self._queue, (when, self._asked, due))
        return due

    def after(self, span: int, act: Callable[[], None]) -> Due:
        """Have something happen that many microseconds from now."""
        return self.at(self.now + span, act)

    def since_epoch(self, at: datetime) -> int:
        """A time in microseconds since 1970."""
        return micros(at - _EPOCH)

    def next(self, at_most: int) -> Callable[[], None] | None:
        """Go to the next thing due until then, and hand it out; None when there is none."""
        queue = self._queue
        while queue and queue[0][0] <= at_most:
            when, _, due = heapq.heappop(queue)
            if due.act is not None:
                self.now = max(self.now, when)
                return due.act
        return None

    def pass_to(self, at: int) -> None:
        """Let time pass in which nothing happens."""
        self.now = max(self.now, at)
