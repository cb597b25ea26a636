"""What comes after the goal of an invoice, drawn from a life's seed: money, and documents.

Each is drawn by a chance of its own, so that a life without it is what it always was.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from simulation.decisions import (
    AsksForPaper,
    Decision,
    HearingEnds,
    MoneyMoves,
    NewsFault,
    Outage,
    PaperTrouble,
    StoreGoes,
    Trigger,
    several,
    span,
)
from simulation.provider.kinds import Kind

MONEY = 0.2
"""So many of the lives are about money, in and after them."""
PAPERS = 0.12
"""So many have a store for documents, or somebody who asks for one."""
_STATED = {"word": 10, "left": 25, "never below": 15, "paid": 25, "each": 25}
_HEARS = {10: 35, 40: 35, 150: 20, 396: 10}
"""Days."""
_WAYS = {"payment": 45, "refund": 15, "chargeback": 25, "return": 15}


def with_money(seed: int, kind: Kind) -> tuple[Kind, list[Decision]] | None:
    """The same provider, which states money, and how it moves; None: not in this life."""
    rng = random.Random(f"money {seed}")
    if rng.random() >= MONEY:
        return None
    stated = rng.choices(list(_STATED), list(_STATED.values()))[0]
    hears = timedelta(days=rng.choices(list(_HEARS), list(_HEARS.values()))[0])
    kind = replace(kind, money=stated if kind.can_look else "told", hears=hears)  # type: ignore[arg-type]
    return kind, [*_moves(rng, hears), *_trouble(rng, hears)]


def _moves(rng: random.Random, hears: timedelta) -> Iterator[Decision]:
    longest = hears.total_seconds()
    around = span(rng, 600, longest)
    for nth in range(1 + several(rng, 2.5)):
        if nth and rng.random() < 0.4:
            # Several things at once, as a bank's file brings them.
            when = Trigger("", 1, around + span(rng, 0.05, 300))
        elif rng.random() < 0.15:
            when = Trigger(rng.choice(("approve", "send")), 1, span(rng, 0.5, 600))
        else:
            when = Trigger("", 1, span(rng, 60, longest))
        way = rng.choices(list(_WAYS), list(_WAYS.values()))[0] if nth else "payment"
        percent = rng.choice((20, 50, 100, 100, 130))
        yield MoneyMoves(when, way, percent, rng.choice((0, 0, 1, 2)))  # type: ignore[arg-type]


def _trouble(rng: random.Random, hears: timedelta) -> Iterator[Decision]:
    longest = hears.total_seconds()
    for _ in range(several(rng, 0.8)):
        how = rng.choices(("lost", "doubled", "late", "first"), (10, 35, 35, 20))[0]
        yield NewsFault(rng.randint(2, 12), how, span(rng, 1, 90_000))  # type: ignore[arg-type]
    for _ in range(several(rng, 0.3)):
        yield Outage(Trigger("", 1, span(rng, 3600, longest)), span(rng, 300, 250_000))
    if rng.random() < 0.12:
        how = rng.choice(("cancel", "terminate"))
        yield HearingEnds(Trigger("", 1, span(rng, 3600, longest)), how, rng.choice((0, 0, 1)))  # type: ignore[arg-type]


def with_papers(seed: int, kind: Kind) -> tuple[Kind, list[Decision]] | None:
    """The same provider, with a store for its documents as a rule; None: not in this life."""
    rng = random.Random(f"papers {seed}")
    if rng.random() >= PAPERS:
        return None
    ways = {"looked": 50, "told": 35 if kind.news == "webhook" else 0, "refused": 8, "none": 7}
    papers = rng.choices(list(ways), list(ways.values()))[0]
    kind = replace(
        kind,
        keeps=rng.random() < 0.95,
        papers=papers,  # type: ignore[arg-type]
        papers_after=rng.choices((timedelta(0), span(rng, 5, 90_000)), (40, 60))[0],
    )
    if rng.random() < 0.015:  # Many looks, which show little.
        kind = replace(kind, papers_after=span(rng, 20 * 86_400, 50 * 86_400))
    return kind, list(_paper_trouble(rng))


def _paper_trouble(rng: random.Random) -> Iterator[Decision]:
    hows = ("killed before it is kept", "killed after it is kept", "its answer never comes")
    for _ in range(several(rng, 0.8)):
        yield PaperTrouble(rng.randint(1, 4), rng.choice(hows))  # type: ignore[arg-type]
    for _ in range(several(rng, 0.4)):
        verb = rng.choice(("approve", "send", ""))
        yield StoreGoes(Trigger(verb, 1, span(rng, 0.5, 4000)), span(rng, 60, 200_000))
    for _ in range(several(rng, 0.6)):
        yield AsksForPaper(Trigger("", 1, span(rng, 1, 90_000)), rng.choice((0, 0, 1)))
