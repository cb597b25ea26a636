"""All that Riverty knows: what the core has accepted and is to judge, documents, notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from uuid import uuid4

from sandbox.kit.accounts import Account, Credit, Moved
from sandbox.kit.agenda import Agenda
from sandbox.kit.record import Effect
from sandbox.riverty import notices as say
from sandbox.riverty import words
from sandbox.riverty.forms import Json
from sandbox.riverty.invoice import (
    Heard,
    Invoice,
    Objection,
    Order,
    Submission,
    credited,
    stated,
)
from sandbox.riverty.ledger import RivertyLedger
from sandbox.riverty.notices import Manner, Notices
from sandbox.riverty.orders import Orders
from sandbox.riverty.words import Assumed, Kind, Told


class Books:
    """The core: what it makes of a request, some time later, and what it then tells.

    `url` is where documents are to be had; it is known once the stand-in is served.
    """

    def __init__(self, assumed: Assumed) -> None:
        self.assumed = assumed
        self.url = ""
        self.ledger = RivertyLedger()
        self.agenda = Agenda()
        self.notices = Notices(self.agenda, assumed)
        self.accepted = self._nothing_accepted()
        self.pending: list[Submission] = []
        self.seen: dict[str, Submission] = {}
        self.unrendered: list[Invoice] = []
        self.documents: dict[str, Invoice] = {}
        self.payments = 0

    def _nothing_accepted(self) -> Orders:
        assumed = self.assumed
        return Orders(assumed.currencies, assumed.vat_per, assumed.carrier != "never")

    def clear(self) -> None:
        """Drop orders, invoices, documents and notifications; subscriptions stay."""
        self.accepted = self._nothing_accepted()
        for state in (self.pending, self.seen, self.unrendered, self.documents):
            state.clear()
        self.payments = 0
        self.notices.clear()

    def take(self, submission: Submission) -> None:
        """A request that the gateway has let through."""
        if self._ignores(submission):
            return
        if submission.request:
            self.seen[submission.request] = submission
        self.pending.append(submission)
        self.agenda.later(self.assumed.verdict_delay, partial(self._judge, submission))

    def finish(self, reference: str) -> None:
        """Judge at once what waits for it, and render what is to be rendered."""
        for submission in tuple(self.pending):
            if reference in (submission.order, submission.invoice):
                self._judge(submission)
        for invoice in tuple(self.unrendered):
            if reference in (invoice.reference, invoice.order.reference):
                self.render(invoice)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError where nothing is paid.

        What is too much makes `remainingAmount` fall below zero (U), and can be refunded.
        """
        invoice = self.latest(reference)
        due = invoice.remaining
        amount = due if amount is None else amount
        if amount <= 0:
            raise ValueError(f"{due} are due, not {amount}")
        invoice.paid += amount
        self._account(invoice).move(Moved.PAID, amount)
        self.payments += 1
        document = f"{200400000000 + self.payments}"
        self._tell(invoice, words.PAYMENT_RECEIVED, say.payment_received(invoice, amount, document))
        self._tell_balance(invoice)
        if due > 0 >= invoice.remaining:
            self._note(Effect.PAID, invoice.order, invoice)

    def charge_back(
        self,
        reference: str,
        amount: Decimal | None = None,
        kind: str = "DIRECT_DEBIT_CHARGEBACK_FIXED_FEE",
    ) -> None:
        """A payment is taken back, all of it unless an amount is given; ValueError if none is."""
        invoice = self.latest(reference)
        amount = invoice.paid if amount is None else amount
        if not 0 < amount <= invoice.paid:
            raise ValueError(f"{invoice.paid} were paid, not {amount}")
        settled = invoice.remaining <= 0
        invoice.paid -= amount
        self._account(invoice).move(Moved.CHARGED_BACK, amount)
        said = say.chargeback_received(invoice, amount, kind)
        self._tell(invoice, words.CHARGEBACK_RECEIVED, said)
        self._tell_balance(invoice)
        if settled and invoice.remaining > 0:
            self._note(Effect.REVERSED, invoice.order, invoice)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """Give back what is too much, or this amount; ValueError for more than was paid."""
        invoice = self.latest(reference)
        amount = -invoice.remaining if amount is None else amount
        if not 0 < amount <= invoice.paid:
            raise ValueError(f"{invoice.paid} were paid, {amount} cannot go back")
        self._give_back(invoice, amount, "")
        self._tell_balance(invoice)

    def _account(self, invoice: Invoice) -> Account:
        return self.ledger.account_of(invoice.reference)

    def _ignores(self, submission: Submission) -> bool:
        earlier = self.seen.get(submission.request or "")
        return self.assumed.repeats == "ignored" and earlier is not None and not earlier.objections

    def _judge(self, submission: Submission) -> None:
        if submission not in self.pending:
            return
        self.pending.remove(submission)
        submission.objections = self._objections(submission)
        self._tell_verdict(submission)
        if submission.objections:
            return
        commit: dict[Kind, Callable[[Submission], None]] = {
            Kind.ORDER: self._accept_order,
            Kind.INVOICE: self._accept_invoice,
            Kind.CANCELLATION: self._cancel,
            Kind.RETURN: self._credit,
            Kind.GOODWILL: self._credit,
        }
        commit[submission.kind](submission)

    def _objections(self, submission: Submission) -> list[Objection]:
        if rejected := submission.told.get(Told.REJECTED):
            return [Objection.empty(rejected.key or "LINEITEMSTATUS")]
        return self.accepted.objections(submission)

    def _accept_order(self, submission: Submission) -> None:
        changed = submission.told.get(Told.CHANGED_AMOUNT)
        skew = Decimal(changed.key or "0.01") if changed else Decimal(0)
        self._note(Effect.CREATED, self.accepted.accept_order(submission, skew))

    def _accept_invoice(self, submission: Submission) -> None:
        invoice = self.accepted.accept_invoice(submission)
        self._note(Effect.APPROVED, invoice.order, invoice)
        self.ledger.open(invoice.reference, stated(invoice))
        self._tell_balance(invoice)
        if self.assumed.renders:
            self.unrendered.append(invoice)
            self.agenda.later(self.assumed.document_delay, partial(self._due, invoice))

    def _cancel(self, submission: Submission) -> None:
        lines, order = self.accepted.cancel(submission), self.accepted.orders[submission.order]
        over = all(line.status == "cancelled" for line in order.lines)
        amount = order.gross if over else sum((line.gross for line in lines), Decimal(0))
        self._note(Effect.DELETED if over else Effect.LINES_CANCELLED, order, amount=amount)

    def _credit(self, submission: Submission) -> None:
        own = str(submission.body.get("returnReference") or submission.body["goodwillReference"])
        for reference, items in self.accepted.credit(submission).items():
            invoice = self.accepted.invoices[reference]
            stated = credited(items, invoice.order)
            self._account(invoice).credit(Credit(own, stated))
            if invoice.credited == invoice.gross:
                self._note(Effect.CREDITED, invoice.order, invoice)
            else:
                self._note(Effect.PARTLY_CREDITED, invoice.order, invoice, amount=stated.gross)
            if (surplus := min(-invoice.remaining, invoice.paid)) > 0:
                returned = str(submission.body.get("returnReference", ""))
                self._give_back(invoice, surplus, returned)
            self._tell_balance(invoice)

    def _give_back(self, invoice: Invoice, amount: Decimal, return_reference: str) -> None:
        """Pay back what was paid; what only lowers a debt is no refund."""
        invoice.paid -= amount
        self._account(invoice).move(Moved.REFUNDED, amount)
        said = say.refund_completed(invoice, amount, return_reference)
        self._tell(invoice, words.REFUND_COMPLETED, said)

    def _due(self, invoice: Invoice) -> None:
        if invoice in self.unrendered:
            self.render(invoice)

    def render(self, invoice: Invoice) -> None:
        if invoice.document is not None:
            return
        self.unrendered = [one for one in self.unrendered if one is not invoice]
        invoice.document = str(uuid4()).upper()
        self.documents[invoice.document] = invoice
        self._note(Effect.SENT, invoice.order, invoice)
        link = self.link(invoice)
        self._tell(invoice, words.INVOICE_CREATED, say.invoice_created(invoice, link))
        self._tell(invoice, words.DOCUMENT_CREATED, say.document_created(invoice, link))

    def _tell_verdict(self, submission: Submission) -> None:
        told, objections = submission.told, submission.objections or ()
        if Told.FOREIGN_ID in told:
            submission.transaction = uuid4().hex
        strange = told.get(Told.UNKNOWN_RESULT)
        accepted = (strange.key or "IN_REVIEW") if strange else self.assumed.success
        result = "ERROR_IN_FILE" if objections else accepted
        self._say_verdict(submission, result, objections, _manner(told))
        if Told.CONTRADICTED in told:
            opposite = () if objections else (Objection.empty("LINEITEMSTATUS"),)
            result = "ERROR_IN_FILE" if opposite else self.assumed.success
            self._say_verdict(submission, result, opposite, Manner())

    def _say_verdict(
        self,
        submission: Submission,
        result: str,
        objections: Sequence[Objection],
        manner: Manner,
    ) -> None:
        word = self.assumed.request_types[submission.kind]
        named = submission.invoice if self.assumed.names_invoice else None
        content = say.verdict(submission, word, result, objections, named)
        self.notices.tell(words.EDI, content, submission.order, submission.invoice, manner)

    def _tell(self, invoice: Invoice, kind: str, content: Json) -> None:
        self.notices.tell(kind, content, invoice.order.reference, invoice.reference)

    def _tell_balance(self, invoice: Invoice) -> None:
        """The customer's, over all invoices; it is about none of them, but tests find it here."""
        order = invoice.order
        balance = sum(
            (
                one.remaining
                for one in self.accepted.invoices.values()
                if (one.order.business, one.order.customer) == (order.business, order.customer)
            ),
            Decimal(0),
        )
        currency = order.asked["currency"]
        content = say.balance_updated(order.business, order.customer, currency, balance)
        self._tell(invoice, words.BALANCE_UPDATED, content)

    def latest(self, reference: str) -> Invoice:
        for invoice in reversed(self.accepted.invoices.values()):
            if reference in (invoice.reference, invoice.order.reference):
                return invoice
        raise LookupError(f"no invoice {reference}")

    def link(self, invoice: Invoice) -> str:
        return f"{self.url}/documents/v1/S/{invoice.document}"

    def _note(
        self,
        effect: Effect,
        order: Order,
        invoice: Invoice | None = None,
        *,
        amount: Decimal | None = None,
    ) -> None:
        about = order if invoice is None else invoice
        self.ledger.add(
            effect,
            about.reference,
            reference=order.reference,
            number=None if invoice is None else invoice.reference,
            gross=about.gross if amount is None else amount,
        )


def _manner(told: Mapping[str, Heard]) -> Manner:
    late = told.get(Told.VERDICT_LATE)
    return Manner(
        dropped=Told.VERDICT_DROPPED in told,
        withheld=Told.VERDICT_WITHHELD in told,
        times=2 if Told.VERDICT_TWICE in told else 1,
        after=(late.seconds or 0.1) if late else 0.0,
        mangled=Told.VERDICT_MANGLED in told,
    )
