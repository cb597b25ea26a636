"""What stands in a cell, and what it says in a column of a known kind."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

from tabular.columns import Kind
from tabular.habits import Habits, is_likely, read_day, read_number
from tabular.wishes import Crooked


class Numeric(NamedTuple):
    """A number of a spreadsheet, as people see it there: 15 digits, which is all that is kept.

    `percent`: it is shown as a percentage, so that 0.21 means 21 %. `digits`: it is shown with
    leading zeros up to so many. `currency`: its sign or code is shown beside it.
    """

    value: Decimal
    percent: bool = False
    digits: int = 0
    currency: str = ""


class Broken(NamedTuple):
    """A cell that holds nothing usable; `why` is the end of a sentence."""

    why: str


Cell = str | bool | date | datetime | Numeric | Broken

MOST_EXACT = 10**15
"""From here on a spreadsheet no longer keeps every digit."""

_TRUE = """
    1 true yes y wahr ja j vrai oui o waar vero sì si verdadero sí verdadeiro sim prawda tak sand
    sant sann tosi"""
_FALSE = """
    0 false no n falsch nein nee faux non onwaar falso não nao fałsz nie falsk falskt usann nei nej
    epätosi ei"""
TRUE, FALSE = frozenset(_TRUE.split()), frozenset(_FALSE.split())
"""How spreadsheets and ERPs write them; no word means the one in one language and the other in
another."""

_ERROR = re.compile(r"#[¡¿]?[A-ZÀ-Ü/0]{2,12}[!?]|#N/[A-Z]{1,2}|#NV|#{3,}")
"""What a spreadsheet shows for what it could not compute, in its languages, or has no room for."""
_SHORTENED = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_READ_BY_THE_MODEL = re.compile(r"\s*-?[0-9]+(\.[0-9]+)?\s*")


def value(cell: Cell, kind: Kind, habits: Habits) -> Any:
    """What the cell says, as the model of a request takes it. Raises Crooked.

    What is not written as its kind demands is given back as it is where the model is sure to refuse
    it: the model names the field.
    """
    if isinstance(cell, Broken):
        raise Crooked(cell.why)
    return _READERS[kind](cell, habits)


def written(cell: Cell) -> str:
    """The cell as text that its column's name or a reference is told from; empty: nothing."""
    try:
        return str(_text(cell, Habits())).strip()
    except Crooked:
        return ""


def _text(cell: Cell, _: Habits) -> Any:
    if isinstance(cell, str):
        if _SHORTENED.fullmatch(cell):
            raise Crooked("was shortened by a spreadsheet: format the column as text there")
        if _ERROR.fullmatch(cell):
            raise Crooked("is an error value of a spreadsheet")
        return cell
    if isinstance(cell, Numeric) and not cell.percent and cell.value == int(cell.value):
        whole = int(cell.value)
        if abs(whole) >= MOST_EXACT:
            raise Crooked("has more than the 15 digits that a spreadsheet keeps: make it text")
        return f"{whole:0{cell.digits}d}"
    raise Crooked(f"is {_called(cell)} in this file, and text is wanted: make the column text")


def _number(cell: Cell, habits: Habits) -> Any:
    if isinstance(cell, str):
        return _checked(cell, read_number(cell, habits.decimal), habits)
    if isinstance(cell, Numeric) and not cell.percent:
        return f"{cell.value:f}"
    raise Crooked(f"must be a number, and is {_called(cell)} in this file")


def _checked(text: str, number: str | None, habits: Habits) -> str:
    if number is not None:
        return number
    mark = "," if habits.decimal == "comma" else "."
    if _READ_BY_THE_MODEL.fullmatch(text):
        raise Crooked(f"is not written as the other numbers of this file are, such as 1250{mark}50")
    if habits.decimal == "comma" and any(map(str.isdigit, text)):
        # The model would ask for a point.
        raise Crooked("is no number as this file writes them, such as 1250,50")
    return text


def _whole(cell: Cell, habits: Habits) -> Any:
    number = _number(cell, habits)
    return int(number) if re.fullmatch(r"-?[0-9]{1,15}", number) else number


def _rate(cell: Cell, habits: Habits) -> Any:
    if isinstance(cell, Numeric):
        factor = cell.percent or habits.rates == "fraction"
        return _plain(cell.value * 100 if factor else cell.value)
    if isinstance(cell, str) and cell.rstrip().endswith("%"):
        return _number(cell.rstrip().removesuffix("%"), habits)
    number = _number(cell, habits)
    if habits.rates == "fraction" and _READ_BY_THE_MODEL.fullmatch(number):
        return _plain(Decimal(number) * 100)
    return number


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _day(cell: Cell, habits: Habits) -> Any:
    if isinstance(cell, str):
        day = read_day(cell, habits.dates)
        return cell if day is None else day.isoformat()
    if isinstance(cell, datetime):
        raise Crooked("must be a day, and has a time in this file")
    if isinstance(cell, date):
        if not is_likely(cell):
            raise Crooked(f"is a day of the year {cell.year} in this file")
        return cell.isoformat()
    raise Crooked(f"must be a date, and is {_called(cell)} in this file")


def _moment(cell: Cell, habits: Habits) -> Any:
    if isinstance(cell, datetime):
        raise Crooked("must be a day, or a moment as text with its offset from UTC")
    return _day(cell, habits)


def _truth(cell: Cell, _: Habits) -> Any:
    if isinstance(cell, bool):
        return cell
    word = cell.casefold() if isinstance(cell, str) else written(cell)
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise Crooked("must be true or false")


def _json(cell: Cell, habits: Habits) -> Any:
    if isinstance(cell, str) and cell.startswith(("[", "{")):
        try:
            return json.loads(
                cell, parse_float=str, parse_constant=_nothing, object_pairs_hook=_object
            )
        except Crooked:
            raise
        except (ValueError, RecursionError):
            raise Crooked("begins like JSON and is none") from None
    return _text(cell, habits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    told = dict(pairs)
    if len(told) < len(pairs):
        raise Crooked("gives a field twice in one object")
    return told


def _nothing(constant: str) -> NoReturn:
    raise Crooked(f"has {constant}, which is no number in JSON")


def _free(cell: Cell, habits: Habits) -> Any:
    """For a column of no declared kind: JSON where it is some, else what it is in the file."""
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, Numeric) and not cell.percent:
        number = f"{cell.value:f}"
        return int(number) if number.lstrip("-").isdigit() else number
    if isinstance(cell, date) and not isinstance(cell, datetime):
        return cell.isoformat()
    try:
        return _json(cell, habits)
    except Crooked:
        if isinstance(cell, str):
            return cell
        raise


def _called(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true or false"
    if isinstance(cell, date):
        return "a date"
    if isinstance(cell, Numeric):
        return "a percentage" if cell.percent else "a number"
    return "text"


_READERS = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.WHOLE: _whole,
    Kind.RATE: _rate,
    Kind.DAY: _day,
    Kind.MOMENT: _moment,
    Kind.TRUTH: _truth,
    Kind.JSON: _json,
    Kind.FREE: _free,
}
