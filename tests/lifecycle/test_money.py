"""Money at every provider, before an invoice's end and after it: parts, too much, back again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from gateway.reach import Reach
from invoicing.balance import Balance, Way
from invoicing.provider import Pace, PaymentStatus
from invoicing.request import Goal
from invoicing.state.credited import CreditedSoFar
from invoicing.state.identity import money_id, notices_id
from invoicing.state.invoice import Invoice, Status
from sandbox.riverty.words import TYPES
from tests.lifecycle.provider_world import opened
from tests.lifecycle.test_notices import listening
from tests.lifecycle.test_provider_credits import WORTH, a_credit
from tests.lifecycle.test_quiddly import fetched
from tests.lifecycle.world import PACES, Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, first, simulated, slow

ALL = ["zero_friction", "mollie", "invoro", "quiddly", "quiddly_blind", "riverty"]
HEARS = PACES.model_copy(
    update={
        "money": Pace(
            first=timedelta(milliseconds=60),
            factor=1.2,
            cap=timedelta(seconds=1),
            deadline=timedelta(minutes=5),
        )
    }
)
NOTHING = Decimal(0)
TELLS_TOO_MUCH = set(ALL) - {"mollie", "quiddly"}
"""Mollie and a look at Quiddly state what is left, and that is never below zero."""


@contextlib.asynccontextmanager
async def at(world: World, name: str, **paces: Any) -> AsyncIterator[Any]:
    heard = HEARS.model_copy(update=paces)
    if name == "zero_friction":
        opening: Any = world.company(paces=heard)
    else:
        told: dict[str, Any] = {"activated": TYPES} if name == "riverty" else {}
        opening = opened(world, name, paces=heard, **told)
    async with opening as made, _feed(made, name):
        yield made
        for reference in made.client.invoices.started:
            with contextlib.suppress(Exception):
                await hearing(made, reference).terminate("the test is over")


def _feed(shop: Any, name: str) -> Any:
    """At Quiddly one is told by the feed alone, the other by looks alone."""
    return fetched(shop) if name == "quiddly_blind" else contextlib.nullcontext()


def hearing(shop: Company, reference: str) -> Any:
    return shop.client.temporal.get_workflow_handle(money_id(reference))


# The workflow that learns of money is the same at each of them.
@pytest.fixture(params=first(ALL))
async def shop(request: pytest.FixtureRequest, shared_world: World) -> AsyncIterator[Company]:
    async with at(shared_world, request.param) as made:
        made.named = request.param
        yield made


async def moved(
    shop: Company, reference: str, sure: Callable[[Balance], bool], within: float = LONG_ENOUGH
) -> tuple[Invoice, Balance]:
    """The state once its money is so, and its money."""
    state = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            while True:
                state = await shop.client.invoices.state(reference)
                if state.balance and sure(state.balance):
                    return state, state.balance
                await asyncio.sleep(0.05)
    raise AssertionError(f"never so: {state and state.balance}")


async def ended(shop: Company, **changes: Any) -> tuple[str, Decimal]:
    """An invoice that has ended as sent, and what is due."""
    reference = await shop.start(goal=Goal.SENT, **changes)
    state = await shop.finished(reference)
    assert state.status in (Status.SENT, Status.DELIVERED), state
    assert state.balance
    return reference, state.balance.due


async def said(shop: Company, reference: str) -> list[str]:
    entries = (await shop.client.invoices.journal(reference)).entries
    return [one.what for one in entries if one.what.startswith("paid ")]


async def test_a_part_then_the_rest_then_all_of_it_goes_back_after_the_end(shop: Any) -> None:
    reference, due = await ended(shop)
    shop.stand_in.pay(reference, Decimal("20.00"))
    state, money = await moved(shop, reference, lambda balance: balance.paid == 20)
    assert (state.payment, state.ended) == (PaymentStatus.PARTLY_PAID, True)
    assert money.left == due - 20
    shop.stand_in.pay(reference)
    state, money = await moved(shop, reference, lambda balance: balance.left == 0)
    assert (state.status, state.payment) == (Status.PAID, PaymentStatus.PAID)
    shop.stand_in.charge_back(reference)
    state, money = await moved(shop, reference, lambda balance: balance.left == due)
    assert state.status in (Status.SENT, Status.DELIVERED)
    assert state.payment is not PaymentStatus.PAID
    assert money.went_back
    assert len(await said(shop, reference)) >= 3
    if shop.named == "riverty":
        assert money.charged_back == due
        assert [one.way for one in money.movements][-1] is Way.CHARGEBACK
    else:
        assert (money.returned, money.charged_back) == (due, None)


@simulated
async def test_too_much_is_seen_and_so_is_that_it_is_given_back(shop: Any) -> None:
    reference, due = await ended(shop)
    shop.stand_in.pay(reference, due + 5)
    over = Decimal(5) if shop.named in TELLS_TOO_MUCH else NOTHING
    state, money = await moved(shop, reference, lambda balance: balance.paid == due + over)
    assert (state.status, money.left, money.too_much) == (Status.PAID, NOTHING, over)
    if not over:
        return
    shop.stand_in.refund(reference)
    state, money = await moved(shop, reference, lambda balance: balance.too_much == 0)
    assert (state.status, money.left) == (Status.PAID, NOTHING)
    assert 5 in (money.refunded, money.returned)


@detail
async def test_what_is_paid_before_it_is_delivered_counts(shop: Any) -> None:
    """Its goal is the payment, so it hears of that itself."""
    reference = await shop.start(goal=Goal.PAID)
    await shop.until_waiting(reference, "payment")
    shop.stand_in.pay(reference, Decimal("20.00"))
    state, _ = await moved(shop, reference, lambda balance: balance.paid == 20)
    assert not state.ended
    shop.stand_in.pay(reference)
    state = await shop.finished(reference)
    assert state.status is Status.PAID
    assert state.balance
    assert state.balance.left == 0
    assert await said(shop, reference)


@detail
async def test_a_subscriber_is_told_of_late_money(shared_world: World) -> None:
    async with (
        listening(shared_world) as silent,
        silent.served(),
        at(shared_world, "invoro") as shop,
    ):
        reference, due = await ended(shop, subscriber=silent.name)
        await silent.told_end(reference)
        shop.stand_in.pay(reference, Decimal("20.00"))
        await silent.told(reference, "invoice.money")
        shop.stand_in.pay(reference)
        await silent.told(reference, "invoice.paid")
        shop.stand_in.charge_back(reference)
        await moved(shop, reference, lambda balance: balance.left == due)

        def last() -> Any:
            told = [one.content for one in silent.stand_in.taken]
            return [one for one in told if one["data"]["reference"] == reference][-1]

        await silent.stand_in.until(
            lambda: last()["data"]["balance"]["returned"] not in (None, "0"), "the chargeback"
        )
        assert last()["data"]["ended"]
        assert last()["type"] == "invoice.delivered"
        numbers = silent.sequence(reference)
        assert numbers == list(range(1, len(numbers) + 1))


@detail
async def test_its_time_has_an_end(shared_world: World) -> None:
    # Long enough for a first look, on a busy machine.
    short = HEARS.money.model_copy(update={"deadline": timedelta(seconds=4)})
    async with at(shared_world, "invoro", money=short) as shop:
        reference, _ = await ended(shop)
        heard = await hearing(shop, reference).result()
        assert heard["status"] == "delivered"
        shop.stand_in.pay(reference)
        state = await shop.client.invoices.state(reference)
        assert state.balance
        assert state.balance.paid == 0


@detail
async def test_a_draft_and_one_that_was_taken_back_cost_no_workflow(shared_world: World) -> None:
    async with at(shared_world, "invoro") as shop:
        draft = await shop.start(goal=Goal.DRAFTED)
        await shop.finished(draft)
        held = await shop.start(hold=True)
        await shop.until_status(held, Status.HELD)
        await shop.cancel(held)
        await shop.finished(held)
        for reference in (draft, held):
            with pytest.raises(Exception, match="not found"):
                await hearing(shop, reference).describe()


async def test_without_a_setting_nobody_hears_of_it(shared_world: World) -> None:
    async with opened(shared_world, "invoro") as shop:
        reference = await shop.start()
        await shop.finished(reference)
        with pytest.raises(Exception, match="not found"):
            await hearing(shop, reference).describe()


@slow
async def test_news_that_nobody_can_look_with_wait_until_somebody_can(shared_world: World) -> None:
    async with at(shared_world, "invoro") as shop:
        reference, _ = await ended(shop)
        shop.stand_in.faults.place("read", "500", times=4)
        shop.stand_in.pay(reference)
        state, _ = await moved(shop, reference, lambda balance: balance.left == 0)
        assert state.status is Status.PAID


@detail
async def test_what_is_overdue_is_listed_without_a_register(shared_world: World) -> None:
    """Paid in part it is overdue still; paid it is not; and after a chargeback it is again."""
    async with at(shared_world, "invoro") as shop:
        past = {"issue_date": date(2026, 1, 2), "due_date": date(2026, 1, 31)}
        reference, due = await ended(shop, document=past)

        async def listed(day: date) -> list[str]:
            found = shop.client.invoices.list(overdue_on=day, prefix=reference)
            return [f"{one.reference} {one.status}" async for one in found]

        async def so(expected: list[str]) -> None:
            async with asyncio.timeout(LONG_ENOUGH):
                while True:
                    if await listed(date(2026, 2, 1)) == expected:
                        return
                    await asyncio.sleep(0.1)

        await so([f"{reference} delivered"])
        assert await listed(date(2026, 1, 31)) == []
        shop.stand_in.pay(reference, Decimal("20.00"))
        await moved(shop, reference, lambda balance: balance.paid == 20)
        await so([f"{reference} delivered"])
        shop.stand_in.pay(reference)
        await so([])
        shop.stand_in.charge_back(reference)
        await moved(shop, reference, lambda balance: balance.left == due)
        await so([f"{reference} delivered"])


@slow
async def test_a_credit_note_after_the_end_lowers_what_is_left(shared_world: World) -> None:
    async with at(shared_world, "invoro") as shop:
        reference, due = await ended(shop)
        shop.stand_in.pay(reference)
        await moved(shop, reference, lambda balance: balance.left == 0)
        made = await shop.client.credits.make(reference, a_credit(shop, **WORTH["amount"]))
        note = await shop.client.invoices.result(made.reference)
        assert note.amounts
        assert note.balance is None
        gross = note.amounts.gross
        _, money = await moved(shop, reference, lambda balance: balance.credited == gross)
        assert (money.paid, money.left, money.too_much) == (due, NOTHING, gross)
        with pytest.raises(Exception, match="not found"):
            await hearing(shop, made.reference).describe()


@slow
async def test_what_a_credit_note_takes_is_no_payment_before_it_tells_either(
    shared_world: World,
) -> None:
    """Quiddly shows what is left, and less by a note from the moment that it is activated."""
    async with at(shared_world, "quiddly") as shop:
        reference = await shop.start(goal=Goal.APPROVED)
        state = await shop.finished(reference)
        assert state.balance
        part = a_credit(shop, goal="sent", **WORTH["quantity"])
        await shop.client.credits.make(reference, part)
        _, money = await moved(shop, reference, lambda balance: bool(balance.credited))
        await moved(shop, reference, lambda money: money.left == money.due - (money.credited or 0))
        rest = a_credit(shop, "C2", goal="approved", whole=True)
        await shop.client.credits.make(reference, rest)
        state, money = await moved(shop, reference, lambda money: money.credited == money.due)
        assert (state.status, money.left, money.too_much) == (Status.CREDITED, NOTHING, NOTHING)
        assert [each for each in await said(shop, reference) if "unknown" not in each] == []


@slow
@pytest.mark.parametrize("name", ["invoro", "quiddly", "riverty"])
async def test_one_that_waits_for_its_payment_ends_once_credits_leave_nothing_of_it(
    shared_world: World, name: str
) -> None:
    async with at(shared_world, name) as shop:
        reference = await shop.start(goal=Goal.PAID)
        await shop.follow(reference, lambda state: "payment" in str(state.waiting))
        for credit in (a_credit(shop, **WORTH["quantity"]), a_credit(shop, "C2", whole=True)):
            made = await shop.client.credits.make(reference, credit)
            await asyncio.wait_for(shop.client.invoices.result(made.reference), LONG_ENOUGH)
        state = await shop.finished(reference)
        assert state.status is Status.CREDITED
        assert state.balance
        assert state.balance.credited == state.balance.due
        # Riverty states nothing of the money of what nobody has paid.
        assert state.balance.left == (None if name == "riverty" else NOTHING)


@detail
async def test_one_that_waits_for_its_payment_is_paid_with_what_a_credit_has_left(
    shared_world: World,
) -> None:
    async with at(shared_world, "invoro") as shop:
        reference = await shop.start(goal=Goal.PAID)
        await shop.follow(reference, lambda state: "payment" in str(state.waiting))
        made = await shop.client.credits.make(reference, a_credit(shop, **WORTH["quantity"]))
        note = await asyncio.wait_for(shop.client.invoices.result(made.reference), LONG_ENOUGH)
        _, money = await moved(shop, reference, lambda balance: bool(balance.credited))
        assert note.amounts
        assert money.credited == note.amounts.gross
        shop.stand_in.pay(reference, money.due - note.amounts.gross)
        state = await shop.finished(reference)
        assert state.balance
        assert (state.status, state.balance.left) == (Status.PAID, NOTHING)


@detail
async def test_a_look_that_is_never_answered_ends_with_its_time(shared_world: World) -> None:
    short = HEARS.money.model_copy(update={"deadline": timedelta(seconds=2)})
    async with at(shared_world, "invoro", money=short) as shop:
        reference, _ = await ended(shop)
        shop.stand_in.faults.place("read", "500", times=10_000)
        heard = await asyncio.wait_for(hearing(shop, reference).result(), LONG_ENOUGH)
        assert heard["status"] == "delivered"


@detail
async def test_what_somebody_has_to_mend_is_not_asked_for_again_before_its_turn(
    shared_world: World,
) -> None:
    async with at(shared_world, "invoro") as shop:
        reference, due = await ended(shop)
        shop.stand_in.faults.place("read", "not_json", times=3)
        shop.stand_in.pay(reference)
        await moved(shop, reference, lambda balance: balance.paid == due)
        entries = (await shop.client.invoices.journal(reference)).entries
        assert any("the next one is in its turn" in one.what for one in entries)


@detail
async def test_a_cancel_of_it_loses_nothing_that_is_to_be_told(shared_world: World) -> None:
    async with (
        listening(shared_world) as silent,
        silent.served(),
        at(shared_world, "invoro") as shop,
    ):
        reference, due = await ended(shop, subscriber=silent.name)
        shop.stand_in.pay(reference)
        await moved(shop, reference, lambda balance: balance.paid == due)
        await hearing(shop, reference).cancel()
        heard = await asyncio.wait_for(hearing(shop, reference).result(), LONG_ENOUGH)
        assert heard["status"] == "paid"
        await silent.told(reference, "invoice.paid")
        last = (await shop.client.invoices.journal(reference)).entries[-1]
        assert last.what == "nobody hears of its money any more"


@slow
async def test_one_that_the_server_has_forgotten_is_shown_and_is_still_its_callers(
    shared_world: World,
) -> None:
    """After the retention of the invoice's own run."""
    async with at(shared_world, "invoro") as shop:
        reference, due = await ended(shop)
        shop.stand_in.pay(reference)
        await moved(shop, reference, lambda balance: balance.paid == due)
        await forgotten(shop, reference)
        state = await shop.client.invoices.state(reference)
        assert (state.reference, state.status, state.ended) == (reference, Status.PAID, True)
        assert await said(shop, reference)
        told = await hearing(shop, reference).describe()
        here = f"{state.provider}/{state.account}"
        assert await Reach(accounts=(here,)).has(told)
        assert not await Reach(accounts=(f"{here}-other",)).has(told)


async def forgotten(shop: Company, reference: str) -> None:
    """Delete the invoice's own workflow, and wait until it is gone."""
    temporal = shop.client.temporal
    handle = shop.client.invoices.handle(reference)
    about = WorkflowExecution(workflow_id=handle.id)
    delete = DeleteWorkflowExecutionRequest(namespace=temporal.namespace, workflow_execution=about)
    await temporal.workflow_service.delete_workflow_execution(delete)
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            try:
                await handle.describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return
            await asyncio.sleep(0.05)


@detail
async def test_notices_after_the_end_are_posted_by_the_invoices_own_poster(
    shared_world: World,
) -> None:
    async with (
        listening(shared_world) as silent,
        silent.served(),
        at(shared_world, "invoro") as shop,
    ):
        reference, _ = await ended(shop, subscriber=silent.name)
        shop.stand_in.pay(reference)
        await silent.told(reference, "invoice.paid")
        temporal = shop.client.temporal
        another = notices_id(silent.name, money_id(reference))
        with pytest.raises(RPCError, match="not found"):
            await temporal.get_workflow_handle(another).describe()


@detail
async def test_a_credit_note_brings_a_look_and_invents_no_payment(shared_world: World) -> None:
    """The next look of the row is a day away; what is left was stated before the credit."""
    rare = HEARS.money.model_copy(
        update={"first": timedelta(days=1), "cap": timedelta(days=1), "deadline": timedelta(days=9)}
    )
    async with at(shared_world, "invoro", money=rare) as shop:
        reference, due = await ended(shop)
        reads = len(await looks(shop, reference))
        identity = (await shop.client.invoices.state(reference)).provider_id
        told = CreditedSoFar(provider_id=identity or "", gross=Decimal("10.00"))
        await hearing(shop, reference).signal("credited_so_far", told)
        _, money = await moved(shop, reference, lambda balance: balance.credited == 10)
        assert (money.paid, money.left, money.unexplained) == (NOTHING, due - 10, NOTHING)
        async with asyncio.timeout(LONG_ENOUGH):
            while True:
                if len(await looks(shop, reference)) > reads:
                    return
                await asyncio.sleep(0.05)


async def looks(shop: Company, reference: str) -> list[str]:
    """The reads that it has asked for."""
    history = await hearing(shop, reference).fetch_history()
    asked = [one.activity_task_scheduled_event_attributes for one in history.events]
    return [one.activity_type.name for one in asked if one.activity_type.name == "read"]
