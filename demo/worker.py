"""The worker, as it runs in production: a process of its own, which can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent


class DemoFailed(Exception):
    """The demonstration could not be carried out; the sentence says why."""


# No credential of a real account, and no proxy, reaches the demonstration's worker.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")


class Worker:
    """`worker.py`, or another `program` of ours, as it runs in production: a process of its own.
    Its log goes to a file."""

    def __init__(self, settings: Mapping[str, str], *program: str) -> None:
        self._settings = settings
        self._program = program or (str(ROOT / "worker.py"),)
        handle, name = tempfile.mkstemp(prefix="durable-invoicing-demo-worker-", suffix=".log")
        os.close(handle)
        self.log = Path(name)
        self._process: asyncio.subprocess.Process | None = None
        self._ending = False
        self.failed = False
        """Whether somebody will want to read the log."""

    async def start(self, **settings: str) -> None:
        """Start it; it serves a second or two later."""
        inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # Until the new one is there, the end of the old one is not news.
        self._process, self._ending = None, False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._program,
                cwd=ROOT,
                env={**inherited, **self._settings, **settings},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for us: we stop it when the time has come.
                start_new_session=True,
            )

    async def kill(self) -> None:
        """SIGKILL: no farewell, no tidying up."""
        await self._end(signal.SIGKILL, 5)

    async def stop(self) -> None:
        """Tell it to stop, and insist after a while."""
        await self._end(signal.SIGTERM, 8)

    async def _end(self, how: signal.Signals, within: float) -> None:
        running, self._ending = self._process, True
        if running is None or running.returncode is not None:
            return
        with suppress(ProcessLookupError):
            running.send_signal(how)
        try:
            await asyncio.wait_for(running.wait(), within)
        except BaseException:
            with suppress(ProcessLookupError):
                running.kill()
            await running.wait()
            raise

    async def outlives(self, work: Coroutine[None, None, T]) -> T:
        """The result of the work; DemoFailed as soon as the worker ends by itself."""
        task = asyncio.create_task(work)
        death = asyncio.create_task(self._dies())
        try:
            await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise DemoFailed(f"{self._name} ended by itself with code {death.result()}")
            return task.result()
        finally:
            for each in (task, death):
                each.cancel()
            await asyncio.gather(task, death, return_exceptions=True)

    @property
    def _name(self) -> str:
        return f"the {Path(self._program[-1]).stem}"

    async def _dies(self) -> int:
        while True:
            running = self._process
            if running is not None and running.returncode is not None and not self._ending:
                return running.returncode
            await asyncio.sleep(0.1)


@asynccontextmanager
async def working(settings: Mapping[str, str]) -> AsyncIterator[Worker]:
    """A worker meanwhile; its log is kept only when something fails."""
    worker = Worker(settings)
    try:
        yield worker
    finally:
        await worker.stop()
        if not worker.failed:
            worker.log.unlink()
