"""Files of many requests: JSON Lines, or CSV with one row per invoice line.

The columns of a CSV file are the fields of a request, written with dots:

    reference, provider, account, goal, hold, send_on, …      of the request
    currency, issue_date, due_date, number, buyer.name, …     of its document, `document.` or not
    line.id, line.name, line.quantity, line.unit_price, …     of the line that the row is
    options.customer.external_id, …                           the provider's own options

Rows with the same reference are the lines of one invoice; they name their `line.id`, and what is
about the whole invoice stands in the first of them or is the same in all. A cell that begins with
[ or { is JSON. Numbers have a decimal point. Columns are separated by comma, semicolon or tab.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from commands.base import BadInput
from invoicing.bounds import refuse_too_large
from invoicing.errors import InvalidRequest, TooLarge
from invoicing.parse import problems, read_request
from invoicing.request import InvoiceRequest, Reference

JSON_LINES = (".jsonl", ".ndjson")
CSV = ".csv"

_reference = TypeAdapter(Reference)


@dataclass(frozen=True)
class Entry:
    """What some lines of a file ask for: one request, or sentences about why it is none."""

    lines: tuple[int, ...]
    reference: str = ""
    request: InvoiceRequest | None = None
    wrong: tuple[str, ...] = ()


def entries(path: Path) -> list[Entry]:
    """What a file asks for, by reference; a bad line is an entry like any other.

    Raises BadInput for a file that cannot be read at all.
    """
    suffix = path.suffix.lower()
    if suffix == CSV:
        found = list(_invoices(_rows(_text(path))))
    elif suffix in JSON_LINES:
        found = [_entry(number, line) for number, line in _lines(path)]
    else:
        raise BadInput(f"{path.name}: its name must end in .csv, or in .jsonl for JSON lines.")
    return list(_merged(found))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(
            f"{path.name} is not UTF-8 text; a spreadsheet saves it as “CSV UTF-8”."
        ) from None


def _merged(found: Iterable[Entry]) -> Iterator[Entry]:
    """One entry per request: what a file asks for twice is asked for once."""
    first: dict[str, Entry] = {}
    rest: list[Entry] = []
    for entry in found:
        before = first.setdefault(entry.reference, entry) if entry.request else entry
        if before is entry:
            rest += [] if entry.request else [entry]
        elif before.request == entry.request:
            first[entry.reference] = Entry(
                (*before.lines, *entry.lines), before.reference, before.request
            )
        else:
            why = f"line {before.lines[0]} has this reference with other content"
            rest.append(Entry(entry.lines, entry.reference, wrong=(why,)))
    return iter(sorted((*first.values(), *rest), key=lambda entry: entry.lines))


# --- JSON lines -----------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line.strip():
            yield number, line


def _entry(number: int, line: bytes) -> Entry:
    try:
        request = read_request(line)
        refuse_too_large(request)
    except InvalidRequest as error:
        wrong = tuple(map(str, error.fields)) or (str(error),)
        return Entry((number,), _named(line), wrong=wrong)
    return Entry((number,), request.reference, request)


def _named(line: bytes) -> str:
    """The reference of a line that is no request, if it can be told."""
    try:
        return _reference.validate_python(json.loads(line)["reference"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


# --- CSV ------------------------------------------------------------------------------------------

_OF_REQUEST = InvoiceRequest.model_fields.keys() - {"document", "order"}
"""All but those that other columns fill, and the one that no caller sets."""
_TRUTHS = ("hold", "may_credit", "prices_include_vat")
_LINE = "line."


@dataclass(frozen=True)
class _Row:
    number: int
    cells: dict[str, str]
    wrong: tuple[str, ...] = ()


def _rows(text: str) -> list[_Row]:
    """The rows that are not empty, by column."""
    first = text.partition("\n")[0]
    # However long a cell is, it is its row's mistake and not the file's.
    csv.field_size_limit(max(len(text), 1))
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True
    )
    try:
        header = [name.strip().removeprefix("document.") for name in next(reader, [])]
        _check_header(header)
        return [_row(header, reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error as error:
        raise BadInput(f"line {reader.line_num} is not CSV: {error}") from None


def _check_header(header: Sequence[str]) -> None:
    if "reference" not in header:
        raise BadInput("The first line names the columns, and `reference` is one of them.")
    named = [name for name in header if name]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise BadInput(f"These columns are there twice: {', '.join(twice)}.")


def _row(header: Sequence[str], number: int, cells: Sequence[str]) -> _Row:
    told = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}
    # A cell without a column is most often a comma inside a name or an amount.
    nameless = any(cell.strip() for cell in cells[len(header) :]) or "" in told
    wrong = (f"line {number}: has a cell without a column",) if nameless else ()
    return _Row(number, told, wrong)


@dataclass
class _Invoice:
    rows: list[_Row] = field(default_factory=list)


def _invoices(rows: Iterable[_Row]) -> Iterator[Entry]:
    invoices: dict[str, _Invoice] = {}
    for row in rows:
        if reference := row.cells.get("reference"):
            invoices.setdefault(reference, _Invoice()).rows.append(row)
        else:
            yield Entry((row.number,), wrong=("reference: is required",))
    for invoice in invoices.values():
        yield _invoice(invoice.rows)


def _invoice(rows: Sequence[_Row]) -> Entry:
    numbers = tuple(row.number for row in rows)
    wrong = [*(one for row in rows for one in row.wrong), *_contradictions(rows)]
    whole = {name: cell for row in reversed(rows) for name, cell in row.cells.items()}
    try:
        request = InvoiceRequest.model_validate(_request(whole, rows))
        refuse_too_large(request)
    except ValidationError as error:
        wrong += map(str, problems(error))
    except (_Crooked, TooLarge) as error:
        wrong.append(str(error))
    reference = _valid(whole["reference"])
    if wrong:
        return Entry(numbers, reference, wrong=tuple(wrong))
    return Entry(numbers, reference, request)


def _valid(reference: str) -> str:
    try:
        return _reference.validate_python(reference)
    except ValidationError:
        return ""


def _contradictions(rows: Sequence[_Row]) -> Iterator[str]:
    known: dict[str, tuple[str, int]] = {}
    for row in rows:
        if len(rows) > 1 and not row.cells.get("line.id"):
            yield f"line {row.number}: line.id: is required where an invoice has several lines"
        for name, cell in row.cells.items():
            before, number = known.setdefault(name, (cell, row.number))
            if before != cell and not name.startswith(_LINE):
                yield f"line {row.number}: {name}: is not what line {number} says"


class _Crooked(ValueError):
    """Columns or cells that cannot be put together; the sentence says which."""


def _request(whole: dict[str, str], rows: Sequence[_Row]) -> dict[str, Any]:
    request: dict[str, Any] = {"document": {}}
    for name, cell in whole.items():
        if not name.startswith(_LINE):
            own = name.partition(".")[0] in _OF_REQUEST
            _put(request if own else request["document"], name, cell)
    request["document"]["lines"] = [_line(row) for row in rows]
    return request


def _line(row: _Row) -> dict[str, Any]:
    line: dict[str, Any] = {}
    for name, cell in row.cells.items():
        if name.startswith(_LINE):
            _put(line, name.removeprefix(_LINE), cell)
    return {"id": "1", **line}


def _put(target: dict[str, Any], name: str, cell: str) -> None:
    *path, last = name.split(".")
    for part in path:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise _Crooked(f"{name}: another column already gives {part} as a whole")
    if isinstance(target.get(last), dict):
        raise _Crooked(f"{name}: other columns already give parts of it")
    target[last] = _value(name, cell)


def _value(name: str, cell: str) -> Any:
    if name in _TRUTHS and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if cell.startswith(("[", "{")):
        try:
            return json.loads(cell, parse_float=str)
        except (ValueError, RecursionError):
            raise _Crooked(f"{name}: begins like JSON and is none") from None
    return cell
