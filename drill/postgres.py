"""A PostgreSQL of the drill's own, from the machine's packages, in a folder; not as root."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
from pathlib import Path

from drill.programs import DrillFailed, ran

NOT_HERE = "no PostgreSQL is installed here: `apt-get install postgresql` brings one"


def programs() -> Path | None:
    """Where its programs are, the newest first: Debian keeps them off the path."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    there = shutil.which("initdb")
    return Path(there).resolve().parent if there else None


def owner() -> str | None:
    """Who runs it where we are root, for it refuses to run as root; None: ourselves."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class Postgres:
    """One cluster. It listens on this machine alone, and asks nobody who they are."""

    def __init__(self, folder: Path, port: int) -> None:
        binaries = programs()
        if binaries is None:
            raise DrillFailed(NOT_HERE)
        self.port = port
        self._binaries = binaries
        self._folder = folder
        self._owner = owner()
        self._runs = False

    def url(self, database: str) -> str:
        """Where a database is."""
        return f"postgresql://drill@127.0.0.1:{self.port}/{database}"

    async def make(self) -> None:
        """Make an empty cluster, and start it."""
        self._folder.mkdir()
        if self._owner:
            shutil.chown(self._folder, self._owner)
        options = ("-U", "drill", "-A", "trust", "-E", "UTF8", "--no-sync")
        await self._run("initdb", "-D", self._data, *options)
        await self.start()

    async def start(self) -> None:
        """Start it, and wait until it serves."""
        how = (
            f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c max_connections=100"
        )
        log = str(self._folder / "log")
        await self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", how, "start")
        self._runs = True

    async def kill(self) -> None:
        """Cut it off as a crash would: connections break, and its log is replayed at the start."""
        await self._stop("immediate")

    async def stop(self) -> None:
        """Stop it; nothing if it does not run."""
        if self._runs:
            await self._stop("fast")

    async def _stop(self, mode: str) -> None:
        self._runs = False
        await self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    async def create(self, *databases: str) -> None:
        """Make empty databases."""
        for name in databases:
            await self._run("createdb", *self._here, name)

    async def dump(self, database: str, file: Path) -> None:
        """Write a backup of one database."""
        text = await self._run("pg_dump", *self._here, "--no-owner", database)
        await asyncio.to_thread(file.write_text, text + "\n")

    async def restore(self, database: str, file: Path) -> None:
        """Make a database of a backup."""
        await self.create(database)
        quiet = ("--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction")
        await self._run("psql", *self._here, *quiet, "-d", database, "-f", str(file))

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    @property
    def _here(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", "drill")

    async def _run(self, program: str, *arguments: str) -> str:
        user = self._owner if program in ("initdb", "pg_ctl") else None
        return await ran(str(self._binaries / program), *arguments, cwd=self._folder, user=user)
