"""One test for every way in which the promise was once broken, by the name the finding has.

They say what callers and providers see, so that they hold for whatever the workflow is made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from invoicing.client import InvoicingClient
from invoicing.invoice import Action, Cancel, Invoice, Reason, Status
from invoicing.order import Deliver, invoice_reference
from invoicing.request import Goal, OrderRequest
from sandbox.faults import Fault
from sandbox.temporal import local_server
from sandbox.zero_friction import Step
from tests.examples import a_document, a_line
from tests.lifecycle import provider_world
from tests.lifecycle.kind_riverty import TOLD
from tests.lifecycle.provider_world import SELDOM
from tests.lifecycle.world import PACES, Company, World, world

RETRY, ADOPT, CORRECT, SKIP, ABANDON = Action
SENT = ["created", "approved", "sent"]
LONG_TO_SETTLE = PACES.model_copy(update={"settle": timedelta(seconds=1.5)})


@pytest.fixture(scope="module")
async def forgetful(server: object) -> AsyncIterator[World]:
    """On a server that suggests to continue as new at every wait."""
    short = {"limit.historyCount.suggestContinueAsNew": 20}
    async with local_server(own=True, dynamic_config=short) as running, world(running) as made:
        yield made


def reason(state: Invoice) -> Reason | None:
    """What a person is asked about."""
    return state.problem.reason if state.problem else None


async def noted(client: InvoicingClient, reference: str, what: str, times: int = 1) -> None:
    """Wait until this stands in the journal so many times."""
    async with asyncio.timeout(30):
        while True:
            entries = (await client.journal(reference)).entries
            if sum(entry.what == what for entry in entries) >= times:
                return
            await asyncio.sleep(0.02)


# --- what the engine alone knows, or one run alone ------------------------------------------------


async def test_engine_cancel_outlives_the_run_that_it_was_sent_to(forgetful: World) -> None:
    """[engine-cancel] Pressed while a lost create settles, before the next run begins."""
    async with forgetful.company(paces=LONG_TO_SETTLE) as company:
        company.stand_in.faults.place(Step.CREATE, Fault.RESET, when="before")
        reference = await company.start()
        await noted(company.client, reference, "create: outcome unknown")
        await company.client.handle(reference).cancel(reason="test")
        assert (await company.finished(reference)).status is Status.CANCELLED
        assert company.live(reference) == 0
        assert "sent" not in company.effects(reference)


async def test_engine_cancel_counts_again_after_the_first_one_was_skipped(
    forgetful: World,
) -> None:
    """[engine-cancel] It goes on because a person said so; who cancels it later is asked anew."""
    async with forgetful.company() as company:
        reference = await company.start(goal=Goal.PAID, may_credit=False)
        for _ in range(2):
            await company.until_waiting(reference, "payment")
            await company.client.handle(reference).cancel(reason="test")
            assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
            await company.resolve(reference, SKIP)
        await company.until_waiting(reference, "payment")
        company.stand_in.pay(reference)
        assert (await company.finished(reference)).status is Status.PAID


async def test_engine_cancel_counts_again_in_the_run_that_skipped_it(company: Company) -> None:
    """[engine-cancel] Also where no history has grown so long that it begins anew by itself."""
    reference = await company.start(goal=Goal.PAID, may_credit=False)
    for _ in range(2):
        await company.until_waiting(reference, "payment")
        await company.client.handle(reference).cancel(reason="test")
        assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
        await company.resolve(reference, SKIP)
    await company.until_waiting(reference, "payment")
    assert company.effects(reference) == SENT


async def test_engine_cancel_of_an_order_reaches_an_invoice_that_was_told_to_go_on(
    company: Company,
) -> None:
    """[engine-cancel] The second cancel of an order was ignored without a word."""
    client, order = company.client, f"O-{company.account}"
    document = a_document(lines=(a_line(1), a_line(2)))
    wanted = OrderRequest(
        reference=order,
        provider="zero_friction",
        account=company.account,
        document=document,
        goal=Goal.PAID,
        may_credit=False,
    )
    await client.start_order(wanted)
    await client.deliver(order, Deliver(delivery="A", lines=("1",), issue_date=document.issue_date))
    reference = invoice_reference(order, "A")
    await company.until_waiting(reference, "payment")
    await client.order_handle(order).cancel(reason="test")
    assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
    await company.resolve(reference, SKIP)
    await company.until_waiting(reference, "payment")
    await client.cancel_order(order, Cancel(by="an operator", reason="test"))
    assert reason(await company.parked(reference)) is Reason.CANNOT_CANCEL
    await company.resolve(reference, SKIP)
    await company.until_waiting(reference, "payment")
    company.stand_in.pay(reference)
    await asyncio.wait_for(client.order_result(order), 30)


async def test_successor_doubt_of_a_create_that_was_under_way(shared_world: World) -> None:
    """[successor-doubt] Terminated in the middle of a create, and begun again: two alive."""
    async with shared_world.company(patience=10) as company:
        create = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
        request = company.request()
        reference = await company.start(request)
        await create.reached(within=30)
        await company.client.handle(reference).terminate("a test")
        check = company.stand_in.faults.place(Step.READ, Fault.GATE)
        await company.start(request)
        await check.reached(within=30)
        create.release()
        await company.stand_in.ledger.reached("created", reference, count=2)
        check.release()
        assert reason(await company.at_rest(reference)) is Reason.SEVERAL_FOUND
        assert company.effects(reference) == ["created", "created"]


async def test_successor_doubt_where_nobody_can_look(shared_world: World) -> None:
    """[successor-doubt] Riverty: sent, terminated, begun again, cancelled: a person is asked."""
    paces = PACES.model_copy(update={**TOLD, "payment": SELDOM})
    account = provider_world.opened(shared_world, "riverty", paces=paces, patience=5, talks=True)
    async with account as shop:
        request = shop.request(goal=Goal.PAID)
        reference = await shop.start(request)
        await shop.until_waiting(reference, "payment")
        await shop.client.handle(reference).terminate("a test")
        create = shop.stand_in.faults.place("create", Fault.GATE)
        await shop.start(request)
        await create.reached(within=30)
        cancelling = asyncio.create_task(shop.cancel(reference))
        await noted(shop.client, reference, "cancel asked for")
        create.release()
        await cancelling
        assert reason(await shop.at_rest(reference)) is Reason.MAY_EXIST
        assert shop.live(reference) == 1
