"""The drill in containers, as far as it can be held without an engine."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from drill.checkout import Checkout, altered, stand_in
from drill.containers import BACKUP, RESTORE, UP
from drill.engine import lacking
from drill.place import KINDS

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PORTS = {name: 40000 + at for at, name in enumerate(["gateway", *map(stand_in, KINDS)])}
IMAGES = ROOT / "deploy" / "images"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    made.make()
    return made


def values(file: Path) -> dict[str, str]:
    """What compose takes of an env file: the last line of a name counts."""
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("lines", "file"),
    [(UP, "docker-compose.yml"), (BACKUP, "docs/upgrade.md"), (RESTORE, "docs/upgrade.md")],
)
def test_the_drill_types_what_is_documented(lines: str, file: str) -> None:
    documented = [line.strip() for line in (ROOT / file).read_text().replace("#", "").splitlines()]
    wanted = [line.strip() for line in lines.splitlines()]
    assert any(documented[at : at + len(wanted)] == wanted for at in range(len(documented))), wanted


def test_the_register_is_not_backed_up_before_what_it_is_the_register_of() -> None:
    """`pg_dumpall` goes by name, and has it before Temporal's: it would lack the newest keys."""
    temporal, register = BACKUP.split("docker compose")[1:]
    assert "pg_dumpall" in temporal
    assert "--exclude-database register" in temporal
    assert re.search(r"pg_dump .*--create register", register)


def test_a_drill_s_compose_file_differs_in_what_it_says_alone() -> None:
    changed = altered(COMPOSE, "drill-x", PORTS, "drill-x-ledgers")
    for name, service in COMPOSE["services"].items():
        other = changed["services"][name]
        differ = {
            key for key in service.keys() | other.keys() if service.get(key) != other.get(key)
        }
        wanted = {"image", "build"} if "build" in service else set()
        wanted |= {"ports"} if name in PORTS else set()
        wanted |= {"command"} if name == "stand-in-quiddly" else set()
        assert differ == wanted, name
    assert {key for key in COMPOSE if changed[key] != COMPOSE[key]} == {
        "name",
        "services",
        "volumes",
    }
    assert changed["volumes"]["postgresql"] is COMPOSE["volumes"]["postgresql"] is None


def test_ports_of_a_drill_are_open_to_this_machine_alone() -> None:
    changed = altered(COMPOSE, "drill-x", PORTS, "ledgers")
    for name, port in PORTS.items():
        (published,) = changed["services"][name]["ports"]
        host, outside, inside = published.split(":")
        assert (host, int(outside)) == ("127.0.0.1", port)
        check = " ".join(changed["services"][name]["healthcheck"]["test"])
        assert f"127.0.0.1:{inside}/" in check


def test_a_drill_s_checkout_has_what_the_image_is_made_of_and_no_secret_of_ours(
    checkout: Checkout,
) -> None:
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY "):
            for source in line.split()[1:-1]:
                assert (checkout.folder / source).exists(), source
    assert not [*checkout.folder.rglob("__pycache__")]
    made = {path.name for path in checkout.folder.rglob("*.env") if path.name != ".env"}
    assert made == {"worker.env", "gateway.env"}


def test_the_examples_are_filled_in(checkout: Checkout) -> None:
    env = values(checkout.folder / ".env")
    assert len(env["POSTGRES_PASSWORD"]) == len(env["POSTGRES_REGISTER_PASSWORD"]) == 32
    gateway = values(checkout.folder / "deploy" / "gateway.env")
    assert gateway["RIVERTY_NOTIFICATION_SOURCES"] == "172.31.250.105"
    assert checkout.token not in gateway["GATEWAY_CALLER__DRILL__TOKENS"]
    checkout.build("one")
    checkout.build("two")
    worker = values(checkout.folder / "deploy" / "worker.env")
    assert worker["INVOICING_BUILD"] == "two"
    assert worker["QUIDDLY_BASE_URL"] == "http://stand-in-quiddly:9104"
    assert worker["QUIDDLY_FIND_ROUTE"].startswith("/invoices")
    assert worker["MOLLIE_TIMEOUT"] == "3"


def test_every_image_of_others_can_be_made_here_and_says_that_it_was(checkout: Checkout) -> None:
    script = (IMAGES / "make.sh").read_text()
    assert (IMAGES / "make.sh").stat().st_mode & stat.S_IXUSR
    named = [image.split(":")[0] for image in checkout.images()]
    assert named == [
        "postgres",
        "python",
        "temporalio/admin-tools",
        "temporalio/server",
        "temporalio/ui",
    ]
    for name in named:
        assert f"$(named {name})" in script
        file = IMAGES / f"{name.replace('temporalio/', 'temporal-')}.Dockerfile"
        assert re.search(r'^LABEL invoicing\.made-here="\w', file.read_text(), re.MULTILINE)


async def test_why_there_are_no_containers_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await lacking() == "docker is not installed"
    docker = tmp_path / "docker"
    for script, why in (
        ("exit 1", "no container engine answers"),
        ("[ $1 = version ]", "`docker compose` is missing"),
        ("echo 2.29.7", "Compose is 2.29.7, and older than 2.30"),
        ("echo v2.30.0", ""),
    ):
        docker.write_text(f"#!/bin/sh\n{script}\n")
        docker.chmod(0o755)
        assert await lacking() == why
