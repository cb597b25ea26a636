"""Calls to a provider as a workflow sees them: durable, and ending in an answer or a Trouble.

What is asked of our own or before anything is made is repeated by the engine until it answers. A
look at an invoice is tried once, and the workflow looks again. A call that changes something is
tried once, and soon or not at all: whether it happened is a question that the workflow answers by
looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Any, TypeVar

from temporalio import exceptions, workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType

from workflows.kit.endings import Cancelling

with workflow.unsafe.imports_passed_through():
    from invoicing.errors import Details
    from invoicing.provider import Pace
    from invoicing.state.identity import provider_queue

R = TypeVar("R")

PLAN_TIMEOUT = timedelta(seconds=30)
PLAN_PATIENCE = timedelta(minutes=10)
"""A plan makes no call: when it does not come, no worker serves the provider's queue."""

MARGIN = timedelta(seconds=5)
"""Between the adaptor's own time-out and the engine's, so that the adaptor's verdict wins."""

SOON = timedelta(minutes=1)
"""A changing call that no worker begins by then is not made at all. What was looked at before it,
and what people have said since, must still hold when it goes out."""

ONCE = RetryPolicy(maximum_attempts=1)


class Turn(IntEnum):
    """Whose turn it is where many calls wait for one provider: the smaller number goes first. What
    is begun is finished before more is begun, and what people want back comes before all else.

    They are Temporal's task priorities; a server that has none takes calls as they come.
    """

    BACK = 1
    """Deleting and crediting."""
    ON = 2
    """What has a draft go on: updated, attached to, made final, brought to its buyer."""
    LOOK = 3
    BEGIN = 4
    """A draft, a registration."""
    PLAN = 5
    """Planning, and the look-ups that a draft needs."""


class Kind(StrEnum):
    """What a failed call means for the next step."""

    UNAVAILABLE = "Unavailable"
    NOT_BEGUN = "NotBegun"
    """No worker took it in time: it was certainly not made."""
    REJECTED = "Rejected"
    DENIED = "Denied"
    """The credentials were refused: nothing was done, and it works once they are renewed."""
    STALE = "Stale"
    """Refused, perhaps for what was looked up: it may be something else by now."""
    UNSUPPORTED = "Unsupported"
    UNREADABLE = "Unreadable"
    UNKNOWN = "UnknownOutcome"


class Trouble(Exception):
    """A call that did not go as asked. Always handled here; it never leaves the workflow."""

    def __init__(self, kind: Kind, message: str, details: Details | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = details.code if details else None
        self.fields = details.fields if details else ()
        self.retry_after = details.retry_after if details else None

    @property
    def final(self) -> bool:
        """Whether it will be refused again until somebody changes something."""
        return self.kind in (Kind.REJECTED, Kind.STALE, Kind.UNSUPPORTED)

    @property
    def unknown(self) -> bool:
        """Whether a changing call may have had its effect, though it was not said so."""
        return self.kind in (Kind.UNKNOWN, Kind.UNREADABLE)


class Queue:
    """One provider's task queue, under a plan's patience once there is a plan."""

    def __init__(self, provider: str) -> None:
        self._queue = provider_queue(provider)
        self._timeout = PLAN_TIMEOUT
        self._retries = RetryPolicy(maximum_interval=timedelta(minutes=1))
        self._patience = PLAN_PATIENCE

    def follow(self, call_timeout: timedelta, pace: Pace) -> None:
        """Take time-outs and pace from the plan."""
        self._timeout = call_timeout + MARGIN * min(1, call_timeout / (MARGIN * 2))
        self._patience = pace.deadline
        self._retries = RetryPolicy(
            initial_interval=pace.first, backoff_coefficient=pace.factor, maximum_interval=pace.cap
        )

    @property
    def recent(self) -> timedelta:
        """How old a look may be that still counts: a call may take this long."""
        return self._timeout

    def look(
        self, verb: Callable[..., Any], call: object, summary: str, turn: Turn = Turn.LOOK
    ) -> workflow.ActivityHandle[Any]:
        """A call that changes nothing, made once: whoever waits for it shows that it failed, and
        makes it again."""
        return workflow.start_activity_method(
            verb,
            call,
            task_queue=self._queue,
            summary=summary,
            priority=Priority(priority_key=turn),
            start_to_close_timeout=self._timeout,
            schedule_to_close_timeout=self._patience,
            retry_policy=ONCE,
        )

    def ask(
        self, verb: Callable[..., Any], call: object, summary: str, turn: Turn = Turn.PLAN
    ) -> workflow.ActivityHandle[Any]:
        """A call that changes nothing, or that is safe to repeat: the engine repeats it."""
        return workflow.start_activity_method(
            verb,
            call,
            task_queue=self._queue,
            summary=summary,
            priority=Priority(priority_key=turn),
            start_to_close_timeout=self._timeout,
            schedule_to_close_timeout=self._patience,
            retry_policy=self._retries,
        )

    def change(
        self, verb: Callable[..., Any], call: object, summary: str, turn: Turn
    ) -> workflow.ActivityHandle[Any]:
        """A call that changes something: once, and soon or never."""
        return workflow.start_activity_method(
            verb,
            call,
            task_queue=self._queue,
            summary=summary,
            priority=Priority(priority_key=turn),
            schedule_to_start_timeout=SOON,
            start_to_close_timeout=self._timeout,
            retry_policy=ONCE,
        )


async def answers(
    calls: tuple[workflow.ActivityHandle[R], ...], given_up: Callable[[], bool]
) -> list[R]:
    """What harmless calls answered. All are given up when one fails, or when a cancel comes.

    Raises Trouble for the first that failed, Cancelling when they were given up.
    """

    def settled() -> bool:
        ended = [call for call in calls if call.done()]
        return len(ended) == len(calls) or any(map(_failed, ended)) or given_up()

    await workflow.wait_condition(settled)
    failed = [error for call in calls if call.done() and (error := call.exception())]
    pending = [call for call in calls if not call.done()]
    for call in pending:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    for error in failed:
        raise trouble(error, changes=False) if isinstance(error, ActivityError) else error
    if pending:
        raise Cancelling
    return [call.result() for call in calls]


async def answer(call: workflow.ActivityHandle[R], *, changes: bool) -> R:
    """What one call answered. Raises Trouble; nothing cuts it short."""
    try:
        return await call
    except ActivityError as error:
        raise trouble(error, changes=changes) from None


def _failed(call: workflow.ActivityHandle[Any]) -> bool:
    return call.exception() is not None


_NO_ANSWER = "no usable answer came in time: is the provider up, and does a worker serve its queue?"
_NOT_BEGUN = "no worker served the provider's queue in time: the call was not made"


def trouble(error: ActivityError, *, changes: bool) -> Trouble:
    """What a failed activity means.

    Anything unforeseen about a changing call is an unknown outcome: its worker may have died after
    the provider acted.
    """
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type in set(Kind):
        details = Details.model_validate(cause.details[0] if cause.details else {})
        return Trouble(Kind(cause.type), cause.message, details)
    if isinstance(cause, exceptions.TimeoutError):
        if cause.type is TimeoutType.SCHEDULE_TO_START:
            return Trouble(Kind.NOT_BEGUN, _NOT_BEGUN)
        if cause.type is TimeoutType.SCHEDULE_TO_CLOSE:
            return Trouble(Kind.UNAVAILABLE, _NO_ANSWER)
    if changes:
        return Trouble(Kind.UNKNOWN, "the call's worker or connection was lost")
    return Trouble(Kind.UNAVAILABLE, "the call did not end")
