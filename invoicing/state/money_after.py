"""What the workflow that hears of an invoice's money after its end is told by our own."""

from __future__ import annotations

from datetime import datetime

from invoicing.model import Recorded
from invoicing.money import Number


class CreditedSince(Recorded):
    """A credit note is final."""

    note: str
    """Its reference."""
    gross: Number


class Before(Recorded):
    """What the workflow that hears of an invoice's money must know of the one that has ended."""

    claimant: str
    """By whom the register knows the reference as claimed."""
    began: datetime
    ended: datetime | None = None
    """This and the next of one that Temporal has forgotten."""
    lines: int = 0
    """How many it has told the register."""
