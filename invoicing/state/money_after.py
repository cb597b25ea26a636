"""What the workflow that hears of an invoice's money after its end is told by our own."""

from __future__ import annotations

from invoicing.model import Recorded
from invoicing.money import Number


class CreditedSince(Recorded):
    """A credit note is final."""

    note: str
    """Its reference."""
    gross: Number
