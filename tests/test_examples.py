"""The callers in other languages say what our own client says, and are made of named versions.

`make examples` runs them; here nothing but their text is needed.
"""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
TOLD = (EXAMPLES / "README.md").read_text(encoding="utf-8")

# Not imported by name: seen from elsewhere, the example is a package of its own.
callers: Any = importlib.import_module("examples.run.callers")
cases: Any = importlib.import_module("examples.run.cases")
program: Any = importlib.import_module("examples.run.__main__")


def text(path: str) -> str:
    return (EXAMPLES / path).read_text(encoding="utf-8")


# --- the workflow they start ----------------------------------------------------------------------

PROMISES = {
    "typescript/invoice.ts": (
        f"workflow.start('{WORKFLOW}'",
        f"taskQueue: '{TASK_QUEUE}'",
        f"`{workflow_id('${request.reference}')}`",
        "workflowIdConflictPolicy: 'USE_EXISTING'",
        "workflowIdReusePolicy: 'REJECT_DUPLICATE'",
    ),
    "go/main.go": (
        f'"{WORKFLOW}", request)',
        f'TaskQueue: "{TASK_QUEUE}"',
        f'ID: "{workflow_id("")}" + named.Reference',
        "WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING",
        "WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE",
    ),
    "README.md": (f"`{WORKFLOW}`", f"`{TASK_QUEUE}`", f"`{workflow_id('<reference>')}`"),
}


@pytest.mark.parametrize("path", PROMISES)
def test_a_caller_starts_what_our_own_client_starts(path: str) -> None:
    said = re.sub(r"\s+", " ", text(path))
    assert [promise for promise in PROMISES[path] if promise not in said] == []


# --- what they are made of ------------------------------------------------------------------------


def test_typescript_is_made_of_exact_versions_from_no_registry_in_particular() -> None:
    wanted = json.loads(text("typescript/package.json"))
    lock = json.loads(text("typescript/package-lock.json"))
    named = wanted["dependencies"] | wanted["devDependencies"]
    assert [
        version for version in named.values() if not re.fullmatch(r"\d+\.\d+\.\d+", version)
    ] == []
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert all("integrity" in package for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
    locked = {name: packages[f"node_modules/{name}"]["version"] for name in named}
    assert locked == named


def test_go_has_a_sum_for_every_module_it_names() -> None:
    modules = re.findall(r"^\t(\S+) (v\S+)", text("go/go.mod"), re.MULTILINE)
    assert {"go.temporal.io/sdk", "go.temporal.io/sdk/contrib/envconfig"} <= dict(modules).keys()
    sums = text("go/go.sum")
    assert [
        f"{name} {version}" for name, version in modules if f"{name} {version}" not in sums
    ] == []


# --- how they are run -----------------------------------------------------------------------------


@pytest.mark.parametrize("caller", callers.CALLERS, ids=lambda caller: caller.language)
def test_what_is_run_is_what_a_reader_is_told_to_type(caller: Any) -> None:
    row = re.search(rf"^\| \[{caller.language}\]\((\S+)\) .* \| `(.+)` \|$", TOLD, re.MULTILINE)
    assert row
    assert (EXAMPLES / row[1]).is_file()
    *_, command = row[2].split(" && ")
    typed = [word for word in caller.typed[1:] if word != "--silent"]
    *words, file = shlex.split(command)[1:]
    assert words == typed
    assert (caller.folder / file).is_file()
    assert not caller.make or caller.leaves is (shlex.join(caller.make) in row[2])


def test_what_the_playground_prints_is_what_a_reader_is_told_to_type() -> None:
    commands = [row[1] for row in re.finditer(r" \| `(.+)` \|$", TOLD, re.MULTILINE)]
    assert len(commands) == len(callers.CALLERS)
    shown = program._WORDS.replace("PYTHONPATH=. {python}", "python")
    assert [command for command in commands if command not in shown] == []


async def test_a_language_that_is_not_installed_is_skipped_and_said_to_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    caller = callers.Caller("Cobol", ("cobc-of-no-machine",), ("cobc-of-no-machine",))
    assert await program._tried(None, caller) == []
    assert capsys.readouterr().out == "Cobol: skipped, for there is no cobc-of-no-machine here\n"


async def test_a_caller_that_cannot_be_built_says_what_it_said(tmp_path: Path) -> None:
    caller = callers.Caller(
        "Broken", (), (), tmp_path, make=("sh", "-c", "echo no disk >&2; exit 3")
    )
    with pytest.raises(callers.CallerFailed, match=r"ended with 3:\nno disk"):
        await caller.ready()


async def test_a_caller_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "RUNNING", 0.2)
    caller = callers.Caller("Slow", (), ("sh", "-c", "sleep 60 & wait"), tmp_path)
    with pytest.raises(callers.CallerFailed, match=r"took more than 0 s"):
        await caller.ask(tmp_path, tmp_path, {})


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        ("R-1: sent, number 2026-1, 137.95 EUR", True),
        ("R-1: sent, number 2026-1, 137.94 EUR", False),
        ("R-2: sent, number 2026-1, 137.94 EUR", True),
        ("R-1: approved, number 2026-1, 137.94 EUR", True),
        ("", True),
    ],
)
def test_another_answer_than_the_right_one_is_noticed(said: str, fine: bool) -> None:
    right = callers.Answer(True, "R-1: sent, number 2026-1, 137.94 EUR")
    assert list(cases.SENT.wrong("R-1", right)) == []
    assert len(list(cases.SENT.wrong("R-1", callers.Answer(fine, said)))) == 1
