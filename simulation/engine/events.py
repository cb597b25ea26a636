"""Which events the server writes for what, and so how long a history becomes.

Written down from histories of a real server (1.29) and its source. The same small lives are lived
on both in tests/simulation/test_real_server.
"""

from __future__ import annotations

from temporalio.bridge.proto.workflow_activation import WorkflowActivationJob

SCHEDULED = "WorkflowTaskScheduled"
STARTED = "WorkflowTaskStarted"
COMPLETED = "WorkflowTaskCompleted"
FAILED = "WorkflowTaskFailed"
TIMED_OUT = "WorkflowTaskTimedOut"
TERMINATED = "WorkflowExecutionTerminated"

OVERHEAD = 60
"""Bytes of an event beside what it carries: id, time, type, version, task id."""

OF_COMMAND: dict[str, tuple[str, ...]] = {
    "start_timer": ("TimerStarted",),
    "cancel_timer": ("TimerCanceled",),
    "schedule_activity": ("ActivityTaskScheduled",),
    "request_cancel_activity": ("ActivityTaskCancelRequested",),
    "start_child_workflow_execution": ("StartChildWorkflowExecutionInitiated",),
    "cancel_child_workflow_execution": ("RequestCancelExternalWorkflowExecutionInitiated",),
    "request_cancel_external_workflow_execution": (
        "RequestCancelExternalWorkflowExecutionInitiated",
    ),
    "signal_external_workflow_execution": ("SignalExternalWorkflowExecutionInitiated",),
    "upsert_workflow_search_attributes": ("UpsertWorkflowSearchAttributes",),
    "modify_workflow_properties": ("WorkflowPropertiesModified",),
    # Core upserts TemporalChangeVersion beside the marker.
    "set_patch_marker": ("MarkerRecorded", "UpsertWorkflowSearchAttributes"),
    "complete_workflow_execution": ("WorkflowExecutionCompleted",),
    "fail_workflow_execution": ("WorkflowExecutionFailed",),
    "cancel_workflow_execution": ("WorkflowExecutionCanceled",),
    "continue_as_new_workflow_execution": ("WorkflowExecutionContinuedAsNew",),
}

LOCAL_ACTIVITY = ("MarkerRecorded",)

OF_JOB: dict[str, tuple[str, ...]] = {
    "initialize_workflow": ("WorkflowExecutionStarted",),
    "fire_timer": ("TimerFired",),
    "signal_workflow": ("WorkflowExecutionSignaled",),
    "cancel_workflow": ("WorkflowExecutionCancelRequested",),
    # An update leaves events when it is accepted, and nothing when it is refused.
    "do_update": (),
    "resolve_child_workflow_execution_start": ("ChildWorkflowExecutionStarted",),
    "resolve_child_workflow_execution": ("ChildWorkflowExecutionCompleted",),
    "resolve_signal_external_workflow": ("ExternalWorkflowExecutionSignaled",),
    "resolve_request_cancel_external_workflow": ("ExternalWorkflowExecutionCancelRequested",),
}

OF_UPDATE = {
    "accepted": ("WorkflowExecutionUpdateAccepted",),
    "completed": ("WorkflowExecutionUpdateCompleted",),
    "rejected": (),
}

OF_FAILED_JOB = {
    "resolve_child_workflow_execution_start": ("StartChildWorkflowExecutionFailed",),
    "resolve_signal_external_workflow": ("SignalExternalWorkflowExecutionFailed",),
    "resolve_request_cancel_external_workflow": ("RequestCancelExternalWorkflowExecutionFailed",),
}

# The start of an attempt is written together with its end.
ACTIVITY_COMPLETED = ("ActivityTaskStarted", "ActivityTaskCompleted")
ACTIVITY_FAILED = ("ActivityTaskStarted", "ActivityTaskFailed")
ACTIVITY_TIMED_OUT = ("ActivityTaskStarted", "ActivityTaskTimedOut")
ACTIVITY_NEVER_STARTED = ("ActivityTaskTimedOut",)
ACTIVITY_CANCELED = ("ActivityTaskStarted", "ActivityTaskCanceled")
ACTIVITY_CANCELED_IN_QUEUE = ("ActivityTaskCanceled",)


def of_job(job: WorkflowActivationJob, failed: bool = False) -> tuple[str, ...]:
    """The events that come before a workflow is told this."""
    kind = job.WhichOneof("variant") or ""
    return OF_FAILED_JOB[kind] if failed else OF_JOB[kind]
