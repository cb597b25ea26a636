"""One life, drawn whole from its seed before it begins."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from invoicing.consent import Consent
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.state.order import Deliver
from simulation.decisions import Decision, draw
from simulation.documents import document
from simulation.drawing_late import with_money, with_papers
from simulation.drawing_people import draw_amendments, draw_credits, draw_updates
from simulation.engine.server import START
from simulation.people.orders import by_units, deliveries, draw_parts, invoices, named
from simulation.people.two import draw_rule
from simulation.provider.account import NAME
from simulation.provider.kinds import Kind, draw_kind

CREDITED = 0.35
"""So many of the lives without an order have people who credit."""
UPDATED = 0.2
"""So many of those of one invoice whose draft is seen are at a provider where it can be updated."""


@dataclass(frozen=True)
class Life:
    """What was drawn from one seed."""

    seed: int
    kind: Kind
    requests: tuple[InvoiceRequest, ...]
    starts: tuple[timedelta, ...]
    releases: tuple[timedelta, ...]
    order: OrderRequest | None
    delivered: tuple[Deliver, ...]
    pays_after: timedelta | None
    rhythm: tuple[float, ...]
    decisions: tuple[Decision, ...]
    kept: bool = False
    """Whether there is a register."""
    loses: timedelta | None = None
    """When Temporal loses its database; never without a register."""
    rule: Consent | None = None
    """What needs two people, if anything."""

    def told(self) -> str:
        """What it is about, in a sentence."""
        goal = (self.order or self.requests[0]).goal
        if self.order:
            parts = " and ".join(map(named, self.delivered))
            what = f"an order of {len(self.order.document.lines)} lines, delivered as {parts}"
        else:
            count = len(self.requests)
            what = "an invoice" if count == 1 else f"{count} invoices"
        kept = ", with a register" if self.kept else ""
        if self.rule:
            above = f" above {self.rule.above['EUR']}" if self.rule.above else ""
            kept += f"; two people{above}: {', '.join(self.rule.of)}"
        held = " and held" if any(each.hold for each in self.requests) else ""
        return f"{what}, to be {goal}{held}, at {self.kind.told()}{kept}"


def draw_life(seed: int) -> Life:
    """Everything about the life with this seed."""
    rng = random.Random(f"life {seed}")
    kind = draw_kind(rng)
    ordered = rng.random() < 0.2
    goals = [each for each in kind.goals() if not (ordered and each is Goal.DRAFTED)]
    goal = rng.choice(goals)
    subscriber = "books" if rng.random() < 0.3 else None
    may_credit = rng.random() < 0.8
    order: OrderRequest | None = None
    wanted: list[Deliver] = []
    if ordered:
        order = OrderRequest(
            reference=f"O{seed}",
            provider=NAME,
            goal=goal,
            document=document(rng.randint(2, 5)),
            may_credit=may_credit,
            subscriber=subscriber,
        )
        wanted = deliveries(order, draw_parts(rng, len(order.document.lines)))
        requests = invoices(order, wanted)
    else:
        requests = [
            _request(rng, f"I{seed}-{place}", goal, may_credit, subscriber)
            for place in range(rng.choices((1, 2, 3), (80, 15, 5))[0])
        ]
    life = Life(
        seed=seed,
        kind=kind,
        requests=tuple(requests),
        starts=tuple(timedelta(seconds=rng.random() * 60 * place) for place in range(9)),
        releases=tuple(timedelta(seconds=60 * 5000 ** rng.random()) for _ in requests),
        order=order,
        delivered=tuple(wanted),
        pays_after=timedelta(hours=1 + 60 * rng.random()) if rng.random() < 0.9 else None,
        rhythm=tuple(round(rng.random(), 3) for _ in range(17)),
        decisions=tuple(draw(rng, kind, len(requests), order=ordered)),
        **_register(seed),
        rule=draw_rule(seed),
    )
    if goal is Goal.DRAFTED:
        return life
    if order is not None:
        return _perhaps_with_papers(_perhaps_about_money(_perhaps_by_units(life, order)))
    life = _perhaps_updated(_perhaps_credited(life))
    return _perhaps_amended(_perhaps_with_papers(_perhaps_about_money(life)))


def _perhaps_with_papers(life: Life) -> Life:
    drawn = with_papers(life.seed, life.kind)
    if drawn is None:
        return life
    return replace(life, kind=drawn[0], decisions=(*life.decisions, *drawn[1]))


def _perhaps_about_money(life: Life) -> Life:
    drawn = with_money(life.seed, life.kind)
    if drawn is None:
        return life
    kind, more = drawn
    pays_after = life.pays_after if life.seed % 3 else None
    return replace(life, kind=kind, pays_after=pays_after, decisions=(*life.decisions, *more))


def _perhaps_updated(life: Life) -> Life:
    """Drawn apart as well: a provider whose drafts can be updated is the rare one. Not where
    Temporal loses its database: which content is right then is for a person to say."""
    rng, kind = random.Random(f"updates {life.seed}"), life.kind
    if not kind.has_drafts or life.loses or len(life.requests) > 1 or rng.random() >= UPDATED:
        return life
    more = draw_updates(rng, kind)
    decisions = (*life.decisions, *more)
    return replace(life, kind=replace(kind, updates=True), decisions=decisions)


def _perhaps_by_units(life: Life, order: OrderRequest) -> Life:
    drawn = by_units(life.seed, order)
    if drawn is None:
        return life
    order, wanted, whole = drawn
    kind = replace(life.kind, whole_lines=life.kind.registers and whole)
    requests = tuple(invoices(order, wanted))
    return replace(life, kind=kind, order=order, delivered=tuple(wanted), requests=requests)


def _perhaps_credited(life: Life) -> Life:
    """Drawn apart, so that a life in which nobody credits anything is what it always was."""
    rng = random.Random(f"credits {life.seed}")
    if rng.random() >= CREDITED:
        return life
    takes = rng.choices(("parts", "whole", "no"), (80, 12, 8))[0]
    more = draw_credits(rng, len(life.requests))
    kind = replace(life.kind, takes_credits=takes)  # type: ignore[arg-type]
    may = rng.random() < 0.9
    requests = [each.model_copy(update={"may_credit": may}) for each in life.requests]
    decisions = (*life.decisions, *more)
    return replace(life, kind=kind, requests=tuple(requests), decisions=decisions)


def _perhaps_amended(life: Life) -> Life:
    """Drawn last, so that a life in which nobody amends anything is what it always was. Not where
    Temporal loses its database: what an amendment knows is there alone."""
    more = draw_amendments(life.seed, life.kind, len(life.requests))
    if more is None or life.loses:
        return life
    kind, requests = life.kind, life.requests
    if kind.takes_credits == "no":
        rng = random.Random(f"amended {life.seed}")
        takes = rng.choices(("parts", "whole", "no"), (55, 40, 5))[0]
        kind = replace(kind, takes_credits=takes)  # type: ignore[arg-type]
        may = rng.random() < 0.95
        requests = tuple(each.model_copy(update={"may_credit": may}) for each in requests)
    return replace(life, kind=kind, requests=requests, decisions=(*life.decisions, *more))


def _register(seed: int) -> dict[str, Any]:
    """By a chance of its own: the other decisions are those that they were without it."""
    rng = random.Random(f"register {seed}")
    kept, lost, when = rng.random() < 0.3, rng.random() < 0.5, 86_400 * rng.random() ** 5
    return {"kept": kept, "loses": timedelta(seconds=when) if kept and lost else None}


def _request(
    rng: random.Random, reference: str, goal: Goal, may_credit: bool, subscriber: str | None
) -> InvoiceRequest:
    later = rng.random() < 0.08 and goal is not Goal.DRAFTED
    return InvoiceRequest(
        reference=reference,
        provider=NAME,
        goal=goal,
        document=document(rng.randint(1, 3)),
        hold=rng.random() < 0.12,
        send_on=START + timedelta(hours=30) if later else None,
        may_credit=may_credit,
        subscriber=subscriber,
    )
