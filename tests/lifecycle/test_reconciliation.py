"""An account is held against the register, at every provider that lists: what is done behind our
back is found, and what is clean costs no more calls than there are pages."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import ScheduleOverlapPolicy

from invoicing.identity import RECONCILIATION_WORKFLOW, TASK_QUEUE, reconciliation_id
from invoicing.invoice import Invoice, Status
from invoicing.listing import Lists
from invoicing.provider import CreateCall, LookUpCall, ReadCall, Target
from invoicing.reconciling import FindingKind, Found, Reconciled, ReconcileInput
from invoicing.recording import Row
from invoicing.request import Goal
from register import Books
from register import opened as register_at
from register.database import made
from register.reconciling.kept import every
from starter import Code
from temporal_server import local_server
from tests.command_line import typed
from tests.examples import a_document, an_invoice
from tests.lifecycle.provider_world import KINDS, Shop
from tests.lifecycle.provider_world import opened as at_any
from tests.lifecycle.world import FIXED, World, world
from worker import reconcile_daily

LISTING = ["invoro", "mollie", "zero_friction"]
TOLD = ["quiddly", "riverty"]


@pytest.fixture(scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, Books, str]]:
    """A worker with a register, and a server that no worker without one serves."""
    place = str(tmp_path_factory.mktemp("register") / "register.db")
    books = await asyncio.to_thread(register_at, place)
    try:
        async with (
            local_server(own=True, dynamic_config=FIXED) as running,
            world(running, register=books) as here,
        ):
            yield here, books, place
    finally:
        await asyncio.to_thread(books.close)


@contextlib.asynccontextmanager
async def opened(here: World, name: str) -> AsyncIterator[Shop]:
    """An account at a stand-in of this provider."""
    if name != "zero_friction":
        async with at_any(here, name) as shop:
            yield shop
        return
    ordinary = an_invoice("any")
    kind = replace(KINDS["mollie"], numbers=False, document=a_document, options=ordinary.options)
    async with here.company() as one:
        yield Shop(one.account, one.stand_in, one.client, one.adaptor, name, kind)


async def reconciled(world_: World, shop: Shop) -> Reconciled:
    """Once, over today, nothing spared for having just changed."""
    today = datetime.now(UTC).date()
    start = ReconcileInput(
        provider=shop.provider,
        account=shop.account,
        since=today - timedelta(days=1),
        until=today + timedelta(days=1),
        grace=timedelta(),
    )
    done: Reconciled = await world_.client.temporal.execute_workflow(
        RECONCILIATION_WORKFLOW,
        start,
        id=f"{reconciliation_id(shop.provider, shop.account)}/{uuid.uuid4().hex}",
        task_queue=TASK_QUEUE,
        result_type=Reconciled,
        execution_timeout=timedelta(seconds=60),
    )
    return done


def findings(place: str, shop: Shop) -> list[Found]:
    engine = made(place)
    try:
        return list(every(engine, account=shop.account))
    finally:
        engine.dispose()


async def _sent(shop: Shop, **changes: Any) -> str:
    reference = await shop.start(**changes)
    await shop.follow(reference, lambda invoice: invoice.ended)
    await asyncio.wait_for(shop.client.invoices.result(reference), 30)
    return reference


def _calls(shop: Shop) -> int:
    return len(shop.stand_in.calls.all)


@pytest.mark.parametrize("name", LISTING)
async def test_clean_invoices_are_no_findings_and_cost_only_the_pages(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        assert isinstance(shop.adaptor, Lists)
        for _ in range(3):
            await _sent(shop)
        cancelled = await shop.start(hold=True)
        await shop.follow(cancelled, lambda invoice: invoice.status is Status.HELD)
        await shop.cancel(cancelled)
        await asyncio.wait_for(shop.client.invoices.result(cancelled), 30)
        held = await shop.start(hold=True)
        await shop.follow(held, lambda invoice: invoice.status is Status.HELD)
        before = _calls(shop)
        done = await reconciled(here, shop)
        assert findings(place, shop) == []
        assert (done.reads, done.whole, done.listed) == (0, True, 4)
        assert _calls(shop) - before == done.pages


@pytest.mark.parametrize("name", LISTING)
async def test_a_credited_invoice_and_the_credit_itself_are_no_findings(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        reference = await shop.start(goal=Goal.PAID)
        await shop.follow(reference, lambda invoice: "payment" in str(invoice.waiting))
        await shop.cancel(reference)
        last: Invoice = await asyncio.wait_for(shop.client.invoices.result(reference), 30)
        assert last.status is Status.CREDITED
        done = await reconciled(here, shop)
        assert (findings(place, shop), done.whole) == ([], True)


@pytest.mark.parametrize("name", LISTING)
async def test_a_payment_behind_our_back_is_found(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        reference = await _sent(shop)
        await _sent(shop)
        shop.stand_in.pay(reference)
        before = _calls(shop)
        done = await reconciled(here, shop)
        (finding,) = findings(place, shop)
        assert (finding.kind, finding.reference) == (FindingKind.PAID_UNSEEN, reference)
        assert _calls(shop) - before == done.pages + 1


@pytest.mark.parametrize("name", LISTING)
async def test_what_is_gone_there_is_missing(kept: tuple[World, Books, str], name: str) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        reference = await _sent(shop)
        await _sent(shop)
        (identity,) = shop.stand_in.ledger.live(reference)
        del shop.stand_in.books.invoices[identity]
        done = await reconciled(here, shop)
        (finding,) = findings(place, shop)
        assert (finding.kind, finding.reference) == (FindingKind.MISSING_THERE, reference)
        assert done.reads == 1


@pytest.mark.parametrize("name", LISTING)
async def test_what_another_register_asked_for_is_unknown_here(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        await _sent(shop)
        stranger = await _behind_our_back(shop, "NOBODYS")
        await reconciled(here, shop)
        (finding,) = findings(place, shop)
        assert (finding.kind, finding.provider_id) == (FindingKind.UNKNOWN_HERE, stranger)


@pytest.mark.parametrize("name", LISTING)
async def test_a_second_one_under_our_reference_is_found_twice(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        reference = await _sent(shop)
        second = await _behind_our_back(shop, reference)
        await reconciled(here, shop)
        (finding,) = findings(place, shop)
        assert (finding.kind, finding.reference) == (FindingKind.TWICE, reference)
        assert second in finding.what


@pytest.mark.parametrize("name", LISTING)
async def test_a_draft_that_comes_to_light_after_a_cancel_is_an_orphan(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        reference = await shop.start(hold=True)
        await shop.follow(reference, lambda invoice: invoice.status is Status.HELD)
        await shop.cancel(reference)
        await asyncio.wait_for(shop.client.invoices.result(reference), 30)
        await _behind_our_back(shop, reference)
        await reconciled(here, shop)
        assert [one.kind for one in findings(place, shop)] == [FindingKind.ORPHAN]


@pytest.mark.parametrize("name", LISTING)
async def test_what_was_terminated_here_and_lives_there_is_found(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, books, place = kept
    async with opened(here, name) as shop:
        reference = await shop.start(hold=True)
        await shop.follow(reference, lambda invoice: invoice.status is Status.HELD)
        await _recorded(books, reference, "held")
        await shop.client.invoices.handle(reference).terminate("by a person")
        async with asyncio.timeout(30):
            # Temporal's lists are a moment behind.
            while not findings(place, shop):
                await reconciled(here, shop)
        (finding,) = findings(place, shop)
        assert (finding.kind, finding.reference) == (FindingKind.CUT_OFF, reference)


@pytest.mark.parametrize("name", LISTING)
async def test_a_credit_behind_our_back_is_found(kept: tuple[World, Books, str], name: str) -> None:
    here, books, place = kept
    async with opened(here, name) as shop:
        reference = await _sent(shop)
        await shop.adaptor.credit(await _target(shop, books, reference))
        done = await reconciled(here, shop)
        (finding,) = findings(place, shop)
        assert (finding.kind, finding.reference) == (FindingKind.CREDITED_UNSEEN, reference)
        assert done.reads <= 1


@pytest.mark.parametrize("name", LISTING)
async def test_what_somebody_made_final_behind_our_back_is_found(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, books, place = kept
    async with opened(here, name) as shop:
        reference = await shop.start(hold=True)
        await shop.follow(reference, lambda invoice: invoice.status is Status.HELD)
        await _recorded(books, reference, "held")
        target = await _target(shop, books, reference)
        await shop.adaptor.approve(target)
        async with asyncio.timeout(30):
            while (await shop.adaptor.read(ReadCall(target=target))).number is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await reconciled(here, shop)
        (finding,) = findings(place, shop)
        assert (finding.kind, finding.reference) == (FindingKind.STATUS, reference)
        assert "final there" in finding.what


@pytest.mark.parametrize("name", TOLD)
async def test_a_provider_that_lists_nothing_is_asked_nothing(
    kept: tuple[World, Books, str], name: str
) -> None:
    here, _, place = kept
    async with opened(here, name) as shop:
        before = _calls(shop)
        done = await reconciled(here, shop)
        assert (done.pages, done.whole, _calls(shop) - before) == (0, False, 0)
        assert findings(place, shop) == []


async def test_it_is_asked_for_on_the_command_line(kept: tuple[World, Books, str]) -> None:
    here, _, place = kept
    async with opened(here, "mollie") as shop:
        await _behind_our_back(shop, "NOBODYS")
        asked = ("reconcile", "mollie", "--account", shop.account)
        address = here.server.address
        said = await typed(*asked, at=address, INVOICING_REGISTER_AT=place)
        assert said.exit_code == Code.NEEDS_ATTENTION, said.output
        assert "1  unknown here" in said.stdout
        (identity,) = shop.stand_in.ledger.live("NOBODYS")
        del shop.stand_in.books.invoices[identity]
        said = await typed(*asked, at=address, INVOICING_REGISTER_AT=place)
        assert said.exit_code == Code.DONE, said.output
        assert "1 closed" in said.stdout


async def test_every_account_is_reconciled_every_night_once(
    kept: tuple[World, Books, str],
) -> None:
    here, _, _ = kept
    async with opened(here, "mollie") as shop:
        temporal = here.client.temporal
        accounts = {"mollie": {shop.account: shop.adaptor}}
        await reconcile_daily(temporal, accounts)
        await reconcile_daily(temporal, accounts)
        handle = temporal.get_schedule_handle(reconciliation_id("mollie", shop.account))
        told = await handle.describe()
        assert [spec.hour[0].start for spec in told.schedule.spec.calendars] == [2]
        assert told.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
        # What the schedule begins is what the workflow takes.
        await handle.trigger()
        async with asyncio.timeout(30):
            while not (await handle.describe()).info.recent_actions:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        (begun,) = (await handle.describe()).info.recent_actions
        run = temporal.get_workflow_handle(begun.action.workflow_id, result_type=Reconciled)  # type: ignore[attr-defined]
        done = await asyncio.wait_for(run.result(), 30)
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
        assert (done.until, done.since) == (yesterday, yesterday - timedelta(days=91))
        await handle.delete()


async def _recorded(books: Books, reference: str, status: str) -> None:
    async with asyncio.timeout(30):
        while True:
            row = await books.row("invoice", reference)
            if row is not None and row["status"] == status:
                return
            await asyncio.sleep(0.05)


async def _target(shop: Shop, books: Books, reference: str) -> Target:
    """As a call about it is made, by what the register kept."""
    row = await books.row("invoice", reference)
    assert row is not None
    return Target(
        account=shop.account,
        reference=reference,
        provider_id=row["provider_id"],
        context=Row.model_validate_json(row["kept"]).context,
    )


async def _behind_our_back(shop: Shop, reference: str) -> str:
    """A draft made there by the adaptor alone: no workflow and no register know of it."""
    request = shop.request(reference)
    plan = await shop.adaptor.plan(request)
    target = Target(account=shop.account, reference=reference, context=plan.context)
    for wave in plan.look_ups:
        for look_up in wave:
            told = await shop.adaptor.look_up(LookUpCall(target=target, look_up=look_up))
            target = target.model_copy(update={"context": {**target.context, **told.context}})
    call = CreateCall(
        target=target, document=request.document, options=request.options, totals=plan.totals
    )
    # Another key than the first's, or the provider would answer with the first.
    again = call.model_copy(update={"target": target.model_copy(update={"generation": 7})})
    made_: str = (await shop.adaptor.create(again)).provider_id
    return made_
