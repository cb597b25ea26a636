"""See the package."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from demo.worker import DemoFailed
from invoicing import process
from invoicing.errors import InvoicingError
from temporal_server import ServerUnavailable

from .callers import CALLERS, Caller, CallerFailed
from .cases import Comparison
from .stage import Ports, Stage, stage

_WORDS = """
Up until Ctrl-C, on this machine alone: Temporal at {address} (Web UI {ui}),
a stand-in for Zero Friction at {provider}, a worker, a gateway at {gateway}.
The console, for people who decide: {gateway}/console
Sign in there with the token {person}

In another terminal, in this folder:

  export TEMPORAL_ADDRESS={address} GATEWAY={gateway} TOKEN={token}

  PYTHONPATH=. {python} examples/python/invoice.py sandbox/examples/invoice.json
  (cd examples/typescript && npm ci && npm start -- ../../sandbox/examples/invoice.json)
  (cd examples/go && go run . ../../sandbox/examples/invoice.json)
  sh examples/curl/invoice.sh sandbox/examples/invoice.json

Whichever comes first starts the invoice; the others get the same one.
"""


_FINE = "one invoice however often it was asked for; one that cannot be; one that needs a person"


async def _compared(callers: list[Caller]) -> int:
    """Have each of them ask; the exit code."""
    _on_signal(_current().cancel)
    wrong: list[str] = []
    async with stage(Ports()) as up:
        with tempfile.TemporaryDirectory() as folder:
            comparison = Comparison(up, Path(folder))
            for caller in callers:
                wrong += await _tried(comparison, caller)
    return 1 if wrong else 0


async def _tried(comparison: Comparison, caller: Caller) -> list[str]:
    if caller.missing:
        print(f"{caller.language}: skipped, for there is no {' and no '.join(caller.missing)} here")
        return []
    wrong = await comparison.stage.worker.outlives(comparison.wrong(caller))
    print(*(wrong or [f"{caller.language}: {_FINE}"]), sep="\n", flush=True)
    return wrong


def _on_signal(what: Callable[[], object]) -> None:
    """Whoever ends us by these has everything wound up first."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(each, what)


def _current() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 (it is called in one)
    return task


async def _kept(ports: Ports) -> int:
    """Leave it up until Ctrl-C."""
    told = asyncio.Event()
    _on_signal(told.set)
    async with stage(ports, ui=True) as up:
        print(_words(up), flush=True)
        await up.worker.outlives(_until(told))
    print("Stopped; nothing is left running.")
    return 0


async def _until(told: asyncio.Event) -> None:
    await told.wait()


def _words(up: Stage) -> str:
    return _WORDS.format(
        address=up.server.address,
        provider=up.stand_in.url,
        gateway=up.gateway,
        token=up.token,
        person=up.person,
        ui=up.server.ui,
        python=sys.executable,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.run", description=__doc__)
    parser.add_argument("languages", nargs="*", help="which callers; all of them if unsaid")
    parser.add_argument("--keep", action="store_true", help="leave it up, and run no caller")
    parser.add_argument("--port", type=int, default=7233, help="Temporal's, with --keep")
    parser.add_argument("--ui-port", type=int, default=8233, help="the Web UI's, with --keep")
    parser.add_argument("--gateway-port", type=int, default=8080, help="with --keep")
    return parser.parse_args()


def main() -> int:
    """Run it; the exit code."""
    asked = _arguments()
    if asked.keep:
        return process.run(_kept(Ports(asked.port, asked.ui_port, asked.gateway_port)))
    wanted = {name.lower() for name in asked.languages}
    known = {caller.language.lower(): caller for caller in CALLERS}
    if unknown := wanted - known.keys():
        raise CallerFailed(f"no caller {', '.join(sorted(unknown))}: {', '.join(known)}")
    return process.run(_compared([known[name] for name in known if not wanted or name in wanted]))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CallerFailed, DemoFailed, InvoicingError, ServerUnavailable) as error:
        sys.exit(f"examples: {error}")
    except asyncio.CancelledError:
        sys.exit("examples: stopped")
