"""A stand-in as a program of its own, until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sandbox.kit.server import AnyStandIn, StandIn, serve


def arguments(module: str) -> argparse.ArgumentParser:
    """The arguments that every stand-in takes; one may add its own."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--port", type=int, default=0, help="0 (the default): any free one")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="where to listen (%(default)s); it knows no secret worth one, and lets everybody in",
    )
    parser.add_argument("--url", help="what others reach it by, where that is not 127.0.0.1")
    parser.add_argument("--kept", type=Path, help="a file for its books: a restart forgets nothing")
    return parser


def run(
    stand_in: AnyStandIn,
    wishes: argparse.Namespace,
    first: Callable[[AnyStandIn], None] | None = None,
) -> None:
    """Serve until told to end; writes the URL as one line once it listens.

    `first` is done once the books are read, before it listens.
    """
    try:
        if wishes.kept is not None:
            stand_in.keep(wishes.kept)
        if first is not None:
            first(stand_in)
        asyncio.run(_serve(stand_in, wishes))
    except (OSError, ValueError) as problem:
        sys.exit(f"{problem}")


async def _serve(stand_in: StandIn, wishes: argparse.Namespace) -> None:
    told = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, told.set)
    async with serve(stand_in, wishes.port, wishes.host, wishes.url):
        sys.stdout.write(f"{stand_in.url}\n")
        sys.stdout.flush()
        await told.wait()
