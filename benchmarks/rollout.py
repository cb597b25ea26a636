"""How long the check before a new build takes: `python -m benchmarks.rollout [--lives N]`.

So many invoices are left open on a local server, over HTTP against a stand-in: most of them held
with their draft made, one in ten waits for payment. Then every history is fetched and replayed by
the code at hand, as `rollout check` does it. The baseline of the same run is fetching them alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import time

from rich.table import Table

from invoicing.process import run
from invoicing.request import Goal
from invoicing.state.identity import workflow_id
from invoicing.state.invoice import Status
from rollout.replaying import check
from temporal_server import local_server
from terminal import screen
from tests.lifecycle.world import PACES, Company, world
from worker import STORIES

AT_ONCE = 16
"""Invoices that are being asked for."""
PAYS = 10
"""One in so many waits for payment; the others are held."""


async def _begin(company: Company, number: int) -> str:
    if number % PAYS:
        reference = await company.start(hold=True)
        await company.until_status(reference, Status.HELD)
    else:
        reference = await company.start(goal=Goal.PAID)
        await company.until_waiting(reference, "payment")
    return reference


async def _all(company: Company, count: int) -> list[str]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with places:
            return await _begin(company, number)

    return list(await asyncio.gather(*map(one, range(count))))


async def _fetched(company: Company, references: list[str]) -> int:
    """How many events there are in all, fetched one after the other."""
    events = 0
    for each in references:
        handle = company.client.temporal.get_workflow_handle(workflow_id(each))
        events += len((await handle.fetch_history()).events)
    return events


async def measure(lives: int) -> dict[str, str]:
    """What was seen. Ends the program where a history does not fit."""
    # What waits for payment is not to move while it is looked at.
    rarely = {"cap": PACES.payment.cap * 1000, "first": PACES.payment.first * 1000}
    paces = PACES.model_copy(update={"payment": PACES.payment.model_copy(update=rarely)})
    async with local_server(own=True) as server:
        os.environ["TEMPORAL_ADDRESS"] = server.address
        async with world(server) as here, here.company(paces=paces) as company:
            references = await _all(company, lives)
            begun = time.monotonic()
            events = await _fetched(company, references)
            fetched = time.monotonic() - begun
            begun = time.monotonic()
            replayed = await check(here.client.temporal, STORIES)
            checked = time.monotonic() - begun
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            company.forget()
    if replayed.differ or replayed.looked_at != lives:
        raise SystemExit(f"not as it should be: {replayed}")
    return {
        "open histories": f"{lives}",
        "events": f"{events}",
        "fetched, one after the other": f"{fetched:.1f} s",
        "checked": f"{checked:.1f} s",
        "beside fetching": f"{checked / fetched:.2f} x",
        "each": f"{1000 * checked / lives:.1f} ms",
        "most memory of a process that replays": f"{peak:.0f} MiB",
    }


def main() -> None:
    """Leave them open, check, and print a table."""
    parser = argparse.ArgumentParser("benchmarks.rollout")
    parser.add_argument("--lives", type=int, default=5_000, help="open histories")
    table = Table("What", "Figure", title="rollout check")
    for row in run(measure(parser.parse_args().lives)).items():
        table.add_row(*row)
    screen().print(table)


if __name__ == "__main__":
    main()
