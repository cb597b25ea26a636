"""Temporal as in production, on PostgreSQL; or its development server, on a file.

`temporal-server` and `temporal-sql-tool` are looked for on PATH. Without them it is the server that
the tests use: the same engine, which keeps everything in one SQLite file.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from drill.postgres import Postgres
from drill.programs import Program, free_ports, ran
from temporal_server import LocalServer, resolve_binary

_SCHEMAS = {"temporal": "postgresql/v12/temporal", "visibility": "postgresql/v12/visibility"}


class Temporal(Protocol):
    """A server that can be killed, and its store carried elsewhere."""

    kind: str
    """What it is, in words."""

    @property
    def address(self) -> str:
        """Where it is."""

    async def make(self) -> None:
        """Make its store, empty."""

    async def start(self) -> None:
        """Start it, and wait until it serves."""

    async def kill(self) -> None:
        """End it without a word; nothing if it does not run."""

    async def backup(self, folder: Path) -> None:
        """Write what it has stored into this folder."""

    async def restore(self, folder: Path) -> None:
        """Take up what such a folder has, where there is no store yet."""


class OnFile:
    """The development server, with its SQLite file."""

    def __init__(self, folder: Path, port: int) -> None:
        self.kind = "Temporal's development server on an SQLite file"
        self._file = folder / "temporal.db"
        self._server = LocalServer(resolve_binary(), port, database=self._file)

    @property
    def address(self) -> str:
        """See `Temporal`."""
        return self._server.address

    async def make(self) -> None:
        """The server makes its file by itself."""

    async def start(self) -> None:
        """See `Temporal`."""
        await self._server.start()

    async def kill(self) -> None:
        """See `Temporal`."""
        await self._server.stop()

    async def backup(self, folder: Path) -> None:
        """By SQLite's own copy, which is whole while others write."""
        await asyncio.to_thread(_copied, self._file, folder / "temporal.db")

    async def restore(self, folder: Path) -> None:
        """See `Temporal`."""
        await asyncio.to_thread(shutil.copyfile, folder / "temporal.db", self._file)


def _copied(source: Path, goal: Path) -> None:
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(goal)) as here:
        there.backup(here)


class OnPostgres:
    """The production server, all its parts in one process."""

    def __init__(self, folder: Path, port: int, postgres: Postgres, server: str, tool: str) -> None:
        self.kind = "Temporal's server on PostgreSQL"
        self.address = f"127.0.0.1:{port}"
        self._postgres = postgres
        self._tool = tool
        settings = folder / "temporal"
        settings.mkdir()
        text = json.dumps(_configuration(port, postgres.port), indent=1)  # JSON is YAML
        (settings / "drill.yaml").write_text(text)
        command = (server, "--config", str(settings), "--env", "drill", "--allow-no-auth", "start")
        self._program = Program("temporal", folder, command, ready="")

    async def make(self) -> None:
        """See `Temporal`."""
        await self._postgres.create(*_SCHEMAS)
        for database, schema in _SCHEMAS.items():
            where = ("--ep", "127.0.0.1", "-p", str(self._postgres.port), "-u", "drill")
            tool = (self._tool, "--plugin", "postgres12", *where, "--db", database)
            await ran(*tool, "setup-schema", "-v", "0.0")
            await ran(*tool, "update-schema", "--schema-name", schema)

    async def start(self) -> None:
        """See `Temporal`."""
        await self._program.start()
        await _listens(self.address)

    async def kill(self) -> None:
        """See `Temporal`."""
        await self._program.kill()

    async def backup(self, folder: Path) -> None:
        """See `Temporal`."""
        for database in _SCHEMAS:
            await self._postgres.dump(database, folder / f"{database}.sql")

    async def restore(self, folder: Path) -> None:
        """See `Temporal`."""
        for database in _SCHEMAS:
            await self._postgres.restore(database, folder / f"{database}.sql")


async def _listens(address: str) -> None:
    host, _, port = address.partition(":")
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


def _configuration(port: int, database: int) -> dict[str, Any]:
    def store(name: str) -> dict[str, Any]:
        where = {"connectAddr": f"127.0.0.1:{database}", "connectProtocol": "tcp", "user": "drill"}
        bounds = {"maxConns": 15, "maxIdleConns": 15, "maxConnLifetime": "1h"}
        return {"sql": {"pluginName": "postgres12", "databaseName": name, **where, **bounds}}

    ports = free_ports(7)
    names = ("frontend", "matching", "history", "worker")
    grpc = (port, *ports[:3])
    rpc = {"bindOnLocalHost": True}
    here = {"enabled": True, "initialFailoverVersion": 1, "rpcName": "frontend"}
    return {
        "log": {"stdout": True, "level": "error"},
        "persistence": {
            "numHistoryShards": 4,
            "defaultStore": "default",
            "visibilityStore": "visibility",
            "datastores": {"default": store("temporal"), "visibility": store("visibility")},
        },
        "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}},
        "services": {
            name: {"rpc": {"grpcPort": grpc[at], "membershipPort": ports[3 + at], **rpc}}
            for at, name in enumerate(names)
        },
        "clusterMetadata": {
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {"active": {**here, "rpcAddress": f"127.0.0.1:{port}"}},
        },
        "publicClient": {"hostPort": f"127.0.0.1:{port}"},
    }


def temporal(folder: Path, port: int, postgres: Postgres) -> Temporal:
    """The production server where it is installed, or else the other."""
    server, tool = shutil.which("temporal-server"), shutil.which("temporal-sql-tool")
    if server and tool:
        return OnPostgres(folder, port, postgres, server, tool)
    return OnFile(folder, port)
