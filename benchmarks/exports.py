"""What an export of the books costs, over its invoices: `python -m benchmarks.exports [--quick]`.

A register of some sizes is filled, exported and verified. The exponent says how the time grows: 1
is in proportion. Memory is the most that Python had at once, beyond what it had before: as a ratio
to that of the smallest it says whether rows are held.

Time is CPU time. Memory is measured in a turn of its own, which is slower.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from math import log
from pathlib import Path
from statistics import linear_regression
from typing import Any

from rich.progress import track
from rich.table import Table
from sqlalchemy import Engine, insert, update

from invoicing.document import VatCategory
from invoicing.periods import Period
from invoicing.recording import Line, Row
from invoicing.totals import VatRow
from register import opened
from register.chain import START, linked
from register.database import for_reading, made
from register.export import exported, verified
from register.tables import chain, invoices, journal
from terminal import screen

SIZES = (1_000, 10_000, 100_000)
QUICK = (1_000, 2_000, 8_000)
MOST_IN_A_WORKBOOK = 2_000
"""Invoices: a workbook takes ten times as long as all other files, and would say no more."""
LINES = 6
"""Of the journal, for each invoice."""

JUNE = Period.month("2026-06")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RATE = VatRow(
    category=VatCategory.STANDARD, rate=Decimal(21), taxable=Decimal(100), vat=Decimal(21)
)
ROW = Row(
    provider="mollie",
    account="default",
    goal="sent",
    status="paid",
    stage="sent",
    payment="paid",
    number="2026-1",
    ended=True,
    currency="EUR",
    net=Decimal("100.00"),
    vat=Decimal("21.00"),
    gross=Decimal("121.00"),
    due=Decimal("121.00"),
    paid=Decimal("121.00"),
    credited=Decimal(0),
    vat_rows=(RATE,),
    issue_date=date(2026, 6, 15),
    buyer="Canary Energy BV",
)


def _invoices(count: int) -> Iterator[dict[str, Any]]:
    kept = ROW.model_dump_json()
    columns = {name: getattr(ROW, name) for name in invoices.c.keys() if hasattr(ROW, name)}  # noqa: SIM118
    amounts = dict.fromkeys(("net", "vat", "gross", "due", "paid", "credited"), 12100)
    times = {"began_at": NOON, "changed_at": NOON, "ended_at": NOON}
    for place in range(count):
        about = {"kind": "invoice", "reference": f"JUNE-{place}", "sequence": LINES, "kept": kept}
        yield {**columns, **amounts, **times, **about}


def _journal(count: int) -> Iterator[dict[str, Any]]:
    previous = START
    for place in range(count * LINES):
        number, step = divmod(place, LINES)
        at = NOON + timedelta(microseconds=place)
        line = Line(sequence=step + 1, at=at, status="sent", what="is sent", by="somebody")
        row = linked(line, place + 1, previous, "invoice", f"JUNE-{number}", "one")
        previous = row["hash"]
        yield row


def _filled(path: Path, count: int) -> Engine:
    opened(str(path)).close()
    engine = made(str(path))
    with engine.begin() as db:
        for table, rows in ((invoices, _invoices(count)), (journal, _journal(count))):
            last: dict[str, Any] = {}
            while part := [row for row, _ in zip(rows, range(1_000), strict=False)]:
                db.execute(insert(table), part)
                last = part[-1]
        db.execute(update(chain).values(position=last["position"], hash=last["hash"]))
    engine.dispose()
    return for_reading(str(path))


def _seconds(work: Callable[[], None]) -> float:
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _peak(work: Callable[[], None]) -> int:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _works(engine: Engine, folder: Path, size: int) -> dict[str, Callable[[Path], None]]:
    def export(to: Path) -> None:
        assert exported(engine, to, JUNE).broken is None

    def workbook(to: Path) -> None:
        assert exported(engine, to.with_suffix(".xlsx"), JUNE, xlsx=True).broken is None

    def verify(_: Path) -> None:
        assert not list(verified(folder))

    with_workbook = {"workbook": workbook} if size <= MOST_IN_A_WORKBOOK else {}
    return {"export": export, "verify": verify, **with_workbook}


def main() -> None:
    """Measure both at every size, and print the ratios."""
    parser = argparse.ArgumentParser(
        "benchmarks.exports", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer invoices")
    sizes = QUICK if parser.parse_args().quick else SIZES
    times: dict[str, list[float]] = {"export": [], "verify": [], "workbook": []}
    peaks: dict[str, list[int]] = {what: [] for what in times}
    with tempfile.TemporaryDirectory() as name:
        warm = _filled(Path(name, "warm.db"), 10)
        exported(warm, Path(name, "warm"), JUNE)
        warm.dispose()
        for size in track(sizes, "Sizes", console=screen(error=True)):
            engine = _filled(Path(name, f"{size}.db"), size)
            folder = Path(name, f"{size}-timed")
            for what, work in _works(engine, folder, size).items():
                times[what].append(_seconds(partial(work, folder)))
                again = Path(name, f"{size}-weighed")
                peaks[what].append(_peak(partial(work, again)))
            engine.dispose()
    table = Table("What", "Invoices", "µs per invoice", "Peak, kB", "Peak, ratio")
    for what in times:
        # A workbook is not made of the largest.
        for size, seconds, peak in zip(sizes, times[what], peaks[what], strict=False):
            cells = (f"{size:,}", f"{seconds / size * 1e6:.0f}", f"{peak / 1024:,.0f}")
            table.add_row(what, *cells, f"{peak / peaks[what][0]:.2f}")
    screen().print(table)
    for what, taken in times.items():
        measured = sizes[: len(taken)]
        slope = linear_regression([log(each) for each in measured], [log(each) for each in taken])
        print(f"{what}: time grows with the invoices to the power of {slope.slope:.2f}")


if __name__ == "__main__":
    main()
