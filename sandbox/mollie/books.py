"""Every invoice that Mollie keeps, and what becomes of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from sandbox.kit.accounts import Account, Credit, Moved
from sandbox.kit.agenda import Agenda
from sandbox.kit.record import Effect, Ledger
from sandbox.mollie.forms import Json
from sandbox.mollie.invoice import Invoice, stated
from sandbox.mollie.keys import Keys
from sandbox.mollie.words import Assumed, Told

PAYABLE = ("issued", "overdue", "payment-reversed")
Heard = Callable[[str], object | None]
"""Whether a fault of the stand-in's own is to strike at this call."""


class Books:
    """Invoices, their numbers, idempotency keys."""

    def __init__(self, assumed: Assumed) -> None:
        self.assumed = assumed
        self.ledger = Ledger()
        self.agenda = Agenda()
        self.keys = Keys()
        self.invoices: dict[str, Invoice] = {}
        self.numbers = 0

    def clear(self) -> None:
        """Drop invoices, numbers and idempotency keys."""
        self.invoices.clear()
        self.keys.clear()
        self.numbers = 0

    # What buyers and the world do.

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError where nothing can be paid."""
        invoice = self.latest(reference)
        # A link can be paid twice, by two people at once: then it is paid already (I).
        self._demand(invoice, *(PAYABLE if amount is None else (*PAYABLE, "paid")))
        self._receive(invoice, invoice.remaining if amount is None else amount)
        if not invoice.remaining and invoice.status != "paid":
            self._paid(invoice)

    def charge_back(self, reference: str, amount: Decimal | None = None) -> None:
        """A payment is taken back, in whole or in part; ValueError unless it is paid.

        That a part of it makes the invoice `payment-reversed` too is inferred (I).
        """
        invoice = self.latest(reference)
        self._demand(invoice, "paid", "payment-reversed")
        there = invoice.paid - invoice.refunded
        amount = self._given_back(invoice, there if amount is None else amount)
        invoice.paid -= amount
        self._account(invoice).move(Moved.CHARGED_BACK, amount)
        if invoice.remaining:
            invoice.status, invoice.paid_at = "payment-reversed", None
            self.note(Effect.REVERSED, invoice)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """Money is given back, what is too much or this amount; ValueError for more than is there.

        A refund belongs to a payment, which is no matter of this API: no page says that the
        invoice shows it, so it does not (U).
        """
        invoice = self.latest(reference)
        surplus = invoice.paid - invoice.refunded - (invoice.total if invoice.standing else 0)
        amount = self._given_back(invoice, surplus if amount is None else amount)
        invoice.refunded += amount
        self._account(invoice).move(Moved.REFUNDED, amount)

    def _given_back(self, invoice: Invoice, amount: Decimal) -> Decimal:
        there = invoice.paid - invoice.refunded
        if not 0 < amount <= there:
            raise ValueError(f"{there} were paid, {amount} cannot go back")
        return amount

    def _receive(self, invoice: Invoice, amount: Decimal) -> None:
        invoice.paid += amount
        if amount:
            self._account(invoice).move(Moved.PAID, amount)

    def _account(self, invoice: Invoice) -> Account:
        return self.ledger.account_of(invoice.id)

    def overdue(self, reference: str) -> None:
        """Its term has ended unpaid; ValueError unless it is issued."""
        invoice = self.latest(reference)
        self._demand(invoice, "issued")
        invoice.status = "overdue"

    def relink(self, reference: str) -> None:
        """Let the links that were handed out so far lead nowhere; later answers have others."""
        invoice = self.latest(reference)
        invoice.links = secrets.token_urlsafe(16)

    def linked(self, name: str) -> Invoice | None:
        """The invoice whose page has this name."""
        return next((one for one in self.invoices.values() if one.links == name), None)

    def finish(self, reference: str) -> None:
        """End at once what is under way with it: an e-invoice's delivery, a collection."""
        invoice = self.latest(reference)
        while invoice.due:
            invoice.due.pop(0)()

    # What handlers do.

    def move(self, invoice: Invoice, status: str, told: Heard) -> None:
        moves: dict[str, Callable[[Invoice, Heard], None]] = {
            "issued": self._issue,
            "paid": self._settle,
            "cancelled": self._cancel,
        }
        if status in moves:
            moves[status](invoice, told)

    def _issue(self, invoice: Invoice, told: Heard) -> None:
        """Final, with its number; that an e-invoice has it before it is delivered is inferred."""
        if not told(Told.ISSUED_WITHOUT_NUMBER):
            self.numbers += 1
            invoice.number = f"INV-{self.numbers:07}"
        invoice.status, invoice.issued_at = "issued", datetime.now(UTC)
        self.note(Effect.APPROVED, invoice)
        self.ledger.open(invoice.id, stated(invoice))
        if self.assumed.pdf_delay:
            self.agenda.later(self.assumed.pdf_delay, partial(setattr, invoice, "rendered", True))
        else:
            invoice.rendered = True
        if invoice.asked.get("isEInvoice"):
            invoice.e_invoice = "issuing"
            word = "failed" if told(Told.E_INVOICE_FAILED) else "issued"
            self._soon(
                self.assumed.e_invoice_delay, invoice, partial(self._delivered, invoice, word)
            )
        self.mail(invoice)

    def _delivered(self, invoice: Invoice, word: str) -> None:
        invoice.e_invoice = word
        if word == "issued":
            self.note(Effect.SENT, invoice)

    def mail(self, invoice: Invoice) -> None:
        """An e-mail goes out if there is one to send; once, and beside an e-invoice unrecorded."""
        if invoice.mailed or invoice.asked.get("isEInvoice"):
            return
        if invoice.asked.get("emailDetails"):
            invoice.mailed = True
            self.note(Effect.SENT, invoice)

    def _settle(self, invoice: Invoice, told: Heard) -> None:
        """Mark as paid; a draft is issued by it, and gets its number (I)."""
        if invoice.status == "draft":
            self._issue(invoice, told)
        self.mail(invoice)
        if invoice.asked.get("customerId"):
            invoice.status = "pending-payment"
            self._soon(self.assumed.collection_delay, invoice, partial(self._paid, invoice))
            return
        self._paid(invoice)

    def _paid(self, invoice: Invoice) -> None:
        self._receive(invoice, invoice.remaining)
        invoice.status, invoice.paid_at = "paid", datetime.now(UTC)
        self.note(Effect.PAID, invoice)

    def _cancel(self, invoice: Invoice, told: Heard) -> None:
        """A credit note over all of it; it is no resource of its own."""
        invoice.status = "cancelled"
        self.note(Effect.CREDITED, invoice)
        self._account(invoice).credit(Credit(invoice.id, stated(invoice)))

    def delete(self, invoice: Invoice) -> None:
        """Drop a draft."""
        del self.invoices[invoice.id]
        self.note(Effect.DELETED, invoice)

    # What the parts share.

    def state(self, invoice: Invoice) -> str:
        """Its state in the words that requests use."""
        word = self.word(invoice)
        return word if word in ("issuing", "failed") else invoice.status

    def word(self, invoice: Invoice) -> str:
        if self.assumed.e_invoice_in_status and invoice.status == "issued":
            return invoice.e_invoice or "issued"
        spelt = {
            "cancelled": self.assumed.cancelled_word,
            "payment-reversed": self.assumed.reversed_word,
        }
        return spelt.get(invoice.status, invoice.status)

    def _demand(self, invoice: Invoice, *states: str) -> None:
        if (now := self.state(invoice)) not in states:
            raise ValueError(f"not while it is {now}")

    def latest(self, reference: str) -> Invoice:
        for invoice in reversed(self.invoices.values()):
            if invoice.reference == reference:
                return invoice
        raise LookupError(f"no invoice {reference}")

    def reference(self, body: Json) -> str | None:
        metadata = body.get("metadata")
        texts = metadata if isinstance(metadata, dict) else {}
        texts = {name: value for name, value in texts.items() if isinstance(value, str)}
        only = next(iter(texts.values())) if len(texts) == 1 else None
        return texts.get(self.assumed.reference_key, only)

    def _soon(self, seconds: float, invoice: Invoice, done: Callable[[], None]) -> None:
        invoice.due.append(done)
        self.agenda.later(seconds, partial(_end, invoice, done))

    def note(self, effect: Effect, invoice: Invoice) -> None:
        self.ledger.add(
            effect,
            invoice.id,
            reference=invoice.reference,
            number=invoice.number,
            gross=invoice.total,
        )


def _end(invoice: Invoice, done: Callable[[], None]) -> None:
    if done in invoice.due:
        invoice.due.remove(done)
        done()
