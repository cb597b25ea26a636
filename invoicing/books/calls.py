"""How often providers were called, and with what result: counted where they are called, and kept by
the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Protocol

from invoicing.model import Recorded

KEPT = timedelta(days=400)
"""A day's counts are forgotten after so long."""
OK = "ok"
"""The result of a call that did what it was to do; any other is a kind of error."""


class Called(Recorded):
    """So many calls of one day (in UTC) had this result."""

    day: date
    provider: str
    account: str
    result: str
    calls: int


class Tally:
    """What one process has called since that was written down last."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[date, str, str, str]] = Counter()

    def add(self, called: Called) -> None:
        """Count it too."""
        self._counts[called.day, called.provider, called.account, called.result] += called.calls

    def taken(self) -> tuple[Called, ...]:
        """All of it, in an order that does not change; from now on it is counted anew."""
        counts, self._counts = self._counts, Counter()
        return tuple(
            Called(day=day, provider=provider, account=account, result=result, calls=calls)
            for (day, provider, account, result), calls in sorted(counts.items())
        )

    def put_back(self, every: Iterable[Called]) -> None:
        """What could not be written down."""
        for each in every:
            self.add(each)


class CountsCalls(Protocol):
    """Where counts are kept."""

    async def count_calls(self, every: tuple[Called, ...]) -> None:
        """Add these to what is there. Raises Unavailable."""
        ...
