"""What is compared: four kinds of work, each with a worker process of its own.

`bare` is the baseline as the SDK runs it by default, `bare, unsandboxed` the same as ours is run,
`from memory` is our lifecycle with a provider that costs nothing, and `over HTTP` is all of it:
`worker.py`, the adaptor, and a stand-in in another process.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle

from benchmarks import bare, from_memory
from benchmarks.bare import BareWorkflow, Shape
from benchmarks.children import Child, child
from demo.accounts import variables
from invoicing.client import InvoicingClient
from invoicing.document import Document, Line, Party, Vat
from invoicing.request import Goal, InvoiceRequest
from sandbox import zero_friction as zf

AT_ONCE = 50
LONG = timedelta(minutes=10)
"""A timer as long as this is the wait for a payment, not the pause between two looks."""

Execution = WorkflowHandle[Any, Any]
Ask = Callable[[str, bool], Awaitable[Execution]]


@dataclass(frozen=True)
class Kind:
    """One kind of work: how its worker is run, and how one piece of it is asked for.

    `ask` takes an id and whether the work shall end by waiting instead of ending.
    """

    name: str
    worker: tuple[str, ...]
    variables: Mapping[str, str]
    ask: Ask

    @asynccontextmanager
    async def working(self, **settings: str) -> AsyncIterator[Child]:
        """Its worker meanwhile."""
        async with child(*self.worker, **{**self.variables, **settings}) as running:
            yield running

    async def done(self, count: int, *, waiting: bool = False) -> None:
        """Do so many, a bounded number at once; each to its end, or until it waits for days."""
        numbers = iter(range(count))

        async def one_after_the_other() -> None:
            for _ in numbers:
                handle = await self.ask(f"B-{uuid.uuid4().hex[:12]}", waiting)
                await (_until_it_waits(handle) if waiting else handle.result())

        await asyncio.gather(*(one_after_the_other() for _ in range(min(AT_ONCE, count))))


@dataclass(frozen=True)
class Round:
    """So many in so many seconds, and the worker's CPU seconds meanwhile."""

    count: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """How many per second."""
        return self.count / self.seconds

    @property
    def cpu_each(self) -> float:
        """Seconds of the worker's CPU for one."""
        return self.cpu / self.count


async def measure(kind: Kind, count: int, worker: Child) -> Round:
    """One round with a worker that is warm."""
    before, begun = worker.usage.cpu, time.perf_counter()
    await worker.outlives(kind.done(count))
    return Round(count, time.perf_counter() - begun, worker.usage.cpu - before)


def bare_kind(client: InvoicingClient, shape: Shape, *, sandboxed: bool = True) -> Kind:
    """The baseline, in this shape."""

    async def ask(identity: str, waiting: bool) -> Execution:
        handle: Execution = await client.temporal.start_workflow(
            BareWorkflow.run,
            shape.model_copy(update={"waits": waiting}),
            id=f"bare/{identity}",
            task_queue=bare.WORKFLOWS,
        )
        return handle

    name, which = ("bare", "bare") if sandboxed else ("bare, unsandboxed", "bare_unsandboxed")
    return Kind(name, ("-m", "benchmarks.serve", which), _server(client), ask)


def memory_kind(client: InvoicingClient) -> Kind:
    """Our lifecycle, with a provider that costs nothing."""
    variables = _server(client)
    return Kind(
        "from memory",
        ("-m", "benchmarks.serve", from_memory.NAME),
        variables,
        _asks(client, from_memory.NAME),
    )


def http_kind(client: InvoicingClient, url: str) -> Kind:
    """Our lifecycle as it is, over HTTP to a stand-in that listens at `url`."""
    environment = {
        **_server(client),
        "INVOICING_PACE": "0.02",
        **variables("zero_friction", "default", zf.ZeroFrictionStandIn().account(url)),
        # All invoices have one customer: else `find` would turn page after page.
        "ZERO_FRICTION_SEARCH_COVERS_REFERENCE": "true",
    }
    return Kind("over HTTP", ("worker.py",), environment, _asks(client, "zero_friction"))


@asynccontextmanager
async def stand_in() -> AsyncIterator[str]:
    """A stand-in in a process of its own, quick to approve and to send; its URL."""
    delays = ("--approval-delay", "0.02", "--sending-delay", "0.02")
    async with child("-m", "sandbox.zero_friction", *delays) as running:
        yield await running.line()


def a_request(reference: str, provider: str, goal: Goal = Goal.SENT) -> InvoiceRequest:
    """An ordinary invoice of two lines."""
    document = Document.model_validate(
        {
            "currency": "EUR",
            "issue_date": "2026-06-30",
            "due_date": "2026-07-30",
            "buyer": Party(name="Canary Energy BV", account_number="K-1001"),
            "lines": (_line("1", "Meter replacement", "89.00"), _line("2", "Travel", "12.50")),
        }
    )
    return InvoiceRequest(reference=reference, provider=provider, goal=goal, document=document)


def _line(number: str, name: str, price: str) -> Line:
    return Line.model_validate(
        {"id": number, "name": name, "quantity": "2", "unit_price": price, "vat": Vat(rate=21)}
    )


def _asks(client: InvoicingClient, provider: str) -> Ask:
    async def ask(identity: str, waiting: bool) -> Execution:
        goal = Goal.PAID if waiting else Goal.SENT
        return await client.invoices.start(a_request(identity, provider, goal))

    return ask


def _server(client: InvoicingClient) -> dict[str, str]:
    return {"TEMPORAL_ADDRESS": client.temporal.service_client.config.target_host}


async def _until_it_waits(handle: Execution) -> None:
    async for event in handle.fetch_history_events(wait_new_event=True):
        if _starts_long_wait(event):
            return


def _starts_long_wait(event: HistoryEvent) -> bool:
    timer = event.timer_started_event_attributes
    return event.HasField("timer_started_event_attributes") and (
        timer.start_to_fire_timeout.ToTimedelta() >= LONG
    )
