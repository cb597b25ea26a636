"""Where the drill takes place: what its steps do to it, whatever it is made of.

`native` has processes of this machine, `containers` those of docker-compose.yml.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from demo.accounts import variables
from sandbox.invoro import InvoroStandIn
from sandbox.kit.server import StandIn
from sandbox.mollie import MollieStandIn
from sandbox.quiddly import QuiddlyStandIn
from sandbox.riverty import RivertyStandIn
from sandbox.zero_friction import ZeroFrictionStandIn

KINDS: Mapping[str, Callable[[], StandIn]] = {
    "zero_friction": ZeroFrictionStandIn,
    "mollie": MollieStandIn,
    "invoro": InvoroStandIn,
    # Where it cannot be searched, a create that was lost with its worker waits for a person.
    "quiddly": partial(QuiddlyStandIn, reads=True, lists=True, deletes=True),
    "riverty": RivertyStandIn,
}
QUIDDLY_KNOWS = ("--reads", "--lists", "--deletes")
WORKER_READY = "workflows on"
"""What a worker writes once it serves."""
GATEWAY_READY = "serving http"

_MORE = {"quiddly": {"feed_minutes": "0.1"}, "riverty": {"document_news": "true"}}


class Part(Protocol):
    """What is killed, started and stopped by itself."""

    async def kill(self) -> None:
        """End it without a word; nothing if it does not run."""

    async def start(self) -> None:
        """Start it, and wait until it serves. Raises DrillFailed when it does not."""


class Stopped(Part, Protocol):
    """What has a farewell, too."""

    async def stop(self) -> None:
        """End it as a deployment does; nothing if it does not run."""


class Place(Protocol):
    """Where the service runs; a second one is made of a backup of the first."""

    token: str
    """The drill's own, at the gateway."""
    workers: dict[str, Stopped]

    @property
    def kind(self) -> str:
        """What Temporal is here, in words."""

    @property
    def gateway_url(self) -> str:
        """Where the gateway is."""

    @property
    def gateway(self) -> Part:
        """The one that there is."""

    @property
    def temporal(self) -> Part:
        """Its server."""

    @property
    def postgres(self) -> Part:
        """Temporal's, and the register's."""

    async def up(self, worker: str, build: str) -> None:
        """Bring everything up, its stores empty, with one worker of this build."""

    async def made_of(self, backup: Path, worker: str, build: str) -> None:
        """Bring everything up from a backup, with one worker of this build."""

    async def backup(self, folder: Path) -> None:
        """Everything it has stored, into this folder, while it runs."""

    async def add_worker(self, name: str, build: str) -> None:
        """One more worker, of this build; or one that was killed, once more."""

    async def starter(self, *arguments: str, **variables: str) -> str:
        """What the command line says."""

    async def down(self) -> None:
        """Everything here stops, and its stores are lost."""


class Providers(Protocol):
    """Every stand-in by itself, with a ledger that it keeps; they outlive a place."""

    @property
    def urls(self) -> Mapping[str, str]:
        """Where each is."""

    async def restart(self) -> None:
        """Kill them all, and start them with what they kept."""


class World(Protocol):
    """What places are made in."""

    @property
    def providers(self) -> Providers:
        """Who stands outside of every place."""

    async def ready(self) -> str:
        """Have what places are made of; what that is, in words. Raises DrillFailed."""

    def place(self, name: str) -> Place:
        """One more place; nothing runs there yet."""

    async def down(self) -> None:
        """Everything that still runs is stopped, and what it left is removed."""


def accounts(urls: Mapping[str, str]) -> dict[str, str]:
    """The variables by which a worker knows the providers."""
    known: dict[str, str] = {}
    for name, kind in KINDS.items():
        # How long a call lost with its worker stays in doubt follows from its time-out.
        account = kind().account(urls[name]) | _MORE.get(name, {}) | {"timeout": "3"}
        known |= variables(name, "default", account)
    return known
