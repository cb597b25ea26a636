"""Orders, and news of nobody knows which invoice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoicing.state.order import Deliver
from sandbox.zero_friction import Step, Told
from tests.console.browser import Browser
from tests.console.scenes import WHY, everywhere, held, told, until
from tests.gateway.test_orders import an_order
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow


@pytest.fixture
async def order(company: Company) -> AsyncIterator[str]:
    wanted = an_order(company, 1, 2, 3)
    await company.client.orders.start(wanted)
    yield wanted.reference
    handle = company.client.orders.handle(wanted.reference)
    if (await handle.describe()).close_time is None:
        await handle.terminate("the test is over")


async def test_an_order_is_shown_line_by_line_and_taken_back(
    company: Company, browser: Browser, order: str
) -> None:
    day = date(2026, 6, 30)
    await company.client.orders.deliver(order, Deliver(delivery="A", lines=("1",), issue_date=day))
    await company.finished(f"{order}:A")
    page = await until(browser, f"/console/orders/{order}", lambda page: "1 invoiced" in page.text)
    assert "Its lines by status: 2 open, 1 invoiced" in page.text
    assert f"/console/invoices/{order}%3AA" in page.links()
    done = await browser.send(page.form("/cancel"), reason=WHY)
    assert "is being taken back" in done.text
    await asyncio.wait_for(company.client.orders.result(order), LONG_ENOUGH)
    assert f"operate, proven {WHY}" in (await browser.get(f"/console/orders/{order}")).text
    listed = await until(browser, "/console/orders", lambda page: f">{order}<" in page.answer.text)
    assert f"/console/orders/{order}" in listed.links()


@detail
async def test_an_order_s_page_shows_how_many_units_are_where(
    company: Company, browser: Browser, order: str
) -> None:
    some = Deliver(
        delivery="A",
        lines=("1", "2"),
        quantities={"1": Decimal(2)},
        issue_date=date(2026, 6, 30),
    )
    await company.client.orders.deliver(order, some)
    await company.finished(f"{order}:A")
    page = await until(browser, f"/console/orders/{order}", lambda page: "2 invoiced" in page.text)
    assert "Its lines by status: 2 open, 2 invoiced" in page.text
    for text in ("2 of 1, 2", "€39.98", "€19.99", "€59.97"):
        assert text in page.text


@detail
async def test_an_order_s_question_is_answered(company: Company, browser: Browser) -> None:
    """One of its deliveries was left as it was, and nobody knows whether it counts."""
    wanted = an_order(company, 1)
    await company.client.orders.start(wanted)
    company.stand_in.faults.place(step=Step.CREATE, fault=Told.CHANGED_AMOUNT)
    delivered = Deliver(delivery="A", lines=("1",), issue_date=date(2026, 6, 30))
    await company.client.orders.deliver(wanted.reference, delivered)
    invoice = f"{wanted.reference}:A"
    async with asyncio.timeout(LONG_ENOUGH):
        while not (page := await browser.get(f"/console/invoices/{invoice}")).forms[1:]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await company.parked(invoice)
    page = await browser.get(f"/console/invoices/{invoice}")
    await browser.send(page.form("/resolve"), ("answer", "abandon"), reason=WHY)
    path = f"/console/orders/{wanted.reference}"
    asked = await until(browser, path, lambda page: "The question" in page.text)
    inbox = await everywhere(browser, wanted.reference)
    assert path in inbox.links()
    form = asked.form("/resolve", "invoiced")
    done = await browser.send(form, ("answer", "invoiced"), reason=WHY, number="2026-77")
    assert "Your answer was taken" in done.text
    ended = await asyncio.wait_for(company.client.orders.result(wanted.reference), LONG_ENOUGH)
    assert ended.ledger.lines[0].number == "2026-77"


@slow
@pytest.mark.parametrize("answer", ["drop", "deliver"])
async def test_news_of_nobody_knows_which_invoice_is_placed_or_dropped(
    company: Company, browser: Browser, answer: str
) -> None:
    name = await told(company)
    path = f"/console/events/{name}"
    page = await until(browser, path, lambda page: "no invoice and no order" in page.text)
    await until(browser, "/console/", lambda page: path in page.links())
    typed: dict[str, Any] = {"reason": WHY}
    if answer == "deliver":
        typed["reference"] = await held(company)
    done = await browser.send(page.form("/resolve", answer), ("answer", answer), **typed)
    assert "Your answer was taken" in done.text
    async with asyncio.timeout(LONG_ENOUGH):
        while (state := await company.client.events.state(name)).outcome is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert state.outcome == {"drop": "dropped", "deliver": "delivered"}[answer]
    ended = await browser.get(path)
    assert [each.action for each in ended.forms] == ["/console/sign-out"]
