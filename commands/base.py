"""What every command is made of: the app, its exit codes, how errors become sentences."""

from __future__ import annotations

import getpass
import math
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from temporalio.converter import DataConverter
from typer.core import TyperGroup

import settings.shared
from commands.keys import converter_here
from invoicing.client import Execution, InvoicingClient, reach
from invoicing.errors import (
    LOOK_FIRST,
    EngineError,
    EngineRefused,
    InvalidRequest,
    InvoicingError,
    NotFound,
    NoWorker,
    ServerAway,
    Unreachable,
)
from invoicing.parse import problems
from invoicing.process import run
from invoicing.temporal.engine import ours, within
from terminal import INSTALLED, interactive, plain, program

T = TypeVar("T")
Work = Callable[[InvoicingClient], Awaitable["Code"]]

PROGRAM = program()
"""For examples in help texts."""

WORKER_SECONDS = 15.0
"""How long a worker may take to answer before we say that there is none."""
SERVER_SECONDS = 10.0
WHY_SECONDS = 3.0
"""How long it is looked why nobody answered."""

_HELP = """
Have invoices made, watch them, and answer those that wait for a person.

[bold]Server[/bold]
[bold]TEMPORAL_ADDRESS[/bold]  where Temporal is (localhost:7233); its other variables
                  stand in docs/configuration.md
[bold]INVOICING_WEB_UI[/bold]  where its Web UI is, for the links

[bold]Exit codes[/bold]
[bold]0[/bold]  done
[bold]1[/bold]  failed, refused, or ended without the invoice (cancelled, credited …)
[bold]2[/bold]  bad input; every mistake is named on a line of its own
[bold]3[/bold]  nothing has this reference
[bold]4[/bold]  an invoice waits for a person
[bold]5[/bold]  the Temporal server, or a worker, cannot be reached
[bold]6[/bold]  some are still under way after the time that was given
"""


class Code(IntEnum):
    """What the process ends with; the help says what each means."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_FOUND = 3
    NEEDS_ATTENTION = 4
    UNREACHABLE = 5
    UNDER_WAY = 6


class BadInput(InvoicingError):
    """What was typed cannot be used."""


class Missing(InvoicingError):
    """There is no order, or no event, of that name."""


# --- errors ---------------------------------------------------------------------------------------

ON_PURPOSE = (InvoicingError, ValidationError)
"""What is answered with a sentence; anything else is a mistake of ours and shows its traceback."""


class _Sentences(TyperGroup):
    """Every command of the group ends in a sentence and a code, whatever it raised on purpose."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # Python takes what a shell hands on in another encoding, and fails where it leaves again:
        # at the server, in the register, or when a file's name is printed at last.
        if any(map(_NO_TEXT.search, args)):
            raise typer.BadParameter("an argument is not written in this terminal's encoding")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            # Typer puts the name of its own error before a word that is none of those to choose.
            error.message = error.message.removeprefix("Value error, ")
            raise
        except ON_PURPOSE as error:
            sentence, code = explained(error)
        typer.echo(sentence, err=True)
        raise typer.Exit(code)


def explained(error: Exception) -> tuple[str, Code]:
    """What to say about it, and the code that it comes to."""
    match error:
        case InvalidRequest() | BadInput():
            return _lines(error), Code.BAD_INPUT
        case ValidationError():
            return "\n".join(map(str, problems(error))), Code.BAD_INPUT
        case NotFound():
            return f"No invoice {plain(error.reference)} is known here.", Code.NOT_FOUND
        case Missing():
            return str(error), Code.NOT_FOUND
        case Unreachable():
            return _sentence(error), Code.UNREACHABLE
        case EngineRefused(words=words) if words:
            return f"The Temporal server refused: {plain(words)}", Code.FAILED
        case EngineError():
            return _sentence(error), Code.FAILED
    return _lines(error), Code.FAILED


def _lines(error: Exception) -> str:
    """Also what is wrong with a file may name its columns and sheets: they are anybody's."""
    return "\n".join(map(plain, str(error).splitlines()))


def _sentence(error: EngineError) -> str:
    text = plain(error)
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."


@contextmanager
def known_as(kind: str) -> Iterator[None]:
    """Where it is not an invoice that is looked for: `order`, `event`."""
    try:
        yield
    except NotFound as error:
        raise Missing(f"No {kind} {plain(error.reference)} is known here.") from None


_NO_TEXT = re.compile("[\ud800-\udfff]")

# --- the app --------------------------------------------------------------------------------------

MANY = "Many at once"
OTHERS = "Orders and events"
SERVER = "The server"


def group(**options: Any) -> typer.Typer:
    """A Typer app as all of ours are."""
    return typer.Typer(
        cls=_Sentences,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


# Completion is for a command that has a name: shells know none for `python starter.py`.
app = group(help=_HELP, add_completion=PROGRAM == INSTALLED)


def with_client(work: Work) -> NoReturn:
    """Do the work with a connected client; its code is the process's."""

    async def connected(here: DataConverter) -> Code:
        client = InvoicingClient(await reach(SERVER_SECONDS, data_converter=here))
        try:
            # Rollouts ask the server themselves.
            with ours(ServerAway):
                return await work(client)
        except NoWorker as error:
            raise await _why(client, error) from None

    with converter_here() as here:
        raise typer.Exit(run(connected(here)))


async def _why(client: InvoicingClient, error: NoWorker) -> EngineError:
    """Why nobody answered; the error itself where that cannot be found out in a moment."""
    with suppress(EngineError):
        about = error.about if isinstance(error, Late) else None
        found = client.why_silent(about)
        return await within(WHY_SECONDS, found, lambda: error) or error
    return error


class Late(NoWorker):
    """No worker answered within the time that the command line gives it; `about` what it was."""

    def __init__(self, about: Execution | None) -> None:
        super().__init__(
            f"no worker answered within {WORKER_SECONDS:.0f} s: start one with `make worker`; "
            f"{LOOK_FIRST} (`show`)"
        )
        self.about = about


async def answered(call: Awaitable[T], about: Execution | None = None) -> T:
    """What a worker says, or a sentence about there being none."""
    return await within(WORKER_SECONDS, call, lambda: Late(about))


def web_ui(client: InvoicingClient) -> str | None:
    """INVOICING_WEB_UI, or where the development server on its usual port has it."""
    if given := settings.shared.clients(os.environ).web_ui:
        return given
    address = client.temporal.service_client.config.target_host
    usual = address in ("localhost:7233", "127.0.0.1:7233")
    return "http://localhost:8233" if usual else None


def data(model: BaseModel) -> Any:
    """The model as JSON knows it."""
    return model.model_dump(mode="json")


# --- what is typed --------------------------------------------------------------------------------

Reference = Annotated[str, typer.Argument(metavar="REF", help="The invoice's reference.")]
File = Annotated[typer.FileBinaryRead, typer.Argument(metavar="FILE", help="JSON; - is stdin.")]
By = Annotated[str | None, typer.Option(help="Who decides; your user name if left out.")]
Why = Annotated[str | None, typer.Option(help="Why; needed, it goes into the journal.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable on stdout.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended or needs a person.")]


def finite(typed: float) -> float:
    """A time that ends: what is no number is not above any bound, nor below one."""
    if not math.isfinite(typed):
        raise typer.BadParameter("is no number that ends")
    return typed


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


def who_and_why(by: str | None, reason: str | None) -> dict[str, str]:
    """What every instruction says of itself; asks for the reason where somebody sits there."""
    return {"by": _name(by), "reason": _reason(reason)}


def main() -> None:
    """Run the command line; Ctrl-C ends it without a word."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
