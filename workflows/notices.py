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

with workflow.unsafe.imports_passed_through():
    from activities.notice import NoticeActivities
    from invoicing.identity import subscriber_queue
    from invoicing.notice import (
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

    A notice that is not taken in time is dropped, so that those after it get their turn; then the
    workflow fails at its end, for somebody to see.
    """

    @workflow.init
    def __init__(self, start: NoticesInput) -> None:
        self._start = start
        self._waiting = deque(start.waiting)
        self._taken = start.taken
        self._dropped = start.dropped

    @workflow.run
    async def run(self, start: NoticesInput) -> NoticesState:
        """post → post → … until nothing waits; Temporal's own Cancel gives up what does."""
        while self._waiting:
            self._continue_as_new_if_long()
            await self._post(self._waiting[0])
            self._waiting.popleft()
        if self._dropped:
            told = self._taken + len(self._dropped)
            what = f"{len(self._dropped)} of {told} notices were not taken"
            raise ApplicationError(what, type="NotTaken", non_retryable=True)
        return self._state

    @workflow.signal(description="One more notice to be posted, after those that wait.")
    def tell(self, notice: Notice) -> None:
        """Take it."""
        self._waiting.append(notice)

    @workflow.query(description="What waits, how much was taken, what was given up and why.")
    def state(self) -> NoticesState:
        """The notices as they are now."""
        return self._state

    @property
    def _state(self) -> NoticesState:
        return NoticesState(
            subscriber=self._start.subscriber,
            waiting=tuple(each.type for each in self._waiting),
            taken=self._taken,
            dropped=self._dropped,
        )

    async def _post(self, notice: Notice) -> None:
        pace = self._start.pace
        left = notice.timestamp + pace.deadline - workflow.now()
        try:
            await workflow.execute_activity_method(
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
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._drop(notice, error)
        else:
            self._taken += 1

    def _drop(self, notice: Notice, error: ActivityError) -> None:
        why = _sentence(error)
        dropped = Dropped(id=notice.id, type=notice.type, sequence=notice.sequence, why=why)
        self._dropped = (*self._dropped, dropped)
        gone = "\n".join(f"- {each.sequence} `{each.type}`: {each.why}" for each in self._dropped)
        workflow.set_current_details(f"### Not taken\n\n{gone}")

    def _continue_as_new_if_long(self) -> None:
        if workflow.info().is_continue_as_new_suggested():
            update = {
                "waiting": tuple(self._waiting),
                "taken": self._taken,
                "dropped": self._dropped,
            }
            workflow.continue_as_new(self._start.model_copy(update=update))


def _sentence(error: BaseException | None) -> str:
    """What the poster said last; a time that ran out is told around it."""
    while isinstance(error, FailureError):
        if isinstance(error, ApplicationError):
            return error.message
        error = error.cause
    return "no answer came in time"
