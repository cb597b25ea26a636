"""Clean invoices through the real workflow, and held against each provider that lists them:
`python -m benchmarks.clean [--invoices N] [--lived N]`.

Some are asked for, lived by the workflow against a stand-in over HTTP, and written down by a
register in a file: sent, drafted, held, cancelled, unpaid, paid, paid in part, taken back or
credited. The others are what these left on both sides, again under other names: to live ten
thousand takes half an hour, to compare them some seconds. `--lived` says how many live, all of them
where it is as many as `--invoices`. Then each account is reconciled. Exit code 1 where anything is
found, for nothing is wrong; where less was listed than there is; and where an invoice was read for
nothing: the calls are the pages, and one for each finding.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.table import Table

from benchmarks.multiplied import multiplied
from invoicing.process import run
from terminal import screen
from tests.lifecycle.clean import clean_lives
from tests.lifecycle.reconciled import LISTING, Kept, findings, kept_at, opened, reconciled

AT_ONCE = 4
"""Lives. Each is followed under the time limit of a test."""
LISTED_WITHIN = 20.0
"""Seconds for a call: a stand-in puts thousands in order for one page."""
PATIENCE = timedelta(minutes=10)
"""With one reconciliation."""


@dataclass(frozen=True)
class Held:
    """An account that was held against the register."""

    provider: str
    lived: int
    living: float
    """Seconds for all lives."""
    there: int
    """How many there are of them, copies included."""
    listed: int
    pages: int
    reads: int
    comparing: float
    found: list[str]
    """The kinds of what was found."""

    @property
    def wrong(self) -> bool:
        """Whether anything was found, not all was seen, or more was read than was found. Of
        each round of lives one is cancelled as a draft, which no provider lists."""
        rounds = len(clean_lives(self.provider))
        unseen = self.listed < self.there - -(-self.there // rounds)
        return bool(self.found) or unseen or self.reads > len(self.found)


async def _lived(kept: Kept, provider: str, count: int, in_all: int) -> Held:
    lives = clean_lives(provider)
    async with opened(kept.here, provider, LISTED_WITHIN) as shop:
        numbers = iter(range(count))

        async def one_after_the_other() -> None:
            for number in numbers:
                await lives[number % len(lives)](kept, shop)

        begun = time.monotonic()
        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
        living = time.monotonic() - begun
        there = await asyncio.to_thread(
            multiplied, shop.stand_in.books.invoices, kept.place, shop.account, -(-in_all // count)
        )
        begun = time.monotonic()
        done = await reconciled(kept.here, shop, PATIENCE)
        return Held(
            provider=provider,
            lived=count,
            living=living,
            there=there,
            listed=done.listed,
            pages=done.pages,
            reads=done.reads,
            comparing=time.monotonic() - begun,
            found=[str(each.kind) for each in findings(kept.place, shop)],
        )


async def measure(count: int, lived: int, folder: Path) -> list[Held]:
    """So many in all, of which so many have lived; at one provider after the other."""
    each, living = -(-count // len(LISTING)), -(-lived // len(LISTING))
    async with kept_at(str(folder / "register.db")) as kept:
        return [await _lived(kept, name, min(living, each), each) for name in LISTING]


def main() -> None:
    """Live them, reconcile, and print a line for each provider."""
    parser = argparse.ArgumentParser("benchmarks.clean")
    parser.add_argument("--invoices", type=int, default=10_000, help="at all providers together")
    parser.add_argument("--lived", type=int, default=300, help="how many of them the workflow made")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        every = run(measure(told.invoices, told.lived, Path(name)))
    columns = ("Provider", "Lives", "s", "Invoices", "Listed", "Pages", "Read")
    table = Table(*columns, "Reconciled in, s", "Found")
    for one in every:
        figures = (one.lived, f"{one.living:.0f}", one.there, one.listed, one.pages, one.reads)
        found = ", ".join(one.found) or "nothing"
        table.add_row(one.provider, *map(str, figures), f"{one.comparing:.1f}", found)
    screen().print(table)
    raise SystemExit(any(one.wrong for one in every))


if __name__ == "__main__":
    main()
