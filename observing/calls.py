"""Every provider call, counted, timed and written down in one place: around the activity."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from temporalio import activity
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from invoicing.books.calls import Called, Tally

log = logging.getLogger("invoicing.calls")

_NO_CALL = ("plan", "plan_order", "about")
"""Activities that ask the adaptor and not the provider."""

MOST_ACCOUNTS = 50
OTHER = "other"

_RESULTS = {
    "Unavailable": "unavailable",
    "Rejected": "rejected",
    "Unsupported": "unsupported",
    "Unreadable": "unreadable",
    "UnknownOutcome": "unknown_outcome",
}


RESULTS = (*_RESULTS.values(), "cancelled", "error")
"""Of calls that failed."""


class WatchedCalls(Interceptor):
    """For the worker of one provider's queue.

    Counts `invoicing_provider_calls` by provider, account, verb and result, and measures
    `invoicing_provider_call_duration` by provider and verb. A result is `ok`, the kind of error,
    `cancelled` when the call was given up, or `error` for what no adaptor should raise. An account
    that is not configured here, or is one of very many, is counted as `other`: a request may name
    any word, and a label's values must be few. `tally` counts the same for people.
    """

    def __init__(
        self,
        provider: str,
        meter: MetricMeter,
        accounts: Iterable[str],
        tally: Tally | None = None,
    ) -> None:
        self._provider = provider
        self._tally = tally
        self._accounts = frozenset(sorted(accounts)[:MOST_ACCOUNTS])
        self._calls = meter.create_counter("invoicing_provider_calls", "Calls to providers")
        self._durations = meter.create_histogram_timedelta(
            "invoicing_provider_call_duration", "How long calls to providers take", "duration"
        )

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Put the watch around every call of this worker."""
        return _Watch(next, self)

    @contextmanager
    def watching(self, call: object) -> Iterator[None]:
        """One call, given the activity's argument; to be entered inside an activity."""
        begun, result = monotonic(), "ok"
        try:
            yield
        except BaseException as error:
            result = _result(error)
            raise
        finally:
            self._tell(_account(call), result, monotonic() - begun)

    def _tell(self, account: str, result: str, seconds: float) -> None:
        info = activity.info()
        labels = {"provider": self._provider, "verb": info.activity_type}
        shown = account if account in self._accounts else OTHER
        self._calls.add(1, {**labels, "account": shown, "result": result})
        self._durations.record(timedelta(seconds=seconds), labels)
        if self._tally is not None:
            today, whose = datetime.now(UTC).date(), {"provider": self._provider, "account": shown}
            self._tally.add(Called(day=today, **whose, result=result, calls=1))
        workflow_id = info.workflow_id or ""
        told = {
            **labels,
            "reference": workflow_id.partition("/")[2],
            "workflow": workflow_id,
            "account": account,
            "result": result,
            "milliseconds": round(seconds * 1000),
        }
        log.info(
            "%(workflow)s: %(provider)s/%(account)s %(verb)s: %(result)s in %(milliseconds)d ms",
            told,
            extra=told,
        )


class _Watch(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, calls: WatchedCalls) -> None:  # noqa: A002
        super().__init__(next)
        self._calls = calls

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        if activity.info().activity_type in _NO_CALL:
            return await self.next.execute_activity(input)
        with self._calls.watching(input.args[0]):
            return await self.next.execute_activity(input)


def _result(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    kind = error.type if isinstance(error, ApplicationError) else None
    return _RESULTS.get(kind or "", "error")


def _account(call: object) -> str:
    """Whose call it is: said in the call, or in what it is about."""
    return str(getattr(getattr(call, "target", call), "account", ""))
