"""The processes that serve, by the command line's name: `worker` and `gateway`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from commands.base import PROGRAM, SERVER, app


@app.command(
    "worker",
    rich_help_panel=SERVER,
    short_help="Carry invoices out, until SIGTERM or Ctrl-C.",
    epilog=f"Example: {PROGRAM} worker",
)
def worker() -> None:
    """Run a worker with the credentials in its environment, until SIGTERM or Ctrl-C.

    docs/configuration.md lists its variables.
    """
    _become("worker")


@app.command(
    "gateway",
    rich_help_panel=SERVER,
    short_help="Serve REST and webhooks, until SIGTERM or Ctrl-C.",
    epilog=f"Example: {PROGRAM} gateway",
)
def gateway() -> None:
    """Serve REST and the providers' webhooks, until SIGTERM or Ctrl-C.

    docs/configuration.md lists its variables.
    """
    _become("gateway")


def _become(module: str) -> NoReturn:
    """Be that program from here on: signals and the exit code are its own, and none of what this
    one has loaded stays. Where a process cannot become another, it ends when the other has begun.
    """
    root = str(Path(__file__).resolve().parent.parent)
    found = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": found}
    command = [sys.executable, "-m", module]
    os.execve(sys.executable, command, environment)  # noqa: S606 (ours, and no shell)
