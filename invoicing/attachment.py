"""BG-24: documents that support an invoice, such as a timesheet, each by reference.

A document says what a file is, how large, and the digest of its content. The bytes are in the store
before the invoice is asked for; they come into no request, history, log or list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from invoicing.document_file import begins_as_pdf
from invoicing.errors import FieldProblem
from invoicing.fields import Name
from invoicing.inconsistent import Inconsistent
from invoicing.model import Typed
from invoicing.values import readable

MOST_ATTACHMENTS = 10
"""Of a document."""
MOST_BYTES = 10_000_000
"""Of one file."""
MOST_BYTES_IN_ALL = 20_000_000
"""Of all the files of a document: a worker holds them at once, and once more as it sends them."""

MediaType = Literal[
    "application/pdf",
    "image/png",
    "image/jpeg",
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.spreadsheet",
]
"""BT-125-1: all that the norm allows (BR-CL-24)."""
MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)
ENDINGS: dict[str, MediaType] = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}
"""By how a file's name ends."""

_ZIP = b"PK\x03\x04"
_BEGINS: dict[str, bytes] = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    ENDINGS[".xlsx"]: _ZIP,
    ENDINGS[".ods"]: _ZIP,
}


def is_what_it_says(raw: bytes, media_type: str) -> bool:
    """Whether content begins as its media type does; of text, that it has no zero byte."""
    if media_type == "application/pdf":
        return begins_as_pdf(raw)
    if media_type == "text/csv":
        return b"\0" not in raw
    return raw.startswith(_BEGINS[media_type])


def digest_of(raw: bytes) -> str:
    """SHA-256 in hexadecimal: the name of content."""
    return hashlib.sha256(raw).hexdigest()


def _file_name(value: str) -> str:
    if "/" in value or "\\" in value or value.strip(". ") == "" or not value.isprintable():
        raise ValueError("must be the name of a file, without folders")
    return value


def _address(value: str) -> str:
    """An address that a buyer opens without being let in by it."""
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be written as an address is: no spaces, other letters as %…")
    try:
        given = urlsplit(value)
        named = given.scheme == "https" and given.hostname and (given.port or 443)
    except ValueError:
        named = False
    if not named:
        raise ValueError("must be an address that begins with https://")
    if given.username is not None or given.password is not None:
        raise ValueError("must not contain a user name or password: whoever gets it could use them")
    return value


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal, small letters."""
FileName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255),
    AfterValidator(readable),
    AfterValidator(_file_name),
]
Location = Annotated[str, StringConstraints(min_length=9, max_length=500), AfterValidator(_address)]


class StoredFile(Typed):
    """BT-125: a file in the store, by what is in it. `described` gives one."""

    name: FileName
    """BT-125-2, as the buyer sees it."""
    media_type: MediaType
    """BT-125-1."""
    size: Annotated[int, Field(strict=True, ge=1, le=MOST_BYTES)]
    """In bytes."""
    sha256: Digest

    @model_validator(mode="after")
    def _named_as_what_it_is(self) -> Self:
        """Programs open a file by its name: one that says `.exe` must not come as a table."""
        if ENDINGS.get(PurePath(self.name).suffix.lower()) != self.media_type:
            fitting = " or ".join(end for end, kind in ENDINGS.items() if kind == self.media_type)
            message = f"must end in {fitting}, as {self.media_type} does"
            raise Inconsistent([FieldProblem(field="name", message=message)])
        return self


def described(name: str, raw: bytes) -> StoredFile:
    """What a document says of a file with this name and content. Raises ValueError with what is
    wrong with it."""
    ending = PurePath(name).suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(f"its name must end in one of {', '.join(ENDINGS)}")
    if not 0 < len(raw) <= MOST_BYTES:
        raise ValueError(f"must have 1 to {MOST_BYTES} bytes")
    media_type = ENDINGS[ending]
    if not is_what_it_says(raw, media_type):
        raise ValueError(f"is no {media_type}, though its name says so")
    try:
        return StoredFile(name=name, media_type=media_type, size=len(raw), sha256=digest_of(raw))
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None


class SupportingDocument(Typed):
    """BG-24: a document that supports what is invoiced, in the file, at an address, or by name
    alone."""

    reference: Name
    """BT-122, such as the number of the timesheet. Each of a document has another."""
    description: Name | None = None
    """BT-123."""
    location: Location | None = None
    """BT-124: where the buyer finds it. Its address alone must let nobody in."""
    file: StoredFile | None = None


def broken(attachments: Sequence[SupportingDocument]) -> Iterator[FieldProblem]:
    """What is wrong with all of them together."""
    first: dict[str, int] = {}
    for index, each in enumerate(attachments):
        if first.setdefault(each.reference, index) != index:
            message = f"is that of attachments[{first[each.reference]}] too"
            yield FieldProblem(field=f"attachments[{index}].reference", message=message)
    together = sum(each.file.size for each in attachments if each.file)
    if together > MOST_BYTES_IN_ALL:
        message = f"have {together} bytes together, at most {MOST_BYTES_IN_ALL}"
        yield FieldProblem(field="attachments", message=message)


def files_of(attachments: Sequence[SupportingDocument]) -> tuple[StoredFile, ...]:
    """The files among them, each content once."""
    found = (each.file for each in attachments if each.file)
    return tuple({file.sha256: file for file in found}.values())
