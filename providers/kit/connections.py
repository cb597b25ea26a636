"""Connections to providers, taken up again in constant time.

httpx's own pool looks at every connection it has, twice for each request, and asks the system about
each that rests. It also counts those at work among those that rest: with more at once than it
keeps, it closes what is needed again at once, and waiting calls take connections from each other.
Here every connection is a transport of its own, so that no pool has more than one to look at, and
those at rest lie on a stack per host. `python -m benchmarks.http_client` compares the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx

MOST_AT_REST = 100
"""Of all hosts together. One more is closed as soon as its answer is read."""

REST_SECONDS = 5.0
"""After that a connection is closed: many servers close theirs soon, and a call that meets with
that is one whose outcome nobody knows."""

_Host = tuple[str, bytes, int | None]


@dataclass(frozen=True)
class _AtRest:
    way: httpx.AsyncBaseTransport
    until: float


def _one_connection(trusted: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(
        max_connections=1, max_keepalive_connections=1, keepalive_expiry=REST_SECONDS
    )
    return httpx.AsyncHTTPTransport(verify=trusted, trust_env=False, limits=limits)


class Connections(httpx.AsyncBaseTransport):
    """As many as there are calls, which each queue bounds for itself: a common bound would let
    providers that hang take the connections of the others. `make` and `clock` are for tests."""

    def __init__(
        self,
        make: Callable[[ssl.SSLContext], httpx.AsyncBaseTransport] = _one_connection,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Reading the certificates takes tens of milliseconds: once, not for each connection.
        self._trusted = httpx.create_ssl_context(trust_env=False)
        self._make = make
        self._clock = clock
        self._at_rest: dict[_Host, deque[_AtRest]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx. A connection is nobody else's until its answer is read or let go."""
        host = request.url.scheme, request.url.raw_host, request.url.port
        way = self._taken(host)
        try:
            answer = await way.handle_async_request(request)
        except BaseException:
            self._close(way)
            raise
        if not isinstance(answer.stream, httpx.AsyncByteStream):
            raise TypeError("an asynchronous transport answers with an asynchronous stream")
        answer.stream = _Body(
            answer.stream, lambda: self._back(host, way), lambda: self._close(way)
        )
        return answer

    async def aclose(self) -> None:
        """Close all that are at rest."""
        for resting in self._at_rest.values():
            for each in resting:
                self._close(each.way)
        self._at_rest.clear()
        while self._closing:
            await asyncio.wait(self._closing)

    def _taken(self, host: _Host) -> httpx.AsyncBaseTransport:
        """The one that has rested for the shortest time; a new one where there is none. One that
        was closed at the other end is found out by the transport and replaced."""
        resting = self._at_rest.get(host)
        return resting.pop().way if resting else self._make(self._trusted)

    def _back(self, host: _Host, way: httpx.AsyncBaseTransport) -> None:
        now = self._clock()
        self._close_rested(now)
        if sum(map(len, self._at_rest.values())) < MOST_AT_REST:
            resting = self._at_rest.setdefault(host, deque())
            resting.append(_AtRest(way, now + REST_SECONDS))
        else:
            self._close(way)

    def _close_rested(self, now: float) -> None:
        """Those that have rested for long; the oldest of each host is the first."""
        for host, resting in list(self._at_rest.items()):
            while resting and resting[0].until <= now:
                self._close(resting.popleft().way)
            if not resting:
                del self._at_rest[host]

    def _close(self, way: httpx.AsyncBaseTransport) -> None:
        """In a task of its own: whoever makes a call need not wait, and cannot interrupt it."""
        task = asyncio.ensure_future(_closed(way))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _closed(way: httpx.AsyncBaseTransport) -> None:
    # Of a connection that is given up, nothing that goes wrong matters any more.
    with contextlib.suppress(httpx.HTTPError, OSError):
        await way.aclose()


class _Body(httpx.AsyncByteStream):
    """An answer's body. Once it is closed its connection is free; one whose closing was cut short
    may still believe that it is at work, and is given up."""

    def __init__(
        self, stream: httpx.AsyncByteStream, free: Callable[[], None], give_up: Callable[[], None]
    ) -> None:
        self._stream = stream
        self._free = free
        self._give_up = give_up
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._stream.aclose()
        except BaseException:
            self._give_up()
            raise
        self._free()
