"""What a register costs an invoice: `python -m benchmarks.registered [--quick]`.

The same lifecycle with a provider that answers from memory: without a register, with one in a file,
and with one on PostgreSQL where that is installed, whose own CPU is not in it. See `beside`.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.beside import Spent, beside, shown
from benchmarks.kinds import Kind, memory_kind
from drill.postgres import programs
from invoicing import process
from invoicing.client import InvoicingClient
from terminal import screen
from tests.register.postgres import cluster, created

WITHOUT = "without"
FULL, QUICK = (24, 10), (8, 6)
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


def _made(name: str, place: str | None) -> Callable[[str], Awaitable[Kind]]:
    async def made(address: str) -> Kind:
        plain = memory_kind(await InvoicingClient.connect(address))
        where = {"INVOICING_REGISTER_AT": place} if place else {}
        return replace(plain, name=name, variables={**plain.variables, **where})

    return made


async def examine(turns: int, count: int, places: dict[str, str]) -> dict[str, list[Spent]]:
    """All turns, by kind."""
    every: dict[str, str | None] = {WITHOUT: None, **places}
    return await beside([_made(*each) for each in every.items()], turns, count)


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
