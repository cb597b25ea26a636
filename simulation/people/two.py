"""People under a rule of two: one after the other they say the same, and some say it twice, have
proven nothing, come at once or not at all."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from invoicing.consent import CANCEL, CREDIT, RELEASE, Consent
from invoicing.state.invoice import Cancel, Invoice, Release, Resolve
from invoicing.state.questions import Answer
from simulation.documents import document, sums
from simulation.engine import Server

NAMES = ("clerk", "manager", "director")
"""Proven ones. Who asked for an invoice may be one of them, and two others are left."""
RULED = 0.25
"""So many of the lives are at an account with a rule."""
_KINDS = (RELEASE, CANCEL, CREDIT, Answer.CORRECT.value, Answer.ADOPT.value)
_OTHERS = (Answer.ABANDON, Answer.DID_NOT_HAPPEN, Answer.HAPPENED, Answer.KEEP, Answer.RETRY)


def draw_rule(seed: int) -> Consent | None:
    """The rule of a life, by a chance of its own: the other lives are what they were without it."""
    rng = random.Random(f"rule {seed}")
    if rng.random() >= RULED:
        return None
    kinds = list(_KINDS) if rng.random() < 0.4 else [each for each in _KINDS if rng.random() < 0.6]
    kinds += [each.value for each in _OTHERS if rng.random() < 0.1]
    most = sums(document(rng.choice((1, 1, 2, 3)))).gross
    above: dict[str, Decimal] = {"EUR": most} if rng.random() < 0.6 else {}
    return Consent(above=above, of=tuple(kinds) or (RELEASE,))


@dataclass
class _Coming:
    """One who comes to say it."""

    proven: str
    after: timedelta
    by_signal: bool = False
    waits: bool = True
    """Whether they come only when what the one before them said is answered."""


@dataclass
class _Giving:
    """One instruction, and those who are still to give it."""

    identity: str
    name: str
    wanted: Any
    then: Callable[[bool], None]
    before: Callable[[], None]
    row: list[_Coming] = field(default_factory=list)
    under_way: int = 0
    done: bool = False


class Send(Protocol):
    """How they say it."""

    def __call__(self, identity: str, name: str, arg: Any, then: Callable[[bool], None]) -> None:
        """By update; `then` is told whether it was carried out."""
        ...


class ConsentPeople:
    """Those who decide in one life with a rule."""

    def __init__(
        self, server: Server, seed: int, send: Send, signal: Callable[[str, str, Any], None]
    ) -> None:
        self._server = server
        self._send = send
        self._signal = signal
        self._rng = random.Random(f"two people {seed}")

    def give(
        self,
        identity: str,
        name: str,
        wanted: Any,
        then: Callable[[bool], None],
        before: Callable[[], None],
    ) -> None:
        """Have one of them say it, and the others until it is carried out. `then` is told at the
        end, `before` each time."""
        self._come(_Giving(identity, name, wanted, then, before, self._row()))

    def asker(self) -> str:
        """Who asks for an invoice: one of them, or somebody who has proven nothing."""
        return self._rng.choice(("", *NAMES))

    def _row(self) -> list[_Coming]:
        rng = self._rng
        names = rng.sample(NAMES, len(NAMES))
        if rng.random() < 0.08:
            names = names[:1]
        while rng.random() < 0.35:
            names.insert(rng.randrange(len(names) + 1), rng.choice(("", names[0])))
        return [
            _Coming(
                name,
                timedelta(seconds=round(2000 ** rng.random(), 1)),
                by_signal=rng.random() < 0.15,
                waits=rng.random() < 0.8,
            )
            for name in names
        ]

    def _come(self, giving: _Giving) -> None:
        if giving.done:
            return
        if not giving.row:
            if not giving.under_way:
                giving.done = True
                giving.then(False)
            return
        one = giving.row.pop(0)
        said = giving.wanted.model_copy(update={"proven": one.proven})
        giving.before()
        if one.by_signal:
            self._signal(giving.identity, giving.name, said)
            self._later(giving)
            return
        giving.under_way += 1
        self._send(giving.identity, giving.name, said, partial(self._heard, giving))
        if giving.row and not giving.row[0].waits:
            self._come(giving)

    def _heard(self, giving: _Giving, taken: bool) -> None:
        giving.under_way -= 1
        if taken and not giving.done:
            giving.done = True
            giving.then(True)
        elif not giving.under_way:
            self._later(giving)

    def _later(self, giving: _Giving) -> None:
        pause = giving.row[0].after if giving.row else timedelta(0)
        self._server.after(pause, partial(self._come, giving))


def only_noted(result: Any, said: Any, sent: datetime) -> bool:
    """Whether the answer to an instruction shows it as a first consent, and not as carried out."""
    proven = getattr(said, "proven", "")
    if not proven or not isinstance(result, Invoice):
        return False
    kinds = _kinds(said)
    return any(
        each.proven == proven and each.kind in kinds and each.at >= sent for each in result.consents
    )


def _kinds(said: Any) -> tuple[str, ...]:
    if isinstance(said, Cancel):
        return (CANCEL, CREDIT)
    release = isinstance(said, Release) or (
        isinstance(said, Resolve) and said.answer is Answer.RELEASE
    )
    # Where one person corrected it early, a release is the second consent to that.
    return (RELEASE, CREDIT, Answer.CORRECT.value) if release else (said.answer.value,)
