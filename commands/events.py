"""What providers told us that belongs to no invoice we know: somebody has to say whose it is."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

import typer

from commands.answering import Asked, Question, Word, helped, said, taken
from commands.at_once import few_at_a_time, progress
from commands.base import (
    OTHERS,
    PROGRAM,
    AsJson,
    By,
    Code,
    Missing,
    Why,
    answered,
    app,
    data,
    group,
    known_as,
    who_and_why,
    with_client,
)
from invoicing.client import InvoicingClient
from invoicing.errors import InvoicingError, NotFound
from invoicing.provider import Event
from invoicing.state.invoice import Problem
from invoicing.state.news import EventState
from terminal import choices, event_facts, events_table, plain, screen, trouble

events = group(help="What providers told us and nobody knows whose it is.")
app.add_typer(events, name="events", rich_help_panel=OTHERS)


@events.command(
    "list",
    short_help="List the events that wait for a person.",
    epilog=f"Example: {PROGRAM} events list",
)
def list_(
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the events that wait for a person; with --json one object per line."""

    async def work(client: InvoicingClient) -> Code:
        names = [name async for name in client.events.list(limit=limit)]
        with progress("Looking", len(names)) as advance:

            async def look(name: str) -> tuple[EventState, Event | None]:
                seen = await _seen(client, name)
                advance()
                return seen

            seen = await few_at_a_time(names, look, AT_ONCE)
        if as_json:
            for state, told in seen:
                typer.echo(json.dumps(_data(state, told)))
        elif seen:
            screen().print(events_table(dict(zip(names, seen, strict=True))))
        else:
            typer.echo("No event waits for a person.", err=True)
        return Code.DONE

    with_client(work)


AT_ONCE = 10


async def _seen(client: InvoicingClient, name: str) -> tuple[EventState, Event | None]:
    """Where an event is, and what was told; None where that cannot be read here."""
    state = await answered(client.events.state(name))
    try:
        return state, await client.events.told(name)
    except InvoicingError:
        return state, None


def _data(state: EventState, told: Event | None) -> Any:
    return {**data(state), "content": told.body if told else None}


Name = Annotated[str, typer.Argument(metavar="EVENT", help="As listed: provider/account/id.")]


@events.command(
    "show",
    short_help="Show one event, and what you can answer.",
    epilog=f"Example: {PROGRAM} events show mollie/default/evt_1",
)
def show(event: Name, as_json: AsJson = False) -> None:
    """Show where an event has got to, what is asked about it, and what you can answer."""

    async def work(client: InvoicingClient) -> Code:
        with known_as("event"):
            state, told = await _seen(client, event)
        if as_json:
            typer.echo(json.dumps(_data(state, told)))
            return Code.DONE
        console = screen()
        console.print(event_facts(event, state, told))
        if state.problem:
            possible = choices(state.problem, f"events resolve {event}")
            console.print(f"\n{possible}", soft_wrap=True)
        return Code.DONE

    with_client(work)


@events.command(
    "resolve",
    short_help="Say whose event it is.",
    help=helped(
        "Answer for an event that waits for a person.",
        "`events show` prints the question: its id, what each answer does, and what to type.",
        answers=taken("event"),
    ),
    epilog=f"Example: {PROGRAM} events resolve mollie/default/evt_1 deliver --question q1 "
    '--reference EXAMPLE-1 --reason "the payment of June"',
)
def resolve(
    event: Name,
    answer: Word,
    question: Question = None,
    reference: Annotated[
        str | None, typer.Option(metavar="REF", help="For deliver: the invoice it is about.")
    ] = None,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Answer for an event that waits for a person."""
    given = said(answer, question, partial(who_and_why, by, reason), reference=reference)

    async def work(client: InvoicingClient) -> Code:
        async def problem() -> Problem | None:
            return (await client.events.state(event)).problem

        with known_as("event"):
            asked = Asked(event, "events resolve", problem)
            if reference and given:
                await _refuse_unknown(client, reference)
            await asked.give(given, lambda said: client.events.resolve(event, said))
            state = await _settled(client, event, question or "")
        if as_json:
            typer.echo(state.model_dump_json())
        return _told(event, state)

    with_client(work)


async def _refuse_unknown(client: InvoicingClient, reference: str) -> None:
    """Raise Missing where nothing has this reference."""
    for look in (client.invoices.listed, client.orders.listed):
        with suppress(NotFound):
            await look(reference)
            return
    raise Missing(f"No invoice and no order {plain(reference)} is known here.")


async def _settled(client: InvoicingClient, event: str, question: str) -> EventState:
    """The event once the answer to this question has had its effect. Raises Unreachable."""

    async def state() -> EventState:
        while True:
            now = await client.events.state(event)
            moved_on = now.problem is None or now.problem.question != question
            if moved_on and (now.outcome or now.problem or now.waiting):
                return now
            await asyncio.sleep(_PAUSE)

    return await answered(state())


_PAUSE = 0.1


def _told(event: str, state: EventState) -> Code:
    """Say what has become of it."""
    if state.problem:
        typer.echo(f"{plain(event)}. {trouble(state.problem)}", err=True)
        typer.echo(choices(state.problem, f"events resolve {event}"), err=True)
        return Code.NEEDS_ATTENTION
    to = f" to {', '.join(state.to)}" if state.to else ""
    typer.echo(plain(f"{event}: {state.outcome or 'looked for again'}{to}"), err=True)
    return Code.DONE
