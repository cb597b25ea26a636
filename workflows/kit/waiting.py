"""Durable waits. Every wait of a workflow is one of these, so that none is without an end, none
outlives a cancel, and a run that has grown long continues as new wherever it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, Protocol

from temporalio import workflow

from workflows.kit.endings import Overdue

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Pace
    from invoicing.state.invoice import Waiting

Whom = Literal["provider", "person", "time", "register"]


class Slot(Protocol):
    """What remembers one wait."""

    waiting: Waiting | None


class Waits:
    """One workflow's waits, as its memory shows them.

    Args:
        slot: where the wait that is under way is kept: over a continue-as-new, too.
        boundary: called before and after every wait: it may raise Cancelling, or continue as new.
        wakes: whether `boundary` has something to do now.
        shown: called when what is waited for has changed.
    """

    def __init__(
        self,
        slot: Slot,
        boundary: Callable[[], None],
        wakes: Callable[[], bool],
        shown: Callable[[], None],
    ) -> None:
        self._slot = slot
        self._boundary = boundary
        self._wakes = wakes
        self._shown = shown

    async def pause(
        self,
        what: str,
        pace: Pace,
        awake: Callable[[], bool] = lambda: False,
        at_least: timedelta = timedelta(),
        after: str = "",
        on: Whom = "provider",
    ) -> None:
        """One pause in a row of pauses, for the provider as a rule, cut short when `awake` holds.
        Where the one before it was for `after`, both are of one row, with one deadline.

        Raises Overdue when the row has lasted as long as its pace allows.
        """
        waiting = self._in_a_row(on, what, after, pace.deadline)
        left = _left(waiting)
        if left <= timedelta():
            self.over()
            raise Overdue
        self._slot.waiting = waiting.model_copy(update={"turn": waiting.turn + 1})
        self._shown()
        jitter = 0.9 + 0.2 * workflow.random().random()
        length = max(pace.pause(waiting.turn) * jitter, at_least)
        await self.sleep(awake, min(length, left), f"waiting for: {what}")

    async def once(
        self, on: Whom, what: str, length: timedelta, awake: Callable[[], bool], summary: str
    ) -> bool:
        """One wait, shown as such, for something that nobody asks again for. Whether it came; a
        wait that is begun again after a continue-as-new keeps its end."""
        waiting = self._slot.waiting
        if waiting is None or (waiting.on, waiting.what) != (on, what):
            waiting = self.begin(on, what, length)
        self._shown()
        while not awake() and (left := _left(waiting)) > timedelta():
            await self.sleep(awake, left, summary)
        return awake()

    async def sleep(self, awake: Callable[[], bool], length: timedelta, summary: str) -> None:
        """Until `awake` holds, the time is over, or the boundary has something to do."""
        self._boundary()
        try:
            await workflow.wait_condition(
                lambda: awake() or self._wakes(),
                timeout=max(length, timedelta()),
                timeout_summary=summary,
            )
        except TimeoutError:
            return
        if not awake():
            # What was waited for is taken first, a person's answer above all: it has been
            # acknowledged. The next boundary is never far.
            self._boundary()

    @property
    def waiting(self) -> Waiting | None:
        """The wait that is under way."""
        return self._slot.waiting

    @waiting.setter
    def waiting(self, waiting: Waiting | None) -> None:
        self._slot.waiting = waiting

    def begin(self, on: Whom, what: str, length: timedelta) -> Waiting:
        """Say what is waited for, from now on and until when."""
        now = workflow.now()
        self._slot.waiting = Waiting(on=on, what=what, since=now, until=now + length)
        return self._slot.waiting

    def over(self) -> None:
        """Nothing is waited for any more."""
        self._slot.waiting = None

    def _in_a_row(self, on: Whom, what: str, after: str, deadline: timedelta) -> Waiting:
        current = self._slot.waiting
        if current and current.on == on and current.what in (what, after):
            return current.model_copy(update={"what": what})
        return self.begin(on, what, deadline)


def _left(waiting: Waiting) -> timedelta:
    until: datetime = waiting.until or workflow.now()
    return until - workflow.now()
