"""The layers: what may know of what, and that everything public says what it is."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers.registry import ADAPTORS

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "invoicing",
    "activities",
    "workflows",
    "providers",
    "gateway",
    "console",
    "commands",
    "tabular",
    "settings",
    "rollout",
    "register",
)
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_workflow_loads_no_http_and_no_provider() -> None:
    """In an interpreter of its own: what this test run has loaded does not count."""
    program = "import sys, workflows.invoice; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    tops = {name.partition(".")[0] for name in loaded}
    assert "workflows" in tops
    assert tops & {"httpx", "providers", "sandbox", "worker", "starter", "fastapi"} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").rglob("*.py")), ids=_named)
def test_a_workflow_asks_nothing_of_the_machine_it_runs_on(path: Path) -> None:
    """It must go the same way when it is replayed: its clock and its chance are the engine's."""
    assert {name.partition(".")[0] for name in _imported(path)} <= HARMLESS
    nodes = list(ast.walk(ast.parse(path.read_text())))
    clocks = [
        ast.unparse(node)
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and ast.unparse(node.value) != "workflow"
    ]
    assert clocks == []
    assert {node.id for node in nodes if isinstance(node, ast.Name)}.isdisjoint({"open", "input"})


HARMLESS = {
    "__future__",
    "activities",
    "asyncio",
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "inspect",
    "functools",
    "invoicing",
    "itertools",
    "logging",
    "pydantic",
    "temporalio",
    "types",
    "typing",
    "workflows",
}


def test_the_contract_loads_nothing_but_itself() -> None:
    program = "import sys, invoicing.client; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    ours = {"workflows", "activities", "providers", "sandbox", "worker", "starter", "terminal"}
    assert {name.partition(".")[0] for name in loaded} & (ours | {"httpx"}) == set()


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.parts[len(ROOT.parts)] in ("workflows", "activities")],
    ids=_named,
)
def test_no_provider_is_named_where_invoices_are_told_of(path: Path) -> None:
    """Not even in a comment: a story that mentions one is about to depend on it."""
    text = "".join(path.read_text().lower().split()).replace("_", "").replace("-", "")
    for name in ADAPTORS:
        assert name.replace("_", "") not in text


KNOW_TEMPORAL = {
    "client/__init__.py",
    "client/books.py",
    "client/credits.py",
    "client/events.py",
    "client/invoices.py",
    "client/orders.py",
    "client/shared.py",
    "client/starting.py",
    "asking.py",
    "attributes.py",
    "connection.py",
    "converter.py",
    "encryption.py",
    "identity.py",
    "lists.py",
    "stuck.py",
}


def test_the_domain_knows_the_engine_where_it_talks_to_it_and_nowhere_else() -> None:
    knowing = {
        _named(path).removeprefix("invoicing/")
        for path in FILES
        if _named(path).startswith("invoicing/")
        and any(name.partition(".")[0] == "temporalio" for name in _imported(path))
    }
    assert knowing == KNOW_TEMPORAL


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_rules_of_import_cover_every_package() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert set(rules["root_packages"]) == packages
    judged = {
        name.partition(".")[0]
        for contract in rules["contracts"]
        for name in (*contract.get("source_modules", ()), *contract.get("modules", ()))
    }
    assert judged == packages


@pytest.mark.parametrize("path", FILES, ids=_named)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert tree.body == [] or ast.get_docstring(tree), "the module has no docstring"
    assert silent == []
