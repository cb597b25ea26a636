"""Files that documents name, put into the store before the invoice is asked for.

A file is of an account, and is called by what is in it: put again, it is the same file. Nothing
here gives one back. Only where the gateway is told where documents are kept
(INVOICING_DOCUMENTS_AT).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from documents import Account, Share, StoreAway, UsedUp
from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.inputs import whole_body
from gateway.problems import Kind, Trouble, invalid, unavailable
from gateway.routes import Heads
from gateway.store import needed
from invoicing.attachment import (
    MEDIA_TYPES,
    MOST_BYTES,
    Digest,
    MediaType,
    is_what_it_says,
)
from invoicing.model import Recorded
from invoicing.request import AccountName, ProviderName
from invoicing.temporal.asking import Refused

heads = Heads("attachments")
router = heads.router

_BINARY = {"schema": {"type": "string", "format": "binary"}}
CONTENT: dict[str, Any] = {
    "requestBody": {"required": True, "content": dict.fromkeys(sorted(MEDIA_TYPES), _BINARY)}
}
Named = Annotated[Digest, Path(description="SHA-256 of the file, in hexadecimal.")]


class PutFile(Recorded):
    """What a document says of it, but for the name by which the buyer is to know it."""

    media_type: str
    size: int
    sha256: str


def _media(request: Request) -> MediaType:
    """What the body is said to be, before a byte of it is read."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    found = next((each for each in MEDIA_TYPES if each == given), None)
    if found is None or coding != "identity":
        accepted = ", ".join(sorted(MEDIA_TYPES))
        headers = {"Accept": accepted, "Connection": "close"}
        raise Trouble(Kind.MEDIA, f"send one of {accepted}, and no encoding", headers=headers)
    return found


Said = Annotated[MediaType, Depends(_media)]


@heads.puts("/{provider}/{account}/{sha256}", CONTENT, "It is in the store")
async def put_attachment(
    provider: ProviderName,
    account: AccountName,
    sha256: Named,
    media_type: Said,
    request: Request,
    behind: Behind,
    who: Who,
) -> PutFile:
    """Put a file into the store, for invoices of this account: up to 10 MB. Its address is what is
    in it, so that the same file again is the same file, and counts once for what a caller may put
    within thirty days. A document then names it in
    `attachments[].file`."""
    who.reach.refuse_account(provider, account)
    store = needed(behind)
    async with behind.uploads.of(who.name), behind.uploading:
        raw = await whole_body(request, behind.settings, most=MOST_BYTES)
        if not raw or not is_what_it_says(raw, media_type):
            raise invalid("body", f"does not begin as {media_type} does, or is empty")
        try:
            by = who.name, _share(behind)
            put = await store.attachments.put(Account(provider, account), raw, sha256, by)
        except UsedUp as error:
            raise Refused(f"{error}; GATEWAY_CALLER_FILES says how many") from None
        except StoreAway as error:
            raise unavailable(str(error)) from None
    if not put:
        raise invalid("path.sha256", "is not that of the body: it was cut, or is another file")
    return PutFile(media_type=media_type, size=len(raw), sha256=sha256)


def _share(behind: Backend) -> Share:
    return Share(behind.settings.caller_files, behind.settings.caller_file_bytes)
