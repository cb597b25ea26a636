"""Everything that Zero Friction knows of one organisation, and what becomes of an invoice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import uuid4

from sandbox.kit.accounts import Credit
from sandbox.kit.agenda import Agenda
from sandbox.kit.record import Effect, Ledger
from sandbox.zero_friction import data
from sandbox.zero_friction.data import Json
from sandbox.zero_friction.forms import INVOICE_TYPES, LINE_TYPES, Refusal
from sandbox.zero_friction.invoice import (
    ZONE,
    Invoice,
    Line,
    note,
    priced,
    rate_over,
    stated,
    window,
)
from sandbox.zero_friction.money import Money
from sandbox.zero_friction.words import Assumed


class Books:
    """Master data, invoices, payments. What is refused by the rules is a Refusal."""

    def __init__(self, assumed: Assumed) -> None:
        self.assumed = assumed
        self.ledger = Ledger()
        self.agenda = Agenda()
        self.customers = data.by_id(data.customers())
        self.contracts = data.by_id(data.contracts(self.customers))
        self.bank_accounts = data.by_id(data.bank_accounts())
        self.configurations = data.configurations()
        self.tax_codes = data.by_id(data.tax_codes(assumed.open_end))
        self.billing_items = data.by_id(data.billing_items())
        self.service_locations = data.by_id(data.service_locations())
        self.invoices: dict[str, Invoice] = {}
        self.money = Money(self.ledger, self.customers, self.invoices)
        self.numbers: Counter[int] = Counter()

    def clear(self) -> None:
        """Drop invoices, payments and numbers; master data stay."""
        self.invoices.clear()
        self.money.payments.clear()
        self.numbers.clear()

    # Creating.

    def add(self, invoice: Invoice) -> None:
        """Store a draft."""
        self.invoices[invoice.id] = invoice
        self.note(Effect.CREATED, invoice)

    def draft(self, body: Json) -> Invoice:
        """The invoice the body asks for, or one Refusal with everything that is wrong with it."""
        problems = [*self._header_problems(body)]
        contract = self.contracts.get(body.get("contractId") or "")
        lines = []
        for asked in body.get("lines") or []:
            try:
                lines.append(self._line(asked, calculate=_calculates(body, asked)))
            except Refusal as refusal:
                problems += refusal.problems
        if problems:
            raise Refusal(*problems)
        date = body.get("invoiceDate")
        return Invoice(
            asked=body,
            type=body["invoiceType"],
            customer=self.customers[body["customerId"]],
            lines=lines,
            date=datetime.fromisoformat(date) if date else datetime.now(ZONE),
            property_groups=contract["propertyGroups"] if contract else _asked_groups(body),
            contract=contract,
            number=body.get("invoiceNum") or None,
            reference=body.get("externalReference"),
        )

    def _header_problems(self, body: Json) -> Iterable[tuple[str, str]]:
        customer = self.customers.get(body.get("customerId") or "")
        account = self.bank_accounts.get(body.get("companyBankAccountId") or "")
        if body.get("invoiceType") not in INVOICE_TYPES:
            yield "INVALID_INVOICE_TYPE", str(body.get("invoiceType"))
        if body.get("status") not in (None, "created"):
            yield "INVOICE_WRONG_STATUS", body["status"]
        if customer is None:
            yield "CUSTOMER_DOES_NOT_EXIST", ""
        # The page has the account resolved beforehand; that it may not be left out is inferred (I).
        if account is None or account["deleted"]:
            yield "BANK_ACCOUNT_NOT_FOUND", ""
        if not self._contract_fits(body):
            yield "CONTRACT_NOT_FOUND", ""
        if not body.get("lines"):
            yield "NO_INVOICE_LINES", ""
        if body.get("paymentMethod") == "sdd" and not (customer or {}).get("bankAccountIbans"):
            yield "SDD_REQUIRES_BANK_ACCOUNT", ""
        number = body.get("invoiceNum")
        if number and number in {invoice.number for invoice in self.invoices.values()}:
            yield "DUPLICATE_INVOICE_NUMBER", number

    def _contract_fits(self, body: Json) -> bool:
        """Whether contract, its number and the customer agree; that they must is inferred (I)."""
        identity, number = body.get("contractId"), body.get("contractNumber")
        if not identity:
            return not number
        contract = self.contracts.get(identity)
        return (
            contract is not None
            and contract["contractor"]["customerId"] == body.get("customerId")
            and number in (None, "", contract["contractNumber"])
        )

    def _line(self, asked: Json, *, calculate: bool) -> Line:
        problems = [*self._line_problems(asked)]
        tax, span = self.tax_codes.get(asked.get("taxCodeId") or ""), window(asked)
        rate = Decimal(0)
        if span is None:
            problems.append(("INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS", ""))
        elif span[0].year != span[1].year:
            problems.append(("INVOICE_LINE_CANNOT_SPAN_MULTIPLE_YEARS", ""))
        if tax and span:
            try:
                rate = rate_over(tax, *span)
            except Refusal as refusal:
                problems += refusal.problems
        if problems:
            raise Refusal(*problems)
        net, gross = priced(asked, rate, calculate=calculate)
        return Line(asked, rate, net, gross)

    def _line_problems(self, asked: Json) -> Iterable[tuple[str, str]]:
        tax, item = asked.get("taxCodeId"), asked.get("billingItemId")
        location, kind = asked.get("serviceLocationId"), asked.get("lineType")
        if not tax:
            yield "NO_TAXCODE_SPECIFIED", ""
        elif self.tax_codes.get(tax, {"deleted": True})["deleted"]:
            yield "TAXCODE_DOES_NOT_EXIST", tax
        if item and item not in self.billing_items:
            yield "BILLING_ITEM_DOES_NOT_EXIST", item
        if location and location not in self.service_locations:
            yield "SERVICELOCATION_DOES_NOT_EXIST", location
        if kind is not None and kind not in LINE_TYPES:
            yield "INVOICE_LINE_TYPE_NOT_SUPPORTED", kind

    # Approving, sending, taking back.

    def approve(self, invoice: Invoice, *, failure: str | None, numbered: bool) -> None:
        """Begin its approval, which ends in this failure, or with a number if it is `numbered`."""
        invoice.status, invoice.failure = "approvalinprogress", None
        done = partial(self._approved, invoice, failure=failure, numbered=numbered)
        self._soon(self.assumed.approval_delay, invoice, done)

    def _approved(self, invoice: Invoice, *, failure: str | None, numbered: bool) -> None:
        if failure:
            invoice.status, invoice.failure = self.assumed.failed_status, failure
            return
        if numbered and not invoice.number:
            self._number(invoice)
        invoice.status = "approved"
        self._attach(invoice, "approved")
        direct = invoice.asked.get("paymentMethod") == "sdd"
        invoice.pays("readyforpaymentcollection" if direct else "waitingforpayment")
        if invoice.credited is not None:
            self._taken_back(self.invoices[invoice.credited], invoice)
            return
        self.note(Effect.APPROVED, invoice)
        if invoice.type == "creditnote":
            self._free_credit(invoice)
        else:
            self.ledger.open(invoice.id, stated(invoice))

    def _free_credit(self, note: Invoice) -> None:
        """One that was written, not made of an invoice: what it does to that is unknown (U)."""
        self.ledger.loose.append(Credit(note.id, stated(note), note.number))

    def _number(self, invoice: Invoice) -> None:
        year = invoice.date.astimezone(ZONE).year
        taken = {other.number for other in self.invoices.values()}
        while invoice.number is None or invoice.number in taken:
            self.numbers[year] += 1
            invoice.sequence = self.numbers[year]
            invoice.number = f"{year}-{invoice.sequence:06}"

    def send(self, invoice: Invoice, word: str) -> None:
        """Begin to send it. Asked twice, it is sent twice: nothing documented prevents that."""
        invoice.sent = word
        self._soon(self.assumed.sending_delay, invoice, partial(self._sent, invoice))

    def _sent(self, invoice: Invoice) -> None:
        invoice.sent = "sent"
        self._attach(invoice, "sent")
        self.note(Effect.SENT, invoice)

    def _attach(self, invoice: Invoice, now: str) -> None:
        if now == self.assumed.attached and invoice.attachment is None:
            invoice.attachment = str(uuid4())

    def delete(self, invoice: Invoice) -> None:
        """Drop a draft; what a credit note would have taken back stands as before (I)."""
        del self.invoices[invoice.id]
        if invoice.credited is None:
            self.note(Effect.DELETED, invoice)
        else:
            self.invoices[invoice.credited].credited_by = None

    def credit(self, invoice: Invoice) -> Invoice:
        """Take all of it back, once the credit note is final; the credit note."""
        note = self._credit_note(invoice)
        self.invoices[note.id] = note
        invoice.credited_by = note.id
        if self.assumed.credit_note_status == "approved":
            self._approved(note, failure=None, numbered=True)
        return note

    def _taken_back(self, invoice: Invoice, note: Invoice) -> None:
        invoice.taken_back = True
        self.note(Effect.CREDITED, invoice)
        credit = Credit(note.id, stated(invoice), note.number)
        self.ledger.account_of(invoice.id).credit(credit)

    def _credit_note(self, invoice: Invoice) -> Invoice:
        return Invoice(
            asked=invoice.asked,
            type="creditnote",
            customer=invoice.customer,
            lines=[Line(li.asked, li.rate, -li.net, -li.gross) for li in invoice.lines],
            date=datetime.now(ZONE),
            property_groups=invoice.property_groups,
            contract=invoice.contract,
            reference=invoice.reference if self.assumed.credit_copies_reference else None,
            credited=invoice.id,
        )

    # What the parts share.

    def listed(self) -> Sequence[Invoice]:
        """Every invoice, as lists have them."""
        return list(self.invoices.values())

    def latest(self, reference: str) -> Invoice:
        for invoice in reversed(self.invoices.values()):
            if invoice.reference == reference and invoice.credited is None:
                return invoice
        raise LookupError(f"no invoice {reference}")

    def finish(self, invoice: Invoice) -> None:
        """End at once what is under way with it: an approval, a sending."""
        while invoice.due:
            self._due(invoice)

    def _soon(self, seconds: float, invoice: Invoice, done: Callable[[], None]) -> None:
        invoice.changes += 1
        invoice.due.append(done)
        self.agenda.later(seconds, partial(self._due, invoice))

    def _due(self, invoice: Invoice) -> None:
        if invoice.due:
            invoice.changes += 1
            invoice.due.pop(0)()

    def note(self, effect: Effect, invoice: Invoice) -> None:
        note(self.ledger, effect, invoice)


def _calculates(body: Json, line: Json) -> bool:
    """Where `disableVATCalculation` belongs is not documented (U): both places are heard."""
    return not (body.get("disableVATCalculation") or line.get("disableVATCalculation"))


def _asked_groups(body: Json) -> list[Json]:
    return list(body.get("propertyGroups") or [])
