"""Starts everything, plays the stories, shows the comparison, stops everything."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from rich.console import Console
from temporalio.client import Client

from demo import compare, webhooks
from demo.accounts import Account, environment, stand_ins
from demo.console import keeping
from demo.keep import keep as keep_running
from demo.play import PACE, Play
from demo.stories import CREDIT_NOTES, ORDERS, PARTS, PRINTED, STORIES
from demo.story import Part
from demo.worker import DemoFailed, Worker, working
from invoicing import process
from invoicing.client import InvoicingClient
from invoicing.state.identity import order_id, workflow_id
from invoicing.temporal.converter import data_converter
from sandbox.kit.server import StandIn, serve
from temporal_server import Server, ServerUnavailable, local_server
from terminal import Board, choices, compared, screen, trouble, waits_for_person

LIMIT = 80.0
"""Seconds after which something must have gone wrong."""


def main(*, keep: bool) -> int:
    """Run the demonstration; 0 when everything came out as expected."""
    console = screen()
    try:
        return 0 if process.run(_demonstrate(console, keep=keep)) else 1
    except (DemoFailed, ServerUnavailable) as error:
        screen(error=True).print(f"The demonstration failed: {error}", soft_wrap=True)
        return 1
    except asyncio.CancelledError:
        return 143  # SIGTERM


async def _demonstrate(console: Console, *, keep: bool) -> bool:
    _cancel_on_signal()
    async with _running(console) as play:
        fine = await _played(play)
        if keep:
            await keep_running(play)
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
async def _running(console: Console) -> AsyncIterator[Play]:
    async with AsyncExitStack() as stack:
        console.print("Starting a Temporal server with its Web UI …")
        server = await stack.enter_async_context(local_server(ui=True, own=True))
        console.print(f"  Temporal {server.address}, Web UI {server.ui}", soft_wrap=True)
        made = stand_ins(PARTS)
        names = ", ".join(dict.fromkeys(provider for provider, _ in made))
        console.print(f"Starting stand-ins over HTTP ({names}), {len(made)} accounts …")
        for stand_in in made.values():
            await stack.enter_async_context(serve(stand_in))
        accounts = environment(made)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="durable-invoicing-demo-")))
        documents = folder / "documents"
        documents.mkdir()
        settings = _settings(server) | accounts | keeping(folder)
        worker = await stack.enter_async_context(working(settings))
        console.print("Starting a worker as a process of its own …\n")
        play = await _prepared(console, server, made, worker, documents)
        for account in webhooks.PLAYED & made.keys():
            await stack.enter_async_context(webhooks.listening(play, accounts, account))
        yield play


def _settings(server: Server) -> dict[str, str]:
    """The worker's variables, but for the accounts."""
    return {
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "INVOICING_PACE": str(PACE),
        "INVOICING_GRACE": "2",
    }


async def _prepared(
    console: Console,
    server: Server,
    made: Mapping[Account, StandIn],
    worker: Worker,
    documents: Path,
) -> Play:
    # Not with the keys that this terminal may have for other servers.
    client = await Client.connect(server.address, data_converter=data_converter)
    told = {story.reference: story.told for story in STORIES}
    told |= {part.reference: part.told for part in CREDIT_NOTES}
    pages = {part.reference: _page(server, workflow_id(part.reference)) for part in PARTS}
    for order in ORDERS:
        told |= {order.reference: order.told} | {part.reference: part.told for part in order.parts}
        pages[order.reference] = _page(server, order_id(order.reference))
    for name, about in told.items():
        console.print(f"{name}: {about}\n  {pages[name]}", soft_wrap=True)
    console.print()
    board = Board(console, stories=told, pages=pages)
    return Play(server, InvoicingClient(client), made, worker, console, board, documents)


def _page(server: Server, identity: str) -> str:
    return f"{server.ui}/namespaces/default/workflows/{quote(identity, safe='')}"


# --- playing --------------------------------------------------------------------------------------


async def _played(play: Play) -> bool:
    begun = time.monotonic()
    try:
        with play.board:
            async with asyncio.timeout(LIMIT):
                await play.worker.outlives(play.perform())
    except Exception as error:
        raise DemoFailed(_why(error, play)) from error
    return show_comparison(play, time.monotonic() - begun)


def _why(error: Exception, play: Play) -> str:
    play.worker.failed = True
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    what = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        left = [part.reference for part in PARTS if not _at_rest(play, part)]
        what = f"not at rest within {LIMIT:.0f} s: {', '.join(left) or 'an order'}"
    return f"{what}\nThe worker's log is {play.worker.log}"


def _at_rest(play: Play, part: Part) -> bool:
    invoice = play.last.get(part.reference)
    return invoice is not None and (invoice.ended or waits_for_person(invoice))


# --- the comparison -------------------------------------------------------------------------------


def show_comparison(play: Play, seconds: float) -> bool:
    """Show the table; whether all of it agrees."""
    console = play.console
    found = [
        *compare.rows(play.stand_ins, play.last, play.orders),
        compare.printed_row(play.last[PRINTED], play.document, play.documents),
    ]
    console.print("What we say, and what the providers' ledgers say:\n")
    console.print(compared(row.cells for row in found))
    _person(play)
    wrong = sum(bool(row.differs) for row in found)
    if wrong:
        play.worker.failed = True
        console.print(f"{wrong} of {len(found)} did NOT come out as they should.", style="bold red")
        console.print(f"The worker's log is {play.worker.log}", soft_wrap=True)
        return False
    console.print(
        f"All {len(found)} agree, after {seconds:.0f} s: one correct invoice per reference, or "
        "none where it was taken back or waits for a person; every line of the order once.",
        style="bold green",
    )
    return True


def _person(play: Play) -> None:
    """What whoever looks after parked invoices would be told."""
    for invoice in play.last.values():
        if invoice.problem:
            console = play.console
            console.print(f"{invoice.reference}. {trouble(invoice.problem)}", soft_wrap=True)
            told = choices(invoice.problem, f"resolve {invoice.reference}")
            console.print(f"{told}\n", soft_wrap=True)
