"""The wire to the provider: how long a call takes, what is said of it, when it takes effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from temporalio.exceptions import ApplicationError

from invoicing.errors import Details, FieldProblem
from simulation.decisions import (
    CallFault,
    Decision,
    Fails,
    NewsFault,
    Outage,
    StrangeWord,
    Trigger,
)
from simulation.engine import Attempt


class Clock(Protocol):
    """What the world needs of the engine to be on time."""

    @property
    def now(self) -> datetime:
        """The virtual moment."""
        ...

    def after(self, delay: timedelta, act: Callable[[], None]) -> None:
        """Have something done then."""
        ...


class Refusal(Exception):
    """The provider says no; nothing changed."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def failure(kind: str, why: str, *, code: str = "", after: timedelta | None = None) -> Attempt:
    """An attempt that ends in one of our errors, as the activities raise it."""
    fields = (FieldProblem(field=code, message=why),) if code else ()
    error = ApplicationError(
        why,
        Details(code=code or None, fields=fields),
        type=kind,
        non_retryable=kind in ("Rejected", "Unsupported", "Refused", "Taken"),
    )
    return Attempt(after=after or timedelta(milliseconds=80), failure=error)


NEVER = timedelta(hours=1)
"""Longer than any call may take."""


class Story:
    """What happened, in the order in which it did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lines: list[tuple[datetime, str]] = []

    def tell(self, line: str) -> None:
        """Add what happens now."""
        self.lines.append((self._clock.now, line))


class Wire:
    """Counts calls by verb, and applies to each what was drawn for it."""

    def __init__(
        self, clock: Clock, story: Story, decisions: Iterable[Decision], rhythm: tuple[float, ...]
    ) -> None:
        self._clock = clock
        self._story = story
        self._rhythm = rhythm
        self._faults: dict[tuple[str, int], CallFault] = {}
        self._fails: set[tuple[str, int]] = set()
        self._news: dict[int, NewsFault] = {}
        self._waiting: dict[tuple[str, int], list[tuple[timedelta, Callable[[], None]]]] = {}
        self._down_until = self._strange_until = clock.now
        self.counted: dict[str, int] = {}
        self.under_way = 0
        """Effects that are still to come."""
        self.ambiguous = 0
        """Calls whose answer does not say what they did."""
        self.last_effect = clock.now
        for each in decisions:
            self._prepare(each)

    def _prepare(self, decision: Decision) -> None:
        match decision:
            case CallFault(verb, nth):
                self._faults.setdefault((verb, nth), decision)
            case Fails(verb, nth):
                self._fails.add((verb, nth))
            case NewsFault(nth):
                self._news.setdefault(nth, decision)
            case Outage(begins, lasts):
                self.when(begins, lambda: self._go_down(lasts))
            case StrangeWord(begins, lasts):
                self.when(begins, lambda: self._use_a_strange_word(lasts))
            case _:
                pass

    def _go_down(self, lasts: timedelta) -> None:
        self._down_until = max(self._down_until, self._clock.now + lasts)
        self._story.tell("the provider answers no look for a while")

    def _use_a_strange_word(self, lasts: timedelta) -> None:
        self._strange_until = max(self._strange_until, self._clock.now + lasts)
        self._story.tell("the provider uses a word for the status that nobody knows")

    # Moments

    def when(self, trigger: Trigger, act: Callable[[], None]) -> None:
        """Have something done at this moment of the life, if it comes."""
        if not trigger.verb:
            self._clock.after(trigger.after, act)
        else:
            self._waiting.setdefault((trigger.verb, trigger.nth), []).append((trigger.after, act))

    def begin(self, verb: str) -> int:
        """One more call of this verb begins; which one it is, from 1."""
        count = self.counted[verb] = self.counted.get(verb, 0) + 1
        for after, act in self._waiting.pop((verb, count), ()):
            self._clock.after(after, act)
        return count

    def took(self, verb: str, count: int) -> timedelta:
        """How long the answer to this call takes: at most a few seconds."""
        beat = self._rhythm[(count * 7 + len(verb) * 3) % len(self._rhythm)]
        return timedelta(seconds=round(0.04 + 4 * beat**4, 3))

    # Calls

    def look(self, verb: str, answer: Callable[[], Any]) -> Attempt:
        """A call that changes nothing. Raises nothing; a Refusal becomes Rejected."""
        count = self.begin(verb)
        if self._clock.now < self._down_until:
            return failure("Unavailable", "no answer", after=self.took(verb, count))
        try:
            return Attempt(after=self.took(verb, count), result=answer())
        except Refusal as refusal:
            return failure("Rejected", refusal.why, code="look")

    @property
    def strange(self) -> bool:
        """Whether the status is a word that nobody knows just now."""
        return self._clock.now < self._strange_until

    def change(self, verb: str, make: Callable[[bool], Any]) -> Attempt:
        """A call that changes something: `make` changes it and gives the answer, or refuses. It is
        told whether what it makes is to be refused later on."""
        count = self.begin(verb)
        fails = (verb, count) in self._fails

        def effect() -> Any:
            return make(fails)

        fault = self._faults.get((verb, count))
        if fault is None:
            return self._done(verb, count, effect)
        self._story.tell(f"{fault}")
        if fault.effect == "now":
            self._take_effect(effect)
        elif fault.effect == "later":
            self.later(fault.delay, lambda: self._take_effect(effect))
        if fault.said in ("unknown", "timeout", "died") or fault.effect != "never":
            self.ambiguous += 1
        return self._said(fault, self.took(verb, count))

    def _done(self, verb: str, count: int, effect: Callable[[], Any]) -> Attempt:
        try:
            return Attempt(after=self.took(verb, count), result=effect())
        except Refusal as refusal:
            self._story.tell(f"{verb} {count}: refused, {refusal.why}")
            return failure("Rejected", refusal.why, code=verb, after=self.took(verb, count))

    def _take_effect(self, effect: Callable[[], Any]) -> None:
        try:
            effect()
        except Refusal as refusal:
            self._story.tell(f"it has no effect: {refusal.why}")

    def _said(self, fault: CallFault, took: timedelta) -> Attempt:
        if fault.said == "timeout":
            return Attempt(after=NEVER)
        if fault.said == "died":
            return Attempt(after=took, lost=True)
        kind = {
            "unknown": "UnknownOutcome",
            # As the adaptors say it: whoever stands before the provider may have passed it on.
            "busy": "UnknownOutcome",
            "rejected": "Rejected",
            "unavailable": "Unavailable",
        }[fault.said]
        return failure(kind, "as drawn", code=fault.verb, after=took)

    def later(self, delay: timedelta, act: Callable[[], None]) -> None:
        """Have an effect that a life must wait for."""
        self.under_way += 1

        def come() -> None:
            self.under_way -= 1
            self.last_effect = self._clock.now
            act()

        self._clock.after(delay, come)

    # News

    def news(self, tell: Callable[[], None]) -> None:
        """One piece of news goes out, and arrives as was drawn: once, twice, late, or never."""
        count = self.begin("news")
        fault = self._news.get(count)
        soon = timedelta(seconds=1 + 20 * self._rhythm[count % len(self._rhythm)])
        if fault is None:
            self.later(soon, tell)
            return
        self._story.tell(f"{fault}")
        if fault.how == "doubled":
            self.later(soon, tell)
            self.later(soon + fault.delay, tell)
        elif fault.how == "late":
            self.later(fault.delay, tell)
        elif fault.how == "first":
            self.later(timedelta(0), tell)
