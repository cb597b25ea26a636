"""The register asked within workflow tasks, on a real server: it answers, or hangs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from temporalio import activity
from temporalio.api.enums.v1 import EventType

from invoicing.books.claims import REGISTER_QUEUE, ClaimCall, Claimed
from invoicing.state.invoice import Status
from invoicing.state.recording import CreditsCall, RecordCall
from register import Books
from register.database import made
from register.tables import journal
from temporal_server import local_server
from tests.lifecycle.world import Company, world
from tests.register.postgres import on_both_when_thorough
from tests.tiers import detail


class _Hangs:
    """A register that gives a workflow task no answer at all, though it has written everything."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def claim(self, call: ClaimCall) -> Claimed:
        answer = await self._books.claim(call)
        await _hung()
        return answer

    async def record(self, call: RecordCall) -> bool:
        answer = await self._books.record(call)
        await _hung()
        return answer

    async def record_credits(self, call: CreditsCall) -> bool:
        answer = await self._books.record_credits(call)
        await _hung()
        return answer


async def _hung() -> None:
    if activity.info().is_local:
        await asyncio.Event().wait()


async def _asked(company: Company, reference: str) -> Mapping[str, int]:
    """How often the register was asked within a task (`at once`), and on its queue (`beside`)."""
    asked: Counter[str] = Counter()
    async for event in company.client.invoices.handle(reference).fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        asked["beside"] += scheduled.task_queue.name == REGISTER_QUEUE
        asked["at once"] += event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    return asked


def _sequences(place: str, reference: str) -> list[int]:
    engine = made(place)
    query = select(journal.c.sequence).where(journal.c.reference == reference)
    with engine.begin() as db:
        found = list(db.execute(query.order_by(journal.c.position)).scalars())
    engine.dispose()
    return found


async def _sent(register: Any, books: Books, place: str) -> Mapping[str, int]:
    """One that is sent, everything of it written down once; how the register was asked."""
    async with (
        local_server(own=True) as server,
        world(server, register=register) as here,
        here.company() as company,
    ):
        reference = await company.start()
        assert (await company.finished(reference)).status is Status.SENT
        await company.client.invoices.handle(reference).result()
        row = await books.row("invoice", reference)
        assert row
        assert (row["status"], row["ended"]) == ("sent", True)
        told = _sequences(place, reference)
        assert told == list(range(1, len(told) + 1))
        assert await books.broken() is None
        return await _asked(company, reference)


@on_both_when_thorough
async def test_one_that_answers_is_asked_within_the_tasks_alone(books: Books, place: str) -> None:
    asked = await _sent(books, books, place)
    assert asked["at once"] >= 2
    assert asked["beside"] == 0


@detail
@on_both_when_thorough
async def test_one_that_hangs_holds_up_two_tasks_and_is_asked_on_its_queue(
    books: Books, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.kit.recorder.PROMPTLY", timedelta(seconds=0.5))
    asked = await _sent(_Hangs(books), books, place)
    # The claim and the first record; the rest of the run does not try again.
    assert asked["at once"] == 2
    assert asked["beside"] >= 2
