"""What a request's options may be, by provider: for whoever shows a form of them."""

from __future__ import annotations

from pydantic import BaseModel

from providers.registry import ADAPTORS


def options_of(provider: str) -> type[BaseModel] | None:
    """The model of this provider's options; None for one that is not known here."""
    known = ADAPTORS.get(provider)
    return known.Options if known else None
