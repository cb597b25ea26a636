"""Every test of the register runs on SQLite, and on PostgreSQL where one is installed: those about
databases and about many at once in `make test`, all others in the thorough tier."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from drill.postgres import NOT_HERE, programs
from register import Books, opened
from tests.register.postgres import a_place, cluster
from tests.tiers import first


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a cluster, with a place for a database's name."""
    binaries = programs()
    if binaries is None:
        pytest.skip(NOT_HERE)
    with cluster(binaries) as url:
        yield url


@pytest.fixture(params=first(["sqlite", "postgresql"]))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a register may be that is not there yet."""
    return a_place(request, tmp_path)


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a register that is empty. Its tables take longer to be made than to be copied."""
    path = tmp_path_factory.mktemp("empty") / "register.db"
    opened(str(path)).close()
    return path


@pytest.fixture
def books(place: str, empty: Path) -> Iterator[Books]:
    """A register that is empty."""
    if "://" not in place:
        shutil.copy(empty, place)
    made = opened(place)
    yield made
    made.close()
