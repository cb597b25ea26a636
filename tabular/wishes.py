"""What a person says about a file, what a file turns out to be, and what is asked about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import ConfigDict

from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.model import Typed

Decimals = Literal["comma", "point"]
DateOrder = Literal["dmy", "mdy", "ymd"]
Rates = Literal["percent", "fraction"]
Hidden = Literal["read", "skip"]


class Wishes(Typed):
    """What is said about a file; left out, it is told from the file where that is certain.

    `hidden`: what becomes of rows that a spreadsheet does not show. `ignore`: names of columns that
    are none of a request's; `*` is all of them.
    """

    model_config = ConfigDict(str_strip_whitespace=False)  # a tab is one

    encoding: str | None = None
    separator: str | None = None
    decimal: Decimals | None = None
    dates: DateOrder | None = None
    rates: Rates | None = None
    hidden: Hidden | None = None
    sheet: str | None = None
    ignore: tuple[str, ...] = ()


class Dialect(Typed):
    """How a file is written, so that another can be written alike.

    `date_format` is strftime's. `newline` and what stands before it are of CSV alone.
    """

    model_config = ConfigDict(str_strip_whitespace=False)

    kind: Literal["csv", "xlsx", "jsonl"]
    encoding: str = "utf-8"
    mark: bool = False
    """Whether it begins with a byte order mark."""
    separator: str = ","
    newline: str = "\n"
    decimal: Decimals = "point"
    date_format: str = "%Y-%m-%d"


class Question(NamedTuple):
    """What a file does not say for certain: where it shows first, and the option that answers."""

    where: str
    what: str
    option: str = ""
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = " or ".join(f"`--{self.option} {choice}`" for choice in self.choices)
        return f"{self.what}: say {said}" if said else self.what


class UnreadableFile(InvalidRequest):
    """The file as a whole cannot be taken; `questions` are those that an option answers."""

    def __init__(self, message: str, questions: Sequence[Question] = ()) -> None:
        fields = [FieldProblem(field=each.where, message=str(each)) for each in questions]
        super().__init__(message, fields)
        self.questions = tuple(questions)


class Crooked(ValueError):
    """A cell, or columns together, that cannot be used; the sentence says which and why."""
