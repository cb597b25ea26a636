"""The store of documents and files, where this gateway is told of one."""

from __future__ import annotations

from typing import Any

from documents import DocumentStore, StoreAway
from gateway.backend import Backend
from gateway.callers import Caller
from gateway.problems import Kind, Trouble, invalid, unavailable
from invoicing.credits.amend import Amend
from invoicing.document import Document

NO_STORE = "this gateway has no store: set INVOICING_DOCUMENTS_AT to what the workers have"


def needed(behind: Backend) -> DocumentStore:
    """It. Raises Trouble where there is none."""
    if behind.documents is None:
        raise Trouble(Kind.NOT_FOUND, NO_STORE)
    return behind.documents


async def refuse_unseen(behind: Backend, who: Caller, given: Any) -> None:
    """Raise Trouble where a caller that has only some references names a file that it has not put:
    others of the same account may have. All else is kept apart by account. `given` is whatever
    comes with a document: a request, an answer, an amendment."""
    at, document = _document_of(given)
    if document is None or not document.attachments or not who.reach.references:
        return
    store = needed(behind)
    for index, each in enumerate(document.attachments):
        try:
            seen = each.file is None or await store.attachments.has_put(who.name, each.file)
        except StoreAway as error:
            raise unavailable(str(error)) from None
        if not seen:
            raise invalid(
                f"{at}.attachments[{index}].file",
                "was not put by this caller, or long ago: PUT /v1/attachments first",
            )


def _document_of(given: Any) -> tuple[str, Document | None]:
    """The document that comes with it, and where in it that is."""
    if isinstance(given, Amend):
        return "invoice.document", given.invoice.document
    return "document", getattr(given, "document", None)
