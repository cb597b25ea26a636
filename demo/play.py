"""Everything that runs while the stories are played, and how they are played."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from demo.accounts import Account
from demo.stories import CRASH, ORDERS, PRINTED, STORIES
from demo.story import Condition, OrderStory, Part, Step
from demo.worker import Worker
from invoicing.client import InvoicingClient
from invoicing.document_file import DocumentState
from invoicing.provider import Event
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice
from invoicing.state.order import CancelLines, Order
from sandbox import zero_friction as zf
from sandbox.kit.faults import Fault
from temporal_server import Server
from terminal import Board, waits_for_person

PACE = 0.1
"""Of every wait: what takes a provider ten seconds is waited for in one."""
_LOOK = 0.2
"""Seconds between two looks at an order, or at an invoice that has ended."""


@dataclass
class Play:
    """Everything that runs, and what was last seen of every invoice."""

    server: Server
    client: InvoicingClient
    stand_ins: Mapping[Account, Any]
    worker: Worker
    console: Console
    board: Board
    documents: Path
    """The folder where the worker keeps PDFs."""
    requests: Mapping[str, InvoiceRequest] = field(
        default_factory=lambda: {story.reference: story.request() for story in STORIES}
    )
    last: dict[str, Invoice] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    document: DocumentState | None = None
    """What is known of the PDF of PRINTED."""

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
        for order in ORDERS:
            await self.client.orders.start(order.request())
        await self.worker.start()
        async with asyncio.TaskGroup() as group:
            for story in STORIES:
                group.create_task(self._follow(story))
            for order in ORDERS:
                group.create_task(self._deliver(order))
        await self.client.documents.ask(PRINTED)
        self.document = await self.client.documents.wait(PRINTED)

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
        for later in part.afterwards:
            await later.action(self, part, self.last[part.reference])
            await self._reaches(part.reference, later.until)

    async def _reaches(self, reference: str, until: Condition) -> None:
        async with aclosing(self._ended(reference)) as looks:
            async for invoice in looks:
                self.last[reference] = invoice
                self.board.show(invoice)
                if until(invoice):
                    return

    async def _ended(self, reference: str) -> AsyncGenerator[Invoice, None]:
        while True:
            yield await self.client.invoices.state(reference)
            await asyncio.sleep(_LOOK)

    # The orders

    async def _deliver(self, story: OrderStory) -> None:
        steps = deque(story.steps)
        async with (
            asyncio.TaskGroup() as group,
            aclosing(self._order_changes(story.reference)) as changes,
        ):
            async for order in changes:
                self._see(order)
                if steps and steps[0].when(order):
                    part = await self._ask(story.reference, steps.popleft())
                    if part:
                        group.create_task(self._follow(part))

    async def _ask(self, reference: str, step: Step) -> Part | None:
        self.board.say(f"{reference}: {step.told}")
        if isinstance(step.asks, CancelLines):
            await self.client.orders.cancel_lines(reference, step.asks)
        else:
            await self.client.orders.deliver(reference, step.asks)
        return step.part

    async def _order_changes(self, reference: str) -> AsyncGenerator[Order, None]:
        shown: Order | None = None
        while shown is None or not shown.ended:
            order = await self.client.orders.state(reference)
            if order != shown:
                yield order
            shown = order
            await asyncio.sleep(_LOOK)

    def _see(self, order: Order) -> None:
        before = self.orders.get(order.reference, order).ledger.lines
        self.orders[order.reference] = order
        self.board.show(order)
        for line in order.ledger.lines:
            if line not in before:
                self.board.say(f"{order.reference}: line {line.id}, {line}")
