"""The same lives at every provider: the workflow knows none of them by name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from invoicing.provider import Updates
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Status
from invoicing.state.questions import Answer, Reason
from sandbox.kit.faults import Fault
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.world import World
from tests.tiers import elsewhere, slow

pytestmark = elsewhere

FINAL = ["created", "approved", "sent"]


SEEING = sorted(name for name, kind in KINDS.items() if not (kind.blind or kind.repeatable))
CREDITING = [name for name in SEEING if KINDS[name].credits]


@pytest.fixture(params=SEEING)
async def shop(request: pytest.FixtureRequest, shared_world: World) -> AsyncIterator[Shop]:
    async with opened(shared_world, request.param) as made:
        yield made


async def _end(shop: Shop, reference: str) -> Invoice:
    last = await shop.follow(reference, lambda invoice: invoice.ended or bool(invoice.problem))
    assert not last.problem, last.problem
    return last


async def test_an_invoice_is_made_and_sent_exactly_once(shop: Shop) -> None:
    reference = await shop.start()
    invoice = await _end(shop, reference)
    assert invoice.status is Status.SENT or invoice.status is Status.DELIVERED
    assert invoice.number
    assert shop.effects(reference) == FINAL


async def test_a_create_whose_answer_was_lost_is_adopted(shop: Shop) -> None:
    shop.stand_in.faults.place("create", Fault.TIME_OUT, when="after")
    reference = await shop.start()
    await _end(shop, reference)
    assert shop.effects(reference) == FINAL


@slow
async def test_a_create_that_never_happened_is_made_again(shop: Shop) -> None:
    shop.stand_in.faults.place("create", Fault.RESET, when="before")
    reference = await shop.start()
    await _end(shop, reference)
    assert shop.effects(reference) == FINAL


@slow
async def test_an_approval_whose_answer_was_lost_is_not_repeated(shop: Shop) -> None:
    shop.stand_in.faults.place("approve", Fault.TRUNCATED, when="after")
    reference = await shop.start()
    await _end(shop, reference)
    assert shop.effects(reference) == FINAL


async def test_a_draft_that_is_cancelled_is_deleted(shop: Shop) -> None:
    reference = await shop.start(hold=True)
    await shop.follow(reference, lambda invoice: invoice.status is Status.HELD)
    await shop.cancel(reference)
    assert (await _end(shop, reference)).status is Status.CANCELLED
    assert shop.effects(reference) == ["created", "deleted"]


@pytest.mark.parametrize("shop", CREDITING, indirect=True)
async def test_what_is_final_is_credited_when_it_is_cancelled(shop: Shop) -> None:
    reference = await shop.start(goal=Goal.PAID)
    await shop.follow(reference, lambda invoice: "payment" in str(invoice.waiting))
    await shop.cancel(reference)
    assert (await _end(shop, reference)).status is Status.CREDITED
    assert shop.effects(reference) == [*FINAL, "credited"]


async def test_a_payment_is_seen(shop: Shop) -> None:
    reference = await shop.start(goal=Goal.PAID)
    await shop.follow(reference, lambda invoice: "payment" in str(invoice.waiting))
    shop.stand_in.pay(reference)
    assert (await _end(shop, reference)).status is Status.PAID


async def test_a_cent_too_much_parks_the_draft_and_a_correction_makes_it_right(shop: Shop) -> None:
    shop.stand_in.faults.place("create", "changed_amount")
    reference = await shop.start()
    parked = await shop.follow(reference, lambda invoice: invoice.problem is not None)
    assert parked.problem
    assert parked.problem.reason is Reason.AMOUNTS_DIFFER
    assert shop.effects(reference) == ["created"]
    await shop.answer(reference, Answer.CORRECT)
    await shop.follow(reference, lambda invoice: invoice.problem is None)
    await _end(shop, reference)
    updates = isinstance(shop.adaptor, Updates)
    assert shop.effects(reference) == (FINAL if updates else ["created", "deleted", *FINAL])


async def test_a_word_nobody_knows_is_a_visible_wait(shop: Shop) -> None:
    shop.stand_in.faults.place("read", "unknown_status", times=3)
    reference = await shop.start()
    waiting = await shop.follow(reference, lambda invoice: "known status" in str(invoice.waiting))
    assert shop.effects(reference) == ["created"]
    assert waiting.provider_status in str(waiting.waiting)
    await _end(shop, reference)
    assert shop.effects(reference) == FINAL
