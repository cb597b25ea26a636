"""The gateway as a program: what it says when it cannot start, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping

import httpx

from gateway import tokens
from temporal_server import Server
from tests.child import child
from tests.gateway.door import SECRET, TOKENS
from tests.patience import LONG_ENOUGH
from tests.tiers import slow
from tests.tls import NO_TLS

CALLER = {
    "GATEWAY_CALLER__ERP__TOKENS": tokens.written(TOKENS["read"]),
    "GATEWAY_CALLER__ERP__MAY": "read",
}


@contextlib.asynccontextmanager
async def program(variables: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m gateway` with these variables; killed when the test leaves."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    pipe = asyncio.subprocess.PIPE
    async with child("-m", "gateway", env={**inherited, **variables}, stderr=pipe) as process:
        yield process


async def line_with(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(LONG_ENOUGH):
        async for line in process.stderr:
            if text in line.decode():
                return line.decode()
    raise AssertionError(f"it ended without saying {text!r}")


async def refusal(variables: Mapping[str, str]) -> str:
    async with program(variables) as process:
        _, said = await asyncio.wait_for(process.communicate(), LONG_ENOUGH)
        assert process.returncode == 1
        text = said.decode()
        assert text.startswith("gateway: ")
        assert "Traceback" not in text
        return text


@slow
async def test_a_gateway_that_cannot_start_says_why(server: Server) -> None:
    good = {**CALLER, "TEMPORAL_ADDRESS": server.address}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        nobody, wrong, taken_port, unreachable = await asyncio.gather(
            refusal({"TEMPORAL_ADDRESS": server.address}),
            refusal({**good, "MOLLIE_WEBHOOK_SECRET": SECRET}),
            refusal({**good, "GATEWAY_PORT": port}),
            refusal({**good, "TEMPORAL_ADDRESS": "127.0.0.1:1"}),
        )
    assert "GATEWAY_CALLER" in nobody
    assert "nobody may come in" in nobody
    assert "MOLLIE_WEBHOOK_SECRET: is not a setting" in wrong
    assert SECRET not in wrong
    assert f"cannot listen at 127.0.0.1 port {port}" in taken_port
    assert "no Temporal server answers at 127.0.0.1:1" in unreachable


@slow
async def test_a_gateway_serves_until_it_is_told_to_stop(server: Server) -> None:
    variables = {
        **CALLER,
        "GATEWAY_PORT": "0",
        "GATEWAY_GRACE": "1",
        "TEMPORAL_ADDRESS": server.address,
        "MOLLIE__SHOP__WEBHOOK_SECRETS": SECRET,
    }
    async with (
        program(variables) as process,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http,
    ):
        serving = await line_with(process, "serving http://127.0.0.1:")
        url = serving.split("serving ")[1].split(",")[0]
        await line_with(process, "webhooks of mollie: shop")
        for path in ("/health", "/ready"):
            assert (await http.get(url + path)).status_code == 200
        assert (await http.post(f"{url}/webhooks/mollie/shop")).status_code == 401
        process.send_signal(signal.SIGTERM)
        _, said = await asyncio.wait_for(process.communicate(), LONG_ENOUGH)
        assert process.returncode == 0
        assert "stopped" in said.decode()
        assert SECRET not in said.decode()
        assert TOKENS["read"] not in said.decode()
