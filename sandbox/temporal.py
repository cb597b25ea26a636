"""A local Temporal server: found, downloaded or built once, then started and stopped at will.

In this order: the address in TEMPORAL_ADDRESS → the binary in TEMPORAL_BINARY → `temporal` on PATH
→ what an earlier run left in the cache → the SDK's download → a build from its Go module. What is
given by name must work: it is an error if it does not, never a reason to look further.

`python -m sandbox.temporal` runs one in the foreground; `--resolve` only finds or makes the binary.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import importlib.metadata
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Protocol, TextIO

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from invoicing import process
from invoicing.attributes import SEARCH_ATTRIBUTES

CLI_VERSION = "1.5.1"
"""The newest release of Temporal's command line that `go install` accepts: later ones carry a
`replace` directive. It holds server 1.29.1."""

MINIMUM_SERVER = (1, 29)
"""The oldest server this project was run against; update-with-start needs it."""

DYNAMIC_CONFIG: Mapping[str, Any] = {
    # The development server fires timers about a second late by default; ten milliseconds make
    # short waits short and cost nothing at this scale.
    "history.timerProcessorMaxTimeShift": "10ms",
    # It also looks for due timers at most twenty times a second; some dozens of invoices at once
    # make it fall behind, and then a wait of 40 ms takes ten seconds.
    "history.timerProcessorMaxPollRPS": 100,
    "history.timerProcessorMaxPollHostRPS": 100,
}

_GO_MODULE = f"github.com/temporalio/cli/cmd/temporal@v{CLI_VERSION}"
_GO_MINIMUM = (1, 25)
_GO_PACKAGES = 1300

_WAYS = (
    "set TEMPORAL_ADDRESS to a running server, set TEMPORAL_BINARY to Temporal's command line, "
    "put `temporal` on PATH, let the SDK download it, or install Go "
    f"{_GO_MINIMUM[0]}.{_GO_MINIMUM[1]} or newer so that it can be built"
)


class ServerUnavailable(RuntimeError):
    """There is no Temporal server, and the sentence says what was tried and what to do."""


class _NotThisWay(Exception):
    """One way of finding or making the binary did not lead anywhere; there may be others."""


# Finding or making the binary


def resolve_binary(
    environ: Mapping[str, str] = os.environ,
    *,
    download_silence: float = 20,
    download_limit: float = 60,
) -> Path:
    """Where Temporal's command line is, made on the spot if need be.

    Building takes minutes, once per user and machine; what goes on is told on standard error. Two
    processes may call this at once: one works, the other waits for the result. The download is
    given up after `download_silence` seconds without progress or `download_limit` seconds in all.

    Raises ServerUnavailable if what TEMPORAL_BINARY names is no usable server, or no way works.
    """
    if given := environ.get("TEMPORAL_BINARY"):
        return _given(given)
    progress = _Progress()
    if on_path := shutil.which("temporal", path=environ.get("PATH")):
        try:
            return _checked(Path(on_path))
        except _NotThisWay as reason:
            progress.say(f"Passing over the `temporal` on PATH: {reason}.")
    cache = cache_folder(environ)
    cached = _cached(cache)
    return cached or _made(cache, environ, progress, download_silence, download_limit)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The per-user folder that keeps the server's binary, created if it is missing."""
    folder = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "durable-invoicing"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServerUnavailable(
            f"The cache folder {folder} cannot be made ({error.strerror}); "
            "set XDG_CACHE_HOME to a folder that can be written to."
        ) from error
    return folder


def _given(name: str) -> Path:
    path = shutil.which(Path(name).expanduser())
    try:
        if path is None:
            raise _NotThisWay("there is no executable file of that name")
        return _checked(Path(path).absolute())
    except _NotThisWay as reason:
        raise ServerUnavailable(
            f"TEMPORAL_BINARY is {name}, but {reason}; mend it, or unset it to have one found."
        ) from reason


def _checked(path: Path) -> Path:
    """The path, if what it names answers like Temporal's command line with a server inside."""
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=True,
            env=_without_temporal(os.environ),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _NotThisWay(f"`{path} --version` does not run") from error
    version = re.search(r"Server (\d+)\.(\d+)", answer.stdout)
    if version is None:
        raise _NotThisWay(f"`{path} --version` does not name a Temporal server")
    if (int(version[1]), int(version[2])) < MINIMUM_SERVER:
        wanted = ".".join(map(str, MINIMUM_SERVER))
        raise _NotThisWay(f"its server is {version[1]}.{version[2]}, older than {wanted}")
    return path


def _without_temporal(environ: Mapping[str, str]) -> dict[str, str]:
    """TEMPORAL_… configures clients; the server's command line would read it as flags."""
    return {name: value for name, value in environ.items() if not name.startswith("TEMPORAL_")}


def _built_path(cache: Path) -> Path:
    return cache / f"temporal-{CLI_VERSION}-{platform.system()}-{platform.machine()}"


def _downloaded_path(cache: Path) -> Path:
    sdk = importlib.metadata.version("temporalio")
    return cache / f"temporal-sdk-{sdk}-{platform.system()}-{platform.machine()}"


def _cached(cache: Path) -> Path | None:
    for path in (_built_path(cache), _downloaded_path(cache)):
        if path.exists():
            with suppress(_NotThisWay):
                return _checked(path)
    return None


def _made(
    cache: Path,
    environ: Mapping[str, str],
    progress: _Progress,
    download_silence: float,
    download_limit: float,
) -> Path:
    """Download or build the binary, or wait for the process that is already doing so."""
    failures = []
    ways: dict[str, Callable[[Path], Path]] = {
        "download": lambda scratch: _download(
            scratch, environ, progress, download_silence, download_limit
        ),
        "go install": lambda scratch: _build(scratch, environ, progress),
    }
    with _lock(cache / "temporal.lock", progress):
        if cached := _cached(cache):
            return cached
        for name, way in ways.items():
            goal = _downloaded_path(cache) if name == "download" else _built_path(cache)
            try:
                return _kept(way, goal)
            except _NotThisWay as reason:
                failures.append(f"{name}: {reason}")
                progress.say(f"No Temporal server by {name}: {reason}.")
    raise ServerUnavailable(f"No Temporal server ({'; '.join(failures)}). One of these: {_WAYS}.")


def _kept(way: Callable[[Path], Path], goal: Path) -> Path:
    """Make the binary in a scratch folder; only a working one is renamed into the cache."""
    with tempfile.TemporaryDirectory(dir=goal.parent, prefix="making-") as scratch:
        return _checked(way(Path(scratch))).replace(goal)


@contextmanager
def _lock(path: Path, progress: _Progress) -> Iterator[None]:
    """Hold the lock file. The system frees it when its holder dies, so it is never stale."""
    with path.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.tick("Another process is making the Temporal server: waiting for it")
                time.sleep(0.2)
        progress.close()
        yield


_DOWNLOAD = """
import asyncio, os, sys
from temporalio.testing import WorkflowEnvironment

async def main():
    async with await WorkflowEnvironment.start_local(
        download_dest_dir=sys.argv[1], dev_server_log_level="error"
    ):
        pass

try:
    asyncio.run(main())
except RuntimeError as error:
    sys.exit(str(error))
os._exit(0)
"""


def _download(
    scratch: Path,
    environ: Mapping[str, str],
    progress: _Progress,
    silence: float,
    limit: float,
) -> Path:
    """Have the SDK fetch its server, in a process of its own: the call cannot be cancelled, and
    hangs where a firewall drops packets."""

    def status(_: str) -> str:
        size = sum(_size(file) for file in scratch.iterdir())
        return f"Downloading the Temporal server: {size / 1e6:.0f} MB unpacked"

    job = _Job(
        [sys.executable, "-c", _DOWNLOAD, str(scratch)],
        scratch,
        _without_temporal(environ),
        status,
        silence,
        limit,
    )
    # The file decides, not the exit code: the child may fail to start what it did fetch.
    output = _finished(job, progress)
    for file in scratch.glob("temporal-sdk-python-*"):
        if file.suffix != ".downloading":
            return file
    raise _NotThisWay(_last_line(output) or "nothing arrived")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _build(scratch: Path, environ: Mapping[str, str], progress: _Progress) -> Path:
    """Build Temporal's command line from its Go module with the ordinary Go client."""
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        raise _NotThisWay("`go` is not on PATH")
    env = _go_environment(environ, scratch)
    _check_go(go, scratch, env)
    progress.say("Building the Temporal server with Go: some minutes and 700 MB, this once.")
    command = [go, "install", "-v", "-ldflags=-s -w", _GO_MODULE]
    job = _Job(command, scratch, env, _go_status, silence=600, limit=3600)
    output = _finished(job, progress)
    built = scratch / "temporal"
    if not built.exists():
        raise _NotThisWay(_last_line(output) or "go built nothing")
    return built


def _go_environment(environ: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Go's environment without what would bend the build: a workspace, vendoring, another target.

    Go runs in the scratch folder, so no go.mod of anybody's is read or written.
    """
    env = {name: value for name, value in environ.items() if name not in ("GOOS", "GOARCH")}
    flags = [flag for flag in env.get("GOFLAGS", "").split() if not flag.startswith("-mod=")]
    env.update(GOBIN=str(scratch), GOWORK="off", GOFLAGS=" ".join([*flags, "-mod=mod"]))
    return env


def _check_go(go: str, scratch: Path, env: Mapping[str, str]) -> None:
    """Say beforehand that Go is too old: since 1.21 it can fetch a newer self, unless forbidden."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION", "GOTOOLCHAIN"],
            cwd=scratch,
            env=dict(env),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        raise _NotThisWay(f"`{go} env` does not run") from error
    found = re.match(r"go(\d+)\.(\d+)", answer[0]) if answer else None
    if found is None or (int(found[1]), int(found[2])) >= _GO_MINIMUM:
        return
    toolchain = answer[1] if len(answer) > 1 else ""
    if "auto" not in toolchain and "path" not in toolchain:
        wanted = ".".join(map(str, _GO_MINIMUM))
        hint = f" and GOTOOLCHAIN={toolchain} keeps it from fetching one" if toolchain else ""
        raise _NotThisWay(f"Go here is {found[0][2:]}, {wanted} is needed{hint}")


def _go_status(output: str) -> str:
    lines = output.splitlines()
    modules = sum(line.startswith("go: downloading") for line in lines)
    packages = len(lines) - sum(line.startswith("go: ") for line in lines)
    return (
        f"Building the Temporal server: {modules} modules downloaded, "
        f"{packages} of at most {_GO_PACKAGES} packages compiled"
    )


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""


@dataclass(frozen=True)
class _Job:
    """A command with bounds. `status` turns its output so far into a line for the user; as long as
    that line changes, the command is making progress."""

    command: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    status: Callable[[str], str]
    silence: float
    limit: float


def _finished(job: _Job, progress: _Progress) -> str:
    """Run the command to its end and return its output, whatever its exit code."""
    with tempfile.TemporaryFile() as output:
        running = subprocess.Popen(
            job.command,
            cwd=job.folder,
            env=dict(job.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _watch(running, job, output, progress)
        finally:
            _end(running)
            progress.close()
        return _read(output)


def _watch(
    running: subprocess.Popen[bytes], job: _Job, output: IO[bytes], progress: _Progress
) -> None:
    begun = moved = time.monotonic()
    last = ""
    while not _exited(running, within=0.2):
        status, now = job.status(_read(output)), time.monotonic()
        if status != last:
            last, moved = status, now
        if now - moved > job.silence:
            raise _NotThisWay(f"no progress for {job.silence:g} s")
        if now - begun > job.limit:
            raise _NotThisWay(f"not done after {job.limit:g} s")
        progress.tick(status)


def _exited(running: subprocess.Popen[bytes], within: float) -> bool:
    try:
        running.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(running: subprocess.Popen[bytes]) -> None:
    """Interrupt first, so that a child can take its own children along."""
    if running.poll() is None:
        running.send_signal(signal.SIGINT)
        if not _exited(running, within=2):
            running.kill()
            running.wait()


def _read(output: IO[bytes]) -> str:
    # The child shares this file's position: reading must not move where it writes next.
    size = os.fstat(output.fileno()).st_size
    return os.pread(output.fileno(), size, 0).decode(errors="replace")


class _Progress:
    """Tells a waiting person what goes on: one line that changes on a terminal, else a plain line
    every twenty seconds."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._begun = self._told = time.monotonic()
        self._open = False

    def say(self, text: str) -> None:
        self.close()
        self._write(f"{text}\n")

    def tick(self, text: str) -> None:
        now = time.monotonic()
        terminal = self._stream.isatty()
        if now - self._told < (1 if terminal else 20):
            return
        self._told = now
        minutes, seconds = divmod(int(now - self._begun), 60)
        line = f"{text} ({minutes}:{seconds:02})"
        self._write(f"\r\x1b[K{line}" if terminal else f"{line}\n")
        self._open = terminal

    def close(self) -> None:
        if self._open:
            self._write("\n")
            self._open = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


# Running a server


class Server(Protocol):
    """A Temporal server that answers.

    `address` is host:port, `ui` the web interface's URL or None, `ours` says whether it is a
    process of this one, so that it can be stopped and started.
    """

    @property
    def address(self) -> str: ...
    @property
    def ui(self) -> str | None: ...
    @property
    def ours(self) -> bool: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True)
class GivenServer:
    """The server behind TEMPORAL_ADDRESS: somebody else's, so it is never stopped or started."""

    address: str
    ui: str | None = None
    ours: bool = False

    async def start(self) -> None:
        raise ServerUnavailable(f"The server at {self.address} is not ours to start.")

    async def stop(self) -> None:
        raise ServerUnavailable(f"The server at {self.address} is not ours to stop.")


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
    """A development server that this process runs: same ports and database over every restart.

    Without a database it keeps everything in memory, and a stop forgets it. `started_in` is how
    many seconds the last start took until the server could be used.
    """

    binary: Path
    port: int
    ui_port: int | None = None
    database: Path | None = None
    search_attributes: Mapping[str, str] = field(default_factory=lambda: SEARCH_ATTRIBUTES)
    dynamic_config: Mapping[str, Any] = field(default_factory=dict)
    start_timeout: float = 30
    started_in: float = 0
    _running: subprocess.Popen[bytes] | None = None
    _output: IO[bytes] | None = None

    @property
    def ours(self) -> bool:
        return True

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def ui(self) -> str | None:
        return None if self.ui_port is None else f"http://127.0.0.1:{self.ui_port}"

    @property
    def running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    async def start(self) -> None:
        """Start and wait until it can be used; nothing happens if it runs already.

        Raises ServerUnavailable with the server's own last words if it ends or takes too long.
        """
        if self.running:
            return
        _refuse_busy(self.port, self.ui_port)  # else the other server's answer passes for ours
        begun = time.monotonic()
        self._spawn()
        try:
            await asyncio.wait_for(self._ready(), self.start_timeout)
        except TimeoutError:
            words = await self._abandoned()
            raise ServerUnavailable(
                f"The Temporal server was not ready after {self.start_timeout:g} s. {words}"
            ) from None
        except BaseException:
            await self._abandoned()
            raise
        self.started_in = time.monotonic() - begun

    async def stop(self) -> None:
        """Kill the server; nothing happens if it does not run.

        What it has acknowledged is in the database by then: a graceful stop keeps no more and
        takes 1.4 s instead of 0.01 s.
        """
        if self._running is None:
            return
        running, self._running = self._running, None
        try:
            await _stopped(running)
        finally:
            if self._output is not None:
                self._output.close()
                self._output = None

    def refuse_ended(self) -> None:
        """Raise ServerUnavailable, with the server's last words, if it ended by itself."""
        if not self.running:
            raise ServerUnavailable(f"The Temporal server ended. {self.last_words()}")

    def last_words(self) -> str:
        """The end of what the server itself wrote, or that it wrote nothing."""
        written = "" if self._output is None else _read(self._output)
        lines = [line for line in written.splitlines() if line.strip()]
        return "It said:\n" + "\n".join(lines[-10:]) if lines else "It said nothing."

    async def _abandoned(self) -> str:
        words = self.last_words()
        await self.stop()
        return words

    def _spawn(self) -> None:
        if self._output is not None:
            self._output.close()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (outlives this)
        self._running = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "sh", *self._command()],
            env=_without_temporal(os.environ),
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
        for name, value in {**DYNAMIC_CONFIG, **self.dynamic_config}.items():
            command += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
        for name, kind in self.search_attributes.items():
            command += ["--search-attribute", f"{name}={kind}"]
        return command

    async def _ready(self) -> None:
        while not await _accepts(self.port):
            self.refuse_ended()
            await asyncio.sleep(0.02)
        while True:
            try:
                client = await Client.connect(self.address)
                await _describe(client)
                # A database from an earlier version may lack some, and flags do not add those.
                await _register(client, self.search_attributes)
                return self.refuse_ended()
            except ServerUnavailable:
                raise
            except (RPCError, RuntimeError):
                self.refuse_ended()
                await asyncio.sleep(0.02)


def _refuse_busy(*ports: int | None) -> None:
    for port in filter(None, ports):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise ServerUnavailable(
                    f"Port {port} is taken, perhaps by a Temporal server that already runs: "
                    "stop that one, or choose another port."
                ) from error


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _describe(client: Client) -> None:
    await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
    )


async def _stopped(running: subprocess.Popen[bytes]) -> None:
    """End the server by way of its keeper, which ends once the server has."""
    assert running.stdin is not None  # noqa: S101 (it was opened as a pipe)
    with suppress(BrokenPipeError), running.stdin as pipe:
        pipe.write(b"\n")  # closing alone would not do if a fork of ours holds the pipe too
    if not await _gone(running, within=5):
        os.killpg(running.pid, signal.SIGKILL)
    running.wait()


async def _gone(running: subprocess.Popen[bytes], within: float) -> bool:
    end = time.monotonic() + within
    while running.poll() is None:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


@asynccontextmanager
async def local_server(
    *,
    ui: bool = False,
    database: Path | None = None,
    port: int | None = None,
    ui_port: int | None = None,
    search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
    dynamic_config: Mapping[str, Any] | None = None,
    own: bool = False,
    start_timeout: float = 30,
) -> AsyncIterator[Server]:
    """A Temporal server that answers, with the search attributes registered.

    It is the one in TEMPORAL_ADDRESS if that is set, unless `own` asks for a process of ours (to
    stop it, or to give it a database or dynamic configuration). Ports are free ones unless given;
    `ui_port` implies `ui`. `dynamic_config` maps a key to a JSON value and adds to DYNAMIC_CONFIG.

    Raises ServerUnavailable with a sentence for people.
    """
    address = os.environ.get("TEMPORAL_ADDRESS")
    if address and not own:
        await _prepare_given(address, search_attributes)
        yield GivenServer(address)
        return
    binary = await asyncio.to_thread(resolve_binary)

    def made() -> LocalServer:
        return LocalServer(
            binary,
            port or _free_port(),
            ui_port or (_free_port() if ui else None),
            database,
            search_attributes,
            dynamic_config or {},
            start_timeout,
        )

    async with AsyncExitStack() as stack:
        server = await _started(made)
        stack.push_async_callback(server.stop)
        yield server


ATTEMPTS = 5


async def _started(made: Callable[[], LocalServer]) -> LocalServer:
    """A server that runs. Begun again where somebody took a port between its being found free and
    its being used: the server chooses further ones by itself."""
    for left in reversed(range(ATTEMPTS)):
        server = made()
        try:
            await server.start()
        except ServerUnavailable as error:
            if not left or "address already in use" not in str(error):
                raise
        else:
            return server
    raise AssertionError("the last attempt returns or raises")


async def _prepare_given(address: str, search_attributes: Mapping[str, str]) -> None:
    try:
        client = await asyncio.wait_for(
            Client.connect(**ClientConfig.load_client_connect_config()), 15
        )
        await _describe(client)
    except (RPCError, RuntimeError, TimeoutError) as error:
        raise ServerUnavailable(
            f"TEMPORAL_ADDRESS is {address}, but no Temporal server answers there; "
            "start it, or unset TEMPORAL_ADDRESS to have a local one."
        ) from error
    await register_search_attributes(client, search_attributes)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def register_search_attributes(
    client: Client, attributes: Mapping[str, str] = SEARCH_ATTRIBUTES
) -> None:
    """Register those that the client's namespace lacks; safe to repeat and to race.

    Raises ServerUnavailable if one exists with another type, or the server forbids registering
    (Temporal Cloud does: there they are made in its own console).
    """
    try:
        await _register(client, attributes)
    except RPCError as error:
        raise ServerUnavailable(
            f"The search attributes {', '.join(attributes)} could not be registered: the server "
            f"answered {error.status.name}. An administrator has to create them."
        ) from error


async def _register(client: Client, attributes: Mapping[str, str]) -> None:
    listing = ListSearchAttributesRequest(namespace=client.namespace)
    present = (await client.operator_service.list_search_attributes(listing)).custom_attributes
    wanted = {name: _value_type(kind) for name, kind in attributes.items()}
    for name, kind in wanted.items():
        if present.get(name, kind) != kind:
            raise ServerUnavailable(
                f"The search attribute {name} exists at the server, but not as "
                f"{attributes[name]}; it has to be renamed or removed there first."
            )
    missing = {name: kind for name, kind in wanted.items() if name not in present}
    if missing:
        await _add(client, missing)


async def _add(client: Client, missing: Mapping[str, IndexedValueType.ValueType]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


def _value_type(kind: str) -> IndexedValueType.ValueType:
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper()
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{word}")


# In the foreground, for `make server`


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server until interrupted, or with --resolve only find or make its binary."""
    options = _parser().parse_args(arguments)
    try:
        if options.resolve:
            return _resolve_only()
        _refuse_busy(options.port, options.ui_port)
        resolve_binary()  # before the loop: a long build is then plainly interruptible
        process.run(_foreground(options.port, options.ui_port, options.database))
    except ServerUnavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m sandbox.temporal", description=main.__doc__)
    parser.add_argument("--resolve", action="store_true", help="only find or make the binary")
    parser.add_argument("--port", type=int, default=7233, help="for clients (%(default)s)")
    parser.add_argument("--ui-port", type=int, default=8233, help="for the browser (%(default)s)")
    parser.add_argument("--database", type=Path, help="SQLite file (kept in the cache folder)")
    return parser


def _resolve_only() -> int:
    if address := os.environ.get("TEMPORAL_ADDRESS"):
        sys.stderr.write(f"TEMPORAL_ADDRESS is set, to {address}: no server is looked for here.\n")
    else:
        sys.stdout.write(f"{resolve_binary()}\n")
    return 0


async def _foreground(port: int, ui_port: int, database: Path | None) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    database = database or cache_folder() / "temporal.db"
    async with local_server(port=port, ui_port=ui_port, database=database, own=True) as server:
        sys.stdout.write(
            f"Temporal server  {server.address}\nWeb UI           {server.ui}\n"
            f"Database         {database}\nCtrl-C stops it.\n"
        )
        sys.stdout.flush()
        await _until(stop, server)


async def _until(stop: asyncio.Event, server: Server) -> None:
    """Until asked to stop; a server that ends by itself is an error."""
    while not stop.is_set():
        if isinstance(server, LocalServer):
            server.refuse_ended()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)


if __name__ == "__main__":
    sys.exit(main())
