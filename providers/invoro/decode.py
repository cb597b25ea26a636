"""Invoro: what is read from it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import httpx
from pydantic import (
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from invoicing.errors import FieldProblem, ProviderError, Rejected
from invoicing.money import exactly, plain
from invoicing.provider import Delivery as WebhookDelivery
from invoicing.provider import Event, Stage
from providers.invoro.options import TYPE_CODES
from providers.invoro.settings import NAME
from providers.invoro.states import STATES, Context
from providers.kit import webhooks
from providers.kit.api import refused
from providers.kit.http import Answer, Call, Json, encode, retry_after, slowed, unclear
from providers.kit.wire import Cents, Wire, Written
from providers.kit.words import safe_word

IGNORED_ANSWERS = {
    "company_id": "the key belongs to one company",
    "user_id": "who holds the key does not matter",
    "ubl_version": "how it is written down there does not matter",
    "updated_at": "the state says what has changed",
}
"""Fields of an answer that are knowingly not read."""


class Participant(Wire):
    """Whether the network knows somebody."""

    found: StrictBool


class Invoice(Wire):
    """As much of an invoice as is read."""

    id: Annotated[str, Field(min_length=1)]
    state: str
    direction: str | None = None
    amount: Cents | None = None
    currency: str | None = None
    ubl_json: Any = None
    metadata_json: Any = None
    delivery_network_id: str | None = None
    business_entity_id: str | None = None
    related_invoice_id: str | None = None
    payment_status: str | None = None
    total_paid_cents: Cents | None = None
    is_test: bool | None = None
    created_at: str | None = None
    deleted_at: Written = None

    def at(self, *path: str) -> Any:
        """What stands there in `ubl_json`; None where nothing does."""
        value = self.ubl_json
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    @property
    def number(self) -> str | None:
        return text_or_none(self.at("header", "invoice_number"))

    @property
    def lacks_number(self) -> bool:
        """Whether it is shown to have none; False where nothing is shown at all."""
        return isinstance(self.at("header"), Mapping) and self.number is None

    @property
    def created_on(self) -> str | None:
        """The earlier of the days it was made and dated on, less one for time zones."""
        days = (self.created_at, text_or_none(self.at("header", "issue_date")))
        try:
            first = min(date.fromisoformat(day[:10]) for day in days if day)
        except ValueError:
            return None
        return (first - timedelta(days=1)).isoformat()

    @property
    def is_live(self) -> bool:
        return (
            self.direction != "incoming"
            and not self.deleted_at
            and STATES[self.state] is not Stage.DELETED
        )

    def mentions(self, mark: str | None) -> bool:
        """Whether a line of text anywhere in it is the mark; every invoice has the mark None."""
        return mark is None or any(mark in text.splitlines() for text in _texts(self.ubl_json))

    @property
    def marked(self) -> Iterator[str]:
        """The texts in which a create may have written a mark."""
        yield from _texts(self.at("header", "notes"))
        yield from _texts(self.at("header", "buyer_reference"))
        yield from _texts(self.at("references", "sales_order"))

    def credits(self, invoice: Invoice, context: Context) -> bool:
        """Whether this is a credit note over that invoice. One that says nothing about itself but
        that it is related counts too: better a question too many than two credit notes."""
        if context.credit_mark and self.ubl_json and self.mentions(context.credit_mark):
            return True
        code = self.at("header", "invoice_type_code")
        kinds = (None, TYPE_CODES["credit_note"])
        return self.related_invoice_id == invoice.id and code in kinds

    @property
    def failures(self) -> tuple[FieldProblem, ...]:
        """Why it failed, as far as the metadata tells; nothing about those that did not."""
        if STATES[self.state] is not Stage.FAILED:
            return ()
        told = self.metadata_json if isinstance(self.metadata_json, Mapping) else {}
        reasons = tuple(
            FieldProblem(field=f"metadata_json.{safe_word(key)}", message=_said(value))
            for key, value in told.items()
            if value and any(hint in key.lower() for hint in ("error", "fail", "reason"))
        )
        return reasons or (FieldProblem(field="state", message="the provider could not send it"),)


class Page(Wire):
    """A page of the list, in either of the two forms that the provider's framework has: the items
    in `data` and the count in `meta`, or both together in `data`."""

    data: tuple[Any, ...]
    last_page: StrictInt | None = None

    @model_validator(mode="before")
    @classmethod
    def _unfold(cls, body: Any) -> Any:
        if not isinstance(body, Mapping):
            return body
        inner = body.get("data")
        if isinstance(inner, Mapping):
            return inner
        meta = body.get("meta")
        return {"data": inner, "last_page": meta.get("last_page")} if meta else {"data": inner}


def listed(item: Any, about: Iterable[str | None], request: Call) -> Invoice | None:
    """One item of a list; None for one that cannot be read and mentions nothing that it is about:
    however strange others' invoices are, they cannot stop a search."""
    try:
        return Invoice.model_validate(item)
    except ValidationError:
        if any(one and one in text for text in _texts(item) for one in about):
            raise unclear(request, "is not what was expected") from None
        return None


def data_of(body: Json) -> Json:
    """What stands in the envelope."""
    return body.get("data") if isinstance(body, Mapping) else None


def refusal(request: Call, answer: Answer) -> ProviderError:
    """A 4xx: nothing was done. 422 is also how a key without a company is told."""
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        return slowed(NAME, request, until_reset(answer.headers))
    return refused(
        request, answer, _problems(answer.body), credentials="the key, or what it may do,"
    )


def _problems(body: Json) -> list[FieldProblem]:
    """Field by field where they are told so, else the one message."""
    if not isinstance(body, Mapping):
        return []
    errors = body.get("errors")
    if isinstance(errors, Mapping) and errors:
        return [
            FieldProblem(field=field[:200], message=_said(said)) for field, said in errors.items()
        ]
    message = body.get("message")
    return [FieldProblem(field="message", message=_said(message))] if message else []


def _said(value: Json) -> str:
    """The provider's own words, as one short text."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(map(str, value))
    return (value if isinstance(value, str) else encode(value))[:500]


def until_reset(headers: Mapping[str, str]) -> timedelta | None:
    """Retry-After, else X-RateLimit-Reset: an instant or so many seconds, nobody says which."""
    reset = headers.get("x-ratelimit-reset", "").strip()
    if (stated := retry_after(headers)) or not (reset.isascii() and reset.isdigit()):
        return stated
    seconds = float(reset[:12])
    if seconds > 1_000_000_000:
        seconds -= time.time()
    return timedelta(seconds=min(max(seconds, 1), 3600))


def same_figures(invoice: Invoice, note: Invoice) -> None:
    """Before a credit note is sent, or believed: it takes back exactly what was invoiced."""
    if (invoice.amount, invoice.currency) != (note.amount, note.currency):
        raise Rejected(f"{NAME}: the credit note for it is not over the same amount")


def amount_of_cents(cents: Any) -> Decimal | None:
    """Cents as money; anything but a whole number is no statement."""
    if not isinstance(cents, int) or isinstance(cents, bool):
        return None
    with exactly():
        return Decimal(cents) / 100


def vat_by_rate(rows: Any) -> dict[str, Decimal] | None:
    """VAT by rate; None unless every row states both."""
    sums: dict[str, Decimal] = {}
    for row in rows if isinstance(rows, list) else ():
        rate = row.get("rate") if isinstance(row, Mapping) else None
        vat = amount_of_cents(row.get("tax_amount")) if isinstance(row, Mapping) else None
        if vat is None or not isinstance(rate, int | Decimal):
            return None
        sums[plain(Decimal(rate))] = sums.get(plain(Decimal(rate)), Decimal(0)) + vat
    return sums or None


def text_or_none(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


SIGNATURE = "x-signature-sha256"

EVENT = "x-webhook-event"


def signature_fits(body: bytes, signature: str, secrets: Sequence[SecretStr]) -> bool:
    """Whether `X-Signature-SHA256` is the HMAC of the body, exactly as it came, under one of these.

    Takes as long for a wrong signature as for a right one.
    """
    return webhooks.fits(body, [signature.strip()], secrets, _scheme)


def _scheme(mac: bytes) -> bytes:
    return b"sha256=" + webhooks.as_hex(mac)


def event_of(delivery: WebhookDelivery) -> Event:
    """Named as the provider says that duplicates are known: by event, time and invoice."""
    body = webhooks.parsed(NAME, delivery.body)
    # The header is not signed.
    kind = webhooks.text(body.get("event")) or webhooks.text(delivery.headers.get(EVENT))
    stamp = body.get("timestamp")
    event = Event(id=webhooks.digest(delivery.body), kind=kind, at=_at(stamp), body=body)
    keys = keys_of(event)
    if stamp is None or not kind or not keys:
        return event
    name = webhooks.digest(kind, str(stamp), keys[0])
    return event.model_copy(update={"id": name})


def _at(stamp: JsonValue) -> datetime | None:
    """ISO 8601 or seconds since 1970: nobody says which."""
    if isinstance(stamp, int | float) and not isinstance(stamp, bool) and 0 < stamp < 1e11:
        return datetime.fromtimestamp(stamp, UTC)
    return webhooks.moment(stamp)


def keys_of(event: Event) -> tuple[str, ...]:
    """Where the payload may say which invoice it is about; empty for what is about none."""
    body = event.body
    data, invoice = webhooks.members(body, "data"), webhooks.members(body, "invoice")
    places = (body, data, invoice, webhooks.members(data, "invoice"))
    told = [place.get("invoice_id") for place in places]
    told += [place.get("id") for place in places[2:]]
    if event.kind.startswith("invoice."):
        told += [data.get("id"), body.get("id")]
    numbers = [place.get("invoice_number") for place in places]
    return webhooks.named(*told, *numbers)
