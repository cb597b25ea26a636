"""What the engine's users hand in and get back: faults, limits, attempts, updates, errors."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Status = Literal["running", "completed", "failed", "canceled", "terminated", "continued_as_new"]
Reuse = Literal["allow", "allow_failed_only", "reject_duplicate"]
Conflict = Literal["fail", "use_existing", "terminate_existing"]

MIB = 1024 * 1024


class EngineError(Exception):
    """What the server says to a caller instead of doing what was asked."""


class AlreadyStarted(EngineError):
    """The id is taken by an open run, or by a closed one that may not be followed."""

    def __init__(self, id: str, run_id: str) -> None:  # noqa: A002 - Temporal's word
        super().__init__(f"{id} has been started already")
        self.id = id
        self.run_id = run_id


class NotFound(EngineError):
    """There is no open run of this id (or, for a query, none at all)."""


class TooLarge(EngineError):
    """What a caller sent is over the limit; nothing is stored."""


class LimitExceeded(EngineError):
    """The run takes no more signals or updates; nothing is stored."""


class QueryFailed(EngineError):
    """The query's handler raised, or there is none."""


@dataclass(frozen=True)
class Faults:
    """How likely each fault is, from 0 to 1. By default nothing goes wrong.

    Each is drawn from the server's random numbers, so that a seed says all.
    """

    worker_lost: float = 0.0
    """Per step of the engine: the worker dies. No call that is under way reports, and every
    workflow in memory is replayed before its next task."""
    task_lost: float = 0.0
    """Per workflow task: its completion is lost. It is done again after a replay, `task_timeout`
    later, with whatever has arrived meanwhile."""
    evicted: float = 0.0
    """Per workflow task of a short run: the workflow leaves the memory after it, and is replayed at
    the next. Less often in long runs, whose replay costs more."""
    piled_up: float = 0.0
    """Per workflow task: it begins late, up to `pile_for`, so that several things arrive in it."""
    pile_for: timedelta = timedelta(minutes=2)
    task_timeout: timedelta = timedelta(seconds=10)
    early_suggestion: float = 0.0
    """Per run: continue-as-new is suggested at a random small number of events."""
    suggested_within: tuple[int, int] = (10, 80)
    answer_lost: float = 0.0
    """Per update: it arrives, but its caller never hears of it."""
    request_lost: float = 0.0
    """Per update: it never arrives, and its caller cannot tell that from a lost answer."""
    cancel_with_completion: float = 0.0
    """Per cancel of a run with an activity under way: it arrives in the same workflow task as the
    next outcome of an activity."""
    slow_queue: float = 0.0
    """Per attempt of an activity: it waits in its queue, up to `queue_for`."""
    queue_for: timedelta = timedelta(hours=2)

    @classmethod
    def usual(cls) -> Faults:
        """Everything that can go wrong, about as often as makes a life eventful and not endless."""
        return cls(
            worker_lost=0.004,
            task_lost=0.02,
            evicted=0.1,
            piled_up=0.1,
            early_suggestion=0.3,
            answer_lost=0.1,
            request_lost=0.05,
            cancel_with_completion=0.5,
            slow_queue=0.02,
        )


@dataclass(frozen=True)
class Limits:
    """The server's own, as they are set by default. Sizes are in bytes."""

    payload: int = 2 * MIB
    memo: int = 2 * MIB
    search_attribute: int = 2048
    search_attributes: int = 40 * 1024
    """Of all in one command."""
    message: int = 4 * MIB
    """Of one gRPC message: all that one workflow task says."""
    history_events: int = 51_200
    history_bytes: int = 50 * MIB
    suggest_events: int = 4096
    suggest_bytes: int = 4 * MIB
    updates: int = 2000
    updates_in_flight: int = 10
    suggest_updates: float = 0.9
    """Which share of `updates` makes the server suggest continue-as-new."""
    signals: int = 10_000
    pending: int = 2000
    """Of activities, children, outgoing signals and outgoing cancels, each."""
    task_attempts: int = 3
    """How often a failing workflow task is tried before the run counts as stuck. The real server
    never stops; here one that is stuck is tried again when something new arrives."""
    known_attributes: Collection[str] | None = None
    """The registered search attributes; None: all are. Another name fails the workflow task."""


@dataclass(frozen=True)
class ActivityCall:
    """Which attempt of which activity is made, for whom."""

    name: str
    id: str
    attempt: int
    workflow: str
    workflow_id: str
    run_id: str
    queue: str
    scheduled: datetime
    started: datetime
    within: timedelta | None
    """How long the server waits for its report."""


@dataclass
class Attempt:
    """How one attempt of an activity goes: what is reported, and how long after its start."""

    after: timedelta = timedelta(milliseconds=50)
    result: Any = None
    failure: BaseException | None = None
    """As activities raise it: an ApplicationError says its type, whether it may be retried, and
    when."""
    lost: bool = False
    """The worker died: nobody reports, and the server waits for the time-out."""


@dataclass(frozen=True)
class Violation:
    """Something that must never be seen, whatever the workflows do."""

    kind: Literal["nondeterminism", "unfinished_handlers"]
    workflow_id: str
    run_id: str
    what: str


@dataclass
class Counters:
    """How much was done."""

    activations: int = 0
    """Of workflow code, replays included."""
    replays: int = 0
    tasks: int = 0
    tasks_lost: int = 0
    tasks_failed: int = 0
    attempts: int = 0
    """Of activities."""
    workers_lost: int = 0
    events: int = 0
    """In all histories."""
    suggested: int = 0
    """Tasks in which continue-as-new was suggested."""
    largest_task: int = 0
    """Most jobs in one task."""
