"""Files of invoices over REST: looked through, and asked for. See `gateway.batch`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from gateway.access import Access, Who
from gateway.backend import Behind
from gateway.batch import Batch, Batches
from gateway.files import ENDINGS, Sheet, sheet_of
from gateway.inputs import Key, whole_body
from gateway.problems import Kind, Trouble, invalid
from gateway.routes import Heads
from gateway.visits import visit_of
from tabular.wishes import Wishes

heads = Heads("batches")
router = heads.router

CONTENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}} for media in sorted(ENDINGS)
        },
    }
}


Written = Annotated[Wishes, Query()]
"""How the file is written, where it does not say for certain."""


async def _sheet(request: Request, behind: Behind, who: Who, wishes: Written) -> Sheet:
    """The body as a file, once the caller was let in."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if media not in ENDINGS or coding != "identity":
        accepted = ", ".join(sorted(ENDINGS))
        headers = {"Accept": accepted, "Connection": "close"}
        raise Trouble(Kind.MEDIA, f"send one of {accepted}, and no encoding", headers=headers)
    content = await whole_body(request, behind.settings)
    return await sheet_of(behind, who, content, ENDINGS[media], wishes)


InFile = Annotated[Sheet, Depends(_sheet)]


def _batches(request: Request, behind: Behind, who: Who) -> Batches:
    access: Access = request.app.state.access
    return Batches(behind, access, who, visit_of(request), request.scope)


Mine = Annotated[Batches, Depends(_batches)]


@heads.takes_file("/preview", CONTENT, "What is in the file, and what has become of it")
async def preview_batch(sheet: InFile, batches: Mine) -> Batch:
    """What each invoice of a file comes to or what is wrong with it, and, of those that were asked
    for before, how they stand: so this is also how a batch is followed. Nothing is made; what only
    the provider can tell is found when it is asked for."""
    return await batches.seen(sheet)


@heads.takes_file("", CONTENT, "What became of each")
async def start_batch(sheet: InFile, batches: Mine, key: Key = None) -> Batch:
    """Have the invoices of a file made, up to 300. Each reference is its own key: the same file
    again is the same invoices. A bad one does not stop the others; each counts for the caller's
    rate, and is waited for."""
    if key is not None:
        raise invalid("header.Idempotency-Key", "each reference is its own key: leave it out")
    return await batches.started(sheet)
