"""What a call to a provider costs this process: `python -m benchmarks.http_client [--quick]`.

The client of all adaptors beside one with httpx's own pool, which keeps twenty connections at rest.
They take turns with the same calls to a server in another process, which takes 20 ms for each;
each ratio is the median over the turns. The CPU is that of this process alone, which is all client.
Calls per second are of all processes here: how long a call waits for a connection shows in them.
There is no TLS: with it a connection that is opened anew costs more than a call.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import httpx
from rich.table import Table

from benchmarks.children import child, until_told
from providers.kit.http import Call, client, exchange
from terminal import screen

COMMAND = "python -m benchmarks.http_client"
AT_ONCE = (1, 20, 50)
FULL, QUICK = (5, 600), (1, 200)
"""Turns, and calls in each."""

_BODY = b'{"success":true,"errors":[],"data":{"words":[' + b",".join(
    [b'"twenty letters or so"'] * 30
)
_BODY += b"]}}"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_ANSWER = _HEAD % len(_BODY) + _BODY
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Turn:
    """CPU in milliseconds per call, and calls per second."""

    cpu: float
    rate: float


async def _serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: each call is answered after a while."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            await asyncio.sleep(0.02)
            writer.write(_ANSWER)
    writer.close()


async def serve() -> None:
    """Be the server, until told to end; say where."""
    async with await asyncio.start_server(_serve_one, "127.0.0.1", backlog=500) as server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await until_told()


def as_httpx_has_it() -> httpx.AsyncClient:
    """The pool that httpx brings."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    return httpx.AsyncClient(limits=limits, trust_env=False)


KINDS: dict[str, Callable[[], httpx.AsyncClient]] = {"ours": client, "httpx": as_httpx_has_it}


def _call(url: str) -> Call:
    return Call(
        provider="P",
        name="read",
        method="POST",
        base_url=url,
        route="/api/things/{id}",
        changes=False,
        ids={"id": "1"},
        headers={"Authorization": f"Bearer {'t' * 800}", "X-Tenant": "t" * 36},
        json={"words": ["a word"] * 30},
        timeout=60,
    )


async def measure(
    make: Callable[[], httpx.AsyncClient], url: str, at_once: int, count: int
) -> Turn:
    """One turn of one kind, once as many connections were open as there are calls at once."""
    async with make() as http:
        await _made(http, url, at_once, at_once)
        used, begun = time.process_time(), time.monotonic()
        await _made(http, url, at_once, count)
        used, took = time.process_time() - used, time.monotonic() - begun
        return Turn(used * 1000 / count, count / took)


async def _made(http: httpx.AsyncClient, url: str, at_once: int, count: int) -> None:
    numbers, call = iter(range(count)), _call(url)

    async def one_after_the_other() -> None:
        for _ in numbers:
            await exchange(http, call)

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))


async def main(turns: int, count: int, command: str) -> None:
    """Measure, and show it."""
    async with child("-m", "benchmarks.http_client", "--serve") as server:
        url = await server.line()
        table = Table(
            "at once", "CPU, ours", "httpx", "ratio", "calls per second, ours", "httpx", "ratio"
        )
        for at_once in AT_ONCE:
            taken: dict[str, list[Turn]] = {name: [] for name in KINDS}
            for _ in range(turns):
                for name, make in KINDS.items():
                    taken[name].append(await measure(make, url, at_once, count))
            table.add_row(*_row(at_once, taken))
    screen().print(table)
    screen().print(f"`{command}`")


def _row(at_once: int, taken: dict[str, list[Turn]]) -> tuple[str, ...]:
    ours, theirs = taken["ours"], taken["httpx"]
    dearer = median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True))
    faster = median(a.rate / b.rate for a, b in zip(ours, theirs, strict=True))
    cpu = (f"{median(one.cpu for one in kind):.2f} ms" for kind in (ours, theirs))
    rates = (f"{median(one.rate for one in kind):.0f}" for kind in (ours, theirs))
    return (f"{at_once}", *cpu, f"{dearer:.2f}", *rates, f"{faster:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description="Measure a call to a provider.")
    parser.add_argument("--quick", action="store_true", help="fewer of everything: a rough idea")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
    else:
        told = f"{COMMAND} --quick" if given.quick else COMMAND
        asyncio.run(main(*(QUICK if given.quick else FULL), told))
