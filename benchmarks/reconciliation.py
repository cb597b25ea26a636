"""What it takes to reconcile an account: `python -m benchmarks.reconciliation [--references N]`.

A register is filled, and a provider in this process lists the same invoices, 250 a page. A local
Temporal server runs the workflow as it would anywhere. Nothing disagrees but the few that are
seeded. Printed are seconds on the clock, the process's greatest resident memory, and the calls.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from invoicing.books.reconciling import Reconciled, ReconcileInput
from invoicing.client import InvoicingClient
from invoicing.process import run
from invoicing.provider import Echo, PaymentStatus, ReadCall, Snapshot, Stage
from invoicing.provider.listing import ListCall, Listed, ListPage
from invoicing.state.identity import RECONCILIATION_WORKFLOW, TASK_QUEUE
from register import opened
from register.database import made
from register.tables import invoices
from settings.worker import WorkerSettings
from temporal_server import local_server
from tests.register.said import a_row
from tests.register.test_reconciling import SAYS
from worker import serving, workers

PAGE = 250
WRONG = 10
"""Of those that are seeded: paid there, and nobody told us."""


class Lister:
    """A provider that lists so many invoices, and counts what it is asked."""

    name = "mollie"

    def __init__(self, count: int) -> None:
        self._count = count
        self.calls = 0

    def told(self, place: int) -> Snapshot:
        """One invoice as it is there."""
        reference = f"R-{place}"
        return Snapshot(
            provider_id=f"id-{place}",
            stage=Stage.SENT,
            payment=PaymentStatus.PAID if place < WRONG else PaymentStatus.UNPAID,
            number=f"2026-{place}",
            echo=_says(reference),
            reference=reference,
        )

    async def list_page(self, call: ListCall) -> ListPage:
        """See the port."""
        self.calls += 1
        first = int(str(call.cursor["first"])) if call.cursor else 0
        last = min(first + PAGE, self._count)
        items = tuple(Listed(invoice=self.told(place)) for place in range(first, last))
        return ListPage(items=items, cursor={"first": last} if last < self._count else None)

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port."""
        self.calls += 1
        return self.told(int((call.target.provider_id or "").removeprefix("id-")))


def _says(reference: str) -> Echo:
    return SAYS.model_copy(update={"reference": reference})


def _fill(path: Path, count: int) -> None:
    opened(str(path)).close()
    engine = made(str(path))
    now = datetime.now(UTC) - timedelta(hours=3)
    row = a_row(ended=True)
    columns = {name: getattr(row, name) for name in invoices.c.keys() if hasattr(row, name)}  # noqa: SIM118
    amounts = {"net": 10000, "vat": 2100, "gross": 12100, "due": 12100, "paid": 0, "credited": 0}
    times = {"began_at": now, "changed_at": now, "ended_at": now}

    def one(place: int) -> dict[str, Any]:
        of = {"number": f"2026-{place}", "provider_id": f"id-{place}"}
        kept = row.model_copy(update={**of, "says": _says(f"R-{place}")}).model_dump_json()
        about = {"kind": "invoice", "reference": f"R-{place}", "sequence": 1, "kept": kept}
        return {**columns, **amounts, **times, **of, **about}

    with engine.begin() as db:
        for first in range(0, count, 1000):
            db.execute(insert(invoices), [one(each) for each in range(first, first + 1000)])
    engine.dispose()


async def measure(count: int, folder: Path) -> str:
    """Fill, reconcile once, and say what it took."""
    path = folder / "register.db"
    await asyncio.to_thread(_fill, path, count)
    books, lister = await asyncio.to_thread(opened, str(path)), Lister(count)
    adaptors: Any = {"mollie": {"default": lister}}
    try:
        async with local_server(own=True) as server:
            client = await InvoicingClient.connect(server.address)
            setup = WorkerSettings()
            async with serving(workers(client.temporal, adaptors, setup, register=books)):
                begun = time.monotonic()
                done: Reconciled = await client.temporal.execute_workflow(
                    RECONCILIATION_WORKFLOW,
                    ReconcileInput(provider="mollie", until=datetime.now(UTC).date()),
                    id="reconciliation/mollie/default",
                    task_queue=TASK_QUEUE,
                    result_type=Reconciled,
                )
                seconds = time.monotonic() - begun
    finally:
        await asyncio.to_thread(books.close)
    assert done.found == {"paid_unseen": WRONG}, done
    assert lister.calls == done.pages + WRONG, lister.calls
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{done.listed:,} references on {done.pages} pages: {seconds:.1f} s, {mebibytes:.0f} MiB, "
        f"{lister.calls} calls for {WRONG} findings"
    )


def main() -> None:
    """Measure, and print one line."""
    parser = argparse.ArgumentParser("benchmarks.reconciliation")
    parser.add_argument("--references", type=int, default=10_000, help="in steps of 1,000")
    count = parser.parse_args().references
    with tempfile.TemporaryDirectory() as name:
        print(run(measure(count, Path(name))))


if __name__ == "__main__":
    main()
