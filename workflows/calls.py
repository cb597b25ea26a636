"""The provider's verbs as a workflow sees them: durable calls that end in an answer or a Trouble.

Calls that change nothing are retried by the engine until they answer. Calls that change something
are tried once: whether they happened is a question the workflow answers by looking.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from temporalio import exceptions, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from activities.invoice import InvoiceActivities
    from invoicing.errors import Details
    from invoicing.identity import provider_queue
    from invoicing.provider import (
        AttachCall,
        Attachment,
        CreateCall,
        Event,
        Found,
        LookUp,
        LookUpCall,
        Pace,
        Plan,
        ReadCall,
        Search,
        Snapshot,
        Target,
    )
    from invoicing.request import InvoiceRequest

R = TypeVar("R")

PLAN_TIMEOUT = timedelta(seconds=30)
PLAN_PATIENCE = timedelta(minutes=10)
"""A plan makes no call: when it does not come, no worker serves the provider's queue."""

START = timedelta(seconds=60)
"""How long a call that changes something may sit in its queue: what was looked at before it is as
old, and who holds or cancels the invoice meanwhile does not stop it. One that never began certainly
did not happen."""

MARGIN = timedelta(seconds=5)
"""Between the adaptor's own time-out and the engine's, so that the adaptor's verdict wins."""


class Kind(StrEnum):
    """What a failed call means for the next step."""

    UNAVAILABLE = "Unavailable"
    REJECTED = "Rejected"
    UNSUPPORTED = "Unsupported"
    UNREADABLE = "Unreadable"
    UNKNOWN = "UnknownOutcome"


class Trouble(Exception):
    """A call that did not go as asked. Always handled here; it never leaves the workflow."""

    def __init__(self, kind: Kind, message: str, details: Details | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.fields = details.fields if details else ()
        self.retry_after = details.retry_after if details else None

    @property
    def final(self) -> bool:
        """Whether it will be refused again until somebody changes something."""
        return self.kind in (Kind.REJECTED, Kind.UNSUPPORTED)


class Calls:
    """One provider's verbs, on its own queue, under one plan's patience."""

    def __init__(self, provider: str) -> None:
        self._queue = provider_queue(provider)
        self._timeout = PLAN_TIMEOUT
        self._retries = RetryPolicy(maximum_interval=timedelta(minutes=1))
        self._patience = PLAN_PATIENCE

    def follow(self, plan: Plan) -> None:
        """Take time-outs and pace from the plan."""
        pace: Pace = plan.paces.unavailable
        self._timeout = plan.call_timeout + MARGIN * min(1, plan.call_timeout / (MARGIN * 2))
        self._patience = pace.deadline
        self._retries = RetryPolicy(
            initial_interval=pace.first, backoff_coefficient=pace.factor, maximum_interval=pace.cap
        )

    @property
    def two_looks(self) -> timedelta:
        """The longest that a search and a read take when neither is repeated."""
        return 2 * self._timeout

    def plan(self, request: InvoiceRequest) -> workflow.ActivityHandle[Plan]:
        return self._ask(InvoiceActivities.plan, request, "plan")

    def look_up(self, target: Target, look_up: LookUp) -> workflow.ActivityHandle[Found]:
        call = LookUpCall(target=target, look_up=look_up)
        return self._ask(InvoiceActivities.look_up, call, f"look up {look_up.name}")

    def find(self, target: Target) -> workflow.ActivityHandle[Search]:
        return self._ask(InvoiceActivities.find, target, "find by our reference")

    def read(self, target: Target, events: tuple[Event, ...]) -> workflow.ActivityHandle[Snapshot]:
        call = ReadCall(target=target, events=events)
        return self._ask(InvoiceActivities.read, call, "read the invoice")

    def create(self, call: CreateCall) -> workflow.ActivityHandle[Snapshot]:
        return self._change(InvoiceActivities.create, call, "create draft")

    def attach(self, target: Target, attachment: Attachment) -> workflow.ActivityHandle[Found]:
        call = AttachCall(target=target, attachment=attachment)
        return self._change(InvoiceActivities.attach, call, f"attach {attachment.name}")

    def approve(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self._change(InvoiceActivities.approve, target, "approve")

    def send(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self._change(InvoiceActivities.send, target, "send")

    def delete(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self._change(InvoiceActivities.delete, target, "delete draft")

    def credit(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self._change(InvoiceActivities.credit, target, "credit")

    def _ask(
        self, verb: Callable[..., Any], call: object, summary: str
    ) -> workflow.ActivityHandle[Any]:
        return workflow.start_activity_method(
            verb,
            call,
            task_queue=self._queue,
            summary=summary,
            start_to_close_timeout=self._timeout,
            schedule_to_close_timeout=self._patience,
            retry_policy=self._retries,
        )

    def _change(
        self, verb: Callable[..., Any], call: object, summary: str
    ) -> workflow.ActivityHandle[Any]:
        return workflow.start_activity_method(
            verb,
            call,
            task_queue=self._queue,
            summary=summary,
            schedule_to_start_timeout=START,
            start_to_close_timeout=self._timeout,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


_NOT_IN_TIME = {
    TimeoutType.SCHEDULE_TO_CLOSE: "no usable answer came in time: is the provider up, and does a "
    "worker serve its queue?",
    TimeoutType.SCHEDULE_TO_START: "no worker serves the provider's queue",
}


def trouble(error: ActivityError, *, changes: bool) -> Trouble:
    """What a failed activity means.

    Anything unforeseen about a changing call is an unknown outcome: its worker may have died after
    the provider acted.
    """
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type in set(Kind):
        details = Details.model_validate(cause.details[0] if cause.details else {})
        return Trouble(Kind(cause.type), cause.message, details)
    if isinstance(cause, exceptions.TimeoutError) and cause.type in _NOT_IN_TIME:
        return Trouble(Kind.UNAVAILABLE, _NOT_IN_TIME[cause.type])
    if changes:
        return Trouble(Kind.UNKNOWN, "the call's worker or connection was lost")
    return Trouble(Kind.UNAVAILABLE, "the call did not end")
