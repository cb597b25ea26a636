"""Notices on their way to a subscriber: handed over by an invoice or an order, posted in order."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.notice import NoticeActivities
    from invoicing.case import Memory
    from invoicing.errors import FieldProblem
    from invoicing.identity import notices_id, subscriber_queue
    from invoicing.invoice import Invoice
    from invoicing.notice import (
        FIELD,
        Dropped,
        Notice,
        NoticesInput,
        NoticesState,
        news,
        notice,
    )
    from invoicing.order import Order
    from invoicing.provider import Pace

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


class Outbox:
    """What a workflow has to tell its subscriber. It is handed over in order by a task of its own,
    so that no step waits for it and Temporal's own Cancel does not interrupt it.

    Without a subscriber nothing of this leaves a trace in the workflow's history.
    """

    def __init__(self, subscriber: str | None, memory: Memory) -> None:
        self._subscriber = subscriber
        self._memory = memory
        self._waiting: deque[NoticesInput] = deque()
        self._work: asyncio.Task[None] | None = None
        self._posting: workflow.ChildWorkflowHandle[Any, Any] | None = None

    def tell(self, state: Invoice | Order, pace: Pace) -> None:
        """Have the subscriber told, if this is news."""
        if self._subscriber is None or news(state) == self._memory.told:
            return
        memory = self._memory
        memory.told, memory.notices = news(state), memory.notices + 1
        told = notice(state, workflow.info().run_id, memory.notices, workflow.now())
        start = NoticesInput(subscriber=self._subscriber, pace=pace, waiting=(told,))
        self._waiting.append(start)
        if self.is_empty:
            self._work = asyncio.create_task(self._hand_over())

    def close_if_unknown(self, refused: Iterable[FieldProblem]) -> None:
        """Tell nothing where the subscriber is what was refused: nobody knows where it is."""
        if any(each.field == FIELD for each in refused):
            self._subscriber = None

    @property
    def is_empty(self) -> bool:
        """Whether everything that was told is in the engine's hands."""
        return self._work is None or self._work.done()

    async def empty(self) -> None:
        """Wait until everything is handed over, through a cancel, too. No subscriber is awaited."""
        while not self.is_empty:
            try:
                await workflow.wait_condition(lambda: self.is_empty)
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:
                    raise
        if self._work:
            self._work.result()

    async def _hand_over(self) -> None:
        while self._waiting:
            await self._hand(self._waiting[0])
            self._waiting.popleft()

    async def _hand(self, start: NoticesInput) -> None:
        identity = notices_id(start.subscriber, workflow.info().workflow_id)
        for turn in itertools.count(1):
            if await self._begun(identity, start) or await self._signalled(identity, start):
                return
            if turn > 1:
                # Its history has room for no more signals before it continues as new.
                await workflow.sleep(timedelta(seconds=min(turn, 60)), summary="its notices")

    async def _begun(self, identity: str, start: NoticesInput) -> bool:
        """Whether a workflow was started with it; not where one runs, as far as we know."""
        if self._posting and not self._posting.done():
            return False
        try:
            self._posting = await workflow.start_child_workflow(
                NoticesWorkflow.run,
                start,
                id=identity,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                # An invoice that ends leaves its last notices to arrive when they can.
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{start.subscriber} · notices",
                static_details=DETAILS,
            )
        except WorkflowAlreadyStartedError:
            return False
        self._posting.add_done_callback(_looked_at)
        return True

    async def _signalled(self, identity: str, start: NoticesInput) -> bool:
        """Whether the workflow that runs took it; one that has just ended does not."""
        handle = workflow.get_external_workflow_handle(identity)
        try:
            await handle.signal("tell", start.waiting[0])
        except FailureError:
            self._posting = None
            return False
        return True


def _sentence(error: BaseException | None) -> str:
    """What the poster said last; a time that ran out is told around it."""
    while isinstance(error, FailureError):
        if isinstance(error, ApplicationError):
            return error.message
        error = error.cause
    return "no answer came in time"


def _looked_at(posting: asyncio.Future[Any]) -> None:
    """Its failure is its own; one that nobody looks at is reported as forgotten."""
    if not posting.cancelled():
        posting.exception()
