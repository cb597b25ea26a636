"""Quiddly: what is read from it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, JsonValue, model_validator

from invoicing.errors import FieldProblem, Rejected
from invoicing.money import exactly, plain
from invoicing.provider import CONFIRMED, Echo, Event, Item, Stage
from providers.kit import webhooks
from providers.kit.api import refused
from providers.kit.http import Answer, Call, HeaderSecret, Json, encode, unclear
from providers.kit.mistakes import stated
from providers.kit.wire import Amount, CamelWire, Maybe, Written, day_of
from providers.kit.words import safe_word
from providers.quiddly.settings import QuiddlySettings
from providers.quiddly.states import DISTRIBUTED, MAIN, PAYMENT, UNPROVEN, Context, Told
from providers.quiddly.words import words_of

NOT_READ = {
    "clientName": "the client's id says it",
    "serviceProviderCode": "as asked; decides no figure",
    "dates.ledgerPerformedDate": "the ledger's word says how far it is",
    "debtor.id": "our customer number is compared",
    "debtor.FMI": "as asked",
    "debtor.phone": "personal, and not on the invoice",
    "debtor.cellPhone": "likewise",
    "debtor.distributionChannel": "as asked; the invoice's distribution code decides",
    "debtor.distributionChannelOverride": "likewise",
    "document": "names of files, for whoever fetches them from /storage/{fileName}",
    "documentTemplateCode": "as asked; how it looks",
    "isRecourse": "between the client and its factor",
    "createdDate": "told by our own history",
    "createdBy": "the user of the settings, a mail address",
    "reminderProfileCode": "the ledger's word shows what comes of it",
    **{
        f"articleRows.{name}": "as asked; quantity, price and what the row comes to are compared"
        for name in (
            *("accountNumber", "articleNumber", "discountType", "id", "total", "totalDiscount"),
        )
    },
    "fees.administrationVatPercentage": "the VAT rows show it",
    "fees.freightVatPercentage": "likewise",
    "totals.totalToPayBase": "in the base currency",
    "balances.totalLocale": "balances are compared in one currency only",
    "balances.capitalLocale": "likewise",
    "balances.capitalService": "part of the total",
    "balances.capitalServiceLocale": "likewise",
    "balances.capitalFinanced": "between the client and its factor",
    "balances.capitalFinancedLocale": "likewise",
    "balances.reminderLocale": "likewise",
    "balances.interestLocale": "likewise",
    "partPayment.partPaymentPlanId": "that there is a plan is shown",
}
"""What an answer carries that is knowingly not read, and why."""

PAYMENT_NOT_READ = {
    "date": "when it was booked; the day of the payment is kept",
    "name": "personal",
    "accountNumber": "for bookkeeping",
}
"""What a payment of the feed carries that is knowingly not kept, and why."""


class SignedIn(CamelWire):
    """What signing in brings."""

    id_token: HeaderSecret
    token_type: Annotated[str | None, Field(pattern="(?i)^bearer$")] = None


class _Statuses(CamelWire):
    main: str | None = None
    ledger: str | None = None
    ledger_sub_type: str | None = None


class _PartPayment(CamelWire):
    is_part_payment: bool | None = None


class _Dates(CamelWire):
    invoice_date: Any = None
    expire_date: Any = None
    paused_until_date: Written = None
    latest_financial_date: Written = None


class _Debtor(CamelWire):
    customer_number: str | None = None


class _VatRow(CamelWire):
    percentage: Amount
    total_vat: Amount


class _Sums(CamelWire):
    total: Amount | None = None
    total_excl_vat: Amount | None = None
    total_to_pay: Amount | None = None
    total_round_off: Amount | None = None


class _Currencies(CamelWire):
    invoice_currency: str | None = None
    base_currency: str | None = None


class _Balances(CamelWire):
    """What is left to be paid, of the claim and of what was put on top."""

    total: Amount | None = None
    capital: Amount | None = None
    reminder: Amount | None = None
    interest: Amount | None = None


class Invoice(CamelWire):
    """As much of an invoice as is read."""

    id: Annotated[str, Field(min_length=1)]
    client_id: str | None = None
    invoice_number: str | None = None
    activated_date: Written = None
    activated_by_id: str | None = None
    distribution_code: str | None = None
    our_reference: Any = None
    our_order_number: Any = None
    statuses: Maybe[_Statuses] = _Statuses()
    part_payment: Maybe[_PartPayment] = _PartPayment()
    dates: Maybe[_Dates] = _Dates()
    debtor: Maybe[_Debtor] = _Debtor()
    vats: tuple[_VatRow, ...] | None = None
    totals: Maybe[_Sums] = _Sums()
    currency: Maybe[_Currencies] = _Currencies()
    balances: Maybe[_Balances] = _Balances()
    said: dict[str, str] = {}
    """Digests of its texts, made of the whole answer: see `words`."""

    @model_validator(mode="before")
    @classmethod
    def _with_words(cls, body: Any) -> Any:
        return {**body, "said": words_of(body)} if isinstance(body, Mapping) else body

    @property
    def is_activated(self) -> bool:
        return bool(self.activated_date and self.activated_by_id)

    def reference(self, context: Context) -> str | None:
        """What stands where this request's draft carries our reference."""
        places = {"ourReference": self.our_reference, "ourOrderNumber": self.our_order_number}
        return stated(places[context.mark]) if context.mark else None

    @property
    def distribution(self) -> str:
        return safe_word(self.distribution_code or "NULL")


class Document(CamelWire):
    """A file that was attached."""

    id: Annotated[str, Field(min_length=1)]
    invoice_id: str | None = None


def number_of(item: Json, request: Call) -> Json:
    """The invoice number of an item of a list: one without any could be ours."""
    if not isinstance(item, Mapping) or "invoiceNumber" not in item:
        raise unclear(request, "is not what was expected")
    return item["invoiceNumber"]


def list_in(body: Json, request: Call) -> Sequence[Json]:
    """The list that the answer is."""
    if not isinstance(body, list):
        raise unclear(request, "is not a list")
    return body


def refusal(request: Call, answer: Answer) -> Rejected:
    """No error is documented: the status decides, and what was said is kept for a person."""
    return refused(request, answer, _words(answer.body))


def _words(body: Json) -> list[FieldProblem]:
    if body is None:
        return []
    said = body if isinstance(body, Mapping) else {"answer": body}
    return [
        FieldProblem(
            field=safe_word(name),
            message=(value if isinstance(value, str) else encode(value))[:500],
        )
        for name, value in said.items()
    ]


def stage_of(invoice: Invoice, context: Context) -> Stage:
    """By the marks of activation; one of the two alone is no more than on the way."""
    if invoice.is_activated:
        return _activated(invoice.distribution, context)
    if invoice.activated_date or invoice.activated_by_id:
        return Stage.APPROVING
    return MAIN[invoice.statuses.main]


def _activated(distribution: str | None, context: Context) -> Stage:
    stage = DISTRIBUTED[distribution or "NULL"]
    return Stage.SENT if stage is Stage.APPROVED and context.hands_out else stage


def status_of(invoice: Invoice) -> str:
    """Their words, and what a person should see beside them."""
    statuses = invoice.statuses
    words = [
        safe_word(word)
        for word in (statuses.main, statuses.ledger, statuses.ledger_sub_type)
        if word is not None
    ]
    if invoice.dates.paused_until_date:
        words.append(f"paused until {_day(invoice.dates.paused_until_date)}")
    if invoice.part_payment.is_part_payment:
        words.append("part payment")
    return " · ".join(words)


def echo_of(invoice: Invoice, sign: int) -> Echo:
    """The figures with the sign that ours have."""
    sums = invoice.totals

    def signed(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else sign * amount

    with exactly():
        return Echo(
            currency=invoice.currency.invoice_currency,
            net=signed(sums.total_excl_vat),
            vat=_vat(invoice, sign),
            gross=signed(sums.total),
            rounding=signed(sums.total_round_off),
            due=signed(sums.total_to_pay),
            issue_date=day_of(invoice.dates.invoice_date),
            due_date=day_of(invoice.dates.expire_date),
            buyer=invoice.debtor.customer_number,
            number=invoice.invoice_number,
            said=invoice.said,
        )


def _vat(invoice: Invoice, sign: int) -> dict[str, Decimal] | None:
    if invoice.vats is None:
        return None
    sums: dict[str, Decimal] = {}
    for row in invoice.vats:
        rate = plain(row.percentage)
        sums[rate] = sums.get(rate, Decimal(0)) + sign * row.total_vat
    return sums


def item_of(payment: Json, settings: QuiddlySettings) -> Item:
    """One payment as an event. What cannot be read becomes one too: `about` complains, and the
    others are not held up."""
    said = payment if isinstance(payment, Mapping) else {}
    voucher = _plain(said.get("id"))
    named = isinstance(voucher, str) and re.fullmatch(r"[A-Za-z0-9._-]{1,100}", voucher)
    digest = hashlib.sha256(encode(said.get("id") or payment).encode()).hexdigest()[:32]
    currency, base = said.get("invoiceCurrency"), said.get("baseCurrency")
    amount = said.get("amount" if currency == base else settings.invoice_amount)
    body = {
        "invoiceNumber": said.get("invoiceNumber"),
        "amount": amount,
        "currency": currency,
        **{name: said[name] for name in SAID_OF_PAYMENT if said.get(name)},
    }
    return Item(
        event=Event(
            id=f"{PAYMENT}-{voucher if named else digest}",
            kind=PAYMENT,
            # As much of it as fits a name: what is longer says nothing that could be ours.
            body={
                name: _short(_plain(body[name]))
                for name in body
                if name in said or name == "currency"
            },
        ),
        receipt={"voucher": voucher} if isinstance(voucher, str) and voucher else {},
    )


SAID_OF_PAYMENT = ("paymentDate", "externalPaymentMethodCode")
"""When and by what; shown, and decides nothing."""


def _short(value: JsonValue) -> JsonValue:
    return "?" if isinstance(value, str) and len(value) > webhooks.MOST_NAME else value


def _plain(value: Json) -> JsonValue:
    """A number as text, because history knows no exact ones; text and null as they are."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str | None):
        return "?"
    # Written out, a number may be much longer than it came.
    if isinstance(value, Decimal) and abs(value.adjusted()) > webhooks.MOST_NAME:
        return "?"
    return value if isinstance(value, str | None) else format(Decimal(value), "f")


def confirmed(told: Told, events: Iterable[Event], context: Context) -> Told:
    """What a person says about calls of unknown outcome; never backwards."""
    for verb in _verbs(events):
        if verb == "approve" and told.stage in (*UNPROVEN, Stage.UNKNOWN):
            stage = _once_activated(told, context)
        elif verb == "send" and told.stage is Stage.APPROVED:
            stage = Stage.SENT
        elif verb == "delete" and told.stage is Stage.DRAFTED:
            stage = Stage.DELETED
        elif verb == "credit" and told.stage.reached(Stage.APPROVED):
            stage = Stage.CREDITED
        elif verb == "create" and told.stage is Stage.UNKNOWN:
            stage = Stage.DRAFTED
        else:
            continue
        told = told.model_copy(update={"stage": stage})
    return told


def proven(told: Told, context: Context) -> Told:
    """Only what is activated is paid: money tells of an activation whose answer was lost."""
    came = any(amount > 0 for amount in told.payments.values())
    if context.credit or not came or told.stage not in UNPROVEN:
        return told
    return told.model_copy(update={"stage": _once_activated(told, context)})


def _once_activated(told: Told, context: Context) -> Stage:
    """How far it is if it has been activated the way it was asked."""
    code = context.activate.get("distributionCode", told.distribution)
    return _activated(code if isinstance(code, str) else None, context)


def _verbs(events: Iterable[Event]) -> Iterator[JsonValue]:
    return (event.body.get("verb") for event in events if event.kind == CONFIRMED)


def _day(written: str) -> str:
    try:
        return date.fromisoformat(written[:10]).isoformat()
    except ValueError:
        return "?"
