"""Does the code at hand understand every life that is being lived? Each history is replayed.

Histories are listed page by page, fetched one ahead and forgotten once replayed, in processes of
their own: however many run, no more than two of them per process are in memory.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from pydantic import BaseModel
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowReplayResult

import invoicing.client
from commands.keys import converter_here
from invoicing.errors import EngineRefused, ServerAway
from invoicing.process import run
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
    TASK_QUEUE,
    WORKFLOW,
)
from invoicing.temporal.converter import Erased, refuse_erased
from invoicing.temporal.engine import ours, stored
from rollout.differences import Difference, came_in_words, culprit, in_words

MOST_IN_BATCH = 50
MOST_KINDS = 20
"""Kinds of difference that are kept with an example; further ones are counted together."""
FURTHER = "further kinds of difference"

RUNNING = f"TaskQueue = {quoted(TASK_QUEUE)} AND ExecutionStatus = 'Running'"

HEARING = f"{RUNNING} AND WorkflowType = {quoted(MONEY_WORKFLOW)}"
LIVING = f"{RUNNING} AND WorkflowType != {quoted(MONEY_WORKFLOW)}"
"""What hears of an invoice's money runs for a year, and each does the same: of all the invoices of
a year a sample is enough."""

TYPES = (
    *(WORKFLOW, ORDER_WORKFLOW, CREDITS_WORKFLOW, AMEND_WORKFLOW, EVENT_WORKFLOW, FEED_WORKFLOW),
    *(NOTICES_WORKFLOW, DOCUMENT_WORKFLOW, MONEY_WORKFLOW, PAY_LINK_WORKFLOW, PREVIEW_WORKFLOW),
    *(RECONCILIATION_WORKFLOW, RETENTION_WORKFLOW),
)
"""Of which a sample of the ended ones is looked at: what asks them for their state replays them."""

Run = tuple[str, str]
"""A workflow's id and its run's."""
Stories = Sequence[type]
"""Workflow classes. They go to other processes by name, so each has to be of a module."""
Progress = Callable[[int, int], None]
"""Told after every batch: how many were looked at, and how many there are."""


class Replayed(BaseModel):
    """What became of some histories.

    gone: deleted or continued as new between the listing and the look.
    kinds: how many differ, by kind. first: an example of each.
    """

    fit: int = 0
    gone: int = 0
    kinds: dict[str, int] = {}
    first: dict[str, Difference] = {}

    @property
    def differ(self) -> int:
        """How many do not fit the code at hand."""
        return sum(self.kinds.values())

    @property
    def looked_at(self) -> int:
        """How many it was about."""
        return self.fit + self.gone + self.differ

    def add(self, other: Replayed) -> None:
        """Count these as well."""
        self.fit += other.fit
        self.gone += other.gone
        for kind, number in other.kinds.items():
            known = kind in self.kinds or len(self.first) < MOST_KINDS
            name = kind if known else FURTHER
            self.kinds[name] = self.kinds.get(name, 0) + number
            if known:
                self.first.setdefault(kind, other.first[kind])


@stored
async def check(
    client: Client,
    stories: Stories,
    *,
    ended: int = 0,
    processes: int | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Replayed:
    """Replay everything that runs, and of each type so many that have ended, the latest first; so
    many also of what hears of money.

    The processes connect as TEMPORAL_… says. `processes` is as many as there are cores by default.
    Raises an error of ours when the server does not let itself be asked.
    """
    processes = processes or len(os.sched_getaffinity(0))
    queries = [(LIVING, None), *_of_the_ended(ended)]
    total = (await client.count_workflows(LIVING)).count
    for query, limit in queries[1:]:
        total += min(limit or 0, (await client.count_workflows(query)).count)
    size = max(1, min(MOST_IN_BATCH, total // (4 * processes)))
    all_of_it = Replayed()
    with _processes(processes) as pool:
        pending: set[asyncio.Future[Replayed]] = set()

        async def collect(until: int) -> None:
            nonlocal pending
            while len(pending) > until:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for each in done:
                    all_of_it.add(each.result())
                progress(all_of_it.looked_at, max(total, all_of_it.looked_at))

        async for batch in _batches(client, queries, size):
            work = functools.partial(replay, tuple(stories), client.namespace, batch)
            pending.add(asyncio.get_running_loop().run_in_executor(pool, work))
            await collect(until=2 * processes - 1)
        await collect(until=0)
    return all_of_it


def _of_the_ended(ended: int) -> list[tuple[str, int | None]]:
    """A query per type, for there are many more of some than of others."""
    over = f"TaskQueue = {quoted(TASK_QUEUE)} AND ExecutionStatus != 'Running'"
    if not ended:
        return []
    each = [f"{over} AND WorkflowType = {quoted(name)}" for name in TYPES]
    return [(query, ended) for query in (HEARING, *each)]


async def _batches(
    client: Client, queries: Sequence[tuple[str, int | None]], size: int
) -> AsyncIterator[list[Run]]:
    batch: list[Run] = []
    for query, limit in queries:
        async for each in client.list_workflows(query, limit=limit):
            batch.append((each.id, each.run_id))
            if len(batch) == size:
                yield batch
                batch = []
    if batch:
        yield batch


@contextmanager
def _processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """What was not begun when the caller leaves is not begun any more."""
    # Not by fork: the SDK's threads do not come along, and what they hold stays locked for ever.
    pool = ProcessPoolExecutor(number, multiprocessing.get_context("spawn"), _quiet)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


# --- in the processes -----------------------------------------------------------------------------


def _quiet() -> None:
    """A replay that fails is the news, and is told once, in words."""
    logging.disable(logging.CRITICAL)


@functools.cache
def _runtime() -> Runtime:
    silent = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=silent)))


def replay(stories: Stories, namespace: str, runs: Sequence[Run]) -> Replayed:
    """Replay these runs one after the other."""
    with converter_here() as here:
        return run(_replay(stories, namespace, runs, here))


async def _replay(
    stories: Stories, namespace: str, runs: Sequence[Run], here: DataConverter
) -> Replayed:
    client = await invoicing.client.connect(runtime=_runtime(), data_converter=here)
    replayer = Replayer(
        workflows=stories,
        namespace=namespace,
        data_converter=client.data_converter,
        workflow_runner=UnsandboxedWorkflowRunner(),
        runtime=_runtime(),
    )
    seen = Replayed()
    histories = _histories(client, runs, seen)
    async with replayer.workflow_replay_iterator(histories) as results:
        async for result in results:
            if result.replay_failure is None:
                seen.fit += 1
                continue
            difference = _difference(result.history, result.replay_failure)
            if difference.kind not in seen.kinds:
                difference = await _placed(replayer, result, difference)
            seen.add(Replayed(kinds={difference.kind: 1}, first={difference.kind: difference}))
    return seen


async def _histories(
    client: Client, runs: Sequence[Run], seen: Replayed
) -> AsyncIterator[WorkflowHistory]:
    """Each while the next is fetched; those that are gone, or erased, are counted."""
    fetching: asyncio.Task[WorkflowHistory | None] | None = None
    for each in (*runs, None):
        following = asyncio.create_task(_fetched(client, each)) if each else None
        try:
            if fetching and (history := await fetching):
                yield history
            elif fetching:
                seen.gone += 1
        except BaseException:
            if following:
                following.cancel()
            raise
        fetching = following


async def _fetched(client: Client, each: Run) -> WorkflowHistory | None:
    try:
        await refuse_erased(client.data_converter, client.namespace, each[0])
        with ours(ServerAway):
            return await client.get_workflow_handle(each[0], run_id=each[1]).fetch_history()
    except Erased:
        return None
    except EngineRefused as error:
        if error.code == "NOT_FOUND":
            return None
        raise


def _difference(history: WorkflowHistory, failure: Exception) -> Difference:
    started = history.events[0].workflow_execution_started_event_attributes
    return Difference(
        workflow_type=started.workflow_type.name,
        workflow_id=history.workflow_id,
        run_id=history.run_id,
        came=came_in_words(str(failure)),
    )


async def _placed(
    replayer: Replayer, result: WorkflowReplayResult, difference: Difference
) -> Difference:
    """The same, with the event from which on it differs."""
    task = await _first_task_that_fails(replayer, result.history)
    event = culprit(task, str(result.replay_failure))
    if event:
        found = {"event_id": event.event_id, "wanted": in_words(event)}
    else:
        found = {"event_id": task[0].event_id}
    return difference.model_copy(update=found)


async def _first_task_that_fails(
    replayer: Replayer, history: WorkflowHistory
) -> Sequence[HistoryEvent]:
    """The events of the first workflow task from which on it differs, by halving.

    The SDK does not always name the event. A shorter history fails if it reaches the place.
    """
    ends = _ends_of_tasks(history.events)
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        shorter = WorkflowHistory(history.workflow_id, history.events[: ends[middle]])
        result = await replayer.replay_workflow(shorter, raise_on_replay_failure=False)
        low, high = (low, middle) if result.replay_failure else (middle + 1, high)
    return history.events[ends[low - 1] if low else 0 : ends[low]]


def _ends_of_tasks(events: Sequence[HistoryEvent]) -> list[int]:
    """How many events there are up to what each workflow task asked for, it included."""
    scheduled = [
        index
        for index, event in enumerate(events)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
    ]
    return [*scheduled[1:], len(events)]
