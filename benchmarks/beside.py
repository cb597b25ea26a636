"""Kinds of the same work beside each other: each with a Temporal server and a worker of its own,
all up at once, in many short turns.

A machine that is busy with something else is then as unkind to one as to the others; one long turn
of each, one after the other, differs by more than what is looked for. CPU is told apart: the
worker's, and both together with the server's. On a machine that is full, invoices per second are as
many as the CPU of all of it lets through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from statistics import quantiles

from rich.table import Table

from benchmarks.children import Child, usage_of_group
from benchmarks.kinds import Kind
from temporal_server import LocalServer, local_server

WARM = 10
"""Invoices of each before anything is counted."""


@dataclass(frozen=True)
class Spent:
    """Seconds of CPU for one invoice, of one turn."""

    worker: float
    server: float

    @property
    def total(self) -> float:
        """Of both."""
        return self.worker + self.server


@dataclass(frozen=True)
class _Running:
    kind: Kind
    worker: Child
    server: LocalServer

    async def turn(self, count: int) -> Spent:
        before = self._used
        await self.worker.outlives(self.kind.done(count))
        worker, server = (
            (now - then) / count for then, now in zip(before, self._used, strict=True)
        )
        return Spent(worker, server)

    @property
    def _used(self) -> tuple[float, float]:
        assert self.server.group is not None
        return self.worker.usage.cpu, usage_of_group(self.server.group)


async def beside(
    made: Sequence[Callable[[str], Awaitable[Kind]]], turns: int, count: int
) -> dict[str, list[Spent]]:
    """So many turns of each kind, by its name; a kind is made for the address of its server. Who
    begins changes with each turn."""
    async with AsyncExitStack() as stack:
        running = []
        for make in made:
            server = await stack.enter_async_context(local_server(own=True))
            assert isinstance(server, LocalServer)
            kind = await make(server.address)
            worker = await stack.enter_async_context(kind.working())
            running.append(_Running(kind, worker, server))
        await asyncio.gather(*(each.turn(WARM) for each in running))
        taken: dict[str, list[Spent]] = {each.kind.name: [] for each in running}
        for turn in range(turns):
            for one in running if turn % 2 == 0 else reversed(running):
                taken[one.kind.name].append(await one.turn(count))
        return taken


def ratio(one: Sequence[float], other: Sequence[float]) -> tuple[float, float, float]:
    """What the one comes to beside the other, over all turns; and within what half of the quarters
    of the turns lie, which says how sure that is."""
    parts = _parts(len(one))
    each = [sum(one[a:b]) / sum(other[a:b]) for a, b in parts]
    low, _, high = quantiles(each, n=4) if len(each) > 1 else (each[0],) * 3
    return sum(one) / sum(other), low, high


def _parts(turns: int) -> list[tuple[int, int]]:
    """Eight of them, or as many as there are turns."""
    most = min(8, turns)
    return list(pairwise(turns * place // most for place in range(most + 1)))


def shown(what: str, taken: dict[str, list[Spent]], baseline: str) -> Table:
    """A row for each."""
    columns = ("Worker, ms", "Ratio", "Half of it within", "With the server, ms", "Ratio")
    table = Table(what, *columns, "Half of it within")
    before = taken[baseline]
    for name, spent in taken.items():
        row = [name]
        for of in ("worker", "total"):
            ours = [getattr(one, of) for one in spent]
            theirs = [getattr(one, of) for one in before]
            middle, low, high = ratio(ours, theirs)
            row += [f"{1000 * sum(ours) / len(ours):.1f}", f"{middle:.3f}", f"{low:.2f}–{high:.2f}"]
        table.add_row(*row)
    return table
