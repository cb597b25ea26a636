"""Files that documents of tests name."""

from __future__ import annotations

from typing import Any

from invoicing.attachment import digest_of

CONTENT = b"%PDF-1.7\ncanary-content\n%%EOF"


def a_file(content: bytes = CONTENT, **changes: Any) -> dict[str, Any]:
    """As a document names it."""
    given = {"name": "own.pdf", "media_type": "application/pdf", "size": len(content)}
    return {**given, "sha256": digest_of(content), **changes}


def supporting(**changes: Any) -> dict[str, Any]:
    """One attachment of a document."""
    return {"reference": "TS-2026-1", "file": a_file(), **changes}
