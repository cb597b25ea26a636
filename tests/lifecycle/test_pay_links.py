"""Where an invoice is paid: asked of its provider each time, for who may see it, kept apart."""

from __future__ import annotations

import logging

import httpx
import pytest

from gateway.problems import Kind
from invoicing.errors import NotFound
from invoicing.request import Goal
from invoicing.state.identity import pay_link_id
from invoicing.state.invoice import Status
from sandbox.kit.faults import Fault
from starter import Code
from tests.command_line import typed
from tests.console.browser import Browser, console_over
from tests.gateway.door import TOKENS, gateway_over, problem
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.provider_world import opened
from tests.lifecycle.world import World
from tests.tiers import detail, first, slow


async def waiting_for_money(shop: Shop) -> str:
    reference = await shop.start(goal=Goal.PAID)
    await shop.until_waiting(reference, "payment")
    return reference


async def test_it_leads_to_the_page_of_the_invoice_and_is_asked_for_anew_each_time(
    shared_world: World,
) -> None:
    async with opened(shared_world, "mollie") as shop, httpx.AsyncClient() as buyer:
        reference = await waiting_for_money(shop)
        first = await shop.client.pay_links.ask(reference)
        assert "to pay" in (await buyer.get(first.address)).text
        shop.stand_in.relink(reference)
        assert (await buyer.get(first.address)).status_code == 404
        second = await shop.client.pay_links.ask(reference)
        assert second.address != first.address
        assert second.asked > first.asked
        assert "to pay" in (await buyer.get(second.address)).text
        shop.stand_in.pay(reference)
        assert (await shop.finished(reference)).status is Status.PAID
        assert (await shop.client.pay_links.ask(reference)).address, "an ended one has it still"


@detail
async def test_no_history_but_its_own_no_line_and_no_text_of_it_has_the_address(
    shared_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="invoicing")
    async with opened(shared_world, "mollie") as shop:
        reference = await waiting_for_money(shop)
        said = await shop.client.pay_links.ask(reference)
        secret = said.address.rpartition("/")[2]
        assert len(secret) > 8
        events = (await shop.client.invoices.handle(reference).fetch_history()).events
        told = b"".join(event.SerializeToString() for event in events)
        state = (await shop.client.invoices.state(reference)).model_dump_json()
        asking = await shop.client.temporal.get_workflow_handle(pay_link_id(reference)).describe()
        shown = f"{asking.raw_description.workflow_execution_info.search_attributes}"
        assert secret.encode() not in told
        for text in (caplog.text, repr(said), state, shown, f"{await asking.static_summary()}"):
            assert secret not in text


@detail
@pytest.mark.parametrize("name", first(["invoro", "quiddly", "riverty"]))
async def test_where_the_provider_states_none_it_says_so(shared_world: World, name: str) -> None:
    async with opened(shared_world, name) as shop:
        reference = await shop.start()
        await shop.finished(reference)
        said = await shop.client.pay_links.ask(reference)
        assert said.address == ""
        assert "states no page" in said.problem


async def test_what_is_not_final_or_not_known_has_none(shared_world: World) -> None:
    async with opened(shared_world, "mollie") as shop:
        reference = await shop.start(hold=True)
        await shop.until_status(reference, Status.HELD)
        assert "not final" in (await shop.client.pay_links.ask(reference)).problem
        with pytest.raises(NotFound):
            await shop.client.pay_links.ask("NEVER-1")


@detail
async def test_a_provider_that_is_away_is_said_to_be(shared_world: World) -> None:
    async with opened(shared_world, "mollie") as shop:
        reference = await waiting_for_money(shop)
        shop.stand_in.faults.place("read", Fault.SERVER_ERROR, times=10_000)
        said = await shop.client.pay_links.ask(reference)
        assert said.address == ""
        assert said.problem
        shop.stand_in.faults.clear()
        assert (await shop.client.pay_links.ask(reference)).address


@slow
async def test_who_may_see_the_invoice_gets_it_and_nobody_keeps_it(shared_world: World) -> None:
    async with (
        opened(shared_world, "mollie") as shop,
        gateway_over(shared_world.client) as gateway,
        console_over(shared_world.client) as console,
    ):
        reference = await waiting_for_money(shop)
        path = f"/v1/invoices/{reference}/pay-link"
        answer = await gateway.door("read").get(path)
        address = answer.json()["address"]
        assert answer.headers["cache-control"] == "no-store"
        problem(await gateway.door("decrypt").get(path), Kind.FORBIDDEN)
        browser = Browser(console.url)
        await browser.sign_in(TOKENS["read"])
        page = await browser.get(f"/console/invoices/{reference}")
        assert f"/console/invoices/{reference}/pay-link" in page.links()
        assert address not in page.text
        sent = await browser.ask("GET", f"/console/invoices/{reference}/pay-link")
        assert sent.headers["location"] == address
        assert sent.headers["cache-control"] == "no-store"
        assert sent.headers["referrer-policy"] == "no-referrer"


@slow
async def test_the_command_line_prints_it_and_says_why_there_is_none(shared_world: World) -> None:
    async with opened(shared_world, "mollie") as shop, opened(shared_world, "invoro") as other:
        reference, sent = await waiting_for_money(shop), await other.start()
        await other.finished(sent)
        at = shared_world.server.address
        told = await typed("pay-link", reference, at=at)
        none = await typed("pay-link", sent, at=at)
        assert told.exit_code == Code.DONE, told.output
        assert told.stdout.strip() == (await shop.client.pay_links.ask(reference)).address
        assert none.exit_code == Code.FAILED
        assert "states no page" in none.output
