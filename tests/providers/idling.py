"""A client with connections that have idled for too long: the next request closes them first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpcore
import httpx

from tests.tls import NO_TLS

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Idling:
    """A client, where its connections lead, and how many of them are open at the other end."""

    http: httpx.AsyncClient
    url: str
    open: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                writer.write(_ANSWER)
        self.open -= 1
        if not self.open:
            self._ended.set()

    async def closed(self) -> None:
        """Once no connection is open; TimeoutError if one is kept."""
        await asyncio.wait_for(self._ended.wait(), 2)


@contextlib.asynccontextmanager
async def idling(connections: int = 5) -> AsyncIterator[Idling]:
    """So many connections, none of which may be used again."""
    pool = httpcore.AsyncConnectionPool()
    transport = httpx.AsyncHTTPTransport(verify=NO_TLS)
    transport._pool = pool
    async with httpx.AsyncClient(transport=transport) as http:
        made = Idling(http, "")
        async with await asyncio.start_server(made.serve, "127.0.0.1") as server:
            made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            await asyncio.gather(*(http.get(made.url) for _ in range(connections)))
            assert made.open == connections
            for each in pool.connections:
                # Time alone would do it too, and too early on a machine that is busy.
                each._connection._expire_at = 0.0  # type: ignore[attr-defined]
            yield made
