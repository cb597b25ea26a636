"""What became of every invoice of a file: a file beside it, written as the input was.

It is replaced as a whole each time, so that whoever opens it sees one moment, and can be read by
its owner alone: it has names of references and amounts.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import openpyxl
from openpyxl.cell import WriteOnlyCell

from tabular.wishes import Dialect


@dataclass(slots=True)
class Result:
    """One invoice of a file, and what became of it. Amounts are ours, in `currency`.

    `outcome`: `not asked`, certainly; `asking`: it may have been; then `started`, `known` before,
    `corrected` or `refused`. `why`: what is wrong or asked. `do`: what a person does about it.
    """

    rows: tuple[int, ...]
    reference: str
    outcome: str = "not asked"
    status: str = ""
    currency: str = ""
    net: Decimal | None = None
    vat: Decimal | None = None
    gross: Decimal | None = None
    due: Decimal | None = None
    number: str = ""
    due_date: date | None = None
    why: str = ""
    do: str = ""


COLUMNS = (
    "rows",
    "reference",
    "outcome",
    "status",
    "currency",
    "net",
    "vat",
    "gross",
    "due",
    "number",
    "due_date",
    "why",
    "do",
)


def beside(source: Path, dialect: Dialect) -> Path:
    """Where the results of this file stand."""
    return source.with_name(f"{source.stem}.result.{dialect.kind}")


def write(path: Path, dialect: Dialect, results: Iterable[Result]) -> None:
    """Put this file in the place of the one before it, whole. Raises OSError."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            _WRITERS[dialect.kind](out, dialect, results)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def harmless(value: object) -> str:
    """A cell of a CSV file that no spreadsheet takes for a formula, on one line."""
    text = "" if value is None else printable(str(value))
    return _FORMULA.sub(r"\1'\2", text)


_FORMULA = re.compile(r"(^\s*|[,;|]\s*)([=+@＝＋－＠-])")
"""Also behind a sign that separates cells in some country: a spreadsheet of another one does not
ask how the file was written."""


def printable(text: str) -> str:
    """On one line, and without what no file may hold."""
    return "".join(each if each.isprintable() else " " for each in text)


def _write_lines(out: IO[bytes], dialect: Dialect, results: Iterable[Result]) -> None:
    for result in results:
        told = {name: _json(getattr(result, name)) for name in COLUMNS}
        out.write(f"{json.dumps(told, ensure_ascii=False)}\n".encode())


def _json(value: Any) -> Any:
    return value if isinstance(value, str | tuple | None) else str(value)


def _write_csv(out: IO[bytes], dialect: Dialect, results: Iterable[Result]) -> None:
    write = _Encoded(out, dialect.encoding)
    if dialect.mark:
        write.write("\ufeff")
    table = csv.writer(write, delimiter=dialect.separator, lineterminator=dialect.newline)
    table.writerow(COLUMNS)
    for result in results:
        table.writerow(list(_texts(result, dialect)))


class _Encoded:
    """Text for a file of bytes; what its encoding has no letter for is a question mark."""

    def __init__(self, out: IO[bytes], encoding: str) -> None:
        self._out, self._encoding = out, encoding

    def write(self, text: str) -> int:
        return self._out.write(text.encode(self._encoding, "replace"))


def _texts(result: Result, dialect: Dialect) -> Iterator[str]:
    for name in COLUMNS:
        match getattr(result, name):
            case Decimal() as amount:
                text = f"{amount:f}"
                yield text if dialect.decimal == "point" else text.replace(".", ",")
            case date() as day:
                yield day.strftime(dialect.date_format)
            case tuple() as rows:
                yield counted(rows)
            case value:
                yield harmless(value)


def counted(rows: Sequence[int]) -> str:
    """Row numbers as no spreadsheet takes them for a day: 2 to 4, 7."""
    parts: list[str] = []
    for begin, end in _runs(rows):
        parts.append(f"{begin}" if begin == end else f"{begin} to {end}")
    return ", ".join(parts)


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    begin = end = None
    for row in rows:
        if end is not None and begin is not None and row != end + 1:
            yield begin, end
            begin = row
        begin, end = row if begin is None else begin, row
    if begin is not None and end is not None:
        yield begin, end


def _write_xlsx(out: IO[bytes], dialect: Dialect, results: Iterable[Result]) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Results")
    sheet.append(COLUMNS)
    for result in results:
        sheet.append([_cell(sheet, getattr(result, name)) for name in COLUMNS])
    book.save(out)


def _cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, tuple):
        value = counted(value)
    if not isinstance(value, str):
        cell = WriteOnlyCell(sheet, value=value)
        if isinstance(value, Decimal):
            places = len(f"{value:f}".partition(".")[2])
            cell.number_format = f"#,##0.{'0' * places}" if places else "#,##0"
        return cell
    cell = WriteOnlyCell(sheet, value=printable(value))
    cell.data_type = "s"  # never a formula, whatever it begins with
    return cell


_WRITERS = {"csv": _write_csv, "xlsx": _write_xlsx, "jsonl": _write_lines}
