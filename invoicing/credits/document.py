"""A credit as a document, and as a request for one: what a credit note says of its invoice.

It is the invoice's document with the lines that are credited. Where it is not the invoice as it
stood, a line's allowances and charges are in its price, and the document's are amounts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from invoicing.credits.credit import Credit, CreditLedger, Part, Portion, Requested, Take
from invoicing.document import (
    Document,
    DocumentAdjustment,
    Line,
    Precedent,
    Vat,
)
from invoicing.errors import InvalidRequest
from invoicing.money import minor_units
from invoicing.portions import at_price
from invoicing.request import CreditedInvoice, Goal, InvoiceRequest
from invoicing.totals import totals

ROUNDING = "Rounding"
BEFORE = "Credited before, and rounding"

TAKEN_OVER = (
    "currency",
    "seller",
    "buyer",
    "payee",
    "delivery",
    "period",
    "buyer_reference",
    "purchase_order",
    "sales_order",
    "contract",
    "project",
    "accounting_reference",
    "prices_include_vat",
    "vat_rounding",
)
"""What a credit note has of its invoice as it is."""

OF_ITS_OWN = (
    "type",
    "number",
    "issue_date",
    "precedents",
    "notes",
    "lines",
    "allowances",
    "charges",
    "rounding",
    "vat_accounting",
)
"""The last two only where it takes back all of it: nobody has said what they are for a part."""

LEFT_OUT = ("due_date", "tax_point_date", "payment", "prepaid", "attachments")
"""Nothing is to be paid, what was paid before has no part in what was invoiced, and what supports
the invoice supports no taking back."""

_GOALS = {Goal.DRAFTED: Goal.SENT, Goal.PAID: Goal.SENT}
"""How far a credit note gets where its invoice's goal is none for it: nobody pays it."""


def credit_reference(invoice: str, name: str) -> str:
    """The reference of a credit note."""
    return f"{invoice}#{name}"


def request_of(
    invoice: Requested, ledger: CreditLedger, portion: Portion, wanted: Credit, today: date
) -> InvoiceRequest:
    """What a credit asks for.

    Raises pydantic's ValidationError where invoice and credit together make no sense.
    """
    request, state = invoice.request, invoice.invoice
    return InvoiceRequest(
        reference=credit_reference(request.reference, wanted.credit),
        provider=request.provider,
        account=request.account,
        goal=wanted.goal or _GOALS.get(request.goal, request.goal),
        document=document_of(invoice, ledger, portion, wanted, today),
        options={**request.options, **wanted.options},
        hold=wanted.hold,
        may_credit=False,
        subscriber=request.subscriber,
        credits=CreditedInvoice(
            reference=request.reference,
            provider_id=state.provider_id or "",
            number=state.number or "",
            issue_date=request.document.issue_date,
            whole=portion.whole,
            net=portion.sums.net,
            vat=portion.sums.vat,
            gross=portion.sums.gross,
            context=invoice.context,
        ),
    )


def document_of(
    invoice: Requested, ledger: CreditLedger, portion: Portion, wanted: Credit, today: date
) -> Document:
    """The credit note. `ledger` is as it was when the portion was worked out."""
    whole = invoice.request.document
    fields = {name: getattr(whole, name) for name in TAKEN_OVER if name in whole.model_fields_set}
    precedent = Precedent(number=invoice.invoice.number or "", issue_date=whole.issue_date)
    said = _Note(whole, ledger, portion, wanted)
    fields |= {
        "type": "credit_note",
        "number": wanted.number,
        "issue_date": wanted.issue_date or today,
        "precedents": (precedent,),
        "notes": (wanted.reason,),
    }
    return Document.model_validate({**fields, **said.fields()})


class _Note:
    """The lines, allowances and charges of one credit note."""

    def __init__(
        self, whole: Document, ledger: CreditLedger, portion: Portion, wanted: Credit
    ) -> None:
        self._whole = whole
        self._portion = portion
        self._wanted = wanted
        self._parts = {part.id: part for part in ledger.parts}
        self._taken = {take.part: take for take in portion.takes}
        known = {line.id for line in whole.lines}
        names = (f"credit-{number}" for number in itertools.count(1))
        self._ids = (name for name in names if name not in known)

    def fields(self) -> Mapping[str, object]:
        if self._portion.whole:
            names = ("lines", "allowances", "charges", "rounding", "vat_accounting")
            return {name: getattr(self._whole, name) for name in names}
        lines = [*self._lines(), *self._named()]
        others = list(self._adjustments())
        if not lines:
            # A document has a line at least: of a freight charge that alone is left.
            return {"lines": [self._as_line(each, amount) for each, amount in others]}
        return {
            "lines": lines,
            "allowances": [_adjusted(one, -amount) for one, amount in others if amount < 0],
            "charges": [_adjusted(one, amount) for one, amount in others if amount > 0],
        }

    def _lines(self) -> Iterator[Line]:
        for line in self._whole.lines:
            take = self._taken.get(f"line {line.id}")
            if take is not None:
                yield _part_of(line, take, self._whole.currency)

    def _named(self) -> Iterator[Line]:
        for part, amount in self._portion.given.items():
            named = _Adjusted(self._wanted.reason[:255], self._vat(self._parts[part]))
            yield self._as_line(named, amount)

    def _adjustments(self) -> Iterator[tuple[_Adjusted, Decimal]]:
        """What is on no line, as it counts in the sum."""
        for part in self._parts.values():
            take = self._taken.get(part.id)
            if take is None or part.kind == "line":
                continue
            amount = take.amount - self._portion.given.get(part.id, Decimal(0))
            if amount:
                yield self._adjusted(part), amount

    def _adjusted(self, part: Part) -> _Adjusted:
        if part.kind == "rest":
            why = BEFORE if self._wanted.whole else ROUNDING
            return _Adjusted(why, self._vat(part))
        every = self._whole.allowances if part.kind == "allowance" else self._whole.charges
        one = every[int(part.name)]
        return _Adjusted(one.reason or part.kind.capitalize(), one.vat, one.reason_code)

    def _as_line(self, one: _Adjusted, amount: Decimal) -> Line:
        return Line(
            id=next(self._ids),
            name=one.reason,
            quantity=Decimal(1 if amount > 0 else -1),
            unit_price=abs(amount),
            vat=one.vat,
        )

    def _vat(self, part: Part) -> Vat:
        """The VAT of a rate as the invoice has it first, with its reason for an exemption."""
        whole = self._whole
        every = [line.vat for line in whole.lines]
        every += [each.vat for each in (*whole.allowances, *whole.charges)]
        return next(vat for vat in every if vat.same(_plain(part)))


class _Adjusted(NamedTuple):
    """What an amount that is on no line stands for."""

    reason: str
    vat: Vat
    code: str | None = None


def _adjusted(one: _Adjusted, amount: Decimal) -> DocumentAdjustment:
    return DocumentAdjustment(amount=amount, reason=one.reason, reason_code=one.code, vat=one.vat)


def _plain(part: Part) -> Vat:
    # Compared by category and rate alone: an exemption's reason is not looked at.
    return Vat.model_construct(category=part.category, rate=Decimal(part.rate))


def _part_of(line: Line, take: Take, currency: str) -> Line:
    """So many units of a line, at what they come to."""
    if take.units == line.quantity and take.amount == line.amount(currency):
        return line
    if take.units:
        return at_price(line, take.units, take.amount, currency)
    # Its units are credited, and a cent of it is left.
    update: dict[str, object] = {"allowances": (), "charges": (), "base_quantity": Decimal(1)}
    update |= {"quantity": Decimal(1 if take.amount > 0 else -1), "unit_price": abs(take.amount)}
    return line.model_copy(update=update)


def same_worth(one: Document, other: Document) -> bool:
    """Whether both credit the same: whoever corrects a credit note may change its words, and not
    what it takes."""
    return _worth(one) == _worth(other)


def _worth(document: Document) -> object:
    amounts = document.amounts()
    decimals = minor_units(document.currency)
    lines = [
        (line.id, line.quantity, each.amount, line.vat.category, line.vat.rate)
        for line, each in zip(document.lines, amounts.lines, strict=True)
    ]
    others = [
        [(each.vat.category, each.vat.rate, amounts.of(each)) for each in every]
        for every in (document.allowances, document.charges)
    ]
    modes = document.prices_include_vat, document.vat_rounding, document.type, decimals
    money = document.currency, document.rounding
    return sorted(lines), [sorted(each) for each in others], money, modes


def opening(invoice: Requested) -> CreditLedger:
    """The ledger with which the credits of an invoice begin: all of it is left.

    Raises InvalidRequest where nothing of it can be credited, as `refuse_uncreditable` does; and
    where something was by a ledger that is lost.
    """
    refuse_uncreditable(invoice)
    reference, document = invoice.request.reference, invoice.request.document
    if notes := ", ".join(invoice.credited_before):
        raise InvalidRequest(
            f"{reference} was credited by {notes} in a life that Temporal has forgotten, so what "
            "is left of it is not known here: credit the rest at the provider"
        )
    if invoice.rounding is None:
        raise InvalidRequest(f"{reference} was never planned")
    sums, stated = totals(document, invoice.rounding), invoice.invoice.amounts
    if stated is None or (sums.net, sums.vat, sums.gross) != (stated.net, stated.vat, stated.gross):
        raise InvalidRequest(
            f"{reference}: its amounts are not what its document comes to: credit it by hand"
        )
    return CreditLedger.of(document, invoice.rounding)


def refuse_uncreditable(invoice: Requested) -> None:
    """Raise InvalidRequest for an invoice of which nothing can be credited, whatever is asked."""
    state, request = invoice.invoice, invoice.request
    if why := _why_not(invoice):
        raise InvalidRequest(f"{request.reference} {why}; it is {state.status}")


def _why_not(invoice: Requested) -> str:
    state, request = invoice.invoice, invoice.request
    if request.document.type != "invoice":
        return "is a credit note: make a new invoice instead"
    if state.credited_whole:
        return "was credited as a whole: nothing is left to credit"
    if not request.may_credit:
        return "may not be credited: its request says so"
    if not state.final:
        return "is not final: cancel it, which deletes the draft"
    if not state.number or not state.provider_id:
        return "has no number yet, which a credit note must name: ask again when it has"
    if invoice.differs:
        return "has other figures at the provider than were asked for: credit it there"
    return ""
