"""Run a local Temporal server until interrupted, or with --resolve only find or make its binary."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from invoicing import process
from temporal_server.installing import ServerUnavailable, cache_folder, resolve_binary
from temporal_server.local import LocalServer
from temporal_server.ports import refuse_busy
from temporal_server.run import local_server


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 1 where there is no server, with a sentence on standard error."""
    parser = argparse.ArgumentParser("python -m temporal_server", description=__doc__)
    parser.add_argument("--resolve", action="store_true", help="only find or make the binary")
    parser.add_argument("--port", type=int, default=7233, help="for clients (%(default)s)")
    parser.add_argument("--ui-port", type=int, default=8233, help="for the browser (%(default)s)")
    parser.add_argument("--database", type=Path, help="SQLite file (kept in the cache folder)")
    wishes = parser.parse_args(arguments)
    try:
        if not wishes.resolve:
            refuse_busy(wishes.port, wishes.ui_port)
            resolve_binary()  # before the loop: a long build is then plainly interruptible
            process.run(_foreground(wishes.port, wishes.ui_port, wishes.database))
        elif address := os.environ.get("TEMPORAL_ADDRESS"):
            sys.stderr.write(f"TEMPORAL_ADDRESS is set, to {address}: none is looked for here.\n")
        else:
            sys.stdout.write(f"{resolve_binary()}\n")
    except ServerUnavailable as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
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
        while not stop.is_set():
            if isinstance(server, LocalServer):
                server.refuse_ended()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)


if __name__ == "__main__":
    sys.exit(main())
