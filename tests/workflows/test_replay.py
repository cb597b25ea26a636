"""The workflow of today still understands every kind of life it has lived before, without a server.

`python -m tests.workflows.record` lives them again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from invoicing.temporal.converter import data_converter
from tests.tiers import THOROUGH
from tests.workflows.record import BESIDE, FOLDER, KEPT, LIVES, STORED
from worker import RUNNER, STORIES

RECORDED = sorted(FOLDER.glob("*.json"))


def _history(name: str) -> dict[str, Any]:
    history: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return history


def _started(history: dict[str, Any]) -> dict[str, Any]:
    started: dict[str, Any] = history["events"][0]["workflowExecutionStartedEventAttributes"]
    return started


async def _replayed(
    histories: Mapping[str, dict[str, Any]], runner: WorkflowRunner = RUNNER
) -> dict[str, Exception | None]:
    """What was wrong with each, by its name: one worker replays all of them."""
    replayer = Replayer(workflows=STORIES, data_converter=data_converter, workflow_runner=runner)
    names = {_started(each)["originalExecutionRunId"]: name for name, each in histories.items()}
    assert len(names) == len(histories)

    async def read() -> AsyncIterator[WorkflowHistory]:
        for each in histories.values():
            # What a workflow starts and signals is named after itself.
            yield WorkflowHistory.from_json(_started(each)["workflowId"], each)

    async with replayer.workflow_replay_iterator(read()) as results:
        return {names[each.history.run_id]: each.replay_failure async for each in results}


@pytest.fixture(scope="module")
async def replayed() -> dict[str, Exception | None]:
    """What was wrong with each recorded life, as a worker runs it."""
    return await _replayed({path.stem: _history(path.stem) for path in RECORDED})


@pytest.mark.parametrize("name", [path.stem for path in RECORDED])
async def test_a_recorded_life_can_be_lived_again(
    name: str, replayed: dict[str, Exception | None]
) -> None:
    assert replayed[name] is None


async def test_and_nothing_in_it_is_forbidden_in_the_full_sandbox() -> None:
    """The SDK's own runner imports our modules anew for every history, half a second of each: for
    every change one of each kind of workflow is replayed in it, and all in the thorough tier."""
    histories = {path.stem: _history(path.stem) for path in RECORDED}
    kinds = {_started(each)["workflowType"]["name"]: name for name, each in histories.items()}
    names = list(histories) if THOROUGH else list(kinds.values())
    wrong = await _replayed({name: histories[name] for name in names}, SandboxedWorkflowRunner())
    assert wrong == dict.fromkeys(names)


def test_every_kind_of_life_is_recorded() -> None:
    kinds = {life.__name__ for life in (*LIVES, *KEPT, *BESIDE, *STORED)}
    assert {path.stem.partition("-")[0] for path in RECORDED} == kinds


async def test_a_life_that_went_otherwise_is_noticed() -> None:
    """Without this, a replay that looks at nothing would pass as well."""
    history = _history("sent-1")
    approve = next(event for event in history["events"] if _schedules(event, "approve"))
    approve["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "send"
    assert isinstance((await _replayed({"sent-1": history}))["sent-1"], NondeterminismError)


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


def test_every_workflow_that_a_worker_runs_is_recorded() -> None:
    recorded = {_started(_history(path.stem))["workflowType"]["name"] for path in RECORDED}
    assert recorded == {story.__name__ for story in STORIES}
