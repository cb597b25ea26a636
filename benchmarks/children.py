"""Other processes of a measurement: started, watched, asked what they use, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
# No credential of a real account, and no proxy, reaches a child.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


class ChildEnded(Exception):
    """A child ended by itself; the sentence has its last words."""


@dataclass(frozen=True)
class Usage:
    """What a process has used so far: seconds of CPU, and bytes of memory at this moment."""

    cpu: float
    memory: int


class Child:
    """A Python process of ours; what it writes to standard error goes to a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
        self.process = process
        self._log = log

    @property
    def usage(self) -> Usage:
        return _usage(self.process.pid)

    async def outlives(self, work: Coroutine[None, None, T]) -> T:
        """The result of the work; ChildEnded as soon as the child ends by itself."""
        task, death = asyncio.create_task(work), asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ChildEnded(f"a process ended with {death.result()}:\n{self._last_words()}")
            return task.result()
        finally:
            for each in (task, death):
                each.cancel()
            await asyncio.gather(task, death, return_exceptions=True)

    async def line(self) -> str:
        """The first line it writes to standard output."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        return line.decode().strip()

    async def end(self) -> None:
        """Tell it to stop, and insist after a while."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.communicate(), 10)
        except TimeoutError:
            self.process.kill()
            await self.process.communicate()

    def _last_words(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:]


@asynccontextmanager
async def child(*arguments: str, **variables: str) -> AsyncIterator[Child]:
    """`python …` meanwhile, with these variables and none of ours."""
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            env={**_inherited(), **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        running = Child(process, log)
        try:
            yield running
        finally:
            await running.end()


async def until_told() -> None:
    """Wait for SIGTERM or SIGINT."""
    told = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, told.set)
    await told.wait()


def _inherited() -> Mapping[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def usage_of_group(group: int) -> float:
    """Seconds of CPU that the processes of this group have used so far. Needs /proc."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit():
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                ticks += (int(fields[11]) + int(fields[12])) * (int(fields[2]) == group)
    return ticks / os.sysconf("SC_CLK_TCK")


def _usage(pid: int) -> Usage:
    folder = Path(f"/proc/{pid}")
    if not folder.exists():
        return _usage_by_ps(pid)
    # The second field is the program's name and may hold spaces; all others are numbers.
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    pages = int((folder / "statm").read_text().split()[1])
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def _usage_by_ps(pid: int) -> Usage:
    """Where there is no /proc (macOS): the same figures, of CPU to a hundredth of a second."""
    answer = subprocess.run(  # noqa: S603
        ["ps", "-o", "rss=,time=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    memory, clock = answer.stdout.split()
    cpu = 0.0
    for part in clock.replace("-", ":").split(":"):
        cpu = cpu * 60 + float(part)
    return Usage(cpu, int(memory) * 1024)
