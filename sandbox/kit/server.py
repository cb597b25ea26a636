"""What every stand-in is made of: its routes, around them its faults, its records, its port.

A stand-in for a provider subclasses `StandIn`: it names its steps, lists its `ways` (route → step →
handler) and keeps all it knows in its `books`. Handlers are plain functions, so one call's effects
are committed whole, between any two awaits. Everything else is here: faults strike around the
handler, calls are recorded, effects stand in the ledger, and `/_sandbox` offers it all to other
processes.

Nothing is shared between two stand-ins. They listen on 127.0.0.1 unless another host is named, and
forget everything when they end unless a file is named for their books.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.kit.agenda import Agenda
from sandbox.kit.control import control
from sandbox.kit.faults import Fault, Faults, Placed, When
from sandbox.kit.kept import Kept
from sandbox.kit.record import Call, Calls, Ledger
from sandbox.kit.wire import Listener, Reset, Silence, Truncated, answer


@dataclass(frozen=True)
class Ask:
    """One call as its handler sees it. Header names are in lower case."""

    call: Call
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    placed: Sequence[Placed]

    def told(self, fault: str) -> Placed | None:
        """The stand-in's own fault of this name, if it is to strike here; from now on it has."""
        for placed in self.placed:
            if placed.fault == fault:
                if fault not in self.call.faults:
                    _struck(self.call, placed)
                return placed
        return None


Handler = Callable[[Ask], Response]


@dataclass(frozen=True)
class Way:
    """One route of a provider: where it is, which step it counts as, who answers."""

    method: str
    path: str
    step: str
    handler: Handler


class Books(Protocol):
    """All that a stand-in knows, and can be written to a file."""

    ledger: Ledger
    agenda: Agenda
    """What it will do by itself."""

    def clear(self) -> None:
        """Forget everything but the ledger and the agenda, which are cleared by themselves."""


class FewBooks:
    """Those of a stand-in that keeps what it knows elsewhere, and nothing in a file."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.agenda = Agenda()

    def clear(self) -> None:
        """See `Books`."""


class StandIn(ABC):
    """A provider's double. Subclasses give `steps`, `told`, `books`, `account`, `ways`, `pay`
    and, where money goes back, `charge_back` and `refund`."""

    steps: ClassVar[type[StrEnum]]
    told: ClassVar[frozenset[str]] = frozenset()
    """The faults of its own, beside those of `Fault`."""
    books: Any
    """`Books` of its own kind; FewBooks unless it sets others."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.books = FewBooks()
        self.calls = Calls()
        self.faults = Faults() if faults is None else faults
        self.faults.bind(tuple(self.steps), self.told)
        self._stopping = asyncio.Event()
        self._listener: Listener | None = None
        self._shown: str | None = None
        self._kept: Kept | None = None

    @abstractmethod
    def account(self, url: str | None = None) -> dict[str, str]:
        """How to reach it: base URL, credentials and whatever else an account is set up with.

        `url` is where it is to be reached from elsewhere; its own unless it is given.
        """

    @abstractmethod
    def ways(self) -> Sequence[Way]:
        """Every route; the first that fits is taken."""

    @abstractmethod
    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """Let the buyer pay, all that is due unless an amount is given; LookupError, ValueError."""

    def charge_back(self, reference: str, amount: Decimal | None = None) -> None:
        """Let the buyer or a bank take back what was paid, all of it unless an amount is given.

        LookupError; ValueError where nothing, or not so much, was paid.
        """
        raise ValueError(f"no payment is taken back here: {reference}")

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """Let the seller give back what was paid too much, or this amount of what was paid.

        LookupError; ValueError where nothing, or not so much, can be given back.
        """
        raise ValueError(f"nothing is given back here: {reference}")

    def forget(self) -> None:
        """Drop all state but the master data and what callers have authenticated with."""
        self.books.clear()

    def lost(self, request: Request) -> Response:
        """The answer to a route that does not exist."""
        return answer({"statusCode": 404, "message": "Resource not found"}, 404)

    def failure(self, status: int) -> Response:
        """What it answers where a fault of the wire is a status."""
        return answer({"statusCode": status, "message": "placed by the test"}, status)

    @property
    def url(self) -> str:
        """Where it is to be reached, without a trailing slash."""
        return self._shown or f"http://127.0.0.1:{self._served().port}"

    @property
    def ledger(self) -> Ledger:
        """Every effect that was committed."""
        ledger: Ledger = self.books.ledger
        return ledger

    async def reached(
        self, step: str, nth: int = 1, when: When = "before", within: float = 5.0
    ) -> None:
        """Wait until the `nth` call ever of `step` has come in (before) or committed (after)."""
        await self.calls.reached(step, nth, when, within)

    async def arrived(self, step: str, nth: int = 1, within: float = 5.0) -> None:
        """Wait until the `nth` call ever of `step` has come in."""
        await self.calls.reached(step, nth, "before", within)

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Meanwhile nothing listens, and every connection is cut."""
        listener = self._served()
        listener.close()
        await listener.cut()
        try:
            yield
        finally:
            await listener.open(listener.port)

    def keep(self, path: Path) -> None:
        """Keep the books in this file, from what is in it already; ValueError for another's.

        To be called before it is served.
        """
        self._kept = Kept(path)
        if (books := self._kept.load(type(self.books))) is not None:
            self.take_up(books)

    def take_up(self, books: Any) -> None:
        """Go on with the books of an earlier run."""
        self.books = books

    def save(self) -> None:
        """Write the books to their file, if they have one; whatever changes them does this."""
        if self._kept is not None:
            self._kept.save(self.books)

    def later(self, seconds: float, effect: Callable[[], None]) -> None:
        """Let something happen by itself after `seconds`; never, when that is infinite."""
        self.books.agenda.later(seconds, effect)

    def reset(self) -> None:
        """Forget every invoice, entry, call and fault; who is authenticated stays so."""
        self.books.agenda.clear()
        self.faults.clear()
        self.ledger.clear()
        self.calls.clear()
        self.forget()
        self.save()

    async def start(self, port: int = 0, host: str = "127.0.0.1", url: str | None = None) -> None:
        """Listen; `serve` does this. `url` is what it calls itself where others reach it so."""
        self._stopping.clear()
        self._shown = url
        self._listener = Listener(self._application(), host)
        await self._listener.open(port)
        self.books.agenda.after = self.save
        self.books.agenda.run()

    async def stop(self) -> None:
        """Stop listening and end everything under way; `serve` does this."""
        self._stopping.set()
        self.books.agenda.stop()
        for placed in self.faults:
            placed.release()
        await self._served().stop()

    def _served(self) -> Listener:
        if self._listener is None:
            raise RuntimeError("this stand-in is not being served")
        return self._listener

    def _application(self) -> Starlette:
        routes = [Route(way.path, self._endpoint(way), methods=[way.method]) for way in self.ways()]
        return Starlette(
            routes=[*control(self), *routes],
            exception_handlers={404: self._unknown, 405: self._unknown},
        )

    async def _unknown(self, request: Request, error: Exception) -> Response:
        call = self.calls.arrive("unknown", request.method, request.url.path)
        response = self.lost(request)
        call.status = response.status_code
        return response

    def _endpoint(self, way: Way) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await request.body()
            except ClientDisconnect:
                return Response()
            return await self._answer(way, request, body)

        return endpoint

    async def _answer(self, way: Way, request: Request, body: bytes) -> Response:
        placed = self.faults.next(way.step)
        call = self.calls.arrive(way.step, request.method, request.url.path)
        response = await self._strike(call, placed, "before", None)
        if response is None:
            told = [one for one in placed if one.fault in self.told]
            ask = Ask(call, request.path_params, request.query_params, request.headers, body, told)
            whole = way.handler(ask)
            self.save()
            self.calls.handle(call)
            response = await self._strike(call, placed, "after", whole) or whole
        call.status = None if isinstance(response, Reset) else response.status_code
        return response

    async def _strike(
        self, call: Call, placed: Sequence[Placed], when: When, whole: Response | None
    ) -> Response | None:
        for fault in placed:
            if fault.when != when or fault.fault in self.told:
                continue
            _struck(call, fault)
            response = await self._commit(fault, whole)
            if response is not None:
                return response
        return None

    async def _commit(self, placed: Placed, whole: Response | None) -> Response | None:
        match placed.fault:
            case Fault.GATE:
                await placed.opened()
                if self._stopping.is_set():
                    return Reset()
            case Fault.SLOW:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), placed.seconds)
            case Fault.REFUSE:
                self._served().refuse(placed.seconds)
                return Reset()
            case Fault.RESET:
                return Reset()
            case Fault.TIME_OUT:
                return Silence(placed.seconds)
            case Fault.TRUNCATED:
                return Truncated(whole or answer({"cut": "short"}))
            case Fault.NOT_JSON:
                return Response(_PAGE, 200, media_type="text/html")
            case status:
                response = self.failure(int(status))
                if placed.retry_after is not None:
                    response.headers["Retry-After"] = str(placed.retry_after)
                return response
        return None


_PAGE = "<!DOCTYPE html><html><body><h1>We will be right back</h1></body></html>"


def _struck(call: Call, placed: Placed) -> None:
    call.faults.append(placed.fault)
    placed.strike()


AnyStandIn = TypeVar("AnyStandIn", bound=StandIn)


@asynccontextmanager
async def serve(
    stand_in: AnyStandIn, port: int = 0, host: str = "127.0.0.1", url: str | None = None
) -> AsyncIterator[AnyStandIn]:
    """Serve a stand-in meanwhile; port 0: any free one."""
    await stand_in.start(port, host, url)
    try:
        yield stand_in
    finally:
        await stand_in.stop()
