"""What goes over the wire: exact JSON, a port, and answers that are no answers."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

# One encoder for all: json.dumps makes another for every word that is not to be pure ASCII.
_WORD = json.JSONEncoder(ensure_ascii=False).encode


def encoded(value: Any) -> bytes:
    """JSON with Decimals written digit by digit as numbers, which the standard encoder cannot."""
    return _text(value).encode()


def decoded(body: bytes) -> Any:
    """JSON with every number exact (int or Decimal); ValueError for anything else."""
    return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(encoded(value), status, dict(headers or {}), "application/json; charset=utf-8")


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(k)}:{_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_text, value)) + "]"
    return _WORD(value)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class _Protocol(H11Protocol):
    """Gives the application its transport, so that a fault can cut the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {"transport": transport}
        super().connection_made(transport)


class Listener:
    """One application on one port, without signal handlers, ticks or logs.

    It accepts connections itself: asyncio's own server, when it is closed, loses those that it has
    accepted and not yet handed over, and they stay open.
    """

    def __init__(self, app: Starlette, host: str = "127.0.0.1") -> None:
        self._host = host
        self._config = Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
        )
        self._config.load()
        self._state = ServerState()
        self._listening: socket.socket | None = None
        self._accepted: set[asyncio.Task[Any]] = set()
        """Connections on their way to a protocol of theirs."""
        self._opening: asyncio.Task[None] | None = None
        self._closed_until = 0.0
        self.port = 0

    async def open(self, port: int = 0) -> None:
        """Listen; OSError if the port is taken."""
        listening = self._listening = socket.create_server((self._host, port), backlog=128)
        listening.setblocking(False)
        self.port = listening.getsockname()[1]
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def close(self) -> None:
        """Stop listening: new connections are refused, existing ones live on."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None

    async def cut(self) -> None:
        """Reset every connection, also one that has only just been accepted; then they are gone."""
        if self._accepted:
            await asyncio.wait(self._accepted)
        for connection in tuple(self._state.connections):
            reset(connection.transport)
        # An aborted transport closes its socket in the loop's next turn.
        await asyncio.sleep(0)

    def refuse(self, seconds: float) -> None:
        """Refuse new connections for a while, then listen on the same port again."""
        self.close()
        self._closed_until = max(self._closed_until, asyncio.get_running_loop().time() + seconds)
        self._opening = asyncio.create_task(self._open_again())

    async def stop(self) -> None:
        """Close, cut, and wait until every call under way has noticed."""
        self.close()
        await self.cut()
        if waiting := tuple(self._state.tasks):
            await asyncio.wait(waiting, timeout=5)

    def _accept(self, listening: socket.socket) -> None:
        # Whoever has gone away again meanwhile is nobody to hand over.
        with suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listening.accept()
            connection.setblocking(False)
            # asyncio sets it only where the socket names its protocol, which Python's create_server
            # does not. Without it a body waits 40 ms until its head is confirmed.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            loop = asyncio.get_running_loop()
            handing = loop.create_task(loop.connect_accepted_socket(self._protocol, connection))
            self._accepted.add(handing)
            handing.add_done_callback(self._accepted.discard)

    def _protocol(self) -> _Protocol:
        return _Protocol(config=self._config, server_state=self._state, app_state={})

    async def _open_again(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._closed_until - loop.time())
            # Refused again meanwhile, or somebody borrowed the port: a little later, then.
            if loop.time() >= self._closed_until:
                with suppress(OSError):
                    await self.open(self.port)
                    return
                self._closed_until = loop.time() + 0.01


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that the peer sees a reset, not an orderly end."""
    if not transport.is_closing():
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Also one that is closing: what it has still to send may never be read.
    transport.abort()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Reset(Response):
    """No answer: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reset(scope["state"]["transport"])
        await _hung_up(receive)


class Silence(Reset):
    """No answer for so long that the client hangs up."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(_hung_up(receive), self._seconds)
            return
        await super().__call__(scope, receive, send)


class Truncated(Response):
    """The headers of a whole answer and half of its body, then the end of the connection."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, media_type=whole.media_type)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        scope["state"]["transport"].close()
        await _hung_up(receive)
