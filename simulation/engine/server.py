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
    CancelWorkflow,
    DoUpdate,
    FireTimer,
    InitializeWorkflow,
    SignalWorkflow,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import (
    ContinueAsNewWorkflowExecution,
)
from temporalio.common import TypedSearchAttributes
from temporalio.converter import encode_typed_search_attribute_value

from invoicing.converter import data_converter
from simulation.engine import events
from simulation.engine.activities import MILLISECOND, Activities, Handler
from simulation.engine.between import Between
from simulation.engine.clock import Clock, micros, moment
from simulation.engine.completion import Completion
from simulation.engine.instance import (
    Definition,
    Origin,
    definition_of,
    name_of,
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
    Status,
    TooLarge,
    Violation,
)
from simulation.engine.payloads import Payloads
from simulation.engine.run import Record, Run, Update
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
        self._worker = Worker(self)
        self._let_go = weakref.finalize(self, self._worker.memory.clear)
        self._let_go.atexit = False
        self._definitions: dict[str, Definition] = {}
        for story in workflows:
            definition = definition_of(story)
            self._definitions[name_of(definition)] = definition
        self._runs: dict[str, list[Run]] = {}
        self._open: dict[str, Run] = {}
        """By run id, in the order of their start."""
        self._last_task = 0
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
        self._worker.memory.clear()
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
        open_run = self.open_of(id)
        if open_run is not None:
            if conflict == "use_existing":
                return open_run
            if conflict == "fail":
                raise AlreadyStarted(id, open_run.run_id)
            self.end(open_run, "TerminateExisting WorkflowIdConflictPolicy")
        elif self.taken(id, reuse):
            raise AlreadyStarted(id, self._runs[id][-1].run_id)
        definition = self.definition(workflow)
        payloads = self.payloads
        inputs = [self._fitting(payloads.really(arg))] if takes_argument(definition) else []
        fields = {key: payloads.really(each) for key, each in (memo or {}).items()}
        attributes = {
            pair.key.name: encode_typed_search_attribute_value(pair.key, pair.value)
            for pair in search_attributes or ()
        }
        return self.begin(definition, id, inputs, fields, attributes)

    def signal(self, id: str, name: str, arg: Any) -> None:  # noqa: A002
        """Raises NotFound when no run is open, LimitExceeded when it takes no more."""
        run = self.open_run(id)
        payload = self._fitting(self.payloads.encoded(arg))
        if not self.give_signal(run, name, [payload]):
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
        update_id = update_id or self._new_id()
        run = self.open_of(id)
        if run is None:
            return self._ended_update(id, update_id)
        if self.chance(self.faults.request_lost):
            return Update(update_id, run, None)
        unheard = self.chance(self.faults.answer_lost)
        record = run.updates.get(update_id)
        if record is None:
            record = self._admit(run, name, arg, update_id)
        return Update(update_id, run, record, unheard=unheard)

    def query(self, id: str, name: str) -> Any:  # noqa: A002
        """Ask the last run, open or closed, for what it shows.

        Raises NotFound when there is none, QueryFailed with what its handler says.
        """
        runs = self._runs.get(id)
        if not runs:
            raise NotFound(f"there is no workflow {id}")
        run = runs[-1]
        if not run.tasks and not run.closed:
            self._worker.task(run)
        try:
            payload = self._worker.query(run, name)
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
            self.give_cancel(run, reason)

    def terminate(self, id: str, reason: str = "") -> None:  # noqa: A002
        """End the open run at once. Raises NotFound when there is none."""
        self.end(self.open_run(id), reason)

    def runs(self, id: str) -> Sequence[Run]:  # noqa: A002
        """All runs of this id, the first first."""
        return tuple(self._runs.get(id, ()))

    def open_run(self, id: str) -> Run:  # noqa: A002
        """The run that is open. Raises NotFound when there is none."""
        run = self.open_of(id)
        if run is None:
            raise NotFound(f"no run of {id} is open")
        return run

    def open_runs(self) -> Sequence[Run]:
        """All that have not ended, in the order of their start."""
        return tuple(self._open.values())

    def ids(self) -> Sequence[str]:
        """All workflow ids there are, in the order of their first start."""
        return tuple(self._runs)

    def expire(self, id: str) -> None:  # noqa: A002
        """Retention is over: closed runs of this id are gone."""
        left = [run for run in self._runs.get(id, ()) if not run.closed]
        if left:
            self._runs[id] = left
        else:
            self._runs.pop(id, None)

    def replay_all(self) -> None:
        """Replay every history there is, and compare; differences become violations."""
        for runs in self._runs.values():
            for run in runs:
                self._worker.check(run)

    # Runs

    def definition(self, workflow: str) -> Definition:
        """Raises LookupError where no worker serves it."""
        try:
            return self._definitions[workflow]
        except KeyError:
            raise LookupError(f"no worker serves workflows of type {workflow!r}") from None

    def open_of(self, id: str) -> Run | None:  # noqa: A002
        """The run of this id that is open, if one is."""
        runs = self._runs.get(id)
        return runs[-1] if runs and not runs[-1].closed else None

    def taken(self, id: str, reuse: Reuse) -> bool:  # noqa: A002
        """Whether closed runs stand in the way of another."""
        runs = self._runs.get(id)
        if not runs or reuse == "allow":
            return False
        return reuse == "reject_duplicate" or runs[-1].status == "completed"

    def _fitting(self, payload: Payload) -> Payload:
        if payload.ByteSize() > self.limits.payload:
            raise TooLarge("Blob data size exceeds limit.")
        return payload

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def chance(self, likely: float) -> bool:
        """Whether something that is so likely happens now."""
        return likely > 0 and self.rng.random() < likely

    def begin(
        self,
        definition: Definition,
        id: str,  # noqa: A002
        inputs: Sequence[Payload],
        memo: Mapping[str, Payload],
        attributes: Mapping[str, Payload],
        *,
        before: Run | None = None,
        parent: tuple[Run, int] | None = None,
        delay: int = 0,
    ) -> Run:
        """Another run of this id, as the server has its start."""
        run_id = self._new_id()
        owner = parent[0].origin if parent else None
        origin = Origin(
            workflow_id=id,
            workflow=name_of(definition),
            run_id=run_id,
            first_run_id=before.origin.first_run_id if before else run_id,
            continued_from=before.run_id if before else None,
            parent=(owner.workflow_id, owner.run_id) if owner else None,
            root=(owner.root or (owner.workflow_id, owner.run_id)) if owner else None,
            started=self.now,
            memo=dict(memo),
            search_attributes=dict(attributes),
            seed=self.rng.getrandbits(63),
        )
        run = Run(origin, definition, self.payloads)
        run.parent = parent
        run.suggest_at = self._suggestion()
        self._runs.setdefault(id, []).append(run)
        self._open[run_id] = run
        start = InitializeWorkflow(workflow_type=origin.workflow, workflow_id=id, arguments=inputs)
        self.tell(run, Job(initialize_workflow=start), delay=delay)
        self.trace.append((self.clock.now, f"start {id} {run_id}"))
        return run

    def _suggestion(self) -> int:
        if self.chance(self.faults.early_suggestion):
            return self.rng.randint(*self.faults.suggested_within)
        return self.limits.suggest_events

    def finish(self, run: Run, status: Status) -> None:
        """A run ends. What was under way for it goes on, unheard."""
        run.status = status
        run.closed_at = self.now
        self._open.pop(run.run_id, None)
        for due in (*run.timers.values(), run.task_due):
            if due is not None:
                due.call_off()
        run.timers.clear()
        run.waiting.clear()
        run.task_due = None
        for record in run.updates.values():
            if record.state in ("admitted", "accepted"):
                record.state = "lost"
        self.counters.events += run.events
        self._worker.forget(run)
        self.between.part_from_children(run)
        if status != "continued_as_new" and run.parent is not None:
            self.between.tell_parent(run, *run.parent)

    def continue_as_new(
        self, run: Run, wanted: ContinueAsNewWorkflowExecution, inputs: Sequence[Payload]
    ) -> None:
        """A run ends, and another takes its place: with the memo that it was *started* with, unless
        another is given, and the search attributes it has now. A cancel stays behind."""
        held = run.cancel_held
        self.finish(run, "continued_as_new")
        stored = {key: self.payloads.stored(each) for key, each in wanted.memo.items()}
        name = wanted.workflow_type or run.workflow
        following = self.begin(
            self.definition(name),
            run.id,
            inputs,
            stored or run.origin.memo,
            dict(wanted.search_attributes.indexed_fields) or run.attribute_payloads,
            before=run,
            parent=run.parent,
            delay=wanted.backoff_start_interval.ToMicroseconds(),
        )
        if held is not None:
            self.give_cancel(following, held)

    def end(self, run: Run, why: str) -> None:
        """Terminate it: by whoever asks for that, or by the server itself."""
        run.terminated_because = why
        run.write((events.TERMINATED,))
        self.finish(run, "terminated")
        self.stepped(f"terminated: {why}", run)

    # Telling a run something

    def tell(
        self,
        run: Run,
        job: Job | None,
        written: tuple[str, ...] | None = None,
        size: int | None = None,
        *,
        delay: int = 0,
    ) -> None:
        """Write down what has happened, and let the workflow know of it in its next task."""
        if run.closed:
            return
        names = events.of_job(job) if written is None and job is not None else written or ()
        size = job.ByteSize() if size is None and job is not None else size or 0
        if run.buffer is not None:
            run.buffer.append((job, names, size))
            return
        run.write(names, size)
        if job is None:
            run.silent = True
        else:
            run.waiting.append(job)
        for_update = job is not None and job.HasField("do_update")
        self._worker.wake(run, for_update=for_update, delay=delay)
        self.enforce_history(run)

    def enforce_history(self, run: Run) -> None:
        """The server ends what has become too long."""
        if run.closed:
            return
        if run.events > self.limits.history_events:
            self.end(run, "Workflow history count exceeds limit.")
        elif run.bytes > self.limits.history_bytes:
            self.end(run, "Workflow history size exceeds limit.")

    def start_timer(self, run: Run, seq: int, span: int) -> None:
        """Tell the run when that many microseconds are over."""

        def fire() -> None:
            run.timers.pop(seq, None)
            self.tell(run, Job(fire_timer=FireTimer(seq=seq)))

        run.timers[seq] = self.clock.after(span, fire)

    def give_signal(self, run: Run, name: str, inputs: Sequence[Payload]) -> bool:
        """False where the run takes no more."""
        if run.signals >= self.limits.signals:
            return False
        run.signals += 1
        signal = SignalWorkflow(signal_name=name, input=inputs, originating_event_id=run.events + 1)
        self.tell(run, Job(signal_workflow=signal))
        return True

    def give_cancel(self, run: Run, reason: str) -> None:
        """A second one changes nothing."""
        run.cancel_held = None
        if not run.cancel_requested:
            run.cancel_requested = True
            self.tell(run, Job(cancel_workflow=CancelWorkflow(reason=reason)))

    def with_completion(self, run: Run) -> None:
        """An activity has ended: a cancel that was to come with it comes now, before the workflow
        has heard of either."""
        if run.cancel_held is not None and not run.closed:
            self.give_cancel(run, run.cancel_held)

    def _admit(self, run: Run, name: str, arg: Any, update_id: str) -> Record:
        if run.accepted >= self.limits.updates:
            raise LimitExceeded(f"{run.id} takes no more updates")
        if run.in_flight >= self.limits.updates_in_flight:
            raise LimitExceeded(f"{run.id} has too many updates under way")
        payload = self._fitting(self.payloads.encoded(arg))
        update = DoUpdate(
            id=update_id,
            protocol_instance_id=update_id,
            name=name,
            input=[payload],
            run_validator=True,
        )
        record = Record(update_id, name, payload.ByteSize())
        run.updates[update_id] = record
        self.tell(run, Job(do_update=update))
        return record

    def _ended_update(self, id: str, update_id: str) -> Update:  # noqa: A002
        for run in reversed(self._runs.get(id, ())[-1:]):
            if update_id in run.updates:
                return Update(update_id, run, run.updates[update_id])
        raise NotFound(f"no run of {id} is open")

    def suggests(self, run: Run) -> bool:
        """Whether its next task is told that it should continue as new."""
        limits = self.limits
        return (
            run.events >= run.suggest_at
            or run.bytes >= limits.suggest_bytes
            or run.accepted >= limits.suggest_updates * limits.updates
        )

    def next_task(self) -> int:
        """Now, later than any workflow task before."""
        self.clock.pass_to(self._last_task + MILLISECOND)
        self._last_task = self.clock.now
        return self.clock.now
