"""A development server that lives as long as this process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from temporalio.client import Client
from temporalio.service import RPCError

from invoicing.errors import EngineError
from invoicing.state.attributes import SEARCH_ATTRIBUTES
from temporal_server.installing import ServerUnavailable, without_temporal
from temporal_server.namespace import describe, register_missing
from temporal_server.ports import refuse_busy

DYNAMIC_CONFIG: Mapping[str, Any] = {
    # The development server fires timers about a second late by default, and looks for due ones at
    # most twenty times a second: some dozens of invoices at once make it fall behind.
    "history.timerProcessorMaxTimeShift": "10ms",
    "history.timerProcessorMaxPollRPS": 100,
    "history.timerProcessorMaxPollHostRPS": 100,
    # Four partitions of each queue are for several hosts: on one, tasks are handed to and fro.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
}

COMPLETE = {"system.forceSearchAttributesCacheRefreshOnRead": False}
"""The development server reads the registered search attributes from its database on every use, so
that one is seen at once that is registered later. That is a quarter of an invoice's CPU there."""

# The server's life hangs on a pipe that only this process holds: when that closes or says a line,
# the server is killed. So it cannot outlive us, not even if we are killed ourselves.
_KEEPER = """
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r _ <&3; kill -KILL "$server"; } 2>/dev/null &
keeper=$!
exec 3<&-
wait "$server"
code=$?
kill "$keeper" 2>/dev/null
exit "$code"
"""


@dataclass
class LocalServer:
    """A server that this process runs: same ports and database over every restart.

    Without a database it keeps everything in memory, and a stop forgets it.
    """

    binary: Path
    port: int
    ui_port: int | None = None
    database: Path | None = None
    search_attributes: Mapping[str, str] = field(default_factory=lambda: SEARCH_ATTRIBUTES)
    dynamic_config: Mapping[str, Any] = field(default_factory=dict)
    start_timeout: float = 30
    ours: bool = True
    _running: subprocess.Popen[bytes] | None = None
    _output: IO[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def ui(self) -> str | None:
        return None if self.ui_port is None else f"http://127.0.0.1:{self.ui_port}"

    @property
    def running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    @property
    def group(self) -> int | None:
        """The process group that it runs in; None while it does not."""
        return self._running.pid if self._running and self.running else None

    async def start(self) -> None:
        """Start and wait until it can be used; nothing happens if it runs already.

        Raises ServerUnavailable with the server's own last words if it ends or takes too long.
        """
        if self.running:
            return
        refuse_busy(self.port, self.ui_port)  # else the other server's answer passes for ours
        self._spawn()
        try:
            async with asyncio.timeout(self.start_timeout):
                await self._ready()
        except BaseException as error:
            words = self._last_words()
            await self.stop()
            if isinstance(error, TimeoutError):
                late = f"The Temporal server was not ready after {self.start_timeout:g} s."
                raise ServerUnavailable(f"{late} {words}") from None
            raise

    async def stop(self) -> None:
        """Kill the server; nothing happens if it does not run.

        What it has acknowledged is in the database by then: a graceful stop keeps no more.
        """
        running, self._running = self._running, None
        if running is not None and running.stdin is not None:
            with suppress(BrokenPipeError), running.stdin as pipe:
                pipe.write(b"\n")  # closing alone would not do if a fork of ours holds the pipe too
            try:
                await asyncio.to_thread(running.wait, 5)
            finally:
                if running.poll() is None:
                    os.killpg(running.pid, signal.SIGKILL)
                    running.wait()
        if self._output is not None:
            self._output.close()
            self._output = None

    def refuse_ended(self) -> None:
        """Raise ServerUnavailable, with the server's last words, if it ended by itself."""
        if not self.running:
            raise ServerUnavailable(f"The Temporal server ended. {self._last_words()}")

    def _last_words(self) -> str:
        written = b""
        if self._output is not None:
            # It shares this file's position: reading must not move where it writes next.
            size = os.fstat(self._output.fileno()).st_size
            written = os.pread(self._output.fileno(), size, 0)
        lines = [line for line in written.decode(errors="replace").splitlines() if line.strip()]
        return "It said:\n" + "\n".join(lines[-10:]) if lines else "It said nothing."

    def _spawn(self) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (outlives this)
        self._running = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "sh", *self._command()],
            env=without_temporal(os.environ),
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # Ctrl-C is for us: the server has to outlive the work we wind up.
            start_new_session=True,
        )

    def _command(self) -> list[str]:
        command = [str(self.binary), "server", "start-dev", "--ip", "127.0.0.1"]
        command += ["--port", str(self.port), "--namespace", "default", "--log-level", "error"]
        command += ["--headless"] if self.ui_port is None else ["--ui-port", str(self.ui_port)]
        if self.database is not None:
            command += ["--db-filename", str(self.database)]
        for name, value in {**DYNAMIC_CONFIG, **self._complete(), **self.dynamic_config}.items():
            command += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
        for name, kind in self.search_attributes.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return command

    def _complete(self) -> Mapping[str, Any]:
        """What holds where all of our search attributes are there from the start."""
        begins_with_all = self.database is None and self.search_attributes == SEARCH_ATTRIBUTES
        return COMPLETE if begins_with_all else {}

    async def _ready(self) -> None:
        while True:
            self.refuse_ended()
            try:
                # The client's own first attempts would each wait for longer.
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                client = await Client.connect(self.address)
                await describe(client)
                # A database from an earlier version may lack some, and flags do not add those.
                return await register_missing(client, self.search_attributes)
            except ServerUnavailable:
                raise
            except (EngineError, RPCError, RuntimeError, OSError):
                await asyncio.sleep(0.02)
