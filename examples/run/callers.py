"""The programs in each language: what is typed for them, where, and what they said."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from temporal_server import cache_folder

EXAMPLES = Path(__file__).resolve().parent.parent
ROOT = EXAMPLES.parent
MAKING = 600.0
"""Seconds for fetching packages and building, once."""
RUNNING = 60.0

Command = tuple[str, ...]
Variables = Mapping[str, str]


class CallerFailed(Exception):
    """A caller could not be built or run; the sentence says why."""


@dataclass(frozen=True)
class Answer:
    """What a caller said of its invoice, and whether that is where it was wanted."""

    fine: bool
    said: str


@dataclass(frozen=True)
class Caller:
    """A program that takes a file with a request.

    needs: what must be on PATH.
    typed: what is typed in `folder`, before the file's name.
    make: what is typed there once, before that.
    leaves: whether that leaves something behind; then it is done in a copy outside the checkout.
    read: finds in what was written where the invoice is, in the words of the others.
    """

    language: str
    needs: Command
    typed: Command
    folder: Path = ROOT
    make: Command = ()
    leaves: bool = False
    read: Callable[[str], Answer] | None = None

    @property
    def missing(self) -> list[str]:
        """What it needs and is not there."""
        return [name for name in self.needs if shutil.which(name) is None]

    async def ready(self) -> Path:
        """Built; the folder to run it in. Raises CallerFailed."""
        if self.leaves:
            return await _copied(self.folder, self.make)
        if self.make:
            await _made(self.make, self.folder)
        return self.folder

    async def ask(self, folder: Path, request: Path, variables: Variables) -> Answer:
        """Have it ask for this invoice. Raises CallerFailed when that takes too long."""
        command = (*self.typed, str(request))
        code, said = await _run(command, folder, {**_plain(os.environ), **variables}, RUNNING)
        return self.read(said) if self.read and not code else Answer(code == 0, said)


async def _copied(folder: Path, make: Command) -> Path:
    """A copy in the user's cache, made there: one for each content, and complete or not at all."""
    files = _files(folder)
    digest = hashlib.sha256(repr(files).encode()).hexdigest()[:12]
    goal = cache_folder() / "examples" / f"{folder.name}-{digest}"
    if goal.exists():
        return goal
    making = goal.with_name(f"{goal.name}-{os.getpid()}")
    making.mkdir(parents=True)
    try:
        for name, content in files.items():
            (making / name).write_bytes(content)
        await _made(make, making)
        with suppress(OSError):  # another process was faster
            making.rename(goal)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return goal


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


async def _made(command: Command, folder: Path) -> None:
    code, said = await _run(command, folder, os.environ, MAKING)
    if code:
        raise CallerFailed(f"`{' '.join(command)}` ended with {code}:\n{said}")


def _plain(environment: Variables) -> dict[str, str]:
    """Without what leads to another server, and without a proxy before this machine."""
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("TEMPORAL_", "INVOICING_")) and not name.lower().endswith("_proxy")
    }
    return kept | {"PYTHONPATH": str(ROOT)}


async def _run(
    command: Command, folder: Path, environment: Variables, within: float
) -> tuple[int, str]:
    """The exit code, and what was written: to standard output, or else to the other stream."""
    running = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=dict(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # Its children are ended with it.
        start_new_session=True,
    )
    try:
        said, complained = await asyncio.wait_for(running.communicate(), within)
    except TimeoutError:
        raise CallerFailed(f"`{' '.join(command)}` took more than {within:.0f} s") from None
    finally:
        if running.returncode is None:
            os.killpg(running.pid, signal.SIGKILL)
            # Its pipes are read to their end: one that is full would stay open for ever.
            await running.communicate()
    return running.returncode or 0, (said.strip() or complained.strip()).decode(errors="replace")


def _of_rest(said: str) -> Answer:
    """The last answer of three, as the other callers tell it."""
    invoice = json.loads(said.splitlines()[-1])["invoice"]
    if problem := invoice["problem"]:
        fields = [each["field"] for each in problem["fields"]]
        about = ", ".join(problem["answers"] or fields)
        told = f"{invoice['status']}: {problem['what']} ({about})"
    else:
        gross = f"{invoice['amounts']['gross']} {invoice['amounts']['currency']}"
        told = f"{invoice['status']}, number {invoice['number']}, {gross}"
    return Answer(problem is None, f"{invoice['reference']}: {told}")


CALLERS = (
    Caller("Python", (), (sys.executable, "examples/python/invoice.py")),
    Caller(
        "TypeScript",
        ("node", "npm"),
        ("npm", "start", "--silent", "--"),
        folder=EXAMPLES / "typescript",
        make=("npm", "ci"),
        leaves=True,
    ),
    Caller(
        "Go",
        ("go",),
        ("go", "run", "."),
        folder=EXAMPLES / "go",
        # So that the first run is as quick as the others; what it makes is in Go's own cache.
        make=("go", "build", "-o", os.devnull, "."),
    ),
    Caller("REST", ("sh", "curl"), ("sh", "examples/curl/invoice.sh"), read=_of_rest),
)
