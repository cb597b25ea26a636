"""The workflow of today still understands every kind of life it has lived before, without a server.

`python -m tests.workflows.record` lives them again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from invoicing.converter import data_converter
from tests.workflows.record import FOLDER, LIVES
from worker import STORIES

RECORDED = sorted(FOLDER.glob("*.json"))


def _history(name: str) -> dict[str, Any]:
    history: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return history


async def _replay(history: dict[str, Any]) -> None:
    replayer = Replayer(workflows=STORIES, data_converter=data_converter)
    # What a workflow starts and signals is named after itself.
    own = history["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    await replayer.replay_workflow(WorkflowHistory.from_json(own, history))


@pytest.mark.parametrize("name", [path.stem for path in RECORDED])
async def test_a_recorded_life_can_be_lived_again(name: str) -> None:
    await _replay(_history(name))


def test_every_kind_of_life_is_recorded() -> None:
    kinds = {life.__name__ for life in LIVES}
    assert {path.stem.partition("-")[0] for path in RECORDED} == kinds


async def test_a_life_that_went_otherwise_is_noticed() -> None:
    """Without this, a replay that looks at nothing would pass as well."""
    history = _history("sent-1")
    approve = next(event for event in history["events"] if _schedules(event, "approve"))
    approve["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "send"
    with pytest.raises(NondeterminismError):
        await _replay(history)


def _schedules(event: dict[str, Any], activity: str) -> bool:
    scheduled = event.get("activityTaskScheduledEventAttributes", {})
    return bool(scheduled) and scheduled["activityType"]["name"] == activity


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recording_tells_nothing_of_the_machine_it_was_made_on(path: Path) -> None:
    text = path.read_text()
    assert "stackTrace" not in text
    identities = {event["identity"] for event in _values(json.loads(text), "identity")}
    assert identities <= {"recorded"}


def _values(value: Any, key: str) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        here = [value] if key in value else []
        return here + [each for one in value.values() for each in _values(one, key)]
    return [each for one in value for each in _values(one, key)] if isinstance(value, list) else []
