"""What an invoice's life costs: `make benchmark`, or `python -m benchmarks.lifecycle [--quick]`.

Every figure stands beside a baseline measured in the same run, on the same Temporal server, with
the same data converter: a bare workflow that makes as many calls, one after the other, and waits as
often, with activities that do nothing. Each kind has one worker process, and the kinds take turns,
so that a busy machine is as unkind to one as to the others.

Invoices per second are of everything on this machine: worker, server, caller, stand-in. The CPU of
the worker's process alone is given beside them; it is what decides how many workers are needed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

import httpx
from rich.table import Table
from temporalio.api.history.v1 import HistoryEvent

from benchmarks.bare import Shape
from benchmarks.children import Child, ChildEnded
from benchmarks.kinds import Kind, Round, bare_kind, http_kind, measure, memory_kind, stand_in
from invoicing import process
from invoicing.client import InvoicingClient
from temporal_server import ServerUnavailable, local_server
from terminal import screen

COMMAND = "python -m benchmarks.lifecycle"
LIMIT = 1800.0
"""Seconds after which something must have gone wrong."""

FEWEST = {
    "customers": 1,
    "find": 1,
    "create": 1,
    "read": 3,
    "approve": 1,
    "send": 1,
}
"""The calls an invoice cannot do without. It is read for its figures before it is approved, for its
number after that, and for whether it was sent: no other answer says so. Bank accounts and tax codes
are asked for once in ten minutes and not per invoice."""


@dataclass(frozen=True)
class Size:
    """How much is measured.

    rounds: turns of each kind, of `count` invoices each.
    cached: invoices left waiting for their payment in a worker that keeps them all in memory.
    waiting: the same in one that keeps no more than `kept` of them.
    """

    rounds: int
    count: int
    cached: int
    waiting: int
    kept: int


FULL = Size(rounds=5, count=60, cached=200, waiting=1000, kept=50)
QUICK = Size(rounds=1, count=40, cached=60, waiting=120, kept=20)


@dataclass(frozen=True)
class Findings:
    """All that was measured; the rounds of each kind by its name."""

    rounds: Mapping[str, list[Round]]
    bare: float
    """Bytes of a worker's memory per waiting bare workflow, all of them in the cache."""
    cached: float
    """The same of ours."""
    waiting: float
    """Of ours, where few are in the cache."""
    events: Counter[str]
    calls: Counter[str]
    """Per step, of all the invoices together that `invoices` counts."""
    invoices: int


async def examine(client: InvoicingClient, url: str, size: Size) -> Findings:
    """Measure everything, one thing after the other."""
    memory, http = memory_kind(client), http_kind(client, url)
    events = await _life(memory)
    bare = bare_kind(client, _shape(events))
    unsandboxed = bare_kind(client, _shape(events), sandboxed=False)
    rounds = await _rounds((bare, unsandboxed, memory, http), size)
    return Findings(
        rounds=rounds,
        bare=await _held(bare, size.cached, size.cached),
        cached=await _held(memory, size.cached, size.cached),
        waiting=await _held(memory, size.waiting, size.kept),
        events=Counter(_word(event) for event in events),
        calls=await _calls(url),
        invoices=size.rounds * (_warm_up(size) + size.count),
    )


async def _life(kind: Kind) -> list[HistoryEvent]:
    async with kind.working() as worker:
        handle = await kind.ask("B-history", False)
        await worker.outlives(handle.result())
    return list((await handle.fetch_history()).events)


def _shape(events: Iterable[HistoryEvent]) -> Shape:
    """The calls and pauses that a history shows, in their order."""
    steps: list[float] = []
    for event in events:
        match event.WhichOneof("attributes"):
            case "activity_task_scheduled_event_attributes":
                steps.append(0)
            case "timer_started_event_attributes":
                timer = event.timer_started_event_attributes
                steps.append(timer.start_to_fire_timeout.ToTimedelta().total_seconds())
    return Shape(steps=tuple(steps))


async def _rounds(kinds: tuple[Kind, ...], size: Size) -> dict[str, list[Round]]:
    taken: dict[str, list[Round]] = {kind.name: [] for kind in kinds}
    for turn in range(size.rounds):
        for kind in kinds:
            _say(f"{kind.name}: round {turn + 1} of {size.rounds}")
            async with kind.working() as worker:
                await worker.outlives(kind.done(_warm_up(size)))
                taken[kind.name].append(await measure(kind, size.count, worker))
    return taken


def _warm_up(size: Size) -> int:
    return size.count // 4


async def _held(kind: Kind, waiting: int, cached: int) -> float:
    _say(f"{kind.name}: {waiting} wait for their payment, {cached} of them in memory")
    async with kind.working(INVOICING_CACHED_WORKFLOWS=str(cached)) as worker:
        # What a worker needs to work at all is not to be counted; it needs no more after these.
        await worker.outlives(kind.done(200))
        before = await _memory(worker)
        await worker.outlives(kind.done(waiting, waiting=True))
        return (await _memory(worker) - before) / waiting


async def _memory(worker: Child) -> int:
    await asyncio.sleep(1)  # until what the last one left behind is tidied up
    return worker.usage.memory


async def _calls(url: str) -> Counter[str]:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{url}/_sandbox/calls")
    return Counter(answer.raise_for_status().json()["counts"])


def _word(event: HistoryEvent) -> str:
    return (event.WhichOneof("attributes") or "").removesuffix("_event_attributes")


# --- what is shown --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ratio:
    """One line of the result: ours, what it is held against, and what was aimed at."""

    what: str
    ours: str
    against: str
    ratio: float
    aim: str = ""


def ratios(found: Findings, size: Size) -> list[Ratio]:
    """Every ratio, in the order of the questions people ask."""
    events, calls = found.events.total(), _provider_calls(found)
    return [
        _faster(found, "from memory", "no-op provider", "≥ 1.00"),
        _faster(found, "from memory", "no-op provider", against="bare, unsandboxed"),
        _faster(found, "over HTTP", "over HTTP"),
        _dearer(found, "from memory", "no-op provider"),
        _dearer(found, "from memory", "no-op provider", against="bare, unsandboxed"),
        _dearer(found, "over HTTP", "over HTTP"),
        Ratio(
            "history events of a happy invoice", f"{events}", "90 at most", events / 90, "≤ 1.00"
        ),
        Ratio(
            "provider calls per invoice",
            f"{calls / found.invoices:.2f}",
            f"{sum(FEWEST.values())} at least",
            calls / found.invoices / sum(FEWEST.values()),
            "1.00",
        ),
        _heavier("worker memory per cached invoice", found.cached, found.bare),
        _heavier(
            f"worker memory per waiting invoice, {size.waiting} waiting, {size.kept} cached",
            found.waiting,
            found.bare,
            "≤ 25 kB",
        ),
    ]


def _faster(found: Findings, name: str, what: str, aim: str = "", against: str = "bare") -> Ratio:
    return _compared(
        found,
        (name, against),
        f"invoices per second, {what}",
        lambda taken: taken.rate,
        "{:.1f}",
        aim,
    )


def _dearer(found: Findings, name: str, what: str, against: str = "bare") -> Ratio:
    return _compared(
        found,
        (name, against),
        f"worker CPU per invoice, {what}",
        lambda taken: taken.cpu_each * 1000,
        "{:.0f} ms",
    )


def _compared(
    found: Findings,
    names: tuple[str, str],
    what: str,
    figure: Callable[[Round], float],
    form: str,
    aim: str = "",
) -> Ratio:
    """The median of the ratios of rounds that were neighbours, not the ratio of medians."""
    ours, theirs = ([figure(taken) for taken in found.rounds[name]] for name in names)
    each = median(mine / other for mine, other in zip(ours, theirs, strict=True))
    against = f"{form.format(median(theirs))} {names[1]}"
    return Ratio(what, form.format(median(ours)), against, each, aim)


def _heavier(what: str, ours: float, bare: float, aim: str = "") -> Ratio:
    against = f"{bare / 1000:.0f} kB bare, cached"
    return Ratio(what, f"{ours / 1000:.0f} kB", against, ours / bare, aim)


def _provider_calls(found: Findings) -> int:
    """All but the token, which a worker fetches once an hour and not per invoice."""
    return found.calls.total() - found.calls["token"]


def _show(found: Findings, size: Size, command: str) -> None:
    console = screen()
    results = ratios(found, size)
    table = Table("", "ours", "against", "ratio", "aim")
    for one in results:
        table.add_row(one.what, one.ours, one.against, f"{one.ratio:.2f}", one.aim)
    console.print(table)
    console.print(_counted("history events", found.events, 1))
    console.print(_counted("provider calls per invoice", found.calls, found.invoices))
    load = "unknown" if not hasattr(os, "getloadavg") else f"{os.getloadavg()[0]:.1f}"
    console.print(
        f"{os.cpu_count()} cores, load {load}, {platform.system()}, "
        f"Python {platform.python_version()}\n"
    )
    for one in results:
        console.print(f"{one.what}: {one.ours}, {one.against}: {one.ratio:.2f} × (`{command}`)")


def _counted(what: str, counts: Counter[str], invoices: int) -> str:
    each = (f"{name} {count / invoices:g}" for name, count in counts.most_common())
    return f"{what}: {', '.join(each)}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def main(size: Size, command: str) -> None:
    """Measure on a server and a stand-in of our own, and show it."""
    async with asyncio.timeout(LIMIT), AsyncExitStack() as stack:
        # Never a given server: its workers would be disturbed, and disturb.
        server = await stack.enter_async_context(local_server(own=True))
        url = await stack.enter_async_context(stand_in())
        client = await InvoicingClient.connect(server.address)
        _show(await examine(client, url, size), size, command)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure an invoice's life.")
    parser.add_argument("--quick", action="store_true", help="fewer of everything: a rough idea")
    quick = parser.parse_args().quick
    try:
        process.run(main(QUICK if quick else FULL, f"{COMMAND} --quick" if quick else COMMAND))
    except (ServerUnavailable, ChildEnded, TimeoutError) as error:
        sys.exit(f"benchmark: {error or 'it took too long'}")
