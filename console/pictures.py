"""Where the parts of a picture are: bars of days, and bars beside each other. Only numbers; the
templates draw, and a table beside each picture says the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from invoicing.books.overview import DayCount
from invoicing.state.invoice import Status

WIDTH, HEIGHT = 440, 180
"""Of the field in which the bars of days stand."""
LONGEST = 1000
"""Of a bar beside others."""

GROUPS: Mapping[str, tuple[Status, ...]] = {
    "paid": (Status.PAID,),
    "sent": (Status.SENT, Status.DELIVERED),
    "under_way": (
        Status.STARTED,
        Status.DRAFTED,
        Status.SCHEDULED,
        Status.APPROVING,
        Status.APPROVED,
        Status.SENDING,
        Status.CANCELLING,
    ),
    "person": (Status.HELD, Status.NEEDS_ATTENTION),
    "ended": (
        Status.CANCELLED,
        Status.CREDITED,
        Status.ABANDONED,
        Status.REJECTED,
        Status.EXPIRED,
    ),
}
"""Statuses that one colour stands for, from the bottom up."""
_GROUP_OF = {str(status): group for group, statuses in GROUPS.items() for status in statuses}


class Block(NamedTuple):
    """A part of a day's bar."""

    group: str
    x: float
    y: float
    width: float
    height: float


class DayBars(NamedTuple):
    """Days beside each other; `top` is what the full height stands for. `days`: by group."""

    blocks: tuple[Block, ...]
    top: int
    days: Mapping[date, Mapping[str, int]]


def by_day(days: Sequence[date], counted: Iterable[DayCount]) -> DayBars:
    """How many invoices of each day are in which group."""
    table: dict[date, dict[str, int]] = {day: dict.fromkeys(GROUPS, 0) for day in days}
    for each in counted:
        # A status that a newer worker has written is not known here: it is under way.
        table[each.day][_GROUP_OF.get(each.status, "under_way")] += each.invoices
    top = round_up(max((sum(groups.values()) for groups in table.values()), default=0))
    width = WIDTH / max(1, len(days))
    blocks = []
    for place, groups in enumerate(table.values()):
        below = 0
        for group, count in groups.items():
            if count:
                below += count
                y = HEIGHT * (1 - below / top)
                # A gap between days that stays one where there are many.
                blocks.append(Block(group, place * width, y, width * 0.85, HEIGHT * count / top))
    return DayBars(tuple(blocks), top, table)


def round_up(most: int) -> int:
    """The next number that an axis may end with: 2, 4, 10, 20, 40, 100 and so on."""
    if most <= 2:
        return 2
    step = int(10 ** (len(str(most)) - 1))
    return next(step * each for each in (1, 2, 4, 10) if step * each >= most)


def lengths(values: Sequence[Decimal | int]) -> list[int]:
    """How long the bars of these are beside each other; what is there at all is seen."""
    most = max(values, default=0)
    return [max(4, int(LONGEST * value / most)) if value > 0 else 0 for value in values]
