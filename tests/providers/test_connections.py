"""Connections to a real server: taken up again, never shared, closed in time."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest

from providers.kit.connections import MOST_AT_REST, REST_SECONDS, Connections

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Answers on as many connections as there are; `hold` keeps answers back."""

    def __init__(self) -> None:
        self.url = ""
        self.opened = 0
        self.open = 0
        self.waiting = 0
        self.go = asyncio.Event()
        self.go.set()
        self._changed = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        await self._count(open=1)
        self._writers.add(writer)
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                await self._count(waiting=1)
                await self.go.wait()
                await self._count(waiting=-1)
                writer.write(_ANSWER)
        self._writers.discard(writer)
        await self._count(open=-1)

    async def _count(self, *, open: int = 0, waiting: int = 0) -> None:  # noqa: A002
        async with self._changed:
            self.open += open
            self.waiting += waiting
            self._changed.notify_all()

    async def until(self, *, open: int | None = None, waiting: int | None = None) -> None:  # noqa: A002
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(
                lambda: open in (None, self.open) and waiting in (None, self.waiting)
            )

    def hang_up(self) -> None:
        for each in self._writers:
            each.close()


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    made = Server()
    async with await asyncio.start_server(made.serve, "127.0.0.1") as server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made


def client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, trust_env=False)


async def at_once(http: httpx.AsyncClient, server: Server, count: int) -> None:
    """So many answers, all of them asked for before the first is given."""
    server.go.clear()
    asked = [asyncio.ensure_future(http.get(server.url)) for _ in range(count)]
    await server.until(waiting=count)
    server.go.set()
    assert [one.status_code for one in await asyncio.gather(*asked)] == [200] * count


async def test_fifty_at_once_need_fifty_connections_however_often_they_ask() -> None:
    async with serving() as server, client(Connections()) as http:
        for _ in range(4):
            await at_once(http, server, 50)
        assert server.opened == 50
        await http.aclose()
        await server.until(open=0)


async def test_no_more_rest_than_is_said() -> None:
    async with serving() as server, client(Connections()) as http:
        await at_once(http, server, MOST_AT_REST + 10)
        await server.until(open=MOST_AT_REST)


async def test_those_that_have_rested_for_long_are_closed_by_the_next_call() -> None:
    clock = Clock()
    async with serving() as server, client(Connections(clock=clock)) as http:
        await at_once(http, server, 5)
        clock.now = REST_SECONDS
        await http.get(server.url)
        await server.until(open=1)


async def test_one_host_does_not_answer_for_another() -> None:
    async with serving() as one, serving() as other, client(Connections()) as http:
        for server in (one, other, one):
            await http.get(server.url)
        assert (one.opened, other.opened) == (1, 1)


async def test_a_connection_that_was_closed_there_is_replaced() -> None:
    async with serving() as server, client(Connections()) as http:
        await http.get(server.url)
        server.hang_up()
        await server.until(open=0)
        assert (await http.get(server.url)).status_code == 200
        assert server.opened == 2


async def test_a_call_that_is_given_up_leaves_no_connection_that_somebody_takes() -> None:
    async with serving() as server, client(Connections()) as http:
        server.go.clear()
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.05):
                await http.get(server.url)
        server.go.set()
        await server.until(open=0)
        assert (await http.get(server.url)).status_code == 200


async def test_an_answer_that_is_not_read_to_its_end_leaves_none_either() -> None:
    async with serving() as server, client(Connections()) as http:
        async with http.stream("GET", server.url) as answer:
            assert answer.status_code == 200
        await server.until(open=0)
        assert (await http.get(server.url)).status_code == 200


async def test_nobody_takes_a_connection_whose_answer_is_being_read() -> None:
    async with serving() as server, client(Connections()) as http:
        async with http.stream("GET", server.url):
            await http.get(server.url)
        assert server.opened == 2


class Body(httpx.AsyncByteStream):
    """One that can be cut short while it is closed."""

    def __init__(self, *, cut: bool) -> None:
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{}"

    async def aclose(self) -> None:
        if self._cut:
            raise asyncio.CancelledError


async def test_a_connection_whose_closing_was_cut_short_is_taken_by_nobody() -> None:
    made: list[httpx.AsyncBaseTransport] = []

    def make(_: ssl.SSLContext) -> httpx.AsyncBaseTransport:
        body = Body(cut=not made)
        made.append(httpx.MockTransport(lambda _: httpx.Response(200, stream=body)))
        return made[-1]

    async with client(Connections(make)) as http:
        with pytest.raises(asyncio.CancelledError):
            await http.get("http://a.test")
        for _ in range(3):
            assert (await http.get("http://a.test")).status_code == 200
    assert len(made) == 2


async def test_certificates_are_read_once() -> None:
    seen: set[ssl.SSLContext] = set()

    def made(trusted: ssl.SSLContext) -> httpx.AsyncBaseTransport:
        seen.add(trusted)
        return httpx.MockTransport(lambda _: httpx.Response(200))

    async with client(Connections(made)) as http:
        for host in ("a", "b", "c"):
            await http.get(f"http://{host}.test")
    assert len(seen) == 1
