"""An account is held against the register: what is clean is no finding and costs no more calls than
there are pages, it is asked for by a person, and it happens every night."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import ScheduleOverlapPolicy, WorkflowFailureError
from temporalio.service import RPCError

from invoicing import attributes
from invoicing.credit import Credit
from invoicing.identity import RECONCILIATION_WORKFLOW, TASK_QUEUE, reconciliation_id
from invoicing.invoice import AWAY, Status
from invoicing.listing import Lists
from invoicing.reconciling import Progress, Reconciled, ReconcileInput
from invoicing.request import Goal
from starter import Code
from tests.command_line import typed
from tests.lifecycle.provider_world import Shop
from tests.lifecycle.reconciled import (
    LISTING,
    TOLD,
    Kept,
    behind_our_back,
    calls,
    cancelled,
    ended,
    findings,
    held,
    kept_at,
    opened,
    reconciled,
    sent,
)
from tests.tiers import THOROUGH
from worker import reconcile_daily
from workflows.reconciliation.workflow import PATIENCE

EACH = 40 if THOROUGH else 2
"""How many invoices live each of the lives below at each provider."""


@pytest.fixture(scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    async with kept_at(str(tmp_path_factory.mktemp("register") / "register.db")) as here:
        yield here


# --- what is clean --------------------------------------------------------------------------------


async def _sent(kept: Kept, shop: Shop) -> None:
    await sent(shop)


async def _drafted(kept: Kept, shop: Shop) -> None:
    await sent(shop, goal=Goal.DRAFTED)


async def _held(kept: Kept, shop: Shop) -> None:
    await held(kept, shop)


async def _cancelled(kept: Kept, shop: Shop) -> None:
    await cancelled(shop)


async def _awaits_payment(kept: Kept, shop: Shop) -> str:
    reference = await shop.start(goal=Goal.PAID)
    await shop.follow(reference, lambda invoice: "payment" in str(invoice.waiting))
    return reference


async def _unpaid(kept: Kept, shop: Shop) -> None:
    await _awaits_payment(kept, shop)


async def _paid(kept: Kept, shop: Shop) -> None:
    reference = await _awaits_payment(kept, shop)
    shop.stand_in.pay(reference)
    await ended(shop, reference)


async def _paid_in_part(kept: Kept, shop: Shop) -> None:
    reference = await _awaits_payment(kept, shop)
    shop.stand_in.pay(reference, Decimal("10.00"))
    await shop.follow(reference, lambda invoice: invoice.payment == "partly_paid")


async def _taken_back(kept: Kept, shop: Shop) -> None:
    reference = await _awaits_payment(kept, shop)
    await shop.cancel(reference)
    assert (await ended(shop, reference)).status is Status.CREDITED


async def _credited_after_the_end(kept: Kept, shop: Shop) -> None:
    await _credit(kept, shop, await sent(shop), whole=True)


async def _credited_in_part(kept: Kept, shop: Shop) -> None:
    await _credit(kept, shop, await sent(shop), lines=[{"id": "1", "quantity": "1"}])


async def _credit(kept: Kept, shop: Shop, reference: str, **what: Any) -> None:
    said = {"credit": "C1", "by": "an operator", "reason": "came back", **what}
    made = await shop.client.credits.make(reference, Credit.model_validate(said))
    await ended(shop, made.reference)
    row = await kept.books.row("invoice", made.reference)
    assert row is not None
    assert (row["credit_note"], row["credits"]) == (True, reference)


Clean = Callable[[Kept, Shop], Awaitable[None]]

CLEAN: tuple[Clean, ...] = (
    _sent,
    _drafted,
    _held,
    _cancelled,
    _unpaid,
    _paid,
    _paid_in_part,
    _taken_back,
    _credited_after_the_end,
)
IN_PARTS = {"invoro"}
"""Those that take a part of an invoice back."""


@pytest.mark.parametrize("name", LISTING)
async def test_clean_invoices_are_no_findings_and_cost_only_the_pages(
    kept: Kept, name: str
) -> None:
    async with opened(kept.here, name) as shop:
        assert isinstance(shop.adaptor, Lists)
        lives = (*CLEAN, *((_credited_in_part,) if name in IN_PARTS else ()))
        for _ in range(EACH):
            await asyncio.gather(*(life(kept, shop) for life in lives))
        done = await reconciled(kept.here, shop)
        assert findings(kept.place, shop) == []
        assert (done.reads, done.whole) == (0, True)
        # What was cancelled as a draft is not there any more, and all else is.
        assert done.listed >= EACH * (len(lives) - 1)


@pytest.mark.parametrize("name", TOLD)
async def test_a_provider_that_lists_nothing_is_asked_nothing(kept: Kept, name: str) -> None:
    async with opened(kept.here, name) as shop:
        before = calls(shop)
        done = await reconciled(kept.here, shop)
        assert (done.pages, done.whole, calls(shop) - before) == (0, False, 0)
        assert findings(kept.place, shop) == []


async def test_it_is_asked_for_on_the_command_line(kept: Kept) -> None:
    async with opened(kept.here, "mollie") as shop:
        await behind_our_back(shop, "NOBODYS")
        asked = ("reconcile", "mollie", "--account", shop.account)
        address = kept.here.server.address
        said = await typed(*asked, at=address, INVOICING_REGISTER_AT=kept.place)
        assert said.exit_code == Code.NEEDS_ATTENTION, said.output
        assert "1  unknown here" in said.stdout
        (identity,) = shop.stand_in.ledger.live("NOBODYS")
        del shop.stand_in.books.invoices[identity]
        said = await typed(*asked, at=address, INVOICING_REGISTER_AT=kept.place)
        assert said.exit_code == Code.DONE, said.output
        assert "1 closed" in said.stdout


async def test_a_provider_that_no_worker_serves_is_said_at_once_and_nothing_is_begun(
    kept: Kept,
) -> None:
    address = kept.here.server.address
    asked = ("reconcile", "nowhere", "--account", "shop")
    said = await asyncio.wait_for(
        typed(*asked, at=address, INVOICING_REGISTER_AT=kept.place), timeout=20
    )
    assert said.exit_code == Code.UNREACHABLE, said.output
    assert "No worker serves nowhere" in said.stderr
    handle = kept.here.client.reconciliations.handle("nowhere", "shop")
    with pytest.raises(RPCError, match="not found"):
        await handle.describe()


async def test_one_that_waits_for_a_worker_says_so(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of the night does, of a provider whose workers are away."""
    monkeypatch.setattr("workflows.reconciliation.workflow.SILENT", timedelta(seconds=0.2))
    handle = await kept.here.client.temporal.start_workflow(
        RECONCILIATION_WORKFLOW,
        ReconcileInput(provider="nowhere"),
        id=reconciliation_id("nowhere", "default"),
        task_queue=TASK_QUEUE,
    )
    async with asyncio.timeout(30):
        while (state := await handle.query("state", result_type=Progress)).waiting is None:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert str(state.waiting) == f"provider: {AWAY}"
    assert state.waiting is not None
    assert state.waiting.until == state.waiting.since + PATIENCE
    attributes_ = (await handle.describe()).typed_search_attributes
    assert attributes_.get(attributes.WAITING_FOR) == f"provider: {AWAY}"
    assert attributes_.get(attributes.PROVIDER) == "nowhere"
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()


async def test_every_account_is_reconciled_every_night_once(
    kept: Kept,
) -> None:
    async with opened(kept.here, "mollie") as shop:
        temporal = kept.here.client.temporal
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
