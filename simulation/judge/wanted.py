"""What people want of one reference, by which everything else is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(slots=True)
class Wanted:
    """What people want of one reference, as far as it was acknowledged."""

    reference: str
    content: str
    gross: Decimal
    since: datetime
    perhaps: list[tuple[datetime, str, Decimal]] = field(default_factory=list)
    """What may have been asked for since: nobody heard whether it was taken."""
    before: list[tuple[datetime, str, Decimal]] = field(default_factory=list)
    sent_from: datetime | None = None
    held_since: datetime | None = None
    cancelled_since: datetime | None = None
    cut: datetime | None = None
    """When the engine's own cancel was given."""
    told: set[str] = field(default_factory=set)
    """The reasons for which a person was asked."""
    given_up: bool = False
    """Whether a person abandoned it."""
    lives: int = 0
    answered: set[tuple[int, str]] = field(default_factory=set)
    known_in: int = 0
    """The life of which the register said that there is an invoice already."""
    last_change: str = ""
    """The last call made that changes something."""

    def changes(self, now: datetime, content: str, gross: Decimal) -> None:
        """This is asked for from now on."""
        self.before.append((self.since, self.content, self.gross))
        self.content, self.gross, self.since = content, gross, now
        self.perhaps = [each for each in self.perhaps if each[1] != content]

    def is_as_before(self) -> None:
        """What was asked for last is not taken."""
        self.since, self.content, self.gross = self.before.pop()

    def contents(self, at: datetime) -> set[str]:
        """What may be the content asked for last, at this moment."""
        sure = self.content
        for since, known, _ in reversed(self.before):
            if at >= self.since:
                break
            sure = known
            if at >= since:
                break
        return {sure, *(known for since, known, _ in self.perhaps if since <= at)}

    def amounts(self, at: datetime) -> set[Decimal]:
        """The gross amounts of those."""
        right = self.contents(at)
        every = [(self.content, self.gross)]
        every += [(known, gross) for _, known, gross in (*self.perhaps, *self.before)]
        return {gross for known, gross in every if known in right}
