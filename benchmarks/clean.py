"""Clean invoices through the real workflow, and held against each provider that lists them:
`python -m benchmarks.clean [--invoices N]`.

Each is asked for, lived by the workflow against a stand-in over HTTP, and written down by a
register in a file: sent, drafted, held, cancelled, unpaid, paid, paid in part, taken back or
credited. Then the account is reconciled. Exit code 1 where anything is found, for nothing is wrong,
and where less was listed than lived.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from invoicing.process import run
from terminal import screen
from tests.lifecycle.clean import clean_lives
from tests.lifecycle.reconciled import LISTING, Kept, findings, kept_at, opened, reconciled

AT_ONCE = 4
"""Lives. Each is followed under the time limit of a test."""


@dataclass(frozen=True)
class Held:
    """An account that was held against the register."""

    provider: str
    lived: int
    living: float
    """Seconds for all lives."""
    listed: int
    pages: int
    reads: int
    comparing: float
    found: list[str]
    """The kinds of what was found."""

    @property
    def wrong(self) -> bool:
        """Whether anything was found, or not all was seen: of each round of lives one is cancelled
        as a draft, which no provider lists."""
        rounds = len(clean_lives(self.provider))
        return bool(self.found) or self.listed < self.lived - -(-self.lived // rounds)


async def _lived(kept: Kept, provider: str, count: int) -> Held:
    lives = clean_lives(provider)
    async with opened(kept.here, provider) as shop:
        numbers = iter(range(count))

        async def one_after_the_other() -> None:
            for number in numbers:
                await lives[number % len(lives)](kept, shop)

        begun = time.monotonic()
        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
        living = time.monotonic() - begun
        begun = time.monotonic()
        done = await reconciled(kept.here, shop)
        return Held(
            provider=provider,
            lived=count,
            living=living,
            listed=done.listed,
            pages=done.pages,
            reads=done.reads,
            comparing=time.monotonic() - begun,
            found=[str(each.kind) for each in findings(kept.place, shop)],
        )


async def measure(count: int, folder: Path) -> list[Held]:
    """So many in all, at one provider after the other."""
    async with kept_at(str(folder / "register.db")) as kept:
        return [await _lived(kept, each, count // len(LISTING)) for each in LISTING]


def main() -> None:
    """Live them, reconcile, and print a line for each provider."""
    parser = argparse.ArgumentParser("benchmarks.clean")
    parser.add_argument("--invoices", type=int, default=10_000, help="at all providers together")
    with tempfile.TemporaryDirectory() as name:
        every = run(measure(parser.parse_args().invoices, Path(name)))
    table = Table("Provider", "Lives", "s", "Listed", "Pages", "Read", "Reconciled in, s", "Found")
    for one in every:
        figures = (one.lived, f"{one.living:.0f}", one.listed, one.pages, one.reads)
        found = ", ".join(one.found) or "nothing"
        table.add_row(one.provider, *map(str, figures), f"{one.comparing:.1f}", found)
    screen().print(table)
    raise SystemExit(any(one.wrong for one in every))


if __name__ == "__main__":
    main()
