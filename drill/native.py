"""The drill's place as processes of this machine: PostgreSQL, Temporal, workers, the gateway."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path

from drill.place import (
    GATEWAY_READY,
    KINDS,
    QUIDDLY_KNOWS,
    WORKER_READY,
    Place,
    Stopped,
    accounts,
)
from drill.postgres import Postgres
from drill.programs import Program, free_ports, python, ran
from drill.temporal import temporal
from gateway.tokens import written

_AGAIN = ("--redeliveries=200", "--redelivery-delay=0.5")


class NativeProviders:
    """Every stand-in, a process of its own with a ledger that it keeps."""

    def __init__(self, folder: Path, gateway: str) -> None:
        folder.mkdir()
        ports = dict(zip(KINDS, free_ports(len(KINDS)), strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        more = {
            "quiddly": QUIDDLY_KNOWS,
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
                ready=self.urls[name],
            )
            for name in KINDS
        }

    async def start(self) -> None:
        """Start those that do not run."""
        for program in self._programs.values():
            if not program.running:
                await program.start()

    async def restart(self) -> None:
        """Kill them all, and start them with what they kept."""
        for program in self._programs.values():
            await program.kill()
            await program.start()

    async def stop(self) -> None:
        """Stop them all."""
        for program in self._programs.values():
            await program.stop()


class NativePlace:
    """See `Place`."""

    def __init__(self, folder: Path, gateway_port: int, providers: NativeProviders) -> None:
        folder.mkdir()
        database, server = free_ports(2)
        self.postgres = Postgres(folder / "postgres", database)
        self.temporal = temporal(folder, server, self.postgres)
        self.gateway_url = f"http://127.0.0.1:{gateway_port}"
        self.token = secrets.token_hex(32)
        self.workers: dict[str, Stopped] = {}
        self._folder = folder
        self._providers = providers
        self.gateway = Program(
            "gateway",
            folder,
            python("-m", "gateway"),
            ready=GATEWAY_READY,
            GATEWAY_PORT=str(gateway_port),
            GATEWAY_CALLER__DRILL__TOKENS=written(self.token),
            GATEWAY_CALLER__DRILL__MAY="read,start,operate",
            RIVERTY_BUSINESS_CODE="1000",
            RIVERTY_NOTIFICATION_SOURCES="127.0.0.1",
            **self._shared,
        )

    @property
    def kind(self) -> str:
        """See `Place`."""
        return self.temporal.kind

    @property
    def _shared(self) -> dict[str, str]:
        return {
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": "/dev/null",
            "INVOICING_REGISTER_AT": self.postgres.url("register"),
        }

    async def up(self, worker: str, build: str) -> None:
        """See `Place`."""
        await self.postgres.make()
        await self.postgres.create("register")
        await self.temporal.make()
        await self._serve(worker, build)

    async def made_of(self, backup: Path, worker: str, build: str) -> None:
        """See `Place`."""
        await self.postgres.make()
        await self.postgres.restore("register", backup / "register.sql")
        await self.temporal.restore(backup)
        await self._serve(worker, build)

    async def _serve(self, worker: str, build: str) -> None:
        await self._providers.start()
        await self.temporal.start()
        await self.starter("prepare", "--patience", "60", "--retention-days", "1")
        await self.add_worker(worker, build)
        await self.gateway.start()

    async def backup(self, folder: Path) -> None:
        """See `Place`."""
        await asyncio.to_thread(folder.mkdir)
        await self.temporal.backup(folder)
        await self.postgres.dump("register", folder / "register.sql")

    async def add_worker(self, name: str, build: str) -> None:
        """See `Place`."""
        (metrics,) = free_ports(1)
        how = {
            "INVOICING_BUILD": build,
            "INVOICING_PACE": "0.1",
            "INVOICING_GRACE": "10",
            "INVOICING_METRICS": f"127.0.0.1:{metrics}",
        }
        known = accounts(self._providers.urls)
        program = Program(
            name,
            self._folder,
            python("worker.py"),
            ready=WORKER_READY,
            **self._shared,
            **how,
            **known,
        )
        self.workers[name] = program
        await program.start()

    async def starter(self, *arguments: str, **variables: str) -> str:
        """See `Place`."""
        told = {**self._shared, **variables}
        return await ran(sys.executable, "starter.py", *arguments, variables=told)

    async def down(self) -> None:
        """See `Place`."""
        for program in (*self.workers.values(), self.gateway):
            await program.stop()
        await self.temporal.kill()
        await self.postgres.stop()


class NativeWorld:
    """See `World`; the gateway of every place has one address, which the providers call."""

    def __init__(self, folder: Path, why: str) -> None:
        """`why` not in containers."""
        self._folder = folder
        self._why = why
        (self._port,) = free_ports(1)
        self.providers = NativeProviders(folder / "providers", f"http://127.0.0.1:{self._port}")
        self._places: list[Place] = []

    async def ready(self) -> str:
        """See `World`."""
        return f"processes of this machine, without containers: {self._why}"

    def place(self, name: str) -> Place:
        """See `World`."""
        place = NativePlace(self._folder / name, self._port, self.providers)
        self._places.append(place)
        return place

    async def down(self) -> None:
        """See `World`."""
        for place in self._places:
            await place.down()
        await self.providers.stop()
