"""An account is held against the register: what is clean is no finding and costs no more calls than
there are pages, it is asked for by a person, and it happens every night."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import ScheduleOverlapPolicy, WorkflowFailureError
from temporalio.service import RPCError

from invoicing.books.reconciling import Progress, Reconciled, ReconcileInput
from invoicing.provider.listing import Lists
from invoicing.state import attributes
from invoicing.state.identity import RECONCILIATION_WORKFLOW, TASK_QUEUE, reconciliation_id
from invoicing.state.invoice import AWAY
from starter import Code
from tests.command_line import typed
from tests.lifecycle.clean import clean_lives
from tests.lifecycle.reconciled import (
    LISTING,
    TOLD,
    Kept,
    behind_our_back,
    calls,
    findings,
    kept_at,
    opened,
    reconciled,
)
from tests.patience import LONG_ENOUGH
from tests.tiers import THOROUGH, detail, first, slow
from worker import reconcile_daily
from workflows.reconciliation.workflow import PATIENCE

EACH = 5 if THOROUGH else 1
"""How many invoices live each of the lives below at each provider. Within a few minutes: what a
person has not answered by then expires, and is a finding. Many are the benchmark's
(`benchmarks.clean`)."""


@pytest.fixture(scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kept]:
    async with kept_at(str(tmp_path_factory.mktemp("register") / "register.db")) as here:
        yield here


# --- what is clean --------------------------------------------------------------------------------


# One list is as good as another: how each provider's is read, the contract sees.
@slow
@pytest.mark.parametrize("name", first(LISTING))
async def test_clean_invoices_are_no_findings_and_cost_only_the_pages(
    kept: Kept, name: str
) -> None:
    async with opened(kept.here, name) as shop:
        assert isinstance(shop.adaptor, Lists)
        lives = clean_lives(name)
        for _ in range(EACH):
            await asyncio.gather(*(life(kept, shop) for life in lives))
        done = await reconciled(kept.here, shop)
        assert findings(kept.place, shop) == []
        assert (done.reads, done.whole) == (0, True)
        # What was cancelled as a draft is not there any more, and all else is.
        assert done.listed >= EACH * (len(lives) - 1)


@pytest.mark.parametrize("name", first(TOLD))
async def test_a_provider_that_lists_nothing_is_asked_nothing(kept: Kept, name: str) -> None:
    async with opened(kept.here, name) as shop:
        before = calls(shop)
        done = await reconciled(kept.here, shop)
        assert (done.pages, done.whole, calls(shop) - before) == (0, False, 0)
        assert findings(kept.place, shop) == []


@detail
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


@detail
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


@detail
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
    async with asyncio.timeout(LONG_ENOUGH):
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


@detail
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
        async with asyncio.timeout(LONG_ENOUGH):
            while not (await handle.describe()).info.recent_actions:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        (begun,) = (await handle.describe()).info.recent_actions
        run = temporal.get_workflow_handle(begun.action.workflow_id, result_type=Reconciled)  # type: ignore[attr-defined]
        done = await asyncio.wait_for(run.result(), LONG_ENOUGH)
        yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
        assert (done.until, done.since) == (yesterday, yesterday - timedelta(days=91))
        await handle.delete()
