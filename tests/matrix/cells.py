"""What there is to be lived: one fault at one call of one step, of every set-up there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from sandbox.kit.faults import Fault, When
from sandbox.zero_friction import ZeroFrictionStandIn
from tests.lifecycle import credit_lives, document_lives
from tests.lifecycle import test_faults as zero_friction
from tests.lifecycle import test_provider_faults as others
from tests.lifecycle.credit_kinds import CREDITINGS
from tests.lifecycle.document_lives import DOCUMENTS
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import Kind, Life
from tests.lifecycle.lived import Lived
from tests.lifecycle.scenarios import one_by_one, scenarios
from tests.lifecycle.world import World

Live = Callable[[World], Awaitable[Lived]]

OF_CREDITS, OF_DOCUMENTS = "_credits", "_documents"
"""What the name of a set-up ends in that is about credits, or about documents."""


def _shown(kind: Kind) -> Kind:
    """With every step of a credit of the whole, and of the other forms the one call in which they
    differ. The tests live every step of every form."""
    lives = [one for one in kind.lives if one.creates or "whole" in (one.credits or {})]
    return replace(kind, lives=tuple(lives))


KINDS_OF: Mapping[str, Kind] = {
    **KINDS,
    **{name + OF_CREDITS: _shown(crediting.kind) for name, crediting in CREDITINGS.items()},
    **{name + OF_DOCUMENTS: kind for name, kind in DOCUMENTS.items()},
}
"""The set-ups that are described as kinds."""
SETUPS: tuple[str, ...] = tuple(sorted([*KINDS_OF, "zero_friction"]))
_OF_CREDITS = (
    "Every step of a credit of the whole is here; of the other forms, the call that makes the "
    "note. Faults that lead to the same strike one after the other in one life, at one call each; "
    "calls are not counted then."
)
NOTES: dict[str, str] = {
    "quiddly": "With the routes that are likely and nowhere written down: read, list, delete.",
    "quiddly_blind": "As its pages document it: nothing can be read, listed or looked for, so a "
    "person is asked what became of an uncertain call.",
    "riverty": "Verdicts come by notification and nothing can be read, so an uncertain call is "
    "made again.",
    **{
        name + OF_CREDITS: f"Credits, of: {', '.join(crediting.forms)}. {_OF_CREDITS}"
        for name, crediting in CREDITINGS.items()
    },
    **{name + OF_DOCUMENTS: "The PDF of an invoice that is final." for name in DOCUMENTS},
}
"""What is special about a set-up."""


@dataclass(frozen=True)
class Row:
    """One fault, as it is written in the tables (`fault` or `fault:key`), at one step of a life."""

    setup: str
    life: str
    step: str
    fault: str


@dataclass
class Lives:
    """What is to be lived for one row.

    None before the commit: the step does not know the fault. None after it: the fault is in what
    the answer says, so there is no before and after.
    """

    before: Live | None = None
    after: Live | None = None


Table = dict[Row, Lives]


def provider_of(setup: str) -> str:
    """The adaptor that this set-up is of."""
    return (KINDS_OF[setup].provider if setup in KINDS_OF else "") or _name(setup)


def is_about_a_part(setup: str) -> bool:
    """Whether its lives are of credits or documents alone."""
    return setup != _name(setup)


def _name(setup: str) -> str:
    """What its descriptions call it."""
    return setup.removesuffix(OF_CREDITS).removesuffix(OF_DOCUMENTS)


def steps(setup: str) -> list[str]:
    """Every step that its stand-in knows."""
    made = KINDS_OF[setup].stand_in() if setup in KINDS_OF else ZeroFrictionStandIn
    return [str(step) for step in made.steps]


def unused(setup: str) -> tuple[str, ...]:
    """The steps of its stand-in that no life takes."""
    return KINDS_OF[setup].unused if setup in KINDS_OF else zero_friction.UNUSED


def table(setup: str) -> Table:
    """The rows of one set-up, in the order of its tables."""
    told = _told(setup)
    rows: Table = {}
    for row, when, live in _cells(setup):
        lives = rows.setdefault(row, Lives())
        if getattr(lives, when):
            raise ValueError(f"{row} is there twice, {when}")
        setattr(lives, when, live)
    for row, lives in rows.items():
        # Only what the answer says can be the same before and after.
        if not lives.before or (not lives.after and row.fault.partition(":")[0] not in told):
            raise ValueError(f"{row} is there by half")
    if setup in KINDS_OF:
        rows |= {row: Lives() for row in _unmoved(setup, KINDS_OF[setup]) if row not in rows}
    return rows


def _told(setup: str) -> set[str]:
    told = KINDS_OF[setup].stand_in().told if setup in KINDS_OF else ZeroFrictionStandIn.told
    return {*map(str, told)} - set(Fault)


def _cells(setup: str) -> Iterator[tuple[Row, When, Live]]:
    yield from _of_kind(setup, KINDS_OF[setup]) if setup in KINDS_OF else _of_zero_friction(setup)


def _of_kind(setup: str, kind: Kind) -> Iterator[tuple[Row, When, Live]]:
    lived, name = _lived(setup), _name(setup)
    for life in kind.lives:
        for several in scenarios(kind, life):
            for one in [several] if setup.endswith(OF_CREDITS) else one_by_one(several):
                live = partial(lived, provider=name, scenario=one)
                for fault, when in one.faults:
                    yield _row(setup, life, fault), when, live


def _lived(setup: str) -> Callable[..., Awaitable[Lived]]:
    """How one of its lives is lived."""
    if setup.endswith(OF_CREDITS):
        return credit_lives.lived
    return document_lives.lived if setup.endswith(OF_DOCUMENTS) else others.lived


def _row(setup: str, life: Life, fault: str) -> Row:
    return Row(setup, life.name, life.step, fault)


def _of_zero_friction(setup: str) -> Iterator[tuple[Row, When, Live]]:
    for several in zero_friction.every_scenario():
        for one in zero_friction.one_by_one(several):
            ((fault, when),) = one.faults
            row = Row(setup, one.step.name, one.step.step, fault)
            yield row, when, partial(zero_friction.lived, scenario=one)


def _unmoved(setup: str, kind: Kind) -> Iterator[Row]:
    for life in kind.lives:
        for fault in life.unmoved.split():
            yield _row(setup, life, fault)
