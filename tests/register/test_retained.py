"""What has been kept for its days is erased by itself; what is held, runs, or is younger is not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update
from temporalio.client import Client, WorkflowExecutionStatus

from activities.retention import RetentionActivities
from invoicing.books.retention import DueCall, ErasedNow, Retained, RetentionInput
from invoicing.state.identity import RETENTION, RETENTION_WORKFLOW, TASK_QUEUE
from invoicing.state.invoice import Status
from invoicing.temporal.converter import Erased
from invoicing.temporal.data_keys import Subject
from invoicing.temporal.encryption import VARIABLE, new_key
from register import Books
from register.database import made
from register.holding import Holding, held
from register.keys import KeyStore
from register.tables import claims, invoices
from settings.variables import BadSettings
from settings.worker import read
from temporal_server import Server, local_server
from tests.lifecycle.test_money import HEARS, hearing
from tests.lifecycle.world import Company, World, world
from tests.patience import LONG_ENOUGH
from tests.register.postgres import on_both_when_thorough
from tests.register.said import NOON, a_claim, a_record, a_row, lines
from tests.tiers import detail, slow
from worker import erase_nightly

DAY = timedelta(days=1)
NOW = NOON + 100 * DAY


@pytest.fixture
def database(place: str) -> Iterator[Engine]:
    engine = made(place)
    yield engine
    engine.dispose()


async def _kept(books: Books, reference: str, **row: Any) -> None:
    kind = row.pop("kind", "invoice")
    await books.claim(a_claim(reference, kind=kind))
    told = a_record(lines(1, 1), a_row(**{"ended": True, **row}), reference, kind=kind)
    await books.record(told)


def _aged(database: Engine, reference: str, ended_at: datetime) -> None:
    with database.begin() as db:
        of = invoices.c.reference == reference
        db.execute(update(invoices).where(of).values(ended_at=ended_at))


def _hold(database: Engine, reference: str) -> None:
    held(database, Holding("invoice", reference, by="Ans", reason="file 4711", at=NOW))


async def _due(books: Books, **days: int) -> list[str]:
    """All that is due, page by page."""
    table = {Retained(kind): number for kind, number in days.items()}
    # It is asked what still runs only where something is erased.
    work = RetentionActivities(None, books, table, None)  # type: ignore[arg-type]
    found: list[str] = []
    call: DueCall | None = DueCall(at=NOW)
    while call is not None:
        page = await work.due(call)
        found += [each.reference for each in page.due]
        call = page.next
    return found


# --- what is due ----------------------------------------------------------------------------------


async def test_due_is_what_ended_so_long_ago_and_is_neither_held_nor_erased(
    books: Books, database: Engine
) -> None:
    for reference, ago in (("old", 40), ("older", 41), ("young", 29), ("held", 50)):
        await _kept(books, reference)
        _aged(database, reference, NOW - ago * DAY)
    await _kept(books, "runs", ended=False)
    _hold(database, "held")
    assert await _due(books) == []
    assert await _due(books, order=30) == []
    assert await _due(books, invoice=30) == ["older", "old"]
    assert await _due(books, invoice=100) == []


async def test_orders_come_first_and_credit_notes_last_each_after_its_own_days(
    books: Books, database: Engine
) -> None:
    await _kept(books, "note", credit_note=True, credits="invoice")
    await _kept(books, "invoice")
    await _kept(books, "order", kind="order")
    for reference in ("note", "invoice", "order"):
        _aged(database, reference, NOW - 40 * DAY)
    assert await _due(books, credit_note=30, invoice=30, order=30) == ["order", "invoice", "note"]
    assert await _due(books, credit_note=30) == ["note"]
    assert await _due(books, invoice=30, order=41) == ["invoice"]


async def test_a_page_has_a_bound_and_the_next_goes_on_where_it_ended(
    books: Books, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.retention.PAGE", 2)
    names = [f"T-{number}" for number in range(5)]
    for name in names:
        await _kept(books, name)
        _aged(database, name, NOW - 40 * DAY)
    assert await _due(books, invoice=30) == names


async def test_what_waits_for_its_owner_keeps_no_other_from_a_page(
    books: Books, database: Engine, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.retention.PAGE", 2)
    await books.claim(a_claim("O", kind="order"))
    with contextlib.closing(KeyStore(place)) as keys:
        for name, owner in (("D0", "order/O"), ("D1", "order/O"), ("N0", "credits/I"), ("I", None)):
            await _kept(books, name, order=owner)
            _aged(database, name, NOW - 50 * DAY)
            await keys.keep(Subject("invoice", name), b"sealed", "k1")
    # Without a key there is nothing that its owner's history needs.
    await _kept(books, "D2", order="order/O")
    _aged(database, "D2", NOW - 40 * DAY)
    page = await books.due_of(Retained.INVOICE, NOW, (None, ""), 2)
    assert [reference for _, reference, _ in page] == ["I", "D2"]
    for kind, owner in (("invoice", "I"), ("order", "O")):
        with database.begin() as db:
            of = (claims.c.kind == kind, claims.c.reference == owner)
            db.execute(update(claims).where(*of).values(erased_at=NOW))
    assert sorted(await _due(books, invoice=30)) == ["D0", "D1", "D2", "N0"]


async def test_what_is_held_with_its_owner_is_not_due(books: Books, database: Engine) -> None:
    await _kept(books, "INV-7")
    await _kept(books, "NOTE", order="credits/INV-7", credit_note=True, credits="INV-7")
    for name in ("INV-7", "NOTE"):
        _aged(database, name, NOW - 50 * DAY)
    _hold(database, "INV-7")
    assert await _due(books, invoice=30, credit_note=30) == []


async def test_what_is_held_with_the_order_of_its_invoice_keeps_no_other_from_a_page(
    books: Books, database: Engine
) -> None:
    """It would be refused every night, and come first every night."""
    await books.claim(a_claim("O", kind="order"))
    await _kept(books, "D1", order="order/O")
    await _kept(books, "NOTE", order="credits/D1", credit_note=True, credits="D1")
    await _kept(books, "FREE", credit_note=True, credits="X", order="credits/X")
    for name, ago in (("D1", 60), ("NOTE", 50), ("FREE", 40)):
        _aged(database, name, NOW - ago * DAY)
    held(database, Holding("order", "O", by="Ans", reason="file 4711", at=NOW))
    page = await books.due_of(Retained.CREDIT_NOTE, NOW, (None, ""), 1)
    assert [reference for _, reference, _ in page] == ["FREE"]
    assert await _due(books, invoice=30) == []


# --- on a real server -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    async with local_server(own=True) as running:
        yield running


@pytest.fixture
async def here(
    server: Server, place: str, books: Books, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv(VARIABLE, new_key("2026-11"))
    monkeypatch.setenv("INVOICING_DATA_KEYS", "true")
    monkeypatch.setattr("invoicing.temporal.data_keys.FRESH", 0.0)
    days = {"invoice": 30}
    with contextlib.closing(KeyStore(place)) as keys:
        async with world(server, register=books, data_keys=keys, retention=days) as made_:
            yield made_


async def _sent(company: Company, database: Engine, ago: int) -> str:
    reference = await company.start()
    await company.finished(reference)
    await company.client.invoices.handle(reference).result()
    _aged(database, reference, datetime.now(NOON.tzinfo) - ago * DAY)
    return reference


async def _run(temporal: Client) -> ErasedNow:
    result: ErasedNow = await temporal.execute_workflow(
        RETENTION_WORKFLOW,
        RetentionInput(),
        id=f"{RETENTION}-test",
        task_queue=TASK_QUEUE,
        result_type=ErasedNow,
    )
    return result


@slow
async def test_a_run_erases_what_is_due_and_leaves_the_rest(here: World, database: Engine) -> None:
    async with here.company(paces=HEARS) as company:
        old, young, other = [await _sent(company, database, ago) for ago in (40, 20, 50)]
        _hold(database, other)
        runs = await company.start(hold=True)
        await company.until_status(runs, Status.HELD)
        assert await _run(company.client.temporal) == ErasedNow(erased=1)
        with pytest.raises(Erased):
            await company.client.invoices.state(old)
        last = await hearing(company, old).describe()
        assert last.status is WorkflowExecutionStatus.COMPLETED
        for reference in (young, other, runs):
            assert (await company.client.invoices.state(reference)).reference == reference
        # What is kept is still heard of.
        for reference in (young, other):
            last = await hearing(company, reference).describe()
            assert last.status is WorkflowExecutionStatus.RUNNING
        # The next night there is nothing to do.
        assert await _run(company.client.temporal) == ErasedNow()


@detail
@on_both_when_thorough
async def test_the_schedule_is_made_once_and_begins_a_run(here: World, database: Engine) -> None:
    async with here.company() as company:
        reference = await _sent(company, database, 40)
        temporal = company.client.temporal
        for _ in range(2):
            await erase_nightly(temporal)
        schedule = temporal.get_schedule_handle(RETENTION)
        try:
            await schedule.trigger()
            async with asyncio.timeout(LONG_ENOUGH):
                while True:
                    if begun := (await schedule.describe()).info.recent_actions:
                        break
                    await asyncio.sleep(0.1)
            action: Any = begun[0].action
            run = temporal.get_workflow_handle(action.workflow_id)
            assert await asyncio.wait_for(run.result(), LONG_ENOUGH) is not None
            assert (await run.describe()).status is WorkflowExecutionStatus.COMPLETED
        finally:
            await schedule.delete()
        with pytest.raises(Erased):
            await company.client.invoices.state(reference)


# --- settings -------------------------------------------------------------------------------------


def test_days_are_read_by_kind() -> None:
    told = read({"INVOICING_RETENTION": "invoice:3653, order:10"})
    assert told.retention == {Retained.INVOICE: 3653, Retained.ORDER: 10}
    assert read({}).retention == {}


@pytest.mark.parametrize(
    "said", ["invoice", "invoice:0", "bill:3", "invoice:1,invoice:2", "order:x"]
)
def test_days_that_cannot_be_read_are_refused(said: str) -> None:
    with pytest.raises(BadSettings, match="INVOICING_RETENTION"):
        read({"INVOICING_RETENTION": said})
