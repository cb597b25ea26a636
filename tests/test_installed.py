"""What is installed: the command `invoicing`, everything it needs, and types for who imports us."""

from __future__ import annotations

import asyncio
import os
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.child import COMPILED, ROOT
from tests.installed import AS_INSTALLED
from tests.tiers import detail

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUP = PROJECT["tool"]["setuptools"]


async def ran(*arguments: str, cwd: Path = ROOT) -> tuple[int, str]:
    """The exit code and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=cwd,
        env=COMPILED | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


def test_every_package_but_those_for_work_on_the_code_is_installed() -> None:
    for_work = {"simulation", "drill", "scaffold"}
    packages = set(PROJECT["tool"]["importlinter"]["root_packages"]) - for_work
    patterns = SETUP["packages"]["find"]["include"]
    assert {each.removesuffix("*") for each in patterns} == packages
    names = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {name for name in names if any(fnmatch(name, each) for each in patterns)} == packages
    assert {f"{each}.py" for each in SETUP["py-modules"]} == {p.name for p in ROOT.glob("*.py")}


def test_whoever_imports_the_contract_is_given_its_types() -> None:
    assert SETUP["package-data"]["invoicing"] == ["py.typed"]
    assert (ROOT / "invoicing" / "py.typed").is_file()


@detail
def test_what_is_pinned_for_the_image_is_asked_for_by_the_package() -> None:
    """By its name alone: versions are the pins' business."""
    pinned = (ROOT / "requirements.txt").read_text().lower().replace("_", "-")
    project = PROJECT["project"]
    for one in (*project["dependencies"], *project["optional-dependencies"]["app"]):
        assert f"\n{one.partition('>')[0]}==" in pinned


@detail
async def test_the_command_is_called_by_its_name_and_completes() -> None:
    assert PROJECT["project"]["scripts"] == {"invoicing": "starter:main"}
    code, said = await ran("-c", AS_INSTALLED, "list", "--help")
    assert (code, "Example: invoicing list --waiting-for" in said) == (0, True), said
    code, said = await ran("-c", AS_INSTALLED, "--help")
    assert "--install-completion" in said
    code, said = await ran("starter.py", "--help")
    assert (code, "--install-completion" in said) == (0, False), "shells know no such command"
    code, said = await ran("starter.py", "list", "--help")
    assert "Example: python starter.py list" in said


@detail
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("worker", "worker: no provider account is configured"),
        ("gateway", "gateway: these environment variables need attention"),
    ],
)
async def test_what_serves_is_begun_from_anywhere(name: str, sentence: str, tmp_path: Path) -> None:
    code, said = await ran(str(ROOT / "starter.py"), name, cwd=tmp_path)
    assert code == 1
    assert sentence in said
