"""Every test of the register runs on SQLite, and on PostgreSQL where one is installed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from drill.postgres import NOT_HERE, programs
from register import Books, opened
from tests.register.postgres import cluster, created


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a cluster, with a place for a database's name."""
    binaries = programs()
    if binaries is None:
        pytest.skip(NOT_HERE)
    with cluster(binaries) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a register may be that is not there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "register.db")
    url: str = request.getfixturevalue("postgres")
    return created(url, f"t{uuid.uuid4().hex}")


@pytest.fixture
def books(place: str) -> Iterator[Books]:
    """A register that is empty."""
    made = opened(place)
    yield made
    made.close()
