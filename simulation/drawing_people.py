"""Who credits, corrects and amends in one life, each drawn by a chance of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

from simulation.decisions import (
    Act,
    Amending,
    AmendTrouble,
    Crediting,
    Decision,
    Fails,
    Meddling,
    Trigger,
    lost_or_refused,
    several,
    span,
)
from simulation.provider.kinds import Kind

AMENDED = 0.12
"""So many of the lives without an order have people who amend."""


def draw_credits(rng: random.Random, places: int) -> list[Decision]:
    """Who credits what in one life: several people, mostly within a minute of each other."""
    around = span(rng, 60, 900_000)
    found: list[Decision] = []
    for _ in range(2 + several(rng, 2.5)):
        what = rng.choices(list(_CREDITED), list(_CREDITED.values()))[0]
        found.append(
            Crediting(
                _credited_when(rng, around),
                what,  # type: ignore[arg-type]
                f"C{rng.choice((1, 2, 2, 3, 3, 4, 5))}",
                rng.randrange(places),
                rng.randrange(3),
                rng.choice((0, 1, 1, 1, 2, 3)),
                rng.random() < 0.2,
            )
        )
    return found


def draw_updates(rng: random.Random, kind: Kind) -> list[Decision]:
    """What makes people correct a draft that can be updated, once or twice, and what goes wrong
    then: somebody changes its figures, so that they are asked."""
    found: list[Decision] = []
    for verb, act in (("create", ""), ("update", "update")):
        changed, when = Trigger(verb, 1, span(rng, 0.05, 30)), Trigger(act, 1, span(rng, 0.05, 9))
        wording = rng.choice((1, 1, 2))
        found.append(Meddling(changed, "figures"))
        found.append(Act(when, "correct when asked", wording=wording))
    lost = [nth for nth in (1, 2, 3) if rng.random() < 0.5]
    found += [lost_or_refused(rng, kind, "update", nth) for nth in lost]
    if rng.random() < 0.3:
        what = rng.choice(("approve", "delete", "figures"))
        found.append(Meddling(Trigger("update", 1, span(rng, 0.01, 60)), what))  # type: ignore[arg-type]
    return found


_CREDITED = {
    "whole": 12,
    "lines": 52,
    "amount": 14,
    "cancel note": 10,
    "cancel invoice": 6,
    "terminate ledger": 6,
}


def _credited_when(rng: random.Random, around: timedelta) -> Trigger:
    if rng.random() < 0.1:
        return Trigger(rng.choice(("approve", "send")), 1, span(rng, 1, 20))
    if rng.random() < 0.25:
        return Trigger("", 1, span(rng, 60, 2_000_000))
    return Trigger("", 1, around + span(rng, 0.05, 60))


def draw_amendments(seed: int, kind: Kind, places: int) -> list[Decision] | None:
    """Who amends what in one life, mostly once or twice, and who interferes; None: nobody does."""
    rng = random.Random(f"amendments {seed}")
    if rng.random() >= AMENDED:
        return None
    around = span(rng, 60, 900_000)
    found: list[Decision] = []
    for nth in range(1 + several(rng, 2)):
        what = rng.choices(list(_AMENDED), list(_AMENDED.values()))[0] if nth else "amend"
        # A credit of a person has the same name now and then.
        name = rng.choices(("A1", "A2", "C1"), (75, 20, 5))[0]
        place, wording = rng.randrange(places), rng.choice((1, 1, 2))
        when = _amended_when(rng, around, what)
        found.append(Amending(when, what, name, place, wording, rng.random() < 0.15))  # type: ignore[arg-type]
    for _ in range(several(rng, 0.7)):
        how = rng.choice(("killed before", "killed after", "unanswered", "late"))
        found.append(AmendTrouble(rng.choice((1, 1, 2, 2, 3, 4)), how, span(rng, 1, 90)))  # type: ignore[arg-type]
    return [*found, *_of_its_invoices(rng, kind)]


def _of_its_invoices(rng: random.Random, kind: Kind) -> Iterator[Decision]:
    """What goes wrong with the credit note, or with the new invoice: as a rule the second and the
    third that are made."""
    for verb, likely in (("create", 0.35), ("approve", 0.2)):
        if rng.random() < likely:
            yield lost_or_refused(rng, kind, verb, rng.choice((2, 3, 3)))
        if rng.random() < likely / 2 and kind.memory != "blind":
            yield Fails(verb, rng.choice((2, 3, 3)))


_AMENDED = {
    "amend": 45,
    "amend the new one": 10,
    "cancel it": 10,
    "terminate it": 10,
    "cancel new": 15,
    "terminate new": 10,
}


def _amended_when(rng: random.Random, around: timedelta, what: str) -> Trigger:
    if what.endswith("it"):
        # While it has others do something.
        return Trigger("amending", rng.choice((1, 2, 2, 3)), span(rng, 0.01, 600))
    if what.endswith(" new"):
        return Trigger(rng.choice(("create", "create", "approve")), 3, span(rng, 0.05, 600))
    if rng.random() < 0.25:
        return Trigger(rng.choice(("approve", "send")), rng.choice((1, 1, 2)), span(rng, 1, 600))
    if rng.random() < 0.25:
        return Trigger("", 1, span(rng, 60, 2_000_000))
    return Trigger("", 1, around + span(rng, 0.05, 120))
