"""The same rows as a workbook: a sheet for each kind, written row by row, none of them held."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell import WriteOnlyCell

from register.export.manifest import FileEntry
from tabular.results import printable

NAME = "books.xlsx"

MOST_ROWS = 1_048_576
"""Of one sheet, with its heading: a spreadsheet opens no longer one. The next has what is more."""
MOST_LETTERS = 32_767
"""Of one cell. What is more is cut off, and is in the other files."""
MOST_DIGITS = 15
"""That a spreadsheet reckons with: an amount of more is written as a text, exact."""


class Workbook:
    """books.xlsx. Until it is closed its sheets wait in files of the system's temporary folder,
    readable by their owner alone."""

    def __init__(self, folder: Path, most_rows: int = MOST_ROWS) -> None:
        self._path = folder / NAME
        self._book = openpyxl.Workbook(write_only=True)
        self._most_rows = most_rows
        self.lines = 0

    def sheet(self, name: str, columns: Sequence[str]) -> Sheet:
        """A new one, with its heading."""
        return Sheet(self, name, columns)

    def begun(self, title: str, columns: Sequence[str]) -> Any:
        """A page of a sheet."""
        page = self._book.create_sheet(title)
        page.freeze_panes = "A2"
        page.append(list(columns))
        self.lines += 1
        return page

    @property
    def most_rows(self) -> int:
        """Of one page, with its heading."""
        return self._most_rows

    def close(self) -> FileEntry:
        """It is on the disk, and this is what is in it."""
        descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "w+b") as out:
            self._book.save(out)
            out.flush()
            os.fsync(out.fileno())
            size = out.tell()
            out.seek(0)
            digest = hashlib.file_digest(out, "sha256").hexdigest()
        return FileEntry(name=NAME, lines=self.lines, bytes=size, sha256=digest)


class Sheet:
    """Rows of one kind; over as many pages as they need."""

    def __init__(self, book: Workbook, name: str, columns: Sequence[str]) -> None:
        self._book, self._name, self._columns = book, name, columns
        self._page = book.begun(name, columns)
        self._rows, self._pages = 1, 1

    def add(self, row: Mapping[str, Any]) -> None:
        """One row."""
        if self._rows == self._book.most_rows:
            self._pages += 1
            self._page = self._book.begun(f"{self._name} {self._pages}", self._columns)
            self._rows = 1
        self._page.append([_cell(self._page, row[name]) for name in self._columns])
        self._rows += 1
        self._book.lines += 1


def _cell(page: Any, value: object) -> Any:
    """What people and providers wrote is a text, whatever it begins with; a moment is one, too."""
    match value:
        case None:
            return None
        case bool():
            return "yes" if value else "no"
        case int():
            return value
        case Decimal() if len(value.as_tuple().digits) <= MOST_DIGITS:
            return _number(page, value)
        case Decimal():
            return _text(page, f"{value:f}")
        case datetime():
            return _text(page, value.isoformat())
        case date():
            return value
    return _text(page, str(value))


def _number(page: Any, value: Decimal) -> Any:
    # Its types leave out what it takes.
    cell: Any = WriteOnlyCell(page)
    cell.value = value
    places = len(f"{value:f}".partition(".")[2])
    cell.number_format = f"#,##0.{'0' * places}" if places else "#,##0"
    return cell


def _text(page: Any, value: str) -> Any:
    cell = WriteOnlyCell(page, value=printable(value)[:MOST_LETTERS])
    cell.data_type = "s"
    return cell
