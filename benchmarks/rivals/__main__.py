"""What somebody would pick instead: `python -m benchmarks.rivals [--quick] [--faults 0.1]`.

The same invoices at the same stand-in over the same adaptor: by us, by a bare workflow on Temporal
(with the SDK's sandbox and without), by DBOS (its state in SQLite, and in PostgreSQL where that is
installed), and by plain asyncio that repeats what fails. All but one of them look before they
create. They take turns; without faults, then with a share of the calls failing before or after they
took effect. What counts is what the provider's ledger holds: correct, doubled, lost.

Temporal's server keeps its state in memory here, and PostgreSQL does not wait for its disk: the
figures compare what an engine costs, not disks. The CPU is of the process that does the work; for
Temporal the server's own is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from rich.table import Table

from benchmarks.children import Child, ChildEnded, child
from benchmarks.kinds import AT_ONCE, http_kind, stand_in
from benchmarks.rivals import storm
from benchmarks.rivals.serve import WARM_UP
from drill.postgres import programs
from invoicing import process
from invoicing.client import InvoicingClient
from temporal_server import ServerUnavailable, local_server
from terminal import screen
from tests.register.postgres import cluster, created

OURS = "ours"
FULL, QUICK = (3, 150), (1, 40)
"""Turns, and invoices in each."""
LIMIT = 1800.0


@dataclass(frozen=True)
class Turn:
    """What one of them did in one turn."""

    judged: storm.Judged
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Correct invoices per second."""
        return self.judged.correct / self.seconds


@dataclass(frozen=True)
class Task:
    """So many invoices, of references that begin so, while this share of the calls fails."""

    url: str
    seed: int
    count: int
    share: float
    prefix: str


Rival = Callable[[Task], Awaitable[tuple[float, float]]]
"""Does the task; the seconds it took, and the seconds of CPU."""


def alone(which: str, *more: str) -> Rival:
    """One that needs no server and does the work in its own process."""

    async def work(task: Task) -> tuple[float, float]:
        told = (task.url, str(task.seed), str(task.count), str(task.share), task.prefix)
        async with child("-m", "benchmarks.rivals.serve", which, *told, *more) as running:
            assert running.process.stdout is not None
            line = await running.process.stdout.readline()
            if not line:
                await running.outlives(asyncio.sleep(10))
            spent = json.loads(line)
        return spent["seconds"], spent["cpu"]

    return work


def bare(client: InvoicingClient, which: str) -> Rival:
    """A bare workflow, by a worker of its own."""
    address = client.temporal.service_client.config.target_host

    async def work(task: Task) -> tuple[float, float]:
        async def live(reference: str) -> None:
            # By its name: its module is the worker's.
            await client.temporal.execute_workflow(
                "RivalWorkflow", reference, id=f"{which}/{reference}", task_queue="rival"
            )

        arguments = ("-m", "benchmarks.rivals.serve", which, task.url)
        async with child(*arguments, TEMPORAL_ADDRESS=address) as worker:
            return await _driven(worker, live, task)

    return work


def ours(client: InvoicingClient, url: str) -> Rival:
    """The worker as it is."""
    kind = http_kind(client, url)

    async def work(task: Task) -> tuple[float, float]:
        async def live(reference: str) -> None:
            handle = await kind.ask(reference, False)
            await handle.result()

        async with kind.working() as worker:
            return await _driven(worker, live, task)

    return work


async def _driven(
    worker: Child, live: Callable[[str], Awaitable[None]], task: Task
) -> tuple[float, float]:
    await worker.outlives(_all(live, f"W{task.prefix}", WARM_UP))
    await storm.brew(task.url, task.seed, task.count, task.share)
    began, used = time.perf_counter(), worker.usage.cpu
    await worker.outlives(_all(live, task.prefix, task.count))
    return time.perf_counter() - began, worker.usage.cpu - used


async def _all(live: Callable[[str], Awaitable[None]], prefix: str, count: int) -> None:
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await live(f"{prefix}{number:05}")

    await asyncio.gather(*(one_after_the_other() for _ in range(min(AT_ONCE, count))))


@asynccontextmanager
async def rivals(client: InvoicingClient, url: str) -> AsyncIterator[dict[str, Rival]]:
    """All of them, by name."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        known = {
            OURS: ours(client, url),
            "bare, sandboxed": bare(client, "temporal"),
            "bare, unsandboxed": bare(client, "temporal_unsandboxed"),
            "DBOS, SQLite": alone("dbos", f"sqlite:///{folder / 'dbos.db'}"),
        }
        binaries = programs()
        if binaries is not None:
            made = created(stack.enter_context(cluster(binaries)), "dbos")
            known["DBOS, PostgreSQL"] = alone("dbos", made)
        known["asyncio, looks first"] = alone("by_hand")
        known["asyncio, no look-up"] = alone("no_look_up")
        yield known


async def one_turn(rival: Rival, task: Task) -> Turn:
    """At a stand-in that has forgotten everything."""
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.delete(f"{task.url}/_sandbox/faults")
        await http.post(f"{task.url}/_sandbox/reset")
    seconds, cpu = await rival(task)
    return Turn(await storm.judge(task.url, task.count, task.prefix), seconds, cpu)


async def main(turns: int, count: int, shares: tuple[float, ...]) -> None:
    """Measure and show."""
    async with asyncio.timeout(LIMIT), AsyncExitStack() as stack:
        server = await stack.enter_async_context(local_server(own=True))
        url = await stack.enter_async_context(stand_in())
        client = await InvoicingClient.connect(server.address)
        known = await stack.enter_async_context(rivals(client, url))
        for place, share in enumerate(shares):
            taken: dict[str, list[Turn]] = {name: [] for name in known}
            for turn in range(turns):
                for name, rival in known.items():
                    print(f"{share:.0%} faults, turn {turn + 1}: {name}", file=sys.stderr)
                    task = Task(url, turn, count, share, f"R{place}{turn}-")
                    taken[name].append(await one_turn(rival, task))
            screen().print(_table(taken, share))
    print(f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}")


def _table(taken: dict[str, list[Turn]], share: float) -> Table:
    made = Table(
        f"{share:.0%} of the calls fail",
        *("correct/s", "ours ×", "CPU ms each", "calls each", "doubled", "lost"),
    )
    for name, turns in taken.items():
        pairs = zip(taken[OURS], turns, strict=True)
        ratio = median(mine.rate / theirs.rate if theirs.rate else 0.0 for mine, theirs in pairs)
        asked = [turn.judged.correct + turn.judged.doubled + turn.judged.lost for turn in turns]
        made.add_row(
            name,
            f"{median(turn.rate for turn in turns):.1f}",
            f"{ratio:.2f}",
            f"{median(turn.cpu * 1000 / n for turn, n in zip(turns, asked, strict=True)):.0f}",
            f"{median(turn.judged.calls / n for turn, n in zip(turns, asked, strict=True)):.1f}",
            str(sum(turn.judged.doubled for turn in turns)),
            str(sum(turn.judged.lost for turn in turns)),
        )
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rivals")
    parser.add_argument("--quick", action="store_true", help="fewer of everything: a rough idea")
    parser.add_argument("--faults", type=float, default=0.1, help="the share of calls that fail")
    given = parser.parse_args()
    try:
        process.run(main(*(QUICK if given.quick else FULL), (0.0, given.faults)))
    except (ServerUnavailable, ChildEnded, TimeoutError) as error:
        sys.exit(f"benchmark: {error or 'it took too long'}")
