"""Workers that die without a word, at every instant at which their death could make a difference.

The worker is the real program in a process of its own, killed by SIGKILL. Every account has its own
stand-in whose gates hold a call exactly where it shall be when the worker dies, so that each death
strikes many invoices at once, every one at another instant.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections.abc import AsyncIterator, Awaitable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic_core import to_json
from temporalio.api.enums.v1 import EventType

from invoicing.client import InvoicingClient
from invoicing.request import Goal
from invoicing.state import attributes
from invoicing.state.invoice import LineStatus, Status
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault, Placed
from sandbox.kit.server import serve
from sandbox.zero_friction import Step
from temporal_server import local_server
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated, slow
from tests.worker_process import WorkerProcess, account_variables, worker_process

pytestmark = simulated

T = TypeVar("T")

TIMEOUT = 0.45
"""Seconds an adaptor waits for an answer: a worker has to die within them of a call's arrival. How
long the dead worker's calls stay in doubt follows from it: 2.7 s."""


class Instant(Enum):
    """Where a call is when its worker dies."""

    NEVER = "never"
    """Arrived, and given up by the provider when the connection broke."""
    LATE = "late"
    """Arrived, and committed when nobody is there any more to hear of it: after the adaptor's
    patience, before anybody looks for what became of it."""
    COMMITTED = "committed"
    """Committed, not answered."""
    ANSWERED = "answered"
    """Answered; perhaps the worker still told the server, perhaps not."""


@dataclass
class Stop:
    """One call of one company, held where it shall be when the worker dies."""

    company: Company
    step: Step
    instant: Instant
    placed: Placed

    @classmethod
    def at(cls, company: Company, step: Step, instant: Instant) -> Stop:
        """From now on the next call of this step is held; of a look-up, every repetition too."""
        placed = company.stand_in.faults.place(
            step,
            _HOLDS[instant],
            when="before" if instant in (Instant.NEVER, Instant.LATE) else "after",
            times=1 if step in _CHANGES else 99,
            seconds=TIMEOUT + 0.05 if instant is Instant.LATE else None,
        )
        return cls(company, step, instant, placed)

    async def answer(self) -> None:
        """Where the answer shall still go out, let it."""
        if self.instant is Instant.ANSWERED:
            self.placed.release()
            call = self.company.stand_in.calls.of(self.step)[-1]
            while call.status is None:  # noqa: ASYNC110 - a yield is all it takes
                await asyncio.sleep(0)


_HOLDS = {
    Instant.NEVER: Fault.TIME_OUT,
    Instant.LATE: Fault.SLOW,
    Instant.COMMITTED: Fault.GATE,
    Instant.ANSWERED: Fault.GATE,
}
_CHANGES = (Step.CREATE, Step.APPROVE, Step.SEND, Step.DELETE, Step.CREDIT)
_READS = (Step.TOKEN, Step.CUSTOMERS, Step.BANK_ACCOUNTS, Step.TAX_CODES, Step.FIND, Step.READ)


class Remote(Company):
    """A company whose adaptor is in the worker's process. It has one invoice, named like itself."""

    def __init__(
        self, account: str, stand_in: zf.ZeroFrictionStandIn, client: InvoicingClient
    ) -> None:
        self.account, self.stand_in, self.client = account, stand_in, client


class Scene:
    """A server, companies, and one worker after the other."""

    def __init__(self, address: str, client: InvoicingClient) -> None:
        self._address, self._client = address, client
        self._variables: dict[str, str] = {}
        self._stack = contextlib.AsyncExitStack()
        self._worker: WorkerProcess | None = None

    async def company(self, name: str, **stand_in: Any) -> Remote:
        """An account of this name; the workers that start from now on serve it."""
        made = zf.ZeroFrictionStandIn(**{"approval_delay": 0.03, "sending_delay": 0.03, **stand_in})
        served = await self._stack.enter_async_context(serve(made))
        self._variables |= account_variables(served, name, timeout=TIMEOUT)
        return Remote(name, served, self._client)

    async def work(self) -> None:
        """Start a worker. It keeps no workflow in memory: the server then need not wait 10 s for a
        dead one to ask again for those that it had."""
        self._worker = await self._stack.enter_async_context(
            worker_process(
                {
                    "TEMPORAL_ADDRESS": self._address,
                    "INVOICING_PACE": "0.02",
                    "INVOICING_CACHED_WORKFLOWS": "0",
                    **self._variables,
                }
            )
        )
        await self._worker.ready()

    async def kill(self, *stops: Stop) -> None:
        """Kill the worker once every call is where it shall be, and start the next one."""
        assert self._worker is not None
        await asyncio.gather(*(stop.placed.reached(within=120) for stop in stops))
        await asyncio.gather(*(stop.answer() for stop in stops))
        self._worker.signal(signal.SIGKILL)
        assert await self._worker.ended() == -signal.SIGKILL
        for stop in stops:
            stop.company.stand_in.faults.clear()
        await self.work()

    async def aclose(self) -> None:
        """End the workers and the stand-ins."""
        await self._stack.aclose()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    # A worker that dies in the middle of a workflow task is waited for that long.
    hurried = {"history.defaultWorkflowTaskTimeout": "2s"}
    database = tmp_path / "temporal.db"
    async with local_server(own=True, database=database, dynamic_config=hurried) as server:
        made = Scene(server.address, await InvoicingClient.connect(server.address))
        try:
            yield made
        finally:
            await made.aclose()


@slow
async def test_a_worker_killed_at_any_instant_of_any_call_leaves_one_correct_invoice(
    scene: Scene,
) -> None:
    """Four deaths. `lasting` invoices see them all, at their create, approve, send and credit;
    `dropped` ones at their delete; `asking` ones at a call that only reads."""
    lasting = [await scene.company(f"l_{at.value}", approval_delay=math.inf) for at in Instant]
    dropped = [await scene.company(f"d_{at.value}") for at in Instant]
    asking = {step: await scene.company(f"r_{step}") for step in _READS}
    paid = await scene.company("paid")

    def at(step: Step, companies: Iterable[Company]) -> list[Stop]:
        pairs = zip(companies, Instant, strict=True)
        return [Stop.at(company, step, instant) for company, instant in pairs]

    await scene.work()
    for company in dropped:
        await company.start(company.request(company.account, hold=True))
    await paid.start(paid.request(paid.account, goal=Goal.PAID))
    await _all(_waits_for(company, "person: release") for company in dropped)

    stops = at(Step.CREATE, lasting)
    stops += [Stop.at(company, step, Instant.NEVER) for step, company in asking.items()]
    for company in lasting:
        await company.start(company.request(company.account, hold=True, goal=Goal.PAID))
    for company in asking.values():
        await company.start(company.request(company.account))
    await scene.kill(*stops)

    await _all(_waits_for(company, "person: release") for company in lasting)
    stops = [*at(Step.APPROVE, lasting), *at(Step.DELETE, dropped)]
    # A cancel is acknowledged when the delete is over, and this worker does not live to see it.
    cancelled = asyncio.gather(*(company.cancel(company.account) for company in dropped))
    await _all(company.release(company.account) for company in lasting)
    await scene.kill(*stops)
    await cancelled

    await _all(_waits_for(company, "provider: approval") for company in lasting)
    stops = at(Step.SEND, lasting)
    await _all(_approved(company) for company in lasting)
    await scene.kill(*stops)

    await _all(_waits_for(company, "provider: payment") for company in (*lasting, paid))
    stops = [*at(Step.CREDIT, lasting), Stop.at(paid, Step.READ, Instant.NEVER)]
    paid.stand_in.pay(paid.account)
    await paid.tell(paid.account)
    cancelled = asyncio.gather(*(company.cancel(company.account) for company in lasting))
    await scene.kill(*stops)
    await cancelled

    sent = ["created", "approved", "sent"]
    for company in lasting:
        await _ends(company, Status.CREDITED, [*sent, "credited"], LineStatus.CREDITED)
    for company in dropped:
        await _ends(company, Status.CANCELLED, ["created", "deleted"], LineStatus.CANCELLED)
    for company in asking.values():
        await _ends(company, Status.SENT, sent, LineStatus.INVOICED)
    await _ends(paid, Status.PAID, [*sent, "paid"], LineStatus.SETTLED)
    lost = await _all(_lost_calls(company) for company in (*lasting, *dropped))
    assert sum(lost) >= 4, "a death has to come before the adaptor gives up by itself"


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    return await asyncio.gather(*work)


async def _waits_for(company: Company, what: str) -> None:
    """Wait until lists show that the invoice waits for this. It costs the worker nothing."""
    handle = company.client.invoices.handle(company.account)
    async with asyncio.timeout(LONG_ENOUGH):
        async for event in handle.fetch_history_events(wait_new_event=True):
            changed = event.upsert_workflow_search_attributes_event_attributes.search_attributes
            shown = changed.indexed_fields.get(attributes.WAITING_FOR.name)
            if shown is not None and shown.data == to_json(what):
                return
    raise AssertionError(f"it ended without waiting for {what}")


async def _approved(company: Company) -> None:
    company.stand_in.finish(company.account)
    await company.tell(company.account)


async def _lost_calls(company: Company) -> int:
    """How many of an invoice's calls the server gave up, because nobody told it of their end."""
    history = await company.client.invoices.handle(company.account).fetch_history()
    given_up = EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT
    return sum(event.event_type == given_up for event in history.events)


async def _ends(company: Company, status: Status, effects: list[str], lines: LineStatus) -> None:
    reference = company.account
    invoice = await company.finished(reference, within=120)
    assert invoice.status is status
    assert company.effects(reference) == effects
    assert {line.status for line in invoice.lines} == {lines}
    assert await company.violations(reference) == []
    assert company.live(reference) == (status in (Status.SENT, Status.PAID))
    assert invoice.amounts is not None
    for entry in company.stand_in.ledger.of(reference):
        assert entry.gross in (invoice.amounts.gross, None)
        assert entry.number in (invoice.number, None)
