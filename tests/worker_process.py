"""`worker.py` as a process of its own, for tests that kill it, stop it or read what it says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from demo.accounts import variables
from sandbox.kit.server import StandIn
from tests.patience import LONG_ENOUGH

ROOT = Path(__file__).resolve().parent.parent
READY = "workflows on"
"""What a worker logs once it serves."""
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


def account_variables(
    stand_in: StandIn, account: str = "", *, timeout: float = 0.5
) -> dict[str, str]:
    """The variables that configure this account at this stand-in; no name: the default one."""
    settings = {**stand_in.account(), "timeout": str(timeout)}
    return variables("zero_friction", account or "default", settings)


class WorkerProcess:
    """One process; `said` is everything it has written so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._grown = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self.said = ""

    async def says(self, text: str, within: float = 60) -> None:
        """Wait until it has written this; TimeoutError if it does not, or ends before it does."""
        async with asyncio.timeout(within):
            while text not in self.said:
                if self._reading.done():
                    raise AssertionError(f"the worker ended without saying {text!r}:\n{self.said}")
                await self._grown.wait()

    async def ready(self) -> None:
        """Wait until it serves."""
        await self.says(READY)

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(which)

    async def ended(self, within: float = LONG_ENOUGH) -> int:
        """Its exit code, once it has ended and everything it said is here."""
        async with asyncio.timeout(within):
            await asyncio.shield(self._reading)
            return await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(65536):
            self.said += chunk.decode(errors="replace")
            grown, self._grown = self._grown, asyncio.Event()
            grown.set()
        self._grown.set()


@contextlib.asynccontextmanager
async def worker_process(
    environment: Mapping[str, str], program: Sequence[str] = ("worker.py",)
) -> AsyncIterator[WorkerProcess]:
    """`python worker.py`, or another program of a worker, with these variables and none of ours;
    killed when the test leaves."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        cwd=ROOT,
        env={**inherited, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    running = WorkerProcess(process)
    try:
        yield running
    finally:
        running.signal(signal.SIGKILL)
        await running.ended()
