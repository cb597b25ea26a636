"""What an invoice is told of its credits, by the ledger that keeps them."""

from __future__ import annotations

from decimal import Decimal

from invoicing.model import Recorded
from invoicing.money import Number


class CreditedSoFar(Recorded):
    """All of it, each time that it is told: what was told last is what is so."""

    provider_id: str = ""
    """Of the invoice at its provider; empty: nothing was told yet."""
    gross: Number = Decimal(0)
    """What the credit notes that are final come to."""
    under_way: bool = False
    """Whether there are others, which may be final at the provider already."""
    all: bool = False
    """Whether nothing of the invoice is left, and no credit of it can come to nothing any more."""
