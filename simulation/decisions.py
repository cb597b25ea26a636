"""What goes wrong in a life and who interferes, drawn before it begins.

A life is a list of these. Each can be left out without changing the others, which is how the
shortest story of a violation is found.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from simulation.engine import Faults
from simulation.provider.kinds import Kind


@dataclass(frozen=True, slots=True)
class Trigger:
    """A moment: so long after the `nth` call of a verb has begun; of no verb, after the start."""

    verb: str
    nth: int
    after: timedelta

    def __str__(self) -> str:
        span = f"{self.after.total_seconds():.1f} s"
        return f"{span} after {self.verb} {self.nth}" if self.verb else f"at {span}"


@dataclass(frozen=True, slots=True)
class CallFault:
    """What goes wrong with one changing call: what is said of it, and whether it takes effect."""

    verb: str
    nth: int
    said: Literal["unknown", "timeout", "died", "busy", "rejected", "unavailable"]
    effect: Literal["now", "later", "never"]
    delay: timedelta = timedelta(0)

    def __str__(self) -> str:
        said = {
            "unknown": "its answer cannot be understood",
            "timeout": "its answer never comes",
            "died": "the worker dies in it",
            "rejected": "it is refused",
            "busy": "it is answered 429",
            "unavailable": "no connection is made",
        }[self.said]
        effect = {
            "now": "and it takes effect all the same",
            "later": f"and takes effect {self.delay.total_seconds():.0f} s later",
            "never": "and nothing happens",
        }[self.effect]
        return f"{self.verb} {self.nth}: {said}, {effect}"


@dataclass(frozen=True, slots=True)
class Outage:
    """Calls that change nothing are not answered for a while."""

    begins: Trigger
    lasts: timedelta

    def __str__(self) -> str:
        return f"{self.begins}: no look is answered for {self.lasts.total_seconds():.0f} s"


@dataclass(frozen=True, slots=True)
class StrangeWord:
    """For a while the provider uses a word for the status that nobody knows."""

    begins: Trigger
    lasts: timedelta

    def __str__(self) -> str:
        return f"{self.begins}: an unknown status for {self.lasts.total_seconds():.0f} s"


@dataclass(frozen=True, slots=True)
class Meddling:
    """Somebody does something at the provider behind our back."""

    when: Trigger
    what: Literal["figures", "delete", "approve", "credit"]

    def __str__(self) -> str:
        what = {
            "figures": "changes the figures of the invoice",
            "delete": "deletes the draft",
            "approve": "approves the draft",
            "credit": "credits the invoice",
        }[self.what]
        return f"{self.when}: somebody {what} at the provider"


@dataclass(frozen=True, slots=True)
class Fails:
    """An approval, a draft or an order that is accepted and then fails."""

    verb: str
    nth: int

    def __str__(self) -> str:
        return f"{self.verb} {self.nth}: accepted, and refused later"


@dataclass(frozen=True, slots=True)
class NewsFault:
    """What becomes of one piece of news on its way."""

    nth: int
    how: Literal["lost", "doubled", "late", "first"]
    delay: timedelta

    def __str__(self) -> str:
        return f"news {self.nth}: {self.how} ({self.delay.total_seconds():.0f} s)"


@dataclass(frozen=True, slots=True)
class StrangeNews:
    """News about an id that nobody knows."""

    when: Trigger

    def __str__(self) -> str:
        return f"{self.when}: news about an id that nobody knows"


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody on our side does something."""

    when: Trigger
    what: str
    place: int = 0
    """Which of the life's invoices; of an order, which delivery or line."""
    after: timedelta = timedelta(0)
    """How long until what belongs to it, such as the release of a hold."""
    by_signal: bool = False
    wording: int = 0

    def __str__(self) -> str:
        how = " by signal" if self.by_signal else ""
        return f"{self.when}: {self.what}{how} (invoice {self.place + 1})"


@dataclass(frozen=True, slots=True)
class Crediting:
    """Somebody credits an invoice, or interferes with its credits."""

    when: Trigger
    what: Literal["whole", "lines", "amount", "cancel note", "cancel invoice", "terminate ledger"]
    name: str
    place: int = 0
    """Which of the life's invoices."""
    line: int = 0
    quantity: int = 0
    """Of units, or of ten cents; 0 units are all of the line."""
    twice: bool = False

    def __str__(self) -> str:
        twice = " twice at once" if self.twice else ""
        return f"{self.when}: credit {self.name}, {self.what}{twice} (invoice {self.place + 1})"


@dataclass(frozen=True, slots=True)
class Amending:
    """Somebody amends an invoice, or interferes with its amendment."""

    when: Trigger
    what: Literal[
        "amend", "amend the new one", "cancel it", "terminate it", "cancel new", "terminate new"
    ]
    name: str
    place: int = 0
    """Which of the life's invoices."""
    wording: int = 1
    """Of the new invoice."""
    twice: bool = False

    def __str__(self) -> str:
        twice = " twice at once" if self.twice else ""
        return f"{self.when}: amendment {self.name}, {self.what}{twice} (invoice {self.place + 1})"


@dataclass(frozen=True, slots=True)
class AmendTrouble:
    """What becomes of one call by which an amendment has another workflow of ours do something."""

    nth: int
    how: Literal["killed before", "killed after", "unanswered", "late"]
    delay: timedelta = timedelta(0)

    def __str__(self) -> str:
        late = f" ({self.delay.total_seconds():.0f} s)" if self.how == "late" else ""
        return f"call {self.nth} of an amendment: {self.how}{late}"


@dataclass(frozen=True, slots=True)
class MoneyMoves:
    """Money comes in for an invoice, or goes back."""

    when: Trigger
    way: Literal["payment", "refund", "chargeback", "return"]
    percent: int
    """Of what is due."""
    place: int = 0
    """Which of the invoices that are final then."""

    def __str__(self) -> str:
        return f"{self.when}: a {self.way} of {self.percent}% (invoice {self.place + 1})"


@dataclass(frozen=True, slots=True)
class HearingEnds:
    """Somebody ends what hears of an invoice's money."""

    when: Trigger
    how: Literal["cancel", "terminate"]
    place: int = 0

    def __str__(self) -> str:
        return f"{self.when}: what hears of money is ended by {self.how} (invoice {self.place + 1})"


@dataclass(frozen=True, slots=True)
class PaperTrouble:
    """What goes wrong while a document is fetched and kept."""

    nth: int
    """Which call."""
    how: Literal["killed before it is kept", "killed after it is kept", "its answer never comes"]

    def __str__(self) -> str:
        return f"keep_document {self.nth}: {self.how}"


@dataclass(frozen=True, slots=True)
class StoreGoes:
    """The store of documents answers nobody for a while."""

    begins: Trigger
    lasts: timedelta

    def __str__(self) -> str:
        return f"{self.begins}: the store is away for {self.lasts.total_seconds():.0f} s"


@dataclass(frozen=True, slots=True)
class AsksForPaper:
    """Somebody asks for the document of an invoice."""

    when: Trigger
    place: int = 0
    """Which of the life's invoices."""

    def __str__(self) -> str:
        return f"{self.when}: somebody asks for the document (invoice {self.place + 1})"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of trouble with the engine and the workers."""

    what: str

    def __str__(self) -> str:
        return f"the engine: {self.what}"


Decision: TypeAlias = (
    CallFault
    | Outage
    | StrangeWord
    | Meddling
    | Fails
    | NewsFault
    | StrangeNews
    | Act
    | Crediting
    | Amending
    | AmendTrouble
    | MoneyMoves
    | HearingEnds
    | PaperTrouble
    | StoreGoes
    | AsksForPaper
    | Trouble
)

_VERBS = ("create", "approve", "send", "delete", "credit", "attach")
_ACTS = {
    "hold": 16,
    "cancel": 22,
    "engine cancel": 10,
    "terminate and ask again": 9,
    "hold, then terminate and ask again": 4,
    "ask again": 6,
    "ask with other content": 4,
    "cancel, then ask with other content": 8,
    "correct when asked": 12,
    "late answer": 10,
    "two answers at once": 8,
    "abandon when asked": 4,
    "abandon, then ask again": 4,
    "keep when asked": 3,
}
_ORDER_ACTS = {
    "deliver again": 10,
    "cancel lines": 25,
    "cancel order": 10,
    "cancel": 10,
    "hold": 10,
    "late answer": 10,
    "two answers at once": 8,
    "abandon when asked": 6,
    "terminate and ask again": 5,
}
TROUBLES = ("evictions", "lost workers", "lost answers", "early continue-as-new", "piled-up jobs")


def draw(rng: random.Random, kind: Kind, places: int, *, order: bool = False) -> list[Decision]:
    """What goes wrong in one life: often little, sometimes much."""
    faults = [_call_fault(rng, kind, order=order) for _ in range(several(rng, 1.6))]
    # Of one call only one thing can be said.
    found: list[Decision] = list({(each.verb, each.nth): each for each in faults}.values())
    found += [Outage(_moment(rng), span(rng, 5, 5000)) for _ in range(several(rng, 0.25))]
    if kind.can_look:
        found += [StrangeWord(_moment(rng), span(rng, 5, 600)) for _ in range(several(rng, 0.12))]
    found += [_meddling(rng) for _ in range(several(rng, 0.12))]
    fails = ("create", "approve", "register") if order else ("create", "approve")
    if kind.memory != "blind":  # There nobody would ever tell of it.
        found += [Fails(rng.choice(fails), _nth(rng)) for _ in range(several(rng, 0.2))]
    found += [_news_fault(rng) for _ in range(several(rng, 0.4))]
    if kind.news == "webhook":
        found += [StrangeNews(_moment(rng)) for _ in range(several(rng, 0.01))]
    found += [_act(rng, places, order=order) for _ in range(several(rng, 1.1))]
    found += [Trouble(what) for what in TROUBLES if rng.random() < 0.3]
    return found


def several(rng: random.Random, mean: float) -> int:
    """Geometric: how many, when this many are usual."""
    count = 0
    while rng.random() < mean / (1 + mean):
        count += 1
    return count


def span(rng: random.Random, least: float, most: float) -> timedelta:
    """Between these seconds, each order of magnitude as often."""
    return timedelta(seconds=round(float(least * (most / least) ** rng.random()), 2))


def _nth(rng: random.Random) -> int:
    return rng.choices((1, 2, 3), (70, 20, 10))[0]


def _moment(rng: random.Random) -> Trigger:
    if rng.random() < 0.4:
        return Trigger("", 1, span(rng, 0.05, 7200))
    verb = rng.choice(("plan", "find", "create", "create", "read", "approve", "approve", "send"))
    return Trigger(verb, _nth(rng), span(rng, 0.01, 60))


def _call_fault(rng: random.Random, kind: Kind, *, order: bool) -> CallFault:
    if order and kind.registers and rng.random() < 0.3:
        verb = rng.choice(("register", "cancel_lines"))
    else:
        verb = rng.choices(_VERBS, (40, 25, 15, 9, 9, 2))[0]
    return lost_or_refused(rng, kind, verb)


def lost_or_refused(rng: random.Random, kind: Kind, verb: str, nth: int = 0) -> CallFault:
    """What becomes of this call, of any of the first three unless `nth` says which."""
    said = rng.choices(
        ("unknown", "timeout", "died", "busy", "rejected", "unavailable"),
        (26, 14, 14, 12, 20, 14),
    )[0]
    effect = rng.choices(("now", "later", "never"), (35, 40, 25))[0]
    if said == "unavailable" or (not kind.can_look and said == "rejected"):
        # The port's word. Of a refusal nobody could find out there that it is not kept.
        effect = "never"
    delay = timedelta(0)
    if effect == "later":
        delay = span(rng, 1, kind.latest.total_seconds())
    return CallFault(verb, nth or _nth(rng), said, effect, delay)  # type: ignore[arg-type]


def _meddling(rng: random.Random) -> Meddling:
    what = rng.choices(("figures", "delete", "approve", "credit"), (50, 25, 15, 10))[0]
    return Meddling(_moment(rng), what)  # type: ignore[arg-type]


def _news_fault(rng: random.Random) -> NewsFault:
    how = rng.choices(("lost", "doubled", "late", "first"), (15, 35, 35, 15))[0]
    return NewsFault(rng.choice((1, 1, 2, 3, 4)), how, span(rng, 1, 90000))  # type: ignore[arg-type]


def _act(rng: random.Random, places: int, *, order: bool) -> Act:
    acts = _ORDER_ACTS if order else _ACTS
    what = rng.choices(list(acts), list(acts.values()))[0]
    return Act(
        _moment(rng),
        what,
        rng.randrange(places),
        span(rng, 1, 4000),
        rng.random() < 0.25,
        rng.choice((1, 1, 2)),
    )


_FAULTS = {
    "evictions": {"evicted": 0.05},
    "lost workers": {"worker_lost": 0.004, "task_lost": 0.02},
    "lost answers": {"answer_lost": 0.3, "request_lost": 0.1},
    "early continue-as-new": {"early_suggestion": 0.6},
    "piled-up jobs": {"piled_up": 0.15, "cancel_with_completion": 0.5, "slow_queue": 0.02},
}


def faults(decisions: Iterable[Decision]) -> Faults:
    """What the engine and the workers do to a life with these decisions."""
    chosen: dict[str, float] = {}
    for each in decisions:
        if isinstance(each, Trouble):
            chosen |= _FAULTS[each.what]
    return Faults(**chosen)  # type: ignore[arg-type]
