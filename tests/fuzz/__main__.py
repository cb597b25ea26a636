"""`python -m tests.fuzz --lives 1000 --seed 1`; exit code 1 when something is wrong."""

from __future__ import annotations

import argparse
import asyncio
import logging
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from invoicing.process import run
from tests.fuzz.drawn import plan
from tests.fuzz.histories import Replays, replayed
from tests.fuzz.life import Verdict, lived
from tests.fuzz.scene import scene
from tests.fuzz.setups import SETUPS


@dataclass
class Outcome:
    """What a fuzz came to."""

    seed: int
    lives: int
    kills: int = 0
    ambiguous: int = 0
    answers: int = 0
    seconds: float = 0.0
    verdicts: list[Verdict] = field(default_factory=list)
    replays: Replays = field(default_factory=Replays)
    troubles: list[str] = field(default_factory=list)
    """What workers said that they must never say, and last words of those that died."""

    @property
    def wrong(self) -> list[Verdict]:
        """The lives in which something is wrong."""
        return [one for one in self.verdicts if one.wrong]

    @property
    def told(self) -> str:
        """The lives in which something is wrong, with everything that helps to see why."""
        return "\n".join([*(one.report for one in self.wrong), str(self)])

    @property
    def violations(self) -> int:
        """How many things are wrong, all together."""
        lives = sum(len(one.wrong) for one in self.wrong)
        return lives + len(self.replays.wrong) + len(self.troubles)

    def __str__(self) -> str:
        ends = Counter(f"{one.plan.setup.name} {one.outcome}" for one in self.verdicts)
        lines = [f"WRONG in a history: {one}" for one in self.replays.wrong]
        lines += [f"WRONG, says a worker: {one}" for one in self.troubles]
        lines += [f"{number:6} {end}" for end, number in sorted(ends.items())]
        slow = sorted(self.verdicts, key=lambda one: -one.seconds)[:3]
        lines += [f"slowest: {one.seconds:.0f} s, life {one.plan.number}" for one in slow]
        lines.append(
            f"commit {_commit()} seed {self.seed} lives {self.lives} kills {self.kills} "
            f"ambiguous calls {self.ambiguous} questions answered {self.answers} "
            f"violations {self.violations} replays {self.replays.replayed} "
            f"(events {self.replays.events}) in {self.seconds:.0f} s"
        )
        return "\n".join(lines)


async def fuzz(
    seed: int, numbers: Sequence[int], at_once: int, *, loud: bool = False, told: bool = False
) -> Outcome:
    """Live these lives, `at_once` at a time; `told`: report all of them."""
    outcome = Outcome(seed, len(numbers))
    begun = time.monotonic()
    async with scene(seed, at_once) as made:
        places = asyncio.Semaphore(at_once + len(SETUPS))

        async def one(number: int) -> None:
            async with places:
                verdict = await lived(made, plan(seed, number), told=told)
            outcome.verdicts.append(verdict)
            if loud:
                _say(outcome, verdict)

        await asyncio.gather(*(one(number) for number in numbers))
        outcome.answers = sum(verdict.answers for verdict in outcome.verdicts)
        outcome.replays = await replayed(made.client.temporal)
        outcome.kills, outcome.ambiguous = made.workers.kills, made.tally["ambiguous"]
    outcome.troubles = made.workers.troubles
    outcome.seconds = time.monotonic() - begun
    return outcome


def _say(outcome: Outcome, verdict: Verdict) -> None:
    done = len(outcome.verdicts)
    if verdict.report:
        sys.stdout.write(f"{verdict.report}\n")
    if verdict.wrong or done % 25 == 0 or done == outcome.lives:
        wrong = len(outcome.wrong)
        sys.stdout.write(f"{done} of {outcome.lives} lives, {wrong} of them wrong\n")
        sys.stdout.flush()


def _commit() -> str:
    asked = ["git", "rev-parse", "--short", "HEAD"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def main(arguments: Sequence[str]) -> int:
    """0: nothing is wrong."""
    reader = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    reader.add_argument("--lives", type=int, default=1000)
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--at-once", type=int, default=30)
    reader.add_argument("--only", type=int, nargs="*", help="the numbers of the lives to be lived")
    reader.add_argument("--all", action="store_true", help="tell of every life, also of good ones")
    given = reader.parse_args(arguments)
    numbers = given.only or range(given.lives)
    for name in ("temporalio", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.ERROR)
    outcome = run(fuzz(given.seed, list(numbers), given.at_once, loud=True, told=given.all))
    sys.stdout.write(f"{outcome}\n")
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
