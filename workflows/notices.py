"""Notices on their way to a subscriber: handed over by an invoice or an order, posted in order."""

from __future__ import annotations

from collections import deque
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

from workflows.kit.instructions import of_one_input
from workflows.kit.lifetime import is_long
from workflows.kit.telemetry import count

with workflow.unsafe.imports_passed_through():
    from activities.notice import NoticeActivities
    from invoicing.state.bounds import DROPPED, ENTRY_CHARACTERS, NOTICES_BYTES, newest
    from invoicing.state.identity import subscriber_queue
    from invoicing.state.notice import (
        Dropped,
        Notice,
        NoticesInput,
        NoticesState,
    )

CALL = timedelta(seconds=20)
"""More than the poster's own time-out, so that its word for what happened wins."""

DETAILS = "What is waiting, and what was given up: query *state*."


@workflow.defn
class NoticesWorkflow:
    """Posts what it was given, one after the other, and ends when nothing is left.

    A notice that is not taken in time is dropped, so that those after it get their turn; so is the
    oldest that waits where there are too many. Then the workflow fails at its end, for somebody to
    see.
    """

    @workflow.init
    def __init__(self, start: NoticesInput) -> None:
        self._start = start
        self._waiting = deque(start.waiting)
        self._posting: Notice | None = None
        self._taken = start.taken
        self._dropped = start.dropped
        self._lost = start.lost

    @workflow.run
    async def run(self, start: NoticesInput) -> NoticesState:
        """post → post → … until nothing waits; Temporal's own Cancel gives up what does."""
        while self._waiting:
            self._posting = self._waiting.popleft()
            await self._post(self._posting)
            self._posting = None
            if self._waiting and is_long():
                self._continue_as_new()
        if gone := len(self._dropped) + self._lost:
            what = f"{gone} of {self._taken + gone} notices were not taken"
            raise ApplicationError(what, type="NotTaken", non_retryable=True)
        return self._state

    @workflow.signal(description="One more notice to be posted, after those that wait.")
    @of_one_input
    def tell(self, notice: Notice) -> None:
        """Take it. Where there is no room for it, the oldest that waits is given up."""
        self._waiting.append(notice)
        kept = len(newest(tuple(self._waiting), NOTICES_BYTES))
        while len(self._waiting) > kept:
            self._drop(self._waiting.popleft(), "too many waited after it")

    @workflow.query(description="What waits, how much was taken, what was given up and why.")
    def state(self) -> NoticesState:
        """The notices as they are now."""
        return self._state

    @property
    def _state(self) -> NoticesState:
        return NoticesState(
            subscriber=self._start.subscriber,
            waiting=tuple(each.type for each in self._left),
            taken=self._taken,
            dropped=self._dropped,
            lost=self._lost,
        )

    @property
    def _left(self) -> tuple[Notice, ...]:
        """What is not posted yet, the next one first."""
        return (*((self._posting,) if self._posting else ()), *self._waiting)

    async def _post(self, notice: Notice) -> None:
        """Have it posted, or dropped. A run that has grown long meanwhile leaves it to the next
        one: a subscriber that is away for days must not keep it from taking what comes."""
        call = self._begun(notice)
        await workflow.wait_condition(lambda: call.done() or is_long())
        if not call.done():
            self._continue_as_new()
        if (error := call.exception()) is None:
            self._taken += 1
        elif not isinstance(error, ActivityError) or is_cancelled_exception(error):
            raise error
        else:
            self._drop(notice, _sentence(error))

    def _begun(self, notice: Notice) -> workflow.ActivityHandle[None]:
        pace = self._start.pace
        left = notice.timestamp + pace.deadline - workflow.now()
        return workflow.start_activity_method(
            NoticeActivities.post,
            notice,
            task_queue=subscriber_queue(self._start.subscriber),
            summary=notice.type,
            start_to_close_timeout=CALL,
            # Whatever waited behind one that was not taken gets its turn, too.
            schedule_to_close_timeout=max(left, min(CALL, pace.deadline)),
            retry_policy=RetryPolicy(
                initial_interval=pace.first,
                backoff_coefficient=pace.factor,
                maximum_interval=pace.cap,
            ),
        )

    def _drop(self, notice: Notice, why: str) -> None:
        why = why[:ENTRY_CHARACTERS]
        dropped = Dropped(id=notice.id, type=notice.type, sequence=notice.sequence, why=why)
        all_dropped = (*self._dropped, dropped)
        self._dropped = all_dropped[-DROPPED:]
        self._lost += len(all_dropped) - len(self._dropped)
        count("invoicing_notices_dropped", subscriber=self._start.subscriber)
        gone = [f"- {each.sequence} `{each.type}`: {each.why}" for each in self._dropped]
        more = [f"- and {self._lost} before these"] if self._lost else []
        workflow.set_current_details("\n".join(["### Not taken", "", *more, *gone]))

    def _continue_as_new(self) -> None:
        update = {
            "waiting": self._left,
            "taken": self._taken,
            "dropped": self._dropped,
            "lost": self._lost,
        }
        workflow.continue_as_new(self._start.model_copy(update=update))


def _sentence(error: BaseException | None) -> str:
    """What the poster said last; a time that ran out is told around it."""
    while isinstance(error, FailureError):
        if isinstance(error, ApplicationError):
            return error.message
        error = error.cause
    return "no answer came in time"
