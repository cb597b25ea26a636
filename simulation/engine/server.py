"""A Temporal server and its workers in virtual time."""

from __future__ import annotations

import hashlib
import random
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import (
    WorkflowActivationJob,
)
from temporalio.common import TypedSearchAttributes
from temporalio.converter import encode_typed_search_attribute_value

from invoicing.temporal.converter import data_converter
from simulation.engine.activities import Activities, Handler
from simulation.engine.between import Between
from simulation.engine.clock import Clock, micros, moment
from simulation.engine.completion import Completion
from simulation.engine.executions import Executions
from simulation.engine.instance import (
    query_type,
    takes_argument,
)
from simulation.engine.model import (
    AlreadyStarted,
    Conflict,
    Counters,
    Faults,
    LimitExceeded,
    Limits,
    NotFound,
    QueryFailed,
    Reuse,
    TooLarge,
    Violation,
)
from simulation.engine.payloads import Payloads
from simulation.engine.run import Run, Update
from simulation.engine.worker import Worker

Job = WorkflowActivationJob

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Server:
    """One life's server. All chance comes from `rng`: the same seed is the same life.

    Args:
        rng: where faults and delays are drawn from.
        workflows: the classes that its workers serve.
        faults: what goes wrong, and how often.
        limits: the server's own.
        strict: whether all payloads go through the real converter and are measured.
    """

    def __init__(
        self,
        rng: random.Random,
        workflows: Sequence[type],
        *,
        faults: Faults = Faults(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        strict: bool = False,
        start: datetime = START,
    ) -> None:
        self.rng = rng
        self.faults = faults
        self.limits = limits
        self.clock = Clock(start)
        self.payloads = Payloads(data_converter.payload_converter, strict=strict)
        self.counters = Counters()
        self.violations: list[Violation] = []
        self.on_step: list[Callable[[], None]] = []
        """Called after every workflow task and every effect of an activity or of `at`."""
        self.trace: list[tuple[int, str]] = []
        """What happened, by microseconds since 1970."""
        self.activities = Activities(self)
        self.between = Between(self)
        self.completion = Completion(self)
        self.executions = Executions(self, workflows)
        self.worker = Worker(self)
        self._let_go = weakref.finalize(self, self.worker.memory.clear)
        self._let_go.atexit = False
        self._something_happened = True

    def close(self) -> None:
        """Let go of the workflows in memory, as a worker does that is shut down.

        What is merely forgotten does the same when it is collected, at no certain time.
        """
        self._let_go()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Time

    @property
    def now(self) -> datetime:
        """Virtual time, in UTC."""
        return moment(self.clock.now)

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """Have something happen then; what is past happens next."""
        self.clock.at(self.clock.since_epoch(when), lambda: self._effect(act))

    def after(self, delay: timedelta, act: Callable[[], None]) -> None:
        """Have something happen that much later."""
        self.clock.after(micros(delay), lambda: self._effect(act))

    def run_until(self, sure: Callable[[], bool], *, at_most: datetime) -> bool:
        """Let time pass until `sure`, which is asked after every step; False if it never is.

        Where nothing is left to happen, time goes on to `at_most` all the same.
        """
        limit = self.clock.since_epoch(at_most)
        while True:
            if self._something_happened:
                self._something_happened = False
                if sure():
                    return True
            act = self.clock.next(limit)
            if act is None:
                self.clock.pass_to(limit)
                return sure()
            act()
            if self.chance(self.faults.worker_lost):
                self.lose_worker()

    def _effect(self, act: Callable[[], None]) -> None:
        act()
        self.stepped("effect")

    def stepped(self, what: str, run: Run | None = None) -> None:
        """Something that others may want to look at has happened."""
        about = f" {run.id} {run.run_id}" if run else ""
        self.trace.append((self.clock.now, what + about))
        self._something_happened = True
        for look in self.on_step:
            look()

    def digest(self) -> str:
        """Equal where all that happened is equal: the proof that a seed says all."""
        text = "\n".join(f"{at} {what}" for at, what in self.trace)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    # Activities and workers

    def activity(self, name: str, run: Handler, *, takes: type | None = None) -> None:
        """Who plays this activity: given its input and which attempt it is, how it goes.

        `takes` is the input's type, for workflows that name the activity by a string only.

        It is called when a worker does it, also for a workflow that has been ended meanwhile; what
        takes effect later than that is its own to arrange, by `after`.
        """
        self.activities.handle(name, run, takes)

    def shut_queue(self, queue: str) -> None:
        """No worker serves this task queue from now on; what is under way goes on."""
        self.activities.shut(queue)

    def open_queue(self, queue: str) -> None:
        """A worker serves it again."""
        self.activities.open(queue)

    def lose_worker(self) -> None:
        """The worker process dies; another takes its place at once."""
        self.counters.workers_lost += 1
        self.activities.lose_worker()
        self.worker.memory.clear()
        self.stepped("worker lost")

    # Clients

    def start(
        self,
        workflow: str,
        arg: Any,
        *,
        id: str,  # noqa: A002 - Temporal's word
        memo: Mapping[str, Any] | None = None,
        search_attributes: TypedSearchAttributes | None = None,
        reuse: Reuse = "allow",
        conflict: Conflict = "fail",
    ) -> Run:
        """Start a workflow, or find the one that runs where `conflict` says so.

        Raises AlreadyStarted, and TooLarge when the input is.
        """
        open_run = self.executions.open_of(id)
        if open_run is not None:
            if conflict == "use_existing":
                return open_run
            if conflict == "fail":
                raise AlreadyStarted(id, open_run.run_id)
            self.executions.end(open_run, "TerminateExisting WorkflowIdConflictPolicy")
        elif self.executions.taken(id, reuse):
            raise AlreadyStarted(id, self.executions.all[id][-1].run_id)
        definition = self.executions.definition(workflow)
        payloads = self.payloads
        inputs = [self.fitting(payloads.really(arg))] if takes_argument(definition) else []
        fields = {key: payloads.really(each) for key, each in (memo or {}).items()}
        attributes = {
            pair.key.name: encode_typed_search_attribute_value(pair.key, pair.value)
            for pair in search_attributes or ()
        }
        return self.executions.begin(definition, id, inputs, fields, attributes)

    def signal(self, id: str, name: str, arg: Any) -> None:  # noqa: A002
        """Raises NotFound when no run is open, LimitExceeded when it takes no more."""
        run = self.open_run(id)
        payload = self.fitting(self.payloads.encoded(arg))
        if not self.executions.give_signal(run, name, [payload]):
            raise LimitExceeded(f"{id} takes no more signals")

    def update(
        self,
        id: str,  # noqa: A002
        name: str,
        arg: Any,
        *,
        update_id: str | None = None,
    ) -> Update:
        """Ask the open run to change something; the same id is the same update within a run.

        Raises NotFound when no run is open (and the last does not know the id), LimitExceeded when
        it takes no more, for the moment or for good.
        """
        update_id = update_id or self.new_id()
        run = self.executions.open_of(id)
        if run is None:
            return self._ended_update(id, update_id)
        if self.chance(self.faults.request_lost):
            return Update(update_id, run, None)
        unheard = self.chance(self.faults.answer_lost)
        record = run.updates.get(update_id)
        if record is None:
            record = self.executions.admit(run, name, arg, update_id)
        return Update(update_id, run, record, unheard=unheard)

    def _ended_update(self, id: str, update_id: str) -> Update:  # noqa: A002
        for run in reversed(self.executions.all.get(id, ())[-1:]):
            if update_id in run.updates:
                return Update(update_id, run, run.updates[update_id])
        raise NotFound(f"no run of {id} is open")

    def query(self, id: str, name: str, of: Run | None = None) -> Any:  # noqa: A002
        """Ask the last run, open or closed, or this one of an id, for what it shows.

        Raises NotFound when there is none, QueryFailed with what its handler says.
        """
        runs = self.executions.all.get(id)
        if not runs:
            raise NotFound(f"there is no workflow {id}")
        run = of or runs[-1]
        if not run.tasks and not run.closed:
            self.worker.task(run)
        try:
            payload = self.worker.query(run, name)
        except LookupError as error:
            raise QueryFailed(str(error)) from None
        return self.payloads.decoded(payload, query_type(run.definition, name))

    def cancel(self, id: str, reason: str = "") -> None:  # noqa: A002
        """Ask the open run to stop. Raises NotFound when there is none."""
        run = self.open_run(id)
        together = self.faults.cancel_with_completion if run.activities else 0.0
        if not run.cancel_requested and self.chance(together):
            run.cancel_held = reason
        else:
            self.executions.give_cancel(run, reason)

    def terminate(self, id: str, reason: str = "") -> None:  # noqa: A002
        """End the open run at once. Raises NotFound when there is none."""
        self.executions.end(self.open_run(id), reason)

    def runs(self, id: str) -> Sequence[Run]:  # noqa: A002
        """All runs of this id, the first first."""
        return tuple(self.executions.all.get(id, ()))

    def open_run(self, id: str) -> Run:  # noqa: A002
        """The run that is open. Raises NotFound when there is none."""
        run = self.executions.open_of(id)
        if run is None:
            raise NotFound(f"no run of {id} is open")
        return run

    def open_runs(self) -> Sequence[Run]:
        """All that have not ended, in the order of their start."""
        return tuple(self.executions.open.values())

    def ids(self) -> Sequence[str]:
        """All workflow ids there are, in the order of their first start."""
        return tuple(self.executions.all)

    def expire(self, id: str) -> None:  # noqa: A002
        """Retention is over: closed runs of this id are gone."""
        left = [run for run in self.executions.all.get(id, ()) if not run.closed]
        if left:
            self.executions.all[id] = left
        else:
            self.executions.all.pop(id, None)

    def replay_all(self) -> None:
        """Replay every history there is, and compare; differences become violations."""
        for runs in self.executions.all.values():
            for run in runs:
                self.worker.check(run)

    # What its parts share

    def fitting(self, payload: Payload) -> Payload:
        """The payload, where the server takes one so large. Raises TooLarge."""
        if payload.ByteSize() > self.limits.payload:
            raise TooLarge("Blob data size exceeds limit.")
        return payload

    def new_id(self) -> str:
        """One that nobody has, and the same in the same life."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def chance(self, likely: float) -> bool:
        """Whether something that is so likely happens now."""
        return likely > 0 and self.rng.random() < likely
