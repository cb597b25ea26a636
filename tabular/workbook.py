"""XLSX, read row by row and never as a whole: openpyxl in its read-only way, within bounds."""

from __future__ import annotations

import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from tabular.bounds import (
    MOST_BYTES,
    MOST_COLUMNS,
    MOST_HELD,
    MOST_PARTS,
    MOST_TEXT,
    MOST_UNPACKED,
    check_size,
)
from tabular.cells import Broken, Cell, Numeric
from tabular.formats import read_format
from tabular.wishes import Question, UnreadableFile, Wishes

_MALFORMED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ParseError,
    expat.ExpatError,
    InvalidFileException,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
    RuntimeError,
    OverflowError,
    UserWarning,
)
"""What openpyxl, zipfile and the parser raise for a file that is none."""

_OLD = b"\xd0\xcf\x11\xe0"
_FORMULA = re.compile(rb"<(\w+:)?f[ />]")
_CALC = re.compile(rb"<(?:\w+:)?calcPr\b([^<>]*)>")
_STALE = re.compile(
    rb"""\b(?:fullCalcOnLoad\s*=\s*["'](?:1|true)|calcCompleted\s*=\s*["'](?:0|false))["']"""
)
"""The program that wrote the file has not computed its formulas, or not to the end: what stands
there as their results may be anything, and is most often 0."""
_HIDDEN = re.compile(rb"""\b(?:hidden\s*=\s*["'](?:1|true)["']|ht\s*=\s*["']0(?:\.0*)?["'])""")
"""Or without any height: nobody sees the difference."""
_ROW = re.compile(rb"<(?:\w+:)?row\b([^<>]*)>")
_NUMBER = re.compile(rb"""\br\s*=\s*["']([0-9]{1,7})["']""")
_BREAK = re.compile(r"_x000[dD]_\n?|_x000[aA]_")
"""How a workbook keeps the end of a line that came from Windows."""
_LAST_ROW = 1_048_576
_CHUNK = 1 << 20
_LONGEST_TAG = 4096
_LOOKED_AT = 50
"""Rows of a sheet that are looked at to see whether it has anything."""


@dataclass(frozen=True)
class Workbook:
    """One sheet of an XLSX file; read anew at each pass."""

    path: Path
    sheet: str
    formulas: bool
    """Whether there may be formulas in the file."""
    stale: bool = False
    """Whether the results of formulas are not to be believed."""
    hidden: frozenset[int] = frozenset()
    """The rows that a reader does not see: filtered away, or hidden."""

    @classmethod
    def opened(cls, path: Path, wishes: Wishes) -> Workbook:
        """Look which sheet it is. Raises UnreadableFile."""
        check_size(path, MOST_BYTES)
        formulas = _checked(path)
        with _book(path, values=True) as book:
            sheet = _sheet(path, book, wishes.sheet)
            part = _part_of(book[sheet])
        with _readable(path), zipfile.ZipFile(path) as parts:
            stale = formulas and _is_stale(parts)
            return cls(path, sheet, formulas, stale, frozenset(_hidden(parts, part)))

    def rows(self, *, check: bool = False) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Every row that is not empty, by its number. `check` looks at formulas, too: one whose
        result is not stored is a mistake of its row, not an empty cell."""
        if not (check and self.formulas):
            yield from self._values()
            return
        with _book(self.path, values=False) as book:
            formulas = _numbered(book[self.sheet])
            with _book(self.path, values=True) as other:
                results = _numbered(other[self.sheet])
                for (number, row), (_, values) in zip(formulas, results, strict=False):
                    cells = [self._cell(*both) for both in zip_longest(row, values)]
                    if any(cell != "" for cell in cells):
                        yield number, cells

    def _values(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        with _book(self.path, values=True) as book:
            for number, row in _numbered(book[self.sheet]):
                cells = [_cell(each) for each in row]
                if any(cell != "" for cell in cells):
                    yield number, cells

    def _cell(self, formula: Any, result: Any) -> Cell:
        """The result, unless there is a formula and none that can be believed; rows are as long as
        what is in them."""
        if formula is not None and formula.data_type == "f":
            if not result or result.value is None:
                return _NO_RESULT
            if self.stale:
                return _NOT_COMPUTED
        return _cell(result) if result else ""


_NO_RESULT = Broken("is a formula whose result is not in the file: save it in a spreadsheet")
_NOT_COMPUTED = Broken("is a formula that was never computed: save the file in a spreadsheet")


def _checked(path: Path) -> bool:
    """Whether the file has formulas. Raises UnreadableFile for one that is too large unpacked, or
    declares entities, by which a small one could grow."""
    with path.open("rb") as file:
        if file.read(4) == _OLD:
            raise UnreadableFile(
                f"{path.name} is an old .xls file or has a password: save it as .xlsx without one."
            )
    with _readable(path), zipfile.ZipFile(path) as parts:
        entries = parts.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if len(entries) > MOST_PARTS or unpacked > MOST_UNPACKED:
            raise UnreadableFile(
                f"{path.name} is too large: unpacked it has {unpacked:,} bytes in {len(entries):,} "
                f"parts, and {MOST_UNPACKED:,} in {MOST_PARTS:,} is the most."
            )
        held = sum(entry.file_size for entry in entries if _is_held(entry))
        if held > MOST_HELD:
            raise UnreadableFile(
                f"{path.name} is too large: its texts and styles have {held:,} bytes, and "
                f"{MOST_HELD:,} is the most."
            )
        formulas = False
        for entry in entries:
            if entry.filename.endswith((".xml", ".rels")):
                _refuse_declarations(path, parts, entry)
            if not entry.filename.startswith(_UNREAD):
                found = _has_formulas(parts, entry)
                formulas = formulas or (found and entry.filename.startswith(_SHEETS))
        return formulas


_SHEETS = "xl/worksheets/"
_UNREAD = ("xl/media/", "customXml/")
"""Parts that say nothing of any cell, and may be as they like."""


def _is_held(entry: zipfile.ZipInfo) -> bool:
    return not entry.filename.startswith((_SHEETS, *_UNREAD))


def _is_stale(parts: zipfile.ZipFile) -> bool:
    named = (entry.filename for entry in parts.infolist())
    books = [name for name in named if name.lower().startswith("xl/workbook")]
    return any(_STALE.search(said[1]) for name in books for said in _tags(parts, name, _CALC))


def _part_of(sheet: Any) -> str:
    """Where the sheet stands in the file."""
    return str(sheet._worksheet_path)  # noqa: SLF001 - it is read from there, and nobody is told


def _hidden(parts: zipfile.ZipFile, part: str) -> Iterator[int]:
    """The numbers of the rows of a sheet that are hidden. One without a number follows the one
    before it."""
    number = 0
    for found in _tags(parts, part, _ROW):
        given = _NUMBER.search(found[1])
        number = int(given[1]) if given else number + 1
        if _HIDDEN.search(found[1]):
            yield number


def _tags(parts: zipfile.ZipFile, part: str, tag: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    """Each such tag of a part, which is never held as a whole."""
    before = b""
    with parts.open(part) as opened:
        while chunk := opened.read(_CHUNK):
            text = before + chunk
            last = text.rfind(b"<")
            yield from tag.finditer(text, 0, last)
            before = text[last:][:_LONGEST_TAG]


class _Begun(Exception):
    """The first element: nothing is declared behind it."""


def _refuse_declarations(path: Path, parts: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    def begun(*_: object) -> None:
        raise _Begun

    def declared(*_: object) -> None:
        raise UnreadableFile(f"{path.name} is not as a spreadsheet writes it: it declares a DTD.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begun
    parser.StartDoctypeDeclHandler = declared
    with parts.open(entry) as part:
        try:
            while chunk := part.read(_CHUNK):
                parser.Parse(chunk)
        except _Begun:
            return


def _has_formulas(parts: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """It is looked through to its end. Raises UnreadableFile for one with a text that no
    spreadsheet has written."""
    found, bare = False, 0
    with parts.open(entry) as part:
        before = b""
        while chunk := part.read(_CHUNK):
            found = found or _FORMULA.search(before + chunk) is not None
            before = chunk[-64:]
            pieces = chunk.split(b"<")
            if max(map(len, pieces), default=0) > MOST_TEXT or bare + len(pieces[0]) > MOST_TEXT:
                raise UnreadableFile(
                    f"A text in the workbook has more than {MOST_TEXT:,} bytes, which no "
                    "spreadsheet writes."
                )
            bare = len(pieces[-1]) if len(pieces) > 1 else bare + len(chunk)
    return found


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except UnreadableFile:
        raise
    except _MALFORMED:
        raise UnreadableFile(f"{path.name} is not an .xlsx file, or is damaged.") from None


@contextmanager
def _book(path: Path, *, values: bool) -> Iterator[Any]:
    """The workbook; `values`: the stored results of its formulas instead of the formulas."""
    with _readable(path), path.open("rb") as file:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(file, read_only=True, data_only=values, keep_links=False)
        try:
            yield book
        finally:
            book.close()


def _sheet(path: Path, book: Any, wish: str | None) -> str:
    """The sheet that was named, or the only visible one that has anything in it."""
    visible: list[str] = [each.title for each in book.worksheets if each.sheet_state == "visible"]
    if wish is not None:
        if wish not in visible:
            raise UnreadableFile(f"{path.name} has no sheet of that name: {', '.join(visible)}.")
        return wish
    filled = [name for name in visible if _has_something(book[name])]
    if len(filled) > 1:
        names = tuple(f'"{name}"' for name in filled)
        question = Question(path.name, "several sheets have something in them", "sheet", names)
        raise UnreadableFile("Which sheet is meant?", [question])
    if not filled:
        raise UnreadableFile(f"{path.name} has nothing in it.")
    return filled[0]


def _has_something(sheet: Any) -> bool:
    for number, row in _numbered(sheet):
        if any(cell.value is not None for cell in row):
            return True
        if number >= _LOOKED_AT:
            break
    return False


def _numbered(sheet: Any) -> Iterator[tuple[int, Any]]:
    sheet.reset_dimensions()  # what a file says of its own size need not be so
    rows = iter(sheet.iter_rows(max_col=MOST_COLUMNS))
    for number in range(1, _LAST_ROW + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a date out of bounds is an error value, and said so
            row = next(rows, None)
        if row is None:
            return
        last = len(row)
        while last and row[last - 1].value is None:
            last -= 1
        yield number, row[:last]


def _cell(cell: Any) -> Cell:
    """What openpyxl read, in our words; an empty text: nothing."""
    match cell.value:
        case None:
            return ""
        case str() as text:
            if cell.data_type == "e":
                return Broken("is an error value of the spreadsheet")
            return _BREAK.sub("\n", text).strip()
        case bool() as truth:
            return truth
        case int() | float() as number:
            return _numeric(number, cell.number_format or "")
        case datetime() as moment:
            return moment.date() if moment.time() == time() else moment
        case date() as day:
            return day
    return Broken("is a time of day in this file")


def _numeric(number: float, shown_as: str) -> Numeric:
    # 15 digits are what a spreadsheet keeps and shows: the rest is the noise of binary floats.
    return Numeric(Decimal(f"{number:.15g}"), *read_format(shown_as))
