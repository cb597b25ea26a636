"""What the SDK's core does between the server and workflow code within one workflow task.

It orders the jobs, keeps some commands for itself (a cancel of what was never sent), answers others
at once, which activates the workflow again in the same task, and puts what ends a workflow last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import RetryState
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure
from temporalio.bridge.proto.activity_result import ActivityResolution, Cancellation
from temporalio.bridge.proto.child_workflow import Cancellation as ChildCancellation
from temporalio.bridge.proto.child_workflow import ChildWorkflowCancellationType as ChildStop
from temporalio.bridge.proto.child_workflow import ChildWorkflowResult
from temporalio.bridge.proto.workflow_activation import (
    NotifyHasPatch,
    ResolveActivity,
    ResolveChildWorkflowExecution,
    ResolveChildWorkflowExecutionStart,
    ResolveChildWorkflowExecutionStartCancelled,
    ResolveSignalExternalWorkflow,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import ActivityCancellationType as Stop
from temporalio.bridge.proto.workflow_commands import ScheduleLocalActivity, WorkflowCommand

from simulation.engine.failures import of_activity, of_child
from simulation.engine.instance import Instance, Moment
from simulation.engine.run import Run, Task, Turn

Job = WorkflowActivationJob
Locally = Callable[[Run, ScheduleLocalActivity, type | None], Job]
"""Does a local activity, and says how it went; the type is that of its argument."""

ENDINGS = frozenset(
    {
        "complete_workflow_execution",
        "fail_workflow_execution",
        "cancel_workflow_execution",
        "continue_as_new_workflow_execution",
    }
)

# bridge/proto/workflow_activation: init, patches, random seeds, signals and updates, all others.
# The SDK then runs the workflow's code once after signals and updates and once after the others.
_FIRST = {
    "initialize_workflow": 0,
    "notify_has_patch": 1,
    "update_random_seed": 2,
    "signal_workflow": 3,
    "do_update": 3,
}


def ordered(jobs: Iterable[Job]) -> list[Job]:
    """As core hands them to the SDK; what is of one rank stays as it came."""
    return sorted(jobs, key=lambda job: _FIRST.get(job.WhichOneof("variant") or "", 4))


@dataclass(slots=True)
class Said:
    """All that one workflow task says, as core passes it on."""

    turns: list[Turn] = field(default_factory=list)
    commands: list[WorkflowCommand] = field(default_factory=list)
    """For the server, what ends the workflow excepted."""
    ending: WorkflowCommand | None = None
    settled: list[int] = field(default_factory=list)
    """Activities whose outcome the workflow no longer waits for."""
    children_settled: list[int] = field(default_factory=list)
    failure: Failure | None = None
    flags: frozenset[int] = frozenset()
    arguments: dict[int, type | None] = field(default_factory=dict)
    """The type of each scheduled activity's argument."""
    markers: list[int] = field(default_factory=list)
    """The sizes of what local activities answered."""
    inputs: dict[int, list[Payload]] = field(default_factory=dict)
    """Of children by their number, and of a next run under 0: as the real server has them, for
    between two runs is where things get lost."""


def work(run: Run, instance: Instance, moment: Moment, jobs: list[Job], locally: Locally) -> Said:
    """Let the workflow work on one task to its end, in as many turns as core needs."""
    task = _Working(run, instance, locally)
    task.said.flags = run.tasks[-1].flags if run.tasks else frozenset()
    while jobs:
        instance.converter.begin()
        outcome = instance.activate(moment, jobs, replaying=False, flags=task.said.flags)
        if outcome.failure is not None:
            task.said.failure = outcome.failure
            break
        if outcome.flags:
            task.said.flags = task.said.flags.union(outcome.flags)
        task.said.turns.append(Turn(jobs, outcome.commands, instance.converter.keys))
        jobs = task.take(outcome.commands)
    return task.said


def again(task: Task) -> Iterable[tuple[Turn, list[Job]]]:
    """The turns of a task with their jobs as they are in a replay."""
    for turn in task.turns:
        patches = [
            Job(notify_has_patch=NotifyHasPatch(patch_id=each.set_patch_marker.patch_id))
            for each in turn.commands
            if each.HasField("set_patch_marker")
        ]
        yield turn, ordered([*turn.jobs, *patches]) if patches else turn.jobs


class _Working:
    def __init__(self, run: Run, instance: Instance, locally: Locally) -> None:
        self.said = Said()
        self._locally = locally
        self._run = run
        self._instance = instance

    def take(self, commands: Sequence[WorkflowCommand]) -> list[Job]:
        """Sort what the workflow wants; the jobs that core answers with at once."""
        answers: list[Job] = []
        for command in commands:
            kind = command.WhichOneof("variant") or ""
            if kind in ENDINGS:
                self.said.ending = self.said.ending or command
            elif kind == "request_cancel_activity":
                answers += self._cancel_activity(command)
            elif kind == "schedule_local_activity":
                answers.append(self._do(command.schedule_local_activity))
            elif kind == "request_cancel_local_activity":
                raise NotImplementedError("a cancel of a local activity is not simulated")
            elif kind == "cancel_child_workflow_execution":
                answers += self._cancel_child(command)
            elif kind == "cancel_signal_workflow":
                answers += self._cancel_signal(command.cancel_signal_workflow.seq)
            else:
                self._pass_on(kind, command)
        return [] if self.said.ending else answers

    def _do(self, wanted: ScheduleLocalActivity) -> Job:
        answer = self._locally(self._run, wanted, self._instance.activity_argument(wanted.seq))
        self.said.markers.append(answer.ByteSize())
        return answer

    def _pass_on(self, kind: str, command: WorkflowCommand) -> None:
        if kind == "schedule_activity":
            seq = command.schedule_activity.seq
            self.said.arguments[seq] = self._instance.activity_argument(seq)
        elif kind == "set_patch_marker":
            if command.set_patch_marker.patch_id in self._run.patches:
                return
        elif kind == "cancel_timer":
            if self._was_dropped("start_timer", command.cancel_timer.seq):
                return
            if command.cancel_timer.seq not in self._run.timers:
                return
        self.said.commands.append(command)

    def _was_dropped(self, kind: str, seq: int) -> bool:
        """Whether a command of this very task was found and taken back."""
        for place, command in enumerate(self.said.commands):
            if command.HasField(kind) and getattr(command, kind).seq == seq:  # type: ignore[arg-type]
                del self.said.commands[place]
                return True
        return False

    def _cancel_activity(self, command: WorkflowCommand) -> list[Job]:
        seq = command.request_cancel_activity.seq
        if self._was_dropped("schedule_activity", seq):
            return [_activity_cancelled(seq, "", "")]
        pending = self._run.activities.get(seq)
        if pending is None or seq in self.said.settled:
            return []
        if pending.cancellation != Stop.ABANDON:
            self.said.commands.append(command)
        if pending.cancellation == Stop.WAIT_CANCELLATION_COMPLETED:
            return []
        self.said.settled.append(seq)
        return [_activity_cancelled(seq, pending.name, pending.id)]

    def _cancel_child(self, command: WorkflowCommand) -> list[Job]:
        seq = command.cancel_child_workflow_execution.child_workflow_seq
        if self._was_dropped("start_child_workflow_execution", seq):
            return [_child_cancelled(seq, "", "", started=False)]
        child = self._run.children.get(seq)
        if child is None or seq in self.said.children_settled:
            return []
        if child.cancellation != ChildStop.ABANDON:
            self.said.commands.append(command)
        if child.cancellation not in (ChildStop.ABANDON, ChildStop.TRY_CANCEL):
            return []
        self.said.children_settled.append(seq)
        started = child.run_id is not None
        return [_child_cancelled(seq, child.id, child.workflow, started=started)]

    def _cancel_signal(self, seq: int) -> list[Job]:
        if not self._was_dropped("signal_external_workflow_execution", seq):
            return []
        failure = _cancelled("Signal was cancelled before being sent")
        return [
            Job(
                resolve_signal_external_workflow=ResolveSignalExternalWorkflow(
                    seq=seq, failure=failure
                )
            )
        ]


def _cancelled(message: str) -> Failure:
    return Failure(message=message, canceled_failure_info=CanceledFailureInfo())


def _activity_cancelled(seq: int, name: str, id: str) -> Job:  # noqa: A002
    cause = _cancelled("Activity cancelled")
    state = RetryState.RETRY_STATE_CANCEL_REQUESTED
    failure = of_activity("Activity cancelled", cause, name, id, state)
    result = ActivityResolution(cancelled=Cancellation(failure=failure))
    return Job(resolve_activity=ResolveActivity(seq=seq, result=result))


def _child_cancelled(seq: int, id: str, workflow: str, *, started: bool) -> Job:  # noqa: A002
    cause = _cancelled("Child Workflow execution cancelled")
    failure = of_child("Child Workflow execution cancelled", cause, id, "", workflow)
    if started:
        result = ChildWorkflowResult(cancelled=ChildCancellation(failure=failure))
        return Job(
            resolve_child_workflow_execution=ResolveChildWorkflowExecution(seq=seq, result=result)
        )
    return Job(
        resolve_child_workflow_execution_start=ResolveChildWorkflowExecutionStart(
            seq=seq, cancelled=ResolveChildWorkflowExecutionStartCancelled(failure=failure)
        )
    )
