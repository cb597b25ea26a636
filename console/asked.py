"""What an invoice or order is asked with: its buyer and its document. Of an invoice, its worker
says what is asked for now; of all else the first event of its history does, which needs none."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from console.door import Console
from invoicing.client import InvoicingClient
from invoicing.client.shared import begun_with
from invoicing.credits.credit import Requested
from invoicing.document import Document
from invoicing.errors import Misread
from invoicing.request import InvoiceRequest
from invoicing.state.case import InvoiceInput
from invoicing.state.invoice import Amounts
from invoicing.state.order_case import OrderInput
from invoicing.temporal.asking import Execution, queried
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


async def asked_now(desk: Console, reference: str) -> InvoiceRequest:
    """What an invoice is made of now: a person may have corrected it, so its first event does not
    say it."""
    handle = desk.backend.client.invoices.handle(reference)
    found = await desk.backend.answered(queried(reference, handle, "request", Requested))
    return found.request


async def asked(
    client: InvoicingClient, handle: Execution, kind: type[InvoiceInput | OrderInput]
) -> Asked | None:
    """Of this workflow; None where it cannot be read here. Raises NotFound."""
    try:
        start = await begun_with(client.temporal, handle.id, handle, kind)
    except Misread:
        return None
    return Asked(start.document, start.may_credit)
