"""`make provider NAME=sage` lays down all that one needs, and each part says what it wants."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scaffold.__main__ import ROOT, main
from scaffold.lay import laid, to_write
from scaffold.names import BadName, Name, named
from scaffold.rows import ROWS
from tests.tiers import detail

SEVEN = ("settings", "options", "states", "decode", "encode", "check", "adaptor")


def test_nothing_is_left_to_be_written() -> None:
    assert list(to_write(ROOT)) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Sage", "small letters"),
        ("sage-intacct", "small letters"),
        ("_sage", "small letters"),
        ("sage__one", "small letters"),
        ("7up", "small letters"),
        ("s" * 41, "40"),
        ("class", "something else"),
        ("invoicing", "something else"),
        ("temporal", "something else"),
        ("mollie", "already"),
        ("mollie_connect", "MOLLIE_"),
        ("zero", "ZERO_"),
    ],
)
def test_a_name_that_would_be_mistaken_for_another_is_refused(name: str, why: str) -> None:
    with pytest.raises(BadName, match=why):
        named(name, ["mollie", "zero_friction"])


@pytest.mark.parametrize("name", ["sage", "exact", "zeros", "e_conomic", "sevdesk2"])
def test_a_provider_may_be_called_by_an_ordinary_word(name: str) -> None:
    assert named(name, ["mollie", "zero_friction"]) == Name(name)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with `sage` and `exact` laid down in it."""
    root = tmp_path_factory.mktemp("repository") / "copy"
    passing = shutil.ignore_patterns(
        ".*_cache", ".git", ".hypothesis", "__pycache__", "node_modules"
    )
    shutil.copytree(ROOT, root, ignore=passing)
    assert main(["sage"], root) == 0
    assert main(["exact"], root) == 0
    return root


def _run(copy: Path, *command: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=copy, capture_output=True, text=True, check=False
    )
    return run.stdout + run.stderr


def _new(copy: Path) -> list[str]:
    files = [path for name in ("sage", "exact") for path in laid(copy, Name(name))]
    return [str(path) for path in files if path.suffix == ".py"]


@detail
def test_seven_files_a_stand_in_a_contract_a_life_and_an_example_are_there(copy: Path) -> None:
    places = {str(path.relative_to(copy)) for path in laid(copy, Name("sage"))}
    assert {f"providers/sage/{name}.py" for name in SEVEN} < places
    assert {"sandbox/sage/stand_in.py", "sandbox/sage/__main__.py"} < places
    assert "tests/providers/contracts/test_sage.py" in places
    assert {"tests/lifecycle/kind_sage.py", "sandbox/examples/sage.json"} < places
    assert all((copy / place).is_file() for place in places)


def test_every_list_has_its_rows(copy: Path) -> None:
    for path in ROWS:
        text = (copy / path).read_text("utf-8").casefold()
        assert text.count("sage") > (ROOT / path).read_text("utf-8").casefold().count("sage"), path


def test_everything_that_is_left_is_said_with_its_place_and_a_sentence(copy: Path) -> None:
    left = list(to_write(copy))
    of_sage = [one for one in left if "sage" in one.partition(":")[0]]
    for name in (*SEVEN, "__init__"):
        assert any(one.startswith(f"providers/sage/{name}.py:") for one in of_sage), name
    for place in ("README.md", "docs/configuration.md", "deploy/worker.env.example"):
        assert any(one.startswith(f"{place}:") for one in left), place
    assert all(len(one.rpartition(": ")[2]) > 10 for one in left)


@detail
def test_what_is_laid_down_passes_lint_and_can_be_imported(copy: Path) -> None:
    assert "All checks passed" in _run(copy, "ruff", "check", "--no-cache", *_new(copy))
    assert "would be reformatted" not in _run(
        copy, "ruff", "format", "--no-cache", "--check", *_new(copy)
    )
    program = "from providers.registry import ADAPTORS; print(*ADAPTORS)"
    told = subprocess.run(
        [sys.executable, "-c", program], cwd=copy, capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"sage", "exact"} <= set(told)


@detail
def test_a_contract_that_is_laid_down_fails_with_what_is_to_be_written(copy: Path) -> None:
    told = _run(
        copy,
        *("pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"),
        "tests/providers/contracts/test_sage.py",
    )
    assert "1 failed" in told
    assert "NotImplementedError: TO WRITE: check.py `check_request`" in told


@detail
def test_a_name_within_a_word_is_no_mention_of_that_provider(copy: Path) -> None:
    told = _run(
        copy,
        *("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/test_layers.py"),
        *("-k", "no_provider_is_named"),
    )
    assert "failed" not in told
    assert "passed" in told


def test_nothing_is_laid_down_over_what_is_there(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sage"], copy) == 1
    assert "there is a provider sage already" in capsys.readouterr().err
    (copy / "sandbox/visma").mkdir()
    (copy / "sandbox/visma/stand_in.py").write_text("")
    assert main(["visma"], copy) == 1
    assert "is there already" in capsys.readouterr().err
    assert not (copy / "providers/visma").exists()
