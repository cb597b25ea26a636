"""Mollie: what is read from it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
from pydantic import AliasChoices, Field, SecretStr, ValidationError, model_validator

from invoicing.balance import Statement
from invoicing.errors import FieldProblem, ProviderError, Unavailable, UnknownOutcome, Unreadable
from invoicing.money import plain
from invoicing.provider import Echo, Event, PaymentStatus, Snapshot, Stage
from providers.kit import webhooks
from providers.kit.api import refused
from providers.kit.http import Answer, Call
from providers.kit.mistakes import stated
from providers.kit.wire import Amount, CamelWire, Many, day_of
from providers.kit.words import WORD, safe_word
from providers.mollie.settings import NAME
from providers.mollie.states import E_INVOICE, PAYMENTS, REFERENCE, STATUSES, Context
from providers.mollie.words import words_of

NOT_READ = {
    "resource": "the route says what it is",
    "mode": "the credential decides it",
    "testmode": "likewise",
    "vatMode": "as asked; net and gross show it",
    "paymentDetails": "as asked; the status shows whether it is paid",
    "emailDetails": "as asked, and free text",
    "customerId": "as asked",
    "mandateId": "as asked",
    **dict.fromkeys(
        ("recipient.title", "recipient.phone", "recipient.locale"),
        "personal, and of no account: the rest of the recipient is compared",
    ),
    "lines.unitPrice.currency": "all have that of the amounts, which is compared",
    "subtotalAmount": "before discounts; net is what is left after them",
    "createdAt": "told by our own history",
    "paidAt": "likewise",
    "_links": "addresses for people; the invoice is fetched by its id",
}
"""What an answer carries that is knowingly not read, and why."""

_Item = dict[str, Any]

Items = AsyncIterator[tuple[Call, _Item | None]]


class _Amount(CamelWire):
    currency: str
    value: Amount


class _InvoiceLine(CamelWire):
    vat_rate: str | None = None


class Invoice(CamelWire):
    """As much of an invoice as is read."""

    id: Annotated[str, Field(pattern=r"^invoice_.+$")]
    status: str
    invoice_number: str | None = None
    e_invoice_status: str | None = None
    currency: str | None = None
    recipient_identifier: str | None = None
    lines: Many[_InvoiceLine] = ()
    discounted_subtotal_amount: _Amount | None = None
    total_vat_amount: _Amount | None = None
    total_amount: _Amount | None = None
    amount_due: _Amount | None = None
    payment_term: Any = None
    issued_at: Any = None
    due_at: Any = None
    metadata: Any = None
    said: dict[str, str] = {}
    """Digests of its texts and parts, made of the whole answer: see `words`."""

    @model_validator(mode="before")
    @classmethod
    def _with_words(cls, body: Any) -> Any:
        return {**body, "said": words_of(body)} if isinstance(body, Mapping) else body

    @property
    def word(self) -> str:
        return self.status.replace("_", "-")


class _Link(CamelWire):
    href: str


class _Links(CamelWire):
    next: _Link | None = None


class _Embedded(CamelWire):
    """The list under the name that the vendor's document gives it, or that of older answers."""

    sales_invoices: Annotated[
        Many[_Item], Field(validation_alias=AliasChoices("sales_invoices", "invoices"))
    ]


class Page(CamelWire):
    """One page of the list; its items are read one by one."""

    embedded: Annotated[_Embedded, Field(alias="_embedded")]
    links: Annotated[_Links, Field(alias="_links")]

    @property
    def items(self) -> tuple[_Item, ...]:
        return self.embedded.sales_invoices

    @property
    def is_last(self) -> bool:
        return self.links.next is None

    @property
    def next_from(self) -> str | None:
        """Where the next page begins. The address itself is not followed: it may lead anywhere."""
        query = urlsplit(self.links.next.href).query if self.links.next else ""
        return next(iter(parse_qs(query).get("from", [])), None)


class _Error(CamelWire):
    title: str | None = None
    detail: str | None = None
    field: str | None = None

    def problem(self) -> FieldProblem:
        message = self.detail or self.title or ""
        return FieldProblem(field=safe_word(self.field or "request"), message=message[:500])


def refusal(request: Call, answer: Answer) -> ProviderError:
    """What an answer that is no success means. What it says goes into the fields alone."""
    if answer.status == httpx.codes.CONFLICT:
        # The same request is still running there: nobody knows yet what becomes of it.
        kind = UnknownOutcome if request.changes else Unavailable
        sentence = f"{NAME} is still busy with the same request ({request.name})"
        return kind(sentence, code=str(answer.status))
    return refused(request, answer, _told(answer))


def _told(answer: Answer) -> tuple[FieldProblem, ...]:
    try:
        return (_Error.model_validate(answer.body).problem(),)
    except ValidationError:
        return ()


def reference_in(metadata: Any) -> Any:
    """Our reference as the metadata states it."""
    return metadata.get(REFERENCE) if isinstance(metadata, Mapping) else None


def is_twin(item: _Item, context: Context) -> bool:
    """Whether it looks like ours while it carries nobody's metadata.

    That a list states metadata is inferred. Should it not, the lack of our reference in it would
    prove nothing; better to ask a person than to make a second invoice.
    """
    total = item.get("totalAmount")
    value = total.get("value") if isinstance(total, Mapping) else None
    return (
        context.recipient is not None
        and not item.get("metadata")
        and item.get("recipientIdentifier") == context.recipient
        and str(value) == str(context.gross)
        and STATUSES[str(item.get("status"))] is not Stage.CREDITED
    )


def snapshot(invoice: Invoice, context: Context, zone: ZoneInfo) -> Snapshot:
    """What an answer says about the invoice."""
    words = (invoice.status, invoice.e_invoice_status)
    return Snapshot(
        provider_id=invoice.id,
        stage=_stage(invoice, context.sends),
        payment=_payment(invoice),
        money=_money(invoice),
        status=" · ".join(safe_word(word) for word in words if word),
        number=invoice.invoice_number or None,
        echo=_echo(invoice, context, zone),
        problems=_problems(invoice),
        reference=stated(reference_in(invoice.metadata)),
    )


def _stage(invoice: Invoice, sends: bool) -> Stage:
    """An invoice with a number is final, whatever became of it in the e-invoicing network."""
    stage = STATUSES[invoice.word]
    if stage is Stage.FAILED:
        return Stage.APPROVED if invoice.invoice_number else Stage.FAILED
    if stage not in (Stage.APPROVED, Stage.SENDING):
        return stage
    if not invoice.invoice_number:
        return Stage.APPROVING
    if stage is Stage.APPROVED and invoice.e_invoice_status:
        return E_INVOICE[invoice.e_invoice_status]
    return Stage.SENT if stage is Stage.APPROVED and sends else stage


def _payment(invoice: Invoice) -> PaymentStatus:
    status = PAYMENTS.get(invoice.word, PaymentStatus.UNKNOWN)
    due, total = invoice.amount_due, invoice.total_amount
    partly = due is not None and total is not None and 0 < due.value < total.value
    return PaymentStatus.PARTLY_PAID if partly and status is PaymentStatus.UNPAID else status


def _money(invoice: Invoice) -> Statement | None:
    """What is left to be paid, which is never below zero: more than that is not told. Of a
    cancelled one it says nothing of what was paid before."""
    stage, due = STATUSES[invoice.word], invoice.amount_due
    if due is None or not invoice.invoice_number or not stage.reached(Stage.APPROVED):
        return None
    return Statement(left=due.value)


def _problems(invoice: Invoice) -> tuple[FieldProblem, ...]:
    if "failed" not in (invoice.status, invoice.e_invoice_status):
        return ()
    message = "the e-invoicing network did not deliver the invoice"
    return (FieldProblem(field="eInvoiceStatus", message=message),)


def _echo(invoice: Invoice, context: Context, zone: ZoneInfo) -> Echo:
    # Of a final one it is what is left after the payments so far.
    due = invoice.amount_due if STATUSES[invoice.word] is Stage.DRAFTED else None
    net, gross = invoice.discounted_subtotal_amount, invoice.total_amount
    return Echo(
        currency=_currency(invoice),
        net=net.value if net else None,
        vat=_vat(invoice),
        gross=gross.value if gross else None,
        due=due.value if due else None,
        issue_date=day_of(invoice.issued_at, zone),
        due_date=day_of(invoice.due_at, zone) or _end_of_term(invoice, context),
        buyer=invoice.recipient_identifier,
        number=invoice.invoice_number or None,
        said=invoice.said,
    )


def _end_of_term(invoice: Invoice, context: Context) -> str | None:
    """When a draft will be due if it is issued on the day that was asked for."""
    if context.issue_date is None or invoice.payment_term is None:
        return None
    term = re.fullmatch(r"([0-9]{1,3}) days", str(invoice.payment_term))
    return (context.issue_date + timedelta(days=int(term[1]))).isoformat() if term else "?"


def _currency(invoice: Invoice) -> str | None:
    """The one that every amount is in; None when they disagree."""
    amounts = (
        invoice.discounted_subtotal_amount,
        invoice.total_vat_amount,
        invoice.total_amount,
        invoice.amount_due,
    )
    stated = {amount.currency for amount in amounts if amount}
    if invoice.currency:
        stated.add(invoice.currency)
    return stated.pop() if len(stated) == 1 else None


def _vat(invoice: Invoice) -> dict[str, Decimal] | None:
    """The one sum under the one rate that has VAT; None where it cannot be told apart."""
    rates = {_rate(line) for line in invoice.lines}
    taxed = rates - {"0"}
    if invoice.total_vat_amount is None or not rates or "?" in rates or len(taxed) > 1:
        return None
    return {"".join(taxed) or "0": invoice.total_vat_amount.value}


def _rate(line: _InvoiceLine) -> str:
    """In percent without trailing zeros; `?` for what is no number."""
    try:
        rate = Decimal(line.vat_rate or "")
    except InvalidOperation:
        return "?"
    return plain(rate) if rate.is_finite() else "?"


SIGNATURE = "x-mollie-signature"

RESOURCE = "sales-invoice"
"""What an invoice is called in events, and what their types begin with."""

_SCHEME = "sha256="


def verify(body: bytes, header: str, secrets: Iterable[SecretStr]) -> bool:
    """Whether a webhook was signed with one of the secrets; several while one is replaced.

    `body` is what arrived, byte for byte; `header` is X-Mollie-Signature: `sha256=` and the HMAC in
    hexadecimal, several of them separated by commas.
    """
    parts = (part.strip() for part in header.split(","))
    given = [part[len(_SCHEME) :] for part in parts if part.startswith(_SCHEME)]
    return webhooks.fits(body, given, secrets)


def event_of(raw: bytes) -> Event:
    """An event has an id of its own. The invoice itself has none as news: there the whole of it is
    the name, which a change to it changes."""
    body = webhooks.parsed(NAME, raw)
    if body.get("resource") == RESOURCE:
        return Event(id=webhooks.digest(raw), kind=RESOURCE, body=body)
    event_id = body.get("id")
    if not isinstance(event_id, str) or not WORD.fullmatch(event_id):
        raise Unreadable(f"{NAME}: a webhook that is neither an event nor an invoice")
    at = webhooks.moment(body.get("createdAt"))
    return Event(id=event_id, kind=webhooks.text(body.get("type")), at=at, body=body)
