"""Invoro: what an answer means, by what the settings say of it."""

from __future__ import annotations

from collections.abc import Mapping

from invoicing.balance import Statement
from invoicing.provider import (
    Echo,
    PaymentStatus,
    Snapshot,
    Stage,
    Target,
)
from providers.invoro.decode import (
    Invoice,
    amount_of_cents,
    text_or_none,
    vat_by_rate,
)
from providers.invoro.settings import InvoroSettings
from providers.invoro.states import STATES, Context
from providers.invoro.words import words_of
from providers.kit.mistakes import stated
from providers.kit.wire import day_of
from providers.kit.words import safe_word

_IN_TOTALS = {
    "net": "tax_exclusive_amount",
    "prepaid": "paid_amount",
    "rounding": "payable_rounding_amount",
    "due": "payable_amount",
}


class Meaning:
    """What an invoice says of itself, in our words."""

    def __init__(self, settings: InvoroSettings) -> None:
        self._settings = settings

    def stage(self, invoice: Invoice, context: Context) -> Stage:
        """No invoice is sent without a number: one that says so is still on its way, or a draft."""
        stage = self.told(invoice, context)
        unfinished = stage.reached(Stage.SENT) and invoice.lacks_number
        return Stage.SENDING if unfinished else stage

    def told(self, invoice: Invoice, context: Context) -> Stage:
        """How far it says that it is, taken at its word."""
        if invoice.deleted_at:
            return Stage.DELETED
        if invoice.state == "approved" and self._settings.approved_means == "on_its_way":
            return Stage.APPROVING
        if invoice.state == "sent" and context.sent_is_delivered:
            return Stage.DELIVERED
        return STATES[invoice.state]

    def snapshot(self, invoice: Invoice, context: Context, target: Target | None) -> Snapshot:
        """Without a target nothing is said about whose invoice it is."""
        words = (invoice.state, invoice.delivery_network_id, invoice.payment_status)
        shown = [safe_word(word) for word in words if word]
        return Snapshot(
            provider_id=invoice.id,
            stage=self.stage(invoice, context),
            payment=self._payment(invoice, context),
            money=self._money(invoice, context),
            status=" · ".join([*shown, "test"] if invoice.is_test else shown),
            number=invoice.number,
            echo=self._echo(invoice, context),
            problems=invoice.failures,
            reference=self.reference(invoice, context, target) if target else None,
        )

    def listed(self, invoice: Invoice) -> Snapshot:
        """One of a list, with the reference that its mark names, whosever it is."""
        told = self.snapshot(invoice, Context(), None)
        return told.model_copy(update={"reference": self._marked(invoice)})

    def reference(self, invoice: Invoice, context: Context, target: Target) -> str | None:
        """The caller's own reference if our mark is there; else what another's mark says."""
        if context.mark is None:
            return None
        if invoice.mentions(context.mark):
            return target.reference
        return self._marked(invoice)

    def _marked(self, invoice: Invoice) -> str | None:
        """The reference that a mark in it names."""
        label = f"{self._settings.mark_label}: "
        lines = (line for text in invoice.marked for line in text.splitlines())
        told = (line.removeprefix(label) for line in lines if line.startswith(label))
        return stated(next(told, None))

    def _payment(self, invoice: Invoice, context: Context) -> PaymentStatus:
        gross, paid = self._gross(invoice, context), invoice.total_paid_cents
        if gross is None or paid is None:
            return PaymentStatus.UNKNOWN
        if paid <= 0:
            return PaymentStatus.UNPAID
        due = gross - context.prepaid + context.rounding
        return PaymentStatus.PAID if paid >= due else PaymentStatus.PARTLY_PAID

    def _money(self, invoice: Invoice, context: Context) -> Statement | None:
        """What was paid in all; of a payment, or of what went back, nothing is told by itself."""
        stage = self.stage(invoice, context)
        if not (stage.reached(Stage.APPROVED) or stage is Stage.CREDITED):
            return None
        return Statement(paid=amount_of_cents(invoice.total_paid_cents))

    def _gross(self, invoice: Invoice, context: Context) -> int | None:
        if invoice.amount is None or self._settings.amount_means == "gross":
            return invoice.amount
        return invoice.amount + context.prepaid - context.rounding

    def _words(self, invoice: Invoice) -> dict[str, str]:
        told = invoice.ubl_json if isinstance(invoice.ubl_json, Mapping) else {}
        apart = {
            "business_entity_id": invoice.business_entity_id,
            "related_invoice_id": invoice.related_invoice_id,
        }
        return words_of({**told, **apart}, figures=self._settings.ubl_figures == "cents")

    def _echo(self, invoice: Invoice, context: Context) -> Echo:
        """What is told of the invoice and stands in its UBL. What is to be paid is compared, and so
        is what makes it differ from the gross amount: a deposit that was dropped shows there."""
        echo = Echo(
            currency=invoice.currency,
            gross=amount_of_cents(self._gross(invoice, context)),
            due=amount_of_cents(invoice.amount) if self._settings.amount_means != "gross" else None,
            issue_date=day_of(invoice.at("header", "issue_date")),
            due_date=day_of(invoice.at("header", "due_date")),
            buyer=text_or_none(invoice.at("buyer", "name")),
            number=invoice.number,
            said=self._words(invoice),
        )
        if self._settings.ubl_figures == "ignored":
            return echo
        told = {
            figure: amount_of_cents(invoice.at("totals", name))
            for figure, name in _IN_TOTALS.items()
        }
        stated = {figure: amount for figure, amount in told.items() if amount is not None}
        return echo.model_copy(update={**stated, "vat": vat_by_rate(invoice.at("tax_breakdown"))})
