"""The document of an invoice over REST: how it is with it, and the PDF itself.

Only where the gateway is told where documents are kept (INVOICING_DOCUMENTS_AT).
"""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Header, Response
from fastapi.responses import StreamingResponse

from documents import DocumentStore, StoreAway
from gateway.backend import Behind
from gateway.inputs import Reference
from gateway.problems import Kind, Trouble, unavailable
from gateway.routes import Heads
from gateway.store import needed
from invoicing.document_file import PDF, DocumentState, document_key

heads = Heads("invoices", lambda behind, reference: behind.client.invoices.handle(reference))
router = heads.router

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")

_SCHEMA = {"schema": {"type": "string", "format": "binary"}}
_PART: dict[int | str, dict[str, Any]] = {
    206: {"content": {PDF: _SCHEMA}, "description": "The range that was asked for"},
    304: {"description": "It is what `If-None-Match` names"},
}


class Pdf(StreamingResponse):
    """A PDF, in pieces."""

    media_type = PDF


@heads.reads("/{reference}/document", "How it is with the document")
async def get_document(reference: Reference, behind: Behind) -> DocumentState:
    """Whether the invoice's document is kept, its size and digest, and why not. Where nobody has
    asked for it yet, it is asked for now; where there was a problem, it is tried again."""
    return await behind.answered(behind.client.documents.ask(reference))


@heads.reads("/{reference}/document.pdf", "The PDF", Kind.RANGE, more=_PART, response_class=Pdf)
async def get_document_pdf(
    reference: Reference,
    behind: Behind,
    range: Annotated[str | None, Header()] = None,  # noqa: A002
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The PDF that the provider made of the invoice, as it came. One range of bytes may be asked
    for, of what `If-Range` names. 404 says why there is none; `document` asks for it."""
    store = needed(behind)
    state = await behind.answered(behind.client.documents.state(reference))
    if state.file is None:
        raise Trouble(Kind.NOT_FOUND, state.problem or state.waiting or "it is not there yet")
    size, tag = state.file.size, f'"{state.file.sha256}"'
    name = quote(f"{reference}.pdf", safe="")
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    if _names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    # What was begun of another document is not gone on with.
    wanted = _part(range if if_range in (None, tag) else None, size)
    if wanted is None:
        raise Trouble(Kind.RANGE, headers={"Content-Range": f"bytes */{size}"})
    start, end = wanted
    if end - start < size:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    key = document_key(reference, state.provider_id)
    await _there(store, key, size)
    return Pdf(
        store.read(key, start, end),
        status_code=206 if end - start < size else 200,
        headers={**headers, "Content-Length": str(end - start)},
    )


def _names(if_none_match: str | None, tag: str) -> bool:
    """Whether a cache has this, also where a proxy has weakened the tag (RFC 9110, 13.1.2)."""
    named = {each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")}
    return bool(named & {"*", tag})


async def _there(store: DocumentStore, key: str, size: int) -> None:
    """Before the first byte goes out, for then no other answer can be given any more."""
    try:
        found = await store.size(key)
    except StoreAway as error:
        raise unavailable(str(error)) from None
    if found != size:
        raise Trouble(Kind.NOT_FOUND, "it was kept, and is not in the store any more as it was")


def _part(range_: str | None, size: int) -> tuple[int, int] | None:
    """Which bytes are wanted, from and to before; None: none of those there are. What is no single
    range of bytes asks for all (RFC 9110, 14.2)."""
    given = _RANGE.fullmatch(range_ or "")
    if given is None or not (given[1] or given[2]):
        return 0, size
    if not given[1]:
        last = int(given[2])
        return (max(0, size - last), size) if last else None
    start = int(given[1])
    end = min(size, int(given[2]) + 1) if given[2] else size
    return (start, end) if start < end else None
