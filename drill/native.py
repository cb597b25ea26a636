"""All of it at one place: PostgreSQL, Temporal, workers, the gateway. Providers stand outside."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from demo.accounts import variables
from drill.postgres import Postgres
from drill.programs import Program, free_ports, python, ran
from drill.temporal import temporal
from gateway.tokens import written
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
READY = "workflows on"
"""What a worker writes once it serves."""
_MORE = {"quiddly": {"feed_minutes": "0.1"}, "riverty": {"document_news": "true"}}


class Providers:
    """Every stand-in, a process of its own with a ledger that it keeps."""

    def __init__(self, folder: Path, gateway: str) -> None:
        folder.mkdir()
        ports = dict(zip(KINDS, free_ports(len(KINDS)), strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        more = {
            "quiddly": ("--reads", "--lists", "--deletes"),
            "riverty": (f"--listener={gateway}/webhooks/riverty/default", *_AGAIN),
        }
        self._programs = {
            name: Program(
                f"stand-in-{name}",
                folder,
                python(
                    *("-m", f"sandbox.{name}", f"--port={ports[name]}", f"--kept={folder / name}"),
                    *more.get(name, ()),
                ),
            )
            for name in KINDS
        }

    async def start(self) -> None:
        """Start them all."""
        for name, program in self._programs.items():
            await program.start(self.urls[name])

    async def restart(self) -> None:
        """Kill them all, and start them with what they kept."""
        for name, program in self._programs.items():
            await program.kill()
            await program.start(self.urls[name])

    async def stop(self) -> None:
        """Stop them all."""
        for program in self._programs.values():
            await program.stop()

    def accounts(self) -> dict[str, str]:
        """The variables by which a worker knows them."""
        known: dict[str, str] = {}
        for name, kind in KINDS.items():
            # How long a call lost with its worker stays in doubt follows from its time-out.
            account = kind().account(self.urls[name]) | _MORE.get(name, {}) | {"timeout": "3"}
            known |= variables(name, "default", account)
        return known


_AGAIN = ("--redeliveries=200", "--redelivery-delay=0.5")


class Place:
    """Where the service runs; a second one is made of a backup of the first."""

    def __init__(self, folder: Path, gateway_port: int) -> None:
        folder.mkdir()
        database, server = free_ports(2)
        self.postgres = Postgres(folder / "postgres", database)
        self.temporal = temporal(folder, server, self.postgres)
        self.gateway_url = f"http://127.0.0.1:{gateway_port}"
        self.token = secrets.token_hex(32)
        self.workers: dict[str, Program] = {}
        self._folder = folder
        self.gateway = Program(
            "gateway",
            folder,
            python("-m", "gateway"),
            GATEWAY_PORT=str(gateway_port),
            GATEWAY_CALLER__DRILL__TOKENS=written(self.token),
            GATEWAY_CALLER__DRILL__MAY="read,start,operate",
            RIVERTY_BUSINESS_CODE="1000",
            RIVERTY_NOTIFICATION_SOURCES="127.0.0.1",
            **self._shared,
        )

    @property
    def _shared(self) -> dict[str, str]:
        return {
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": "/dev/null",
            "INVOICING_REGISTER_AT": self.postgres.url("register"),
        }

    async def make(self) -> None:
        """Its stores, empty; PostgreSQL and Temporal run from now on."""
        await self.postgres.make()
        await self.postgres.create("register")
        await self.temporal.make()
        await self.temporal.start()
        await self.starter("prepare", "--patience", "60", "--retention-days", "1")

    async def made_of(self, backup: Path) -> None:
        """Its stores, from a backup; PostgreSQL and Temporal run from now on."""
        await self.postgres.make()
        await self.postgres.restore("register", backup / "register.sql")
        await self.temporal.restore(backup)
        await self.temporal.start()
        await self.starter("prepare", "--patience", "60", "--retention-days", "1")

    async def backup(self, folder: Path) -> None:
        """Everything it has stored, into this folder, while it runs."""
        await asyncio.to_thread(folder.mkdir)
        await self.temporal.backup(folder)
        await self.postgres.dump("register", folder / "register.sql")

    async def add_worker(self, name: str, build: str, accounts: Mapping[str, str]) -> Program:
        """One more worker, of this build."""
        (metrics,) = free_ports(1)
        how = {
            "INVOICING_BUILD": build,
            "INVOICING_PACE": "0.1",
            "INVOICING_GRACE": "10",
            "INVOICING_METRICS": f"127.0.0.1:{metrics}",
        }
        program = Program(
            name, self._folder, python("worker.py"), **self._shared, **how, **accounts
        )
        self.workers[name] = program
        await program.start(READY)
        return program

    async def starter(self, *arguments: str, **variables: str) -> str:
        """What the command line says."""
        told = {**self._shared, **variables}
        return await ran(sys.executable, "starter.py", *arguments, variables=told)

    async def down(self) -> None:
        """Everything here stops."""
        for program in (*self.workers.values(), self.gateway):
            await program.stop()
        await self.temporal.kill()
        await self.postgres.stop()
