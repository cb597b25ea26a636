"""How long the console's pages take: `python -m benchmarks.pages [--quick] [--watch SECONDS]`.

10,000 open invoices, of which 300 wait for a person, on a local Temporal server; a register of as
many on PostgreSQL where that is installed, else in a file; a worker and a gateway, each a process
of its own. One person then asks for page after page, and for one while the books of a month are
packed beside it. After that 50 browsers are open, five of each
of ten people, half at the inbox and half at an invoice: every few seconds a decision is made, and
whoever is told of it asks for the page anew, as the script does. The gateway's memory is looked at
meanwhile.

What is not as in life: only those that wait for a person are worked on. The others are open
workflows that no worker serves, for lists show no more of them than the server says by itself. The
register is filled directly, with six lines of the journal for each.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

import httpx
from rich.table import Table
from sqlalchemy import insert, update

from benchmarks.children import Child, child
from benchmarks.exports import LINES, ROW
from benchmarks.from_memory import DIFFERS, NAME
from benchmarks.kinds import a_request, memory_kind
from console.lately import MEANWHILE
from drill.postgres import programs
from gateway import tokens
from invoicing import process
from invoicing.client import InvoicingClient
from invoicing.state.attributes import WAITING_FOR
from invoicing.state.invoice import Resolve
from invoicing.state.questions import Answer
from invoicing.state.recording import Line
from register import opened
from register.chain import START, linked
from register.database import made
from register.tables import chain, invoices, journal
from temporal_server import local_server
from terminal import screen
from tests.register.postgres import cluster, created

T = TypeVar("T")
NOBODY = "served-by-nobody"
PEOPLE, EACH = 10, 5
MOST_P95 = 300.0
"""Milliseconds."""
MOST_GROWTH = 1.1
"""Of the gateway's memory while browsers are open."""
LONG_AFTER = 12
"""Looks at the inbox after a while."""
EVERY = 3.0
"""Seconds between two decisions while browsers are open."""
KEY = "a-key-that-seals-nothing-but-this-measurement"


@dataclass(frozen=True)
class Size:
    """How much is measured. `seconds`: for which the browsers are open."""

    open: int
    parked: int
    turns: int
    seconds: float


FULL, QUICK = Size(10_000, 300, 40, 90), Size(300, 30, 10, 15)


class Reader:
    """One person's browser."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=f"{url}/console", trust_env=False, timeout=60)

    async def sign_in(self, token: str) -> None:
        """By the form."""
        page = (await self.http.get("/sign-in")).text
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found
        given = {"form_token": found[1], "next": "/", "token": token}
        answer = await self.http.post("/sign-in", data=given)
        assert answer.status_code == 303, answer.text

    async def takes(self, path: str) -> float:
        """Milliseconds until this page is there."""
        begun = time.perf_counter()
        answer = await self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return (time.perf_counter() - begun) * 1000

    async def watch(self, stream: str, page: str) -> None:
        """Keep the page open: ask for it anew whenever it has changed."""
        while True:
            async with self.http.stream("GET", stream) as told:
                async for line in told.aiter_lines():
                    if line.startswith("id: "):
                        await self.http.get(page, headers={"X-Live": "1"})


def _token(number: int) -> str:
    return f"person-{number}-0123456789abcdefghijklmnopqrstuvwxyz"


def _rows(count: int, parked: int, now: datetime) -> Iterator[tuple[dict[str, Any], list[Line]]]:
    """Invoices that were asked for in the last four weeks, each with its journal."""
    kept = ROW.model_dump_json()
    columns = {name: getattr(ROW, name) for name in invoices.c.keys() if hasattr(ROW, name)}  # noqa: SIM118
    amounts = dict.fromkeys(("net", "vat", "gross", "due"), 12100)
    for place in range(count):
        began = now - timedelta(days=28) * (place / count)
        name = f"{DIFFERS}{place}" if place < parked else f"OPEN-{place}"
        row = {**columns, **amounts, "paid": 0, "kind": "invoice", "reference": name}
        row |= {"status": "sent", "ended": False, "payment": "unpaid", "sequence": LINES}
        row |= {"began_at": began, "changed_at": began, "kept": kept, "issue_date": began.date()}
        steps = ("started", "started", "drafted", "approved", "sending", "sent")
        yield (
            row,
            [
                Line(sequence=n, at=began + timedelta(seconds=n), status=status, what=status)
                for n, status in enumerate(steps, 1)
            ],
        )


def fill(where: str, count: int, parked: int = 0) -> None:
    """Put so many invoices into the register there, of which so many are those that wait."""
    opened(where).close()
    engine, previous, position = made(where), START, 0
    with engine.begin() as db:
        rows = _rows(count, parked, datetime.now(UTC))
        while part := [each for each, _ in zip(rows, range(500), strict=False)]:
            db.execute(insert(invoices), [row for row, _ in part])
            told = []
            for row, lines in part:
                for line in lines:
                    position += 1
                    said = linked(line, position, previous, "invoice", row["reference"], "one")
                    previous = said["hash"]
                    told.append(said)
            db.execute(insert(journal), told)
        db.execute(update(chain).values(position=position, hash=previous))
    engine.dispose()


@contextlib.contextmanager
def registered(count: int, parked: int = 0) -> Iterator[str]:
    """Where a register of so many is."""
    binaries = programs()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        where = str(Path(folder) / "register.db")
        if binaries:
            where = created(stack.enter_context(cluster(binaries)), "register")
        fill(where, count, parked)
        yield where


async def _open(client: InvoicingClient, size: Size) -> list[str]:
    """Ask for all of them; the references of those that wait for a person."""
    unserved = InvoicingClient(client.temporal, task_queue=NOBODY)
    wanted = iter(range(size.open - size.parked))

    async def ask() -> None:
        for number in wanted:
            await unserved.invoices.start(a_request(f"OPEN-{number}", NAME))

    await asyncio.gather(*(ask() for _ in range(30)))
    parked = [f"{DIFFERS}{number}" for number in range(size.parked)]
    for each in parked:
        await client.invoices.start(a_request(each, NAME))
    waits = f"{WAITING_FOR.name} STARTS_WITH 'person'"
    while (await client.temporal.count_workflows(waits)).count < len(parked):  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    return parked


@contextlib.asynccontextmanager
async def _gateway(client: InvoicingClient, where: str) -> AsyncIterator[tuple[Child, str]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    setup = {
        "TEMPORAL_ADDRESS": client.temporal.service_client.config.target_host,
        "INVOICING_REGISTER_AT": where,
        "GATEWAY_PORT": str(port),
        "GATEWAY_CONSOLE_KEYS": KEY,
        # One person asks as fast as pages come, which nobody does.
        "GATEWAY_RATE": "1000",
        "GATEWAY_BURST": "1000",
    }
    for number in range(PEOPLE + 1):
        setup[f"GATEWAY_CALLER__PERSON{number}__TOKENS"] = tokens.written(_token(number))
        setup[f"GATEWAY_CALLER__PERSON{number}__MAY"] = "read,start,operate"
    url = f"http://127.0.0.1:{port}"
    async with child("-m", "gateway", **setup) as running:
        await running.outlives(_answers(url))
        yield running, url


async def _answers(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            with contextlib.suppress(httpx.ConnectError):
                await http.get(f"{url}/console/sign-in")
                return
            await asyncio.sleep(0.1)


def _pages(parked: list[str]) -> dict[str, str]:
    one = parked[-1]
    return {
        "inbox": "/",
        "inbox, largest first": "/?order=worth",
        "inbox, its last page": f"/?page={-(-len(parked) // 25)}",
        "invoices": "/invoices",
        "invoices, of a buyer": "/invoices?buyer=e",
        "invoices, overdue": "/invoices?overdue=true",
        "invoices that wait": "/invoices?status=needs_attention",
        "an invoice's question": f"/invoices/{one}",
        "its correction": f"/invoices/{one}/correct",
        "25 together": "/together?" + "&".join(f"of=invoices/{each}" for each in parked[-25:]),
        "orders": "/orders",
        "batch": "/batch",
        "books": "/books",
        "books, of a month": f"/books?month={_month()}",
        "how it goes": "/going",
        "how it goes, 91 days": "/going?days=91",
    }


def _month() -> str:
    """That of most invoices."""
    return f"{datetime.now(UTC) - timedelta(days=14):%Y-%m}"


@dataclass(frozen=True)
class Taken:
    """Of one page: milliseconds each time, and milliseconds of the gateway's CPU on average."""

    page: str
    each: list[float]
    cpu: float

    @property
    def p50_p95(self) -> tuple[float, float]:
        """Half of them, and 95 of a hundred, took at most so long."""
        parts = quantiles(self.each, n=20)
        return parts[9], parts[18]


async def looked(reader: Reader, gateway: Child, pages: dict[str, str], turns: int) -> list[Taken]:
    """Each page so many times, one after the other; the first time does not count."""
    taken = []
    for name, path in pages.items():
        await reader.takes(path)
        before = gateway.usage.cpu
        each = [await reader.takes(path) for _ in range(turns)]
        taken.append(Taken(name, each, (gateway.usage.cpu - before) * 1000 / turns))
    return taken


async def after_a_while(reader: Reader, gateway: Child) -> Taken:
    """The inbox, each time after nobody has looked for so long that all that wait are read anew
    before it comes."""
    before, each = gateway.usage.cpu, []
    for _ in range(LONG_AFTER):
        await asyncio.sleep(MEANWHILE + 0.1)
        each.append(await reader.takes("/"))
    cpu = (gateway.usage.cpu - before) * 1000 / LONG_AFTER
    return Taken("inbox, when nobody has looked for a while", each, cpu)


async def beside_an_export(reader: Reader, gateway: Child) -> Taken:
    """The inbox, again and again for as long as the books of a month are packed."""
    before, each = gateway.usage.cpu, [0.0]
    export = asyncio.create_task(reader.takes(f"/books/export?month={_month()}"))
    while not export.done():
        each.append(await reader.takes("/"))
    seconds = await export / 1000
    cpu = (gateway.usage.cpu - before) * 1000 / len(each)
    return Taken(f"inbox, while books are packed ({seconds:.0f} s)", each, cpu)


@dataclass(frozen=True)
class Watched:
    """The gateway's memory while browsers are open, in bytes, one look after the other."""

    memory: list[int]
    decisions: int

    @property
    def growth(self) -> float:
        """The last quarter's mean over the first's."""
        some = max(1, len(self.memory) // 4)
        return (sum(self.memory[-some:]) / some) / (sum(self.memory[:some]) / some)


async def watched(
    url: str, gateway: Child, client: InvoicingClient, parked: list[str], seconds: float
) -> Watched:
    """50 browsers, and a decision every few seconds."""
    readers = [Reader(url) for _ in range(PEOPLE * EACH)]
    for number, reader in enumerate(readers):
        await reader.sign_in(_token(1 + number // EACH))
    tasks = []
    for number, reader in enumerate(readers):
        path = "" if number % 2 else f"/invoices/{parked[-1 - number % (len(parked) // 2)]}"
        stream = f"/live{path}" if path else "/live/inbox"
        tasks.append(asyncio.create_task(reader.watch(stream, path or "/")))
    memory: list[int] = []
    decisions = 0
    ends = time.monotonic() + seconds
    try:
        await asyncio.sleep(10)
        while time.monotonic() < ends:
            await asyncio.sleep(EVERY)
            await _decide(client, parked[decisions])
            decisions += 1
            memory.append(gateway.usage.memory)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for reader in readers:
            await reader.http.aclose()
    return Watched(memory, decisions)


async def _decide(client: InvoicingClient, reference: str) -> None:
    problem = (await client.invoices.state(reference)).problem
    assert problem
    said = Resolve(by="a person", reason="seen", question=problem.question, answer=Answer.ABANDON)
    await client.invoices.resolve(reference, said)


async def examine(size: Size, where: str) -> tuple[list[Taken], Watched]:
    """Both measurements."""
    async with local_server(own=True) as server:
        client = await InvoicingClient.connect(server.address)
        async with memory_kind(client).working(), _gateway(client, where) as (gateway, url):
            parked = await _timed("opening invoices", _open(client, size))
            reader = Reader(url)
            await reader.sign_in(_token(0))
            pages = looked(reader, gateway, _pages(parked), size.turns)
            taken = await _timed("pages", gateway.outlives(pages))
            taken.append(await _timed("a while", gateway.outlives(after_a_while(reader, gateway))))
            packed = gateway.outlives(beside_an_export(reader, gateway))
            taken.append(await _timed("an export", packed))
            await reader.http.aclose()
            seen = watched(url, gateway, client, parked, size.seconds)
            return taken, await _timed("50 browsers", seen)


async def _timed(what: str, work: Coroutine[None, None, T]) -> T:
    """Say how long this took."""
    begun = time.monotonic()
    done = await work
    screen().print(f"{what}: {time.monotonic() - begun:.0f} s")
    return done


def _shown(taken: list[Taken]) -> Table:
    table = Table("Page", "p50, ms", "p95, ms", "CPU of the gateway, ms", "")
    for one in taken:
        half, most = one.p50_p95
        verdict = "" if most < MOST_P95 else f"more than {MOST_P95:.0f}"
        table.add_row(one.page, f"{half:.0f}", f"{most:.0f}", f"{one.cpu:.0f}", verdict)
    return table


def main() -> None:
    """Measure, and print a line for each page and one for the memory."""
    parser = argparse.ArgumentParser("benchmarks.pages")
    parser.add_argument("--quick", action="store_true", help="fewer invoices, fewer turns")
    parser.add_argument("--watch", type=float, help="seconds for which the browsers are open")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    size = replace(size, seconds=asked.watch or size.seconds)
    with registered(size.open, size.parked) as where:
        taken, seen = process.run(examine(size, where))
    screen().print(_shown(taken))
    megabytes = [each / 1e6 for each in seen.memory]
    verdict = "flat" if seen.growth <= MOST_GROWTH else "grows"
    screen().print(
        f"{PEOPLE * EACH} browsers open, {seen.decisions} decisions: the gateway has "
        f"{megabytes[0]:.0f} MB at first, {megabytes[-1]:.0f} MB at last, {max(megabytes):.0f} MB "
        f"at most: {verdict} ({Decimal(str(round(seen.growth, 2)))} times)."
    )


if __name__ == "__main__":
    main()
