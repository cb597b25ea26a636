"""Everything that can go wrong at a step of a life, as scenarios."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from invoicing.state.questions import Reason
from sandbox.kit.faults import Fault, Placed, When
from sandbox.kit.server import StandIn
from tests.lifecycle.kinds.kind import (
    ABANDON,
    DID_NOT_HAPPEN,
    HAPPENED,
    LOST,
    WHENS,
    Expected,
    Kind,
    Life,
    Shop,
)
from tests.patience import LONG_ENOUGH

LATE = tuple((fault, when) for fault in ("slow", "gate") for when in WHENS)


@dataclass(frozen=True)
class Scenario:
    """A life, and the faults at consecutive calls of its step, or all at one call."""

    life: Life
    faults: tuple[tuple[str, When], ...]
    expected: Expected
    at_one_call: bool = False

    def __str__(self) -> str:
        faults = ", ".join(f"{fault} {when}" for fault, when in self.faults)
        return f"{self.life.name}: {faults}"

    def place(self, stand_in: StandIn) -> list[Placed]:
        """Put the faults into their places."""
        first, last = self.life.nth, self.life.nth + len(self.faults)
        calls = [first] * len(self.faults) if self.at_one_call else range(first, last)
        return [
            stand_in.faults.place(
                self.life.step,
                fault.partition(":")[0],
                when=when,
                nth=nth,
                key=fault.partition(":")[2] or None,
            )
            for nth, (fault, when) in zip(calls, self.faults, strict=True)
        ]


def scenarios(kind: Kind, life: Life) -> list[Scenario]:
    """Everything that can go wrong at this step."""
    own = [*_odd(life)]
    if not life.wire:
        return own
    told = {
        (fault, when)
        for faults, *outcomes in life.odd
        for fault in faults.split()
        for when in (WHENS if len(outcomes) == 1 else WHENS[: len(outcomes)])
    }
    lost = [
        (fault, when)
        for when in WHENS
        for fault in f"{LOST} {life.lost} 429".split()
        if (fault, when) not in told
    ]
    if life.asks:
        return [_late(life), _in_a_row(life, lost), *own]
    told_of = _asked_about if kind.blind else _repeated if kind.repeatable else _changed
    return [_late(life), *told_of(life, lost), *own]


def _late(life: Life) -> Scenario:
    # When such a fault is placed says nothing: it strikes what is told later.
    harmless = tuple((fault, WHENS[0]) for fault in life.harmless.split())
    expected = Expected(life.calls, life.parked, life.answer, life.adopted)
    return Scenario(life, (*LATE, *harmless), expected, at_one_call=True)


def _changed(life: Life, lost: list[tuple[str, When]]) -> Iterator[Scenario]:
    """Before the effect it is done again; after it, the next look shows that it happened."""
    yield _in_a_row(life, [one for one in lost if one[1] == "before"])
    seen = Expected(life.calls, adopted=life.creates)
    for one in lost:
        if one[1] == "after":
            yield Scenario(life, (one,), seen)


def _asked_about(life: Life, lost: list[tuple[str, When]]) -> Iterator[Scenario]:
    """Nobody can look: a person who did says whether it happened, or ends it where it did."""
    there = ABANDON if life.creates else HAPPENED
    reason = Reason.MAY_EXIST if life.creates else Reason.CANNOT_TELL
    for fault, when in lost:
        calls = life.calls if when == "after" or life.calls is None else life.calls + 1
        answer = there if when == "after" else DID_NOT_HAPPEN
        yield Scenario(life, ((fault, when),), Expected(calls, (reason,), answer))


def _repeated(life: Life, lost: list[tuple[str, When]]) -> Iterator[Scenario]:
    """It is made again until there is an answer, whether it happened or not."""
    for when in WHENS:
        yield _in_a_row(life, [one for one in lost if one[1] == when])


def _in_a_row(life: Life, faults: list[tuple[str, When]]) -> Scenario:
    """One life in which fault upon fault strikes, each at the next call of the step."""
    calls = None if life.calls is None else life.calls + len(faults)
    expected = Expected(calls, life.parked, life.answer, life.adopted)
    return Scenario(life, tuple(faults), expected)


def _odd(life: Life) -> Iterator[Scenario]:
    for faults, *outcomes in life.odd:
        for fault in faults.split():
            for when, outcome in zip(WHENS, outcomes, strict=False):
                yield Scenario(life, ((fault, when),), outcome)


def one_by_one(scenario: Scenario) -> Iterator[Scenario]:
    """The same with one fault per life, where several strike in one."""
    more = 0 if scenario.at_one_call else len(scenario.faults) - 1
    calls = scenario.expected.calls
    expected = replace(scenario.expected, calls=None if calls is None else calls - more)
    for one in scenario.faults:
        yield replace(scenario, faults=(one,), expected=expected)


def uncovered(kind: Kind) -> list[str]:
    """The steps, faults and times that no scenario of this kind is about."""
    made = kind.stand_in()
    known = [*map(str, Fault), *map(str, made.told)]
    wanted = {
        (str(step), fault, when)
        for step in made.steps
        if step not in kind.unused
        for fault in known
        for when in WHENS
    }
    for life in kind.lives:
        for scenario in scenarios(kind, life):
            for fault, when in scenario.faults:
                wanted.discard((life.step, fault.partition(":")[0], when))
        either = [row[0] for row in life.odd if len(row) == 2]
        for fault in " ".join([*either, life.unmoved, life.harmless]).split():
            wanted -= {(life.step, fault.partition(":")[0], when) for when in WHENS}
    return [" ".join(one) for one in sorted(wanted)]


async def pays(shop: Shop, life: Life, reference: str, placed: list[Placed]) -> None:
    """The buyer's part in a life that is to be paid, once everything has gone wrong that should."""
    if life.pays:
        for one in placed:
            await one.reached(within=LONG_ENOUGH)
        shop.stand_in.pay(reference)


def in_time(scenario: Scenario) -> float:
    """How long the adaptor waits for an answer: short only where it waits in vain."""
    return 1 if any(fault == "time_out" for fault, _ in scenario.faults) else 10


async def open_gates(placed: Sequence[Placed]) -> None:
    """Let through whatever stands at a gate."""
    for one in placed:
        if one.fault == Fault.GATE:
            await one.reached(within=LONG_ENOUGH)
            one.release()


@contextlib.asynccontextmanager
async def meanwhile(*tasks: Any) -> AsyncIterator[None]:
    """Run these beside the block; what has not ended with it is cancelled."""
    running = [asyncio.create_task(task) for task in tasks]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
