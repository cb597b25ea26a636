"""Files of requests that come in as bodies: read within bounds, in a thread, and kept nowhere."""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from gateway.backend import Backend
from gateway.callers import Caller
from gateway.problems import Kind, Trouble
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.parse import read
from providers.registry import ADAPTORS
from tabular.bounds import MOST_TEXT
from tabular.entries import Entry
from tabular.requests import JSON_LINES, opened
from tabular.requests import XLSX as XLSX_ENDINGS
from tabular.wishes import Dialect, Question, UnreadableFile, Wishes

MOST_INVOICES = 300
"""Of one file: so many are asked for while a caller waits. More are several files."""
MOST_UNPACKED = 20 << 20
"""Bytes that the parts of an XLSX file have together, which is compressed."""
MOST_TAGS = 200_000
"""Elements of the sheets of an XLSX file: a cell with a value is two. What an element costs to read
has nothing to do with how few bytes it is packed into."""
MOST_STRING_TAGS = 100_000
"""Elements of the texts that its cells share."""
MOST_OTHER_TAGS = 20_000
"""Elements of all its other parts: of styles each takes as long as twenty cells."""
ATTRIBUTES = 4
"""As many of them count as one more element: a cell has three."""
MOST_LINES = 10 * MOST_INVOICES
"""Of a JSON Lines file: a request may stand there more than once."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ENDINGS = {
    "text/csv": ".csv",
    XLSX: ".xlsx",
    "application/jsonl": ".jsonl",
    "application/x-ndjson": ".jsonl",
}
"""How a file's name would end, by its media type."""
_CHUNK = 1 << 16
_OPTIONS: dict[str, type[BaseModel]] = {name: one.Options for name, one in ADAPTORS.items()}


class Sheet(NamedTuple):
    """What is in a file, in the order of its rows, and how it is written."""

    entries: tuple[Entry, ...]
    dialect: Dialect


def ending_of(name: str) -> str:
    """How a file of this name is read; a name with any other ending is refused when it is."""
    return Path(name).suffix.lower()[:20]


def wishes_in(given: Mapping[str, str]) -> Wishes:
    """What was filled in about a file; columns to be ignored with commas between. Raises
    InvalidRequest."""
    said: dict[str, object] = {**given}
    if "ignore" in given:
        said["ignore"] = [each.strip() for each in given["ignore"].split(",") if each.strip()]
    return read(Wishes, json.dumps(said))


async def sheet_of(
    behind: Backend, who: Caller, content: bytes, ending: str, wishes: Wishes
) -> Sheet:
    """What is in this file of this caller. Raises Trouble where it cannot be read for certain: its
    errors name what has to be said first."""
    try:
        return await behind.files.do(who.name, partial(read_sheet, content, ending, wishes))
    except UnreadableFile as error:
        raise _unread(error) from None


def read_sheet(content: bytes, ending: str, wishes: Wishes) -> Sheet:
    """The same, here and now. Raises UnreadableFile."""
    if ending in XLSX_ENDINGS:
        _refuse_a_bomb(content)
    if ending in JSON_LINES and content.count(b"\n") > MOST_LINES:
        raise UnreadableFile(f"The file has more than {MOST_LINES:,} lines: make several of it.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{ending}"
        path.write_bytes(content)
        requests = opened(path, wishes, _OPTIONS)
        if requests.count > MOST_INVOICES:
            raise UnreadableFile(
                f"The file has {requests.count} invoices, and {MOST_INVOICES} are the most of one "
                "file here: make several of it."
            )
        return Sheet(
            tuple(sorted(requests.entries(), key=lambda entry: entry.rows)), requests.dialect
        )


def _refuse_a_bomb(content: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as packed:
            size = sum(part.file_size for part in packed.infolist())
            if size > MOST_UNPACKED:
                raise UnreadableFile(
                    f"The file has {size:,} bytes unpacked, and {MOST_UNPACKED:,} is the most."
                )
            _refuse_too_many_tags(packed)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError):
        raise UnreadableFile("This is no XLSX file.") from None


def _refuse_too_many_tags(packed: zipfile.ZipFile) -> None:
    """The names are those that every spreadsheet gives its parts: one with others has less room."""
    left = Counter(sheets=MOST_TAGS, texts=MOST_STRING_TAGS, others=MOST_OTHER_TAGS)
    for part in packed.infolist():
        name = part.filename.lower()
        where = "sheets" if name.startswith("xl/worksheets/sheet") else "others"
        where = "texts" if name == "xl/sharedstrings.xml" else where
        left[where] -= _tags(packed, part)
        if left[where] < 0:
            raise UnreadableFile(
                "The file has more cells, texts or formats than can be read here: leave out what "
                "is not needed, or make several files of it."
            )


def _tags(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """How many elements begin in this part, or as many as its attributes count for."""
    found, attributes, bare, before = 0, 0, 0, b""
    with packed.open(part) as opened_part:
        while chunk := opened_part.read(_CHUNK):
            text = before + chunk
            before = b"<" if text.endswith(b"<") else b""
            text = text[: len(text) - len(before)]
            found += text.count(b"<") - text.count(b"</")
            attributes += text.count(b"=")
            bare = 0 if b"<" in text else bare + len(text)
            if bare > MOST_TEXT:
                raise UnreadableFile(f"The file has a text of more than {MOST_TEXT:,} bytes.")
    return max(found, attributes // ATTRIBUTES)


def _unread(error: UnreadableFile) -> Trouble:
    if not error.questions:
        return Trouble(Kind.INVALID, errors=_one(error))
    asked = [FieldProblem(field=each.where, message=_said(each)) for each in error.questions]
    return Trouble(Kind.INVALID, "The file does not say this for certain", errors=asked)


def _one(error: InvalidRequest) -> list[FieldProblem]:
    return [*error.fields] or [FieldProblem(field="file", message=str(error))]


def _said(question: Question) -> str:
    if not question.choices:
        return question.what
    return f"{question.what}: say {question.option} {' or '.join(question.choices)}"
