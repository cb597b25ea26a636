"""Where a history and the code at hand part ways, in words.

A history says what the code asked for when it was lived: a call, a timer, an end. Replayed, the
code at hand has to ask for the same, in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent


class Difference(BaseModel):
    """The first place where one history and the code at hand part ways.

    event_id: of the event in the history that does not come about again, where it is known.
    wanted: what the history says was asked for there. came: what the code at hand does instead.
    """

    model_config = ConfigDict(frozen=True)

    workflow_type: str
    workflow_id: str
    run_id: str
    event_id: int | None = None
    wanted: str = ""
    came: str

    @property
    def kind(self) -> str:
        """What others have in common with it: a change of the code breaks many alike."""
        return f"{self.workflow_type}: the code at hand {self.came}"

    def __str__(self) -> str:
        at = f", event {self.event_id}" if self.event_id else ""
        wanted = f"the history {self.wanted}; " if self.wanted else ""
        return f"{self.workflow_type} {self.workflow_id}{at}: {wanted}the code at hand {self.came}"


# --- what a history asked for ---------------------------------------------------------------------

_T = EventType
_ASKED = {
    _T.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: "calls the activity",
    _T.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: "cancels an activity",
    _T.EVENT_TYPE_TIMER_STARTED: "starts a timer",
    _T.EVENT_TYPE_TIMER_CANCELED: "cancels a timer",
    _T.EVENT_TYPE_MARKER_RECORDED: "notes the patch",
    _T.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "changes what lists show",
    _T.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: "changes its memo",
    _T.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "starts the workflow",
    _T.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: "sends the signal",
    _T.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: "cancels another workflow",
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "accepts the update",
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: "answers an update",
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "ends",
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "fails",
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "ends as cancelled",
    _T.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "continues as new",
}
"""By the kind of the event. No other event comes of a command."""


def asked(event: HistoryEvent) -> bool:
    """Whether the workflow's code asked for this, rather than being told it."""
    return event.event_type in _ASKED


def in_words(event: HistoryEvent) -> str:
    """What the history says the code asked for; of its payloads nothing but a patch's name."""
    name = _name(event)
    at_once = event.marker_recorded_event_attributes.marker_name == _AT_ONCE
    said = "calls the local activity" if at_once else _ASKED[event.event_type]
    return said + (f" `{name}`" if name else "")


def _name(event: HistoryEvent) -> str:
    match event.event_type:
        case _T.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            return event.activity_task_scheduled_event_attributes.activity_type.name
        case _T.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            child = event.start_child_workflow_execution_initiated_event_attributes
            return child.workflow_type.name
        case _T.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
            return event.signal_external_workflow_execution_initiated_event_attributes.signal_name
        case _T.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
            accepted = event.workflow_execution_update_accepted_event_attributes
            return accepted.accepted_request.input.name
        case _T.EVENT_TYPE_MARKER_RECORDED:
            return _marked(event)
    return ""


def _marked(event: HistoryEvent) -> str:
    """What a marker is about. It holds that as JSON, which a codec leaves alone: it is the SDK's
    own."""
    marker = event.marker_recorded_event_attributes
    where, name = _MARKED[marker.marker_name == _AT_ONCE]
    payloads = marker.details[where].payloads
    found = re.search(rb'"%s":\s*"([^"]*)"' % name, payloads[0].data) if payloads else None
    return found[1].decode() if found else ""


_AT_ONCE = "core_local_activity"
"""The marker of an activity that was done within a workflow task."""
_MARKED = (("patch-data", b"id"), ("data", b"activity_type"))
"""Of a patch, and of such an activity: the marker's detail, and its field."""


# --- what the code did instead --------------------------------------------------------------------

_MACHINES = {
    "Activity": "calls an activity",
    "LocalActivity": "calls a local activity",
    "Timer": "starts a timer",
    "ChildWorkflow": "starts a workflow",
    "SignalExternal": "sends a signal",
    "CancelExternal": "cancels another workflow",
    "Version": "notes a patch",
    "UpsertSearchAttributes": "changes what lists show",
    "ModifyWorkflowProperties": "changes its memo",
    "Update": "answers an update",
    "CompleteWorkflow": "ends",
    "FailWorkflow": "fails",
    "CancelWorkflow": "ends as cancelled",
    "ContinueAsNewWorkflow": "continues as new",
}
"""By the name that the SDK's core gives to what a command has set going."""

_SAID = re.compile(r'message: "((?:[^"\\]|\\.)*)"')
_RAISED = re.compile(r'r#type: "(\w+)"')
_AT = re.compile(r"HistoryEvent\(id: (\d+)")
_OTHER = re.compile(r"(\w+) (type|id) of .* event '([^']*)' does not match .* command '([^']*)'")
_UNLIKE = re.compile(r"(\w+?)(?:Machine| machine) does not handle this event")
_NO_PATCH = re.compile(r"patch marker encountered for change (\S+), but there is no")
_UNKNOWN = re.compile(r"Workflow class (\w+) is not registered")


def came_in_words(told: str) -> str:
    """What the code at hand does, out of what the SDK tells of a replay that failed.

    An error's own text is left out, for nobody here knows what it holds.
    """
    said = found[1] if (found := _SAID.search(told)) else told
    if unknown := _UNKNOWN.search(said):
        return f"has no workflow `{unknown[1]}`"
    if patch := _NO_PATCH.search(said):
        return f"does not ask for the patch `{patch[1]}`"
    if other := _OTHER.search(said):
        what = (
            "calls the activity" if other[1] == "Activity" else f"asks for the {other[1].lower()}"
        )
        return f"{what} `{other[4]}`" if other[2] == "type" else "asks for more or less before that"
    if unlike := _UNLIKE.search(said):
        return _MACHINES.get(unlike[1], f"asks for something else ({unlike[1]})") + " there"
    if "No command scheduled" in said:
        return "asks for nothing there"
    if "ondeterminism" in said:
        return "asks for something else: " + said.partition("rror: ")[2]
    if "Undecipherable" in told:
        return "cannot read it: INVOICING_ENCRYPTION_KEYS lacks its key"
    raised = [each for each in _RAISED.findall(told) if each]
    return f"raises {raised[0]} there" if raised else "cannot be replayed there"


def told_at(told: str) -> int | None:
    """The event that the SDK names, if it names one."""
    found = _AT.search(told)
    return int(found[1]) if found else None


def told_name(told: str) -> str | None:
    """The name that the history has for what does not come about again, if the SDK tells it."""
    found = _OTHER.search(told)
    return found[3] if found and found[2] == "type" else None


def culprit(events: Sequence[HistoryEvent], told: str) -> HistoryEvent | None:
    """Which of the events that one workflow task asked for did not come about again."""
    of_task = [event for event in events if asked(event)]
    at, name = told_at(told), told_name(told)
    for event in of_task:
        if event.event_id == at or (name and _name(event) == name):
            return event
    return of_task[0] if of_task else None
