"""Activities as the server carries them out: queues, attempts, retries, time-outs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload
from temporalio.api.common.v1 import RetryPolicy as Policy
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure
from temporalio.bridge.proto.activity_result import ActivityResolution, Cancellation, Success
from temporalio.bridge.proto.activity_result import Failure as Failed
from temporalio.bridge.proto.workflow_activation import ResolveActivity, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import ScheduleActivity
from temporalio.exceptions import CancelledError

from simulation.engine import events
from simulation.engine.clock import Due, micros, moment
from simulation.engine.failures import by_server, of_activity, timeout
from simulation.engine.model import ActivityCall, Attempt
from simulation.engine.run import Run

if TYPE_CHECKING:
    from simulation.engine.server import Server

Handler = Callable[[Any, ActivityCall], Attempt]

MILLISECOND = 1000

# Looked up once: protobuf finds a value of an enum by a search for its name each time.
_TO_CLOSE = TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
_TO_START = TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
_PICKED_UP = 2 * MILLISECOND
"""Between a worker's taking an attempt and its doing anything: it may die in between."""


@dataclass(slots=True, eq=False)
class Pending:
    """One activity that is scheduled, under way, or waits for its next attempt."""

    run: Run
    seq: int
    id: str
    name: str
    queue: str
    payload: Payload | None
    kind: type | None
    """Of its argument."""
    policy: Policy
    cancellation: int
    schedule_to_start: int | None
    start_to_close: int
    heartbeat: int | None
    scheduled: int
    expires: int | None
    """When schedule-to-close is over. All times are microseconds since 1970."""
    attempt: int = 1
    state: Literal["queued", "started", "backing_off", "ended"] = "queued"
    queued: int = 0
    started: int = 0
    last_failure: Failure | None = None
    cancel_requested: bool = False
    due: Due | None = None
    """What happens to it next, if nothing comes in between."""
    act: Due | None = None
    """Its worker is about to do it."""

    @property
    def call(self) -> ActivityCall:
        """The attempt that is made now."""
        return ActivityCall(
            name=self.name,
            id=self.id,
            attempt=self.attempt,
            workflow=self.run.workflow,
            workflow_id=self.run.id,
            run_id=self.run.run_id,
            queue=self.queue,
            scheduled=moment(self.scheduled),
            started=moment(self.started),
            within=timedelta(microseconds=self.start_to_close),
        )

    @property
    def deadline(self) -> int:
        """When the attempt that is under way counts as lost."""
        within = min(self.start_to_close, self.heartbeat or self.start_to_close)
        return min(self.started + within, self.expires or self.started + within)


class Activities:
    """All activities of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._handlers: dict[str, tuple[Handler, type | None]] = {}
        self._under_way: dict[int, Pending] = {}
        """By identity, in the order in which their attempts began."""
        self._closed_queues: dict[str, list[Pending]] = {}

    def handle(self, name: str, run: Handler, takes: type | None) -> None:
        """Who plays this activity."""
        self._handlers[name] = run, takes

    def player(self, name: str) -> tuple[Handler, type | None]:
        """Who plays it, and the type that it takes. Raises LookupError where nobody does."""
        if name not in self._handlers:
            raise LookupError(f"nobody plays the activity {name!r}")
        return self._handlers[name]

    def shut(self, queue: str) -> None:
        """No worker serves this queue any more; what is under way goes on."""
        self._closed_queues.setdefault(queue, [])

    def open(self, queue: str) -> None:
        """A worker serves it again: what waits there begins."""
        for pending in self._closed_queues.pop(queue, []):
            if pending.state == "queued" and not pending.run.closed:
                self._hand_out(pending, self._delay())

    def schedule(self, run: Run, command: ScheduleActivity, kind: type | None) -> None:
        """A workflow wants it done."""
        now = self._server.clock.now
        to_close = _span(command.schedule_to_close_timeout)
        within = _span(command.start_to_close_timeout) or to_close
        if within is None:
            raise ValueError(f"{command.activity_type}: no time-out")
        self.player(command.activity_type)
        pending = Pending(
            run=run,
            seq=command.seq,
            id=command.activity_id,
            name=command.activity_type,
            queue=command.task_queue,
            payload=command.arguments[0] if command.arguments else None,
            kind=kind,
            policy=command.retry_policy,
            cancellation=command.cancellation_type,
            schedule_to_start=_span(command.schedule_to_start_timeout) or to_close,
            start_to_close=within,
            heartbeat=_span(command.heartbeat_timeout),
            scheduled=now,
            expires=now + to_close if to_close else None,
        )
        run.activities[pending.seq] = pending
        self._enqueue(pending)

    def request_cancel(self, pending: Pending) -> None:
        """A workflow wants it stopped. Ours never heartbeat, so an attempt under way goes on and
        is heard; one that waits is over at once."""
        pending.cancel_requested = True
        if pending.state in ("queued", "backing_off"):
            cause = Failure(
                message="ACTIVITY_ID_NOT_STARTED", canceled_failure_info=CanceledFailureInfo()
            )
            self._cancelled(pending, cause, events.ACTIVITY_CANCELED_IN_QUEUE)

    def lose_worker(self) -> None:
        """Whoever works on something reports nothing any more, and does nothing it had not done."""
        for pending in list(self._under_way.values()):
            for each in (pending.act, pending.due):
                if each is not None:
                    each.call_off()
            self._under_way.pop(id(pending))
            if not pending.run.closed:
                self._expect_timeout(pending)

    # One attempt

    def _delay(self) -> int:
        server, faults = self._server, self._server.faults
        if server.chance(faults.slow_queue):
            return int(server.rng.random() * micros(faults.queue_for))
        return int((1 + 20 * server.rng.random()) * MILLISECOND)

    def _enqueue(self, pending: Pending) -> None:
        pending.state = "queued"
        pending.queued = self._server.clock.now
        if pending.queue in self._closed_queues:
            self._closed_queues[pending.queue].append(pending)
            self._hand_out(pending, None)
        else:
            self._hand_out(pending, self._delay())

    def _hand_out(self, pending: Pending, delay: int | None) -> None:
        """Let a worker take it after that long, or never, unless a time-out comes before."""
        clock = self._server.clock
        if pending.due is not None:
            pending.due.call_off()
        kind, until = self._patience(pending)
        begins = None if delay is None else clock.now + delay
        if begins is not None and (until is None or begins < until):
            pending.due = clock.at(begins, lambda: self._begin(pending))
        elif until is not None:
            pending.due = clock.at(until, lambda: self._never_started(pending, kind))

    def _patience(self, pending: Pending) -> tuple[TimeoutType.ValueType, int | None]:
        """How long it may wait in its queue, and which time-out ends that.

        Schedule-to-start is schedule-to-close where it is not set, and comes first where both are
        over at one moment: a queue that nobody ever served is told from a call that kept failing.
        """
        start = pending.schedule_to_start and pending.queued + pending.schedule_to_start
        if pending.expires is not None and (start is None or pending.expires < start):
            return _TO_CLOSE, pending.expires
        return _TO_START, start

    def _begin(self, pending: Pending) -> None:
        if pending.run.closed:
            return
        clock = self._server.clock
        pending.state, pending.started, pending.due = "started", clock.now, None
        self._under_way[id(pending)] = pending
        pending.act = clock.after(_PICKED_UP, lambda: self._do(pending))

    def _do(self, pending: Pending) -> None:
        """The worker does it, also when its workflow has been ended meanwhile."""
        server = self._server
        server.counters.attempts += 1
        pending.act = None
        run, takes = self._handlers[pending.name]
        kind = pending.kind or takes
        argument = server.payloads.decoded(pending.payload, kind) if pending.payload else None
        attempt = run(argument, pending.call)
        at = pending.started + micros(attempt.after)
        if attempt.lost or at >= pending.deadline:
            self._under_way.pop(id(pending), None)
            self._expect_timeout(pending)
        else:
            pending.due = server.clock.at(at, lambda: self._report(pending, attempt))
        server.stepped(f"do {pending.name} {pending.attempt}", pending.run)

    def _report(self, pending: Pending, attempt: Attempt) -> None:
        self._under_way.pop(id(pending), None)
        pending.due = None
        if pending.run.closed or pending.state != "started":
            return
        if attempt.failure is None:
            self._completed(pending, self._server.payloads.encoded(attempt.result))
        elif pending.cancel_requested and _is_cancel(attempt.failure):
            failure = self._server.payloads.failure(attempt.failure)
            self._cancelled(pending, failure, events.ACTIVITY_CANCELED)
        else:
            failure = self._server.payloads.failure(attempt.failure)
            state = self._retry(pending, failure)
            if state is not None:
                self._failed(pending, failure, state)
        self._server.stepped(f"report {pending.name} {pending.attempt}", pending.run)

    def _completed(self, pending: Pending, payload: Payload) -> None:
        if payload.ByteSize() > self._server.limits.payload:
            state = RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
            self._failed(pending, by_server("Complete result exceeds size limit."), state)
            return
        result = ActivityResolution(completed=Success(result=payload))
        self._resolve(pending, result, events.ACTIVITY_COMPLETED)

    def _failed(self, pending: Pending, failure: Failure, state: RetryState.ValueType) -> None:
        wrapped = of_activity("Activity task failed", failure, pending.name, pending.id, state)
        result = ActivityResolution(failed=Failed(failure=wrapped))
        self._resolve(pending, result, events.ACTIVITY_FAILED)

    def _cancelled(self, pending: Pending, cause: Failure, written: tuple[str, ...]) -> None:
        state = RetryState.RETRY_STATE_CANCEL_REQUESTED
        wrapped = of_activity("Activity cancelled", cause, pending.name, pending.id, state)
        self._resolve(pending, ActivityResolution(cancelled=Cancellation(failure=wrapped)), written)

    # Time-outs and retries

    def _never_started(self, pending: Pending, kind: TimeoutType.ValueType) -> None:
        if pending.run.closed:
            return
        state = RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
        cause = timeout(kind, pending.last_failure)
        self._timed_out(pending, cause, state, events.ACTIVITY_NEVER_STARTED)

    def _expect_timeout(self, pending: Pending) -> None:
        pending.due = self._server.clock.at(pending.deadline, lambda: self._out_of_time(pending))

    def _out_of_time(self, pending: Pending) -> None:
        if pending.run.closed or pending.state != "started":
            return
        kind = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
        if pending.expires is not None and pending.deadline >= pending.expires:
            kind = _TO_CLOSE
        elif pending.deadline < pending.started + pending.start_to_close:
            kind = TimeoutType.TIMEOUT_TYPE_HEARTBEAT
        over = kind == _TO_CLOSE
        failure = timeout(kind, pending.last_failure if over else None)
        state = self._retry(pending, failure)
        if state is None:
            self._server.stepped(f"out of time {pending.name}", pending.run)
            return
        if state == RetryState.RETRY_STATE_TIMEOUT:
            # The server says which time-out stood in the way of another attempt.
            failure = timeout(_TO_CLOSE, pending.last_failure)
        self._timed_out(pending, failure, state, events.ACTIVITY_TIMED_OUT)

    def _timed_out(
        self,
        pending: Pending,
        cause: Failure,
        state: RetryState.ValueType,
        written: tuple[str, ...],
    ) -> None:
        wrapped = of_activity("activity task timed out", cause, pending.name, pending.id, state)
        self._resolve(pending, ActivityResolution(failed=Failed(failure=wrapped)), written)
        self._server.stepped(f"timed out {pending.name}", pending.run)

    def _retry(self, pending: Pending, failure: Failure) -> RetryState.ValueType | None:
        """Arrange for another attempt; otherwise why there is none."""
        state = _may_not_retry(pending, failure)
        if state is not None:
            return state
        now = self._server.clock.now
        pause = _pause(pending.policy, pending.attempt, failure)
        if pending.expires is not None and now + pause > pending.expires:
            return RetryState.RETRY_STATE_TIMEOUT
        pending.last_failure = failure
        pending.attempt += 1
        pending.state = "backing_off"
        pending.due = self._server.clock.after(pause, lambda: self._enqueue_again(pending))
        return None

    def _enqueue_again(self, pending: Pending) -> None:
        if not pending.run.closed:
            self._enqueue(pending)

    def _resolve(
        self, pending: Pending, result: ActivityResolution, written: tuple[str, ...]
    ) -> None:
        if pending.due is not None:
            pending.due.call_off()
        pending.state, pending.due = "ended", None
        self._under_way.pop(id(pending), None)
        job = WorkflowActivationJob(
            resolve_activity=ResolveActivity(seq=pending.seq, result=result)
        )
        heard = pending.run.activities.pop(pending.seq, None) is not None
        self._server.executions.tell(pending.run, job if heard else None, written, job.ByteSize())
        self._server.executions.with_completion(pending.run)


def _may_not_retry(pending: Pending, failure: Failure) -> RetryState.ValueType | None:
    policy = pending.policy
    if pending.cancel_requested:
        return RetryState.RETRY_STATE_CANCEL_REQUESTED
    if failure.HasField("timeout_failure_info"):
        kind = failure.timeout_failure_info.timeout_type
        if kind == _TO_CLOSE:
            return RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
    if failure.HasField("application_failure_info"):
        info = failure.application_failure_info
        if info.non_retryable or info.type in policy.non_retryable_error_types:
            return RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE
    if 0 < policy.maximum_attempts <= pending.attempt:
        return RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    return None


def _pause(policy: Policy, attempt: int, failure: Failure) -> int:
    """Until the next attempt, in microseconds."""
    if failure.application_failure_info.HasField("next_retry_delay"):
        return _exact(failure.application_failure_info.next_retry_delay)
    first = _span(policy.initial_interval) or 1_000_000
    most = _span(policy.maximum_interval) or 100 * first
    factor = policy.backoff_coefficient or 2.0
    # A long row of attempts would overflow the power long after it has reached the most.
    grown = first * factor ** min(attempt - 1, 64)
    return int(min(grown, most))


def _exact(span: Duration) -> int:
    return span.seconds * 1_000_000 + span.nanos // 1000


def _span(span: Duration) -> int | None:
    """In microseconds; zero means that none is set."""
    return _exact(span) or None


def _is_cancel(error: BaseException) -> bool:
    return isinstance(error, CancelledError)
