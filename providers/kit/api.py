"""One account's way to its provider."""

from __future__ import annotations

from invoicing.errors import Rejected
from invoicing.provider import Target


def known_id(target: Target, provider: str) -> str:
    """The provider's id of the invoice; Rejected while there is none."""
    if not target.provider_id:
        raise Rejected(f"{provider}: there is no invoice yet")
    return target.provider_id
