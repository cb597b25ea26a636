"""Amendments: a final invoice credited, and another one made in its place."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer

from commands.base import (
    PROGRAM,
    AsJson,
    BadInput,
    By,
    Code,
    File,
    Reference,
    Wait,
    Why,
    answered,
    app,
    data,
    known_as,
    who_and_why,
    with_client,
)
from commands.choosing import ProviderOf, word_of
from commands.crediting import options_of, show_list
from commands.orders import DAY
from invoicing.client import InvoicingClient
from invoicing.credits.amend import Amend, Amendment, AmendStatus
from invoicing.parse import read_request
from invoicing.request import Goal, InvoiceRequest
from invoicing.temporal.lists import CUT_OFF
from terminal import history, plain, screen

_WENT_WELL = (AmendStatus.CHECKING, AmendStatus.CREDITING, AmendStatus.MAKING, AmendStatus.AMENDED)


@app.command(
    short_help="Credit an invoice and make another one in its place.",
    epilog=f'Example: {PROGRAM} amend EXAMPLE-1 A1 corrected.json --reason "wrong address"',
)
def amend(
    reference: Reference,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Yours; the same again is the same amendment.")
    ],
    file: File,
    number: Annotated[
        str | None, typer.Option(help="The credit note's number, where you number them.")
    ] = None,
    issue_date: Annotated[
        datetime | None,
        typer.Option(formats=DAY, metavar="DAY", help="The credit note's; today if left out."),
    ] = None,
    options: Annotated[
        str | None, typer.Option(metavar="JSON", help="Provider's options of the credit note.")
    ] = None,
    goal: Annotated[
        Goal | None, typer.Option(help="How far the credit note is to get; see `credit`.")
    ] = None,
    hold: Annotated[
        bool, typer.Option("--hold", help="The credit note waits for a release.")
    ] = False,
    wait: Wait = False,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Credit what is left of a final invoice, and then have the invoice in FILE made instead.

    The new invoice is looked at before anything is credited. The same again goes on where it
    stopped. Where FILE has the reference of the old invoice, the new one is called REF-NAME.
    """
    note = {
        "number": number,
        "issue_date": issue_date and issue_date.date(),
        "options": options_of(options),
        "goal": goal,
        "hold": hold,
    }
    new = _named(read_request(file.read()), reference, name)
    wanted = Amend.model_validate(
        {"amendment": name, "invoice": new, "credit_note": note, **who_and_why(by, reason)}
    )

    async def work(client: InvoicingClient) -> Code:
        state = await answered(client.amendments.make(reference, wanted))
        if wait:
            state = await _until_it_rests(client, reference)
        _tell(state, as_json=as_json)
        return _code(state)

    with_client(work)


def _named(new: InvoiceRequest, old: str, name: str) -> InvoiceRequest:
    """A file that was corrected still has the reference of the invoice that it is about."""
    if new.reference != old:
        return new
    return InvoiceRequest.model_validate({**dict(new), "reference": f"{old}-{name}"})


async def _until_it_rests(client: InvoicingClient, reference: str) -> Amendment:
    """Once it has ended or needs a person."""
    async for state in client.amendments.changes(reference):
        if state.ended or state.status is AmendStatus.NEEDS_ATTENTION:
            break
    return state


def _code(state: Amendment) -> Code:
    if state.status is AmendStatus.NEEDS_ATTENTION:
        return Code.NEEDS_ATTENTION
    return Code.DONE if state.status in _WENT_WELL else Code.FAILED


def _tell(state: Amendment, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(data(state)))
        return
    number = f", number {state.number}" if state.number else ""
    credited = f"{state.credit}, {'credited' if state.credited else 'not credited yet'}"
    screen().print(
        plain(f"Amendment {state.amendment} of {state.reference}: {state.status}"),
        plain(f"Credit note: {credited if state.credit else 'none yet'}"),
        plain(f"New invoice: {state.makes}{number}"),
        sep="\n",
        soft_wrap=True,
    )
    if state.problem:
        typer.echo("\n  ".join(map(plain, (state.problem, *state.fields))), err=True)
    elif not state.ended:
        typer.echo(f"`amendments {plain(state.reference)}` shows what becomes of it.", err=True)


StatusOf = Annotated[
    Any,
    typer.Option(
        "--status",
        parser=lambda word: word_of(AmendStatus, word),
        metavar=f"[{'|'.join((*AmendStatus, CUT_OFF))}]",
        help="Without REF: only with this status.",
    ),
]


@app.command(
    short_help="Show the amendment of an invoice, or list those that were amended.",
    epilog=f"Example: {PROGRAM} amendments EXAMPLE-1",
)
def amendments(
    reference: Annotated[
        str | None, typer.Argument(metavar="REF", help="The old invoice's reference.")
    ] = None,
    provider: ProviderOf = None,
    status: StatusOf = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show how far the amendment of an invoice is, why it does not go on, and what happened.

    Without REF, list the invoices that were amended, the latest first; with --json one per line.
    """
    if reference is not None and (provider or status):
        raise BadInput("Filters are for the list: leave REF out.")

    async def work(client: InvoicingClient) -> Code:
        if reference is None:
            found = client.amendments.list(provider=provider, status=status, limit=limit)
            return await show_list(found, as_json, "No invoice with such an amendment.")
        with known_as("amended invoice"):
            return await _show(client, reference, as_json)

    with_client(work)


async def _show(client: InvoicingClient, reference: str, as_json: bool) -> Code:
    state = await answered(client.amendments.state(reference))
    journal = await answered(client.amendments.journal(reference))
    if as_json:
        typer.echo(json.dumps({"amendment": data(state), "journal": data(journal)}))
        return Code.DONE
    _tell(state, as_json=False)
    screen().print("", history(journal.entries), sep="\n")
    return Code.DONE
