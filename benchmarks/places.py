"""What one caller feels of all others: `python -m benchmarks.places [--seconds 60]`.

A gateway with the default settings, and behind it answers from memory, so that nothing is measured
but the gateway. One caller asks steadily; how long its answers take is measured undisturbed, and
then during each attack, and during all of them at once:

    a token at its limit        another caller asks as fast as it is let
    the same, laborious         it sends what takes most to be read, as fast as it is let
    slow bodies                 200 webhooks of strangers whose body never ends, each opened again
    half heads                  1,300 connections whose request never ends, each opened again
    dropped polls               213 polls of a result in twelve seconds, each hung up

Meanwhile a webhook comes every tenth of a second; none may be refused. The attackers are a process
of their own, the gateway and the caller that is measured another, on loopback; memory is of the
latter.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from statistics import quantiles
from typing import Any, NamedTuple, cast

import httpx
from rich.table import Table

from gateway import tokens
from gateway.app import application
from gateway.serve import serving
from invoicing.client import InvoicingClient
from invoicing.process import keep
from invoicing.provider import Delivery, Event
from settings.callers import CallerSettings, Scope, Token
from settings.gateway import GatewaySettings
from terminal import screen

COMMAND = "python -m benchmarks.places"
MOST_RATIO = 2.0
GAP = 0.05
"""Seconds between two requests of the caller that is measured: within its rate."""
SLOW, HALF, POLLS = 200, 1_300, 213

CALLERS = ("measured", "hasty", "polling")


class Stage:
    """The gateway, and whoever is at its door."""

    def __init__(self, url: str, http: httpx.AsyncClient, given: Mapping[str, str]) -> None:
        self.url, self.http, self.given = url, http, given
        self.port = int(url.rpartition(":")[2])
        self.refused = self.told = 0

    def bearer(self, who: str) -> dict[str, str]:
        """The header of this caller."""
        return {"Authorization": f"Bearer {self.given[who]}"}

    async def say(self, text: str) -> asyncio.StreamWriter:
        """A connection on which this has been said."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text.encode())
        return writer


class _Silent:
    """Stands for Temporal: what is waited for never comes, and what is told is kept by nobody."""

    def __getattr__(self, _: str) -> Any:
        async def never(*_: Any, **__: Any) -> Any:
            await asyncio.Future()

        return never


class _Hooks:
    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """Believes everybody: what proves a sender is not measured here."""
        return ()


@contextlib.asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """A gateway with the default settings but for its port."""
    settings = GatewaySettings(port=0, grace=0)
    given = {name: tokens.new() for name in CALLERS}
    callers = {
        name: CallerSettings(
            tokens=(Token.read(tokens.written(token)),), may=(Scope.READ, Scope.START)
        )
        for name, token in given.items()
    }
    silent = cast("InvoicingClient", _Silenced())
    app = application(silent, {"p": {"a": _Hooks()}}, settings, callers)
    async with serving(app, settings) as url, httpx.AsyncClient(trust_env=False) as http:
        keep()  # as `gateway.__main__` does
        yield Stage(url, http, given)


class _Silenced(_Silent):
    def __init__(self) -> None:
        self.temporal = type("Temporal", (), {"data_converter": _Plain()})()
        self.invoices = self.orders = self.events = self.credits = _Silent()


class _Plain:
    payload_codec = None


# --- the attacks ----------------------------------------------------------------------------------


async def _hasty(stage: Stage) -> None:
    """As fast as it is let, and on when it is not."""
    while True:
        answers = [
            stage.http.get(f"{stage.url}/v1/questions", headers=stage.bearer("hasty"))
            for _ in range(20)
        ]
        await asyncio.gather(*answers, return_exceptions=True)


async def _laborious(stage: Stage) -> None:
    """What takes most to be read, and is refused for its very last line: so no place is held."""
    line = {"name": "x", "quantity": "1", "unit_price": "1", "vat": {"rate": "21"}}
    lines = [{"id": f"{number % 999}", **line} for number in range(1000)]
    buyer = {"name": "B"}
    document = {"currency": "EUR", "issue_date": "2026-06-30", "buyer": buyer, "lines": lines}
    request = {"reference": "R", "provider": "p", "document": document}
    while True:
        answers = [
            stage.http.post(f"{stage.url}/v1/invoices", json=request, headers=stage.bearer("hasty"))
            for _ in range(20)
        ]
        await asyncio.gather(*answers, return_exceptions=True)


async def _slow(stage: Stage) -> None:
    head = "POST /webhooks/p/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    await _kept_open(stage, head, SLOW)


async def _half(stage: Stage) -> None:
    await _kept_open(stage, "GET /health HTTP/1.1\r\nHost: loc", HALF)


async def _kept_open(stage: Stage, text: str, count: int) -> None:
    """So many connections; one that is closed is opened again."""

    async def one() -> None:
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
                try:
                    writer.write(text.encode())
                    await reader.read()
                finally:
                    writer.transport.abort()
            await asyncio.sleep(1)

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())


async def _polls(stage: Stage) -> None:
    bearer = stage.bearer("polling")["Authorization"]
    text = (
        "GET /v1/invoices/R/result?wait=30 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {bearer}\r\n\r\n"
    )
    while True:
        for _ in range(POLLS):
            with contextlib.suppress(OSError):
                writer = await stage.say(text)
                await asyncio.sleep(12 / POLLS)
                writer.transport.abort()


async def _all(stage: Stage) -> None:
    async with asyncio.TaskGroup() as group:
        for attack in (_hasty, _laborious, _slow, _half, _polls):
            group.create_task(attack(stage))


async def _nobody(_: Stage) -> None:
    await asyncio.Future()


ATTACKS: dict[str, Callable[[Stage], Any]] = {
    "undisturbed": _nobody,
    "a token at its limit": _hasty,
    "the same, laborious": _laborious,
    "slow bodies": _slow,
    "half heads": _half,
    "dropped polls": _polls,
    "all at once": _all,
}


# --- what is measured -----------------------------------------------------------------------------


async def _webhooks(stage: Stage) -> None:
    while True:
        answer = await stage.http.post(f"{stage.url}/webhooks/p/a", content=b"{}")
        stage.told += 1
        stage.refused += answer.status_code != 200
        await asyncio.sleep(0.1)


async def measured(stage: Stage, attack: str, seconds: float) -> list[Took]:
    """How long each answer took, the attack's first second left out."""
    attackers = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.places",
        "--attack",
        attack,
        "--url",
        stage.url,
        env={**os.environ, **{_variable(name): one for name, one in stage.given.items()}},
        stdout=asyncio.subprocess.PIPE,
    )
    webhooks = asyncio.create_task(_webhooks(stage))
    try:
        if attackers.stdout is not None:
            await attackers.stdout.readline()
        await asyncio.sleep(1)
        found, ends = [], time.monotonic() + seconds
        async with httpx.AsyncClient(trust_env=False) as own:
            while time.monotonic() < ends:
                before, used = time.perf_counter(), time.process_time()
                answer = await own.get(
                    f"{stage.url}/v1/questions", headers=stage.bearer("measured")
                )
                if answer.status_code != 200:
                    raise RuntimeError(f"the caller that is measured got {answer.status_code}")
                took = Took(time.perf_counter() - before, time.process_time() - used)
                found.append(took)
                await asyncio.sleep(GAP)
        return found
    finally:
        webhooks.cancel()
        attackers.kill()
        await asyncio.gather(webhooks, attackers.wait(), return_exceptions=True)


def _variable(who: str) -> str:
    return f"BENCHMARK_{who.upper()}"


async def attacking(name: str, url: str) -> None:
    """Carry out one attack, until it is ended from outside."""
    given = {who: os.environ[_variable(who)] for who in CALLERS}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        await ATTACKS[name](Stage(url, http, given))


class Took(NamedTuple):
    """Seconds until an answer: on this machine's clock, and that the gateway's process computed
    meanwhile, whatever for. The latter is the same on a busy machine, which may be busy with
    others: what an answer waits for in the gateway is computed there, by one thread at a time."""

    clock: float
    computed: float


class _Counter(logging.Handler):
    """Counts what would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count it."""
        self.written += len(record.getMessage())


async def main(seconds: float, only: Collection[str]) -> None:
    """Measure every attack, each against the undisturbed run at its beginning."""
    counter = _Counter()
    logging.basicConfig(level=logging.INFO, handlers=[counter])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    table = Table("attack", "answers", "p50", "p99", "× p99", "computed, p50", "p99", "× p99")
    for name in ("webhooks refused", "log", "memory, most"):
        table.add_column(name)
    least = Took(0, 0)
    for name in dict.fromkeys(("undisturbed", *(only or ATTACKS))):
        counter.written = 0
        async with staged() as stage:
            found = await measured(stage, name, seconds)
            clock, computed = (quantiles(each, n=100) for each in zip(*found, strict=True))
            least = least if any(least) else Took(clock[98], computed[98])
            table.add_row(
                name,
                f"{len(found)}",
                f"{clock[49] * 1000:.1f} ms",
                f"{clock[98] * 1000:.1f} ms",
                f"{clock[98] / least.clock:.2f}",
                f"{computed[49] * 1000:.1f} ms",
                f"{computed[98] * 1000:.1f} ms",
                f"{computed[98] / least.computed:.2f}",
                f"{stage.refused} of {stage.told}",
                f"{counter.written / 1000:.0f} kB",
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB",
            )
    screen().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure what attacks cost others.")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each attack (5)")
    parser.add_argument("--only", choices=[*ATTACKS], nargs="+", help="these, and undisturbed")
    parser.add_argument("--attack", choices=[*ATTACKS], help="for the attackers' own process")
    parser.add_argument("--url", help="the same: where the gateway is")
    told = parser.parse_args()
    asyncio.run(
        attacking(told.attack, told.url) if told.attack else main(told.seconds, told.only or ())
    )
