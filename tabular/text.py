"""CSV as spreadsheets and ERPs write it: which encoding and which separator, and its rows."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tabular.bounds import MOST_BYTES, MOST_RECORD, check_size
from tabular.cells import Cell
from tabular.wishes import Question, UnreadableFile, Wishes

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WESTERN = ("cp1252", "iso-8859-15", "cp1250", "cp1254", "cp1257")
"""Latin alphabets of one byte a letter. They agree on ä, é, ö, ü and ß, and not on è, ñ, å or ł."""
_FOREIGN = re.compile(rb"[\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xff]{2,}")
_LETTERS = re.compile(rb"[A-Za-z\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xff]+")
_CHUNK = 1 << 20
_SEPARATORS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
HeaderTest = Callable[[Sequence[Cell]], bool]
HEAD = 20
"""Rows in which the one that names the columns must stand: reports have a title above."""


class Encoding(NamedTuple):
    """How text is stored, and whether it begins with a mark that says so."""

    name: str
    mark: int = 0
    """Its length in bytes."""


def encoding_of(path: Path, wish: str | None) -> Encoding:
    """The file's encoding, from its mark, its bytes or a person. Raises UnreadableFile."""
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    if wish:
        return Encoding(_known(wish))
    if b"\0" in head:
        return _wide(path, head)
    return _bytewise(path)


def _known(wish: str) -> str:
    try:
        "a".encode(wish)
        return codecs.lookup(wish).name
    except (LookupError, UnicodeError):
        raise UnreadableFile(f"No encoding is called {wish[:50]!r}: cp1252 is one.") from None


def _wide(path: Path, head: bytes) -> Encoding:
    """Two bytes a letter: every second one of plain Latin text is empty."""
    for name, empty in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if empty.count(0) > 0.9 * len(empty):
            return Encoding(name)
    raise UnreadableFile(f"{path.name} is no text: it has empty bytes in it.")


def _bytewise(path: Path) -> Encoding:
    decoder, is_utf8 = codecs.getincrementaldecoder("utf-8")(), True
    seen: set[int] = set()
    foreign = False
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            high = {byte for byte in set(chunk) if byte > 127}
            seen |= high
            foreign = foreign or (bool(high) and any(map(_is_foreign, _LETTERS.findall(chunk))))
            is_utf8 = is_utf8 and _decodes(decoder, chunk)
    if is_utf8 and _decodes(decoder, b"", final=True):
        return Encoding("utf-8")
    texts = {text for name in _WESTERN if (text := _decoded(bytes(sorted(seen)), name))}
    if len(texts) == 1 and not foreign:
        return Encoding("cp1252")
    what = "letters with accents are stored in one of several ways, and the file does not say which"
    question = Question(path.name, what, "encoding", ("cp1252", "cp1250", "cp850"))
    raise UnreadableFile(
        "The encoding of this file is not certain. A spreadsheet also saves “CSV UTF-8”.",
        [question],
    )


def _is_foreign(word: bytes) -> bool:
    """Whether it has no plain letter at all: then it may be Greek or Cyrillic."""
    return bool(_FOREIGN.fullmatch(word))


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(letters: bytes, name: str) -> str:
    """Empty where these bytes are no letters in that encoding."""
    try:
        text = letters.decode(name)
    except UnicodeDecodeError:
        return ""
    return "" if any("\x7f" <= each <= "\x9f" for each in text) else text


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose encoding and separator are known; read anew at each pass."""

    path: Path
    encoding: Encoding
    separator: str
    newline: str

    @classmethod
    def opened(cls, path: Path, wishes: Wishes, is_header: HeaderTest) -> CsvFile:
        """Look how it is written. `is_header` knows the row of names. Raises UnreadableFile."""
        check_size(path, MOST_BYTES)
        if not path.stat().st_size:
            raise UnreadableFile("The file is empty: it has no names of columns.")
        encoding = encoding_of(path, wishes.encoding)
        with _text(path, encoding) as text:
            lines = list(islice(_lines(text), HEAD))
        ending = next((line[len(line.rstrip("\r\n")) :] for line in lines), "")
        separator = _separator(lines, wishes.separator, is_header)
        return cls(path, encoding, separator, ending if ending in ("\n", "\r\n") else "\n")

    def rows(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Every row that is not empty, by its number as a spreadsheet counts them."""
        with _text(self.path, self.encoding) as text:
            csv.field_size_limit(MOST_RECORD)
            reader = csv.reader(_lines(text), delimiter=self.separator, strict=True)
            try:
                for number, cells in enumerate(reader, 1):
                    if any(cells) and not (number == 1 and _is_sep_line(cells)):
                        yield number, cells
            except csv.Error as error:
                raise UnreadableFile(f"line {reader.line_num} is not CSV: {error}") from None


def _is_sep_line(cells: Sequence[str]) -> bool:
    return cells[0].casefold().startswith("sep=")


@contextmanager
def _text(path: Path, encoding: Encoding) -> Iterator[TextIOWrapper]:
    with path.open("rb") as file:
        file.seek(encoding.mark)
        with TextIOWrapper(file, encoding=encoding.name, newline="") as text:
            try:
                yield text
            except UnicodeError:
                raise UnreadableFile(f"{path.name} is not text in {encoding.name}.") from None


def _lines(text: TextIOWrapper) -> Iterator[str]:
    """Line by line, none of them longer than a record may be. A mark before one is of a file that
    was put behind another, or was marked twice."""
    while line := text.readline(MOST_RECORD):
        if len(line) >= MOST_RECORD:
            raise UnreadableFile(f"A line has more than {MOST_RECORD:,} characters.")
        yield line.lstrip("\ufeff")


def _separator(lines: Sequence[str], wish: str | None, is_header: HeaderTest) -> str:
    """The one with which some of the first rows names the columns. Raises UnreadableFile."""
    if wish:
        return _one_character(wish)
    if lines and (said := _SEP_LINE.fullmatch(lines[0])):
        return said[1]
    widths = {each: _width(lines, each, is_header) for each in _SEPARATORS}
    widest = max(widths.values())
    if not widest:
        raise UnreadableFile(NO_HEADER)
    found = [each for each in _SEPARATORS if widths[each] == widest]
    if len(found) > 1 and widest > 1:
        question = Question("row 1", "several separators are possible", "separator", tuple(found))
        raise UnreadableFile("The separator of this file is not certain.", [question])
    return found[0]


NO_HEADER = (
    "The first row names the columns, and `reference` is one of them; it may stand below a title, "
    f"in one of the first {HEAD} rows."
)


def _one_character(wish: str) -> str:
    wish = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(wish.casefold(), wish)
    if len(wish) != 1 or wish in '"\r\n':
        raise UnreadableFile("The separator is one character, or the word tab.")
    return wish


def _width(lines: Sequence[str], separator: str, is_header: HeaderTest) -> int:
    """How many columns the row of names has with this separator; 0: none is one."""
    csv.field_size_limit(MOST_RECORD)
    for row in csv.reader(lines, delimiter=separator):
        if is_header(row):
            return len(row)
    return 0
