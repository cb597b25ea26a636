"""The document of an invoice: the PDF that its provider made of it, kept by us.

What is known of it is small and goes into histories; the bytes are in a store and never do.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from invoicing.model import Recorded

PDF = "application/pdf"
_BEGIN, _END, MARKS_WITHIN = b"%PDF-", b"%%EOF", 1024
"""Readers of PDF look so far for its first and last mark (ISO 32000-1, annex H.3)."""


def begins_as_pdf(raw: bytes) -> bool:
    """Whether these bytes begin as a PDF does."""
    return _BEGIN in raw[:MARKS_WITHIN]


def ends_as_pdf(raw: bytes) -> bool:
    """Whether these bytes end as a PDF does: nothing is cut off."""
    return _END in raw[-MARKS_WITHIN:]


class DocumentFile(Recorded):
    """One document that is kept: `size` in bytes, `sha256` of them, and since when."""

    media_type: str = PDF
    size: int
    sha256: str
    kept: datetime


class DocumentState(Recorded):
    """What there is of an invoice's document, and why there is none.

    `provider_id` says of which invoice: another one may stand under the reference later.
    """

    reference: str
    provider_id: str = ""
    file: DocumentFile | None = None
    waiting: str = ""
    """Why it is not there yet."""
    problem: str = ""
    """Why there will be none."""

    @property
    def over(self) -> bool:
        """Whether nothing changes any more."""
        return self.file is not None or bool(self.problem)


class DocumentInput(Recorded):
    """Input of the workflow that fetches it. So long it is waited for, where it is not there."""

    reference: str
    patience: timedelta = timedelta(days=30)


def document_key(reference: str, provider_id: str) -> str:
    """Its name in the store. Another invoice under the same reference has another document."""
    mark = hashlib.sha256(provider_id.encode()).hexdigest()[:16]
    return f"{folder_of(reference)}/{mark}.pdf"


def folder_of(reference: str) -> str:
    """The folder of all documents of this reference. A store's names have no `#`, references no
    `+`."""
    return reference.replace("#", "+")
