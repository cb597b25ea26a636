"""One invoice: start, watch, show, and a person's answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from commands.answering import Asked, Question, Word, helped, said, taken
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
    web_ui,
    who_and_why,
    with_client,
)
from commands.choosing import Choice, DueBefore, Prefix, ProviderOf, StatusOf, WaitingFor
from commands.credit_views import show_beside
from commands.crediting import credits_beside
from commands.files import is_many
from commands.following import explain, follow, served
from commands.orders import show_order
from invoicing.client import InvoicingClient, Unreachable, web_page
from invoicing.errors import EngineError, InvalidRequest, NotFound
from invoicing.parse import read_request
from invoicing.request import InvoiceRequest
from invoicing.state.identity import workflow_id
from invoicing.state.invoice import Cancel, Hold, Instruction, Invoice, Problem, Release
from terminal import answers, facts, history, plain, screen

# --- asking and looking ---------------------------------------------------------------------------


@app.command(
    short_help="Have an invoice made.",
    epilog=f"Example: {PROGRAM} start sandbox/examples/invoice.json --wait",
)
def start(file: File, wait: Wait = False, as_json: AsJson = False) -> None:
    """Have the invoice in FILE made; the same request again is the same invoice."""
    try:
        request = read_request(file.read())
    except InvalidRequest as error:
        if error.fields or not is_many(Path(file.name)):
            raise
        raise BadInput(
            "`start` takes one request, as JSON: `batch` takes a file of many."
        ) from None

    async def work(client: InvoicingClient) -> Code:
        await client.invoices.start(request)
        _started(client, request, as_json)
        if not await served(client, request.provider):
            typer.echo(NOT_SERVED.format(request.provider), err=True)
        return await follow(client, [request.reference], as_json) if wait else Code.DONE

    with_client(work)


def _started(client: InvoicingClient, request: InvoiceRequest, as_json: bool) -> None:
    ui = web_ui(client)
    page = ui and web_page(ui, client.temporal.namespace, request.reference)
    identity = workflow_id(request.reference)
    if as_json:
        told = {"reference": request.reference, "workflow_id": identity, "web_ui": page}
        typer.echo(json.dumps(told))
        return
    typer.echo(f"Reference  {request.reference}\nWorkflow   {identity}")
    if page:
        typer.echo(f"Web UI     {page}")


NOT_SERVED = (
    "No worker serves {0} now: until one does, it waits. `doctor` lists the providers that are "
    "served; `cancel` ends what was a mistake."
)
MOST_WATCHED = 100


@app.command(
    short_help="Show invoices as they change.",
    epilog=f"Example: {PROGRAM} watch EXAMPLE-1 EXAMPLE-2",
)
def watch(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="REF…", help="One or more, or filters instead.")
    ] = None,
    provider: ProviderOf = None,
    status: StatusOf = None,
    waiting_for: WaitingFor = None,
    due_before: DueBefore = None,
    prefix: Prefix = None,
    as_json: AsJson = False,
) -> None:
    """Show invoices as they change, until each has ended or waits for a person."""
    choice = Choice.of(provider, status, waiting_for, due_before, prefix)
    if bool(references) is not choice.is_empty:
        raise BadInput("Name what to watch: either references, or filters.")

    async def work(client: InvoicingClient) -> Code:
        chosen = list(references or ())
        if not references:
            found = choice.found(client, limit=MOST_WATCHED + 1, running=True)
            chosen = [row.reference async for row in found]
        if len(chosen) > MOST_WATCHED:
            raise BadInput(f"These are more than {MOST_WATCHED}: narrow it down, or use `list`.")
        if not chosen:
            typer.echo("No invoices.", err=True)
            return Code.DONE
        return await follow(client, chosen, as_json)

    with_client(work)


@app.command(
    short_help="Show one invoice or order, and what you can do about it.",
    epilog=f"Example: {PROGRAM} show EXAMPLE-1",
)
def show(reference: Reference, as_json: AsJson = False) -> None:
    """Show where an invoice is, what is wrong with it, what you can do, and what happened.

    Of an order, its ledger of lines and its deliveries.
    """

    async def work(client: InvoicingClient) -> Code:
        try:
            about = client.invoices.handle(reference)
            invoice = await answered(client.invoices.state(reference), about)
        except NotFound as unknown:
            try:
                return await show_order(client, reference, as_json)
            except NotFound:
                raise unknown from None
        return await _show_invoice(client, invoice, as_json)

    with_client(work)


async def _show_invoice(client: InvoicingClient, invoice: Invoice, as_json: bool) -> Code:
    journal = await answered(client.invoices.journal(invoice.reference))
    credited = await credits_beside(client, invoice)
    if as_json:
        told = {"invoice": invoice, "journal": journal, "credits": credited}
        typer.echo(json.dumps({name: each and data(each) for name, each in told.items()}))
        return Code.DONE
    console = screen()
    console.print(facts(invoice))
    cut_off = None if invoice.ended else await client.invoices.cut_off(invoice.reference)
    await explain(client, cut_off or invoice)
    asks = invoice.problem is not None and bool(invoice.problem.answers)
    if asks or not (invoice.ended or cut_off):
        console.print(f"\n{answers(invoice)}", soft_wrap=True)
    if credited:
        show_beside(credited, console)
    if journal.entries:
        console.print("", history(journal.entries), sep="\n")
    elif not (invoice.ended or await served(client, invoice.provider)):
        typer.echo(NOT_SERVED.format(plain(invoice.provider)), err=True)
    return Code.DONE


# --- what people decide ---------------------------------------------------------------------------


@app.command(
    short_help="Stop an invoice before its next irreversible step.",
    epilog=f'Example: {PROGRAM} hold EXAMPLE-1 --reason "price under discussion"',
)
def hold(reference: Reference, by: By = None, reason: Why = None, as_json: AsJson = False) -> None:
    """Stop an invoice before its next irreversible step, until `release`."""
    order = Hold(**who_and_why(by, reason))
    _order(reference, lambda client: client.invoices.hold(reference, order), as_json, order)


@app.command(epilog=f'Example: {PROGRAM} release EXAMPLE-2 --reason "checked the damage"')
def release(
    reference: Reference, by: By = None, reason: Why = None, as_json: AsJson = False
) -> None:
    """Let a held invoice go on."""
    order = Release(**who_and_why(by, reason))
    _order(reference, lambda client: client.invoices.release(reference, order), as_json)


@app.command(
    short_help="Take an invoice back.",
    epilog=f'Example: {PROGRAM} cancel EXAMPLE-1 --reason "ordered by mistake"',
)
def cancel(
    reference: Reference, by: By = None, reason: Why = None, as_json: AsJson = False
) -> None:
    """Take an invoice back: stop it, delete its draft, or credit it, as its stage asks for."""
    order = Cancel(**who_and_why(by, reason))
    _order(reference, lambda client: client.invoices.cancel(reference, order), as_json, order)


@app.command(
    short_help="Answer an invoice that needs attention.",
    help=helped(
        "Answer the question that an invoice is parked with.",
        "`show` prints it: its id, the answers it takes now, what each does, and what to type.",
        answers=taken("invoice"),
    ),
    epilog=f"Example: {PROGRAM} resolve refused correct --question q1 "
    '--document sandbox/examples/refused-corrected.json --reason "no direct debit agreed"',
)
def resolve(
    reference: Reference,
    answer: Word,
    question: Question = None,
    provider_id: Annotated[
        str | None, typer.Option(help="For adopt: the invoice's id at the provider.")
    ] = None,
    document: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(
            metavar="FILE",
            help="For correct: the request, its document or options corrected.",
        ),
    ] = None,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Answer the question that an invoice is parked with."""
    corrected = document and _corrected(reference, document.read())
    with_it: dict[str, Any] = {"provider_id": provider_id, "document": None}
    if corrected:
        with_it |= {"document": corrected.document, "options": corrected.options}
    given = said(answer, question, partial(who_and_why, by, reason), **with_it)

    async def give(client: InvoicingClient) -> None:
        async def problem() -> Problem | None:
            return (await client.invoices.state(reference)).problem

        if corrected:
            _refuse_other_parts(corrected, await answered(client.invoices.state(reference)))
        asked = Asked(reference, "resolve", problem)
        await asked.give(given, lambda said: client.invoices.resolve(reference, said))

    _order(reference, give, as_json)


def _order(
    reference: str,
    give: Callable[[InvoicingClient], Awaitable[object]],
    as_json: bool,
    order: Instruction | None = None,
) -> NoReturn:
    async def work(client: InvoicingClient) -> Code:
        try:
            await answered(give(client), client.invoices.handle(reference))
        except Unreachable:
            if order is None or not await _is_taken(client, reference, order):
                raise
            typer.echo(_TAKEN, err=True)
        invoice = await answered(client.invoices.state(reference))
        if as_json:
            typer.echo(invoice.model_dump_json())
        else:
            screen().print(facts(invoice))
        return Code.DONE

    with_client(work)


async def _is_taken(client: InvoicingClient, reference: str, order: Instruction) -> bool:
    """Whether it stands in the journal: a worker answers, and only the acknowledgement is late."""
    try:
        entries = (await answered(client.invoices.journal(reference))).entries
    except EngineError:
        return False
    return any((each.by, each.reason) == (order.by, order.reason) for each in entries)


_TAKEN = (
    "It is taken, and acknowledged once no call that is under way or was lost may still reach the "
    "buyer; `watch` shows what becomes of it."
)


def _corrected(reference: str, text: bytes) -> InvoiceRequest:
    request = read_request(text)
    if request.reference != reference:
        raise BadInput(f"The file is about {request.reference}, not about {reference}.")
    return request


def _refuse_other_parts(wanted: InvoiceRequest, invoice: Invoice) -> None:
    """A correction brings the document and the options. What else of the file would not be taken
    must be as it is."""
    parts = ("provider", "account")
    other = [name for name in parts if getattr(wanted, name) != getattr(invoice, name)]
    if other:
        raise BadInput(
            f"A correction changes the document and the options alone, not {', '.join(other)}: "
            "`cancel` it, and ask for it anew."
        )
