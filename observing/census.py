"""How many invoices there are in which status, what they wait for and how long: from the lists.

Lists can be counted and not grouped, so each value is counted for itself, and no further once all
are accounted for. Only what runs is counted, and what was ended from outside with nobody to go on
with it; nothing is kept between two counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.common import MetricGaugeFloat, MetricMeter

from invoicing.books.reconciling import COMPARE, CountsFindings
from invoicing.credits.amend import AMEND_AGAIN, AN_ANSWER, THE_CREDIT, THE_INVOICE
from invoicing.errors import EngineError, EngineRefused, ServerAway, Unavailable
from invoicing.state import attributes
from invoicing.state.attributes import quoted
from invoicing.state.identity import (
    AMEND_WORKFLOW,
    CREDITS_WORKFLOW,
    DOCUMENT_WORKFLOW,
    EVENT_WORKFLOW,
    FEED_WORKFLOW,
    MONEY_WORKFLOW,
    NOTICES_WORKFLOW,
    ORDER_WORKFLOW,
    PAY_LINK_WORKFLOW,
    PREVIEW_WORKFLOW,
    RECONCILIATION_WORKFLOW,
    RETENTION_WORKFLOW,
    WORKFLOW,
)
from invoicing.state.invoice import (
    AWAY,
    CLAIM,
    CREDENTIALS,
    LATE,
    LOST,
    RECORD,
    STORE,
    UNREAD,
    Status,
)
from invoicing.state.order import OrderStatus
from invoicing.state.questions import Reason
from invoicing.temporal.engine import ours, stored
from invoicing.temporal.lists import CUT_OFF_BY, IS_CUT_OFF, WHOM
from invoicing.temporal.stuck import count_stuck
from observing.queues import Queues

log = logging.getLogger("invoicing.census")

_KINDS = {"invoice": (WORKFLOW, tuple(Status)), "order": (ORDER_WORKFLOW, tuple(OrderStatus))}

WORKFLOWS: Mapping[str, str] = {
    "invoice": WORKFLOW,
    "order": ORDER_WORKFLOW,
    "credits": CREDITS_WORKFLOW,
    "amendment": AMEND_WORKFLOW,
    "event": EVENT_WORKFLOW,
    "feed": FEED_WORKFLOW,
    "notices": NOTICES_WORKFLOW,
    "document": DOCUMENT_WORKFLOW,
    "pay_link": PAY_LINK_WORKFLOW,
    "money": MONEY_WORKFLOW,
    "preview": PREVIEW_WORKFLOW,
    "reconciliation": RECONCILIATION_WORKFLOW,
    "retention": RETENTION_WORKFLOW,
}
"""Every type of workflow there is, by the word for it. Each is counted where it stands still."""

NOT_CUT_OFF: Mapping[str, str] = {
    "money": "begun anew by nobody, so that it would count until Temporal forgets it",
    "pay_link": "whoever waits for it hears so, and asks again",
    "preview": "likewise; ended by its time-out where a provider is away",
    "reconciliation": "the next day's run is another one, and tells whether it is done",
    "retention": "likewise",
}
"""Of what is ended from outside this is not counted, and why."""

_REASONS = {
    "person": (*Reason, "release", AMEND_AGAIN),
    "provider": (
        "approval",
        "confirmation",
        "sending",
        "delivery",
        "payment",
        AWAY,
        LOST,
        CREDENTIALS,
        UNREAD,
        STORE,
        "deletion",
        "cancellation",
        "its feed",
        "its invoice",
        "a complete search",
        LATE,
        THE_CREDIT,
        THE_INVOICE,
    ),
    "time": ("send_on", AN_ANSWER),
    "register": (CLAIM, RECORD, COMPARE),
}
"""The waits there are. Any other is counted as `other`: what is waited for may name a word that is
the provider's own, and a label's values must be few."""

OTHER = "other"
FEW = 50
"""So many are read one by one to find the oldest; more are halved by counting first."""
HALVINGS = 24
LONGEST = timedelta(days=400)

Labels = tuple[str, ...]


class Lists:
    """Temporal's lists of what runs or was cut off, asked in numbers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def count(self, query: str) -> int:
        """How many running workflows this holds for."""
        counted = await self._client.count_workflows(_running(query))
        return counted.count

    async def split(self, query: str, name: str, values: Iterable[str]) -> dict[str, int]:
        """How many of them have each of these values, and how many another one."""
        left = await self.count(query)
        found: dict[str, int] = {}
        for value in values:
            if left <= 0:
                break
            if number := await self.count(f"{query} AND {name} = {quoted(value)}"):
                found[value], left = number, left - number
        return {**found, OTHER: left} if left > 0 else found

    async def cut_off(self, query: str) -> int:
        """How many of them were ended from outside, and nobody has begun them anew since.

        Lists cannot say the latter: of a few each is looked at, the rest are counted as they are.
        """
        query = f"{IS_CUT_OFF} AND {query}"
        found = self._client.list_workflows(query, limit=FEW)
        few = [each.id async for each in found]
        latest = await asyncio.gather(*map(self._is_cut_off, set(few)))
        if len(few) < FEW:
            return sum(latest)
        counted = await self._client.count_workflows(query)
        return sum(latest) + max(0, counted.count - len(few))

    async def stuck(self, query: str) -> int | None:
        """How many of them stand still; None where the server cannot tell."""
        return await count_stuck(self._client, query)

    async def _is_cut_off(self, identity: str) -> bool:
        try:
            with ours(ServerAway):
                last = await self._client.get_workflow_handle(identity).describe()
        except EngineRefused as error:
            if error.code == "NOT_FOUND":
                return False  # deleted since it was listed
            raise
        return last.status in CUT_OFF_BY

    async def oldest(self, query: str, now: datetime) -> timedelta:
        """How long the one that has waited longest has; nothing when none says since when."""
        since = attributes.WAITING_SINCE
        early, late = now - LONGEST, now
        left = await self.count(f"{query} AND {since.name} < {_instant(late)}")
        for _ in range(HALVINGS):
            if left <= FEW:
                break
            middle = early + (late - early) / 2
            if older := await self.count(f"{query} AND {since.name} < {_instant(middle)}"):
                late, left = middle, older
            else:
                early = middle
        few = _running(f"{query} AND {since.name} < {_instant(late)}")
        listed = [
            each.typed_search_attributes.get(since)
            async for each in self._client.list_workflows(few, limit=FEW)
        ]
        return now - min((each for each in listed if each), default=now)


def _running(query: str) -> str:
    return f"ExecutionStatus = 'Running' AND {query}"


def _instant(moment: datetime) -> str:
    return quoted(moment.isoformat())


class Census:
    """Counts, and shows what it has counted as gauges.

    `invoicing_open` by kind (invoice, order), provider and status; `invoicing_stuck` by every kind
    of WORKFLOWS, where the server can tell; `invoicing_cut_off` by all but NOT_CUT_OFF, 0 where
    there are none; `invoicing_waiting` and `invoicing_oldest_wait_seconds` by whom is waited for,
    for what, and at which provider; `invoicing_backlog_seconds` by queue;
    where there is a register, `invoicing_findings_open` by provider, account and kind; and
    `invoicing_counted_timestamp_seconds`, when that was.
    """

    def __init__(
        self,
        client: Client,
        meter: MetricMeter,
        providers: Iterable[str],
        register: CountsFindings | None = None,
    ) -> None:
        self._register = register
        self._lists = Lists(client)
        self._providers = sorted(providers)
        self._queues = Queues(client, self._providers)
        self._open = _Gauge(meter, "invoicing_open", "kind", "provider", "status")
        self._cut_off = _Gauge(meter, "invoicing_cut_off", "kind")
        self._stuck = _Gauge(meter, "invoicing_stuck", "kind")
        self._waiting = _Gauge(meter, "invoicing_waiting", "on", "reason", "provider")
        self._oldest = _Gauge(meter, "invoicing_oldest_wait_seconds", "on", "reason", "provider")
        self._backlog = _Gauge(meter, "invoicing_backlog_seconds", "task_queue")
        self._findings = _Gauge(meter, "invoicing_findings_open", "provider", "account", "kind")
        self._counted = _Gauge(meter, "invoicing_counted_timestamp_seconds")

    @stored
    async def take(self) -> None:
        """Count once. An error of ours when the server does not let itself be asked."""
        now = datetime.now(UTC)
        self._open.show(await self._by_status())
        self._cut_off.show(await self._ended_from_outside())
        self._stuck.show(await self._standing_still())
        waiting = await self._by_wait()
        self._waiting.show(waiting)
        self._oldest.show(await self._ages(waiting, now))
        backlogs = await self._queues.backlogs()
        self._backlog.show({(name,): seconds for name, seconds in backlogs.items()})
        await self._count_findings()
        self._counted.show({(): now.timestamp()})

    async def _count_findings(self) -> None:
        """A register that is away holds up no other count: the last numbers stay."""
        if self._register is None:
            return
        try:
            found = await self._register.open_findings()
        except Unavailable as error:
            log.warning("findings cannot be counted: %s", error.message)
            return
        self._findings.show({labels: float(count) for labels, count in found.items()})

    async def _by_status(self) -> dict[Labels, float]:
        found: dict[Labels, float] = {}
        for kind, (workflow, statuses) in _KINDS.items():
            query = f"WorkflowType = '{workflow}'"
            for provider in await self._lists.split(
                query, attributes.PROVIDER.name, self._providers
            ):
                if provider == OTHER:
                    continue
                theirs = f"{query} AND {attributes.PROVIDER.name} = {quoted(provider)}"
                counts = await self._lists.split(theirs, attributes.STATUS.name, statuses)
                found |= {(kind, provider, status): n for status, n in counts.items()}
        return found

    async def _ended_from_outside(self) -> dict[Labels, float]:
        return {
            (kind,): await self._lists.cut_off(f"WorkflowType = '{workflow}'")
            for kind, workflow in WORKFLOWS.items()
            if kind not in NOT_CUT_OFF
        }

    async def _standing_still(self) -> dict[Labels, float]:
        counts = {
            (kind,): await self._lists.stuck(f"WorkflowType = '{workflow}'")
            for kind, workflow in WORKFLOWS.items()
        }
        return {labels: count for labels, count in counts.items() if count is not None}

    async def _by_wait(self) -> dict[Labels, float]:
        found: dict[Labels, float] = {}
        for on in WHOM:
            query = f"{attributes.WAITING_FOR.name} STARTS_WITH {quoted(f'{on}: ')}"
            known = {f"{on}: {reason}": str(reason) for reason in _REASONS.get(on, ())}
            counts = await self._lists.split(query, attributes.WAITING_FOR.name, known)
            if OTHER in counts:
                found[on, OTHER, OTHER] = counts.pop(OTHER)
            for listed in counts:
                theirs = await self._lists.split(
                    f"{attributes.WAITING_FOR.name} = {quoted(listed)}",
                    attributes.PROVIDER.name,
                    self._providers,
                )
                found |= {(on, known[listed], provider): n for provider, n in theirs.items()}
        return found

    async def _ages(self, waiting: Iterable[Labels], now: datetime) -> dict[Labels, float]:
        return {
            each: (await self._lists.oldest(_waits(*each), now)).total_seconds()
            for each in waiting
            if OTHER not in each
        }


def _waits(on: str, reason: str, provider: str) -> str:
    waits = f"{attributes.WAITING_FOR.name} = {quoted(f'{on}: {reason}')}"
    return f"{waits} AND {attributes.PROVIDER.name} = {quoted(provider)}"


class _Gauge:
    """A gauge whose labels come and go: what is not there any more is shown as 0."""

    def __init__(self, meter: MetricMeter, name: str, *labels: str) -> None:
        self._gauge: MetricGaugeFloat = meter.create_gauge_float(name, _MEANINGS[name])
        self._labels = labels
        self._shown: set[Labels] = set()

    def show(self, values: Mapping[Labels, float]) -> None:
        gone = dict.fromkeys(self._shown - values.keys(), 0.0)
        for labels, value in {**gone, **values}.items():
            self._gauge.set(float(value), dict(zip(self._labels, labels, strict=True)))
        self._shown |= values.keys()


_MEANINGS = {
    "invoicing_open": "Invoices and orders that have not ended",
    "invoicing_cut_off": "What was ended from outside and has not been begun anew",
    "invoicing_stuck": "What stands still, for its next task keeps failing",
    "invoicing_waiting": "Invoices, orders, events and feeds that wait",
    "invoicing_oldest_wait_seconds": "How long the one that has waited longest has",
    "invoicing_backlog_seconds": "How long the oldest work waits for a worker, by queue",
    "invoicing_findings_open": "Findings of reconciliations that nobody has closed",
    "invoicing_counted_timestamp_seconds": "When these were counted last",
}


@contextlib.asynccontextmanager
async def counting(census: Census, every: timedelta) -> AsyncIterator[None]:
    """Count meanwhile, now and again after each pause, whatever became of it the last time."""
    task = asyncio.create_task(_count_on(census, every))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _count_on(census: Census, every: timedelta) -> None:
    while True:
        try:
            await census.take()
        except EngineError as error:
            log.warning("the lists cannot be counted: %s", error.code or type(error).__name__)
        except Exception as error:  # noqa: BLE001
            # Whoever only watches must not end the worker when that stops.
            log.warning("the lists cannot be counted: %s", type(error).__name__)
        await asyncio.sleep(every.total_seconds())
