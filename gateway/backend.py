"""What stands behind the gateway, and how long it may take to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Annotated, Any, Protocol, TypeVar
from weakref import WeakSet

from fastapi import Depends, Request

from documents import DocumentStore
from gateway.beside import Beside, Turns
from invoicing.books.booked import Booked
from invoicing.books.exporting import Exports
from invoicing.books.findings import Findings
from invoicing.books.legal_hold import Holds
from invoicing.books.overview import Overlooks
from invoicing.client import InvoicingClient
from invoicing.errors import NoWorker, ServerAway, Unavailable
from invoicing.provider import Hooks
from invoicing.saved import SavesLists
from invoicing.temporal.connection import let_in
from invoicing.temporal.engine import within
from settings.gateway import GatewaySettings

T = TypeVar("T")
READ_AT_ONCE = 1
"""Each takes a tenth of a second."""
FILES_AT_ONCE = 2
"""Each takes a thread, and a core for some seconds where it is large."""

PACKED_AT_ONCE = 1
"""Each takes a core for some seconds, and some seventy megabytes of the disk."""
UPLOADED_AT_ONCE = 4
"""Each is held as a whole, twice for a moment: 80 MB together."""


class Shared:
    """One call under way, whose outcome is everybody's who asks meanwhile."""

    def __init__(self) -> None:
        self._under_way: asyncio.Task[None] | None = None

    async def answer(self, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What the call that is under way raises, or one that is made now."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(call())
            # Those who asked may all have left when it fails.
            self._under_way.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._under_way)


class Register(Booked, Exports, Findings, Holds, Overlooks, SavesLists, Protocol):
    """What the gateway needs of one."""


@dataclass(frozen=True)
class Backend:
    """The client, and what receives webhooks by provider and account."""

    client: InvoicingClient
    hooks: Mapping[str, Mapping[str, Hooks]]
    settings: GatewaySettings
    books: Register | None = None
    """The register, where one is set up here."""
    documents: DocumentStore | None = None
    """Where documents are kept, where that is known here."""
    asking: Turns = field(default_factory=Turns)
    """Who asks the register: its threads are few, and a question may take seconds."""
    reaching: Shared = field(default_factory=Shared)
    reading: Beside = field(default_factory=lambda: Beside(READ_AT_ONCE))
    """Where bodies are read that are large."""
    files: Beside = field(default_factory=lambda: Beside(FILES_AT_ONCE))
    """Where files are read and added up."""
    uploads: Turns = field(default_factory=Turns)
    """Of files: one of each caller at a time."""
    uploading: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(UPLOADED_AT_ONCE)
    )
    """Files that are held here on their way to the store."""
    handing: Turns = field(default_factory=Turns)
    """Who has a list handed out as a file: some megabytes each."""
    packing: Beside = field(default_factory=lambda: Beside(PACKED_AT_ONCE))
    """Where the books of a month are packed."""
    packs: WeakSet[IO[bytes]] = field(default_factory=WeakSet)
    """Those that are on their way out, or were a moment ago."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the gateway is told to stop: what would go on for long ends."""
    ends: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What ends that goes on behind answers."""

    async def end(self) -> None:
        """Nobody is served any more: nothing goes on."""
        for each in self.ends:
            await each()

    async def stored(self, call: Awaitable[T]) -> T:
        """What the Temporal server answers. ServerAway: it did not in time."""
        return await within(self.settings.temporal_seconds, call, ServerAway)

    async def booked(self, call: Awaitable[T]) -> T:
        """What the register answers. Unavailable: it did not in time."""

        def late() -> Unavailable:
            return Unavailable("the register did not answer in time")

        return await within(self.settings.temporal_seconds, call, late)

    async def answered(self, call: Awaitable[T]) -> T:
        """What a worker answers. NoWorker: none did in time."""
        return await within(self.settings.worker_seconds, call, NoWorker)

    async def reach(self) -> None:
        """Return if the Temporal server answers and lets us in. Anybody may ask that, so those who
        ask at once share one answer."""
        await self.reaching.answer(self._reach)

    async def _reach(self) -> None:
        patience = timedelta(seconds=self.settings.temporal_seconds)
        await self.stored(let_in(self.client.temporal, patience))


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


Behind = Annotated[Backend, Depends(_backend)]
