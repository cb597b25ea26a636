"""How often something may happen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST_NAMES = 10_000


class Bucket:
    """`burst` at once, and `rate` per second for long. `clock` gives seconds, never going back."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left = float(burst)
        self._seen = clock()

    def take(self) -> float:
        """0 if one more is let through, else the seconds until it would be."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0


class Buckets:
    """One for each name, of the `MOST_NAMES` that were met last; one that is forgotten begins anew,
    full."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._how = rate, burst, clock
        self._of: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str) -> float:
        """As a bucket does."""
        if name not in self._of:
            self._of[name] = Bucket(*self._how)
            if len(self._of) > MOST_NAMES:
                self._of.popitem(last=False)
        self._of.move_to_end(name)
        return self._of[name].take()
