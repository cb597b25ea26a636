"""One file of an export, as CSV and as JSONL, row by row; its digest is taken on the way."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from register.export.manifest import FileEntry
from register.export.workbook import Workbook
from tabular.results import harmless

MARK = "\ufeff"
"""A spreadsheet takes a CSV file for UTF-8 only where it begins with this."""


class Sealed:
    """A file that is being written, readable by its owner alone."""

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        self._out = os.fdopen(descriptor, "wb", buffering=1 << 16)
        self._name, self._encoding = path.name, encoding
        self._digest = hashlib.sha256()
        self._bytes = self.lines = 0

    def write(self, text: str) -> int:
        """A line; what the encoding has no letter for is a question mark."""
        data = text.encode(self._encoding, "replace")
        self._digest.update(data)
        self._bytes += len(data)
        self.lines += 1
        return self._out.write(data)

    def close(self) -> FileEntry:
        """It is on the disk, and this is what is in it."""
        self._out.flush()
        os.fsync(self._out.fileno())
        self._out.close()
        return FileEntry(
            name=self._name, lines=self.lines, bytes=self._bytes, sha256=self._digest.hexdigest()
        )

    def give_up(self) -> None:
        """Let go of it, whatever is in it."""
        self._out.close()


class Table:
    """Rows of one kind, in ….csv and ….jsonl, and in a sheet of a workbook where there is one."""

    def __init__(
        self, folder: Path, name: str, columns: Sequence[str], book: Workbook | None = None
    ) -> None:
        self._columns = columns
        self._sheet = book.sheet(name, columns) if book else None
        self._csv = Sealed(folder / f"{name}.csv")
        self._lines = Sealed(folder / f"{name}.jsonl")
        self._table = csv.writer(self._csv)
        self._csv.write(MARK + ",".join(columns) + "\r\n")

    def add(self, row: Mapping[str, Any], aside: Mapping[str, Any] | None = None) -> None:
        """One row; `aside` is for JSONL alone."""
        self._table.writerow([cell(row[name]) for name in self._columns])
        if self._sheet:
            self._sheet.add(row)
        told = {**row, **(aside or {})}
        self._lines.write(f"{json.dumps(told, ensure_ascii=False, default=_json)}\n")

    def close(self) -> tuple[FileEntry, ...]:
        """Both are on the disk."""
        return self._csv.close(), self._lines.close()

    def give_up(self) -> None:
        """Let go of both."""
        self._csv.give_up()
        self._lines.give_up()


def cell(value: object, amount: Callable[[Decimal], str] = "{:f}".format) -> str:
    """A cell of a CSV file: what people and providers wrote is never a formula."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return str(value)
        case Decimal():
            return amount(value)
        case datetime() | date():
            return value.isoformat()
    return harmless(value)


def _json(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is in no export")
