"""Credits: an invoice taken back, as a whole or in parts, and what is left of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Annotated, Any, NoReturn

import typer

from commands.answering import Asked, Question, Word, helped, said, taken
from commands.base import (
    PROGRAM,
    AsJson,
    BadInput,
    By,
    Code,
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
from commands.credit_views import credits_table, show_left, show_made
from commands.following import follow
from commands.orders import DAY, units_of
from invoicing.client import InvoicingClient, Refused, Unreachable
from invoicing.credits.case import Credits, CreditsStatus, CreditState
from invoicing.credits.credit import Credit
from invoicing.errors import NotFound
from invoicing.request import Goal
from invoicing.state.invoice import Invoice, Problem, Resolve
from invoicing.state.questions import QUESTIONS, Answer
from invoicing.temporal.lists import CUT_OFF, Listed
from terminal import choices, history, listing, plain, screen, trouble

COLUMNS = ("reference", "provider", "status", "waiting_for", "number", "started_at")
WHOLE, LINE, UNITS, AMOUNT = "--whole", "--line", "--units", "--amount"
_WHAT = (
    f"Say what to credit: {WHOLE}, or {LINE} ID, {UNITS} NUMBER@ID and {AMOUNT} AMOUNT@RATE, each "
    "as often as is needed. `credits` shows what is left."
)


@app.command(
    short_help="Credit an invoice, as a whole or in parts.",
    epilog=f'Example: {PROGRAM} credit EXAMPLE-1 RETURN-7 --units 2@1 --reason "came back"',
)
def credit(
    reference: Reference,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Yours; the same again is the same credit.")
    ],
    whole: Annotated[bool, typer.Option(WHOLE, help="All that is left of it.")] = False,
    line: Annotated[
        list[str] | None,
        typer.Option(LINE, metavar="ID", help="All that is left of a line, by its id."),
    ] = None,
    units: Annotated[
        list[str] | None,
        typer.Option(UNITS, metavar="NUMBER@ID", help="So many units of a line: 2@1."),
    ] = None,
    amount: Annotated[
        list[str] | None,
        typer.Option(
            AMOUNT,
            metavar="AMOUNT@RATE",
            help="An amount of no line, at a VAT rate: 50.00@21, or 50.00@AE:0 by its category.",
        ),
    ] = None,
    number: Annotated[
        str | None, typer.Option(help="The credit note's number, where you number them.")
    ] = None,
    issue_date: Annotated[
        datetime | None, typer.Option(formats=DAY, metavar="DAY", help="Today if left out (UTC).")
    ] = None,
    options: Annotated[
        str | None, typer.Option(metavar="JSON", help="Provider's options, beside the invoice's.")
    ] = None,
    goal: Annotated[
        Goal | None, typer.Option(help="How far the note is to get; the invoice's if left out.")
    ] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Wait for a release.")] = False,
    wait: Wait = False,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Credit what is left of a final invoice, or parts of it, by a credit note of its own.

    The reason stands on the credit note. More than is left is refused, and what is left is shown.
    """
    lines = [{"id": each} for each in line or ()]
    counted = (units_of(each) for each in units or ())
    lines += [{"id": each, "quantity": quantity} for each, quantity in counted]
    parts = {"lines": lines, "amounts": [_amount(each) for each in amount or ()]}
    if whole == any(parts.values()):
        raise BadInput(_WHAT)
    wanted = Credit.model_validate(
        {
            "credit": name,
            "whole": whole,
            **parts,
            "number": number,
            "issue_date": issue_date and issue_date.date(),
            "options": options_of(options),
            "goal": goal,
            "hold": hold,
            **who_and_why(by, reason),
        }
    )
    _make(reference, wanted, wait=wait, as_json=as_json)


def _amount(typed: str) -> dict[str, str]:
    """An amount, at `21` or, of another category than S, at `AE:0`."""
    amount, at, rate = typed.partition("@")
    if not at:
        raise BadInput(f"{AMOUNT} is written AMOUNT@RATE, such as 50.00@21.")
    category, colon, percent = rate.rpartition(":")
    return {"rate": percent, "amount": amount} | ({"category": category} if colon else {})


def options_of(text: str | None) -> object:
    """What was typed as a provider's options. Raises BadInput."""
    try:
        return json.loads(text) if text else {}
    except ValueError:
        raise BadInput("--options is not JSON: an object with named fields is needed.") from None


def _make(reference: str, wanted: Credit, *, wait: bool, as_json: bool) -> NoReturn:
    async def work(client: InvoicingClient) -> Code:
        try:
            made = await answered(client.credits.make(reference, wanted))
        except Refused:
            await _say_what_is_left(client, reference)
            raise
        state = await answered(client.credits.state(reference))
        _tell(state, made, wait=wait, as_json=as_json)
        return await follow(client, [made.reference], as_json) if wait else Code.DONE

    with_client(work)


async def _say_what_is_left(client: InvoicingClient, reference: str) -> None:
    """On standard error, where a worker says so."""
    with suppress(NotFound, Unreachable):
        show_left(await answered(client.credits.overview(reference)), screen(error=True))


def _tell(state: Credits, made: CreditState, *, wait: bool, as_json: bool) -> None:
    if as_json:
        left = data(state.left) if state.left else None
        typer.echo(json.dumps({"credit": data(made), "left": left}))
        return
    show_made(state, made, screen())
    if not wait:
        typer.echo(f"`watch {plain(made.reference)}` shows what becomes of it.", err=True)


_LISTED = tuple(each for each in CreditsStatus if each is not CreditsStatus.NONE)
StatusOf = Annotated[
    Any,
    typer.Option(
        "--status",
        parser=lambda word: word_of(CreditsStatus, word),
        metavar=f"[{'|'.join((*_LISTED, CUT_OFF))}]",
        help="Without REF: only with this status.",
    ),
]


@app.command(
    "credits",
    short_help="Show the credits of an invoice and what is left, or list those that have any.",
    epilog=f"Example: {PROGRAM} credits EXAMPLE-1",
)
def credits_(
    reference: Annotated[
        str | None, typer.Argument(metavar="REF", help="The invoice's reference.")
    ] = None,
    provider: ProviderOf = None,
    status: StatusOf = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was credited of an invoice, what is left of it, and what its credits ask.

    Without REF, list the invoices that have credits, the latest first; with --json one per line.
    """
    if reference is not None and (provider or status):
        raise BadInput("Filters are for the list: leave REF out.")

    async def work(client: InvoicingClient) -> Code:
        if reference is None:
            found = client.credits.list(provider=provider, status=status, limit=limit)
            return await show_list(found, as_json, "No invoice with such credits.")
        return await _show(client, reference, as_json)

    with_client(work)


async def credits_beside(client: InvoicingClient, invoice: Invoice) -> Credits | None:
    """The credits of an invoice that can be credited, or was, to be shown with it."""
    if not (invoice.final or invoice.in_parts or invoice.credited_whole):
        return None
    state = await answered(client.credits.overview(invoice.reference))
    return state if state.left else None


async def show_list(found: AsyncIterator[Listed], as_json: bool, none: str) -> Code:
    """What lists know of each, as a table, or as JSON, one per line; `none` where there is none."""
    rows = [row async for row in found]
    if as_json:
        typer.echo("".join(f"{json.dumps(data(row))}\n" for row in rows), nl=False)
    elif rows:
        screen().print(listing(rows, COLUMNS))
    else:
        typer.echo(none, err=True)
    return Code.DONE


async def _show(client: InvoicingClient, reference: str, as_json: bool) -> Code:
    state = await answered(client.credits.overview(reference))
    begun = state.status is not CreditsStatus.NONE
    journal = await answered(client.credits.journal(reference)) if begun else None
    if as_json:
        typer.echo(json.dumps({"credits": data(state), "journal": journal and data(journal)}))
        return Code.DONE
    console = screen()
    show_left(state, console)
    if state.problem:
        typer.echo(f"{plain(reference)}. {trouble(state.problem)}", err=True)
        told = choices(state.problem, f"resolve-credits {reference}")
        console.print(f"\n{told}", soft_wrap=True)
    if state.credits:
        console.print("", credits_table(state), sep="\n")
    for one in state.credits:
        if one.became == "released":
            typer.echo(f"`show {plain(one.reference)}` says why it came to nothing.", err=True)
    if journal:
        console.print("", history(journal.entries), sep="\n")
    return Code.DONE


def _means(answer: Answer) -> str:
    """What it does at a question of credits: there it is not about an order's lines."""
    asked = (each.answers for each in QUESTIONS.values() if each.of == "credits")
    return next(answers[answer] for answers in asked if answer in answers)


@app.command(
    "resolve-credits",
    short_help="Answer the credits of an invoice that need attention.",
    help=helped(
        "Answer the question that the credits of an invoice are parked with.",
        "`credits REF` prints it: its id, the answers it takes now, what each does, what to type.",
        answers=taken("credits"),
        means=_means,
    ),
    epilog=f"Example: {PROGRAM} resolve-credits EXAMPLE-1 free --question q1 "
    '--reason "there is no such credit note at the provider"',
)
def resolve_credits(
    reference: Reference,
    answer: Word,
    question: Question = None,
    number: Annotated[
        str | None, typer.Option(help="For invoiced: the number of the credit note there.")
    ] = None,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Answer the question that the credits of an invoice are parked with."""
    given = said(answer, question, partial(who_and_why, by, reason), number=number)

    async def work(client: InvoicingClient) -> Code:
        async def problem() -> Problem | None:
            return (await client.credits.state(reference)).problem

        async def give(said: Resolve) -> None:
            await client.credits.resolve(reference, said)

        with known_as("credited invoice"):
            await Asked(reference, "resolve-credits", problem).give(given, give)
        state = await answered(client.credits.state(reference))
        if as_json:
            typer.echo(state.model_dump_json())
        else:
            show_left(state, screen())
            screen().print("", credits_table(state), sep="\n")
        return Code.DONE

    with_client(work)
