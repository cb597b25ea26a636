"""Lives under faults drawn by chance; the seed in a test's name makes the same plan again.

All lives begin together, because each of them mostly waits; every test looks at one of them.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from typing import get_args

import pytest

from invoicing.state.invoice import Invoice, Status
from sandbox.kit.faults import Faults, When
from sandbox.zero_friction import Step, Told
from tests.lifecycle.parking import once_more
from tests.lifecycle.world import Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import chosen, simulated

pytestmark = simulated

SEEDS = chosen(range(1, 11), 4)
STEPS = [
    Step.TOKEN,
    Step.CUSTOMERS,
    Step.BANK_ACCOUNTS,
    Step.TAX_CODES,
    Step.FIND,
    Step.CREATE,
    Step.READ,
    Step.APPROVE,
    Step.SEND,
    Step.DELETE,
    Step.CREDIT,
]
WORDS = {
    Step.CREATE: (Told.SUCCESS_FALSE,),
    Step.FIND: (Told.SUCCESS_FALSE, Told.UNKNOWN_STATUS),
    Step.READ: (Told.SUCCESS_FALSE, Told.UNKNOWN_STATUS, Told.ERRORS_FILLED, Told.CHANGED_AMOUNT),
    Step.APPROVE: (Told.SUCCESS_FALSE, Told.ERRORS_FILLED),
    Step.SEND: (Told.SUCCESS_FALSE, Told.UNKNOWN_STATUS),
}
"""The faults in the provider's own words that a retry gets over, by step."""
REFUSALS = ("NOBODY_KNOWS_THIS", "INVOICE_WRONG_STATUS", "COULD_NOT_APPROVE_INVOICE")
PATIENCE = 40
"""How often an operator answers before something must be wrong."""


def drawn(seed: int) -> Faults:
    """Faults on the wire, and for each of the later steps one in the provider's words."""
    plan, chance = Faults.drawn(seed, STEPS, share=0.4, calls=3), random.Random(-seed)  # noqa: S311
    for step, words in WORDS.items():
        word = chance.choice(words)
        key = chance.choice(REFUSALS) if word in (Told.SUCCESS_FALSE, Told.ERRORS_FILLED) else None
        when: When = chance.choice(get_args(When))
        plan.place(step, word, nth=chance.randint(1, 3), when=when, key=key)
    return plan


@pytest.fixture(scope="module")
async def lives(shared_world: World) -> AsyncIterator[Mapping[int, asyncio.Task[str]]]:
    """By seed, what went wrong in its life; nothing did where that is empty."""
    log = logging.getLogger("temporalio.activity")
    log.setLevel(logging.ERROR)
    begun = {seed: asyncio.create_task(_life(shared_world, seed)) for seed in SEEDS}
    yield begun
    for life in begun.values():
        life.cancel()
    await asyncio.gather(*begun.values(), return_exceptions=True)
    log.setLevel(logging.NOTSET)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_promise_holds_whatever_fails(
    lives: Mapping[int, asyncio.Task[str]], seed: int
) -> None:
    wrong = await lives[seed]
    assert not wrong, wrong


async def _life(world: World, seed: int) -> str:
    """One invoice, and an operator who has what is parked tried again; every third is cancelled."""
    chance, faults = random.Random(seed), drawn(seed)  # noqa: S311
    async with world.company(faults=faults, approval_delay=0, sending_delay=0) as company:
        wrong: list[str] = []
        reference = await company.start(hold=chance.random() < 0.3)
        try:
            async with asyncio.timeout(LONG_ENOUGH):
                cancelled_at = await _cancelled(company, reference) if seed % 3 == 0 else None
                state = await _operated(company, reference, wrong)
        except Exception as error:  # noqa: BLE001
            wrong.append(f"{type(error).__name__}: {error}")
        else:
            wrong += _ended_wrongly(company, state, cancelled_at)
        plan = [str(placed.described()) for placed in faults if placed.hits]
        return "\n".join([await company.report(reference, wrong), *plan]) if wrong else ""


async def _cancelled(company: Company, reference: str) -> int:
    """Cancel once a draft is there; how long the ledger was when that was acknowledged."""
    await company.stand_in.ledger.reached("created", reference, within=LONG_ENOUGH)
    await company.cancel(reference)
    return len(company.effects(reference))


async def _operated(company: Company, reference: str, wrong: list[str]) -> Invoice:
    for _ in range(PATIENCE):
        if (state := await _held_up(company, reference)).ended:
            wrong += await company.violations(reference, state)
            return state
        wrong += await company.violations(reference, state)
        if state.problem:
            await company.resolve(reference, once_more(state.problem))
        else:
            await company.release(reference)
    raise AssertionError(f"parked {PATIENCE} times")


async def _held_up(company: Company, reference: str) -> Invoice:
    """The state once a person is wanted or it is over."""
    async for state in company.client.invoices.changes(reference):
        if state.ended or state.problem or state.status is Status.HELD:
            return state
    raise AssertionError("the workflow was terminated")


def _ended_wrongly(company: Company, state: Invoice, cancelled_at: int | None) -> list[str]:
    effects = company.effects(state.reference)
    if cancelled_at is None:
        wanted = [["created", "approved", "sent"]]
    else:
        wanted = [["created", "deleted"], ["created", "approved", "credited"]]
        wanted += [["created", "approved", "sent", "credited"]]
    wrong = [] if effects in wanted else [f"effects {effects}"]
    if "sent" in effects[cancelled_at or 0 :] and cancelled_at is not None:
        wrong.append("sent after the cancel was acknowledged")
    goal = (Status.SENT,) if cancelled_at is None else (Status.CANCELLED, Status.CREDITED)
    return wrong if state.status in goal else [*wrong, f"ended {state.status}"]
