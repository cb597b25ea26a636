"""A program as a process of its own: its log in a file, its end ours."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from invoicing.errors import InvoicingError

ROOT = Path(__file__).resolve().parent.parent
# Nothing else of the caller's environment: no real account, no other server, no proxy.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPYCACHEPREFIX")


class DrillFailed(InvoicingError):
    """Something did not come out as it must; the sentence says what."""


class Program:
    """One command, run again and again; everything it writes is in one file."""

    def __init__(
        self, name: str, folder: Path, command: Sequence[str], *, ready: str, **variables: str
    ) -> None:
        """`ready` is what it writes once it serves; empty: nobody waits for that."""
        self.name = name
        self._ready = ready
        self.log = folder / f"{name}.log"
        self._command = tuple(command)
        self._variables = variables
        self._process: asyncio.subprocess.Process | None = None
        self._begun = 0

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, and wait until it is ready. Raises DrillFailed when that does not come."""
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        with self.log.open("ab") as log:
            self._begun = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=ROOT,
                env={**kept, **self._variables},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: we end it when the time has come
            )
        await self.says(self._ready)

    async def says(self, text: str, within: float = 60) -> None:
        """Wait until it has written this since it was started last."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while text not in self.said():
                    if not self.running:
                        break
                    await asyncio.sleep(0.05)
        if text not in self.said():
            last = "\n".join(self.said().splitlines()[-10:])
            raise DrillFailed(f"{self.name} did not say {text!r}. Its last words:\n{last}")

    def said(self) -> str:
        """What it has written since it was started last."""
        with self.log.open("rb") as log:
            log.seek(self._begun)
            return log.read().decode(errors="replace")

    async def kill(self) -> None:
        """SIGKILL: no farewell."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after half a minute; nothing if it does not run."""
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        if self._process is None or not self.running:
            return
        self._process.send_signal(how)
        try:
            await asyncio.wait_for(self._process.wait(), 30)
        finally:
            if self.running:
                self._process.kill()
                await self._process.wait()


def python(*arguments: str) -> tuple[str, ...]:
    """The command that runs this with the interpreter at hand."""
    return (sys.executable, "-u", *arguments)


async def ran(
    *command: str,
    within: float = 120,
    cwd: Path = ROOT,
    user: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> str:
    """What a command says that ends by itself, `within` so many seconds.

    Raises DrillFailed where it fails, or takes longer.
    """
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        user=user,
        env={**kept, **(variables or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        raise DrillFailed(f"`{' '.join(command[:4])} …` took more than {within:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    words = said.decode(errors="replace").strip()
    if process.returncode:
        raise DrillFailed(f"`{' '.join(command[:4])} …` ended with {process.returncode}: {words}")
    return words


def free_ports(number: int) -> list[int]:
    """So many ports of this machine where nobody listens just now."""
    probes = [socket.socket() for _ in range(number)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
