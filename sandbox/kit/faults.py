"""Faults a stand-in is told to commit: at which call, before or after it takes effect, which one.

A fault is placed by step and by the n-th call of that step, counted from the moment of placing:

    faults.place("create", "time_out", when="after")        the next create: stored, not answered
    faults.place("read", "503", nth=2, times=3)             the 2nd, 3rd and 4th read from now
    gate = faults.place("create", "gate", when="after")     hold the answer until gate.release()
    await gate.reached()                                    … it is stored, the caller is waiting

`before` means nothing is committed; `after` means the effect is committed, then the fault strikes.
`Faults.drawn(seed, steps)` makes a plan by chance that the same seed makes again.

Those of `Fault` happen on the wire and every stand-in knows them. A stand-in adds faults in its own
provider's words (a status nobody documented, an amount that is one cent off) in `StandIn.told`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, get_args

When = Literal["before", "after"]


class Fault(StrEnum):
    """What can go wrong between any client and any server."""

    REFUSE = "refuse"
    """This connection is reset and new ones are refused for `seconds` (0.3)."""
    RESET = "reset"
    """This connection is reset (RST) instead of answered."""
    TIME_OUT = "time_out"
    """No answer until the client hangs up, or `seconds` (60) have passed."""
    TOO_MANY_REQUESTS = "429"
    """With `Retry-After: <retry_after>` (1)."""
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502"
    UNAVAILABLE = "503"
    """With Retry-After if `retry_after` is given."""
    NOT_JSON = "not_json"
    """HTTP 200 with a page of HTML."""
    TRUNCATED = "truncated"
    """HTTP 200 whose Content-Length promises more than is sent."""
    SLOW = "slow"
    """The right answer, `seconds` (0.1) late."""
    GATE = "gate"
    """The right answer, once the test calls `release()`."""


DRAWABLE = tuple(fault for fault in Fault if fault is not Fault.GATE)
_SECONDS: dict[str, float] = {Fault.REFUSE: 0.3, Fault.TIME_OUT: 60.0, Fault.SLOW: 0.1}
_RETRY_AFTER: dict[str, int] = {Fault.TOO_MANY_REQUESTS: 1}


@dataclass(eq=False)
class Placed:
    """One fault in its place; `first` and `times` are absolute calls of `step`, from 1.

    `key` is for a stand-in's own faults (an error key, a status word); what it means stands there.
    """

    id: int
    step: str
    fault: str
    first: int
    when: When = "before"
    times: int = 1
    seconds: float = 0.0
    retry_after: int | None = None
    key: str | None = None
    hits: int = 0
    """How often it has struck."""
    _struck: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _released: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def covers(self, call: int) -> bool:
        """Whether it strikes at this call of its step."""
        return self.first <= call < self.first + self.times

    def strike(self) -> None:
        """Note that it happens now."""
        self.hits += 1
        self._struck.set()

    async def reached(self, within: float = 5.0) -> None:
        """Wait until it has struck at least once; TimeoutError after `within` seconds."""
        await asyncio.wait_for(self._struck.wait(), within)

    def release(self) -> None:
        """Open a gate, for good."""
        self._released.set()

    async def opened(self) -> None:
        """Wait for `release`."""
        await self._released.wait()

    def described(self) -> dict[str, str | int | float | None]:
        """As plain values, for the wire and for printing a plan."""
        return {
            "id": self.id,
            "step": self.step,
            "fault": self.fault,
            "first": self.first,
            "when": self.when,
            "times": self.times,
            "seconds": self.seconds,
            "retry_after": self.retry_after,
            "key": self.key,
            "hits": self.hits,
        }


class Faults:
    """The plan of one stand-in. Without a fault placed, everything works."""

    def __init__(self) -> None:
        self._placed: list[Placed] = []
        self._calls: Counter[str] = Counter()
        self._ids = 0
        self._steps: Collection[str] | None = None
        self._told: Collection[str] = ()

    @classmethod
    def drawn(
        cls,
        seed: int,
        steps: Sequence[str],
        *,
        faults: Sequence[str] = DRAWABLE,
        share: float = 0.25,
        calls: int = 4,
        seconds: float | None = None,
    ) -> Faults:
        """A plan by chance: each of the first `calls` calls of each step fails with chance `share`.

        Later calls work, so what retries gets through in the end. `seconds` goes to every fault
        that takes a while.
        """
        chance = random.Random(seed)
        plan = cls()
        for step in steps:
            for nth in range(1, calls + 1):
                if chance.random() < share:
                    when: When = chance.choice(get_args(When))
                    plan.place(step, chance.choice(faults), nth=nth, when=when, seconds=seconds)
        return plan

    def place(
        self,
        step: str,
        fault: str,
        *,
        nth: int = 1,
        when: When = "before",
        times: int = 1,
        seconds: float | None = None,
        retry_after: int | None = None,
        key: str | None = None,
    ) -> Placed:
        """Let `fault` strike at the `nth` call of `step` from now, `times` calls in a row.

        ValueError when step, fault or a number makes no sense here.
        """
        if when not in get_args(When):
            raise ValueError(f"when is before or after, not {when!r}")
        if nth < 1 or times < 1:
            raise ValueError("nth and times count from 1")
        self._ids += 1
        placed = Placed(
            id=self._ids,
            step=str(step),
            fault=str(fault),
            first=self._calls[step] + nth,
            when=when,
            times=times,
            seconds=_SECONDS.get(str(fault), 0.0) if seconds is None else float(seconds),
            retry_after=_RETRY_AFTER.get(str(fault)) if retry_after is None else retry_after,
            key=key,
        )
        self._check(placed)
        self._placed.append(placed)
        return placed

    def bind(self, steps: Collection[str], told: Collection[str]) -> None:
        """Tell which steps and which faults of its own the stand-in has; checks what is placed."""
        self._steps, self._told = steps, told
        for placed in self._placed:
            self._check(placed)

    def next(self, step: str) -> list[Placed]:
        """Count one more call of `step`; what is to strike at it, in the order of placing."""
        self._calls[step] += 1
        call = self._calls[step]
        return [placed for placed in self if placed.step == step and placed.covers(call)]

    def find(self, identity: int) -> Placed | None:
        """The placed fault with this id."""
        return next((placed for placed in self if placed.id == identity), None)

    def clear(self) -> None:
        """Take every fault away and open every gate; the counting of calls goes on."""
        for placed in self._placed:
            placed.release()
        self._placed.clear()

    def __iter__(self) -> Iterator[Placed]:
        return iter(tuple(self._placed))

    def __len__(self) -> int:
        return len(self._placed)

    def _check(self, placed: Placed) -> None:
        if self._steps is None:
            return
        if placed.step not in self._steps:
            raise ValueError(f"no step {placed.step!r}; there are {', '.join(self._steps)}")
        if not _wire(placed.fault) and placed.fault not in self._told:
            known = (*Fault, *self._told)
            raise ValueError(f"no fault {placed.fault!r}; there are {', '.join(known)}")


def _wire(fault: str) -> bool:
    return fault in set(Fault)
