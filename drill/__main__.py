"""Run the drill; exit code 0 when every invoice was made exactly once."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import httpx

from drill.programs import DrillFailed
from drill.steps import STEPS, Drill
from invoicing import process
from temporal_server import ServerUnavailable

NO_CONTAINERS = (
    "Without containers: the same programs and commands ran as processes of this machine."
)


async def _drilled(folder: Path, limit: float) -> None:
    """Every step, with a line for each; everything is stopped whatever happens."""
    begun = time.monotonic()
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        drill = Drill.at(folder, http)
        try:
            async with asyncio.timeout(limit):
                for name, step in STEPS:
                    said = await step(drill)
                    _say(f"{time.monotonic() - begun:6.1f} s  {name:<11} {said}")
        except TimeoutError:
            raise DrillFailed(f"not done after {limit:.0f} s") from None
        finally:
            await drill.down()


async def _run(folder: Path, limit: float) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for each in (signal.SIGTERM, signal.SIGHUP):
        if task is not None:
            loop.add_signal_handler(each, task.cancel)
    await _drilled(folder, limit)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """0; 1 with a sentence on standard error. The logs are kept where something went wrong."""
    parser = argparse.ArgumentParser("python -m drill", description=__doc__)
    parser.add_argument("--limit", type=float, default=600, help="seconds (%(default)s)")
    wishes = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="durable-invoicing-drill-"))
    folder.chmod(0o755)  # PostgreSQL's own user passes through
    try:
        process.run(_run(folder, wishes.limit))
    except (DrillFailed, ServerUnavailable) as error:
        sys.stderr.write(f"drill: {error}\nThe logs are in {folder}\n")
        return 1
    except asyncio.CancelledError:
        return 143
    shutil.rmtree(folder)
    _say(NO_CONTAINERS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
