"""Very many invoices asked for at once: `python -m benchmarks.flood [--count 2500] [--turns]`.

The provider answers from memory; the worker is as a deployment has it. First 50 are under way at
once, as many as fit, and a few one by one; then all of them are asked for at once, while another
caller asks for one after the other. Shown are

    rate      of the flood, beside that with 50 under way at once
    half      after which part of the flood's time half of its invoices were done
    draft     95 of 100 times in which another caller's invoice had its draft, beside undisturbed
    memory    the most that the worker's process held

`--turns` has the server take calls by priority and share (docs/decisions/0033): it is off as
servers are shipped. The flood's end is seen by counting, twice a second.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from benchmarks import from_memory
from benchmarks.children import Child, ChildEnded
from benchmarks.kinds import Execution, a_request, measure, memory_kind
from invoicing import process
from invoicing.client import InvoicingClient
from temporal_server import ServerUnavailable, local_server
from terminal import screen

COMMAND = "python -m benchmarks.flood"
BY_TURNS: Mapping[str, Any] = {"matching.useNewMatcher": True, "matching.enableFairness": True}
ASKED_AT_ONCE = 100
"""Starts that one caller has under way."""
ALONE = 15
"""Invoices asked for one by one while nothing else runs."""
LIMIT = 1200.0
"""Seconds after which something must have gone wrong."""


@dataclass
class Flood:
    """What was seen of one."""

    count: int
    done: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the first was asked for, and how many were done by then."""
    drafts: list[float] = field(default_factory=list)
    """Seconds to a draft, of another caller's."""
    memory: int = 0

    @property
    def seconds(self) -> float:
        """Until all were done."""
        return self.done[-1][0]

    @property
    def half(self) -> float:
        """When half of them were done, as a part of the whole time."""
        first = next(at for at, done in self.done if done >= self.count / 2)
        return first / self.seconds


class Callers:
    """One who asks for very many, and another."""

    def __init__(self, client: InvoicingClient) -> None:
        self._client = client
        self._mark = f"F-{uuid.uuid4().hex[:8]}-"

    async def ask_for(self, count: int) -> None:
        """Ask for so many, as fast as they are taken."""
        numbers = iter(range(count))

        async def one_after_the_other() -> None:
            for number in numbers:
                await self._start(f"{self._mark}{number}", "month-end")

        await asyncio.gather(*(one_after_the_other() for _ in range(ASKED_AT_ONCE)))

    async def done(self) -> int:
        """How many of them have ended."""
        begins = f'WorkflowId STARTS_WITH "invoice/{self._mark}"'
        told = await self._client.temporal.count_workflows(
            f'{begins} AND ExecutionStatus = "Completed"'
        )
        return told.count

    async def single(self) -> float:
        """Another caller's invoice, to its end; seconds from the asking to its draft."""
        asked = time.time()
        handle = await self._start(f"S-{uuid.uuid4().hex[:12]}", "shop")
        await handle.result()
        return await _drafted(handle) - asked

    async def _start(self, reference: str, caller: str) -> Execution:
        request = a_request(reference, from_memory.NAME)
        return await self._client.invoices.start(request, proven=caller)


async def _drafted(handle: Execution) -> float:
    """When the call that made the draft had ended."""
    creates: set[int] = set()
    async for event in handle.fetch_history_events():
        asked = event.activity_task_scheduled_event_attributes
        if asked.activity_type.name == "create":
            creates.add(event.event_id)
        if event.activity_task_completed_event_attributes.scheduled_event_id in creates:
            return event.event_time.ToNanoseconds() / 1e9
    raise RuntimeError("an invoice has ended without a draft")


async def flooded(callers: Callers, worker: Child, count: int) -> Flood:
    """All at once, and another caller meanwhile."""
    seen, begun = Flood(count), time.monotonic()
    asking = asyncio.create_task(callers.ask_for(count))
    other = asyncio.create_task(_one_by_one(callers, seen))
    try:
        while not seen.done or seen.done[-1][1] < count:
            await asyncio.sleep(0.5)
            if asking.done():
                asking.result()
            seen.done.append((time.monotonic() - begun, await callers.done()))
            seen.memory = max(seen.memory, worker.usage.memory)
        await asking
    finally:
        for each in (asking, other):
            each.cancel()
        await asyncio.gather(asking, other, return_exceptions=True)
    return seen


async def _one_by_one(callers: Callers, seen: Flood) -> None:
    while True:
        seen.drafts.append(await callers.single())


def _slowest_but_few(seconds: list[float]) -> float:
    """Of 100, 95 took no longer; of few, the slowest."""
    ordered = sorted(seconds)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


async def main(count: int, command: str, *, turns: bool) -> None:
    """Measure on a server of our own, and show it."""
    config = BY_TURNS if turns else None
    async with asyncio.timeout(LIMIT), local_server(own=True, dynamic_config=config) as server:
        client = await InvoicingClient.connect(server.address)
        kind, callers = memory_kind(client), Callers(client)
        async with kind.working() as worker:
            await worker.outlives(kind.done(max(20, count // 50)))
            _say("50 under way at once")
            steady = await measure(kind, max(50, count // 5), worker)
            _say("one by one")
            alone = [await worker.outlives(callers.single()) for _ in range(ALONE)]
            _say(f"{count} at once")
            before = worker.usage.cpu
            flood = await worker.outlives(flooded(callers, worker, count))
            cpu = (worker.usage.cpu - before) / (count + len(flood.drafts))
    rate = count / flood.seconds
    table = Table("", "flood", "against", "ratio", "aim")
    rows = [
        ("invoices per second", f"{rate:.1f}", f"{steady.rate:.1f}", rate / steady.rate, "≥ 0.9"),
        ("half done after", f"{flood.half:.2f} of the time", "", flood.half, "≤ 0.55"),
        _drafts(flood.drafts, alone),
        ("worker memory", f"{flood.memory / 1e6:.0f} MB", "400 MB", flood.memory / 4e8, "≤ 1.0"),
        (
            "worker CPU per invoice",
            f"{cpu * 1000:.0f} ms",
            f"{steady.cpu_each * 1000:.0f} ms",
            cpu / steady.cpu_each,
            "",
        ),
    ]
    for what, ours, against, ratio, aim in rows:
        table.add_row(what, ours, against, f"{ratio:.2f}", aim)
    screen().print(table)
    screen().print(f"`{command}`")


def _drafts(drafts: list[float], alone: list[float]) -> tuple[str, str, str, float, str]:
    what = f"another's draft, 95 of 100 ({len(drafts)} seen)"
    calm = _slowest_but_few(alone)
    if not drafts:
        return what, "none before the end", f"{calm:.2f} s", float("inf"), "≤ 2.0"
    worst = _slowest_but_few(drafts)
    return what, f"{worst:.2f} s", f"{calm:.2f} s", worst / calm, "≤ 2.0"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure very many at once.")
    parser.add_argument("--count", type=int, default=2500, help="how many at once")
    parser.add_argument("--turns", action="store_true", help="a server that takes calls by turns")
    given = parser.parse_args()
    told = f"{COMMAND} --count {given.count}{' --turns' if given.turns else ''}"
    try:
        process.run(main(given.count, told, turns=given.turns))
    except (ServerUnavailable, ChildEnded, TimeoutError) as error:
        sys.exit(f"benchmark: {error or 'it took too long'}")
