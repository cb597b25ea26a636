"""The layers: what may know of what, and that everything public says what it is."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
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


def _wrong(paths: Iterable[Path], judged: Callable[[Path], Iterable[str]]) -> dict[str, list[str]]:
    """What is wrong in each of these files. One test judges them all: to begin and end one for each
    takes longer than the judging."""
    return {_named(path): found for path in paths if (found := sorted(judged(path)))}


def test_a_workflow_asks_nothing_of_the_machine_it_runs_on() -> None:
    """It must go the same way when it is replayed: its clock and its chance are the engine's."""
    paths = sorted((ROOT / "workflows").rglob("*.py"))
    assert len(paths) > 50
    assert _wrong(paths, _asked_of_the_machine) == {}


def _asked_of_the_machine(path: Path) -> Iterator[str]:
    yield from {name.partition(".")[0] for name in _imported(path)} - HARMLESS
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
            if ast.unparse(node.value) != "workflow":
                yield ast.unparse(node)
        elif isinstance(node, ast.Name) and node.id in ("open", "input"):
            yield node.id


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


def test_no_provider_is_named_where_invoices_are_told_of() -> None:
    """Not even in a comment: a story that mentions one is about to depend on it."""

    def named(path: Path) -> Iterable[str]:
        text = path.read_text()
        return [name for name in ADAPTORS if _mentions(text, name)]

    paths = _files_of("workflows", "activities")
    assert len(paths) > 60
    assert _wrong(paths, named) == {}


def _mentions(text: str, provider: str) -> bool:
    """Whether the provider's name stands there, however it is written: as a word of its own, or as
    one of several that are written together."""
    parts = provider.split("_")
    alone = r"(?<![A-Za-z])(?i:" + r"[\s_-]*".join(parts) + r")(?![a-z])"
    within = "(?<=[a-z])" + "".join(map(str.capitalize, parts)) + "(?![a-z])"
    return re.search(f"{alone}|{within}", text) is not None


@pytest.mark.parametrize(
    ("text", "provider", "mentioned"),
    [
        ("a message, exactly", "sage", False),
        ("a message, exactly", "exact", False),
        ("asks Sage", "sage", True),
        ("SageClient(sage_settings)", "sage", True),
        ("toSage", "sage", True),
        ("EXACT_TOKEN", "exact", True),
        ("Zero\nFriction", "zero_friction", True),
        ("zerofriction", "zero_friction", True),
        ("aZeroFrictionInvoice", "zero_friction", True),
        ("zero-friction's", "zero_friction", True),
        ("zero frictions", "zero_friction", False),
    ],
)
def test_a_name_that_is_part_of_a_word_names_no_provider(
    text: str, provider: str, mentioned: bool
) -> None:
    assert _mentions(text, provider) is mentioned


KNOW_TEMPORAL = {
    "client/__init__.py",
    "client/amendments.py",
    "client/beside.py",
    "client/credits.py",
    "client/documents.py",
    "client/events.py",
    "client/invoices.py",
    "client/open_still.py",
    "client/orders.py",
    "client/pay_links.py",
    "client/reconciliations.py",
    "client/server.py",
    "client/shared.py",
    "client/silence.py",
    "client/starting.py",
    "temporal/asking.py",
    "state/attributes.py",
    "temporal/connection.py",
    "temporal/converter.py",
    "temporal/data_keys.py",
    "temporal/encryption.py",
    "temporal/engine.py",
    "state/identity.py",
    "temporal/lists.py",
    "temporal/stuck.py",
}


def test_the_domain_knows_the_engine_where_it_talks_to_it_and_nowhere_else() -> None:
    knowing = {
        _named(path).removeprefix("invoicing/")
        for path in FILES
        if _named(path).startswith("invoicing/")
        and any(name.partition(".")[0] == "temporalio" for name in _imported(path))
    }
    assert knowing == KNOW_TEMPORAL


DOORS = ("commands", "console", "gateway")
OF_TEMPORAL = {
    "temporalio.api.common.v1.Payload",
    "temporalio.api.common.v1.Payloads",
    "temporalio.client.Client",
    "temporalio.client.WorkflowExecution",
    "temporalio.converter.DataConverter",
    "temporalio.converter.PayloadCodec",
}
"""What doors name of the engine: a client to hand on, rows of lists, what the codec is about, and
how payloads are read."""


def test_a_door_knows_no_error_of_the_engine() -> None:
    """One layer under the client makes errors of ours of them; a door is a table of those."""

    def known(path: Path) -> Iterable[str]:
        return {name for name in _taken(path) if name.startswith("temporalio")} - OF_TEMPORAL

    assert _wrong(_files_of(*DOORS), known) == {}


OVER_THE_ENGINE = (*DOORS, "observing", "register", "rollout")
ERRORS = re.compile(r"temporalio\.(service\.RPC|client\.\w*(Error|Failed|Rejected)$)")


def test_what_counts_and_moves_knows_no_error_of_the_engine_either() -> None:
    """It calls the engine's own service, within that layer."""

    def known(path: Path) -> Iterable[str]:
        return [name for name in _taken(path) if ERRORS.search(name)]

    assert _wrong(_files_of(*OVER_THE_ENGINE), known) == {}


def test_what_doors_may_name_of_the_engine_is_named_by_one() -> None:
    assert {name for path in _files_of(*DOORS) for name in _taken(path)} >= OF_TEMPORAL


def _files_of(*packages: str) -> list[Path]:
    return [path for path in FILES if _named(path).partition("/")[0] in packages]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _taken(path: Path) -> Iterator[str]:
    """What a module imports, each name with its module's."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
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


def test_everything_public_says_what_it_is() -> None:
    assert len(FILES) > 400
    assert _wrong(FILES, _silent) == {}


def _silent(path: Path) -> Iterator[str]:
    tree = _tree(path)
    if tree.body and not ast.get_docstring(tree):
        yield "the module has no docstring"
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_") and not ast.get_docstring(node):
            yield node.name
