"""What an invoice or order is asked with, as its pages show it: its buyer and its document."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from invoicing.document import Document
from invoicing.state.invoice import Amounts
from invoicing.totals import BOTH_ROUNDINGS, Totals, summed


@dataclass(frozen=True)
class Asked:
    """The document, and whether cancelling may credit."""

    document: Document
    may_credit: bool

    @property
    def buyer(self) -> str:
        """Their name."""
        return self.document.buyer.name

    def totals(self, amounts: Amounts | None) -> Totals | None:
        """The document's totals, rounded as the amounts that are held were; None where they are not
        this document's, because it has just been corrected."""
        ours = self.document.amounts()
        for rounding in BOTH_ROUNDINGS:
            found = summed(self.document, ours, rounding)
            if amounts and _same(found, amounts):
                return found
        return None


def _same(found: Totals, amounts: Amounts) -> bool:
    mine: tuple[str, Decimal, Decimal, Decimal]
    mine = (found.currency, found.net, found.vat, found.gross)
    return mine == (amounts.currency, amounts.net, amounts.vat, amounts.gross)
