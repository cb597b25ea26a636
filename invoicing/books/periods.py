"""Days, from one up to and with another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True)
class Period:
    """From one day up to and with another, in UTC."""

    since: date
    until: date

    @classmethod
    def month(cls, text: str) -> Period:
        """As 2026-06. Raises ValueError."""
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
        return cls(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """Its first moment, and the first one after it."""
        midnight = time(tzinfo=UTC)
        after = datetime.combine(self.until + timedelta(days=1), midnight)
        return datetime.combine(self.since, midnight), after
