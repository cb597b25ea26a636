"""A port, and the application behind it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

from starlette.types import ASGIApp
from uvicorn import Config, Server

from invoicing.errors import InvoicingError
from settings.gateway import GatewaySettings


class _Server(Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals alone: uvicorn's own way ends the process before the SDK has let go."""
        yield


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, settings: GatewaySettings) -> AsyncIterator[str]:
    """Serve meanwhile; gives the URL. On the way out, requests under way get `grace` to end.

    Raises InvoicingError when the address cannot be had.
    """
    listening = _listen(settings)
    config = Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        # The caller's address is settled in one place, gateway.webhooks.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=int(settings.grace),
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    host, port = listening.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await running


def _listen(settings: GatewaySettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise InvoicingError(
            f"cannot listen at {settings.host} port {settings.port} ({error.strerror}): set "
            "GATEWAY_HOST and GATEWAY_PORT"
        ) from None
