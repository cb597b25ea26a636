"""Where lives take place: stand-ins with an account each, and worker processes that die.

A slot is one account at one provider; one life after the other has it to itself. What the workers
do not know is that they are killed, at moments of chance or while a call that changes something is
on its way.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
from starlette.responses import Response

from invoicing.client import EngineError, InvoicingClient
from invoicing.provider import Delivery, Provider, Target
from invoicing.request import InvoiceRequest
from providers.kit.http import client as http_client
from providers.registry import ADAPTORS
from providers.riverty.encode import derived
from sandbox.kit.record import Effect, Entry
from sandbox.kit.server import Ask, StandIn, Way, serve
from temporal_server import local_server
from tests.fuzz.setups import LINES, SETUPS, TIMEOUT, VERSION, Setup
from tests.worker_process import WorkerProcess, worker_process

EVENTS = 0.02
"""Of a real event's patience."""
CACHED = (0, 100)
"""Workflows that a worker keeps in memory. With none, every task is a replay of all before it."""

TROUBLES = ("dropping the signal", "Nondeterminism", "TMPRL1100", "TMPRL1101", "Failed handling")
"""What no worker may ever say."""


@dataclass
class Unit:
    """One invoice as the provider has it, or had it."""

    id: str
    created: bool = False
    gross: Decimal | None = None
    version: int | None = None
    lines: frozenset[str] = frozenset()
    gone: str = ""
    approved: int = 0
    sent: int = 0

    @property
    def alive(self) -> bool:
        """Whether it is neither deleted nor credited."""
        return not self.gone

    def __str__(self) -> str:
        final = "final" if self.approved else "a draft"
        return f"{self.id}: v{self.version} {self.gross} {final} {self.gone or 'alive'}"


@dataclass
class Slot:
    """One account at one provider."""

    setup: Setup
    account: str
    stand_in: Any
    adaptor: Provider
    """For what people do there by hand."""
    contents: dict[str, tuple[int | None, frozenset[str]]] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)
    """Calls that have come in and have not yet had their effect."""
    ambiguous: int = 0
    """Calls that change something and whose caller was not told the truth, or nothing."""

    def entries(self, reference: str) -> list[Entry]:
        """What happened under this reference, oldest first."""
        if self.setup.name != "riverty":
            return list(self.stand_in.ledger.of(self.setup.mark.format(reference)))
        orders = {derived("invoice", reference, generation) for generation in range(30)}
        return [
            entry
            for entry in self.stand_in.ledger.entries
            if entry.reference in orders or entry.number == reference
        ]

    def units(self, reference: str) -> list[Unit]:
        """Every invoice that was ever there under this reference."""
        found: dict[str, Unit] = {}
        for entry in self.entries(reference):
            unit = found.setdefault(self.key(entry), Unit(self.key(entry)))
            _happened(unit, entry)
        for unit in found.values():
            unit.version, unit.lines = self.content_of(unit.id)
        return list(found.values())

    def alive(self, reference: str) -> list[Unit]:
        """Those that are neither deleted nor credited."""
        return [one for one in self.units(reference) if one.created and one.alive]

    def key(self, entry: Entry) -> str:
        """What tells one invoice from another: where an order comes first, the order."""
        return str(entry.reference if self.setup.name == "riverty" else entry.invoice_id)

    def content_of(self, unit: str) -> tuple[int | None, frozenset[str]]:
        """The version of its content, and its lines."""
        if self.setup.name == "riverty":
            with contextlib.suppress(LookupError):
                return _content(repr(self.stand_in.order(unit)))
        return self.contents.get(unit, (None, frozenset()))

    async def by_hand(self, verb: str, unit: Unit, request: InvoiceRequest) -> bool:
        """Somebody deletes or credits it in the provider's own pages; False if they could not."""
        try:
            if self.setup.blind:
                self.stand_in.discard(request.reference)
                return verb == "delete"
            plan = await self.adaptor.plan(request)
            target = Target(
                account=self.account,
                reference=request.reference,
                provider_id=unit.id,
                context=plan.context,
            )
            await getattr(self.adaptor, verb)(target)
        except Exception:  # noqa: BLE001
            return False
        return True


def _happened(unit: Unit, entry: Entry) -> None:
    unit.created |= entry.effect is Effect.CREATED
    unit.gross = unit.gross if entry.gross is None else entry.gross
    unit.approved += entry.effect is Effect.APPROVED
    unit.sent += entry.effect is Effect.SENT
    if entry.effect in (Effect.DELETED, Effect.CREDITED):
        unit.gone = entry.effect.value


def _content(text: str) -> tuple[int | None, frozenset[str]]:
    versions = set(VERSION.findall(text))
    version = int(versions.pop()) if len(versions) == 1 else None
    return version, frozenset(LINES.findall(text))


def _watch(slot: Slot, pulse: Pulse) -> None:
    """See every call that changes something: what it asks for, and when it may be deadly."""
    stand_in, setup = slot.stand_in, slot.setup
    truly = stand_in._answer

    def told(way: Way, asked: list[int]) -> Way:
        def handler(ask: Ask) -> Response:
            before = len(stand_in.ledger.entries)
            response = way.handler(ask)
            for entry in stand_in.ledger.entries[before:]:
                if entry.effect is Effect.CREATED:
                    slot.contents[slot.key(entry)] = _content(ask.body.decode(errors="replace"))
            slot.under_way.discard(asked[0])
            pulse.beat()
            return response

        return replace(way, handler=handler)

    async def answered(way: Way, request: Any, body: bytes) -> Response:
        if way.step not in setup.changes:
            response: Response = await truly(way, request, body)
            return response
        asked = [pulse.count()]
        slot.under_way.add(asked[0])
        pulse.beat()
        struck = stand_in.faults
        placed = [one for one in struck if one.step == way.step]
        hits = sum(one.hits for one in placed)
        try:
            response = await truly(told(way, asked), request, body)
        finally:
            slot.under_way.discard(asked[0])
        slot.ambiguous += sum(one.hits for one in placed) > hits
        return response

    stand_in._answer = answered


class Pulse:
    """Beats when a call that changes something comes in, and when it has had its effect."""

    def __init__(self) -> None:
        self._next = asyncio.Event()
        self._counted = 0

    def count(self) -> int:
        """A number for one call."""
        self._counted += 1
        return self._counted

    def beat(self) -> None:
        """Now."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Until the next beat."""
        await self._next.wait()


class Workers:
    """One or two worker processes, killed and replaced by chance."""

    def __init__(self, variables: Mapping[str, str], chance: random.Random, pulse: Pulse) -> None:
        self._variables, self._chance, self._pulse = variables, chance, pulse
        self._stack = contextlib.AsyncExitStack()
        self._running: list[WorkerProcess] = []
        self.kills = 0
        self.troubles: list[str] = []
        """Last words of those that ended otherwise than killed, and what must never be said."""

    async def start(self) -> None:
        """Start one, and wait until it serves."""
        cached = str(self._chance.choice(CACHED))
        variables = {**self._variables, "INVOICING_CACHED_WORKFLOWS": cached}
        made = worker_process(variables, ("-m", "tests.fuzz.worker"))
        worker = await self._stack.enter_async_context(made)
        await worker.says("workflows on", within=120)
        self._running.append(worker)

    async def reign(self) -> None:
        """Kill and replace, until cancelled."""
        chance = self._chance
        while True:
            await asyncio.sleep(chance.uniform(4, 16))
            if chance.random() < 0.5:
                # Two at once for a while, and never nobody.
                await self.start()
            if chance.random() < 0.7:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._pulse.wait(), 5)
                await asyncio.sleep(chance.choice((0, 0, 0.005, 0.05)))
            await self._kill(self._running.pop(0))
            if not self._running:
                await self.start()

    async def _kill(self, worker: WorkerProcess) -> None:
        worker.signal(signal.SIGKILL)
        if (code := await worker.ended()) == -signal.SIGKILL:
            self.kills += 1
        else:
            self.troubles.append(f"exit {code}: {worker.said[-3000:]}")
        self._hear(worker)

    def _hear(self, worker: WorkerProcess) -> None:
        for line in worker.said.splitlines():
            if any(word in line for word in TROUBLES):
                self.troubles.append(line[:500])

    async def aclose(self) -> None:
        """End all of them."""
        while self._running:
            self._hear(self._running.pop())
        await self._stack.aclose()


@dataclass
class Scene:
    """Everything that lives share."""

    client: InvoicingClient
    workers: Workers
    slots: Mapping[str, asyncio.Queue[Slot]]
    all: tuple[Slot, ...]
    tally: Counter[str] = field(default_factory=Counter)

    @contextlib.asynccontextmanager
    async def slot(self, setup: str) -> AsyncIterator[Slot]:
        """An account at this provider, for one life."""
        slot = await self.slots[setup].get()
        try:
            yield slot
        finally:
            self.tally["ambiguous"] += slot.ambiguous
            slot.ambiguous = 0
            self.slots[setup].put_nowait(slot)


@contextlib.asynccontextmanager
async def scene(seed: int, at_once: int) -> AsyncIterator[Scene]:
    """A server, `at_once` slots or a few more, and workers that die meanwhile."""
    # A worker that dies in the middle of a workflow task is waited for that long.
    hurried = {"history.defaultWorkflowTaskTimeout": "3s"}
    pulse = Pulse()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(local_server(own=True, dynamic_config=hurried))
        client = await InvoicingClient.connect(server.address)
        http = await stack.enter_async_context(http_client())
        variables = {"TEMPORAL_ADDRESS": server.address}
        queues: dict[str, asyncio.Queue[Slot]] = {name: asyncio.Queue() for name in SETUPS}
        slots: list[Slot] = []
        for place in range(-(-at_once // len(SETUPS))):
            for setup in SETUPS.values():
                slot = await stack.enter_async_context(_opened(setup, place, client, http, pulse))
                variables |= _variables(slot)
                slots.append(slot)
                queues[setup.name].put_nowait(slot)
        chance = random.Random(f"{seed}/workers")  # noqa: S311
        workers = Workers(variables, chance, pulse)
        stack.push_async_callback(workers.aclose)
        await workers.start()
        async with _meanwhile(workers.reign()):
            yield Scene(client, workers, queues, tuple(slots))


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Its failure ends everything: without workers nothing would ever end by itself."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


@contextlib.asynccontextmanager
async def _opened(
    setup: Setup, place: int, client: InvoicingClient, http: httpx.AsyncClient, pulse: Pulse
) -> AsyncIterator[Slot]:
    made: StandIn = setup.make()
    async with serve(made) as served:
        adaptor = ADAPTORS[setup.provider]
        settings = adaptor.Settings.model_validate({**setup.settings(served), "timeout": TIMEOUT})
        slot = Slot(setup, f"{setup.name}_{place}", served, adaptor(settings, http))
        _watch(slot, pulse)
        if setup.name == "riverty":
            served.notices.listener = _listener(slot, client)  # type: ignore[attr-defined]
        yield slot


def _listener(slot: Slot, client: InvoicingClient) -> Any:
    """What the gateway does with a notification."""

    async def hear(body: bytes, headers: Mapping[str, str], source: str) -> None:
        arrived = Delivery(
            headers=dict(headers), body=body, source=source, received=datetime.now(UTC)
        )
        for event in slot.adaptor.receive(arrived):  # type: ignore[attr-defined]
            with contextlib.suppress(EngineError):
                await client.events.tell(slot.setup.provider, slot.account, event, pace=EVENTS)

    return hear


def _variables(slot: Slot) -> dict[str, str]:
    """What a worker is told of this account."""
    prefix = f"{slot.setup.provider}__{slot.account}__"
    values = {**slot.setup.settings(slot.stand_in), "timeout": TIMEOUT}
    return {_upper(prefix + name): str(value) for name, value in values.items()}


def _upper(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name).upper()
