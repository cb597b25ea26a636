"""How long a person stays in the books: after so many days from the end, by kind, it is erased.

Which days is a setting of the workers, none by default. A schedule has one run a night: it goes
through what is due, page by page, and erases it as `erase` does. What is under a legal hold, still
runs, or belongs to something that is not erased is left, and looked at again the next night.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from invoicing.books.claims import Kind
from invoicing.model import Recorded

PAGE = 50
"""References of one page, which one activity erases."""
MOST_PAGES = 40
"""Of one run: 2,000 references. The rest is for the next night."""
BY = "retention"
"""Who erased it, in the journal."""


class Retained(StrEnum):
    """What has days of its own."""

    ORDER = "order"
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


IN_TURN = (Retained.ORDER, Retained.INVOICE, Retained.CREDIT_NOTE)
"""What belongs to another is erased after it."""

Days = dict[Retained, int]
"""Days from the end; what is not named is kept."""


class DueCall(Recorded):
    """Input of `due`: what is due at this moment, after this place in the list."""

    at: datetime
    kind: Retained | None = None
    ended_at: datetime | None = None
    reference: str = ""


class Due(Recorded):
    """A reference whose days are over."""

    kind: Kind
    reference: str
    ended_at: datetime
    days: int


class DuePage(Recorded):
    """Some that are due, and where to go on; None: these are the last."""

    due: tuple[Due, ...] = ()
    next: DueCall | None = None


class EraseCall(Recorded):
    """Input of `erase_due`."""

    due: tuple[Due, ...]
    at: datetime


class ErasedNow(Recorded):
    """What became of a page, and of a run: how many are erased, and how many were left."""

    erased: int = 0
    left: int = 0
    more: bool = False
    """Whether the run ended at its bound: the next night goes on."""


class RetentionInput(Recorded):
    """The argument of the workflow: nothing. The days are the workers' own."""


@runtime_checkable
class Retains(Protocol):
    """What a retention needs of the register. All raise Unavailable."""

    async def due_of(
        self, kind: Retained, before: datetime, after: tuple[datetime | None, str], limit: int
    ) -> tuple[tuple[Kind, str, datetime], ...]:
        """Kind, reference and end of what ended before this moment and is neither erased nor held,
        by their end, after this place."""
        ...

    async def ran_in(self, due: Due, at: datetime) -> str | None:
        """The namespace whose Temporal says whether it still runs; None: it may not be erased."""
        ...

    async def erase_one(self, due: Due, at: datetime) -> bool:
        """Erase it, if it may be; whether it is erased now."""
        ...

    async def forget(self) -> bool:
        """Take what was erased out of the database's files; False where that is not possible now:
        somebody reads them."""
        ...


def turn_after(kind: Retained, days: Days) -> Retained | None:
    """The next kind that has days."""
    following = IN_TURN[IN_TURN.index(kind) + 1 :]
    return next((each for each in following if each in days), None)


def first_turn(days: Days) -> Retained | None:
    """The first kind that has days."""
    return next((each for each in IN_TURN if each in days), None)


def over_before(at: datetime, days: int) -> datetime:
    """What ended before this moment has been kept so many days."""
    return at - timedelta(days=days)
