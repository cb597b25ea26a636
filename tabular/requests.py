"""A file of requests, opened: looked through once as a whole, then read one invoice at a time.

Memory: the rows of those invoices whose last row has not come yet, and a hundred bytes or so for
each reference. Rows of one invoice may stand anywhere; where they stand together, one is held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from tabular.assembly import MISSING, Named, Row, Rows, entry
from tabular.bounds import MOST_NAMES, MOST_ROWS
from tabular.cells import Cell, Numeric, value, written
from tabular.columns import Column, Columns, Kind, Options, alike
from tabular.entries import Entry
from tabular.habits import Evidence, Habits, Place, unmarked
from tabular.jsonlines import JsonLines
from tabular.text import HEAD, NO_HEADER, CsvFile
from tabular.wishes import Crooked, Dialect, Question, UnreadableFile, Wishes
from tabular.workbook import Workbook

JSON_LINES = (".jsonl", ".ndjson")
CSV = (".csv", ".tsv", ".txt")
XLSX = (".xlsx", ".xlsm")
ENDINGS = (*CSV, *XLSX, *JSON_LINES)


class Requests(Protocol):
    """What a file asks for. `count`: how many entries there are; each pass gives the same ones."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def count(self) -> int: ...

    def entries(self) -> Iterator[Entry]: ...


def opened(path: Path, wishes: Wishes = Wishes(), options: Options | None = None) -> Requests:  # noqa: B008
    """The requests in a file. `options` are the models of the providers' options, by provider.

    Raises UnreadableFile for one that cannot be read at all, or about which something must be said
    first: its `questions` name the options that say it.
    """
    suffix = path.suffix.lower()
    if suffix in JSON_LINES:
        return _FromLines(JsonLines.opened(path))
    if suffix in CSV:
        return _survey(path, _Csv.opened(path, wishes), wishes, options or {})
    if suffix in XLSX:
        return _survey(path, _Xlsx(Workbook.opened(path, wishes)), wishes, options or {})
    raise UnreadableFile(
        f"{path.name}: its name must end in .csv or .xlsx, or in .jsonl for JSON lines. Save an "
        "older or another spreadsheet as one of these."
    )


@dataclass(frozen=True)
class _FromLines:
    lines: JsonLines

    @property
    def dialect(self) -> Dialect:
        return Dialect(kind="jsonl")

    @property
    def count(self) -> int:
        return self.lines.count

    def entries(self) -> Iterator[Entry]:
        return self.lines.entries()


# --- tables ---------------------------------------------------------------------------------------


_Cells = Iterator[tuple[int, Sequence[Cell]]]
"""Rows of cells, each with its number."""


class _Table(Protocol):
    """Rows of cells, as often as they are wanted."""

    def rows(self) -> _Cells: ...

    def hides(self, number: int) -> bool:
        """Whether whoever has the file open does not see this row."""
        ...

    def dialect(self, habits: Habits) -> Dialect: ...


@dataclass(frozen=True)
class _Csv:
    file: CsvFile

    @classmethod
    def opened(cls, path: Path, wishes: Wishes) -> _Csv:
        return cls(CsvFile.opened(path, wishes, _is_header))

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        return self.file.rows()

    def hides(self, number: int) -> bool:
        return False

    def dialect(self, habits: Habits) -> Dialect:
        return Dialect(
            kind="csv",
            encoding=self.file.encoding.name,
            mark=self.file.encoding.mark > 0,
            separator=self.file.separator,
            newline=self.file.newline,
            decimal=habits.decimal,
            date_format=habits.date_format,
        )


@dataclass(frozen=True)
class _Xlsx:
    book: Workbook

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        return self.book.rows(check=True)

    def hides(self, number: int) -> bool:
        return number in self.book.hidden

    def dialect(self, habits: Habits) -> Dialect:
        return Dialect(kind="xlsx", decimal=habits.decimal)


@dataclass(frozen=True)
class _FromTable:
    path: Path
    version: tuple[int, int]
    table: _Table
    header: Sequence[str]
    header_row: int
    skip: bool
    """Whether hidden rows are left out."""
    seen: _Survey
    habits: Habits
    named: Named

    @property
    def dialect(self) -> Dialect:
        return self.table.dialect(self.habits)

    @property
    def count(self) -> int:
        return len(self.seen.last) + self.seen.nameless

    def entries(self) -> Iterator[Entry]:
        """Each invoice once its last row has come."""
        if _version(self.path) != self.version:
            raise UnreadableFile(f"{self.path.name} has changed meanwhile: begin again.")
        open_: dict[str, Rows] = {}
        below = ((at, row) for at, row in self.table.rows() if at > self.header_row)
        for row in _told(below, self.header, self._skips):
            reference = _reference(row, self.named)
            if not reference:
                yield Entry((row.number,), wrong=(f"reference: {_why_none(row, self.named)}",))
                continue
            rows = open_.setdefault(reference, Rows())
            rows.add(row)
            if self.seen.last[reference] == row.number:
                del open_[reference]
                yield self._whole(reference, rows)

    def _skips(self, number: int) -> bool:
        return self.skip and self.table.hides(number)

    def _whole(self, reference: str, rows: Rows) -> Entry:
        """What they ask for, unless a row of it may be missing: then it would be too little."""
        found = entry(reference, rows, self.named, self.habits)
        if (orphan := self.seen.orphans.get(reference)) is None:
            return found
        why = (
            f"row {orphan} below it has no reference and may be one of its lines: write its "
            "reference there, or take the row out"
        )
        return Entry(found.rows, found.reference, wrong=(*found.wrong, why))


def _version(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_mtime_ns, told.st_size


def _survey(path: Path, table: _Table, wishes: Wishes, options: Options) -> Requests:
    """Look through the whole file. Raises UnreadableFile with all that has to be said first."""
    version = _version(path)
    named = _finder(Columns(options))
    rows = table.rows()
    header_row, header = _header(rows)
    seen = _Survey(named)
    skip = wishes.hidden == "skip"
    hidden = 0
    for row in _told(rows, header, lambda number: skip and table.hides(number)):
        seen.row(row)
        hidden = hidden or (row.number if table.hides(row.number) else 0)
    header, questions = _known(header, seen, wishes, options)
    questions += seen.evidence.questions(wishes)
    if hidden and not wishes.hidden:
        what = "is hidden in the sheet, by a filter or by hand"
        questions.append(Question(f"row {hidden}", what, "hidden", ("read", "skip")))
    if questions:
        raise UnreadableFile("This file cannot be read for certain:", questions)
    habits = seen.evidence.habits(wishes)
    return _FromTable(path, version, table, header, header_row, skip, seen, habits, named)


def _finder(columns: Columns) -> Named:
    return lru_cache(maxsize=4096)(columns.named)


def _is_header(cells: Sequence[Cell]) -> bool:
    return any(written(cell).casefold() == "reference" for cell in cells)


def _header(rows: _Cells) -> tuple[int, list[str]]:
    """The row of names, and its number; `rows` goes on behind it."""
    for number, cells in rows:
        if _is_header(cells):
            if len(cells) > MOST_NAMES:
                raise UnreadableFile(
                    f"The row of names has {len(cells):,} columns, and {MOST_NAMES:,} is the most."
                )
            header = [written(cell) for cell in cells]
            _refuse_twice(header)
            return number, header
        if number >= HEAD:
            break
    raise UnreadableFile(NO_HEADER)


def _refuse_twice(header: Sequence[str]) -> None:
    finder = _finder(Columns({}))
    names = [
        column.name if (column := finder(name, "")) else name.casefold() for name in header if name
    ]
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise UnreadableFile(f"These columns are there twice: {', '.join(twice)}.")


def _told(rows: _Cells, header: Sequence[str], skips: Callable[[int], bool]) -> Iterator[Row]:
    """The rows below the names, by those of their cells that have something."""
    count = 0
    for number, cells in rows:
        if skips(number):
            continue
        told = {
            name: cell.strip() if isinstance(cell, str) else cell
            for name, cell in zip(header, cells, strict=False)
            if _says(cell) and not name.startswith(_IGNORED)
        }
        # A cell without a column is most often a comma inside a name or an amount.
        stray = told.pop("", None) is not None or any(map(_says, cells[len(header) :]))
        if not (told or stray) or _are_names(told):
            continue
        count += 1
        if count > MOST_ROWS:
            raise UnreadableFile(f"The file has more than {MOST_ROWS:,} rows.")
        yield Row(number, told, stray)


def _are_names(told: dict[str, Cell]) -> bool:
    """Whether it is the row of names once more, as on every page of a report, or where files were
    put one behind the other."""
    return len(told) > 1 and all(cell == name for name, cell in told.items())


def _says(cell: Cell) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else True


_IGNORED = "\0"
"""Begins the name of a column that is not to be looked at."""


def _reference(row: Row, named: Named) -> str:
    for name, cell in row.cells.items():
        column = named(name, "")
        if column and column.name == "reference":
            return written(cell)
    return ""


def _why_none(row: Row, named: Named) -> str:
    """Why a row has no reference that can be used."""
    for name, cell in row.cells.items():
        if (column := named(name, "")) and column.name == "reference":
            try:
                value(cell, column.kind, Habits())
            except Crooked as error:
                return str(error)
    return MISSING


class _Survey:
    """What one look through the whole file shows."""

    def __init__(self, named: Named) -> None:
        self._named = named
        self.evidence = Evidence()
        self.last: dict[str, int] = {}
        self.nameless = 0
        self.orphans: dict[str, int] = {}
        """Invoices below a row of which one stands without a reference, by the first such row: as
        where cells are merged, or a report says it in the first row of a group alone."""
        self._above = ""
        self.unknown: dict[str, int] = {}
        """Headers that are no column and have something below, by the first such row."""
        self._provider = ""

    def row(self, row: Row) -> None:
        """Take in one row."""
        if reference := _reference(row, self._named):
            self.last[reference] = row.number
            self._above = reference
        else:
            self.nameless += 1
            if self._above:
                self.orphans.setdefault(self._above, row.number)
        self._provider = self._provider_of(row) or self._provider
        for name, cell in row.cells.items():
            column = self._named(name, self._provider)
            if column:
                self._cell(Place(row.number, column.name), column, cell)
            elif not (name.casefold().startswith("options.") and self._named(name, "")):
                self.unknown.setdefault(name, row.number)

    def _provider_of(self, row: Row) -> str:
        for name, cell in row.cells.items():
            column = self._named(name, "")
            if column and column.name == "provider":
                return written(cell)
        return ""

    def _cell(self, place: Place, column: Column, cell: Cell) -> None:
        if isinstance(cell, str):
            match column.kind:
                case Kind.NUMBER | Kind.WHOLE:
                    self.evidence.number(place, unmarked(cell)[1])
                case Kind.RATE:
                    self.evidence.rate(place, cell)
                case Kind.DAY | Kind.MOMENT:
                    self.evidence.day(place, cell)
        elif column.kind is Kind.RATE and _is_small(cell):
            self.evidence.small_rate(place)


def _is_small(cell: Cell) -> bool:
    return isinstance(cell, Numeric) and not cell.percent and 0 < cell.value < 1


def _known(
    header: Sequence[str], seen: _Survey, wishes: Wishes, options: Options
) -> tuple[list[str], list[Question]]:
    """The names with those blanked that are to be ignored, and a question for every other one that
    is none of a request's and has something below."""
    ignored = {name.strip().casefold() for name in wishes.ignore}
    kept, questions = list(header), []
    for name, row in seen.unknown.items():
        if "*" in ignored or name.casefold() in ignored:
            kept[kept.index(name)] = f"{_IGNORED}{name}"
            continue
        near = alike(name)
        meant = f" (did you mean {near}?)" if near else ""
        what = f"is no field of a request{meant}. Rename the column, or leave it out"
        questions.append(Question(f"row {row}, {name}", what, "ignore", (f'"{name}"',)))
    return kept, questions


__all__ = ["ENDINGS", "JSON_LINES", "Entry", "Requests", "opened"]
