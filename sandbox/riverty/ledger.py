"""What was committed at the stand-in for Riverty, found by an order's reference or an invoice's.

An entry's `reference` is the order's, its `number` the invoice's where it is about one. Both find
it: the order's finds everything that happened to the order, the invoice's what happened to this
invoice, and its order's beginning and end. Before the core has accepted an invoice its reference
finds nothing.
"""

from __future__ import annotations

from sandbox.kit.record import Effect, Entry, Ledger


class RivertyLedger(Ledger):
    """A ledger of orders and of the invoices made from their lines."""

    def of(self, reference: str) -> tuple[Entry, ...]:
        """What happened to the order or the invoice with this reference, oldest first."""
        orders = {entry.reference for entry in self.entries if entry.number == reference}
        return tuple(
            entry
            for entry in self.entries
            if reference in (entry.reference, entry.number)
            or (entry.effect is Effect.CREATED and entry.reference in orders)
        )

    def live(self, reference: str) -> tuple[str, ...]:
        """The invoices not credited in full or, as long as there is none, the order not deleted."""
        entries = self.of(reference)
        invoices = [entry.invoice_id for entry in entries if entry.effect is Effect.APPROVED]
        credited = {entry.invoice_id for entry in entries if entry.effect is Effect.CREDITED}
        if invoices:
            return tuple(invoice for invoice in invoices if invoice not in credited)
        return super().live(reference)
