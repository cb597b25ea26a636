"""Every step of an invoice's life × every fault × before and after its effect, at each provider.

What comes of each stands in `kinds`, provider by provider; a test runs all scenarios of
one life at once and names every one that went another way.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

from invoicing.provider import Figure
from invoicing.state.invoice import Invoice, Problem, Status
from invoicing.state.questions import Answer, Reason
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import BRISK, Expected, Forgery, Life, Moment, Shop
from tests.lifecycle.lived import Lived
from tests.lifecycle.provider_world import opened
from tests.lifecycle.scenarios import (
    Scenario,
    in_time,
    meanwhile,
    open_gates,
    pays,
    scenarios,
    uncovered,
)
from tests.lifecycle.world import World, together
from tests.patience import LONG_ENOUGH
from tests.tiers import chosen, detail, elsewhere, first, slow


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Every failed attempt is logged with its traceback; here that is the ordinary case."""
    caplog.set_level(logging.ERROR, "temporalio.activity")


# --- faults ---------------------------------------------------------------------------------------


# At one provider, and in the thorough tier at every other: the workflow is the same, and what each
# adaptor makes of a fault, its contract sees.


@pytest.mark.parametrize("provider", sorted(KINDS))
def test_every_step_and_every_fault_is_told_of(provider: str) -> None:
    assert uncovered(KINDS[provider]) == []


@elsewhere
@pytest.mark.parametrize("provider", first(sorted(KINDS)))
async def test_whatever_fails_on_the_way_to_a_draft_there_is_one_in_the_end(
    shared_world: World, provider: str
) -> None:
    await _run(shared_world, provider, [one for one in KINDS[provider].lives if one.of_a_draft])


@elsewhere
@pytest.mark.parametrize("provider", first(sorted(KINDS)))
async def test_whatever_fails_from_the_draft_on_nothing_is_done_twice(
    shared_world: World, provider: str
) -> None:
    lives = [one for one in KINDS[provider].lives if not one.of_a_draft]
    await _run(shared_world, provider, lives)


async def _run(world: World, provider: str, lives: Sequence[Life]) -> None:
    """Scenarios of these lives; fails with a report about every one that went wrong."""
    at_once = asyncio.Semaphore(16)

    async def one(scenario: Scenario) -> str:
        async with at_once:
            return await _wrong(world, provider, scenario)

    # The long ones first, so that none of them is left alone in the end.
    told = [one for life in lives for one in scenarios(KINDS[provider], life)]
    every = sorted(chosen(told, 20), key=_length, reverse=True)
    wrong = [report for report in await asyncio.gather(*map(one, every)) if report]
    assert not wrong, f"{len(wrong)} of {len(every)}\n\n" + "\n\n".join(wrong)


def _length(scenario: Scenario) -> int:
    return len(scenario.faults) + 10 * len(scenario.expected.parked)


async def _wrong(world: World, provider: str, scenario: Scenario) -> str:
    """What went otherwise than expected, as a report; empty if nothing did."""
    return (await lived(world, provider, scenario)).report


async def lived(world: World, provider: str, scenario: Scenario) -> Lived:
    """Live this scenario to its end, in a company of its own."""
    life = scenario.life
    paces = BRISK.model_copy(update=dict(life.paces))
    patience = in_time(scenario)
    async with opened(world, provider, paces=paces, patience=patience, **life.stand_in) as shop:
        if life.also:
            shop.stand_in.faults.place(life.also[0], life.also[1], when=life.also[2])
        placed = scenario.place(shop.stand_in)
        reference = await shop.start(shop.request(**{"goal": life.goal, **life.request}))
        problems: list[Problem] = []
        found: list[str] = []
        ended: Invoice | None = None
        reached: Expected | None = None
        try:
            async with (
                asyncio.timeout(LONG_ENOUGH),
                meanwhile(open_gates(placed), pays(shop, life, reference, placed)),
            ):
                ended = await _live(shop, reference, scenario, problems)
        except Exception as error:  # noqa: BLE001
            found.append(f"{type(error).__name__}: {error}")
        else:
            reached = await _reached(shop, ended, scenario, problems)
            found += await _differs(shop, ended, scenario, reached)
            found += [f"{one.fault} never struck" for one in placed if not one.hits]
        return Lived(
            status=ended.status if ended else None,
            live=shop.live(reference),
            effects=tuple(shop.effects(reference)),
            calls=reached.calls if reached else None,
            asked=tuple((one.reason, scenario.expected.answer) for one in problems),
            adopted=reached is not None and reached.adopted,
            wrong=tuple(found),
            report=f"{scenario}\n{await shop.report(reference, found)}" if found else "",
        )


async def _live(shop: Shop, reference: str, scenario: Scenario, problems: list[Problem]) -> Invoice:
    if scenario.life.cancelled_when:
        await shop.follow(reference, scenario.life.cancelled_when)
        await shop.cancel(reference)
    if not scenario.expected.parked:
        # Cheaper than following it; one that is parked unexpectedly shows up a little later.
        with suppress(TimeoutError):
            return await shop.finished(reference, within=30)
    while not (state := await shop.at_rest(reference, within=100)).ended:
        assert state.problem is not None
        problems.append(state.problem)
        found = await shop.violations(reference, state)
        if (shop.kind.blind or shop.kind.repeatable) and not shop.live(reference):
            # Whether it is gone is what is asked.
            found = [one for one in found if one != "ours is not the live one"]
        assert not found, f"while it is parked: {found}"
        assert len(problems) < 4 + len(scenario.expected.parked), "parked again and again"
        await shop.answer(reference, scenario.expected.answer)
    return state


async def _reached(
    shop: Shop, ended: Invoice, scenario: Scenario, problems: Sequence[Problem]
) -> Expected:
    wanted, step = scenario.expected, scenario.life.step
    return Expected(
        calls=None if wanted.calls is None else shop.stand_in.calls.count(step),
        parked=tuple(problem.reason for problem in problems),
        answer=wanted.answer,
        # To ask an ended invoice for its journal costs a replay of its life.
        adopted=wanted.adopted and await _was_adopted(shop, ended.reference),
        effects=wanted.effects,
    )


async def _differs(shop: Shop, ended: Invoice, scenario: Scenario, reached: Expected) -> list[str]:
    wanted, life = scenario.expected, scenario.life
    found = await shop.violations(ended.reference, ended)
    if reached != wanted:
        found.append(f"expected {wanted}, came to {reached}")
    effects = life.effects if wanted.effects is None else wanted.effects
    if (there := " ".join(shop.effects(ended.reference))) != effects:
        found.append(f"expected effects {effects!r}, there are {there!r}")
    return found


async def _was_adopted(shop: Shop, reference: str) -> bool:
    journal = await shop.client.invoices.journal(reference)
    return any("adopted" in entry.what for entry in journal.entries)


SEEN = sorted(name for name, kind in KINDS.items() if kind.forgeries)
"""Where figures are stated."""


# --- figures --------------------------------------------------------------------------------------


@slow
@pytest.mark.parametrize("provider", first(SEEN))
async def test_a_draft_with_another_figure_is_never_approved(
    shared_world: World, provider: str
) -> None:
    async with opened(shared_world, provider, patience=10) as shop:

        async def stopped(forgery: Forgery) -> None:
            request = shop.request(**forgery.request)
            says = forgery.says.format(reference=request.reference)
            shop.forged[request.reference] = forgery.change
            reference = await shop.start(request)
            # Where nobody can look again, it is not compared again: it has to be made again.
            for still_forged in (False,) if shop.kind.blind else (True, False):
                await _differing(shop, reference, f"{forgery.figure}: {says}")
                if not still_forged:
                    del shop.forged[reference]
                await shop.answer(reference, Answer.CORRECT if shop.kind.blind else Answer.RETRY)
            ended = await shop.at_rest(reference)
            assert ended.ended
            first = ["created", "deleted"] if shop.kind.blind else []
            assert shop.effects(reference) == [*first, "created", "approved", "sent"]
            assert await shop.violations(reference, ended) == []

        await together({one.says: stopped(one) for one in shop.kind.forgeries})


async def _differing(shop: Shop, reference: str, field: str) -> None:
    state = await shop.parked(reference)
    assert state.problem is not None
    assert state.problem.reason is Reason.AMOUNTS_DIFFER
    assert [str(each) for each in state.problem.fields] == [field]
    assert shop.effects(reference) == ["created"]


@pytest.mark.parametrize("provider", first(SEEN))
async def test_every_figure_that_is_stated_is_compared(shared_world: World, provider: str) -> None:
    kind = KINDS[provider]
    figures = [one.figure for one in kind.forgeries if not one.text]
    forged = {Figure(re.sub("vat .*", "vat", each)) for each in figures}
    assert forged | set(kind.unstated) == set(Figure)
    assert not forged & set(kind.unstated)
    async with opened(shared_world, provider) as shop:
        plan = await shop.adaptor.plan(shop.request())
        assert set(plan.echoes) <= forged


# --- cancels --------------------------------------------------------------------------------------


@detail
@pytest.mark.parametrize("provider", first(sorted(name for name in KINDS if KINDS[name].moments)))
async def test_a_cancel_takes_back_whatever_there_is(shared_world: World, provider: str) -> None:
    async def cancelled(moment: Moment) -> None:
        async with opened(shared_world, provider, patience=10, **moment.stand_in) as shop:
            ended, late = await _cancelled(shop, moment)
            assert ended.status is moment.status, await shop.report(ended.reference, [ended.status])
            assert " ".join(shop.effects(ended.reference)) == moment.effects
            assert await shop.violations(ended.reference, ended) == []
            assert late == []

    await together({one.name: cancelled(one) for one in KINDS[provider].moments})


def _is_cancelling(state: Invoice) -> bool:
    return state.status is Status.CANCELLING


async def _cancelled(shop: Shop, moment: Moment) -> tuple[Invoice, list[str]]:
    """How it ended, and what was done after the cancel was acknowledged that should not be."""
    if moment.fault:
        step, fault, when = moment.fault
        shop.stand_in.faults.place(step, fault, when=when)
    request = shop.request(**moment.request)
    if moment.during is None:
        reference = await shop.start(request)
        await shop.follow(reference, moment.once)
        late = await _acknowledged(shop, reference)
    else:
        step, nth, when = moment.during
        gate = shop.stand_in.faults.place(step, "gate", nth=nth, when=when)
        reference = await shop.start(request)
        await gate.reached(within=LONG_ENOUGH)
        asked = asyncio.create_task(_acknowledged(shop, reference))
        await shop.follow(reference, lambda state: state.ended or _is_cancelling(state))
        gate.release()
        late = await asked
    ended = await shop.finished(reference)
    return ended, late()


async def _acknowledged(shop: Shop, reference: str) -> Callable[[], list[str]]:
    """Cancel it; tells later what has been made final or asked to be since this returned."""
    state = await shop.cancel(reference)
    calls, effects = len(shop.stand_in.calls.all), shop.effects(reference)

    def late() -> list[str]:
        approved = "approved" in shop.effects(reference)[len(effects) :]
        return [*shop.finalised(state.provider_id, calls), *(["approved"] if approved else [])]

    return late
