"""The register's database in docker-compose.yml, made by its very command on a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from drill.postgres import programs
from register import opened

ROOT = Path(__file__).resolve().parents[2]
SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"][
    "register-database"
]


@pytest.fixture
def folder(postgres: str) -> str:
    """Where the cluster's socket is."""
    return postgres.partition("?host=")[2]


def _run(folder: str, password: str) -> None:
    (script,) = SERVICE["command"]
    own = {"PGHOST": folder, "PGUSER": "tests", "PGDATABASE": "postgres"}
    given = {name: own.get(name, "") for name in SERVICE["environment"]}
    path = f"{programs()}{os.pathsep}{os.environ['PATH']}"
    environment = {**given, "POSTGRES_REGISTER_PASSWORD": password, "PATH": path}
    command = [*SERVICE["entrypoint"], script.replace("$$", "$")]
    subprocess.run(command, check=True, env=environment, timeout=60)


def _databases(postgres: str) -> set[str]:
    with psycopg.connect(postgres.format("postgres")) as db:
        return {name for (name,) in db.execute("SELECT datname FROM pg_database")}


def test_a_database_of_its_own_is_made_once_and_a_register_fits_in(
    postgres: str, folder: str
) -> None:
    _run(folder, "")
    assert "register" not in _databases(postgres), "without a password there is none"
    for password in ("first", "it's second"):
        _run(folder, password)
    assert "register" in _databases(postgres)
    opened(f"postgresql://register@/register?host={folder}").close()
    with psycopg.connect(postgres.format("postgres")) as db:
        (may,) = db.execute(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles "
            "WHERE rolname = 'register'"
        ).fetchone() or (True,)
    assert may is False
