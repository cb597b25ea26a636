"""Every invoice, payment and file that Quiddly keeps, and what becomes of them."""

from __future__ import annotations

import secrets
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from sandbox.kit.accounts import Credit, Moved
from sandbox.kit.agenda import Agenda
from sandbox.kit.pdf import pdf
from sandbox.kit.record import Effect, Entry, Ledger
from sandbox.quiddly import rules
from sandbox.quiddly.data import CLIENTS, Json, User
from sandbox.quiddly.forms import Create, Refusal, invalid, wrong_in
from sandbox.quiddly.invoice import LADDER, ZONE, Invoice, Payment, currency, stated
from sandbox.quiddly.totals import contradictions, summed
from sandbox.quiddly.words import Assumed


class Books:
    """Invoices, payments, files, and the other names by which tests may know an invoice."""

    def __init__(self, assumed: Assumed) -> None:
        self.assumed = assumed
        self.names: dict[str, set[str]] = {}
        self.ledger: Ledger = _Named(self.names)
        self.agenda = Agenda()
        self.invoices: dict[str, Invoice] = {}
        self.payments: dict[str, Payment] = {}
        self.files: dict[str, tuple[str, bytes]] = {}

    def clear(self) -> None:
        """Drop invoices, payments and files."""
        for state in (self.invoices, self.payments, self.files, self.names):
            state.clear()

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays, which shows in the feed; ValueError where nothing can be paid."""
        invoice = self._payable(reference)
        owed = invoice.balance
        paid = owed if amount is None else amount
        if paid <= 0:
            raise ValueError("nothing is paid")
        self._voucher(invoice, paid, Moved.PAID)
        invoice.settle(paid)
        if owed and not invoice.balance:
            self.note(Effect.PAID, invoice)

    def give_back(self, reference: str, way: Moved, amount: Decimal | None) -> None:
        """Money goes back; ValueError for more than is there.

        Without an amount a refund is what was too much, a chargeback all that was paid. That it
        shows in the feed as a payment below zero is chosen here (U).
        """
        invoice = self._payable(reference)
        there = self.ledger.account_of(invoice.id).paid
        most = invoice.overpaid if way is Moved.REFUNDED else there
        back = most if amount is None else amount
        if not 0 < back <= there:
            raise ValueError(f"{there} were paid, {back} cannot go back")
        owed = invoice.balance
        self._voucher(invoice, back, way)
        invoice.owe(back)
        if invoice.balance and not owed:
            self.note(Effect.REVERSED, invoice)

    def _payable(self, reference: str) -> Invoice:
        invoice = self.latest(reference)
        if invoice.activated_at is None or invoice.debit:
            raise ValueError("only activated invoices are paid")
        return invoice

    def _voucher(self, invoice: Invoice, amount: Decimal, way: Moved) -> None:
        voucher = Payment(amount if way is Moved.PAID else -amount, invoice, today())
        self.payments[voucher.id] = voucher
        invoice.financial = voucher.on
        self.ledger.account_of(invoice.id).move(way, amount)

    def payments_of(self, reference: str) -> tuple[Payment, ...]:
        """What was paid for the latest invoice known by this, oldest first."""
        invoice = self.latest(reference)
        return tuple(one for one in self.payments.values() if one.invoice is invoice)

    def advance(self, reference: str, word: str | None = None) -> None:
        """Climb the dunning ladder to `word`, or by one; ValueError for a draft or the top."""
        invoice = self.latest(reference)
        if invoice.ledger is None:
            raise ValueError("only activated invoices are reminded of")
        following = LADDER[LADDER.index(invoice.ledger) + 1 :]
        if not following or word not in (None, *following):
            raise ValueError(f"{word or 'nothing'} does not follow {invoice.ledger}")
        invoice.ledger = word or following[0]
        invoice.performed = today()
        if invoice.ledger == "REMINDER":
            invoice.balances["reminder"] += self.assumed.reminder_fee

    def draft(self, body: Json, user: User) -> Invoice:
        """The invoice a body asks for, or a Refusal with everything that is wrong with it."""
        types = ("INVOICE", *self.assumed.credit_types)
        decimals = self.assumed.price_decimals
        if wrong := wrong_in(body, Create, types=types, price_decimals=decimals):
            raise invalid(wrong)
        client = client_of(user, body.get("clientId"))
        wrong = self.wrong_together(body) | self._wrong_number(body, client)
        sums = summed(body, self.assumed.vat_rounding, rounds_off=self.assumed.rounds_off)
        if self.assumed.arithmetic == "refuses":
            wrong |= contradictions(body, sums)
        if wrong:
            raise invalid(wrong)
        restated = self.assumed.arithmetic != "keeps"
        return Invoice(asked=body, client=client, creator=user.name, sums=sums, restated=restated)

    def wrong_together(self, asked: Json) -> dict[str, str]:
        return rules.wrong_together(
            asked,
            identification=self.assumed.checks_identification,
            reachable=self.assumed.checks_reach,
        )

    def _wrong_number(self, body: Json, client: str) -> dict[str, str]:
        """Numbers are the caller's own. Whom a credit invoice credits must be known (I)."""
        wrong = {}
        if self.assumed.unique_numbers and self._numbered(body["invoiceNumber"], client):
            wrong["invoiceNumber"] = "is used by another invoice"
        debit = body.get("debitInvoiceNumber")
        if debit is None and body.get("type") in self.assumed.credit_types:
            wrong["debitInvoiceNumber"] = "is required for a credit invoice"
        if debit is not None and not self._numbered(debit, client):
            wrong["debitInvoiceNumber"] = "is not the number of an invoice"
        return wrong

    def _numbered(self, number: str, client: str) -> list[Invoice]:
        stored = self.invoices.values()
        return [one for one in stored if (one.number, one.client) == (number, client)]

    def add(self, invoice: Invoice) -> None:
        """Store it, with its preview, and remember by what else it may be asked for."""
        invoice.documents["invoicePreview"] = self.store(invoice, "Preview of")
        self.invoices[invoice.id] = invoice
        for name in (invoice.asked.get(field) for field in self.assumed.aliases):
            # A credit invoice may carry the names of what it credits; that keeps them.
            if name and not (invoice.debit and name in self.names):
                self.names.setdefault(name, set()).add(invoice.id)

    def credited(self, invoice: Invoice) -> Invoice | None:
        """The invoice it credits; one that is not activated cannot be credited (I)."""
        if invoice.debit is None:
            return None
        for debit in reversed(self._numbered(invoice.debit, invoice.client)):
            if debit.activated_at is not None:
                return debit
        raise Refusal("The debit invoice is not activated")

    def activate(self, invoice: Invoice, user: User, debit: Invoice | None) -> None:
        invoice.activated_at, invoice.activated_by = datetime.now(ZONE), user.id
        invoice.main, invoice.financial = self.assumed.activated_status, today()
        invoice.documents["invoice"] = self.store(invoice, "Invoice")
        if invoice.files:
            name = self.store(invoice, "Invoice and attachments of")
            invoice.documents["invoiceWithAttachments"] = name
        self.note(Effect.APPROVED, invoice)
        if debit is None:
            invoice.ledger, invoice.performed = LADDER[0], today()
            invoice.balances["capital"] = invoice.total("totalToPay")
            self.ledger.open(invoice.id, stated(invoice))
        else:
            self._credit(debit, Credit(invoice.id, stated(invoice), invoice.number))
        if invoice.asked.get("distributionCode"):
            invoice.due = partial(self.note, Effect.SENT, invoice)
            self.agenda.later(self.assumed.distribution_delay, partial(self.finish, invoice))

    def _credit(self, invoice: Invoice, credit: Credit) -> None:
        """Lower what is owed, whichever sign the credit's amounts have (U).

        No page says that it may not be more than was invoiced: all of it is taken (U).
        """
        account = self.ledger.account_of(invoice.id)
        open_ = account.open
        account.credit(credit)
        invoice.settle(credit.stated.gross + abs(credit.stated.besides), "capital")
        if account.open:
            self.note(Effect.PARTLY_CREDITED, invoice, credit.stated.gross)
        elif open_:
            self.note(Effect.CREDITED, invoice)

    def finish(self, invoice: Invoice) -> None:
        due, invoice.due = invoice.due, None
        if due is not None:
            due()

    def attachment(self, invoice: Invoice) -> bytes | None:
        _, content = self.files.get(invoice.documents.get("attachment", ""), ("", None))
        return content

    def store(self, invoice: Invoice, what: str) -> str:
        name = secrets.token_hex(16)
        amount = f"{invoice.total('totalToPay'):.2f} {currency(invoice.asked)['invoiceCurrency']}"
        self.files[name] = invoice.client, pdf(f"{what} {invoice.number}", amount)
        return name

    def discard(self, invoice: Invoice) -> None:
        if invoice.activated_at is not None:
            raise ValueError("only drafts can be deleted")
        del self.invoices[invoice.id]
        self.note(Effect.DELETED, invoice)

    def latest(self, reference: str) -> Invoice:
        latest_first = list(reversed(self.invoices.values()))
        known = self.names.get(reference, set()) | {reference}
        by_number = (one for one in latest_first if one.number == reference)
        by_name = (one for one in latest_first if one.id in known)
        invoice = next(by_number, None) or next(by_name, None)
        if invoice is None:
            raise LookupError(f"no invoice {reference}")
        return invoice

    def note(self, effect: Effect, invoice: Invoice, amount: Decimal | None = None) -> None:
        """Write down what has just become of it, or of this amount of it."""
        number, gross = invoice.number, invoice.gross if amount is None else amount
        self.ledger.add(effect, invoice.id, reference=number, number=number, gross=gross)


class _Named(Ledger):
    """A ledger that knows other names of an invoice, tried where no reference fits."""

    def __init__(self, names: dict[str, set[str]]) -> None:
        super().__init__()
        self._ids = names

    def of(self, reference: str) -> tuple[Entry, ...]:
        known = self._ids.get(reference, set()) | {reference}
        named = (entry for entry in self.entries if entry.invoice_id in known)
        return super().of(reference) or tuple(named)


def today() -> date:
    return datetime.now(ZONE).date()


def client_of(user: User, given: str | None) -> str:
    """For which client a call is; who is no client-type user has to say so (S)."""
    client = given or user.client
    if client is None:
        raise invalid({"clientId": "is required"})
    if client not in CLIENTS or user.client not in (None, client):
        raise invalid({"clientId": "is not a client of yours"})
    return client
