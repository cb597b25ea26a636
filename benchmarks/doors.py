"""What reading a request costs, over its size: `python -m benchmarks.doors [--quick]`.

`benchmarks.bodies` does the same for everything else that somebody can send.

Everybody can send a request, so its cost must be in proportion to what was sent. Each kind is read
at several sizes as the gateway reads it, and what is accepted is read once more as the worker does
it. Both stand beside a baseline of the same run: Python's own `json.loads` of the same bytes. The
exponent says how the time grows: 1 is in proportion, 2 is four times for twice as much.

Time is CPU time, the least of several turns. Memory is the most that Python had at once, beyond
what it had before, measured in a turn of its own.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from math import log
from statistics import linear_regression
from typing import Any

from rich.table import Table
from temporalio.api.common.v1 import Payload

from invoicing.errors import InvalidRequest
from invoicing.parse import read_request
from invoicing.state.case import InvoiceInput
from invoicing.temporal.converter import data_converter
from terminal import screen

COMMAND = "python -m benchmarks.doors"
VAT = {"rate": "21"}


@dataclass(frozen=True)
class Kind:
    """One kind of content, and the sizes at which it is read."""

    name: str
    sizes: tuple[int, ...]
    document: Callable[[int], dict[str, Any]]


def _document(lines: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "currency": "EUR",
        "issue_date": "2026-06-30",
        "buyer": {"name": "Canary Energy BV"},
        "lines": lines,
        **more,
    }


def _lines(count: int, **more: Any) -> list[Any]:
    line = {"name": "Meter replacement", "quantity": "2", "unit_price": "89.00", "vat": VAT, **more}
    return [{"id": f"{number}", **line} for number in range(count)]


def _adjusted_lines(count: int) -> dict[str, Any]:
    """On a hundred lines, half of them allowances."""
    each = [{"percent": "0.5", "reason": "loyalty"}] * (count // 200)
    return _document(_lines(100, allowances=each, charges=each))


def _adjusted_documents(count: int) -> dict[str, Any]:
    """With ten times as many lines: what one costs must not be multiplied by the other."""
    each = [{"percent": "0.5", "reason": "loyalty", "vat": VAT}] * (count // 2)
    return _document(_lines(10 * count), allowances=each, charges=each)


def _unknown(count: int) -> dict[str, Any]:
    return _document(_lines(1), **{f"x{number}": 0 for number in range(count)})


def _nested(depth: int) -> list[Any]:
    return [_nested(depth - 1)] if depth > 1 else []


KINDS = (
    Kind("lines", (125, 250, 500, 1000), lambda count: _document(_lines(count))),
    Kind("adjustments of lines", (600, 1200, 2400, 4800), _adjusted_lines),
    Kind(
        "adjustments of the document, ten times the lines", (12, 24, 50, 100), _adjusted_documents
    ),
    Kind("empty objects as lines", (1000, 10_000, 100_000, 330_000), lambda n: _document([{}] * n)),
    Kind(
        "empty objects as adjustments",
        (600, 1200, 2400, 4800),
        lambda n: _document(_lines(100, allowances=[{}] * (n // 100))),
    ),
    Kind("unknown fields", (1000, 10_000, 50_000, 90_000), _unknown),
    Kind("lists in lists", (100, 400, 1600, 9000), lambda count: _document([_nested(50)] * count)),
)


@dataclass(frozen=True)
class Cost:
    """Of one thing done once: seconds of CPU, and bytes at most."""

    seconds: float
    memory: int


@dataclass(frozen=True)
class Figures:
    """One kind at one size. `again` is None where it is refused."""

    size: int
    sent: int
    baseline: Cost
    read: Cost
    again: Cost | None


def examine(kind: Kind, turns: int) -> list[Figures]:
    """Read it at every size."""
    return [_examined(size, _written(kind.document(size)), turns) for size in kind.sizes]


def _written(document: dict[str, Any]) -> bytes:
    request = {"reference": "B-1", "provider": "zero_friction", "document": document}
    return json.dumps(request, separators=(",", ":")).encode()


def _examined(size: int, text: bytes, turns: int) -> Figures:
    again = None
    with suppress(InvalidRequest):
        stored = data_converter.payload_converter.to_payload(read_request(text))
        again = cost(lambda: _decode(stored), turns)
    return Figures(
        size=size,
        sent=len(text),
        baseline=cost(lambda: json.loads(text), turns),
        read=cost(lambda: _read(text), turns),
        again=again,
    )


def _read(text: bytes) -> None:
    with suppress(InvalidRequest):
        read_request(text)


def _decode(stored: Payload) -> None:
    data_converter.payload_converter.from_payload(stored, InvoiceInput)


def cost(work: Callable[[], object], turns: int) -> Cost:
    """What doing it once costs: the least time of several turns, and the memory of one more."""
    work()
    seconds = min(_seconds(work) for _ in range(turns))
    gc.collect()
    tracemalloc.start()
    work()
    _, memory = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Cost(seconds, memory)


def _seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def exponent(points: Iterable[tuple[float, float]]) -> float:
    """Of the power of the first that the second of each pair grows with."""
    xs, ys = zip(*((log(x), log(y)) for x, y in points), strict=True)
    return linear_regression(xs, ys).slope


# --- what is shown --------------------------------------------------------------------------------


def _table(kind: Kind, found: list[Figures]) -> Table:
    table = Table("how many", "sent", "read", "× json", "memory", "× sent", "again", "× json")
    for one in found:
        table.add_row(
            f"{one.size}",
            f"{one.sent / 1000:.0f} kB",
            *beside(one.read, one.baseline),
            f"{one.read.memory / 1000:.0f} kB",
            f"{one.read.memory / one.sent:.1f}",
            *(beside(one.again, one.baseline) if one.again else ("refused", "")),
        )
    grows = exponent((one.sent, one.read.seconds) for one in found)
    held = exponent((one.sent, one.read.memory) for one in found)
    table.title = kind.name
    table.caption = f"exponent over what is sent: time {grows:.2f}, memory {held:.2f}"
    return table


def beside(found: Cost, baseline: Cost) -> tuple[str, str]:
    """The time, by itself and as a multiple of the baseline's."""
    return f"{found.seconds * 1000:.1f} ms", f"{found.seconds / baseline.seconds:.1f}"


def main(turns: int) -> None:
    """Measure every kind, and show each as soon as it is known."""
    console = screen()
    for kind in KINDS:
        console.print(_table(kind, examine(kind, turns)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure what a request costs.")
    parser.add_argument("--quick", action="store_true", help="one turn of each: a rough idea")
    main(1 if parser.parse_args().quick else 5)
