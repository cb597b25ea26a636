"""Every step of a credit's life × every fault × before and after, at each provider and for each
form of credit that it takes: credited once, to the cent, here and there.

What comes of each stands in `credit_steps`; a test lives all scenarios of one form at once, and
names every one that went another way. What is refused is told in test_provider_credits.
"""

from __future__ import annotations

import asyncio
import logging

import pytest

from tests.lifecycle.credit_kinds import CREDITINGS
from tests.lifecycle.credit_lives import lived
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.scenarios import Scenario, scenarios, uncovered
from tests.lifecycle.world import World
from tests.tiers import chosen, detail, first


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Every failed attempt is logged with its traceback; here that is the ordinary case."""
    caplog.set_level(logging.ERROR, "temporalio.activity")


def test_every_provider_that_takes_credits_is_described() -> None:
    assert set(CREDITINGS) == {*KINDS, "zero_friction"}


@pytest.mark.parametrize("provider", sorted(CREDITINGS))
def test_every_step_and_every_fault_of_a_credit_is_told_of(provider: str) -> None:
    assert uncovered(CREDITINGS[provider].kind) == []


# At one, and in the thorough tier at each: the workflow is the same.
@detail
@pytest.mark.parametrize("provider", first(sorted(CREDITINGS)))
async def test_whatever_fails_it_is_credited_once_and_to_the_cent(
    shared_world: World, provider: str
) -> None:
    kind = CREDITINGS[provider].kind
    at_once = asyncio.Semaphore(16)

    async def one(scenario: Scenario) -> str:
        async with at_once:
            return (await lived(shared_world, provider, scenario)).report

    told = [one for life in kind.lives for one in scenarios(kind, life)]
    # The long ones first, so that none of them is left alone in the end.
    every = sorted(chosen(told, 60), key=lambda one: len(one.faults), reverse=True)
    wrong = [report for report in await asyncio.gather(*map(one, every)) if report]
    assert not wrong, f"{len(wrong)} of {len(every)}\n\n" + "\n\n".join(wrong)
