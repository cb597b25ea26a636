"""One run of a workflow: what is public of it, and what the engine keeps about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.workflow_activation import WorkflowActivationJob as Job
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.converter import decode_typed_search_attributes

from simulation.engine import events
from simulation.engine.clock import Due
from simulation.engine.instance import (
    Definition,
    Moment,
    Origin,
    result_type,
    update_type,
)
from simulation.engine.model import Status

if TYPE_CHECKING:
    from simulation.engine.activities import Pending
    from simulation.engine.payloads import Payloads


Answer = tuple[Job | None, tuple[str, ...], int]
"""What the server says to a command at once: a job, its events, their size."""


@dataclass(slots=True)
class Turn:
    """One activation as it was: its jobs, the commands it led to, and the keys given out in it."""

    jobs: list[Job]
    commands: list[WorkflowCommand]
    keys: Sequence[int]


@dataclass(slots=True)
class Task:
    """One workflow task of the history, from which the workflow can be replayed."""

    moment: Moment
    turns: list[Turn]
    flags: frozenset[int] = frozenset()
    """Of the SDK's behaviour, as far as the run has relied on them by then."""


@dataclass(slots=True)
class Child:
    """A child workflow as its parent's run knows it."""

    seq: int
    id: str
    workflow: str
    cancellation: int
    policy: int
    run_id: str | None = None
    """Of its first run; None until it has started."""


@dataclass(slots=True)
class Record:
    """One update as the server knows it. Its id means something within one run only."""

    id: str
    name: str
    size: int
    """Of its request, in bytes."""
    state: Literal["admitted", "accepted", "done", "refused", "lost"] = "admitted"
    payload: Payload | None = None
    failure: Failure | None = None


class Run:
    """One run of a workflow.

    The fields down to `unfinished_handlers` are for everybody; what follows is the engine's.
    """

    def __init__(self, origin: Origin, definition: Definition, payloads: Payloads) -> None:
        self.id = origin.workflow_id
        self.run_id = origin.run_id
        self.workflow = origin.workflow
        self.status: Status = "running"
        self.started_at = origin.started
        self.closed_at: datetime | None = None
        self.bytes = 0
        """Of the history. Payloads by reference count for next to nothing in it: only in strict
        lives is it about what the real server would say."""
        self.history: list[str] = []
        """The types of its events, in order."""
        self.task_failures = 0
        self.last_task_failure = ""
        self.stuck = False
        """Whether its workflow task has failed so often that nobody tries it any more, until
        something new arrives."""
        self.terminated_because = ""
        self.unfinished_handlers: tuple[str, ...] = ()

        self.origin = origin
        self.definition = definition
        self.payloads = payloads
        self.waiting: list[Job] = []
        self.tasks: list[Task] = []
        self.task_due: Due | None = None
        self.task_scheduled = False
        """Whether the next workflow task stands in the history; it does not while it is for an
        update alone."""
        self.silent = False
        """Whether events wait of which the code is told nothing: they cost a task too."""
        self.buffer: list[Answer] | None = None
        """What happens while a task's commands are carried out is written after all of them, and
        not at all where one of them ends the run."""
        self.attempt = 1
        self.suggest_at = 0
        self.timers: dict[int, Due] = {}
        self.activities: dict[int, Pending] = {}
        """Those whose outcome the workflow has not been told."""
        self.children: dict[int, Child] = {}
        self.outgoing_signals: set[int] = set()
        self.outgoing_cancels: set[int] = set()
        self.parent: tuple[Run, int] | None = None
        """The run that waits for this chain's end, and the child's number there."""
        self.updates: dict[str, Record] = {}
        """By id, which is their protocol instance id as well."""
        self.accepted = 0
        self.signals = 0
        self.cancel_requested = False
        self.cancel_held: str | None = None
        """The reason of a cancel that will arrive together with an activity's outcome."""
        self.patches: set[str] = set()
        self.nondeterministic = False
        self.payload: Payload | None = None
        self.proto_failure: Failure | None = None
        self.memo_payloads: dict[str, Payload] = dict(origin.memo)
        self.attribute_payloads: dict[str, Payload] = dict(origin.search_attributes)
        self._attributes: dict[str, Any] | None = None
        self._listed: dict[str, Any] = {}
        """The attributes that were asked for since they last changed."""

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.status}, {self.events} events>"

    @property
    def closed(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status != "running"

    @property
    def result(self) -> Any:
        """What the workflow returned, as its own type; None while it runs or where it failed."""
        if self.payload is None:
            return None
        return self.payloads.decoded(self.payload, result_type(self.definition))

    @property
    def failure(self) -> BaseException | None:
        """Why the workflow failed, or was cancelled."""
        return self.payloads.exception(self.proto_failure) if self.proto_failure else None

    @property
    def memo(self) -> dict[str, Any]:
        """As lists show it."""
        return {key: self.payloads.decoded(each) for key, each in self.memo_payloads.items()}

    @property
    def search_attributes(self) -> dict[str, Any]:
        """By name; those unset are absent."""
        if self._attributes is None:
            known = SearchAttributes(indexed_fields=self.attribute_payloads)
            pairs = decode_typed_search_attributes(known)
            self._attributes = {pair.key.name: pair.value for pair in pairs}
        return self._attributes

    def attribute(self, name: str) -> Any:
        """One search attribute as the lists have it in JSON: quicker than all of them decoded."""
        if name not in self._listed:
            payload = self.attribute_payloads.get(name)
            self._listed[name] = None if payload is None else json.loads(payload.data)
        return self._listed[name]

    @property
    def events(self) -> int:
        """How long its history is."""
        return len(self.history)

    @property
    def pending_activities(self) -> tuple[Pending, ...]:
        """Those that are scheduled, under way or waiting for another attempt."""
        return tuple(self.activities.values())

    @property
    def idle(self) -> bool:
        """Whether nothing would ever happen in it by itself."""
        return not (
            self.timers
            or self.activities
            or self.children
            or self.waiting
            or self.task_due
            or self.outgoing_signals
            or self.outgoing_cancels
            or self.stuck
        )

    @property
    def in_flight(self) -> int:
        """How many updates have not ended."""
        return sum(each.state in ("admitted", "accepted") for each in self.updates.values())

    # The engine's

    def write(self, names: Sequence[str], size: int = 0) -> None:
        """Add events to the history, which together carry `size` bytes."""
        self.history.extend(names)
        self.bytes += size + events.OVERHEAD * len(names)

    def upsert_attributes(self, fields: dict[str, Payload]) -> None:
        """As a command asks: null unsets."""
        self._attributes = None
        self._listed.clear()
        self.attribute_payloads = _merged(self.attribute_payloads, fields)

    def upsert_memo(self, fields: dict[str, Payload]) -> None:
        """As a command asks: null removes."""
        self.memo_payloads = _merged(self.memo_payloads, fields)


def _merged(known: dict[str, Payload], fields: dict[str, Payload]) -> dict[str, Payload]:
    both = {**known, **fields}
    return {key: each for key, each in both.items() if not _is_null(each)}


def _is_null(payload: Payload) -> bool:
    return payload.metadata["encoding"] == b"binary/null" or payload.data in (b"null", b"[]")


@dataclass
class Update:
    """What the caller of an update has in hand."""

    id: str
    run: Run
    record: Record | None
    """None where it never arrived."""
    unheard: bool = field(default=False, kw_only=True)
    """Whether the answer is lost on its way."""

    @property
    def status(self) -> Literal["pending", "done", "refused", "lost"]:
        """`refused` by its validator, which leaves no trace; `done` when the handler has ended,
        also by an error; `lost` when the caller cannot know: ask again under the same id."""
        state = self.record.state if self.record else "lost"
        if state == "admitted" or state == "accepted":
            return "pending"
        return "lost" if self.unheard else state

    @property
    def result(self) -> Any:
        """What the handler returned, as its own type."""
        if self.status != "done" or self.record is None or self.record.payload is None:
            return None
        kind = update_type(self.run.definition, self.record.name)
        return self.run.payloads.decoded(self.record.payload, kind)

    @property
    def failure(self) -> BaseException | None:
        """Why the validator refused it, or how the handler ended."""
        known = self.status in ("done", "refused") and self.record is not None
        if not known or self.record is None or self.record.failure is None:
            return None
        return self.run.payloads.exception(self.record.failure)
