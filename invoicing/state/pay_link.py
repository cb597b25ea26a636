"""The page on which a buyer pays an invoice. Whoever has its address sees what is due, and may pay:
it is handled like a secret, and asked for each time, for some expire."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from invoicing.model import Recorded


class PayLinkInput(Recorded):
    """Input of the workflow that asks for it."""

    reference: str


class PayLink(Recorded):
    """What the provider said when it was asked: the address, or why there is none."""

    reference: str
    provider_id: str = ""
    address: str = Field(default="", repr=False)
    asked: datetime
    problem: str = ""
    """Why there is none now."""
