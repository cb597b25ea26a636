"""What providers told us that belongs to no invoice we know: somebody has to say whose it is."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from commands.base import (
    OTHERS,
    AsJson,
    BadInput,
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
from invoicing.news import ResolveEvent
from terminal import events_table, screen

events = group(help="What providers told us and nobody knows whose it is.")
app.add_typer(events, name="events", rich_help_panel=OTHERS)


@events.command(
    "list",
    short_help="List the events that wait for a person.",
    epilog="Example: python starter.py events list",
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


@events.command(
    "resolve",
    short_help="Say whose event it is.",
    epilog="Example: python starter.py events resolve mollie/default/evt_1 deliver "
    '--reference EXAMPLE-1 --reason "the payment of June"',
)
def resolve(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="As listed: provider/account/id.")],
    action: Annotated[
        Literal["retry", "deliver", "drop"],
        typer.Argument(metavar="ACTION", help="One of those above."),
    ],
    reference: Annotated[
        str | None, typer.Option(metavar="REF", help="For deliver: the invoice it is about.")
    ] = None,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Answer for an event that waits for a person.

    retry    look for its invoice again
    deliver  it is about the invoice with --reference
    drop     forget it
    """
    if (action == "deliver") != (reference is not None):
        raise BadInput("deliver, and only deliver, needs --reference.")
    answer = ResolveEvent(action=action, reference=reference, **who_and_why(by, reason))

    async def work(client: InvoicingClient) -> Code:
        with known_as("event"):
            state = await answered(client.resolve_event(event, answer))
        if as_json:
            typer.echo(state.model_dump_json())
        else:
            typer.echo(f"{event}: {action}", err=True)
        return Code.DONE

    with_client(work)
