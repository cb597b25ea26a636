"""Forms with a file in them, as browsers send it, and the file again as a field of the next form:
nothing of it is kept here between two pages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from email.message import Message
from typing import NamedTuple

from fastapi import Request

from console.door import MOST_FIELDS, WRITTEN_AS, Console, Form, filled_in, refuse_other_pages
from console.sessions import Session
from gateway.inputs import whole_body
from gateway.problems import Kind, Trouble, invalid

AROUND = 20_000
"""Bytes of a form beside its file."""
MOST_HEADER = 2_000
"""Characters of a header within a form: it has the name of a file, which has 255 at most."""
FILE = "file"
_NAME = re.compile(r"[^\w.() -]")


class Upload(NamedTuple):
    """A file that somebody chose: its name, and what is in it."""

    name: str
    content: bytes

    @property
    def kept(self) -> str:
        """As a field of a form has it."""
        return base64.b64encode(self.content).decode()


async def uploaded(
    request: Request, desk: Console, session: Session | None
) -> tuple[Form, Upload | None]:
    """The form that was sent, once it has proven that this session's page showed it, and the file
    in it: chosen now, or carried along by the page. Raises Trouble."""
    refuse_other_pages(request)
    kind = request.headers.get("content-type", "")
    most = desk.backend.settings.max_body
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        form = await filled_in(request, desk, session, WRITTEN_AS * most)
        return form, _carried(form, most)
    body = await whole_body(request, desk.backend.settings, most=most + AROUND)
    pairs, chosen = [], None
    for name, file, content in _parts(body, _boundary(kind)):
        if name == FILE and file is not None:
            chosen = Upload(_NAME.sub("_", file)[-100:], content) if file else None
        else:
            pairs.append((name, _text(content)))
    form = Form(pairs)
    desk.check_form(session, form)
    return form, chosen


def _carried(form: Form, most: int) -> Upload | None:
    kept = form["kept"]
    if not kept:
        return None
    try:
        content = base64.b64decode(kept, validate=True)
    except (binascii.Error, ValueError):
        raise invalid("kept", "is no file that a page has carried along") from None
    if len(content) > most:
        raise Trouble(Kind.TOO_LARGE, f"at most {most} bytes")
    return Upload(_NAME.sub("_", form["name"])[-100:], content)


def _boundary(kind: str) -> bytes:
    found = _header(kind).get("boundary", "")
    if not found or len(found) > 70:
        raise Trouble(Kind.UNREADABLE, "the form cannot be read")
    return b"--" + found.encode("latin-1", "replace")


def _parts(body: bytes, mark: bytes) -> Iterator[tuple[str, str | None, bytes]]:
    """Name, file's name where it is one, and content of each part. Raises Trouble."""
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if len(pieces) > MOST_FIELDS or pieces[0] or not pieces[-1].startswith(b"--"):
        raise Trouble(Kind.UNREADABLE, "the form cannot be read")
    for piece in pieces[1:-1]:
        head, found, content = piece.partition(b"\r\n\r\n")
        told = _disposition(_text(head)) if found else {}
        if "name" not in told:
            raise Trouble(Kind.UNREADABLE, "the form cannot be read")
        yield told["name"], told.get("filename"), content


def _disposition(head: str) -> dict[str, str]:
    for line in head.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return _header(value)
    return {}


def _header(value: str) -> dict[str, str]:
    """The parameters of a header. Raises Trouble for one that is longer than any browser's: reading
    one takes the square of its length, and everybody waits for it."""
    if len(value) > MOST_HEADER:
        raise Trouble(Kind.UNREADABLE, "the form cannot be read")
    message = Message()
    message["content-type"] = value.strip()
    found = message.get_params(failobj=[], unquote=True)
    return {name.lower(): said for name, said in found if isinstance(said, str)}


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Trouble(Kind.UNREADABLE, "the form cannot be read") from None
