"""Providers by kind of behaviour: what one can be asked, what it tells, and when it does things.

A kind is drawn from the seed and never by a provider's name, so that what the workflows know of
the world is the port and nothing else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from invoicing.provider import Paces
from invoicing.request import Goal

EFFECT = Paces().effect
"""How long after it was made an uncertain call may still take effect: every kind keeps to it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one provider behaves. Everything here is in its plan, or can be found out by calling."""

    memory: Literal["looks", "blind", "repeats"]
    """`looks`: what is there can be read. `blind`: nobody can look (Plan.blind). `repeats`: what is
    called twice is recognised, and judged by notification (Plan.repeatable)."""
    search: Literal["complete", "lagging", "incomplete", "none"]
    lag: timedelta
    """How long a fresh invoice stays out of a lagging search."""
    find_first: bool
    sent_by: Literal["create", "approve", "send"]
    confirms_late: timedelta
    """How long a draft stays unconfirmed; zero where it is there at once."""
    approves_late: timedelta
    sends_late: timedelta
    news: Literal["webhook", "feed", "none"]
    """How it tells of payments."""
    states_reference: bool
    credits: bool
    deletes: bool
    echoes: bool
    """Whether it states figures."""
    registers: bool
    """Whether it must know an order before its invoices."""
    attaches: bool
    looks_up: int
    """How many look-ups a plan has."""
    already: Literal["rejected", "same"]
    """What it answers to an approval of what is approved: a refusal, or yes."""
    whole_lines: bool = False
    """Whether it takes the lines of an order as a whole alone."""
    takes_credits: Literal["parts", "whole", "no"] = "no"
    """Whether it makes credit notes of an invoice: of parts, or of the whole at once."""
    updates: bool = False
    """Whether a draft can be given other content."""
    money: Literal["word", "left", "never below", "paid", "each", "told"] = "word"
    """What it states of money, where a life is about that. `word`: one word for all of it. `left`:
    what is left, below zero what is too much; `never below`: without what is too much. `paid`: what
    was paid in all. `each`: each movement, at a look; `told`: in its news alone."""
    hears: timedelta = timedelta(0)
    """How long our invoices hear of money after their end."""

    keeps: bool = False
    """Whether our worker has a store for documents."""
    papers: Literal["none", "looked", "told", "refused"] = "none"
    """Whether it makes a PDF of an invoice: had at a look; had once news have told of it; or made,
    and not given to this account."""
    papers_after: timedelta = timedelta(0)
    """How long after the invoice is final it is made."""

    @property
    def can_look(self) -> bool:
        """Whether a look shows what a call did."""
        return self.memory == "looks"

    @property
    def has_drafts(self) -> bool:
        """Whether a draft is seen with its figures, and nothing is added to it."""
        return self.can_look and self.echoes and not self.attaches and self.sent_by != "create"

    @property
    def latest(self) -> timedelta:
        """The longest a late effect takes, so that it also shows within `EFFECT`."""
        return EFFECT * 0.85 - self.lag

    def goals(self) -> list[Goal]:
        """The goals that can be seen reached here."""
        goals = [Goal.SENT, Goal.SENT, Goal.SENT]
        if self.sent_by != "create":
            goals.append(Goal.DRAFTED)
        if self.sent_by == "send":
            goals.append(Goal.APPROVED)
        if self.can_look:
            goals.append(Goal.DELIVERED)
        if self.can_look or self.news != "none":
            goals.append(Goal.PAID)
        return goals

    def told(self) -> str:
        """The kind as the beginning of a story."""
        search = f"a {self.search} search" if self.search != "none" else "no search"
        sight = {
            "looks": f"can be read, with {search}",
            "blind": "cannot be looked at",
            "repeats": "recognises repeats and tells its verdicts later",
        }[self.memory]
        more = [f"sends by {self.sent_by}"]
        if self.lag:
            more.append(f"shows fresh invoices {_plain(self.lag)} late")
        for what, late in (
            ("confirms drafts", self.confirms_late),
            ("approves", self.approves_late),
            ("sends", self.sends_late),
        ):
            if late:
                more.append(f"{what} {_plain(late)} later")
        more += [] if self.credits else ["gives no credit"]
        more += [] if self.deletes else ["deletes no draft"]
        more += ["updates drafts"] if self.updates else []
        more += ["states our reference"] if self.states_reference else []
        more += ["takes whole lines alone"] if self.whole_lines else []
        more += [] if self.takes_credits == "no" else [f"credits {self.takes_credits}"]
        more += [f"states of money: {self.money}, for {self.hears.days} days"] if self.hears else []
        pdf = f"its PDF is {self.papers}, {_plain(self.papers_after)} later"
        more += [pdf] if self.papers != "none" else []
        return f"a provider that {sight}; it {', '.join(more)}"


def draw_kind(rng: random.Random) -> Kind:
    """Any kind that makes sense, the ordinary ones more often."""
    memory = rng.choices(("looks", "blind", "repeats"), (70, 15, 15))[0]
    looks = memory == "looks"
    search = rng.choices(("complete", "lagging", "incomplete", "none"), (60, 20, 10, 10))[0]
    search = search if looks else "none"
    sent_by = rng.choices(("send", "approve", "create"), (55, 35, 10))[0]
    return Kind(
        memory=memory,  # type: ignore[arg-type]
        search=search,  # type: ignore[arg-type]
        lag=_seconds(rng, 1, 400) if search == "lagging" else timedelta(0),
        find_first=search in ("complete", "lagging") and rng.random() < 0.5,
        sent_by=sent_by,  # type: ignore[arg-type]
        confirms_late=_late(rng, {"looks": 0.15, "blind": 0, "repeats": 0.9}[memory], 900),
        approves_late=_late(rng, 0.35, 7200) if memory != "blind" else timedelta(0),
        sends_late=_late(rng, 0.25, 7200) if looks else timedelta(0),
        news=rng.choices(("webhook", "feed", "none"), (60, 25, 15))[0]
        if memory != "repeats"
        else "webhook",
        states_reference=rng.random() < 0.5,
        credits=rng.random() < 0.75,
        deletes=rng.random() < 0.92,
        echoes=looks and rng.random() < 0.9,
        registers=memory == "repeats" or rng.random() < 0.2,
        attaches=looks and sent_by != "create" and rng.random() < 0.1,
        looks_up=rng.choice((0, 0, 1, 2)),
        already=rng.choice(("rejected", "same")),
    )


def _late(rng: random.Random, chance: float, most: float) -> timedelta:
    return _seconds(rng, 2, most) if rng.random() < chance else timedelta(0)


def _seconds(rng: random.Random, least: float, most: float) -> timedelta:
    """Short ones as often as long ones."""
    return timedelta(seconds=round(float(least * (most / least) ** rng.random()), 1))


def _plain(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
