"""Files of requests on the command line: how they are written is told, or said with options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel

from commands.at_once import progress
from commands.base import BadInput
from invoicing.request import InvoiceRequest
from tabular.requests import ENDINGS, Requests, opened
from tabular.wishes import Wishes

Many = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, readable=True, help="….csv, ….xlsx or ….jsonl"
    ),
]
_PANEL = "How the file is written, where it does not say for certain"


def _said(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel=_PANEL)


_OPTIONS: dict[str, Any] = {
    "encoding": Annotated[str | None, _said("--encoding", text="As cp1252, cp1250 or utf-8.")],
    "separator": Annotated[
        str | None, _said("--separator", text="Between columns: one character, or tab.")
    ],
    "decimal": Annotated[
        Literal["comma", "point"] | None,
        _said("--decimal", text="What stands before the decimals: 1.250,00 or 1,250.00."),
    ],
    "dates": Annotated[
        Literal["dmy", "mdy", "ymd"] | None,
        _said("--dates", text="The order of day, month and year, as in 03/04/2026."),
    ],
    "rates": Annotated[
        Literal["percent", "fraction"] | None,
        _said("--rates", text="Whether a VAT rate of 21 % is written 21 or 0.21."),
    ],
    "hidden": Annotated[
        Literal["read", "skip"] | None,
        _said("--hidden", text="What becomes of rows that the sheet does not show."),
    ],
    "sheet": Annotated[str | None, _said("--sheet", text="Which one, by its name.")],
    "ignore": Annotated[
        list[str] | None,
        _said("--ignore", text="A column that is none of ours; * is all.", metavar="NAME"),
    ],
}


def reads_a_file(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how a file is written; it gets them as `wishes`."""
    own = inspect.signature(command, eval_str=True)
    kept = [each for name, each in own.parameters.items() if name != "wishes"]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _OPTIONS.items()
    ]

    @wraps(command)
    def with_wishes(**typed: Any) -> None:
        said = {name: typed.pop(name) for name in _OPTIONS}
        wishes = {name: value for name, value in said.items() if value is not None}
        command(**typed, wishes=Wishes.model_validate(wishes))

    with_wishes.__dict__["__signature__"] = own.replace(parameters=[*kept, *added])
    return with_wishes


def is_many(path: Path) -> bool:
    """Whether the file's name says that it holds many requests."""
    return path.suffix.lower() in ENDINGS


def requests_in(path: Path, wishes: Wishes) -> Requests:
    """The requests of this file. Raises InvalidRequest where it cannot be read for certain."""
    with progress("Reading", None):
        try:
            return opened(path, wishes, _options())
        except OSError as error:
            raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from None


def corrected(file: Path, wishes: Wishes, wanted: Iterable[str]) -> dict[str, InvoiceRequest]:
    """The requests in this file of those invoices; one that is not in it has none.

    Raises BadInput, which names the first of them that is wrong in it.
    """
    missing = set(wanted)
    found: dict[str, InvoiceRequest] = {}
    for entry in requests_in(file, wishes).entries():
        if entry.reference in missing and entry.request is None:
            raise BadInput(f"{entry.reference}: {'; '.join(entry.wrong)}")
        if entry.reference in missing and entry.request:
            found[entry.reference] = entry.request
    return found


def _options() -> dict[str, type[BaseModel]]:
    """What each provider's options may be. Loads every adaptor, which no other command needs."""
    from providers.registry import ADAPTORS

    return {name: adaptor.Options for name, adaptor in ADAPTORS.items()}
