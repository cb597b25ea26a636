"""What is paid to Zero Friction for its invoices, and what goes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sandbox.kit.accounts import Moved
from sandbox.kit.record import Effect, Ledger
from sandbox.zero_friction.data import Json, entity
from sandbox.zero_friction.forms import Refusal
from sandbox.zero_friction.invoice import Invoice, debtor, note, shortest


class Money:
    """Payments, and what they do to the invoices they name."""

    def __init__(
        self, ledger: Ledger, customers: Mapping[str, Json], invoices: Mapping[str, Invoice]
    ) -> None:
        self.payments: dict[str, Json] = {}
        self._ledger = ledger
        self._customers = customers
        self._invoices = invoices

    def pay(self, customer: str, amount: Decimal, references: Sequence[Json], **said: Any) -> Json:
        """Take in a payment; it counts for the first invoice its references name (I).

        `said` are its fields that differ; Refusal where that invoice is not final.
        """
        named = [one for one in references if one.get("referenceType") == "invoice"]
        for one in named[:1]:
            self._paid(self._known(one), amount)
        payment = entity(str(uuid4()), "payment") | {
            "type": "payment",
            "paymentDateTime": datetime.now(UTC).isoformat(),
            "paymentReference": None,
            "amount": shortest(amount),
            "companyBankAccountId": None,
            "debtor": debtor(self._customers[customer]),
            "isManual": False,
            "isReversed": False,
            "paymentEntityReferences": list(references),
        }
        self.payments[payment["id"]] = payment | said
        return self.payments[payment["id"]]

    def receive(self, invoice: Invoice, amount: Decimal) -> Json:
        """A payment for one invoice arrives at the bank; Refusal unless it is final."""
        return self.pay(invoice.customer["id"], amount, [_naming(invoice)])

    def reverse(self, payment: Json) -> None:
        """Take a payment back as a whole."""
        payment["isReversed"] = True
        for one in payment["paymentEntityReferences"][:1]:
            if (invoice := self._invoices.get(one.get("referenceId"))) is not None:
                self._unpaid(invoice, Moved.CHARGED_BACK, Decimal(payment["amount"]))

    def charge_back(self, invoice: Invoice, amount: Decimal | None) -> None:
        """The bank takes back payments as a whole, newest first, all of them or this amount.

        ValueError where they do not come to it.
        """
        payments = [one for one in reversed(self.payments.values()) if _of(one, invoice)]
        taken: list[Json] = []
        while payments and _sum(taken) != amount:
            taken.append(payments.pop(0))
        if not taken or amount not in (None, _sum(taken)) or _sum(taken) > invoice.paid:
            raise ValueError(f"{invoice.paid} were paid, in payments that only go back whole")
        for payment in taken:
            self.reverse(payment)

    def refund(self, invoice: Invoice, amount: Decimal | None) -> None:
        """Give back what was paid too much, or this amount; ValueError for more than was paid.

        How it is stated is not documented (U): as a payment below zero.
        """
        surplus = -invoice.remaining if amount is None else amount
        if not 0 < surplus <= invoice.paid:
            raise ValueError(f"{invoice.paid} were paid, {surplus} cannot be given back")
        self.receive(invoice, -surplus)

    def _known(self, reference: Json) -> Invoice:
        identity = reference.get("referenceId") or ""
        if (invoice := self._invoices.get(identity)) is None:
            raise Refusal(("INVOICE_DOES_NOT_EXIST", identity))
        return invoice

    def _paid(self, invoice: Invoice, amount: Decimal) -> None:
        if invoice.status not in ("approved", "settled"):
            raise Refusal(("CREATED_INVOICE_CANT_BE_PAID", invoice.status))
        if amount < 0:
            self._unpaid(invoice, Moved.REFUNDED, -amount)
            return
        self._move(invoice, Moved.PAID, amount)
        if invoice.remaining <= 0 and invoice.status != "settled":
            invoice.status = "settled"
            invoice.pays("paid")
            note(self._ledger, Effect.PAID, invoice)

    def _unpaid(self, invoice: Invoice, way: Moved, amount: Decimal) -> None:
        """What came in goes back; a collection is then called rejected (I)."""
        self._move(invoice, way, amount)
        if invoice.status == "settled" and invoice.remaining > 0:
            invoice.status = "approved"
            rejected = way is Moved.CHARGED_BACK and invoice.asked.get("paymentMethod") == "sdd"
            invoice.pays("paymentrejected" if rejected else "waitingforpayment")
            note(self._ledger, Effect.REVERSED, invoice)

    def _move(self, invoice: Invoice, way: Moved, amount: Decimal) -> None:
        invoice.paid += amount if way is Moved.PAID else -amount
        invoice.changes += 1
        if amount and invoice.type != "creditnote":
            self._ledger.account_of(invoice.id).move(way, amount)


def _naming(invoice: Invoice) -> Json:
    return {"referenceId": invoice.id, "referenceType": "invoice"}


def _of(payment: Json, invoice: Invoice) -> bool:
    """Whether it is money for this invoice that nobody took back."""
    there = not payment["isReversed"] and payment["amount"] > 0
    return there and _naming(invoice) in payment["paymentEntityReferences"]


def _sum(payments: Sequence[Json]) -> Decimal:
    return sum((Decimal(one["amount"]) for one in payments), Decimal(0))
