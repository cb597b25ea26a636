"""Where nobody can look: every question that is asked there, and every answer that it offers.

A person looks in the provider's own pages instead. Each answer that they are offered is lived, and
leads somewhere: to an end, on, or to another question. The questions are those of the fault tables
of every such provider, and those that no fault leads to.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Problem, Status
from invoicing.state.questions import Answer, Reason
from sandbox.quiddly import Assumed
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import AWHILE, BRISK, SELDOM, Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.scenarios import Scenario, in_time, scenarios
from tests.lifecycle.world import World
from tests.patience import LONG_ENOUGH
from tests.tiers import chosen, detail

UNSEEN = sorted(name for name, kind in KINDS.items() if kind.blind or kind.repeatable)
"""Where nobody can look."""

COMES_AGAIN = {
    Answer.WAIT: "goes on waiting, and asks once that is over",
    Answer.RETRY: "does it again, and is refused, or finds nothing, as before",
}
"""Answers after which the very same may be asked, where nothing has been mended meanwhile."""
MENDED = (Reason.MAY_EXIST, Reason.REJECTED)
"""Where that is so of `retry`: an account may have a route by now, or a cause be gone. At any other
question a repetition could show nothing else."""


@dataclass(frozen=True)
class Parked:
    """One way to be asked. `park` starts an invoice that will be, and returns its reference."""

    reason: Reason
    park: Callable[[Shop], Awaitable[str]]
    paces: Mapping[str, Any] = field(default_factory=dict)
    stand_in: Mapping[str, Any] = field(default_factory=dict)
    patience: float = 10


def _by_a_fault(scenario: Scenario) -> Parked:
    life = scenario.life

    async def park(shop: Shop) -> str:
        scenario.place(shop.stand_in)
        reference = await shop.start(shop.request(**{"goal": life.goal, **life.request}))
        if life.cancelled_when:
            await shop.follow(reference, life.cancelled_when)
            await shop.cancel(reference)
        return reference

    (reason,) = scenario.expected.parked
    return Parked(reason, park, life.paces, life.stand_in, in_time(scenario))


def _asks(**request: Any) -> Callable[[Shop], Awaitable[str]]:
    async def park(shop: Shop) -> str:
        return await shop.start(shop.request(**request))

    return park


async def _final_is_cancelled(shop: Shop) -> str:
    reference = await shop.start(shop.request(goal=Goal.PAID, may_credit=False))
    await shop.until_waiting(reference, "payment")
    await shop.cancel(reference)
    return reference


async def _draft_is_cancelled(shop: Shop) -> str:
    reference = await shop.start(shop.request(hold=True))
    await shop.until_status(reference, Status.HELD)
    await shop.cancel(reference)
    return reference


async def _corrected_when_it_was_final(shop: Shop) -> str:
    """The activation was refused, and a person who corrects it is told that it has happened."""
    shop.stand_in.faults.place("approve", "refused", when="after")
    reference = await shop.start(shop.request(goal=Goal.PAID))
    await shop.parked(reference)
    await shop.answer(reference, Answer.CORRECT)
    return reference


_OTHERS: dict[str, dict[str, Parked]] = {
    name: {
        "it is final, and not to be credited": Parked(
            Reason.CANNOT_CANCEL, _final_is_cancelled, {"payment": SELDOM}
        ),
        "nobody has paid": Parked(
            Reason.PAYMENT_OVERDUE, _asks(goal=Goal.PAID), {"payment": AWHILE}
        ),
        "nobody has released it": Parked(
            Reason.HOLD_OVERDUE, _asks(hold=True), {"hold": AWHILE.deadline}
        ),
    }
    for name in UNSEEN
}
_OTHERS["quiddly_blind"]["no draft can be deleted from here"] = Parked(
    Reason.REJECTED, _draft_is_cancelled, {}, {"assumed": Assumed()}
)


def _ways(name: str) -> dict[str, Parked]:
    """One way to each question at each step, and those that no fault leads to."""
    kind, found = KINDS[name], dict[str, Parked]()
    for life in kind.lives:
        for scenario in scenarios(kind, life):
            if len(scenario.expected.parked) == 1 and not (life.also or life.pays):
                reason = scenario.expected.parked[0]
                final = "approve" if life.step == "approve" else ""
                found.setdefault(f"{life.step} · {reason} {final}", _by_a_fault(scenario))
    return {**found, **_OTHERS[name]}


WAYS = {f"{name} · {way}": (name, each) for name in UNSEEN for way, each in _ways(name).items()}


def test_the_questions_that_are_lived_are_those_of_every_table() -> None:
    """A provider that cannot be looked at, and is added, is lived here as well."""
    assert UNSEEN == ["quiddly_blind", "riverty"]
    asked = {each.reason for _, each in WAYS.values()}
    assert asked >= {
        *(Reason.REJECTED, Reason.UNKNOWN_STATUS, Reason.MAY_EXIST, Reason.CANNOT_TELL),
        *(Reason.DRAFT_FAILED, Reason.DRAFT_OVERDUE, Reason.AMOUNTS_DIFFER),
        *(Reason.APPROVAL_FAILED, Reason.APPROVAL_OVERDUE, Reason.PAYMENT_OVERDUE),
        *(Reason.CANNOT_CANCEL, Reason.HOLD_OVERDUE),
    }


@detail
@pytest.mark.parametrize("way", chosen(sorted(WAYS), 5))
async def test_every_answer_that_is_offered_leads_somewhere(shared_world: World, way: str) -> None:
    name, parked = WAYS[way]
    async with _asked(shared_world, name, parked) as (shop, reference, problem):
        assert problem.reason is parked.reason
        await _leads_somewhere(shop, reference, problem, problem.answers[0])
    rest = (_lived(shared_world, name, parked, answer) for answer in problem.answers[1:])
    await asyncio.gather(*rest)


@contextlib.asynccontextmanager
async def _asked(
    world: World, name: str, parked: Parked
) -> AsyncIterator[tuple[Shop, str, Problem]]:
    paces = BRISK.model_copy(update=dict(parked.paces))
    how: dict[str, Any] = {"paces": paces, "patience": parked.patience, **parked.stand_in}
    async with opened(world, name, **how) as shop:
        reference = await parked.park(shop)
        problem = (await shop.parked(reference)).problem
        assert problem is not None
        yield shop, reference, problem


async def _lived(world: World, name: str, parked: Parked, answer: Answer) -> None:
    async with _asked(world, name, parked) as (shop, reference, problem):
        await _leads_somewhere(shop, reference, problem, answer)


async def _leads_somewhere(shop: Shop, reference: str, asked: Problem, answer: Answer) -> None:
    await shop.answer(reference, answer)
    state = await _next(shop, reference, asked)
    told = f"{asked.reason} → {answer}: {state.status}, {state.problem}"
    if state.ended or not asked.same(state.problem):
        return
    assert answer in COMES_AGAIN, told
    assert answer is Answer.WAIT or asked.reason in MENDED, told


async def _next(shop: Shop, reference: str, asked: Problem) -> Invoice:
    """What comes of the answer: the end, another question, or a wait that is no person's."""

    def there(state: Invoice) -> bool:
        problem = state.problem
        other = problem is not None and bool(problem.answers) and problem.question != asked.question
        waits = state.waiting is not None and state.waiting.what in ("payment", "release")
        return state.ended or other or (waits and problem is None)

    async with (
        asyncio.timeout(LONG_ENOUGH),
        aclosing(shop.client.invoices.changes(reference)) as changes,
    ):
        async for state in changes:
            if there(state):
                return state
    raise AssertionError("it ended otherwise")


@detail
async def test_figures_that_a_person_has_seen_of_a_draft_are_seen_once_more_when_it_is_final(
    shared_world: World,
) -> None:
    async with opened(shared_world, "quiddly_blind", patience=10) as shop:
        # It stands there so, and the answer to its activation states the same once more.
        shop.stand_in.faults.place("create", "changed_amount", when="before")
        reference = await shop.start()
        draft = (await shop.parked(reference)).problem
        assert draft is not None
        assert {*draft.answers} == {*_OF_WHAT_IS_FINAL, Answer.CORRECT}
        await shop.answer(reference, Answer.HAPPENED)
        final = (await _next(shop, reference, draft)).problem
        assert final is not None
        assert (final.reason, final.fields) == (draft.reason, draft.fields)
        assert {*final.answers} == _OF_WHAT_IS_FINAL
        assert shop.stand_in.calls.count("approve") == 1
        await shop.answer(reference, Answer.HAPPENED)
        assert (await shop.finished(reference)).status is Status.SENT


@detail
async def test_what_was_credited_there_by_hand_is_cancelled_and_ends_as_credited(
    shared_world: World,
) -> None:
    async with opened(shared_world, "quiddly_blind", patience=10) as shop:
        shop.stand_in.faults.place("approve", "changed_amount", when="before")
        reference = await shop.start()
        asked = (await shop.parked(reference)).problem
        assert asked is not None
        await shop.cancel(reference)
        last = (await _next(shop, reference, asked)).problem
        assert last is not None
        assert last.reason is Reason.CANNOT_CANCEL
        await shop.answer(reference, Answer.HAPPENED)
        assert (await shop.finished(reference)).status is Status.CREDITED


_OF_WHAT_IS_FINAL = {Answer.HAPPENED, Answer.MAKE_AGAIN, Answer.ABANDON}
