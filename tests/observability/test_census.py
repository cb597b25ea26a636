"""How lists are counted with few questions, and the oldest wait is found among very many."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.common import MetricMeter, SearchAttributePair, TypedSearchAttributes

from invoicing import attributes
from observing.census import FEW, OTHER, Census, Lists, counting

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
_SINCE = re.compile(r"WaitingSince < '([^']+)'")
_EQUAL = re.compile(r"(\w+) = '([^']+)'")
_BEGINS = re.compile(r"(\w+) STARTS_WITH '([^']+)'")


@dataclass
class Listed:
    """One running workflow."""

    values: dict[str, str]
    since: datetime | None = None

    def holds(self, query: str) -> bool:
        before = _SINCE.search(query)
        if before and not (self.since and self.since < datetime.fromisoformat(before[1])):
            return False
        equal = [pair for pair in _EQUAL.findall(query) if pair[0] != "ExecutionStatus"]
        return all(self.values.get(name) == value for name, value in equal) and all(
            self.values.get(name, "").startswith(value) for name, value in _BEGINS.findall(query)
        )


@dataclass
class Temporal:
    """As much of a client as counting needs, and what it was asked."""

    listed: Sequence[Listed]
    asked: list[str] = field(default_factory=list)

    async def count_workflows(self, query: str) -> Any:
        return SimpleNamespace(count=len(self._held(query)))

    async def list_workflows(self, query: str, limit: int) -> AsyncIterator[Any]:
        for each in self._held(query)[:limit]:
            pairs = [SearchAttributePair(attributes.WAITING_SINCE, each.since or NOW)]
            yield SimpleNamespace(typed_search_attributes=TypedSearchAttributes(pairs))

    def _held(self, query: str) -> list[Listed]:
        assert query.startswith("ExecutionStatus = 'Running' AND ")
        self.asked.append(query)
        return [each for each in self.listed if each.holds(query)]

    @property
    def client(self) -> Client:
        return cast("Client", self)


def of_statuses(*statuses: str) -> Temporal:
    return Temporal([Listed({"InvoiceStatus": status}) for status in statuses])


async def split(temporal: Temporal, *values: str) -> dict[str, int]:
    return await Lists(temporal.client).split(
        "InvoiceStatus STARTS_WITH 's'", "InvoiceStatus", values
    )


async def test_no_value_is_asked_for_once_all_are_accounted_for() -> None:
    temporal = of_statuses("sent", "sent", "started", "paid")
    assert await split(temporal, "sent", "started", "sending", "send") == {"sent": 2, "started": 1}
    assert len(temporal.asked) == 3


async def test_nothing_to_split_is_one_question() -> None:
    temporal = of_statuses("paid")
    assert await split(temporal, "sent", "started") == {}
    assert len(temporal.asked) == 1


async def test_what_has_a_value_nobody_foresaw_is_counted_as_other() -> None:
    assert await split(of_statuses("sent", "solved", "saved"), "sent") == {"sent": 1, OTHER: 2}


@pytest.mark.parametrize("many", [1, FEW, FEW + 1, 20 * FEW])
async def test_the_oldest_wait_is_found_among(many: int) -> None:
    waits = [Listed({}, NOW - timedelta(minutes=7 * age)) for age in range(1, many + 1)]
    temporal = Temporal([*waits, Listed({}, None)])
    oldest = await Lists(temporal.client).oldest("WaitingFor = 'person: rejected'", NOW)
    assert oldest == timedelta()  # nobody waits for that
    for each in temporal.listed:
        each.values["WaitingFor"] = "person: rejected"
    temporal.asked.clear()
    oldest = await Lists(temporal.client).oldest("WaitingFor = 'person: rejected'", NOW)
    assert oldest == timedelta(minutes=7 * many)
    assert len(temporal.asked) <= (2 if many <= FEW else 20)


async def test_very_many_that_began_at_once_are_given_up_on_in_time() -> None:
    listed = [Listed({}, NOW - timedelta(days=3))] * (FEW + 1)
    temporal = Temporal(listed)
    oldest = await Lists(temporal.client).oldest("WaitingFor STARTS_WITH ''", NOW)
    assert oldest == timedelta(days=3)
    assert len(temporal.asked) < 30


class Shown(MetricMeter):
    """What gauges were last set to."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, tuple[str, ...]], float] = {}

    def create_gauge_float(self, name: str, *_: Any, **__: Any) -> Any:
        def to(value: float, labels: dict[str, str]) -> None:
            self.values[name, tuple(labels.values())] = value

        return SimpleNamespace(set=to)

    create_counter = create_histogram = create_gauge = create_histogram_float = cast("Any", None)
    create_histogram_timedelta = with_additional_attributes = cast("Any", None)


async def test_what_is_not_there_any_more_is_shown_as_none() -> None:
    invoice = {
        "WorkflowType": "InvoiceWorkflow",
        "InvoiceProvider": "mollie",
        "InvoiceStatus": "needs_attention",
        "WaitingFor": "person: rejected",
    }
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    temporal, shown = Temporal([Listed(invoice, long_ago)]), Shown()
    census = Census(temporal.client, shown, ["mollie", "invoro"])
    await census.take()
    by_status = ("invoicing_open", ("invoice", "mollie", "needs_attention"))
    by_reason = ("invoicing_waiting", ("person", "rejected"))
    age = ("invoicing_oldest_wait_seconds", ("person", "rejected"))
    assert (shown.values[by_status], shown.values[by_reason]) == (1, 1)
    assert shown.values[age] == pytest.approx(3600, abs=60)
    temporal.listed = [Listed({**invoice, "WaitingFor": "provider: a known status, not 'Q'"})]
    await census.take()
    assert (shown.values[by_reason], shown.values[age]) == (0, 0)
    assert shown.values["invoicing_waiting", ("provider", OTHER)] == 1


class Odd:
    """A census that nobody could foresee."""

    def __init__(self) -> None:
        self.taken = asyncio.Semaphore(0)

    async def take(self) -> None:
        self.taken.release()
        raise ValueError("Quillon Canaryson")


async def test_a_count_that_fails_oddly_ends_neither_the_counting_nor_the_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd = Odd()
    async with counting(cast("Census", odd), timedelta()):
        for _ in range(3):
            await asyncio.wait_for(odd.taken.acquire(), 5)
    assert "the lists cannot be counted: ValueError" in caplog.messages
    assert "Canaryson" not in caplog.text
