"""Everything that runs while the stories are played, and how they are played."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from demo.accounts import Account
from demo.stories import CRASH, ORDER, STORIES
from demo.story import Part, Step
from demo.worker import Worker
from invoicing.client import InvoicingClient
from invoicing.invoice import Invoice
from invoicing.order import CancelLines, Order
from invoicing.provider import Event
from invoicing.request import InvoiceRequest
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from temporal_server import Server
from terminal import Board, waits_for_person

PACE = 0.1
"""Of every wait: what takes a provider ten seconds is waited for in one."""
_LOOK = 0.2
"""Seconds between two looks at the order."""


@dataclass
class Play:
    """Everything that runs, and what was last seen of every invoice."""

    server: Server
    client: InvoicingClient
    stand_ins: Mapping[Account, Any]
    worker: Worker
    console: Console
    board: Board
    requests: Mapping[str, InvoiceRequest] = field(
        default_factory=lambda: {story.reference: story.request() for story in STORIES}
    )
    last: dict[str, Invoice] = field(default_factory=dict)
    order: Order | None = None

    def say(self, part: Part, what: str) -> None:
        """Tell what is being done to this invoice."""
        self.board.say(f"{part.reference}: {what}")

    def stand_in(self, part: Part) -> Any:
        """Where this invoice is made."""
        return self.stand_ins[part.provider, part.account]

    async def tell(self, provider: str, account: str, event: Event, how: str = "stored") -> None:
        """Store an event, as whoever receives a webhook does."""
        await self.client.events.tell(provider, account, event, pace=PACE)
        self.board.say(f"{provider} tells us: {event.kind} ({how})")

    async def perform(self) -> None:
        """All stories at once, after the worker's death has been staged."""
        await self._crash()
        for reference, request in self.requests.items():
            if reference != CRASH.reference:
                await self.client.invoices.start(request)
        await self.client.orders.start(ORDER.request())
        await self.worker.start()
        async with asyncio.TaskGroup() as group:
            for story in STORIES:
                group.create_task(self._follow(story))
            group.create_task(self._deliver())

    # The worker's death

    async def _crash(self) -> None:
        faults = self.stand_in(CRASH).faults
        gate = faults.place(zf.Step.CREATE, Fault.GATE, when="after")
        # Without a cache of workflows the server need not wait for the dead worker to ask again.
        await self.worker.start(INVOICING_CACHED_WORKFLOWS="0")
        await self.client.invoices.start(self.requests[CRASH.reference])
        await gate.reached(within=30)
        self.say(CRASH, "its draft is stored, the worker is killed before it hears of it")
        await self.worker.kill()
        gate.release()
        self.board.say("With no worker running, all the others are asked for. A worker starts.")

    # An invoice

    async def _follow(self, part: Part) -> None:
        acts = deque(part.acts)
        async with (
            asyncio.TaskGroup() as group,
            aclosing(self.client.invoices.changes(part.reference)) as changes,
        ):
            async for invoice in changes:
                self.last[part.reference] = invoice
                self.board.show(invoice)
                if acts and acts[0].when(invoice):
                    act = acts.popleft()
                    await act.action(self, part, invoice)
                    if act.begins:
                        group.create_task(self._follow(act.begins))
                elif waits_for_person(invoice):
                    break

    # The order

    async def _deliver(self) -> None:
        steps = deque(ORDER.steps)
        async with (
            asyncio.TaskGroup() as group,
            aclosing(self._order_changes()) as changes,
        ):
            async for order in changes:
                self._see(order)
                if steps and steps[0].when(order):
                    part = await self._ask(steps.popleft())
                    if part:
                        group.create_task(self._follow(part))

    async def _ask(self, step: Step) -> Part | None:
        self.board.say(f"{ORDER.reference}: {step.told}")
        if isinstance(step.asks, CancelLines):
            await self.client.orders.cancel_lines(ORDER.reference, step.asks)
        else:
            await self.client.orders.deliver(ORDER.reference, step.asks)
        return step.part

    async def _order_changes(self) -> AsyncGenerator[Order, None]:
        shown: Order | None = None
        while shown is None or not shown.ended:
            order = await self.client.orders.state(ORDER.reference)
            if order != shown:
                yield order
            shown = order
            await asyncio.sleep(_LOOK)

    def _see(self, order: Order) -> None:
        before = self.order.ledger.lines if self.order else order.ledger.lines
        self.order = order
        self.board.show(order)
        for was, now in zip(before, order.ledger.lines, strict=True):
            if was.status is not now.status:
                number = f", {now.number}" if now.number else ""
                self.board.say(f"{ORDER.reference}: line {now.id} is {now.status}{number}")
