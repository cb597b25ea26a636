"""Failures as core wraps them for workflow code."""

from __future__ import annotations

from temporalio.api.common.v1 import ActivityType, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import (
    ActivityFailureInfo,
    ApplicationFailureInfo,
    ChildWorkflowExecutionFailureInfo,
    Failure,
    ServerFailureInfo,
    TimeoutFailureInfo,
)

from simulation.engine.instance import NAMESPACE


def of_activity(
    message: str,
    cause: Failure,
    name: str,
    id: str,  # noqa: A002
    state: RetryState.ValueType,
) -> Failure:
    """What an ActivityError is made from."""
    info = ActivityFailureInfo(
        activity_type=ActivityType(name=name),
        activity_id=id,
        identity="simulation",
        retry_state=state,
    )
    return Failure(message=message, cause=cause, activity_failure_info=info)


def of_child(
    message: str,
    cause: Failure,
    id: str,  # noqa: A002
    run_id: str,
    workflow: str,
) -> Failure:
    """What a ChildWorkflowError is made from."""
    info = ChildWorkflowExecutionFailureInfo(
        namespace=NAMESPACE,
        workflow_execution=WorkflowExecution(workflow_id=id, run_id=run_id),
        workflow_type=WorkflowType(name=workflow),
    )
    return Failure(message=message, cause=cause, child_workflow_execution_failure_info=info)


def timeout(kind: TimeoutType.ValueType, cause: Failure | None = None) -> Failure:
    """A time-out, with the failure of the attempt before it where there was one."""
    word = TimeoutType.Name(kind).removeprefix("TIMEOUT_TYPE_").replace("_", " ").lower()
    return Failure(
        message=f"activity {word} timeout",
        cause=cause,
        timeout_failure_info=TimeoutFailureInfo(timeout_type=kind),
    )


def by_server(message: str) -> Failure:
    """An outcome that the server put in the place of the worker's."""
    info = ServerFailureInfo(non_retryable=True)
    return Failure(message=message, server_failure_info=info)


def plain(message: str) -> Failure:
    """An application failure without a type."""
    return Failure(message=message, application_failure_info=ApplicationFailureInfo())
