"""The ordinary life of an invoice, on a real server and over real HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from invoicing.provider import Pace
from invoicing.request import Goal
from invoicing.state.invoice import LineStatus, Status
from tests.lifecycle.world import PACES, Company, World
from tests.patience import LONG_ENOUGH


async def test_an_invoice_is_created_approved_and_sent_exactly_once(company: Company) -> None:
    request = company.request()
    reference = request.reference
    invoice = await asyncio.wait_for(company.client.invoices.start_and_wait(request), LONG_ENOUGH)
    assert invoice.status is Status.SENT
    assert company.effects(reference) == ["created", "approved", "sent"]
    assert invoice.number == company.stand_in.invoice(reference)["invoiceNum"]
    assert {line.status for line in invoice.lines} == {LineStatus.INVOICED}


async def test_tax_rates_without_an_end_are_read_however_that_is_written(
    shared_world: World,
) -> None:
    async with shared_world.company(open_end="0001-01-01T00:00:00") as company:
        reference = await company.start()
        assert (await company.finished(reference)).status is Status.SENT


async def test_a_happy_invoice_makes_the_fewest_calls_there_can_be(company: Company) -> None:
    reference = await company.start()
    await company.finished(reference)
    counts = company.stand_in.calls
    assert counts.count("create") == counts.count("approve") == counts.count("send") == 1
    assert counts.count("customers") == counts.count("bank_accounts") == 1
    assert counts.count("tax_codes") == counts.count("find") == 1


@pytest.mark.parametrize(
    ("goal", "effects"),
    [
        (Goal.DRAFTED, ["created"]),
        (Goal.APPROVED, ["created", "approved"]),
        (Goal.SENT, ["created", "approved", "sent"]),
    ],
)
async def test_the_goal_says_how_far_it_goes(
    company: Company, goal: Goal, effects: list[str]
) -> None:
    reference = await company.start(goal=goal)
    assert (await company.finished(reference)).status == goal.value
    assert company.effects(reference) == effects


async def test_an_invoice_to_be_paid_waits_for_its_payment(company: Company) -> None:
    reference = await company.start(goal=Goal.PAID)
    waiting = await company.until(
        reference, lambda state: state.waiting is not None and state.waiting.what == "payment"
    )
    assert waiting.status is Status.SENT
    company.stand_in.pay(reference)
    paid = await company.finished(reference)
    assert paid.status is Status.PAID
    assert {line.status for line in paid.lines} == {LineStatus.SETTLED}


async def test_what_the_provider_tells_ends_a_wait_at_once(shared_world: World) -> None:
    hour = timedelta(hours=1)
    slow = Pace(first=hour, cap=hour, deadline=timedelta(days=9))
    async with shared_world.company(paces=PACES.model_copy(update={"payment": slow})) as company:
        reference = await company.start(goal=Goal.PAID)
        await company.until(reference, lambda state: "payment" in str(state.waiting))
        company.stand_in.pay(reference)
        await company.tell(reference)
        assert (await company.finished(reference)).status is Status.PAID
