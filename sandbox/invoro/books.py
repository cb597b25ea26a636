"""Every invoice that Invoro keeps, and what becomes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from sandbox.invoro import data
from sandbox.invoro.data import COMPANY, Entities, Json, Key
from sandbox.invoro.forms import CREDIT_NOTE_PROFILES, Invalid
from sandbox.invoro.invoice import Invoice, iso, reference_in, stated, units
from sandbox.invoro.totals import breakdown, contradictions, nothing_in, summed
from sandbox.invoro.words import Assumed
from sandbox.kit.accounts import Account, Credit, Moved, Stated, less, within
from sandbox.kit.agenda import Agenda
from sandbox.kit.record import Effect, Ledger


class Books:
    """Participants, invoices, the numbers drawn."""

    def __init__(self, assumed: Assumed) -> None:
        self.assumed = assumed
        self.ledger = Ledger()
        self.agenda = Agenda()
        self.participants = data.participants()
        self.invoices: dict[str, Invoice] = {}
        self.drawn: Counter[tuple[bool, str, int]] = Counter()

    def clear(self) -> None:
        """Drop invoices and numbers; participants stay."""
        self.invoices.clear()
        self.drawn.clear()

    # Creating.

    def add(self, invoice: Invoice) -> None:
        """Store a draft."""
        self.invoices[invoice.id] = invoice
        self.note(Effect.CREATED, invoice)

    def draft(self, key: Key, body: Json) -> Invoice:
        """The draft a well-formed body asks for, or one Invalid with all that contradicts."""
        wrong = [*self._strangers(key, body), *self._profile(body), *nothing_in(body)]
        if wrong:
            raise _invalid(wrong)
        ubl = self._stored(body)
        entity, related = body.get("business_entity_id"), body.get("related_invoice_id")
        invoice = Invoice(
            ubl=ubl,
            company=key.company or COMPANY,
            live=key.live,
            series=self._series(body) or data.DEFAULT_SERIES,
            entity=entity or Entities.MAIN,
            related=related,
            reference=reference_in(body, self.assumed.reference_at),
        )
        if any(one.reference == invoice.reference for one in self._credited_by(invoice)):
            invoice.reference = None
        return invoice

    def _strangers(self, key: Key, body: Json) -> Sequence[tuple[str, str]]:
        """Ids, names and numbers that must be known, or must not be taken (I)."""
        wrong = []
        number = (body.get("header") or {}).get("invoice_number")
        related = body.get("related_invoice_id")
        if (entity := body.get("business_entity_id")) and entity not in data.ENTITIES:
            wrong.append(("business_entity_id", "is not a business entity of this company"))
        if related and all(one.id != related for one in self.of_key(key)):
            wrong.append(("related_invoice_id", "is not an invoice of this company"))
        if (series := self._series(body)) is not None and series not in data.SERIES:
            wrong.append(("header.invoice_number_series", "is not a number series"))
        if self.assumed.unique_numbers and number in {one.number for one in self.of_key(key)}:
            wrong += [("header.invoice_number", "has already been taken")] if number else []
        return wrong

    def _series(self, body: Json) -> str | None:
        holder = body.get("header") or {} if self.assumed.series_at == "header" else body
        series: str | None = holder.get("invoice_number_series")
        return series

    def _profile(self, body: Json) -> Sequence[tuple[str, str]]:
        """Invoice profiles are for type code 380, credit note profiles for 381, only."""
        header = body.get("header") or {}
        profile, code = header.get("document_type"), header.get("invoice_type_code") or "380"
        right = "381" if profile in CREDIT_NOTE_PROFILES else "380"
        if profile is None or code == right:
            return []
        return [("header.document_type", f"is only for type code {right}")]

    def _stored(self, body: Json) -> Json:
        """The body with its defaults (U) and sums; sent sums must be what they would be."""
        kept = ("calculate_totals", "business_entity_id", "related_invoice_id")
        ubl = {name: value for name, value in body.items() if name not in kept}
        ubl.pop("invoice_number_series", None)
        given = (body.get("header") or {}).items()
        header = {name: value for name, value in given if value not in (None, "")}
        header.pop("invoice_number_series", None)
        ubl["header"] = {
            "invoice_number": None,
            "invoice_type_code": "380",
            "currency": "EUR",
            "issue_date": iso(datetime.now(UTC)),
        } | header
        ubl.setdefault("seller", data.SELLER)
        sums = summed(body, self.assumed.vat_rounding)
        if not body.get("calculate_totals") and (wrong := [*contradictions(body, sums)]):
            raise _invalid(wrong)
        ubl["totals"] = sums.totals()
        ubl["tax_breakdown"] = breakdown(sums, body)
        return ubl

    # Sending, delivering, taking back.

    def send(self, invoice: Invoice, network: str | None, failure: str | None) -> None:
        invoice.network, invoice.error = network, None
        invoice.becomes("sending")
        if not invoice.final:
            invoice.final = True
            self.note(Effect.APPROVED, invoice)
            if not invoice.note:
                self.ledger.open(invoice.id, stated(invoice))
        if failure is None and self._unreachable(invoice):
            failure = "The recipient is not registered on Peppol."
        if failure is not None:
            self._soon(self.assumed.sending_delay, invoice, partial(self.failed, invoice, failure))
        else:
            self._soon(self.assumed.sending_delay, invoice, partial(self.sent, invoice))

    def _unreachable(self, invoice: Invoice) -> bool:
        if self.assumed.reaches_strangers or invoice.network != "peppol":
            return False
        endpoint = invoice.ubl["buyer"]["endpoint_id"]
        return f"{endpoint['scheme']}:{endpoint['value']}" not in self.participants

    def number(self, invoice: Invoice) -> None:
        """The next free number of its series, per year of issue; live and test apart (I)."""
        header = invoice.ubl["header"]
        year = datetime.fromisoformat(header["issue_date"]).year
        place = (invoice.live, invoice.series, year)
        taken = {one.number for one in self.invoices.values() if one.live == invoice.live}
        while not header["invoice_number"] or header["invoice_number"] in taken:
            self.drawn[place] += 1
            prefix = data.SERIES[invoice.series]
            header["invoice_number"] = f"{prefix}-{year}-{self.drawn[place]:05}"

    def sent(self, invoice: Invoice) -> None:
        invoice.due = None
        invoice.becomes("sent")
        self.note(Effect.SENT, invoice)
        self._credit(invoice)
        confirmed = invoice.network not in self.assumed.unconfirmed
        if confirmed and (invoice.live or self.assumed.test_delivers):
            self._soon(self.assumed.delivery_delay, invoice, partial(self.delivered, invoice))

    def delivered(self, invoice: Invoice) -> None:
        invoice.due = None
        invoice.becomes("delivered")

    def failed(self, invoice: Invoice, reason: str) -> None:
        invoice.due = None
        invoice.error = error_info(reason)
        invoice.becomes("failed")

    def _credit(self, note: Invoice) -> None:
        """What a credit note that is sent takes back, of one invoice after the other.

        No page says that it may not be more than was invoiced, or that what it names must be there:
        all of it is taken (U), the rest off the last invoice that it names.
        """
        named, whole = self._credited_by(note), stated(note)
        if note.note and not named:
            self.ledger.loose.append(Credit(note.id, whole, note.number))
        left = whole.rates
        for invoice in named:
            account = self.ledger.account_of(invoice.id)
            share = left if invoice is named[-1] else within(left, account.left)
            left = less(left, share)
            part = whole if share == whole.rates else Stated((), share)
            if part.gross:
                self._take_back(invoice, account, Credit(note.id, part, note.number))

    def _take_back(self, invoice: Invoice, account: Account, credit: Credit) -> None:
        """An invoice counts as credited once nothing is left of it.

        What the original does to it then is unknown: see `Assumed.credited_state`.
        """
        open_ = account.open
        account.credit(credit)
        if account.open:
            self.note(Effect.PARTLY_CREDITED, invoice, credit.stated.gross)
        elif open_:
            self.note(Effect.CREDITED, invoice)
            if self.assumed.credited_state:
                invoice.due = None
                invoice.becomes(self.assumed.credited_state)

    def _credited_by(self, note: Invoice) -> list[Invoice]:
        """The invoices that a credit note names, by their id or their number."""
        if not note.note:
            return []
        references = note.ubl.get("references") or {}
        numbers = {one.get("number") for one in references.get("preceding_invoices") or []}
        named = (
            one
            for one in self.invoices.values()
            if one.id == note.related or (one.number and one.number in numbers)
        )
        same = (one for one in named if (one.live, one.company) == (note.live, note.company))
        return [one for one in same if one.final and not one.note]

    # What the parts share.

    def of_key(self, key: Key) -> list[Invoice]:
        """What this key may see, oldest first."""
        return [
            one
            for one in self.invoices.values()
            if (one.company, one.live) == (key.company, key.live) and one.deleted_at is None
        ]

    # Money, in cents.

    def receive(self, invoice: Invoice, cents: int) -> None:
        """The buyer pays, ahead of the delivery or after it, as much as is wanted."""
        self._move(invoice, Moved.PAID, cents)
        payable = invoice.total("payable_amount")
        if invoice.paid - cents < payable <= invoice.paid:
            self.note(Effect.PAID, invoice)

    def give_back(self, invoice: Invoice, way: Moved, cents: int) -> None:
        """Money goes back: what was paid falls by it (U); ValueError for more than was paid."""
        if not 0 < cents <= invoice.paid:
            raise ValueError(f"{invoice.paid} cents were paid, {cents} cannot go back")
        self._move(invoice, way, cents)
        payable = invoice.total("payable_amount")
        if invoice.paid < payable <= invoice.paid + cents:
            self.note(Effect.REVERSED, invoice)

    def surplus(self, invoice: Invoice) -> int:
        """What was paid too much, credits considered."""
        return int(-self.ledger.account_of(invoice.id).due.scaleb(2))

    def _move(self, invoice: Invoice, way: Moved, cents: int) -> None:
        invoice.paid += cents if way is Moved.PAID else -cents
        invoice.touched()
        if cents and not invoice.note:
            self.ledger.account_of(invoice.id).move(way, units(cents))

    def latest(self, reference: str) -> Invoice:
        for invoice in reversed(self.invoices.values()):
            known = (invoice.reference, invoice.number, invoice.id)
            if reference in known and invoice.deleted_at is None:
                return invoice
        raise LookupError(f"no invoice {reference}")

    def under_way(self, reference: str) -> Invoice:
        invoice = self.latest(reference)
        if invoice.state not in ("sending", "sent"):
            raise ValueError(f"it is {invoice.state}, neither sending nor sent")
        return invoice

    def _soon(self, seconds: float, invoice: Invoice, done: Callable[[], None]) -> None:
        invoice.due = done
        self.agenda.later(seconds, partial(self._due, invoice, done))

    def _due(self, invoice: Invoice, done: Callable[[], None]) -> None:
        """Unless something else has become of it meanwhile."""
        if invoice.due is done:
            invoice.due = None
            done()

    def note(self, effect: Effect, invoice: Invoice, amount: Decimal | None = None) -> None:
        """Write down what has just become of it, or of this amount of it."""
        gross = units(invoice.total("tax_inclusive_amount")) if amount is None else amount
        names = {"reference": invoice.known_as, "number": invoice.number}
        self.ledger.add(effect, invoice.id, **names, gross=gross)

    def finish(self, invoice: Invoice) -> None:
        """End at once what is under way with it: a sending, a delivery."""
        while invoice.due:
            self._due(invoice, invoice.due)

    def delete(self, invoice: Invoice) -> None:
        """Drop a draft."""
        invoice.deleted_at = datetime.now(UTC)
        invoice.touched()
        self.note(Effect.DELETED, invoice)


def _invalid(wrong: Sequence[tuple[str, str]]) -> Invalid:
    return Invalid({at: [problem for where, problem in wrong if where == at] for at, _ in wrong})


def error_info(text: str | None) -> Json:
    """The shape of error info is unknown (U)."""
    return {"code": "delivery_failed", "message": text or "The document was refused."}
