"""What reading a file of requests costs, over its rows: `python -m benchmarks.files [--quick]`.

Each kind of file is made, looked through and read invoice by invoice, as `batch` does it, at some
sizes, up to 100,000 rows. The exponent says how the time grows: 1 is in proportion, 2 is four times
for twice as much. Memory is the most that Python had at once, beyond what it had before: as a ratio
to that of the smallest file it says whether a file is held as a whole.

Time is CPU time. Memory is measured in a turn of its own, which is slower.

`--whole` reads the largest workbook that may be read instead, with as many rows, in a process of
its own: its memory is what the system has given it, beyond what it had before.
"""

from __future__ import annotations

import argparse
import csv
import gc
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from itertools import chain
from math import log
from pathlib import Path
from statistics import linear_regression

import openpyxl
from rich.progress import track
from rich.table import Table

from benchmarks.workbooks import write
from tabular.bounds import MOST_ROWS
from tabular.requests import opened
from terminal import screen

SIZES = (1_000, 10_000, 100_000)
QUICK = (200, 1_000, 5_000)
HEADER = (
    *("reference", "provider", "currency", "issue_date", "due_date", "buyer.name"),
    *("buyer.account_number", "line.id", "line.name", "line.quantity", "line.unit_price"),
    "line.vat.rate",
)
LINES = 4
"""Of each invoice."""


def _rows(count: int, *, scattered: bool = False) -> Iterator[list[str]]:
    """So many rows; scattered: the lines of an invoice stand as far apart as they can."""
    invoices = count // LINES
    for row in range(count):
        invoice, line = (row % invoices, row // invoices) if scattered else divmod(row, LINES)
        yield [
            f"JUNE-{invoice}",
            "zero_friction",
            "EUR",
            "30/06/2026",
            "30/07/2026",
            "Canary Energy BV",
            "K-1001",
            f"{line + 1}",
            "[4711] Replacement of a heat meter",
            "1.250",
            "89,00",
            "21",
        ]


def _csv(path: Path, rows: Iterator[list[str]]) -> Path:
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8-sig") as out:
        table = csv.writer(out, delimiter=";")
        table.writerow(HEADER)
        table.writerows(rows)
    return path.with_suffix(".csv")


def _xlsx(path: Path, rows: Iterator[list[str]]) -> Path:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(HEADER)
    for row in rows:
        sheet.append(row)
    book.save(path.with_suffix(".xlsx"))
    return path.with_suffix(".xlsx")


FIGURES = frozenset(map(HEADER.index, ("line.quantity", "line.unit_price", "line.vat.rate")))


def _whole(path: Path, count: int) -> None:
    """As Excel writes it, with a text of its own in each row."""
    with path.open("wb") as out:
        write(out, chain([HEADER], map(_own_text, _rows(count))), FIGURES)


def _own_text(row: list[str]) -> list[str]:
    name, price = f"Meter of {row[0]}, line {row[7]}", "89.5"
    return [*row[:8], name, "1250", price, row[11]]


KINDS: dict[str, Callable[[Path, int], Path]] = {
    "CSV": lambda path, count: _csv(path, _rows(count)),
    "CSV, lines scattered": lambda path, count: _csv(path, _rows(count, scattered=True)),
    "XLSX": lambda path, count: _xlsx(path, _rows(count)),
}


def _read(path: Path) -> int:
    count = 0
    for entry in opened(path).entries():
        assert entry.request, entry.wrong
        count += 1
    return count


def _seconds(path: Path) -> float:
    gc.collect()
    begun = time.process_time()
    _read(path)
    return time.process_time() - begun


def _peak(path: Path) -> int:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    try:
        _read(path)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def largest(rows: int) -> None:
    """Make it, and have it read elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "whole.xlsx")
        _whole(path, rows)
        command = (sys.executable, "-m", __spec__.name, "--read", str(path))
        subprocess.run(command, check=True)  # noqa: S603


def _read_here(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _whole(small := Path(folder, "warm.xlsx"), LINES)
        _read(small)
    held = _held()
    begun = time.process_time()
    invoices = _read(path)
    seconds, beyond, size = time.process_time() - begun, _held() - held, path.stat().st_size
    with zipfile.ZipFile(path) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    print(
        f"{invoices:,} invoices in {size / 1e6:.1f} MB, {unpacked / 1e6:.0f} MB unpacked: "
        f"{seconds:.0f} s of CPU, {beyond / 1e6:.1f} MB of memory beyond, "
        f"{beyond / size:.1f} times the file"
    )


def _held() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure every kind at every size, and print the ratios."""
    parser = argparse.ArgumentParser("benchmarks.files", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller files")
    parser.add_argument("--whole", action="store_true", help="the largest workbook alone")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.read:
        _read_here(chosen.read)
    elif chosen.whole:
        largest(QUICK[-1] if chosen.quick else MOST_ROWS)
    else:
        _every(QUICK if chosen.quick else SIZES)


def _every(sizes: tuple[int, ...]) -> None:
    table = Table("File", "Rows", "µs per row", "Peak, kB", "Peak, ratio", "Bytes per row beyond")
    exponents = []
    with tempfile.TemporaryDirectory() as folder:
        _read(KINDS["CSV"](Path(folder, "warm"), 100))
        for name, make in KINDS.items():
            times, peaks = [], []
            for size in track(sizes, name, console=screen(error=True)):
                path = make(Path(folder, f"{size}"), size)
                times.append(_seconds(path))
                peaks.append(_peak(path))
                beyond = (peaks[-1] - peaks[0]) / max(1, size - sizes[0])
                row = (f"{size:,}", f"{times[-1] / size * 1e6:.0f}", f"{peaks[-1] / 1024:,.0f}")
                table.add_row(name, *row, f"{peaks[-1] / peaks[0]:.1f}", f"{beyond:.0f}")
            slope = linear_regression([log(each) for each in sizes], [log(each) for each in times])
            exponents.append(f"{name}: time grows with the rows to the power of {slope.slope:.2f}")
    screen().print(table)
    print("\n".join(exponents))


if __name__ == "__main__":
    main()
