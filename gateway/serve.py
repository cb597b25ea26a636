"""A port, and the application behind it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Generator
from typing import cast

from starlette.types import ASGIApp
from uvicorn import Config, Server

from gateway.beside import SWITCH
from gateway.connections import ACCEPTED_AT_ONCE, Connections, most_connections
from invoicing.errors import InvoicingError
from settings.gateway import GatewaySettings

QUEUE = 2048
"""Connections that the system keeps for us until we take them."""


class _Server(Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """asyncio takes as many at once as it lets the system keep; the latter may be many."""
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(QUEUE)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone: uvicorn's own way ends the process before the SDK has let go."""
        yield


@contextlib.asynccontextmanager
async def serving(
    app: ASGIApp, settings: GatewaySettings, stopping: asyncio.Event | None = None
) -> AsyncIterator[str]:
    """Serve meanwhile; gives the URL. On the way out, `stopping` is set, and requests under way get
    `grace` to end.

    Raises InvoicingError when the address cannot be had.
    """
    listening = _listen(settings)
    connections = Connections(most_connections(settings.connections), settings.head_seconds)
    config = Config(
        app,
        http=cast("type[asyncio.Protocol]", connections.protocol),
        backlog=ACCEPTED_AT_ONCE,
        ws="none",
        lifespan="off",
        log_config=None,
        # The caller's address is settled in one place, gateway.visits.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.grace),
    )
    server = _Server(config)
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    host, port = listening.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        if stopping is not None:
            stopping.set()
        server.should_exit = True
        await running
        sys.setswitchinterval(before)


def _listen(settings: GatewaySettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        made = socket.create_server((settings.host, settings.port), family=family, backlog=QUEUE)
    except OSError as error:
        raise InvoicingError(
            f"cannot listen at {settings.host} port {settings.port} ({error.strerror}): set "
            "GATEWAY_HOST and GATEWAY_PORT"
        ) from None
    # Each connection has it from here: asyncio sets it only where the socket names its protocol,
    # which Python's create_server does not. Without it a body waits 40 ms until its head is
    # confirmed.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
