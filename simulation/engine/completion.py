"""What the server does with all that one workflow task says: check it, write it down, carry it out.

What is too large, or too much, stops all of it. As on the real server (its
workflow_task_completed_handler): too large ends the workflow, too many pending fails the task.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_commands import (
    ContinueAsNewWorkflowExecution,
    StartChildWorkflowExecution,
    WorkflowCommand,
)

from simulation.engine import events
from simulation.engine.core import Said
from simulation.engine.model import Limits
from simulation.engine.run import Child, Run, Task, Turn

if TYPE_CHECKING:
    from simulation.engine.server import Server


class Refusal(NamedTuple):
    """Why the server takes nothing of a task."""

    how: Literal["terminate", "fail"]
    why: str


class Completion:
    """Takes in what workflow tasks say."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._carried_out: dict[str, Callable[[Run, WorkflowCommand, Said], None]] = {
            "start_timer": self._start_timer,
            "cancel_timer": self._cancel_timer,
            "schedule_activity": self._schedule_activity,
            "request_cancel_activity": self._cancel_activity,
            "start_child_workflow_execution": self._start_child,
            "cancel_child_workflow_execution": self._cancel_child,
            "request_cancel_external_workflow_execution": self._cancel_external,
            "signal_external_workflow_execution": self._signal_external,
            "upsert_workflow_search_attributes": self._upsert_attributes,
            "modify_workflow_properties": self._upsert_memo,
            "set_patch_marker": self._patch,
            "update_response": self._answer_update,
        }

    def refusal(self, run: Run, said: Said) -> Refusal | None:
        """What stops this task, if anything does."""
        self._store_inputs(said)
        limits, size = self._server.limits, 0
        for command in (*said.commands, *([said.ending] if said.ending else ())):
            refusal = self._memo_refusal(command, limits) or _refusal(command, said, limits)
            if refusal is not None:
                return refusal
            size += command.ByteSize()
        size += sum(_size(each) for each in said.inputs.values())
        if size > limits.message:
            return Refusal("fail", "GrpcMessageTooLarge")
        return _too_many(run, said, limits.pending)

    def take(self, run: Run, task: Task, said: Said) -> None:
        """Write it down and carry it out. A task that only refused updates leaves no trace."""
        refused = _refused_updates(run, said.turns)
        task.turns = [_without_refusals(turn, refused) for turn in said.turns]
        if not any(turn.jobs or turn.commands for turn in task.turns):
            for command in said.commands:
                self._answer_update(run, command, said)
            return
        task.flags = said.flags
        run.tasks.append(task)
        scheduled = () if run.task_scheduled else (events.SCHEDULED,)
        run.write((*scheduled, events.STARTED, events.COMPLETED))
        run.task_scheduled = False
        for size in said.markers:
            run.write(events.LOCAL_ACTIVITY, size)
        for command in said.commands:
            self._carried_out[command.WhichOneof("variant") or ""](run, command, said)
        for seq in said.settled:
            run.activities.pop(seq, None)
        for seq in said.children_settled:
            run.children.pop(seq, None)
        if said.ending is not None:
            self._end(run, said.ending, said)

    def _store_inputs(self, said: Said) -> None:
        for command in said.commands:
            if command.HasField("start_child_workflow_execution"):
                child = command.start_child_workflow_execution
                said.inputs[child.seq] = self._stored(child.input)
        if said.ending and said.ending.HasField("continue_as_new_workflow_execution"):
            following = said.ending.continue_as_new_workflow_execution
            said.inputs[0] = self._stored(following.arguments)

    def _memo_refusal(self, command: WorkflowCommand, limits: Limits) -> Refusal | None:
        if not command.HasField("modify_workflow_properties"):
            return None
        fields = command.modify_workflow_properties.upserted_memo.fields
        size = _size(self._stored(fields.values()))
        return _ended_by(size > limits.memo, "BadModifyWorkflowPropertiesAttributes: memo")

    def _stored(self, payloads: Iterable[Payload]) -> list[Payload]:
        return [self._server.payloads.stored(each) for each in payloads]

    # One command

    def _write(self, run: Run, command: WorkflowCommand) -> None:
        kind = command.WhichOneof("variant") or ""
        run.write(events.OF_COMMAND[kind], command.ByteSize())

    def _start_timer(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        timer = command.start_timer
        span = timer.start_to_fire_timeout
        self._server.executions.start_timer(
            run, timer.seq, span.seconds * 1_000_000 + span.nanos // 1000
        )

    def _cancel_timer(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        due = run.timers.pop(command.cancel_timer.seq, None)
        if due is not None:
            due.call_off()
            self._write(run, command)

    def _schedule_activity(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        wanted = command.schedule_activity
        self._server.activities.schedule(run, wanted, said.arguments[wanted.seq])

    def _cancel_activity(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        seq = command.request_cancel_activity.seq
        pending = run.activities[seq]
        if seq in said.settled:
            run.activities.pop(seq)
        self._server.activities.request_cancel(pending)

    def _start_child(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        wanted = command.start_child_workflow_execution
        stored = said.inputs[wanted.seq]
        run.write(events.OF_COMMAND["start_child_workflow_execution"], _size(stored))
        run.children[wanted.seq] = child = Child(
            seq=wanted.seq,
            id=wanted.workflow_id,
            workflow=wanted.workflow_type,
            cancellation=wanted.cancellation_type,
            policy=wanted.parent_close_policy,
        )
        self._server.between.start_child(run, child, wanted, stored)

    def _cancel_child(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        wanted = command.cancel_child_workflow_execution
        self._server.between.cancel_child(
            run, run.children[wanted.child_workflow_seq], wanted.reason
        )

    def _cancel_external(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        wanted = command.request_cancel_external_workflow_execution
        run.outgoing_cancels.add(wanted.seq)
        self._server.between.cancel_external(run, wanted)

    def _signal_external(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        wanted = command.signal_external_workflow_execution
        run.outgoing_signals.add(wanted.seq)
        self._server.between.signal_external(run, wanted)

    def _upsert_attributes(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        fields = command.upsert_workflow_search_attributes.search_attributes.indexed_fields
        run.upsert_attributes(dict(fields))

    def _upsert_memo(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        fields = command.modify_workflow_properties.upserted_memo.fields
        run.upsert_memo({key: self._server.payloads.stored(each) for key, each in fields.items()})

    def _patch(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        self._write(run, command)
        run.patches.add(command.set_patch_marker.patch_id)

    def _answer_update(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        answer = command.update_response
        record = run.updates[answer.protocol_instance_id]
        how = answer.WhichOneof("response")
        if how == "accepted":
            record.state = "accepted"
            run.accepted += 1
            run.write(events.OF_UPDATE["accepted"], record.size)
            return
        if how == "completed":
            record.state, record.payload = "done", answer.completed
        else:
            record.state = "refused" if record.state == "admitted" else "done"
            record.failure = answer.rejected
        if record.state == "done":
            run.write(events.OF_UPDATE["completed"], command.ByteSize())

    # The end

    def _end(self, run: Run, command: WorkflowCommand, said: Said) -> None:
        kind = command.WhichOneof("variant") or ""
        stored = said.inputs.get(0, [])
        run.write(events.OF_COMMAND[kind], command.ByteSize() + _size(stored))
        if kind == "complete_workflow_execution":
            run.payload = command.complete_workflow_execution.result
            self._server.executions.finish(run, "completed")
        elif kind == "fail_workflow_execution":
            run.proto_failure = command.fail_workflow_execution.failure
            self._server.executions.finish(run, "failed")
        elif kind == "cancel_workflow_execution":
            self._server.executions.finish(run, "canceled")
        else:
            following = command.continue_as_new_workflow_execution
            self._server.executions.continue_as_new(run, following, stored)


def _refused_updates(run: Run, turns: Iterable[Turn]) -> set[str]:
    """The updates that validators have refused in this task."""
    rejected: set[str] = set()
    accepted: set[str] = set()
    for turn in turns:
        for command in turn.commands:
            if command.HasField("update_response"):
                answer = command.update_response
                if answer.HasField("rejected"):
                    rejected.add(answer.protocol_instance_id)
                elif answer.HasField("accepted"):
                    accepted.add(answer.protocol_instance_id)
    # One that was accepted first was refused by its handler, which is an answer like others.
    return {each for each in rejected - accepted if run.updates[each].state == "admitted"}


def _without_refusals(turn: Turn, refused: set[str]) -> Turn:
    """As history has it: an update that its validator refused has never been there."""
    for job in turn.jobs:
        if job.HasField("do_update"):
            job.do_update.run_validator = False
    if not refused:
        return turn
    jobs = [job for job in turn.jobs if job.do_update.protocol_instance_id not in refused]
    commands = [
        command
        for command in turn.commands
        if command.update_response.protocol_instance_id not in refused
    ]
    return Turn(jobs, commands, turn.keys)


# The limits


def _refusal(command: WorkflowCommand, said: Said, limits: Limits) -> Refusal | None:
    kind = command.WhichOneof("variant")
    if kind == "schedule_activity":
        return _ended_by(
            _size(command.schedule_activity.arguments) > limits.payload,
            "BadScheduleActivityAttributes: ScheduleActivityTaskCommandAttributes.Input",
        )
    if kind == "start_child_workflow_execution":
        return _child_refusal(command.start_child_workflow_execution, said, limits)
    if kind == "continue_as_new_workflow_execution":
        return _following_refusal(command.continue_as_new_workflow_execution, said, limits)
    if kind == "upsert_workflow_search_attributes":
        fields = command.upsert_workflow_search_attributes.search_attributes.indexed_fields
        return _attributes_refusal(fields, limits, "BadSearchAttributes")
    what = _MEASURED_WHOLE.get(kind or "")
    return _ended_by(command.ByteSize() > limits.payload, what) if what else None


_MEASURED_WHOLE = {
    "signal_external_workflow_execution": "BadSignalWorkflowExecutionAttributes: Input",
    # The real server says so too, though nothing is scheduled.
    "complete_workflow_execution": "BadScheduleActivityAttributes: "
    "CompleteWorkflowExecutionCommandAttributes.Result",
    "fail_workflow_execution": "BadFailWorkflowExecutionAttributes: Failure",
    "update_response": "BadUpdateWorkflowExecutionMessage: Message",
}


def _ended_by(too_large: bool, what: str) -> Refusal | None:
    return Refusal("terminate", f"{what} exceeds size limit.") if too_large else None


def _child_refusal(
    child: StartChildWorkflowExecution, said: Said, limits: Limits
) -> Refusal | None:
    cause = "BadStartChildExecutionAttributes"
    return (
        _ended_by(_size(said.inputs[child.seq]) > limits.payload, f"{cause}: Input")
        or _ended_by(_size(child.memo.values()) > limits.memo, f"{cause}: Memo")
        or _attributes_refusal(child.search_attributes.indexed_fields, limits, cause)
    )


def _following_refusal(
    following: ContinueAsNewWorkflowExecution, said: Said, limits: Limits
) -> Refusal | None:
    cause = "BadContinueAsNewAttributes"
    return (
        _ended_by(_size(said.inputs[0]) > limits.payload, f"{cause}: Input")
        or _ended_by(_size(following.memo.values()) > limits.memo, f"{cause}: Memo")
        or _attributes_refusal(following.search_attributes.indexed_fields, limits, cause)
    )


def _attributes_refusal(
    fields: Mapping[str, Payload], limits: Limits, cause: str
) -> Refusal | None:
    """An unknown name fails the task; what is too large ends the workflow."""
    known = limits.known_attributes
    unknown = [name for name in fields if known is not None and name not in known]
    if unknown:
        return Refusal("fail", f"BadSearchAttributes: {unknown[0]} is not defined")
    for name, payload in fields.items():
        if len(payload.data) > limits.search_attribute:
            return _ended_by(True, f"{cause}: search attribute {name}")
    total = sum(len(name) + len(payload.data) for name, payload in fields.items())
    return _ended_by(total > limits.search_attributes, f"{cause}: search attributes")


def _too_many(run: Run, said: Said, most: int) -> Refusal | None:
    if len(said.commands) + len(run.activities) + len(run.children) <= most and not (
        run.outgoing_signals or run.outgoing_cancels
    ):
        return None
    new = collections.Counter(command.WhichOneof("variant") for command in said.commands)
    pending: tuple[tuple[Any, Sized, str], ...] = (
        ("schedule_activity", run.activities, "PendingActivities"),
        ("start_child_workflow_execution", run.children, "PendingChildWorkflows"),
        ("signal_external_workflow_execution", run.outgoing_signals, "PendingSignals"),
        ("request_cancel_external_workflow_execution", run.outgoing_cancels, "PendingCancels"),
    )
    for kind, before, what in pending:
        if new[kind] and len(before) + new[kind] > most:
            return Refusal("fail", f"{what}LimitExceeded")
    return None


def _size(payloads: Iterable[Payload] | Sequence[Payload]) -> int:
    return sum(payload.ByteSize() for payload in payloads)
