"""How lists are counted with few questions, and the oldest wait is found among very many."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.api.taskqueue.v1 import TaskQueueStats
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import MetricMeter, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

import worker
from invoicing.errors import NotLetIn, Unavailable
from invoicing.state import attributes, identity, invoice
from invoicing.state.identity import (
    AMEND_WORKFLOW,
    CREDITS_WORKFLOW,
    EVENT_WORKFLOW,
    ORDER_WORKFLOW,
    WORKFLOW,
)
from invoicing.state.questions import Reason
from invoicing.temporal.lists import CUT_OFF_BY, IS_CUT_OFF
from invoicing.temporal.stuck import REPORTED
from observing.census import (
    _REASONS,
    FEW,
    NOT_CUT_OFF,
    OTHER,
    WORKFLOWS,
    Census,
    Lists,
    counting,
)
from tests.patience import LONG_ENOUGH

ROOT = Path(__file__).resolve().parents[2]

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
_SINCE = re.compile(r"WaitingSince < '([^']+)'")
_EQUAL = re.compile(r"(\w+) = '([^']+)'")
_BEGINS = re.compile(r"(\w+) STARTS_WITH '([^']+)'")


@dataclass
class Listed:
    """One workflow, running unless it says otherwise."""

    values: dict[str, str]
    since: datetime | None = None
    name: str = ""
    status: WorkflowExecutionStatus = WorkflowExecutionStatus.RUNNING

    def holds(self, query: str) -> bool:
        before = _SINCE.search(query)
        if before and not (self.since and self.since < datetime.fromisoformat(before[1])):
            return False
        if REPORTED in query and "reported" not in self.values:
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
    backlogs: dict[str, int] = field(default_factory=dict)
    namespace = "default"

    @property
    def workflow_service(self) -> Any:
        return SimpleNamespace(describe_task_queue=self._describe_task_queue)

    async def _describe_task_queue(self, asked: DescribeTaskQueueRequest) -> Any:
        """Seconds that the oldest task waits, of those that there are."""
        seconds = self.backlogs.get(asked.task_queue.name)
        stats = TaskQueueStats(approximate_backlog_count=0 if seconds is None else 3)
        # The server says an age where there is nothing, too.
        stats.approximate_backlog_age.FromSeconds(99 if seconds is None else seconds)
        return DescribeTaskQueueResponse(stats=stats)

    async def count_workflows(self, query: str) -> Any:
        return SimpleNamespace(count=len(self._held(query)))

    async def list_workflows(self, query: str, limit: int) -> AsyncIterator[Any]:
        for each in self._held(query)[:limit]:
            pairs = [SearchAttributePair(attributes.WAITING_SINCE, each.since or NOW)]
            attributes_ = TypedSearchAttributes(pairs)
            yield SimpleNamespace(id=each.name, typed_search_attributes=attributes_)

    def get_workflow_handle(self, name: str) -> Any:
        """Of the last run of this name, which is the last one in the list."""

        async def describe() -> Any:
            return [each for each in self.listed if each.name == name][-1]

        return SimpleNamespace(describe=describe)

    def _held(self, query: str) -> list[Listed]:
        begin, _, rest = query.partition(" AND ")
        assert begin in ("ExecutionStatus = 'Running'", IS_CUT_OFF)
        over = begin == IS_CUT_OFF
        self.asked.append(query)
        ended = [each for each in self.listed if (each.status in CUT_OFF_BY) is over]
        return [each for each in ended if each.holds(rest)]

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


def test_every_wait_of_a_workflow_has_a_label_of_its_own() -> None:
    """All but those that name a provider's own word."""
    code = "\n".join(path.read_text() for path in (ROOT / "workflows").rglob("*.py"))
    called = r"(?:pause|wait_for|until_gone|await wait)\((?:life, )?"
    named = set(re.findall(rf'{called}\s*"([a-z ]+)"', code))
    # A row of waits has its name before its pace.
    constants = re.findall(rf"(?:{called}|_Row\()\s*([A-Z]+),", code)
    assert {"AWAY", "LOST", "LATE", "CREDENTIALS", "UNREAD"} <= set(constants)
    named |= {getattr(invoice, name) for name in constants}
    assert {"confirmation", "approval", "cancellation", "its invoice"} <= named
    assert named <= {*_REASONS["provider"], *_REASONS["register"]}
    assert set(Reason) <= set(_REASONS["person"])


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
    by_reason = ("invoicing_waiting", ("person", "rejected", "mollie"))
    age = ("invoicing_oldest_wait_seconds", ("person", "rejected", "mollie"))
    assert (shown.values[by_status], shown.values[by_reason]) == (1, 1)
    assert shown.values[age] == pytest.approx(3600, abs=60)
    temporal.listed = [Listed({**invoice, "WaitingFor": "provider: a known status, not 'Q'"})]
    await census.take()
    assert (shown.values[by_reason], shown.values[age]) == (0, 0)
    assert shown.values["invoicing_waiting", ("provider", OTHER, OTHER)] == 1


async def test_waits_are_told_apart_by_provider() -> None:
    def parked(provider: str, days: int) -> Listed:
        values = {"WaitingFor": "person: rejected", "InvoiceProvider": provider}
        return Listed(values, datetime.now(UTC) - timedelta(days=days))

    temporal = Temporal([parked("mollie", 1), parked("mollie", 3), parked("invoro", 2)])
    shown = Shown()
    await Census(temporal.client, shown, ["mollie", "invoro", "riverty"]).take()
    counted = {at: n for (name, at), n in shown.values.items() if name == "invoicing_waiting"}
    assert counted == {("person", "rejected", "mollie"): 2, ("person", "rejected", "invoro"): 1}
    ages = {
        at[2]: round(seconds / 86400)
        for (name, at), seconds in shown.values.items()
        if name == "invoicing_oldest_wait_seconds"
    }
    assert ages == {"mollie": 3, "invoro": 2}


async def test_work_that_waits_for_a_worker_is_shown_by_queue_and_shown_to_be_over() -> None:
    temporal, shown = Temporal([], backlogs={"provider-mollie": 340}), Shown()
    census = Census(temporal.client, shown, ["mollie", "invoro"])
    await census.take()
    of_queues = {
        at[0]: n for (name, at), n in shown.values.items() if name == "invoicing_backlog_seconds"
    }
    assert of_queues == {
        "invoicing": 0,
        "provider-invoro": 0,
        "provider-mollie": 340,
        "register": 0,
    }
    temporal.backlogs.clear()
    await census.take()
    assert shown.values["invoicing_backlog_seconds", ("provider-mollie",)] == 0


def an_ended(name: str, status: str = "TERMINATED", kind: str = "InvoiceWorkflow") -> Listed:
    return Listed({"WorkflowType": kind}, None, name, WorkflowExecutionStatus[status])


async def test_what_was_cut_off_is_counted_until_it_has_begun_anew() -> None:
    temporal, shown = Temporal([]), Shown()
    census = Census(temporal.client, shown, ["mollie"])

    def counted() -> dict[str, float]:
        return {
            kind: value
            for (name, labels), value in shown.values.items()
            for kind in labels
            if name == "invoicing_cut_off"
        }

    await census.take()
    nothing = dict.fromkeys(WORKFLOWS.keys() - NOT_CUT_OFF.keys(), 0)
    assert counted() == nothing, "an alert needs a metric that is there"
    feed = an_ended("feed/a/b", kind="FeedWorkflow")
    temporal.listed = [an_ended("invoice/1"), an_ended("invoice/2", "TIMED_OUT"), feed]
    await census.take()
    assert counted() == {**nothing, "invoice": 2, "feed": 1}
    temporal.listed = [*temporal.listed, an_ended("invoice/1", "RUNNING"), an_ended("invoice/2")]
    await census.take()
    assert counted() == {**nothing, "invoice": 1, "feed": 1}, "two runs of one are one"


async def test_what_stands_still_is_counted_by_kind() -> None:
    still = {"WorkflowType": "OrderWorkflow", "reported": "category=WorkflowTaskFailed"}
    temporal, shown = Temporal([Listed(still), Listed({"WorkflowType": "OrderWorkflow"})]), Shown()
    await Census(temporal.client, shown, ["mollie"]).take()
    assert shown.values["invoicing_stuck", ("order",)] == 1
    assert shown.values["invoicing_stuck", ("invoice",)] == 0
    assert shown.values["invoicing_stuck", ("money",)] == 0


def test_every_type_of_workflow_that_a_worker_serves_is_counted() -> None:
    """A new one is counted where it stands still, and where it is cut off or says why not."""
    served = {story.__name__ for story in worker.STORIES}
    assert {*WORKFLOWS.values()} == served
    assert {*NOT_CUT_OFF} <= {*WORKFLOWS}
    assert {"invoice", "order", "credits", "amendment", "document"}.isdisjoint(NOT_CUT_OFF)


@pytest.mark.parametrize("kind", WORKFLOWS)
async def test_whatever_stands_still_or_is_cut_off_is_counted_as_what_it_is(kind: str) -> None:
    name = WORKFLOWS[kind]
    still = Listed({"WorkflowType": name, "reported": "category=WorkflowTaskFailed"})
    temporal, shown = Temporal([still, an_ended("one", kind=name)]), Shown()
    await Census(temporal.client, shown, ["mollie"]).take()
    stands = [at for (of, at), n in shown.values.items() if of == "invoicing_stuck" and n]
    cut = [at for (of, at), n in shown.values.items() if of == "invoicing_cut_off" and n]
    assert stands == [(kind,)]
    assert cut == ([] if kind in NOT_CUT_OFF else [(kind,)])


def test_what_asks_a_person_is_in_the_inbox_of_the_console() -> None:
    """Every kind of workflow with a question table, or that waits to be asked again."""
    ask = {WORKFLOW, ORDER_WORKFLOW, CREDITS_WORKFLOW, AMEND_WORKFLOW, EVENT_WORKFLOW}
    code = (ROOT / "console" / "inbox.py").read_text()
    listed = {name for name in ask if name in _inbox_kinds(code)}
    assert listed == ask - {EVENT_WORKFLOW}
    assert "list_events" in code


def _inbox_kinds(code: str) -> set[str]:
    return {getattr(identity, name) for name in re.findall(r"\b([A-Z_]*WORKFLOW)\b", code)}


class Register:
    """One that says what is open, or is away."""

    def __init__(self, **open_: int) -> None:
        self.open, self.away = {("mollie", "shop", kind): n for kind, n in open_.items()}, False

    async def open_findings(self) -> dict[tuple[str, str, str], int]:
        if self.away:
            raise Unavailable("the register: away")
        return self.open


async def test_open_findings_are_counted_and_gone_when_they_are_closed() -> None:
    register, shown = Register(amount=2, twice=1), Shown()
    census = Census(Temporal([]).client, shown, ["mollie"], register)
    await census.take()
    of = "invoicing_findings_open"
    assert shown.values[of, ("mollie", "shop", "amount")] == 2
    register.open = {("mollie", "shop", "twice"): 1}
    await census.take()
    assert shown.values[of, ("mollie", "shop", "amount")] == 0
    assert shown.values[of, ("mollie", "shop", "twice")] == 1


async def test_a_register_that_is_away_holds_up_no_other_count() -> None:
    register, shown = Register(amount=2), Shown()
    census = Census(Temporal([]).client, shown, ["mollie"], register)
    await census.take()
    shown.values.pop(("invoicing_counted_timestamp_seconds", ()))
    register.away = True
    await census.take()
    assert shown.values["invoicing_findings_open", ("mollie", "shop", "amount")] == 2
    assert ("invoicing_counted_timestamp_seconds", ()) in shown.values


async def test_very_many_that_were_cut_off_are_not_looked_at_one_by_one() -> None:
    temporal = Temporal([an_ended(f"invoice/{n}") for n in range(3 * FEW)])
    assert await Lists(temporal.client).cut_off("WorkflowType = 'InvoiceWorkflow'") == 3 * FEW
    assert len(temporal.asked) == 2


class Refusing(Temporal):
    """A server that lets nobody count."""

    async def count_workflows(self, query: str | None = None) -> Any:
        raise RPCError("Quillon Canaryson", RPCStatusCode.PERMISSION_DENIED, b"")


async def test_a_server_that_lets_nobody_count_is_told_in_an_error_of_ours() -> None:
    with pytest.raises(NotLetIn) as caught:
        await Census(Refusing([]).client, Shown(), ["mollie"]).take()
    assert caught.value.code == "PERMISSION_DENIED"


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
            await asyncio.wait_for(odd.taken.acquire(), LONG_ENOUGH)
    assert "the lists cannot be counted: ValueError" in caplog.messages
    assert "Canaryson" not in caplog.text
