"""What a register costs an invoice: `python -m benchmarks.registered [--quick]`.

The same lifecycle with a provider that answers from memory, on one Temporal server: without a
register, with one in a file, and with one on PostgreSQL where that is installed. They take turns,
so that a busy machine is as unkind to one as to the others; each ratio is the median over the turns
of what it was beside the same turn without. The CPU is that of the worker's process alone.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from rich.table import Table

from benchmarks.kinds import Kind, Round, measure, memory_kind
from drill.postgres import programs
from invoicing import process
from invoicing.client import InvoicingClient
from temporal_server import local_server
from terminal import screen
from tests.register.postgres import cluster, created

WITHOUT = "without"
FULL, QUICK = (5, 60), (2, 20)
"""Turns, and invoices in each."""


@contextlib.contextmanager
def _registers(folder: Path) -> Iterator[dict[str, str]]:
    """Where they are, by name."""
    places = {"a file": str(folder / "register.db")}
    binaries = programs()
    if binaries is None:
        yield places
        return
    with cluster(binaries) as url:
        yield {**places, "PostgreSQL": created(url, "register")}


def _kinds(client: InvoicingClient, places: dict[str, str]) -> list[Kind]:
    plain = memory_kind(client)
    with_one = [
        replace(plain, name=name, variables={**plain.variables, "INVOICING_REGISTER_AT": place})
        for name, place in places.items()
    ]
    return [replace(plain, name=WITHOUT), *with_one]


async def in_turns(kinds: list[Kind], turns: int, count: int) -> dict[str, list[Round]]:
    """So many rounds of each kind, one after the other; who begins changes with each turn, for the
    second finds the server's caches warm."""
    taken: dict[str, list[Round]] = {kind.name: [] for kind in kinds}
    for turn in range(turns):
        for kind in kinds if turn % 2 == 0 else reversed(kinds):
            async with kind.working() as worker:
                await worker.outlives(kind.done(max(5, count // 6)))
                taken[kind.name].append(await measure(kind, count, worker))
    return taken


async def examine(turns: int, count: int, places: dict[str, str]) -> dict[str, list[Round]]:
    """All turns, by kind."""
    async with local_server(own=True) as server:
        client = await InvoicingClient.connect(server.address)
        return await in_turns(_kinds(client, places), turns, count)


def shown(what: str, taken: dict[str, list[Round]], baseline: str) -> Table:
    """A row for each, with the median of its ratios to the same turns of the baseline."""
    table = Table(what, "Invoices per second", "Ratio", "CPU of the worker, ms", "Ratio")
    before = taken[baseline]
    for name, rounds in taken.items():
        rates = [one.rate / other.rate for one, other in zip(rounds, before, strict=True)]
        costs = [one.cpu_each / other.cpu_each for one, other in zip(rounds, before, strict=True)]
        table.add_row(
            name,
            f"{median(one.rate for one in rounds):.1f}",
            f"{median(rates):.2f}",
            f"{1000 * median(one.cpu_each for one in rounds):.0f}",
            f"{median(costs):.2f}",
        )
    return table


def main() -> None:
    """Measure, and print a line for each."""
    parser = argparse.ArgumentParser("benchmarks.registered")
    parser.add_argument("--quick", action="store_true", help="fewer invoices, fewer turns")
    turns, count = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory() as name, _registers(Path(name)) as places:
        taken = process.run(examine(turns, count, places))
    screen().print(shown("Register", taken, WITHOUT))


if __name__ == "__main__":
    main()
