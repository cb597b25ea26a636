"""The console, for whoever looks around: a gateway as it runs in production, a process of its own,
with one person who may look, ask for invoices and decide."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from demo.worker import DemoFailed, Worker
from temporal_server import Server

WITHIN = 30.0
"""Seconds in which it has to answer."""


class Door(NamedTuple):
    """Where the console is, and the token that signs in there."""

    url: str
    token: str


def keeping(folder: Path) -> dict[str, str]:
    """The variables by which worker and gateway keep documents and the register in this folder."""
    return {
        "INVOICING_DOCUMENTS_AT": str(folder / "documents"),
        "INVOICING_REGISTER_AT": str(folder / "register.db"),
    }


@asynccontextmanager
async def console(server: Server, folder: Path) -> AsyncIterator[Door]:
    """One meanwhile, on this machine alone, that reads what the worker keeps in this folder. Raises
    DemoFailed where it does not come up."""
    token, port = secrets.token_hex(32), _free_port()
    settings = {
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "GATEWAY_PORT": str(port),
        "GATEWAY_GRACE": "1",
        "GATEWAY_CONSOLE_KEYS": secrets.token_hex(32),
        "GATEWAY_CALLER__YOU__TOKENS": f"sha256:{hashlib.sha256(token.encode()).hexdigest()}",
        "GATEWAY_CALLER__YOU__MAY": "read,start,operate",
        **keeping(folder),
        **({"GATEWAY_WEB_UI": server.ui} if server.ui else {}),
    }
    gateway = Worker(settings, "-m", "gateway")
    try:
        await gateway.start()
        try:
            async with asyncio.timeout(WITHIN):
                await gateway.outlives(_answers(port))
        except (TimeoutError, DemoFailed):
            gateway.failed = True
            raise DemoFailed(f"the gateway did not come up; its log is {gateway.log}") from None
        yield Door(f"http://127.0.0.1:{port}/console", token)
    finally:
        await gateway.stop()
        if not gateway.failed:
            gateway.log.unlink()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


async def _answers(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
