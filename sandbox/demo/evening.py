"""The evening: everything is put up, the stories are played, the verdict is read, all goes down."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import quote

from rich.console import Console
from temporalio.client import Client

from invoicing import process
from invoicing.client import InvoicingClient
from invoicing.converter import data_converter
from invoicing.identity import order_id, workflow_id
from sandbox.demo import gateway, verdict
from sandbox.demo.cast import Account, environment, stand_ins
from sandbox.demo.kept import kept
from sandbox.demo.script import Part
from sandbox.demo.stage import PACE, Theatre
from sandbox.demo.stories import ORDER, PARTS, STORIES
from sandbox.demo.worker import DemoFailed, Worker, working
from sandbox.server import StandIn, serve
from sandbox.temporal import Server, ServerUnavailable, local_server
from terminal import Board, choices, compared, screen, trouble, waits_for_person

LIMIT = 80.0
"""Seconds after which something must have gone wrong."""


def main(*, keep: bool) -> int:
    """Run the demonstration; 0 when everything came out as expected."""
    console = screen()
    try:
        return 0 if process.run(_evening(console, keep=keep)) else 1
    except (DemoFailed, ServerUnavailable) as error:
        screen(error=True).print(f"The demonstration failed: {error}", soft_wrap=True)
        return 1
    except asyncio.CancelledError:
        return 143  # SIGTERM


async def _evening(console: Console, *, keep: bool) -> bool:
    _cancel_on_signal()
    async with _put_up(console) as theatre:
        fine = await _played(theatre)
        if keep:
            await kept(theatre)
    if keep:
        console.print("Stopped; nothing is left running.")
    return fine


def _cancel_on_signal() -> None:
    """Whoever ends us by these has everything wound up first, as with Ctrl-C."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        for each in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(each, task.cancel)


# --- putting it up --------------------------------------------------------------------------------


@asynccontextmanager
async def _put_up(console: Console) -> AsyncIterator[Theatre]:
    async with AsyncExitStack() as stack:
        console.print("Starting a Temporal server with its Web UI …")
        server = await stack.enter_async_context(local_server(ui=True, own=True))
        console.print(f"  Temporal {server.address}, Web UI {server.ui}", soft_wrap=True)
        cast = stand_ins(PARTS)
        names = ", ".join(dict.fromkeys(provider for provider, _ in cast))
        console.print(f"Starting stand-ins over HTTP ({names}), {len(cast)} accounts …")
        for stand_in in cast.values():
            await stack.enter_async_context(serve(stand_in))
        accounts = environment(cast)
        worker = await stack.enter_async_context(working(_settings(server) | accounts))
        console.print("Starting a worker as a process of its own …\n")
        theatre = await _theatre(console, server, cast, worker)
        for account in gateway.PLAYED & cast.keys():
            await stack.enter_async_context(gateway.listening(theatre, accounts, account))
        yield theatre


def _settings(server: Server) -> dict[str, str]:
    """The worker's variables, but for the accounts."""
    return {
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "INVOICING_PACE": str(PACE),
        "INVOICING_GRACE": "2",
    }


async def _theatre(
    console: Console, server: Server, cast: Mapping[Account, StandIn], worker: Worker
) -> Theatre:
    # Not with the keys that this terminal may have for other servers.
    client = await Client.connect(server.address, data_converter=data_converter)
    told = {story.reference: story.told for story in STORIES}
    told |= {ORDER.reference: ORDER.told} | {part.reference: part.told for part in ORDER.parts}
    pages = {part.reference: _page(server, workflow_id(part.reference)) for part in PARTS}
    pages[ORDER.reference] = _page(server, order_id(ORDER.reference))
    for name, about in told.items():
        console.print(f"{name}: {about}\n  {pages[name]}", soft_wrap=True)
    console.print()
    board = Board(console, stories=told, pages=pages)
    return Theatre(server, InvoicingClient(client), cast, worker, console, board)


def _page(server: Server, identity: str) -> str:
    return f"{server.ui}/namespaces/default/workflows/{quote(identity, safe='')}"


# --- playing --------------------------------------------------------------------------------------


async def _played(theatre: Theatre) -> bool:
    begun = time.monotonic()
    try:
        with theatre.board:
            async with asyncio.timeout(LIMIT):
                await theatre.worker.outlives(theatre.perform())
    except Exception as error:
        raise DemoFailed(_why(error, theatre)) from error
    return read_verdict(theatre, time.monotonic() - begun)


def _why(error: Exception, theatre: Theatre) -> str:
    theatre.worker.failed = True
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    what = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        left = [part.reference for part in PARTS if not _at_rest(theatre, part)]
        what = f"not at rest within {LIMIT:.0f} s: {', '.join(left) or ORDER.reference}"
    return f"{what}\nThe worker's log is {theatre.worker.log}"


def _at_rest(theatre: Theatre, part: Part) -> bool:
    invoice = theatre.last.get(part.reference)
    return invoice is not None and (invoice.ended or waits_for_person(invoice))


# --- the verdict ----------------------------------------------------------------------------------


def read_verdict(theatre: Theatre, seconds: float) -> bool:
    """Show the table; whether all of it agrees."""
    console = theatre.console
    if theatre.order is None:
        raise DemoFailed("the order was never seen")
    found = verdict.rows(theatre.cast, theatre.last, theatre.order)
    console.print("What we say, and what the providers' ledgers say:\n")
    console.print(compared(row.cells for row in found))
    _person(theatre)
    wrong = sum(bool(row.differs) for row in found)
    if wrong:
        theatre.worker.failed = True
        console.print(f"{wrong} of {len(found)} did NOT come out as they should.", style="bold red")
        console.print(f"The worker's log is {theatre.worker.log}", soft_wrap=True)
        return False
    console.print(
        f"All {len(found)} agree, after {seconds:.0f} s: one correct invoice per reference, or "
        "none where it was taken back or waits for a person; every line of the order once.",
        style="bold green",
    )
    return True


def _person(theatre: Theatre) -> None:
    """What whoever looks after parked invoices would be told."""
    for invoice in theatre.last.values():
        if invoice.problem:
            console = theatre.console
            console.print(f"{invoice.reference}. {trouble(invoice.problem)}", soft_wrap=True)
            told = choices(invoice.problem, f"resolve {invoice.reference}")
            console.print(f"{told}\n", soft_wrap=True)
