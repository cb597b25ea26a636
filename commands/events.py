"""What providers told us that belongs to no invoice we know: somebody has to say whose it is."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from commands.answering import Asked, Question, Word, helped, said, taken
from commands.base import (
    OTHERS,
    PROGRAM,
    AsJson,
    By,
    Code,
    Why,
    answered,
    app,
    group,
    known_as,
    who_and_why,
    with_client,
)
from invoicing.client import InvoicingClient
from invoicing.invoice import Problem
from terminal import choices, event_facts, events_table, screen

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
        names = [name async for name in client.events(limit=limit)]
        states = {name: await answered(client.event(name)) for name in names}
        if as_json:
            for state in states.values():
                typer.echo(state.model_dump_json())
        elif states:
            screen().print(events_table(states))
        else:
            typer.echo("No event waits for a person.", err=True)
        return Code.DONE

    with_client(work)


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
            state = await answered(client.event(event))
        if as_json:
            typer.echo(state.model_dump_json())
            return Code.DONE
        console = screen()
        console.print(event_facts(event, state))
        if state.problem:
            told = choices(state.problem, f"events resolve {event}")
            console.print(f"\n{told}", soft_wrap=True)
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
            return (await client.event(event)).problem

        with known_as("event"):
            asked = Asked(event, "events resolve", problem)
            await asked.give(given, lambda said: client.resolve_event(event, said))
            state = await answered(client.event(event))
        if as_json:
            typer.echo(state.model_dump_json())
        else:
            typer.echo(f"{event}: {answer}", err=True)
        return Code.DONE

    with_client(work)
