"""What an export of the books costs, over its invoices: `python -m benchmarks.exports [--quick]`.

A register of some sizes is filled, exported and verified, each in a process of its own. The
exponent says how the time grows: 1 is in proportion. Memory is the most that the process had
resident: it says whether rows are held. What the files add up to is held against what was put in,
to the cent; and of the smallest export a thousand bits are flipped, one at a time, and each must be
found.

Time is CPU time. Exit code 1 where a sum is another one, a bit is not found, or the largest takes
much more memory than the middle one.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from math import log
from multiprocessing import get_context
from pathlib import Path
from statistics import linear_regression
from typing import Any, NamedTuple

from rich.progress import track
from rich.table import Table
from sqlalchemy import insert, update

from invoicing.books.periods import Period
from invoicing.document import VatCategory
from invoicing.state.recording import Line, Row
from invoicing.totals import VatRow
from register import opened
from register.chain import START, linked
from register.database import for_reading, made
from register.export import exported, verified
from register.export.manifest import MANIFEST, Manifest
from register.tables import chain, invoices, journal
from terminal import screen

SIZES = (1_000, 10_000, 100_000)
QUICK = (1_000, 2_000, 8_000)
MOST_IN_A_WORKBOOK = 2_000
"""Invoices: a workbook takes ten times as long as all other files, and would say no more."""
LINES = 6
"""Of the journal, for each invoice."""
FLIPS, QUICK_FLIPS = 1_000, 100
FLAT = 1.2
"""How much more memory the largest may take than the one before it: rows that were held would be
hundreds of MiB."""

JUNE = Period.month("2026-06")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
AMOUNTS = ("net", "vat", "gross", "due", "paid", "credited")
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
    issue_date=date(2026, 6, 15),
    buyer="Canary Energy BV",
)


def _cents(place: int) -> dict[str, int]:
    """What the invoice at this place comes to: no two in a row come to the same."""
    net = 1_000 + place * 7_919 % 1_000_003
    vat = (net * 21 + 50) // 100
    paid = net + vat if place % 3 else 0
    back = 0 if place % 10 else net
    return dict(zip(AMOUNTS, (net, vat, net + vat, net + vat, paid, back), strict=True))


def _row(place: int) -> Row:
    amounts = {name: Decimal(cents).scaleb(-2) for name, cents in _cents(place).items()}
    rate = VatRow(
        category=VatCategory.STANDARD,
        rate=Decimal(21),
        taxable=amounts["net"],
        vat=amounts["vat"],
    )
    return ROW.model_copy(update={**amounts, "vat_rows": (rate,), "number": f"2026-{place}"})


def _invoices(count: int) -> Iterator[dict[str, Any]]:
    columns = {name: getattr(ROW, name) for name in invoices.c.keys() if hasattr(ROW, name)}  # noqa: SIM118
    times = {"began_at": NOON, "changed_at": NOON, "ended_at": NOON}
    for place in range(count):
        row = _row(place)
        about = {"kind": "invoice", "reference": f"JUNE-{place}", "sequence": LINES}
        kept = {"number": row.number, "kept": row.model_dump_json()}
        yield {**columns, **_cents(place), **times, **about, **kept}


def _journal(count: int) -> Iterator[dict[str, Any]]:
    previous = START
    for place in range(count * LINES):
        number, step = divmod(place, LINES)
        at = NOON + timedelta(microseconds=place)
        line = Line(sequence=step + 1, at=at, status="sent", what="is sent", by="somebody")
        row = linked(line, place + 1, previous, "invoice", f"JUNE-{number}", "one")
        previous = row["hash"]
        yield row


class Cost(NamedTuple):
    """What a piece of work took in a process of its own."""

    seconds: float
    """Of CPU."""
    mebibytes: float
    """Resident at most, Python and its modules with it."""


def _fill(path: Path, count: int) -> None:
    opened(str(path)).close()
    engine = made(str(path))
    with engine.begin() as db:
        for table, rows in ((invoices, _invoices(count)), (journal, _journal(count))):
            last: dict[str, Any] = {}
            while part := list(islice(rows, 1_000)):
                db.execute(insert(table), part)
                last = part[-1]
        db.execute(update(chain).values(position=last["position"], hash=last["hash"]))
    engine.dispose()


def _export(path: Path, folder: Path, *, xlsx: bool = False) -> None:
    engine = for_reading(str(path))
    assert exported(engine, folder, JUNE, xlsx=xlsx).broken is None
    engine.dispose()


def _verify(folder: Path) -> None:
    assert not list(verified(folder))


def _measured(work: Callable[..., None], *given: Any, **named: Any) -> Cost:
    begun = time.process_time()
    work(*given, **named)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(time.process_time() - begun, most)


def _apart(work: Callable[..., None], *given: Any, **named: Any) -> Cost:
    """What it takes in a new process: nothing that was done before it counts."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one:
        return one.submit(_measured, work, *given, **named).result()


def _costs(place: Path, size: int) -> dict[str, Cost]:
    """Of a register of this size, which is exported to `<size>` in this folder."""
    path, folder = place / f"{size}.db", place / str(size)
    _apart(_fill, path, size)
    taken = {"export": _apart(_export, path, folder), "verify": _apart(_verify, folder)}
    if size <= MOST_IN_A_WORKBOOK:
        taken["workbook"] = _apart(_export, path, place / f"{size}.xlsx", xlsx=True)
    return taken


def wrong_sums(folder: Path, count: int) -> list[str]:
    """The amounts that do not add up to what was put in: in the manifest, and over all rows."""
    wanted = Counter[str]()
    for place in range(count):
        wanted.update(_cents(place))
    (told,) = Manifest.model_validate_json((folder / MANIFEST).read_text()).totals
    rows, taxed = Counter[str](), 0
    with (folder / "invoices.jsonl").open() as lines:
        for one in map(json.loads, lines):
            rows.update({name: _in_cents(one[name]) for name in AMOUNTS})
    with (folder / "vat.jsonl").open() as lines:
        taxed = sum(_in_cents(json.loads(line)["vat"]) for line in lines)
    wrong = [name for name in AMOUNTS if _in_cents(getattr(told, name)) != wanted[name]]
    wrong += [f"{name} of the rows" for name in AMOUNTS if rows[name] != wanted[name]]
    return [*wrong, *(["the VAT rows"] if taxed != wanted["vat"] else [])]


def _in_cents(amount: str) -> int:
    return int(Decimal(amount).scaleb(2))


def not_found(folder: Path, flips: int) -> list[str]:
    """Of so many bits that are flipped one after the other and put back, those that `verified` does
    not find. The larger a file, the more of them are in it."""
    chance = random.Random(1)  # noqa: S311
    files = sorted(folder.iterdir())
    sizes = [each.stat().st_size for each in files]
    missed = []
    for file in chance.choices(files, sizes, k=flips):
        where, bit = chance.randrange(file.stat().st_size), chance.randrange(8)
        _flip(file, where, bit)
        if next(verified(folder), None) is None:
            missed.append(f"{file.name}, byte {where}, bit {bit}")
        _flip(file, where, bit)
    if left := next(verified(folder), None):
        missed.append(f"when all are put back: {left}")
    return missed


def _flip(file: Path, where: int, bit: int) -> None:
    with file.open("r+b") as data:
        data.seek(where)
        (before,) = data.read(1)
        data.seek(where)
        data.write(bytes([before ^ 1 << bit]))


def main() -> None:
    """Measure all at every size, and print the ratios."""
    parser = argparse.ArgumentParser(
        "benchmarks.exports", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer invoices")
    sizes, flips = (QUICK, QUICK_FLIPS) if parser.parse_args().quick else (SIZES, FLIPS)
    wrong: list[str] = []
    costs: dict[str, dict[int, Cost]] = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for size in track(sizes, "Sizes", console=screen(error=True)):
            for what, cost in _costs(place, size).items():
                costs.setdefault(what, {})[size] = cost
            wrong += [f"{size:,} invoices: {each}" for each in wrong_sums(place / str(size), size)]
        wrong += not_found(place / str(sizes[0]), flips)
    _show(costs)
    for what in ("export", "verify"):
        grown = costs[what][sizes[-1]].mebibytes / costs[what][sizes[-2]].mebibytes
        print(f"{what}: {sizes[-1]:,} invoices take {grown:.2f} × the memory of {sizes[-2]:,}")
        if grown > FLAT:
            wrong.append(f"{what}: memory is not flat")
    print(f"{flips:,} bits flipped in an export of {sizes[0]:,}; wrong: {wrong or 'nothing'}")
    raise SystemExit(bool(wrong))


def _show(costs: dict[str, dict[int, Cost]]) -> None:
    table = Table("What", "Invoices", "µs per invoice", "Resident, MiB")
    for what, taken in costs.items():
        for size, cost in taken.items():
            each = f"{cost.seconds / size * 1e6:.0f}"
            table.add_row(what, f"{size:,}", each, f"{cost.mebibytes:.0f}")
    screen().print(table)
    for what, taken in costs.items():
        # A workbook is not made of every size.
        if len(taken) > 1:
            seconds = [log(cost.seconds) for cost in taken.values()]
            slope = linear_regression([log(size) for size in taken], seconds).slope
            print(f"{what}: time grows with the invoices to the power of {slope:.2f}")


if __name__ == "__main__":
    main()
