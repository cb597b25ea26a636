"""How often something may happen."""

from __future__ import annotations

from collections.abc import Callable


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
