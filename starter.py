"""The command line: ask for invoices, watch them, and answer those that wait for a person.

python starter.py --help
"""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, contextmanager
from enum import IntEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from typer.core import TyperGroup

import invoicing.client
from invoicing.client import Failed, InvoicingClient, web_page
from invoicing.errors import FieldProblem, InvalidRequest, InvoicingError, NotFound
from invoicing.identity import workflow_id
from invoicing.invoice import Action, Cancel, Hold, Invoice, Release, Resolve, Status
from invoicing.parse import problems, read_request
from invoicing.process import run
from invoicing.request import InvoiceRequest
from terminal import (
    FELL_THROUGH,
    Board,
    answers,
    facts,
    history,
    interactive,
    listing,
    plain,
    screen,
    trouble,
    waits_for_person,
)

T = TypeVar("T")
Work = Callable[[InvoicingClient], Awaitable["Code"]]

WORKER_SECONDS = 15.0
"""How long a worker may take to answer before we say that there is none."""
SERVER_SECONDS = 10.0

_HELP = """
Have invoices made, watch them, and answer those that wait for a person.

[bold]Server[/bold]
[bold]TEMPORAL_ADDRESS[/bold]  where Temporal is (localhost:7233); and TEMPORAL_NAMESPACE …
[bold]INVOICING_WEB_UI[/bold]  where its Web UI is, for the links

[bold]Exit codes[/bold]
[bold]0[/bold]  done
[bold]1[/bold]  failed, refused, or ended without the invoice (cancelled, credited …)
[bold]2[/bold]  bad input; every mistake is named on a line of its own
[bold]3[/bold]  no invoice has this reference
[bold]4[/bold]  an invoice waits for a person
[bold]5[/bold]  the Temporal server, or a worker, cannot be reached
"""


class Code(IntEnum):
    """What the process ends with; the help says what each means."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_FOUND = 3
    NEEDS_ATTENTION = 4
    UNREACHABLE = 5


class Unreachable(InvoicingError):
    """There is no server, or no worker behind it; the sentence says what to do."""


class BadInput(InvoicingError):
    """What was typed cannot be used."""


# --- errors ---------------------------------------------------------------------------------------


class _Sentences(TyperGroup):
    """Every command of the group ends in a sentence and a code, whatever it raised on purpose."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (InvoicingError, ValidationError, RPCError, WorkflowQueryFailedError) as error:
            sentence, code = _explained(error)
        typer.echo(sentence, err=True)
        raise typer.Exit(code)


def _explained(error: Exception) -> tuple[str, Code]:
    match error:
        case InvalidRequest() | BadInput():
            return str(error), Code.BAD_INPUT
        case ValidationError():
            return "\n".join(map(str, problems(error))), Code.BAD_INPUT
        case NotFound():
            return f"No invoice {plain(error.reference)} is known here.", Code.NOT_FOUND
        case Unreachable():
            return str(error), Code.UNREACHABLE
        case WorkflowQueryFailedError():
            return "The worker could not answer; its log says why.", Code.FAILED
        case RPCError(status=RPCStatusCode.CANCELLED | RPCStatusCode.DEADLINE_EXCEEDED):
            return "No worker answers any more; nothing is lost, try again.", Code.UNREACHABLE
        case RPCError(status=RPCStatusCode.UNAVAILABLE):
            return "The Temporal server went away; nothing is lost, try again.", Code.UNREACHABLE
        case RPCError():
            return f"The Temporal server refused: {plain(error.message)}", Code.FAILED
    return "\n".join(map(plain, str(error).splitlines())), Code.FAILED


app = typer.Typer(
    cls=_Sentences,
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _with_client(work: Work) -> NoReturn:
    """Do the work with a connected client; its code is the process's."""

    async def connected() -> Code:
        return await work(await _connect())

    raise typer.Exit(run(connected()))


async def _connect() -> InvoicingClient:
    try:
        ClientConfig.load_client_connect_config()
    except (RuntimeError, ValueError) as error:
        raise Unreachable(
            f"Temporal's client configuration cannot be used: {plain(error)}"
        ) from None
    try:
        async with asyncio.timeout(SERVER_SECONDS):
            temporal = await invoicing.client.connect()
            request = DescribeNamespaceRequest(namespace=temporal.namespace)
            await temporal.workflow_service.describe_namespace(request)
    except (RuntimeError, TimeoutError, RPCError) as error:
        raise Unreachable(_no_server(error)) from None
    return InvoicingClient(temporal)


def _no_server(error: Exception) -> str:
    address = os.environ.get("TEMPORAL_ADDRESS", "localhost:7233")
    if isinstance(error, RPCError):
        return (
            f"The Temporal server at {address} does not let us in: {plain(error.message)} "
            "Check TEMPORAL_NAMESPACE and the credentials."
        )
    return (
        f"No Temporal server answers at {address}. Start one with `make server`, or set "
        "TEMPORAL_ADDRESS to where yours is."
    )


async def _answered(call: Awaitable[T]) -> T:
    """What a worker says, or a sentence about there being none."""
    try:
        async with asyncio.timeout(WORKER_SECONDS):
            return await call
    except TimeoutError:
        raise Unreachable(
            f"No worker answered within {WORKER_SECONDS:.0f} s. Start one with `make worker`; an "
            "order just given may still be carried out, so look with `show` before repeating it."
        ) from None


# --- what is typed --------------------------------------------------------------------------------

Reference = Annotated[str, typer.Argument(metavar="REF", help="The invoice's reference.")]
File = Annotated[typer.FileBinaryRead, typer.Argument(metavar="FILE", help="JSON; - is stdin.")]
By = Annotated[str | None, typer.Option(help="Who decides; your user name if left out.")]
Why = Annotated[str | None, typer.Option(help="Why; needed, it goes into the journal.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable on stdout.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended or needs a person.")]


def _name(by: str | None) -> str:
    try:
        return by or getpass.getuser()
    except (OSError, KeyError):
        raise BadInput("Your user name is not known here: say who decides with --by.") from None


def _reason(reason: str | None) -> str:
    if reason is None and interactive():
        reason = typer.prompt("Why", err=True)
    if not (reason or "").strip():
        raise BadInput("Say why, with --reason: it goes into the invoice's journal.")
    return str(reason)


def _who_and_why(by: str | None, reason: str | None) -> dict[str, str]:
    return {"by": _name(by), "reason": _reason(reason)}


# --- commands -------------------------------------------------------------------------------------


@app.command(
    short_help="Have an invoice made.",
    epilog="Example: python starter.py start sandbox/examples/invoice.json --wait",
)
def start(file: File, wait: Wait = False, as_json: AsJson = False) -> None:
    """Have the invoice in FILE made; the same request again is the same invoice."""
    request = read_request(file.read())

    async def work(client: InvoicingClient) -> Code:
        await client.start(request)
        _started(client, request, as_json)
        return await _follow(client, [request.reference], as_json) if wait else Code.DONE

    _with_client(work)


def _started(client: InvoicingClient, request: InvoiceRequest, as_json: bool) -> None:
    ui = _web_ui(client)
    page = ui and web_page(ui, client.temporal.namespace, request.reference)
    identity = workflow_id(request.reference)
    if as_json:
        told = {"reference": request.reference, "workflow_id": identity, "web_ui": page}
        typer.echo(json.dumps(told))
        return
    typer.echo(f"Reference  {request.reference}\nWorkflow   {identity}")
    if page:
        typer.echo(f"Web UI     {page}")


def _web_ui(client: InvoicingClient) -> str | None:
    """INVOICING_WEB_UI, or where the development server on its usual port has it."""
    if given := os.environ.get("INVOICING_WEB_UI"):
        return given
    address = client.temporal.service_client.config.target_host
    usual = address in ("localhost:7233", "127.0.0.1:7233")
    return "http://localhost:8233" if usual else None


@app.command(
    short_help="Show invoices as they change.",
    epilog="Example: python starter.py watch EXAMPLE-1 EXAMPLE-2",
)
def watch(
    references: Annotated[list[str], typer.Argument(metavar="REF…", help="One or more.")],
    as_json: AsJson = False,
) -> None:
    """Show invoices as they change, until each has ended or waits for a person."""
    _with_client(lambda client: _follow(client, references, as_json))


@app.command(
    short_help="Show one invoice, and what you can do about it.",
    epilog="Example: python starter.py show EXAMPLE-1",
)
def show(reference: Reference, as_json: AsJson = False) -> None:
    """Show where an invoice is, what is wrong with it, what you can do, and what happened."""

    async def work(client: InvoicingClient) -> Code:
        invoice = await _answered(client.state(reference))
        journal = await _answered(client.journal(reference))
        if as_json:
            whole = {"invoice": _data(invoice), "journal": _data(journal)}
            typer.echo(json.dumps(whole))
            return Code.DONE
        console = screen()
        console.print(facts(invoice))
        await _explain(client, invoice)
        if not invoice.ended:
            console.print("", answers(invoice), sep="\n")
        console.print("", history(journal.entries), sep="\n")
        return Code.DONE

    _with_client(work)


@app.command(
    "list",
    short_help="List invoices.",
    epilog="Example: python starter.py list --waiting-for person",
)
def list_(
    provider: Annotated[str | None, typer.Option(help="Only this provider's.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only with this status.")] = None,
    waiting_for: Annotated[
        str | None,
        typer.Option(help="Only what waits for: person, provider, or a reason (amounts_differ)."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List invoices, the latest first; with --json one object per line."""

    async def work(client: InvoicingClient) -> Code:
        found = client.list(
            provider=provider, status=status, waiting_for=waiting_for, limit=limit + 1
        )
        rows = [row async for row in found]
        if as_json:
            for row in rows[:limit]:
                typer.echo(row.model_dump_json())
        elif rows:
            screen().print(listing(rows[:limit]))
        else:
            typer.echo("No invoices.", err=True)
        if len(rows) > limit:
            typer.echo(f"There are more than {limit}: narrow it down or raise --limit.", err=True)
        return Code.DONE

    _with_client(work)


@app.command(
    short_help="Stop an invoice before its next irreversible step.",
    epilog='Example: python starter.py hold EXAMPLE-1 --reason "price under discussion"',
)
def hold(reference: Reference, by: By = None, reason: Why = None, as_json: AsJson = False) -> None:
    """Stop an invoice before its next irreversible step, until `release`."""
    order = Hold(**_who_and_why(by, reason))
    _order(reference, lambda client: client.hold(reference, order), as_json)


@app.command(epilog='Example: python starter.py release EXAMPLE-2 --reason "checked the damage"')
def release(
    reference: Reference, by: By = None, reason: Why = None, as_json: AsJson = False
) -> None:
    """Let a held invoice go on."""
    order = Release(**_who_and_why(by, reason))
    _order(reference, lambda client: client.release(reference, order), as_json)


@app.command(
    short_help="Take an invoice back.",
    epilog='Example: python starter.py cancel EXAMPLE-1 --reason "ordered by mistake"',
)
def cancel(
    reference: Reference, by: By = None, reason: Why = None, as_json: AsJson = False
) -> None:
    """Take an invoice back: stop it, delete its draft, or credit it, as its stage asks for."""
    order = Cancel(**_who_and_why(by, reason))
    _order(reference, lambda client: client.cancel(reference, order), as_json)


@app.command(
    short_help="Answer an invoice that needs attention.",
    epilog="Example: python starter.py resolve refused correct "
    '--document sandbox/examples/refused-corrected.json --reason "no direct debit agreed"',
)
def resolve(
    reference: Reference,
    action: Annotated[Action, typer.Argument(metavar="ACTION", help="One of those above.")],
    provider_id: Annotated[
        str | None, typer.Option(help="For adopt: the invoice's id at the provider.")
    ] = None,
    document: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(metavar="FILE", help="For correct: the request with its document corrected."),
    ] = None,
    by: By = None,
    reason: Why = None,
    as_json: AsJson = False,
) -> None:
    """Answer an invoice that needs attention; `show` says which answers it takes.

    retry    do the step again, from a fresh look
    adopt    go on with the invoice that has --provider-id
    correct  take back the draft and make it again from --document
    skip     count the step as done: settled elsewhere, or not needed
    abandon  end here and leave the provider's side as it is
    """
    _refuse_odd(action, "adopt", "--provider-id", provider_id)
    _refuse_odd(action, "correct", "--document", document)
    answer = Resolve(
        action=action,
        provider_id=provider_id,
        document=document and _corrected(reference, document.read()),
        **_who_and_why(by, reason),
    )
    _order(reference, lambda client: client.resolve(reference, answer), as_json)


@app.command(
    short_help="Watch nine invoices, most of which go wrong, on this machine alone.",
    epilog="Example: python starter.py demo --keep",
)
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave it all running until Ctrl-C.")
    ] = False,
) -> None:
    """Watch invoices get through time-outs, a crash and a wrong amount, on this machine alone.

    Starts a Temporal server, a stand-in of a provider and a worker, and stops them in the end.
    """
    from sandbox import demo as demonstration  # its servers are nobody else's business

    raise typer.Exit(demonstration.main(keep=keep))


# --- orders ---------------------------------------------------------------------------------------


def _order(
    reference: str, give: Callable[[InvoicingClient], Awaitable[Invoice]], as_json: bool
) -> NoReturn:
    async def work(client: InvoicingClient) -> Code:
        await _answered(give(client))
        invoice = await _answered(client.state(reference))
        if as_json:
            typer.echo(invoice.model_dump_json())
        else:
            screen().print(facts(invoice))
        return Code.DONE

    _with_client(work)


def _refuse_odd(action: Action, only: str, option: str, value: object) -> None:
    if (action.value == only) != (value is not None):
        raise BadInput(f"{only}, and only {only}, needs {option}.")


def _corrected(reference: str, text: bytes) -> Any:
    request = read_request(text)
    if request.reference != reference:
        raise BadInput(f"The file is about {request.reference}, not about {reference}.")
    return request.document


# --- following ------------------------------------------------------------------------------------


async def _follow(client: InvoicingClient, references: Sequence[str], as_json: bool) -> Code:
    wanted = list(dict.fromkeys(references))
    for reference in wanted:
        await _answered(client.state(reference))
    with _shower(as_json) as shower:
        last = await asyncio.gather(*(_until_settled(client, each, shower) for each in wanted))
    return max([await _explain(client, invoice) for invoice in last])


@contextmanager
def _shower(as_json: bool) -> Any:
    if as_json:
        yield lambda invoice: typer.echo(invoice.model_dump_json())
        return
    with Board(screen()) as board:
        yield board.show


async def _until_settled(
    client: InvoicingClient, reference: str, shower: Callable[[Invoice], None]
) -> Invoice:
    async with aclosing(client.changes(reference)) as changes:
        async for invoice in changes:
            shower(invoice)
            if waits_for_person(invoice):
                break
    return invoice


async def _explain(client: InvoicingClient, invoice: Invoice) -> Code:
    """On standard error what a person has to know about it; the code that it comes to."""
    reference = plain(invoice.reference)
    if await _stopped(client, invoice):
        typer.echo(f"{reference} was ended from outside, in Temporal, as it was then.", err=True)
        return Code.FAILED
    if invoice.problem:
        typer.echo(f"{reference}. {trouble(invoice.problem)}", err=True)
    elif invoice.status is Status.HELD:
        typer.echo(f"{reference} is held: `release` lets it go on.", err=True)
    elif invoice.status in (Status.REJECTED, Status.EXPIRED):
        typer.echo(await _failure(client, invoice.reference), err=True)
    if waits_for_person(invoice):
        return Code.NEEDS_ATTENTION
    return Code.FAILED if invoice.status in FELL_THROUGH else Code.DONE


async def _stopped(client: InvoicingClient, invoice: Invoice) -> bool:
    """Whether its workflow was terminated: it could not say so itself."""
    if invoice.ended:
        return False
    execution = await client.handle(invoice.reference).describe()
    return execution.status is WorkflowExecutionStatus.TERMINATED


async def _failure(client: InvoicingClient, reference: str) -> str:
    try:
        await client.result(reference)
    except Failed as error:
        return "\n".join([plain(error), *(f"  {plain(each)}" for each in _fields(error))])
    return ""


def _fields(error: Failed) -> list[FieldProblem]:
    failure = error.__cause__
    cause = failure.cause if isinstance(failure, WorkflowFailureError) else None
    details = cause.details if isinstance(cause, ApplicationError) else ()
    return [FieldProblem.model_validate(each) for each in details]


def _data(model: BaseModel) -> Any:
    return model.model_dump(mode="json")


def main() -> None:
    """Run the command line; Ctrl-C ends it without a word."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
