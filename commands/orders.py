"""Orders: what is delivered of them, and what will not be."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, NoReturn

import typer

from commands.answering import Asked, Question, Word, helped, said, taken
from commands.base import (
    OTHERS,
    PROGRAM,
    AsJson,
    BadInput,
    By,
    Code,
    File,
    Why,
    answered,
    app,
    data,
    group,
    known_as,
    who_and_why,
    with_client,
)
from commands.choosing import word_of
from invoicing.client import InvoicingClient
from invoicing.parse import read
from invoicing.request import OrderRequest
from invoicing.state.invoice import Cancel, Problem
from invoicing.state.order import AddLines, CancelLines, Deliver, OrderStatus
from invoicing.temporal.lists import CUT_OFF
from terminal import (
    choices,
    deliveries,
    history,
    ledger,
    listing,
    order_facts,
    plain,
    screen,
    trouble,
)

orders = group(help="Orders whose lines are invoiced as they are delivered.")
app.add_typer(orders, name="order", rich_help_panel=OTHERS)

OrderRef = Annotated[str, typer.Argument(metavar="REF", help="The order's reference.")]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", metavar="ID", help="A line, by its id; once for each line."),
]
Units = Annotated[
    list[str] | None,
    typer.Option(
        "--units", metavar="NUMBER@ID", help="So many units of a line: 4@1; once for each line."
    ),
]
DAY = ["%Y-%m-%d"]
ORDER_COLUMNS = ("reference", "provider", "status", "waiting_for", "provider_id", "started_at")


@orders.command(
    "start",
    short_help="Begin an order.",
    epilog=f"Example: {PROGRAM} order start sandbox/examples/order.json",
)
def start(file: File, as_json: AsJson = False) -> None:
    """Begin the order in FILE; the same request again is the same order."""
    request = read(OrderRequest, file.read())

    async def work(client: InvoicingClient) -> Code:
        execution = await client.orders.start(request)
        if as_json:
            told = {"reference": request.reference, "workflow_id": execution.id}
            typer.echo(json.dumps(told))
        else:
            typer.echo(f"Reference  {request.reference}\nWorkflow   {execution.id}")
        return Code.DONE

    with_client(work)


@orders.command(
    "list",
    short_help="List orders.",
    epilog=f"Example: {PROGRAM} order list --status needs_attention",
)
def list_(
    status: Annotated[
        Any,
        typer.Option(
            parser=lambda word: word_of(OrderStatus, word),
            metavar=f"[{'|'.join((*OrderStatus, CUT_OFF))}]",
            help="In this state.",
        ),
    ] = None,
    provider: Annotated[str | None, typer.Option(help="At this provider.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List orders, the latest first; with --json one object per line."""

    async def work(client: InvoicingClient) -> Code:
        found = client.orders.list(provider=provider, status=status, limit=limit)
        rows = [row async for row in found]
        if as_json:
            typer.echo("".join(f"{json.dumps(data(row))}\n" for row in rows), nl=False)
        elif rows:
            screen().print(listing(rows, ORDER_COLUMNS))
        else:
            typer.echo("No order is like that.", err=True)
        return Code.DONE

    with_client(work)


@orders.command(
    "show",
    short_help="Show one order, its ledger and its deliveries.",
    epilog=f"Example: {PROGRAM} order show ORDER-1",
)
def show(reference: OrderRef, as_json: AsJson = False) -> None:
    """Show where an order is: every line, every delivery, and what happened."""

    async def work(client: InvoicingClient) -> Code:
        with known_as("order"):
            return await show_order(client, reference, as_json)

    with_client(work)


async def show_order(client: InvoicingClient, reference: str, as_json: bool) -> Code:
    """The order on standard output. Raises NotFound."""
    about = client.orders.handle(reference)
    order = await answered(client.orders.state(reference), about)
    journal = await answered(client.orders.journal(reference))
    if as_json:
        typer.echo(json.dumps({"order": data(order), "journal": data(journal)}))
        return Code.DONE
    console = screen()
    console.print(order_facts(order), "", ledger(order), sep="\n")
    if order.problem:
        typer.echo(f"{plain(reference)}. {trouble(order.problem)}", err=True)
        told = choices(order.problem, f"order resolve {reference}")
        console.print(f"\n{told}", soft_wrap=True)
    if order.deliveries:
        console.print("", deliveries(order), sep="\n")
    console.print("", history(journal.entries), sep="\n")
    return Code.DONE


@orders.command(
    "deliver",
    short_help="Have lines invoiced, or units of them.",
    epilog=f"Example: {PROGRAM} order deliver ORDER-1 PARCEL-1 --line 1 --units 4@2",
)
def deliver(
    reference: OrderRef,
    delivery: Annotated[
        str, typer.Argument(metavar="NAME", help="Yours; the same again is the same delivery.")
    ],
    line: Lines = None,
    units: Units = None,
    number: Annotated[
        str | None, typer.Option(help="The invoice's number, where you number them.")
    ] = None,
    issue_date: Annotated[
        datetime | None, typer.Option(formats=DAY, metavar="DAY", help="Today if left out (UTC).")
    ] = None,
    due_date: Annotated[
        datetime | None,
        typer.Option(formats=DAY, metavar="DAY", help="The order's if left out."),
    ] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Wait for a release.")] = False,
    send_on: Annotated[
        datetime | None,
        typer.Option(formats=DAY, metavar="DAY", help="Not sent before this day begins (UTC)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have these lines of an order invoiced now: all that is open of them, or so many units."""
    lines, quantities = _given(line, units)
    wanted = Deliver(
        delivery=delivery,
        lines=lines,
        quantities=quantities,
        number=number,
        issue_date=(issue_date or datetime.now(UTC)).date(),
        due_date=due_date and due_date.date(),
        hold=hold,
        send_on=send_on and send_on.date(),
    )
    _order(reference, lambda client: client.orders.deliver(reference, wanted), as_json)


@orders.command(
    "cancel-lines",
    short_help="Take lines out of an order, or units of them.",
    epilog=f"Example: {PROGRAM} order cancel-lines ORDER-1 SHORT-1 --line 3 "
    '--reason "not in stock"',
)
def cancel_lines(
    reference: OrderRef,
    cancellation: Annotated[
        str, typer.Argument(metavar="NAME", help="Yours; the same again is the same one.")
    ],
    line: Lines = None,
    units: Units = None,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Take out of an order what will not be delivered: all that is open of lines, or so many units
    of them."""
    lines, quantities = _given(line, units)
    wanted = CancelLines(
        cancellation=cancellation,
        lines=lines,
        quantities=quantities,
        **who_and_why(by, reason),
    )
    _order(reference, lambda client: client.orders.cancel_lines(reference, wanted), as_json)


@orders.command(
    "add-lines",
    short_help="Order more lines.",
    epilog=f"Example: {PROGRAM} order add-lines ORDER-1 MORE-1 more.json",
)
def add_lines(
    reference: OrderRef,
    addition: Annotated[
        str, typer.Argument(metavar="NAME", help="Yours; the same again is the same addition.")
    ],
    file: File,
    as_json: AsJson = False,
) -> None:
    """Order the lines in FILE as well, a list of lines as an order has them, while it is open.

    Refused where the provider knows the order as it was registered.
    """
    named = json.dumps({"addition": addition})[:-1].encode()
    wanted = read(AddLines, named + b', "lines": ' + file.read() + b"}")
    _order(reference, lambda client: client.orders.add_lines(reference, wanted), as_json)


@orders.command(
    "cancel",
    short_help="Take a whole order back.",
    epilog=f'Example: {PROGRAM} order cancel ORDER-1 --reason "ordered by mistake"',
)
def cancel(reference: OrderRef, by: By = None, reason: Why = None, as_json: AsJson = False) -> None:
    """Cancel what is open of an order, and take back what is invoiced."""
    wanted = Cancel(**who_and_why(by, reason))
    _order(reference, lambda client: client.orders.cancel(reference, wanted), as_json)


@orders.command(
    "resolve",
    short_help="Answer an order that needs attention.",
    help=helped(
        "Answer the question that an order is parked with.",
        "`order show` prints it: its id, the answers it takes now, what each does, what to type.",
        answers=taken("order"),
    ),
    epilog=f"Example: {PROGRAM} order resolve ORDER-1 make_again --question q1 "
    '--reason "the customer is known there now"',
)
def resolve(
    reference: OrderRef,
    answer: Word,
    question: Question = None,
    number: Annotated[
        str | None, typer.Option(help="For invoiced: the number of the invoice they are on.")
    ] = None,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Answer the question that an order is parked with."""
    given = said(answer, question, partial(who_and_why, by, reason), number=number)

    async def give(client: InvoicingClient) -> None:
        async def problem() -> Problem | None:
            return (await client.orders.state(reference)).problem

        asked = Asked(reference, "order resolve", problem)
        await asked.give(given, lambda said: client.orders.resolve(reference, said))

    _order(reference, give, as_json)


def _given(
    lines: list[str] | None, units: list[str] | None
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The lines that are named, and the quantities of those of which units are."""
    counted = [units_of(each) for each in units or ()]
    named = (*(lines or ()), *(line for line, _ in counted))
    if not named:
        raise BadInput("Say which lines: --line ID for all that is open of one, --units NUMBER@ID.")
    return named, dict(counted)


def units_of(typed: str) -> tuple[str, str]:
    """A line's id and so many units of it. A number has no @, an id may have one."""
    number, at, line = typed.partition("@")
    if not at:
        raise BadInput("--units is written NUMBER@ID, such as 2@1.")
    return line, number


def _order(
    reference: str, give: Callable[[InvoicingClient], Awaitable[object]], as_json: bool
) -> NoReturn:
    async def work(client: InvoicingClient) -> Code:
        with known_as("order"):
            await answered(give(client), client.orders.handle(reference))
            order = await answered(client.orders.state(reference))
        if as_json:
            typer.echo(order.model_dump_json())
        else:
            screen().print(order_facts(order), "", ledger(order), sep="\n")
        return Code.DONE

    with_client(work)
