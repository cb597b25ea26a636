"""A copy of the checkout as a user has it: the examples copied and filled in, as they say.

What differs from docker-compose.yml as it is written is here, and nowhere else.
"""

from __future__ import annotations

import copy
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from drill.place import KINDS, QUIDDLY_KNOWS, accounts
from drill.programs import ROOT
from gateway.tokens import written

_WITH_COMPOSE = ("docker-compose.yml", "Dockerfile", ".dockerignore", ".env.example", "deploy")
_EXAMPLES = (".env", "deploy/worker.env", "deploy/gateway.env")
BUILD = "${DRILL_BUILD}"
"""Compose puts in which build it is to make and run."""


def stand_in(provider: str) -> str:
    """The service that stands in for a provider."""
    return f"stand-in-{provider.replace('_', '-')}"


class Checkout:
    """A folder with what compose and the Dockerfile need, and the secrets of a drill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(32)

    def make(self) -> None:
        """Copy it, and fill in what the examples leave open."""
        self.folder.mkdir()
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        for name in (*_WITH_COMPOSE, *(line[1:] for line in ignored if line.startswith("!"))):
            source = ROOT / name
            if source.is_dir():
                skipped = shutil.ignore_patterns("__pycache__", "*.env")
                shutil.copytree(source, self.folder / name, ignore=skipped)
            else:
                shutil.copyfile(source, self.folder / name)
        for name in _EXAMPLES:
            text = (self.folder / f"{name}.example").read_text().replace("#: ", "")
            (self.folder / name).write_text(text)
        self._more(
            ".env",
            POSTGRES_PASSWORD=secrets.token_hex(16),
            POSTGRES_REGISTER_PASSWORD=secrets.token_hex(16),
        )
        self._more(
            "deploy/gateway.env",
            GATEWAY_CALLER__DRILL__TOKENS=written(self.token),
            GATEWAY_CALLER__DRILL__MAY="read,start,operate",
        )
        urls = {name: f"http://{stand_in(name)}" for name in KINDS}
        given = {
            name: value
            for name, value in accounts(urls).items()
            if not name.endswith(("_BASE_URL", "_TOKEN_URL"))  # those of the example
        }
        self._more("deploy/worker.env", INVOICING_GRACE="10", **given)

    def build(self, name: str) -> None:
        """What workers are called that are made from now on."""
        self._more("deploy/worker.env", INVOICING_BUILD=name)

    def _more(self, file: str, **variables: str) -> None:
        """The last line of a name counts."""
        with (self.folder / file).open("a") as lines:
            lines.writelines(f"{name}={value}\n" for name, value in variables.items())

    def compose(self, project: str, ports: Mapping[str, int], ledgers: str) -> Path:
        """Write the compose file of one place."""
        text = (self.folder / "docker-compose.yml").read_text()
        file = self.folder / f"{project}.json"  # JSON is YAML
        file.write_text(json.dumps(altered(yaml.safe_load(text), project, ports, ledgers)))
        return file

    def images(self) -> list[str]:
        """What is not ours: it is pulled, or made in its place."""
        services = yaml.safe_load((self.folder / "docker-compose.yml").read_text())["services"]
        others = {each["image"] for each in services.values() if "build" not in each}
        dockerfile = (self.folder / "Dockerfile").read_text()
        (base,) = re.findall(r"^FROM (\S+:\S+)", dockerfile, re.MULTILINE)
        return sorted({*others, base})


def altered(
    compose: Mapping[str, Any], project: str, ports: Mapping[str, int], ledgers: str
) -> dict[str, Any]:
    """docker-compose.yml with what a drill has otherwise.

    Ports of this machine that are free; images under names of their own, one per build; the ledgers
    in a volume that outlives the place; and a Quiddly that can be searched.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(compose)) | {"name": project}
    for name, service in changed["services"].items():
        if "build" in service:
            service["image"] = f"{service['image'].split(':')[0]}:drill-{BUILD}"
            service["build"] = service["build"] | {"labels": {"invoicing.build": BUILD}}
        if name in ports:
            inside = service["ports"][0].rsplit(":", 1)[1] if "ports" in service else _port(service)
            service["ports"] = [f"127.0.0.1:{ports[name]}:{inside}"]
    changed["services"][stand_in("quiddly")]["command"] += QUIDDLY_KNOWS
    changed["volumes"]["stand-ins"] = {"external": True, "name": ledgers}
    return changed


def _port(service: Mapping[str, Any]) -> str:
    """Where a stand-in listens."""
    (option,) = [each for each in service["command"] if each.startswith("--port=")]
    return str(option.removeprefix("--port="))
