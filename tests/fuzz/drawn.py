"""The plan of one life, by chance: the same seed and number draw the same plan."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import get_args

from sandbox.kit.faults import Placed, When
from sandbox.kit.server import StandIn
from tests.fuzz.setups import SETUPS, TIMEOUT, Setup
from tests.fuzz.worker import EFFECT

WIRE = ("reset", "time_out", "500", "502", "503", "429", "not_json", "truncated", "refuse")
WHENS: tuple[When, ...] = get_args(When)
LATEST = EFFECT * 0.6
"""Seconds after its arrival at which a call takes effect at the latest."""
DEEDS = (
    "hold",
    "cancel",
    "cancel",
    "engine_cancel",
    "terminate_and_begin_again",
    "terminate_and_begin_again",
    "cancel_and_begin_again",
)


@dataclass(frozen=True)
class Fault:
    """What strikes at one call; see sandbox.kit.faults."""

    step: str
    fault: str
    nth: int
    when: When
    seconds: float | None = None
    key: str | None = None

    def place(self, stand_in: StandIn) -> Placed:
        """Put it into its place, counted from now."""
        return stand_in.faults.place(
            self.step,
            self.fault,
            nth=self.nth,
            when=self.when,
            seconds=self.seconds,
            key=self.key,
            retry_after=0 if self.fault in ("429", "503") else None,
        )

    def __str__(self) -> str:
        late = f" {self.seconds:.1f} s" if self.seconds else ""
        key = f":{self.key}" if self.key else ""
        return f"{self.step} {self.nth}: {self.fault}{key} {self.when}{late}"


@dataclass(frozen=True)
class Deed:
    """What somebody does, `after` so many seconds or at the first call of this step from then."""

    what: str
    after: float
    at: str | None
    by_signal: bool


@dataclass(frozen=True)
class Plan:
    """One life: `seed` draws what is decided on the way."""

    number: int
    seed: str
    reference: str
    setup: Setup
    order: bool
    goal: str
    hold: bool
    faults: tuple[Fault, ...]
    deeds: tuple[Deed, ...]
    hasty: bool

    def __str__(self) -> str:
        lines = [f"life {self.number} ({self.reference}) at {self.setup.name}, to be {self.goal}"]
        lines[0] += " as an order" * self.order + ", held" * self.hold + ", hasty" * self.hasty
        lines += [f"  fault  {one}" for one in self.faults]
        lines += [
            f"  deed   {one.what} after {one.after:.1f} s"
            f"{f', at {one.at}' if one.at else ''}{', by signal' if one.by_signal else ''}"
            for one in self.deeds
        ]
        return "\n".join(lines)


def plan(seed: int, number: int) -> Plan:
    """The plan of life `number`."""
    own = f"{seed}/{number}"
    chance = random.Random(own)  # noqa: S311
    names = list(SETUPS)
    setup = SETUPS[names[number % len(names)]]
    order = setup.orders and chance.random() < 0.15
    return Plan(
        number=number,
        seed=own,
        reference=f"F{seed}-{number:05d}",
        setup=setup,
        order=order,
        goal=chance.choice(("sent", "sent", "sent", "approved", "drafted", "paid")),
        hold=chance.random() < 0.15,
        faults=tuple(_faults(setup, chance)),
        deeds=tuple(_deeds(setup, chance)),
        hasty=chance.random() < 0.35,
    )


def _faults(setup: Setup, chance: random.Random) -> list[Fault]:
    made: list[Fault] = []
    for step in setup.changes:
        for nth, often in ((1, 0.4), (2, 0.2)):
            if chance.random() < often:
                made += [_of_a_change(setup, step, nth, chance)]
    for step in setup.reads:
        if chance.random() < 0.12:
            when = chance.choice(WHENS)
            made.append(Fault(step, chance.choice(WIRE), chance.randint(1, 3), when))
    for step, fault, key, _ in setup.told:
        if step not in setup.changes and chance.random() < 0.05:
            made.append(Fault(step, fault, chance.randint(1, 2), "after", key=key))
    return made


def _of_a_change(setup: Setup, step: str, nth: int, chance: random.Random) -> Fault:
    told = [one for one in setup.told if one[0] == step]
    drawn = chance.random()
    if drawn < 0.3:
        return Fault(step, "slow", nth, "before", seconds=chance.uniform(TIMEOUT, LATEST))
    if drawn < 0.6 and told:
        _, fault, key, when = chance.choice(told)
        return Fault(step, fault, nth, when, key=key)
    return Fault(step, chance.choice(WIRE), nth, chance.choice(WHENS))


def _deeds(setup: Setup, chance: random.Random) -> list[Deed]:
    many = chance.choice((0, 0, 1, 1, 1, 2))
    made = []
    for _ in range(many):
        what = chance.choice(DEEDS)
        at = chance.choice((None, *setup.changes[:3]))
        made.append(Deed(what, chance.uniform(0, 2.5), at, chance.random() < 0.3))
    return made
