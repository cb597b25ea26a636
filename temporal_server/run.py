"""A server to work with: the one in TEMPORAL_ADDRESS, or one of our own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from invoicing.state.attributes import SEARCH_ATTRIBUTES
from temporal_server.given import GivenServer, prepare_given
from temporal_server.installing import ServerUnavailable, resolve_binary
from temporal_server.local import LocalServer
from temporal_server.ports import free_port

ATTEMPTS = 5
"""How often a server begins where somebody is quicker to take a port that it found free."""

Server = GivenServer | LocalServer


@asynccontextmanager
async def local_server(
    *,
    ui: bool = False,
    database: Path | None = None,
    port: int | None = None,
    ui_port: int | None = None,
    search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
    dynamic_config: Mapping[str, Any] | None = None,
    own: bool = False,
) -> AsyncIterator[Server]:
    """A Temporal server that answers, with the search attributes registered.

    It is the one in TEMPORAL_ADDRESS if that is set, unless `own` asks for a process of ours (to
    stop it, or to give it a database or dynamic configuration). Ports are free ones unless given;
    `ui_port` implies `ui`. `dynamic_config` maps a key to a JSON value and adds to DYNAMIC_CONFIG.

    Raises ServerUnavailable with a sentence for people.
    """
    address = os.environ.get("TEMPORAL_ADDRESS")
    if address and not own:
        await prepare_given(address, search_attributes)
        yield GivenServer(address)
        return
    binary = await asyncio.to_thread(resolve_binary)

    def made() -> LocalServer:
        browser = ui_port or (free_port() if ui else None)
        config, attributes = dynamic_config or {}, search_attributes
        return LocalServer(binary, port or free_port(), browser, database, attributes, config)

    server = await started(made)
    try:
        yield server
    finally:
        await server.stop()


async def started(made: Callable[[], LocalServer], attempts: int = ATTEMPTS) -> LocalServer:
    """A server that runs: it chooses further ports by itself, and somebody may be quicker."""
    for left in reversed(range(attempts)):
        server = made()
        try:
            await server.start()
        except ServerUnavailable as error:
            if not left or "address already in use" not in str(error):
                raise
        else:
            return server
    raise AssertionError("the last attempt returns or raises")
