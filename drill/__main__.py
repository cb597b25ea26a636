"""Run the drill; exit code 0 when every invoice was made exactly once."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

from drill.containers import ContainerWorld
from drill.engine import lacking
from drill.native import NativeWorld
from drill.place import World
from drill.programs import DrillFailed
from drill.steps import STEPS, Drill
from invoicing import process
from temporal_server import ServerUnavailable

LIMIT = {"processes": 600.0, "containers": 1800.0}
"""Seconds; images that have to be made first do not count."""


async def _world(folder: Path, wish: str | None) -> World:
    """As it is wished, or in containers where they can run; says which, and why."""
    without = await lacking() if wish != "processes" else "as was wished"
    if wish == "containers" or not without:
        return ContainerWorld(folder, own=bool(without))
    return NativeWorld(folder, without)


async def _drilled(folder: Path, wish: str | None, limit: float | None) -> None:
    """Every step, with a line for each; everything is stopped whatever happens."""
    world = await _world(folder, wish)
    limit = limit or LIMIT["processes" if isinstance(world, NativeWorld) else "containers"]
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        try:
            _say(await world.ready())
            drill = Drill.at(folder, world, http)
            begun = time.monotonic()
            async with asyncio.timeout(limit):
                for name, step in STEPS:
                    said = await step(drill)
                    _say(f"{time.monotonic() - begun:6.1f} s  {name:<11} {said}")
        except TimeoutError:
            raise DrillFailed(f"not done after {limit:.0f} s") from None
        finally:
            with suppress(DrillFailed):  # the step `down` says what cannot be stopped
                await world.down()


async def _run(folder: Path, wish: str | None, limit: float | None) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for each in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            loop.add_signal_handler(each, task.cancel)
    await _drilled(folder, wish, limit)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """0; 1 with a sentence on standard error. The logs are kept where something went wrong."""
    parser = argparse.ArgumentParser("python -m drill", description=__doc__)
    parser.add_argument(
        "--in",
        dest="wish",
        choices=sorted(LIMIT),
        help="where; left out, containers where an engine answers. As root `--in containers` starts"
        " Debian's engine where none answers, and makes the images",
    )
    parser.add_argument("--limit", type=float, help=f"seconds for the steps ({LIMIT})")
    wishes = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="durable-invoicing-drill-"))
    folder.chmod(0o755)  # PostgreSQL's own user passes through
    try:
        process.run(_run(folder, wishes.wish, wishes.limit))
    except (DrillFailed, ServerUnavailable) as error:
        sys.stderr.write(f"drill: {error}\nThe logs are in {folder}\n")
        return 1
    except asyncio.CancelledError:
        return 143
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
