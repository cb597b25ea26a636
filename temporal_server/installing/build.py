"""Temporal's command line, downloaded by the SDK or built from its Go module, once per user."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from temporal_server.installing import find
from temporal_server.installing.find import (
    CLI_VERSION,
    NotThisWay,
    ServerUnavailable,
    without_temporal,
)

_GO_MODULE = f"github.com/temporalio/cli/cmd/temporal@v{CLI_VERSION}"
_WAYS = (
    "set TEMPORAL_ADDRESS to a running server, set TEMPORAL_BINARY to Temporal's command line, "
    "put `temporal` on PATH, let the SDK download it, or install Go 1.25 or newer so that it can "
    "be built"
)
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


def resolve_binary(environ: Mapping[str, str] = os.environ, *, download_limit: float = 60) -> Path:
    """Where Temporal's command line is, made on the spot if need be.

    Building takes minutes, once; that it has begun is told on standard error. Of two processes that
    call this at once, one works and the other waits. `download_limit` is in seconds: where a
    firewall drops packets, a download hangs.

    Raises ServerUnavailable if what TEMPORAL_BINARY names is no usable server, or no way works.
    """
    return find.found(environ) or _made(environ, download_limit)


def _made(environ: Mapping[str, str], download_limit: float) -> Path:
    cache, failures = find.cache_folder(environ), []
    ways: dict[str, tuple[Path, Callable[[Path, Mapping[str, str]], Path]]] = {
        "download": (find.downloaded_path(cache), partial(_downloaded, limit=download_limit)),
        "go install": (find.built_path(cache), _built),
    }
    # The system frees the lock when its holder dies, so it is never stale.
    with (cache / "temporal.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if there := find.cached(cache):
            return there
        for name, (goal, way) in ways.items():
            # Only what works is renamed into the cache.
            with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as scratch:
                try:
                    return find.checked(way(Path(scratch), environ)).replace(goal)
                except NotThisWay as reason:
                    failures.append(f"{name}: {reason}")
                    sys.stderr.write(f"No Temporal server by {name}: {reason}.\n")
    raise ServerUnavailable(f"No Temporal server ({'; '.join(failures)}). One of these: {_WAYS}.")


def _downloaded(scratch: Path, environ: Mapping[str, str], limit: float) -> Path:
    """In a process of its own: the SDK's call cannot be cancelled."""
    command = [sys.executable, "-c", _DOWNLOAD, str(scratch)]
    last = _last_line(command, scratch, without_temporal(environ), limit)
    # The file decides, not the exit code: the child may fail to start what it did fetch.
    for file in scratch.glob("temporal-sdk-python-*"):
        if file.suffix != ".downloading":
            return file
    raise NotThisWay(last or "nothing arrived")


def _built(scratch: Path, environ: Mapping[str, str]) -> Path:
    """By the ordinary Go client, in the scratch folder: no go.mod of anybody's is read."""
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        raise NotThisWay("`go` is not on PATH")
    sys.stderr.write("Building the Temporal server with Go: minutes and 700 MB, this once.\n")
    # Without what would bend the build: a workspace, vendoring, another target.
    env = {name: value for name, value in environ.items() if name not in ("GOOS", "GOARCH")}
    flags = [flag for flag in env.get("GOFLAGS", "").split() if not flag.startswith("-mod=")]
    env |= {"GOBIN": str(scratch), "GOWORK": "off", "GOFLAGS": " ".join([*flags, "-mod=mod"])}
    last = _last_line([go, "install", "-v", "-ldflags=-s -w", _GO_MODULE], scratch, env, 3600)
    if not (scratch / "temporal").exists():
        raise NotThisWay(last or "go built nothing")
    return scratch / "temporal"


def _last_line(
    command: Sequence[str], scratch: Path, environ: Mapping[str, str], limit: float
) -> str:
    """The last thing that the command says; NotThisWay after so many seconds."""
    # In a session of its own, so that what it has started ends with it.
    with subprocess.Popen(
        command,
        cwd=scratch,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as running:
        try:
            output, _ = running.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            raise NotThisWay(f"not done after {limit:g} s") from None
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
