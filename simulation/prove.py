"""Live many lives and say what was found.

    python -m simulation.prove --seed 1 --lives 2000

Each seed is one life. The same commit and seeds give the same digest to everybody, whatever the
number of processes. Ends with code 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import logging
import multiprocessing
import os
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

from simulation.drawing import draw_life
from simulation.judge.sentences import Sentence, Violation
from simulation.life import Lived, live
from simulation.shrink import shrink

CHUNK = 20


@dataclass
class Found:
    """What came of some lives, in the order of their seeds."""

    lives: int = 0
    activations: int = 0
    replays: int = 0
    ambiguous: int = 0
    invoices: int = 0
    digests: list[str] = field(default_factory=list)
    violations: list[tuple[int, Violation]] = field(default_factory=list)
    crashes: list[tuple[int, str]] = field(default_factory=list)
    """Lives that could not be lived: the simulation itself is wrong."""

    def take(self, seed: int, lived: Lived) -> None:
        """Add one life."""
        self.lives += 1
        self.activations += lived.activations
        self.replays += lived.replays
        self.ambiguous += lived.ambiguous
        self.invoices += lived.invoices
        self.digests.append(lived.digest)
        self.violations += [(seed, each) for each in lived.violations]

    def add(self, other: Found) -> None:
        """Add what came of the lives that follow."""
        self.lives += other.lives
        self.activations += other.activations
        self.replays += other.replays
        self.ambiguous += other.ambiguous
        self.invoices += other.invoices
        self.digests += other.digests
        self.violations += other.violations
        self.crashes += other.crashes

    @property
    def digest(self) -> str:
        """Of all that happened in all lives."""
        return hashlib.sha256("\n".join(self.digests).encode()).hexdigest()[:32]

    @property
    def good(self) -> bool:
        """Whether nothing was broken."""
        return not (self.violations or self.crashes)


def prove(seeds: Sequence[int]) -> Found:
    """Live these lives, one after the other, in this process."""
    logging.disable(logging.CRITICAL)
    found = Found()
    try:
        for seed in seeds:
            _live(seed, found)
    finally:
        logging.disable(logging.NOTSET)
    return found


def _live(seed: int, found: Found) -> None:
    try:
        found.take(seed, live(draw_life(seed)))
    except Exception:  # noqa: BLE001 - told with its seed, and the others are lived all the same
        found.crashes.append((seed, traceback.format_exc()))


def collect_seldom() -> None:
    """Lives make much garbage, and hardly any that is not freed at once: to search for it as often
    as usual costs a seventh of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def prove_in_parallel(seed: int, lives: int, jobs: int) -> Found:
    """Live the lives from this seed on, in so many processes. The digest is the same for any."""
    chunks = [
        range(first, min(first + CHUNK, seed + lives)) for first in range(seed, seed + lives, CHUNK)
    ]
    found = Found()
    collect_seldom()
    if jobs == 1:
        for part in map(prove, chunks):
            found.add(part)
        return found
    with multiprocessing.get_context("spawn").Pool(jobs, collect_seldom) as pool:
        for part in pool.imap(prove, chunks):
            found.add(part)
    return found


def told(seed: int, sentence: Sentence) -> Iterator[str]:
    """The shortest story of this violation, in plain words."""
    life, decisions, lived = shrink(draw_life(seed), sentence)
    yield f"Seed {seed} breaks: {sentence.value}"
    yield f"  {life.told()}"
    yield "  what goes wrong, and who interferes:"
    yield from (f"    - {each}" for each in decisions) if decisions else ("    - nothing",)
    yield "  what happens:"
    begun = lived.story[0][0] if lived.story else None
    yield from (f"    {_since(at, begun)}  {line}" for at, line in _without_repeats(lived.story))
    yield from (f"  => {each.what}" for each in lived.violations if each.sentence is sentence)


_MOST_LINES = 60


def _without_repeats(story: Sequence[tuple[datetime, str]]) -> Iterable[tuple[datetime, str]]:
    if len(story) <= _MOST_LINES:
        return story
    half = _MOST_LINES // 2
    return chain(story[:half], [(story[half][0], "…")], story[-half:])


def _since(at: datetime, begun: datetime | None) -> str:
    passed = at - (begun or at)
    hours, rest = divmod(int(passed.total_seconds()), 3600)
    return f"{hours:4d}:{rest // 60:02d}:{rest % 60:02d}"


def commit() -> str:
    """Which code this is, and whether it was changed since."""
    head, changed = _git("rev-parse", "--short=12", "HEAD"), _git("status", "--porcelain")
    return f"{head or 'unknown'}{' and changes' if changed else ''}"


def _git(*words: str) -> str:
    here = Path(__file__).parent
    try:
        ran = subprocess.run(
            ["git", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=here,
        )
    except OSError:
        return ""
    return ran.stdout.strip()


def report(found: Found, seed: int, took: float, jobs: int) -> Iterator[str]:
    """What was found, in lines."""
    yield f"commit        {commit()}"
    yield f"seeds         {seed} to {seed + found.lives + len(found.crashes) - 1}"
    yield f"lives         {found.lives}, of {found.invoices} invoices"
    yield f"activations   {found.activations}, of them {found.replays} replays"
    yield f"ambiguous     {found.ambiguous} calls whose answer did not say what they did"
    yield f"violations    {len(found.violations)}"
    yield f"digest        {found.digest}"
    speed = f"{found.lives / took:.0f} lives per second"
    yield f"took          {took:.1f} s in {jobs} processes, {speed}"
    for sentence, count in Counter(each.sentence for _, each in found.violations).most_common():
        seeds = [str(seed) for seed, each in found.violations if each.sentence is sentence]
        more = " …" if len(seeds) > 10 else ""
        yield f"  {count:5d} × {sentence.value}: seeds {', '.join(seeds[:10])}{more}"


def first_of_each(found: Found) -> Iterator[tuple[int, Sentence]]:
    """The first life that breaks each sentence."""
    seen: set[Sentence] = set()
    for seed, violation in found.violations:
        if violation.sentence not in seen:
            seen.add(violation.sentence)
            yield seed, violation.sentence


def _seeds(given: argparse.Namespace) -> range:
    return range(given.seed, given.seed + given.lives)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. 0 where every promise held."""
    parser = argparse.ArgumentParser(prog="python -m simulation.prove", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first life's")
    parser.add_argument("--lives", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--stories", type=int, default=5, help="how many violations are told")
    parser.add_argument("--first", action="store_true", help="end at the first violation")
    given = parser.parse_args(arguments)
    if given.first:
        return 0 if all(prove([seed]).good for seed in _seeds(given)) else 1
    begun = time.perf_counter()
    found = prove_in_parallel(given.seed, given.lives, given.jobs)
    for line in report(found, given.seed, time.perf_counter() - begun, given.jobs):
        print(line)
    for seed, sentence in list(first_of_each(found))[: given.stories]:
        print(*["", *told(seed, sentence)], sep="\n")
    for seed, crash in found.crashes[:3]:
        print(f"\nSeed {seed} cannot be lived:\n{crash}")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
