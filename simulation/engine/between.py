"""What goes from one workflow to another: children, signals, cancels. All of it takes a moment."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.failure.v1 import CanceledFailureInfo, Failure, TerminatedFailureInfo
from temporalio.bridge.proto.child_workflow import Cancellation as ChildCancelled
from temporalio.bridge.proto.child_workflow import (
    ChildWorkflowCancellationType,
    ChildWorkflowResult,
    ParentClosePolicy,
    StartChildWorkflowExecutionFailedCause,
    Success,
)
from temporalio.bridge.proto.child_workflow import Failure as ChildFailed
from temporalio.bridge.proto.workflow_activation import (
    ResolveChildWorkflowExecution,
    ResolveChildWorkflowExecutionStart,
    ResolveChildWorkflowExecutionStartFailure,
    ResolveChildWorkflowExecutionStartSuccess,
    ResolveRequestCancelExternalWorkflow,
    ResolveSignalExternalWorkflow,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import (
    RequestCancelExternalWorkflowExecution,
    SignalExternalWorkflowExecution,
    StartChildWorkflowExecution,
)

from simulation.engine import events
from simulation.engine.activities import MILLISECOND
from simulation.engine.failures import of_child, plain
from simulation.engine.model import Reuse
from simulation.engine.run import Child, Run

if TYPE_CHECKING:
    from simulation.engine.server import Server

Job = WorkflowActivationJob


class Between:
    """Carries things from run to run."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def _soon(self, act: Callable[[], None]) -> None:
        self._server.clock.after(int((1 + 15 * self._server.rng.random()) * MILLISECOND), act)

    def start_child(
        self,
        run: Run,
        child: Child,
        wanted: StartChildWorkflowExecution,
        inputs: Sequence[Payload],
    ) -> None:
        """Start it a little later, or never: a parent that has ended meanwhile gets no children any
        more, not even such as it would have abandoned."""
        definition = self._server.executions.definition(wanted.workflow_type)

        def begin() -> None:
            if run.closed:
                return
            if self._child_refused(child.id, wanted.workflow_id_reuse_policy):
                run.children.pop(child.seq, None)
                self._child_not_started(run, child)
                return
            memo = {key: self._server.payloads.stored(each) for key, each in wanted.memo.items()}
            attributes = dict(wanted.search_attributes.indexed_fields)
            started = self._server.executions.begin(
                definition, child.id, inputs, memo, attributes, parent=(run, child.seq)
            )
            child.run_id = started.run_id
            resolve = ResolveChildWorkflowExecutionStart(
                seq=child.seq,
                succeeded=ResolveChildWorkflowExecutionStartSuccess(run_id=started.run_id),
            )
            heard = child.seq in run.children
            job = Job(resolve_child_workflow_execution_start=resolve)
            self._server.executions.tell(run, job if heard else None, events.of_job(job))

        self._soon(begin)

    def _child_refused(self, id: str, policy: int) -> bool:  # noqa: A002
        open_run = self._server.executions.open_of(id)
        terminates = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
        if open_run is not None:
            if policy == terminates:
                self._server.executions.end(
                    open_run, "TerminateIfRunning WorkflowIdReusePolicy Policy"
                )
                return False
            return True
        return self._server.executions.taken(id, _REUSE.get(policy, "allow"))

    def _child_not_started(self, run: Run, child: Child) -> None:
        cause = StartChildWorkflowExecutionFailedCause
        failed = ResolveChildWorkflowExecutionStartFailure(
            workflow_id=child.id,
            workflow_type=child.workflow,
            cause=cause.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS,
        )
        resolve = ResolveChildWorkflowExecutionStart(seq=child.seq, failed=failed)
        job = Job(resolve_child_workflow_execution_start=resolve)
        self._server.executions.tell(run, job, events.of_job(job, failed=True))

    def part_from_children(self, run: Run) -> None:
        """Also at a continue-as-new: children do not pass to the next run."""
        for child in run.children.values():
            first, policy = child.run_id, child.policy
            if first is None or policy == ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON:
                continue
            open_run = self._open_of_chain(child.id, first)
            if open_run is None:
                continue
            asks = policy == ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL
            self._soon(functools.partial(self._end_child, open_run, kindly=asks))

    def _end_child(self, run: Run, *, kindly: bool) -> None:
        latest = self._open_of_chain(run.id, run.origin.first_run_id)
        if latest is not None and kindly:
            self._server.executions.give_cancel(latest, "by parent close policy")
        elif latest is not None:
            self._server.executions.end(latest, "by parent close policy")

    def _open_of_chain(self, id: str, first: str | None) -> Run | None:  # noqa: A002
        run = self._server.executions.open_of(id)
        return run if run is not None and run.origin.first_run_id == first else None

    def tell_parent(self, run: Run, parent: Run, seq: int) -> None:
        """A child's chain of runs has ended, in whatever way."""
        result = self._child_result(run)
        job = Job(
            resolve_child_workflow_execution=ResolveChildWorkflowExecution(seq=seq, result=result)
        )
        kind = {"completed": "Completed", "failed": "Failed", "canceled": "Canceled"}
        written = (f"ChildWorkflowExecution{kind.get(run.status, 'Terminated')}",)

        def tell() -> None:
            if parent.closed:
                return
            heard = parent.children.pop(seq, None) is not None
            self._server.executions.tell(parent, job if heard else None, written, job.ByteSize())

        self._soon(tell)

    def _child_result(self, run: Run) -> ChildWorkflowResult:
        if run.status == "completed":
            # What it returned comes back from history, as its own bytes.
            payload = run.payload and self._server.payloads.stored(run.payload)
            return ChildWorkflowResult(completed=Success(result=payload))
        if run.status == "canceled":
            cause = Failure(message="canceled", canceled_failure_info=CanceledFailureInfo())
            said = "Child Workflow execution cancelled"
            failure = of_child(said, cause, run.id, run.run_id, run.workflow)
            return ChildWorkflowResult(cancelled=ChildCancelled(failure=failure))
        ended = Failure(message="terminated", terminated_failure_info=TerminatedFailureInfo())
        cause = run.proto_failure if run.status == "failed" and run.proto_failure else ended
        said = f"Child Workflow execution {run.status}"
        failure = of_child(said, cause, run.id, run.run_id, run.workflow)
        return ChildWorkflowResult(failed=ChildFailed(failure=failure))

    def cancel_child(self, run: Run, child: Child, reason: str) -> None:
        """Ask a child to stop, a little later."""
        waits = ChildWorkflowCancellationType.WAIT_CANCELLATION_REQUESTED

        def cancel() -> None:
            if run.closed:
                return
            target = self._open_of_chain(child.id, child.run_id)
            found = "ExternalWorkflowExecutionCancelRequested"
            gone = "RequestCancelExternalWorkflowExecutionFailed"
            self._server.executions.tell(run, None, (found if target else gone,))
            if target is not None:
                self._server.executions.give_cancel(target, reason)
            if child.cancellation == waits and run.children.pop(child.seq, None) is not None:
                cause = Failure(canceled_failure_info=CanceledFailureInfo())
                said = "Child Workflow execution cancelled"
                failure = of_child(said, cause, child.id, "", child.workflow)
                result = ChildWorkflowResult(cancelled=ChildCancelled(failure=failure))
                resolve = ResolveChildWorkflowExecution(seq=child.seq, result=result)
                self._server.executions.tell(run, Job(resolve_child_workflow_execution=resolve), ())

        self._soon(cancel)

    def signal_external(self, run: Run, wanted: SignalExternalWorkflowExecution) -> None:
        """Signal another workflow, a little later; dropped where the sender has ended by then."""
        signal = SignalExternalWorkflowExecution()
        signal.CopyFrom(wanted)
        execution = signal.workflow_execution
        target_id = signal.child_workflow_id or execution.workflow_id

        def deliver() -> None:
            if run.closed:
                return
            run.outgoing_signals.discard(signal.seq)
            target = self._target(run, target_id, execution.run_id)
            resolve = ResolveSignalExternalWorkflow(seq=signal.seq)
            if target is None:
                said = "Unable to signal external workflow because it was not found"
                resolve.failure.CopyFrom(plain(said))
            elif not self._server.executions.give_signal(target, signal.signal_name, signal.args):
                said = "Unable to signal external workflow because it has too many signals"
                resolve.failure.CopyFrom(plain(said))
            job = Job(resolve_signal_external_workflow=resolve)
            self._server.executions.tell(
                run, job, events.of_job(job, failed=resolve.HasField("failure"))
            )

        self._soon(deliver)

    def cancel_external(self, run: Run, wanted: RequestCancelExternalWorkflowExecution) -> None:
        """Cancel another workflow, a little later."""
        execution, seq, reason = wanted.workflow_execution, wanted.seq, wanted.reason

        def deliver() -> None:
            if run.closed:
                return
            run.outgoing_cancels.discard(seq)
            target = self._target(run, execution.workflow_id, execution.run_id)
            resolve = ResolveRequestCancelExternalWorkflow(seq=seq)
            if target is None:
                said = "Unable to cancel external workflow because it was not found"
                resolve.failure.CopyFrom(plain(said))
            else:
                self._server.executions.give_cancel(target, reason)
            job = Job(resolve_request_cancel_external_workflow=resolve)
            self._server.executions.tell(run, job, events.of_job(job, failed=target is None))

        self._soon(deliver)

    def _target(self, sender: Run, id: str, run_id: str) -> Run | None:  # noqa: A002
        """The run that is meant; none where a workflow means itself, whatever run of it."""
        run = self._server.executions.open_of(id)
        meant = run is not None and run_id in ("", run.run_id) and id != sender.id
        return run if meant else None


_REUSE: dict[int, Reuse] = {
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE: "allow",
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY: (
        "allow_failed_only"
    ),
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE: "reject_duplicate",
}
