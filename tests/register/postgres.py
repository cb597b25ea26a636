"""A PostgreSQL of the tests' own, where one is installed: in a temporary folder, not as root."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from drill.postgres import owner as runs_as
from tests.tiers import elsewhere

on_both_when_thorough = pytest.mark.parametrize(
    "place", ["sqlite", pytest.param("postgresql", marks=elsewhere)], indirect=True
)
"""For what lives whole invoices on a Temporal server: what the register does for it is tried on
both databases by its own tests, in a hundredth of the time. One such life of each file is lived on
both."""


def a_place(request: pytest.FixtureRequest, folder: Path) -> str:
    """Where a register may be that is not there yet, on the database that the parameter names."""
    if request.param == "sqlite":
        return str(folder / "register.db")
    url: str = request.getfixturevalue("postgres")
    return created(url, f"t{uuid.uuid4().hex}")


@pytest.fixture(name="place", params=["sqlite", "postgresql"])
def on_both(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """For what is about the databases themselves: in `make test` on both."""
    return a_place(request, tmp_path)


@contextlib.contextmanager
def cluster(binaries: Path) -> Iterator[str]:
    """A cluster that runs meanwhile, reached by a socket; the URL without a database's name."""
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        owner = runs_as()
        if owner:
            shutil.chown(folder, owner)

        def run(program: str, *arguments: str) -> None:
            command = [str(binaries / program), *arguments]
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, user=owner, timeout=120
            )

        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync")
        # fsync off: what is tested here is what a transaction promises, not what a disk does.
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://tests@/{{}}?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def created(url: str, name: str) -> str:
    """The URL of a new database in this cluster."""
    with psycopg.connect(url.format("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.format(name)
