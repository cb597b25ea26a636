"""JSON Lines: one request per line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from invoicing.errors import InvalidRequest
from invoicing.parse import read_request
from invoicing.request import InvoiceRequest, Reference, refuse_set_by_us
from invoicing.state.bounds import refuse_too_large
from invoicing.state.identity import fingerprint
from tabular.bounds import MOST_BYTES, MOST_RECORD, MOST_ROWS, check_size
from tabular.entries import Entry
from tabular.wishes import UnreadableFile

_reference = TypeAdapter(Reference)


def valid(reference: object) -> str:
    """The reference, or nothing where it is none."""
    try:
        return _reference.validate_python(reference)
    except ValidationError:
        return ""


@dataclass
class _Asked:
    """What the first line of a reference asked for, and all lines that ask for the same."""

    digest: bytes
    rows: dict[int, None] = field(default_factory=dict)
    """In their order."""


@dataclass(frozen=True)
class JsonLines:
    """A file of requests, which lines ask for the same, and how many entries that makes."""

    path: Path
    asked: dict[str, _Asked]
    count: int

    @classmethod
    def opened(cls, path: Path) -> JsonLines:
        """Read it through once. Raises UnreadableFile for one out of bounds."""
        check_size(path, MOST_BYTES)
        asked: dict[str, _Asked] = {}
        count = 0
        for number, line in _lines(path):
            entry = _entry(number, line)
            count += 1
            if entry.request:
                digest = _digest(entry.request)
                first = asked.setdefault(entry.reference, _Asked(digest))
                if first.digest == digest:
                    first.rows[number] = None
                    count -= len(first.rows) > 1
        return cls(path, asked, count)

    def entries(self) -> Iterator[Entry]:
        """One for each request; what is asked for twice is asked for once."""
        for number, line in _lines(self.path):
            entry = _entry(number, line)
            if entry.request is None:
                yield entry
                continue
            first = self.asked[entry.reference]
            begins = next(iter(first.rows))
            if begins == number:
                yield Entry(tuple(first.rows), entry.reference, entry.request)
            elif number not in first.rows:
                why = f"line {begins} has this reference with other content"
                yield Entry((number,), entry.reference, wrong=(why,))


def _digest(request: InvoiceRequest) -> bytes:
    parts = json.dumps(fingerprint(request), sort_keys=True)
    return hashlib.sha256(parts.encode()).digest()[:16]


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MOST_RECORD):
            number += 1
            if len(line) >= MOST_RECORD:
                raise UnreadableFile(f"line {number} has more than {MOST_RECORD:,} bytes.")
            if number > MOST_ROWS:
                raise UnreadableFile(f"{path.name} has more than {MOST_ROWS:,} lines.")
            if line.strip():
                yield number, line.rstrip(b"\n")


def _entry(number: int, line: bytes) -> Entry:
    try:
        request = read_request(line)
        refuse_set_by_us(request)
        refuse_too_large(request)
    except InvalidRequest as error:
        wrong = tuple(map(str, error.fields)) or (str(error),)
        return Entry((number,), _named(line), wrong=wrong)
    return Entry((number,), request.reference, request)


def _named(line: bytes) -> str:
    """The reference of a line that is no request, if it can be told."""
    try:
        return valid(json.loads(line)["reference"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
