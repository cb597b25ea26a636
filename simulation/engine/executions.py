"""Workflow executions from their start to their end, and what each of them is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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

from simulation.engine import events
from simulation.engine.activities import MILLISECOND
from simulation.engine.instance import Definition, Origin, definition_of, name_of
from simulation.engine.model import LimitExceeded, Reuse, Status
from simulation.engine.run import Record, Run

if TYPE_CHECKING:
    from simulation.engine.server import Server

Job = WorkflowActivationJob

_QUERIED_LATER = ("completed", "failed", "canceled")
"""People look at what has come to its end, often more than once: it stays in memory until the
worker is lost. A real worker lets go of it, and replays all of it for each look."""


class Executions:
    """All runs of a server. `workflows` are the classes that its workers serve."""

    def __init__(self, server: Server, workflows: Sequence[type]) -> None:
        self._server = server
        self._definitions = {name_of(each): each for each in map(definition_of, workflows)}
        self.all: dict[str, list[Run]] = {}
        """By workflow id, the first run first."""
        self.open: dict[str, Run] = {}
        """By run id, in the order of their start."""
        self._last_task = 0

    # Runs

    def definition(self, workflow: str) -> Definition:
        """Raises LookupError where no worker serves it."""
        try:
            return self._definitions[workflow]
        except KeyError:
            raise LookupError(f"no worker serves workflows of type {workflow!r}") from None

    def open_of(self, id: str) -> Run | None:  # noqa: A002
        """The run of this id that is open, if one is."""
        runs = self.all.get(id)
        return runs[-1] if runs and not runs[-1].closed else None

    def taken(self, id: str, reuse: Reuse) -> bool:  # noqa: A002
        """Whether closed runs stand in the way of another."""
        runs = self.all.get(id)
        if not runs or reuse == "allow":
            return False
        return reuse == "reject_duplicate" or runs[-1].status == "completed"

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
        run_id = self._server.new_id()
        owner = parent[0].origin if parent else None
        origin = Origin(
            workflow_id=id,
            workflow=name_of(definition),
            run_id=run_id,
            first_run_id=before.origin.first_run_id if before else run_id,
            continued_from=before.run_id if before else None,
            parent=(owner.workflow_id, owner.run_id) if owner else None,
            root=(owner.root or (owner.workflow_id, owner.run_id)) if owner else None,
            started=self._server.now,
            memo=dict(memo),
            search_attributes=dict(attributes),
            seed=self._server.rng.getrandbits(63),
        )
        run = Run(origin, definition, self._server.payloads)
        run.parent = parent
        run.suggest_at = self._suggestion()
        self.all.setdefault(id, []).append(run)
        self.open[run_id] = run
        start = InitializeWorkflow(workflow_type=origin.workflow, workflow_id=id, arguments=inputs)
        self.tell(run, Job(initialize_workflow=start), delay=delay)
        self._server.trace.append((self._server.clock.now, f"start {id} {run_id}"))
        return run

    def _suggestion(self) -> int:
        if self._server.chance(self._server.faults.early_suggestion):
            return self._server.rng.randint(*self._server.faults.suggested_within)
        return self._server.limits.suggest_events

    def finish(self, run: Run, status: Status) -> None:
        """A run ends. What was under way for it goes on, unheard."""
        run.status = status
        run.closed_at = self._server.now
        self.open.pop(run.run_id, None)
        for due in (*run.timers.values(), run.task_due):
            if due is not None:
                due.call_off()
        run.timers.clear()
        run.waiting.clear()
        run.task_due = None
        for record in run.updates.values():
            if record.state in ("admitted", "accepted"):
                record.state = "lost"
        self._server.counters.events += run.events
        if status not in _QUERIED_LATER:
            self._server.worker.forget(run)
        self._server.between.part_from_children(run)
        if status != "continued_as_new" and run.parent is not None:
            self._server.between.tell_parent(run, *run.parent)

    def continue_as_new(
        self, run: Run, wanted: ContinueAsNewWorkflowExecution, inputs: Sequence[Payload]
    ) -> None:
        """A run ends, and another takes its place: with the memo that it was *started* with, unless
        another is given, and the search attributes it has now. A cancel stays behind."""
        held = run.cancel_held
        self.finish(run, "continued_as_new")
        stored = {key: self._server.payloads.stored(each) for key, each in wanted.memo.items()}
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
        self._server.stepped(f"terminated: {why}", run)

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
        self._server.worker.wake(run, for_update=for_update, delay=delay)
        self.enforce_history(run)

    def enforce_history(self, run: Run) -> None:
        """The server ends what has become too long."""
        if run.closed:
            return
        if run.events > self._server.limits.history_events:
            self.end(run, "Workflow history count exceeds limit.")
        elif run.bytes > self._server.limits.history_bytes:
            self.end(run, "Workflow history size exceeds limit.")

    def start_timer(self, run: Run, seq: int, span: int) -> None:
        """Tell the run when that many microseconds are over."""

        def fire() -> None:
            run.timers.pop(seq, None)
            self.tell(run, Job(fire_timer=FireTimer(seq=seq)))

        run.timers[seq] = self._server.clock.after(span, fire)

    def give_signal(self, run: Run, name: str, inputs: Sequence[Payload]) -> bool:
        """False where the run takes no more."""
        if run.signals >= self._server.limits.signals:
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

    def admit(self, run: Run, name: str, arg: Any, update_id: str) -> Record:
        """An update begins. Raises LimitExceeded where the run takes no more."""
        if run.accepted >= self._server.limits.updates:
            raise LimitExceeded(f"{run.id} takes no more updates")
        if run.in_flight >= self._server.limits.updates_in_flight:
            raise LimitExceeded(f"{run.id} has too many updates under way")
        payload = self._server.fitting(self._server.payloads.encoded(arg))
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

    def suggests(self, run: Run) -> bool:
        """Whether its next task is told that it should continue as new."""
        limits = self._server.limits
        return (
            run.events >= run.suggest_at
            or run.bytes >= limits.suggest_bytes
            or run.accepted >= limits.suggest_updates * limits.updates
        )

    def next_task(self) -> int:
        """Now, later than any workflow task before."""
        self._server.clock.pass_to(self._last_task + MILLISECOND)
        self._last_task = self._server.clock.now
        return self._server.clock.now
