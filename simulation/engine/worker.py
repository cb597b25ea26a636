"""The worker's half: workflows in memory, their tasks, evictions and replays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from simulation.engine import events
from simulation.engine.activities import MILLISECOND
from simulation.engine.clock import micros
from simulation.engine.core import Said, again, ordered, work
from simulation.engine.instance import Instance, Moment
from simulation.engine.locally import Locally
from simulation.engine.model import Violation
from simulation.engine.run import Answer, Run, Task

if TYPE_CHECKING:
    from simulation.engine.server import Server

_FIRST_BACKOFF = 1000 * MILLISECOND
_LONGEST_BACKOFF = 10 * _FIRST_BACKOFF
_SHORT = 6
"""Tasks of a run that is evicted as often as the faults say."""
_CHECKED = 8
"""One run of so many is replayed whole when it has ended: each of its tasks is compared, and each
once, where evictions compare the first tasks again and again and the last ones hardly ever."""


class Memory:
    """The workflows in a worker's memory, by run. It knows no server, so that it can outlive one
    just long enough to end what it holds."""

    def __init__(self) -> None:
        self._held: dict[str, Instance] = {}

    def get(self, run_id: str) -> Instance | None:
        """None where the run is not in memory."""
        return self._held.get(run_id)

    def keep(self, run_id: str, instance: Instance) -> None:
        """Until it is dropped."""
        self._held[run_id] = instance

    def drop(self, run_id: str) -> None:
        """Its coroutines end, whatever they wait for."""
        instance = self._held.pop(run_id, None)
        if instance is not None:
            instance.evict()

    def clear(self) -> None:
        """Drop all."""
        for run_id in list(self._held):
            self.drop(run_id)


class Worker:
    """Runs workflow tasks."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.memory = Memory()
        self._locally = Locally(server)

    def wake(self, run: Run, *, for_update: bool = False, delay: int = 0) -> None:
        """Something waits for this run: let it have a task, unless one is due already."""
        if not for_update and not run.task_scheduled:
            run.task_scheduled = True
            run.write((events.SCHEDULED,))
        if run.stuck:
            run.stuck, run.attempt = False, 1
        if run.task_due is None:
            self._schedule(run, delay + self._delay())

    def _delay(self) -> int:
        rng, faults = self._server.rng, self._server.faults
        if faults.piled_up and rng.random() < faults.piled_up:
            return int(rng.random() * micros(faults.pile_for))
        return int((1 + 10 * rng.random()) * MILLISECOND)

    def _schedule(self, run: Run, delay: int) -> None:
        run.task_due = self._server.clock.after(delay, lambda: self.task(run))

    def task(self, run: Run) -> None:
        """One workflow task, from all that has arrived to all that follows from it."""
        if run.task_due is not None:
            run.task_due.call_off()
            run.task_due = None
        if run.closed or run.nondeterministic:
            return
        if not run.waiting:
            self._nothing(run)
            return
        server = self._server
        server.counters.tasks += 1
        now = server.executions.next_task()
        instance = self._in_memory(run)
        if instance is None:
            server.stepped("nondeterminism", run)
            return
        moment = self._moment(run, now)
        jobs = ordered(run.waiting)
        server.counters.suggested += moment.suggested
        server.counters.largest_task = max(server.counters.largest_task, len(jobs))
        said = work(run, instance, moment, jobs, self._locally.do)
        server.counters.activations += max(len(said.turns), 1)
        if said.failure is not None:
            self._failed(run, said.failure.message)
        elif server.chance(server.faults.task_lost):
            self._lost(run)
        else:
            self._done(run, instance, Task(moment, []), said)

    def _nothing(self, run: Run) -> None:
        """A task for what core keeps to itself: it takes its place in the history."""
        if run.silent:
            run.silent, run.task_scheduled = False, False
            run.write((events.STARTED, events.COMPLETED))
            self._server.executions.enforce_history(run)

    def _moment(self, run: Run, now: int) -> Moment:
        scheduled = 0 if run.task_scheduled else 1
        return Moment(
            nanoseconds=now * 1000,
            history_length=run.events + scheduled + 1,
            history_bytes=run.bytes,
            suggested=self._server.executions.suggests(run),
        )

    # How a task ends

    def _done(self, run: Run, instance: Instance, task: Task, said: Said) -> None:
        server = self._server
        refusal = server.completion.refusal(run, said)
        if refusal is not None:
            if refusal.how == "fail":
                self._failed(run, refusal.why)
            else:
                run.write((events.STARTED, events.FAILED))
                self.forget(run)
                server.executions.end(run, refusal.why)
            return
        heard = len(run.waiting)
        run.waiting.clear()
        run.silent = False
        run.attempt = 1
        if said.ending is not None and instance.unfinished:
            self._unfinished(run, instance.unfinished)
        answers: list[Answer] = []
        run.buffer = answers
        server.completion.take(run, task, said)
        run.buffer = None
        for job, written, size in answers:
            server.executions.tell(run, job, written, size)
        server.executions.enforce_history(run)
        if not run.closed and server.chance(self._evicts(run)):
            self.forget(run)
        if run.closed and run.origin.seed % _CHECKED == 0:
            self.check(run)
        server.stepped(f"task {heard}: {' '.join(map(_kind, said.commands))}", run)

    def _evicts(self, run: Run) -> float:
        """How likely this run leaves the memory now. A replay costs as much as the run is long: so
        long runs are evicted less often, and cost grows with the work."""
        return self._server.faults.evicted * min(1.0, _SHORT / max(len(run.tasks), 1))

    def _failed(self, run: Run, why: str) -> None:
        server = self._server
        server.counters.tasks_failed += 1
        run.task_failures += 1
        run.last_task_failure = why
        self._write_failure(run, events.FAILED)
        if run.attempt > server.limits.task_attempts:
            run.stuck = True
        else:
            pause = min(_FIRST_BACKOFF * 2 ** (run.attempt - 2), _LONGEST_BACKOFF)
            self._schedule(run, pause)
        server.stepped(f"task failed: {why}", run)

    def _lost(self, run: Run) -> None:
        server = self._server
        server.counters.tasks_lost += 1
        self._write_failure(run, events.TIMED_OUT)
        self._schedule(run, micros(server.faults.task_timeout))
        server.stepped("task lost", run)

    def _write_failure(self, run: Run, how: str) -> None:
        """Only the first failure in a row is written; further attempts leave no events until one
        succeeds."""
        self.forget(run)
        if run.attempt == 1:
            scheduled = () if run.task_scheduled else (events.SCHEDULED,)
            run.write((*scheduled, events.STARTED, how))
        run.task_scheduled = False
        run.attempt += 1

    def _unfinished(self, run: Run, names: tuple[str, ...]) -> None:
        run.unfinished_handlers = names
        what = f"ended while these handlers ran: {', '.join(names)}"
        violation = Violation("unfinished_handlers", run.id, run.run_id, what)
        self._server.violations.append(violation)

    # The memory

    def forget(self, run: Run) -> None:
        """The workflow leaves the memory."""
        self.memory.drop(run.run_id)

    def _in_memory(self, run: Run) -> Instance | None:
        """The workflow as it is after its last task; None where replaying it went astray."""
        instance = self.memory.get(run.run_id)
        if instance is None:
            instance = self._replayed(run)
            if instance is not None:
                self.memory.keep(run.run_id, instance)
        return instance

    def check(self, run: Run) -> None:
        """Replay a run and compare, whether it is in memory or not."""
        if run.nondeterministic or not run.tasks:
            return
        instance = self._replayed(run)
        if instance is not None:
            instance.evict()

    def query(self, run: Run, name: str) -> Payload:
        """Raises LookupError with what the handler says."""
        instance = self._in_memory(run)
        if instance is None:
            raise LookupError(f"{run.id} cannot be replayed")
        last = run.tasks[-1].moment if run.tasks else self._moment(run, self._server.clock.now)
        instance.converter.begin()
        return instance.query(last, name)

    def _replayed(self, run: Run) -> Instance | None:
        instance = Instance(run.definition, run.origin, self._server.payloads.converter())
        counters = self._server.counters
        counters.replays += bool(run.tasks)
        for number, task in enumerate(run.tasks, 1):
            for turn, jobs in again(task):
                instance.converter.begin(turn.keys)
                outcome = instance.activate(task.moment, jobs, replaying=True, flags=task.flags)
                counters.activations += 1
                if outcome.failure is None and outcome.commands == turn.commands:
                    continue
                failed = outcome.failure.message if outcome.failure else ""
                what = failed or self._difference(turn.commands, outcome.commands)
                self._astray(run, f"in task {number} of {len(run.tasks)}: {what}")
                instance.evict()
                return None
        return instance

    def _astray(self, run: Run, what: str) -> None:
        run.nondeterministic = True
        run.task_failures += 1
        violation = Violation("nondeterminism", run.id, run.run_id, what)
        self._server.violations.append(violation)

    def _difference(self, then: list[WorkflowCommand], now: list[WorkflowCommand]) -> str:
        """The first command that differs, in words."""
        for place, (old, new) in enumerate(zip(then, now, strict=False), 1):
            if old != new:
                return f"command {place} was {self._shown(old)} and is {self._shown(new)}"
        shorter, longer = sorted((then, now), key=len)
        extra = self._shown(longer[len(shorter)])
        what = "is gone" if longer is then else "is new"
        return f"command {len(shorter) + 1} {what}: {extra}"

    def _shown(self, command: WorkflowCommand) -> str:
        text = str(command).replace("\n", " ")
        for payload in _payloads(command):
            value = self._server.payloads.value(payload)
            text += f" [{value!r:.300}]"
        return f"{_kind(command)} ({text[:600]})"


def _payloads(command: WorkflowCommand) -> list[Payload]:
    if command.HasField("schedule_activity"):
        return list(command.schedule_activity.arguments)
    if command.HasField("update_response"):
        return [command.update_response.completed]
    if command.HasField("complete_workflow_execution"):
        return [command.complete_workflow_execution.result]
    if command.HasField("signal_external_workflow_execution"):
        return list(command.signal_external_workflow_execution.args)
    if command.HasField("start_child_workflow_execution"):
        return list(command.start_child_workflow_execution.input)
    return []


def _kind(command: WorkflowCommand) -> str:
    kind = command.WhichOneof("variant") or ""
    if kind == "schedule_activity":
        return f"schedule_activity {command.schedule_activity.activity_type}"
    return kind
