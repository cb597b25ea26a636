"""A list of invoices as a file: CSV as a spreadsheet of the reader's country opens it, or XLSX."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any, Literal

import openpyxl
from openpyxl.cell import WriteOnlyCell

from invoicing.books.booked import Entry
from tabular.results import harmless, printable
from tabular.wishes import Decimals

Format = Literal["csv", "xlsx"]
Cells = tuple[Any, ...]

COLUMNS = (
    *("reference", "number", "status", "payment", "provider", "account", "buyer", "currency"),
    *("net", "vat", "gross", "due", "paid", "credited", "left", "issue_date", "due_date"),
    *("credit_note", "credits", "began_at", "changed_at", "ended_at"),
)
MOST_DIGITS = 15
"""That a spreadsheet reckons with: an amount of more is a text in XLSX, exact."""
MOST_LETTERS = 32_767
"""Of one cell of XLSX. What is more is cut off."""
_MARK = "\ufeff"
"""A spreadsheet takes a CSV file for UTF-8 only where it begins with this."""


def cells(entry: Entry) -> Cells:
    """What a row says of an invoice, by the columns."""
    return tuple(getattr(entry, name) for name in COLUMNS)


def written(rows: Iterable[Cells], kind: Format, decimal: Decimals = "point") -> bytes:
    """The whole file. `decimal` is of CSV alone: where it is a comma, a semicolon separates, as
    spreadsheets in such countries expect. What people and providers wrote is never a formula."""
    return _csv(rows, decimal) if kind == "csv" else _xlsx(rows)


def _csv(rows: Iterable[Cells], decimal: Decimals) -> bytes:
    out = StringIO(newline="")
    out.write(_MARK)
    table = csv.writer(out, delimiter=";" if decimal == "comma" else ",")
    table.writerow(COLUMNS)
    table.writerows([_text(value, decimal) for value in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def _text(value: object, decimal: Decimals) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Decimal():
            text = f"{value:f}"
            return text if decimal == "point" else text.replace(".", ",")
        case date():
            return value.isoformat()
    return harmless(value)


def _xlsx(rows: Iterable[Cells]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("invoices")
    sheet.freeze_panes = "A2"
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append(_cells(sheet, row))
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _cells(sheet: Any, row: Sequence[object]) -> list[Any]:
    return [_cell(sheet, value) for value in row]


def _cell(sheet: Any, value: object) -> Any:
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case Decimal() if len(value.as_tuple().digits) <= MOST_DIGITS:
            # Its types leave out what it takes.
            cell: Any = WriteOnlyCell(sheet)
            cell.value = value
            places = len(f"{value:f}".partition(".")[2])
            cell.number_format = f"#,##0.{'0' * places}" if places else "#,##0"
            return cell
        case Decimal():
            return _words(sheet, f"{value:f}")
        case datetime():
            return _words(sheet, value.isoformat())
        case date():
            return value
    return _words(sheet, str(value))


def _words(sheet: Any, value: str) -> Any:
    cell = WriteOnlyCell(sheet, value=printable(value)[:MOST_LETTERS])
    cell.data_type = "s"  # never a formula, whatever it begins with
    return cell
