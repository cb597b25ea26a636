"""An order of many lines under deliveries, cancellations and returns at once, its workers killed:
the ledgers add up to the unit and to the cent, here and at the provider."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from demo.accounts import variables
from invoicing.client import InvoicingClient, Refused, Unreachable
from invoicing.credits.credit import Credit, Left
from invoicing.document import Line
from invoicing.errors import NotFound
from invoicing.request import OrderRequest
from invoicing.state.invoice import LineStatus
from invoicing.state.order import CancelLines, Deliver, Order, OrderStatus, invoice_reference
from sandbox import invoro
from sandbox.kit.accounts import Account
from sandbox.kit.server import serve
from temporal_server import local_server
from tests.examples import a_document, a_line
from tests.lifecycle.kinds import KINDS
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated, slow
from tests.worker_process import WorkerProcess, worker_process

pytestmark = simulated

T = TypeVar("T")
DAY = a_document().issue_date
SAID = {"by": "an operator", "reason": "drawn by chance"}
MARK = KINDS["invoro"].mark


@dataclass(frozen=True)
class Size:
    """How much is ordered, how often something is done about it, how often the worker dies."""

    lines: int
    acts: int
    deaths: int
    within: float
    kept: int
    """Workflows that a worker keeps in memory. With none the server need not wait 10 s for a dead
    worker; a long order is replayed at every step then."""
    at_once: int


QUICK = Size(lines=12, acts=16, deaths=1, within=LONG_ENOUGH, kept=0, at_once=16)
# What an act waits for are the steps of its invoice, one after the other: with more at once it is
# no more work, and much sooner over.
MANY = Size(lines=1000, acts=300, deaths=5, within=1800, kept=200, at_once=60)


def a_thing(number: int, chance: random.Random) -> Line:
    """Its name is its own: by that the provider's ledger tells it apart."""
    return a_line(
        number,
        name=f"Thing {number}",
        quantity=Decimal(chance.randint(1, 20)),
        unit_price=Decimal(chance.randint(1, 99_999)) / 1000,
    )


class Scene:
    """A stand-in, a client, and one worker after the other."""

    def __init__(self, address: str, client: InvoicingClient, stand_in: Any) -> None:
        self.client, self.stand_in = client, stand_in
        self._environment = {
            "TEMPORAL_ADDRESS": address,
            "INVOICING_PACE": "0.02",
            **variables("invoro", "default", {**stand_in.account(), "timeout": "1"}),
        }
        self._stack = contextlib.AsyncExitStack()
        self._worker: WorkerProcess | None = None
        self._one_death = asyncio.Lock()

    def keeps(self, workflows: int) -> None:
        """How many workflows each worker keeps in memory."""
        self._environment["INVOICING_CACHED_WORKFLOWS"] = str(workflows)

    async def work(self) -> None:
        self._worker = await self._stack.enter_async_context(worker_process(self._environment))
        await self._worker.ready()

    async def kill(self) -> None:
        """Kill the worker, and start the next one."""
        async with self._one_death:
            assert self._worker is not None
            self._worker.signal(signal.SIGKILL)
            assert await self._worker.ended() == -signal.SIGKILL
            await self.work()

    async def aclose(self) -> None:
        await self._stack.aclose()

    def accounts(self, reference: str) -> tuple[Account, ...]:
        """The final invoices of a reference at the provider."""
        found: tuple[Account, ...] = self.stand_in.ledger.accounts(MARK.format(reference))
        return found


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    # A worker that dies in the middle of a workflow task is waited for that long.
    hurried = {"history.defaultWorkflowTaskTimeout": "2s"}
    database = tmp_path / "temporal.db"
    assumed = invoro.Assumed(reference_at=("references.sales_order",))
    stand_in = invoro.InvoroStandIn(assumed, sending_delay=0, delivery_delay=0)
    async with (
        local_server(own=True, database=database, dynamic_config=hurried) as server,
        serve(stand_in) as served,
    ):
        made = Scene(server.address, await InvoicingClient.connect(server.address), served)
        try:
            yield made
        finally:
            await made.aclose()


@dataclass
class Business:
    """People who deliver, cancel and take back, all at once and by chance."""

    scene: Scene
    order: OrderRequest
    chance: random.Random
    asked: Counter[str] = field(default_factory=Counter)
    deliveries: list[str] = field(default_factory=list)
    units: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    """Of the deliveries, as far as units were named."""
    some_delivered: asyncio.Event = field(default_factory=asyncio.Event)

    async def act(self, number: int) -> None:
        """One of them does one thing; more than there is, is refused."""
        does = (self._deliver, self._cancel, self._deliver, self._return)[number % 4]
        try:
            await does(f"N{number}")
        except Refused:
            self.asked["refused"] += 1

    def _some(self) -> dict[str, Any]:
        """Units of some lines; of some, all that is open."""
        lines = self.chance.sample(self.order.document.lines, self.chance.randint(1, 4))
        units = {
            line.id: Decimal(self.chance.randint(1, int(line.quantity)))
            for line in lines
            if self.chance.random() < 0.8
        }
        return {"lines": tuple(line.id for line in lines), "quantities": units}

    async def _deliver(self, name: str) -> None:
        wanted = Deliver(delivery=name, issue_date=DAY, **self._some())
        client, reference = self.scene.client.orders, self.order.reference
        await again(lambda: client.deliver(reference, wanted))
        self.asked["delivered"] += 1
        self.deliveries.append(name)
        if wanted.quantities:
            self.units[name] = wanted.quantities
            self.some_delivered.set()

    async def _cancel(self, name: str) -> None:
        wanted = CancelLines(cancellation=name, **SAID, **self._some())
        client, reference = self.scene.client.orders, self.order.reference
        await again(lambda: client.cancel_lines(reference, wanted))
        self.asked["cancelled"] += 1

    async def _return(self, name: str) -> None:
        """Some of what was delivered comes back."""
        await self.some_delivered.wait()
        delivery = self.chance.choice(sorted(self.units))
        reference = invoice_reference(self.order.reference, delivery)
        client = self.scene.client
        await again(lambda: client.invoices.result(reference))
        # Not by asking the order: the engine keeps one question at a time for a busy workflow, and
        # has all others ask again after longer and longer.
        units = self.units[delivery]
        line = self.chance.choice(sorted(units))
        back = self.chance.randint(1, int(units[line]))
        lines = [{"id": line, "quantity": str(back)}]
        wanted = Credit.model_validate({"credit": name, "lines": lines, **SAID})
        made = await again(lambda: client.credits.make(reference, wanted))
        await again(lambda: client.invoices.result(made.reference))
        self.asked["returned"] += 1

    async def close(self) -> Order:
        """What nobody has delivered will not be."""
        client, reference = self.scene.client.orders, self.order.reference
        order = await again(lambda: client.state(reference))
        if left := order.ledger.with_status(LineStatus.OPEN):
            rest = CancelLines(cancellation="rest", lines=left, **SAID)
            await again(lambda: client.cancel_lines(reference, rest))
        return await again(lambda: client.result(reference))


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is a worker: the same names are the same things."""
    while True:
        try:
            return await call()
        except Unreachable:
            await asyncio.sleep(0.2)  # There is nothing that tells of a worker's return.


@pytest.mark.parametrize("size", [QUICK, pytest.param(MANY, marks=slow)], ids=str)
async def test_whatever_is_done_at_once_every_unit_ends_once_here_and_at_the_provider(
    scene: Scene, size: Size
) -> None:
    chance = random.Random(14)  # noqa: S311
    lines = tuple(a_thing(number, chance) for number in range(1, size.lines + 1))
    order = OrderRequest(
        reference=f"O-{uuid.uuid4().hex[:8]}",
        provider="invoro",
        document=KINDS["invoro"].document(lines=lines),
        options=KINDS["invoro"].options,
    )
    scene.keeps(size.kept)
    await scene.work()
    await scene.client.orders.start(order)
    business = Business(scene, order, chance)
    async with asyncio.timeout(size.within):
        await _all_at_once(business, size)
        ended = await business.close()
    assert ended.status is OrderStatus.COMPLETED
    assert min(business.asked[each] for each in ("delivered", "returned")) > 0
    _adds_up(order, ended)
    _is_so_at_the_provider(scene, order, ended)
    await _returns_are_so_at_the_provider(scene, order, business.deliveries)
    _told(scene, order, ended, business)


def _told(scene: Scene, order: OrderRequest, ended: Order, business: Business) -> None:
    """The ledgers beside each other, for `-s`."""
    units: Counter[str] = Counter()
    for part in ended.ledger.lines:
        units[part.status] += part.measured[0]  # type: ignore[assignment]
    ordered = sum(line.quantity for line in order.document.lines)
    there = [one for each in ended.deliveries for one in scene.accounts(each.reference)]
    invoiced = sum(part.quantity for one in there for part in one.invoiced.parts)
    left = sum(sum(one.units.values()) for one in there)
    acts = ", ".join(f"{count} {what}" for what, count in sorted(business.asked.items()))
    print(f"\n{acts}. Here: {ordered} units ordered, " + str(dict(units)))  # noqa: T201
    print(f"There: {invoiced} units on {len(there)} invoices, {invoiced - left} of them back")  # noqa: T201


async def _all_at_once(business: Business, size: Size) -> None:
    """Every act, and between them the deaths of the worker."""
    room, done = asyncio.Semaphore(size.at_once), 0
    die_after = {size.acts * (nth + 1) // (size.deaths + 1) for nth in range(size.deaths)}
    deaths: list[asyncio.Task[None]] = []

    async def one(number: int) -> None:
        nonlocal done
        async with room:
            await business.act(number)
        done += 1
        if done in die_after:
            deaths.append(asyncio.create_task(business.scene.kill()))

    await asyncio.gather(*(one(number) for number in range(size.acts)))
    await asyncio.gather(*deaths)
    assert len(deaths) == size.deaths


def _adds_up(order: OrderRequest, ended: Order) -> None:
    units: Counter[str] = Counter()
    amounts: Counter[str] = Counter()
    for part in ended.ledger.lines:
        units[part.id] += part.measured[0]  # type: ignore[assignment]
        amounts[part.id] += part.measured[1]  # type: ignore[assignment]
    assert units == {line.id: line.quantity for line in order.document.lines}
    assert amounts == {line.id: line.amount("EUR") for line in order.document.lines}


def _is_so_at_the_provider(scene: Scene, order: OrderRequest, ended: Order) -> None:
    """One invoice for each delivery, with the units and the amounts that the ledger says."""
    names = {line.id: line.name for line in order.document.lines}
    for delivery in ended.deliveries:
        held = ended.ledger.held(f"delivery/{delivery.delivery}")
        (account,) = scene.accounts(delivery.reference)
        there = {part.text: (part.quantity, part.net) for part in account.invoiced.parts}
        assert there == {names[line]: part.measured for line, part in held.items()}


async def _returns_are_so_at_the_provider(
    scene: Scene, order: OrderRequest, deliveries: list[str]
) -> None:
    names = {line.id: line.name for line in order.document.lines}
    for delivery in deliveries:
        reference = invoice_reference(order.reference, delivery)
        (account,) = scene.accounts(reference)
        left = await _left(scene, reference)
        if left is not None:
            there = {name: units for name, units in account.units.items() if units}
            assert there == {names[line.id]: line.units for line in left.lines if line.units}


async def _left(scene: Scene, reference: str) -> Left | None:
    try:
        return (await again(lambda: scene.client.credits.state(reference))).left
    except NotFound:
        return None
