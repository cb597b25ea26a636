"""Mollie: sales invoices, paid through Mollie's own payment pages.

Page: https://docs.mollie.com/reference/create-sales-invoice

Stated there: `testmode` and `profileId` only with organisation-level credentials; a draft can be
changed, issuing sends it to the recipient; what `paid` depends on; VAT scheme and mode; the payment
terms; a discount on the whole comes on top of those of the lines; e-invoices only within Belgium,
Germany and the Netherlands.

Public (the vendor's OpenAPI document and guides): the routes, recipient and line fields with their
limits, metadata, the error body, paging, statuses beyond the page's three, cancelling by update,
the idempotency key (POST only, forgotten after an hour, 400 with other content, 409 while the first
is running), that a call which timed out may yet arrive and be executed (overview/api-idempotency),
the second status axis of e-invoices, the signature of webhooks and their types.

Inferred: `issued` on the e-invoice axis means delivered; a line's discount is of the whole line; a
list states metadata as a single invoice does; an invoice without a number is not issued yet.

Contradictory: a webhook's body is said to be an event, and to be the invoice itself; both are read.
E-mail details are called both optional and required for issuing. So an invoice that
is to be sent brings them, and one that is only to be approved brings none unless its request says
so. The page knows cancelled invoices from the dashboard only; newer sources allow it here.

Unknown, therefore a setting: whether VAT is rounded per line or per rate; whether the currency is
also written beside the lines, as the code samples do. The meaning of the status `expired` is not
documented, so it is a word we do not know. Answers state the VAT as one sum: it can be compared per
rate only where one rate has any. Unknown too: for how long a call that timed out may still be
executed (the port's default), and whether a 429 is given before anything is done (only reading
calls believe it).

Our reference stands in the metadata, and an answer that shows them states it.

Issuing with e-mail details is the only sending there is. So `approve` does both, an issued invoice
counts as sent where its plan sends, and `send` refuses.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Literal, NoReturn, Self, TypeVar, get_args
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, uuid5

import httpx
import idna
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from invoicing.document import (
    Adjustment,
    Code,
    Document,
    Inconsistent,
    Line,
    Name,
    Party,
    VatCategory,
)
from invoicing.errors import FieldProblem, Rejected, Unavailable, UnknownOutcome, Unreadable
from invoicing.model import Recorded, Typed
from invoicing.money import Number, exactly, minor_units, plain, rounded
from invoicing.provider import (
    CreateCall,
    Delivery,
    Echo,
    Event,
    Figure,
    Found,
    LookUpCall,
    PaymentStatus,
    Plan,
    ReadCall,
    Search,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import Totals, totals
from invoicing.values import readable
from providers import webhooks
from providers.checks import Mistakes, parsed, refuse_given, stated
from providers.http import (
    Answer,
    BaseUrl,
    Call,
    HeaderSecret,
    HeaderValue,
    Json,
    encode,
    exchange,
    unclear,
)

NAME = "Mollie"
PAGE_SIZE = 250
MAX_PAGES = 400
REFERENCE = "invoicing_reference"
"""The key under which an invoice's metadata carries our reference."""
MOST_METADATA = 1000
"""Bytes; the vendor says approximately 1 kB."""
MOST_DESCRIPTION = 100
_KEYS = uuid5(NAMESPACE_URL, "https://docs.mollie.com/reference/create-sales-invoice")
_Parsed = TypeVar("_Parsed", bound=BaseModel)

Words = Name
Body = Annotated[str, StringConstraints(min_length=1, max_length=5000), AfterValidator(readable)]
PaymentTerm = Literal["7 days", "14 days", "30 days", "45 days", "60 days", "90 days", "120 days"]
Locale = Literal["en_US", "en_GB", "nl_NL", "nl_BE", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_BE"]


# --- settings -------------------------------------------------------------------------------------


class MollieSettings(Typed):
    """One profile at Mollie, in one mode."""

    base_url: BaseUrl = "https://api.mollie.com"
    token: HeaderSecret
    """An API key (`live_…`, `test_…`), or an organisation-level access token."""
    profile_id: Annotated[HeaderValue | None, Field(validate_default=True)] = None
    """Needed with an organisation-level token, never sent with an API key."""
    testmode: bool | None = None
    """Likewise never with an API key, which is for one mode already."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    find_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long to page through the list, the only way to find a reference."""
    vat_rounding: Literal["line", "category"] = "category"
    """Unknown. Per rate is how the e-invoices that Mollie sends have to add up (BR-CO-17)."""
    send_currency: bool = False
    """Unknown: the code samples write a currency beside the lines, the schema has no such field."""
    email_subject: Words | None = None
    """With `email_body` the words that issuing mails when a request brings none."""
    email_body: Annotated[Body | None, Field(validate_default=True)] = None
    webhook_secrets: webhooks.WebhookSecrets = ()
    """Those in force, separated by commas; without one no webhook is believed."""
    webhook_hours: Annotated[float, Field(gt=0)] = 48.0
    """How old an event may be when it arrives: it is tried again for 26 hours."""

    @field_validator("profile_id")
    @classmethod
    def _profile_fits_token(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "token" in info.data and _is_api_key(info.data["token"]) == (value is not None):
            raise ValueError("needed with an organisation-level token, and only then")
        return value

    @field_validator("testmode")
    @classmethod
    def _mode_fits_token(cls, value: bool | None, info: ValidationInfo) -> bool | None:
        if value is not None and "token" in info.data and _is_api_key(info.data["token"]):
            raise ValueError("must be left out: an API key is for one mode already")
        return value

    @field_validator("email_body")
    @classmethod
    def _both_or_neither(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("email_subject") is None):
            raise ValueError("goes together with an email_subject")
        return value

    @property
    def email(self) -> EmailDetails | None:
        """The account's own words for a mail, if it has any."""
        if self.email_subject is None or self.email_body is None:
            return None
        return EmailDetails(subject=self.email_subject, body=self.email_body)


def _is_api_key(token: SecretStr) -> bool:
    return token.get_secret_value().startswith(("live_", "test_"))


# --- options --------------------------------------------------------------------------------------


class EmailDetails(Typed):
    """What the mail says that brings the invoice; `\\n` is a new line."""

    subject: Words
    body: Body


class PaymentDetails(Typed):
    """By what the invoice has been paid already."""

    source: Literal["manual", "payment-link", "payment"]
    source_reference: Name | None = None

    @model_validator(mode="after")
    def _referenced(self) -> Self:
        if self.source != "manual" and self.source_reference is None:
            message = f"needed for source {self.source}"
            raise Inconsistent([FieldProblem(field="source_reference", message=message)])
        return self

    def wire(self) -> Json:
        body: dict[str, Json] = {"source": self.source, "sourceReference": self.source_reference}
        return _said(body)


class MollieOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document.

    `recipient_identifier`: the buyer's account number · `locale`: the buyer's language and country
    · `payment_term`: the days from issue to due date, else the provider's own 30.
    """

    status: Literal["draft", "issued", "paid"] = "draft"
    """What the one call of create makes. Only a draft's figures are checked before it is final."""
    payment_details: PaymentDetails | None = None
    """It is paid already: finished as `paid`, not as `issued`."""
    customer_id: Name | None = None
    """With `mandate_id`, whom to collect from; only for what is created as `paid`."""
    mandate_id: Name | None = None
    channel: Literal["email", "none"] = "email"
    """`none`: nobody is mailed, because the caller hands out the invoice itself."""
    email: EmailDetails | None = None
    recipient_identifier: Name | None = None
    title: Name | None = None
    locale: Locale | None = None
    vat_scheme: Literal["standard", "one-stop-shop"] = "standard"
    payment_term: PaymentTerm | None = None
    e_invoice: StrictBool = False
    metadata: dict[Code, StrictStr | StrictInt | StrictBool | None] = {}

    @property
    def finish(self) -> str:
        """What a draft becomes."""
        return "paid" if self.payment_details else "issued"


class _Context(Recorded):
    """What later calls need, all of it from the plan."""

    sends: bool = False
    """Whether an issued invoice has also been sent, or nothing more is to be sent."""
    finish: str = "issued"
    payment_details: PaymentDetails | None = None
    email: EmailDetails | None = None
    recipient: str | None = None
    gross: Number | None = None

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    def final(self, status: str) -> dict[str, Json]:
        """What issuing or paying brings besides, whether at create or later."""
        return _said(
            {
                "status": status,
                "paymentDetails": self.payment_details.wire() if self.payment_details else None,
                "emailDetails": self.email.model_dump() if self.email else None,
            }
        )


# --- tables ---------------------------------------------------------------------------------------

INVOICES = "/v2/sales-invoices"
INVOICE = "/v2/sales-invoices/{id}"

STATUSES = {  # looked up with - for _: both spellings of payment-reversed are in use
    "draft": Stage.DRAFTED,
    "issuing": Stage.SENDING,
    "issued": Stage.APPROVED,
    "overdue": Stage.APPROVED,
    "pending-payment": Stage.APPROVED,
    "paid": Stage.APPROVED,
    "payment-reversed": Stage.APPROVED,
    "failed": Stage.FAILED,
    "cancelled": Stage.CREDITED,
    "canceled": Stage.CREDITED,
}

E_INVOICE = {
    "issuing": Stage.SENDING,
    "issued": Stage.DELIVERED,
    "failed": Stage.APPROVED,
}

PAYMENTS = {
    "issuing": PaymentStatus.UNPAID,
    "issued": PaymentStatus.UNPAID,
    "overdue": PaymentStatus.UNPAID,
    "pending-payment": PaymentStatus.UNPAID,
    "paid": PaymentStatus.PAID,
    "payment-reversed": PaymentStatus.REVERSED,
}

GONE = ("404", "410")

PIECES = ("C62", "H87", "EA")
PAYMENT_TERMS = {7, 14, 30, 45, 60, 90, 120}
E_INVOICING = ("BE", "DE", "NL")
LOCALES = {  # of a language whose country is not said, or not listed with it
    "en": "en_US",
    "nl": "nl_NL",
    "de": "de_DE",
    "fr": "fr_FR",
}
LISTED_LOCALES = set(get_args(Locale))

REASONS = {  # what the norm wants printed for a category that explains itself
    VatCategory.REVERSE_CHARGE: "Reverse charge",
    VatCategory.INTRA_COMMUNITY: "Intra-Community supply",
    VatCategory.EXPORT: "Export outside the EU",
    VatCategory.OUTSIDE_SCOPE: "Not subject to VAT",
}
ELSEWHERE = (VatCategory.CANARY_ISLANDS, VatCategory.CEUTA_MELILLA)

UNSAID = {
    "number": "has no place here: the provider numbers its invoices itself",
    "tax_point_date": "has no place here; put it into the notes",
    "period": "has no place here; put it into the notes",
    "payee": "has no place here: the profile of the account is paid",
    "delivery": "has no place here; put it into the notes",
    "payment": "has no place here: the buyer pays through the provider's own page",
    "buyer_reference": "has no place here; put it into the notes",
    "purchase_order": "has no place here; put it into the notes",
    "sales_order": "has no place here; put it into the notes",
    "contract": "has no place here; put it into the notes",
    "project": "has no place here; put it into the notes",
    "accounting_reference": "has no place here",
    "precedents": "has no place here; credit an invoice instead of referring to it",
    "charges": "has no place here; write it as a line",
    "prepaid": "has no place here",
}
LINE_UNSAID = {
    "charges": "has no place here; raise the price or write it as a line of its own",
    "period": "has no place here; put it into the name",
    "seller_item_id": "has no place here; put it into the name",
    "buyer_item_id": "has no place here; put it into the name",
    "standard_item_id": "has no place here; put it into the name",
    "order_line": "has no place here; put it into the name",
    "accounting_reference": "has no place here",
}
BUYER_UNSAID = {"identifiers": "has no place here; put them into the notes"}
CONTACT_UNSAID = {"name": "has no place here; put it into the notes"}
CONSUMER_UNSAID = {
    "vat_number": "only a business has one here",
    "registration": "only a business has one here",
}
BUSINESS_UNSAID = {
    "given_name": "only a consumer has one here",
    "family_name": "only a consumer has one here",
}
DISCOUNT_UNSAID = {
    "reason": "a discount has no words here; put them into the notes",
    "reason_code": "a discount has no words here; put them into the notes",
}
IGNORED = {
    "issue_date": "the invoice bears the day it is issued; the payment term is reckoned from it",
    "seller": "the profile of the account is the seller",
    "buyer.name": "of a consumer: given and family name say the same",
    "buyer.trading_name": "the invoice is addressed to the legal name",
    "buyer.registration.scheme": "there is one field for every country's number",
    "buyer.electronic_address": "an e-invoice is addressed by the buyer's numbers",
    "lines[].id": "lines keep their order",
    "lines[].vat.category": "the rate says the tax, and the memo why there is none",
    "lines[].vat.exemption_code": "the memo says it in words",
}
"""What a document may carry and this provider is knowingly not told, and why that loses nothing."""

NOT_READ = {
    "resource": "the route says what it is",
    "mode": "the credential decides it",
    "testmode": "likewise",
    "profileId": "likewise",
    "vatScheme": "as asked; the figures show it",
    "vatMode": "likewise",
    "memo": "as asked, and free text",
    "paymentTerm": "as asked",
    "paymentDetails": "as asked; the status shows whether it is paid",
    "emailDetails": "as asked, and free text",
    "customerId": "as asked",
    "mandateId": "as asked",
    "recipient": "personal; the recipient identifier is compared",
    "lines.description": "as asked, and free text",
    "lines.quantity": "as asked; the figures show it",
    "lines.unitPrice": "likewise",
    "lines.discount": "likewise",
    "discount": "likewise",
    "isEInvoice": "as asked; the e-invoice status shows it",
    "subtotalAmount": "before discounts; net is what is left after them",
    "createdAt": "told by our own history",
    "issuedAt": "likewise",
    "paidAt": "likewise",
    "dueAt": "reckoned from the payment term",
    "_links": "addresses for people; the invoice is fetched by its id",
}
"""What an answer carries that is knowingly not read, and why."""


# --- the adaptor ----------------------------------------------------------------------------------


class Mollie:
    """The verbs of `invoicing.provider.Provider` for one profile."""

    Settings: ClassVar[type[BaseModel]] = MollieSettings
    Options: ClassVar[type[BaseModel]] = MollieOptions
    name = "mollie"

    def __init__(self, settings: MollieSettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port. Nothing is looked up: the recipient travels with every invoice."""
        mistakes = Mistakes()
        settings = self._settings
        options = parsed(MollieOptions, request.options, "options", mistakes)
        _check_document(request.document, settings, mistakes)
        if options:
            _check_options(request, options, settings, mistakes)
        mistakes.settle(NAME)
        options = options or MollieOptions()
        sums = totals(request.document, settings.vat_rounding)
        recipient = _recipient_identifier(request.document, options)
        final_at_once = options.status != "draft"
        context = _first_context(request, options, settings, sums, recipient)
        return Plan(
            totals=sums,
            echoes=_echoes(sums),
            credits=True,
            # Mailed or not: what is final at once was never a draft that could wait.
            sent_by="create" if final_at_once else "approve" if context.sends else "send",
            call_timeout=timedelta(seconds=settings.find_seconds + 2 * settings.timeout),
            buyer=recipient,
            context=context.given(),
        )

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port. No plan of this adaptor asks for any."""
        raise Rejected(f"{NAME}: there is no look-up called {call.look_up.name}")

    async def find(self, target: Target) -> Search:
        """See the port. There is no filter, so the whole list is gone through; what carries our
        reference is ours, and what may be ours without showing it makes the answer uncertain."""
        context = _Context.model_validate(target.context)
        found: list[Snapshot] = []
        complete = True
        async for request, item in self._listed():
            if item is None or _is_twin(item, context):
                complete = False
            elif _reference(item.get("metadata")) == target.reference:
                invoice = _parse(_Invoice, item, request)
                if STATUSES.get(invoice.word) is not Stage.CREDITED:
                    found.append(_snapshot(invoice, context))
        return Search(invoices=tuple(found), complete=complete)

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. With a status other than draft this one call goes all the way."""
        body = _encoded(call, self._settings)
        headers = {"Idempotency-Key": _key(call.target, body)}
        request = self._request("create", "POST", INVOICES, json=body, headers=headers)
        invoice = await self._invoice(request)
        return _snapshot(invoice, _Context.model_validate(call.target.context))

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Events are hints: the invoice itself is always fetched."""
        invoice_id = _id(call.target)
        request = self._request("read", "GET", INVOICE, id=invoice_id)
        try:
            invoice = await self._invoice(request)
        except Rejected as error:
            if error.code in GONE:
                return Snapshot(provider_id=invoice_id, stage=Stage.DELETED)
            raise
        return _snapshot(invoice, _Context.model_validate(call.target.context))

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Issues it, or marks it as paid, and mails it in the same call."""
        context = _Context.model_validate(target.context)
        told = await self._update("approve", target, context.final(context.finish))
        if told.stage is Stage.DRAFTED:
            return told.model_copy(update={"stage": Stage.APPROVING})
        return told

    async def send(self, target: Target) -> Snapshot:
        """See the port. Wanted only of an e-invoice that the network did not take; no call."""
        raise Rejected(f"{NAME} sends an invoice once, when it is issued: cancel it, or skip")

    async def delete(self, target: Target) -> Snapshot:
        """See the port. A draft that is no longer there is deleted."""
        gone = Snapshot(provider_id=_id(target), stage=Stage.DELETED)
        json = self._mode() or None
        request = self._request("delete", "DELETE", INVOICE, id=gone.provider_id, json=json)
        try:
            await self._ask(request)
        except Rejected as error:
            if error.code not in GONE:
                raise
        return gone

    async def credit(self, target: Target) -> Snapshot:
        """See the port. Cancelling an issued invoice is a full credit note."""
        return await self._update("credit", target, {"status": "cancelled"})

    async def check(self) -> None:
        """See the port. The shortest list there is."""
        await self._ask(self._request("check", "GET", INVOICES, query={"limit": "1"}))

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """See the port. One each; the signature brings no time, but an event says when it was."""
        settings = self._settings
        header = delivery.headers.get(SIGNATURE, "")
        if not verify(delivery.body, header, settings.webhook_secrets):
            raise webhooks.forged(NAME)
        event = _event(delivery.body)
        limit = timedelta(hours=settings.webhook_hours)
        webhooks.check_age(NAME, event.at, delivery.received, limit)
        return (event,)

    async def about(self, event: Event) -> Subject:
        """See the port. By the invoice's id, then by its number where the whole of it is told.
        `read` fetches the invoice, so nothing else of the event is needed."""
        if event.body.get("resource") == RESOURCE:
            told = event.body
            invoice_id = told.get("id")
        else:
            told = webhooks.members(event.body, "_embedded", "entity")
            invoice_id = event.body.get("entityId") or told.get("id")
        is_one = isinstance(invoice_id, str) and invoice_id.startswith("invoice_")
        keys = webhooks.named(invoice_id, told.get("invoiceNumber")) if is_one else ()
        if keys:
            return Subject(keys=keys)
        if event.kind.startswith(RESOURCE):
            raise Unreadable(f"{NAME}: an event about an invoice that does not say which")
        return Subject()

    # calls

    async def _update(self, name: str, target: Target, body: dict[str, Json]) -> Snapshot:
        request = self._request(
            name, "PATCH", INVOICE, id=_id(target), json={**body, **self._mode()}
        )
        invoice = await self._invoice(request)
        return _snapshot(invoice, _Context.model_validate(target.context))

    async def _invoice(self, request: Call) -> _Invoice:
        """The one invoice an exchange answers with, and that it is the one asked about."""
        invoice = _parse(_Invoice, await self._ask(request), request)
        if invoice.id != request.ids.get("id", invoice.id):
            raise unclear(request, "is about another invoice")
        return invoice

    async def _listed(self) -> _Items:
        """Every invoice of the list; None where it breaks off unseen."""
        until = time.monotonic() + self._settings.find_seconds
        query = {"limit": str(PAGE_SIZE)}
        for _ in range(MAX_PAGES):
            request = self._request("find", "GET", INVOICES, query=query)
            page = _parse(_Page, await self._ask(request), request)
            for item in page.items:
                yield request, item
            if page.is_last:
                return
            onwards = page.next_from
            if onwards in (None, query.get("from")) or time.monotonic() > until:
                break
            query["from"] = onwards
        yield request, None

    def _mode(self) -> dict[str, Json]:
        testmode = self._settings.testmode
        return {} if testmode is None else {"testmode": testmode}

    def _request(
        self,
        name: str,
        method: str,
        route: str,
        *,
        id: str | None = None,  # noqa: A002
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Json = None,
    ) -> Call:
        reads = method == "GET"
        mode = {key: encode(value) for key, value in self._mode().items()} if reads else {}
        return Call(
            provider=NAME,
            name=name,
            method=method,
            base_url=self._settings.base_url,
            route=route,
            changes=not reads,
            ids={} if id is None else {"id": id},
            query={**(query or {}), **mode},
            headers={
                "Authorization": f"Bearer {self._settings.token.get_secret_value()}",
                "Accept": "application/hal+json",
                **(headers or {}),
            },
            json=json,
            timeout=self._settings.timeout,
        )

    async def _ask(self, request: Call) -> Json:
        """One exchange, never repeated here; everything but a success is raised."""
        answer = await exchange(self._http, request)
        if not answer.ok:
            _refuse(request, answer)
        return answer.body


# --- planning -------------------------------------------------------------------------------------


def _check_document(document: Document, settings: MollieSettings, mistakes: Mistakes) -> None:
    """What can be judged whatever the options are."""
    if document.type == "credit_note":
        mistakes.unoffered("document.type", "credit the invoice itself; it cannot be written here")
    if document.vat_rounding not in (None, settings.vat_rounding):
        mistakes.unoffered("document.vat_rounding", f"VAT is rounded per {settings.vat_rounding}")
    refuse_given(document, UNSAID, "document", mistakes)
    _check_buyer(document.buyer, mistakes)
    _check_discount(document, mistakes)
    for index, line in enumerate(document.lines):
        _check_line(document, line, f"document.lines[{index}]", mistakes)


def _check_options(
    request: InvoiceRequest, options: MollieOptions, settings: MollieSettings, mistakes: Mistakes
) -> None:
    """What the options decide, alone or together with the document."""
    _check_outcome(request, options, mistakes)
    _check_email(request, options, settings, mistakes)
    _check_term(request.document, options, mistakes)
    _check_day(request, mistakes)
    _check_recipient(request.document, options, mistakes)
    _check_e_invoice(request, options, mistakes)
    if len(encode(_metadata(request.reference, options)).encode()) > MOST_METADATA:
        mistakes.wrong("options.metadata", f"is more than {MOST_METADATA} bytes, ours included")
    if REFERENCE in options.metadata:
        mistakes.wrong(f"options.metadata.{REFERENCE}", "is where our own reference stands")


def _check_outcome(request: InvoiceRequest, options: MollieOptions, mistakes: Mistakes) -> None:
    """What `paid` depends on, and that nothing becomes final that was to stay a draft."""
    if options.status != "draft" and request.goal is Goal.DRAFTED:
        mistakes.wrong("options.status", "must be draft for the goal drafted")
    if options.status != "draft" and request.hold:
        mistakes.wrong("options.status", "must be draft for a hold: nothing else waits")
    if options.status != "draft" and request.send_on:
        mistakes.wrong("options.status", "must be draft for send_on: nothing else waits")
    paid_here = options.status == "paid" or (
        options.status == "draft" and request.goal is not Goal.DRAFTED
    )
    if options.payment_details and not paid_here:
        mistakes.wrong("options.payment_details", "only for an invoice that becomes paid by us")
    mandate = (options.customer_id, options.mandate_id)
    if any(mandate) and not all(mandate):
        missing = "mandate_id" if options.customer_id else "customer_id"
        mistakes.wrong(f"options.{missing}", "customer_id and mandate_id go together")
    if any(mandate) and options.status != "paid":
        mistakes.wrong("options.status", "must be paid to collect by customer_id and mandate_id")
    if options.status == "paid" and not options.payment_details and not any(mandate):
        mistakes.wrong("options.payment_details", "needed for status paid")


def _check_email(
    request: InvoiceRequest, options: MollieOptions, settings: MollieSettings, mistakes: Mistakes
) -> None:
    if options.email and options.channel == "none":
        mistakes.wrong("options.email", "has no use with channel none")
    if options.email and request.goal is Goal.DRAFTED:
        mistakes.wrong("options.email", "has no use for the goal drafted: a draft is not sent")
    silent = options.channel == "none" or options.e_invoice
    if _sends(request) and not silent and _email(request, options, settings) is None:
        mistakes.wrong("options.email", "needed: issuing with it is how an invoice is sent here")


def _check_day(request: InvoiceRequest, mistakes: Mistakes) -> None:
    """The term is reckoned from the day of issuing, which is the day it is sent on."""
    day, document = request.sent_from, request.document
    if day and document.due_date and day.date() != document.issue_date:
        mistakes.wrong("send_on", "must be the issue_date: its payment term is reckoned from there")


def _check_term(document: Document, options: MollieOptions, mistakes: Mistakes) -> None:
    days = _days(document)
    if options.payment_term and days is not None and options.payment_term != f"{days} days":
        mistakes.wrong("options.payment_term", "is not the time from issue_date to due_date")
    elif not options.payment_term and days is not None and days not in PAYMENT_TERMS:
        terms = ", ".join(map(str, sorted(PAYMENT_TERMS)))
        mistakes.unoffered("document.due_date", f"must be {terms} days after issue_date")


def _check_recipient(document: Document, options: MollieOptions, mistakes: Mistakes) -> None:
    buyer = document.buyer
    if not _recipient_identifier(document, options):
        message = "needed, or a recipient_identifier in the options"
        mistakes.wrong("document.buyer.account_number", message)
    if not _locale(buyer, options):
        message = f"needed, or a locale in the options: {', '.join(sorted(LISTED_LOCALES))}"
        mistakes.wrong("document.buyer.language", message)
    if options.title and buyer.type == "business":
        mistakes.unoffered("options.title", "only a consumer has one here")


def _check_buyer(buyer: Party, mistakes: Mistakes) -> None:
    at = "document.buyer"
    refuse_given(buyer, BUYER_UNSAID, at, mistakes)
    if buyer.contact:
        refuse_given(buyer.contact, CONTACT_UNSAID, f"{at}.contact", mistakes)
    if not (buyer.contact and buyer.contact.email):
        mistakes.wrong(f"{at}.contact.email", "needed")
    for part in ("street", "postal_code", "city"):
        if not getattr(buyer.address, part, None):
            mistakes.wrong(f"{at}.address.{part}", "needed")
    (_check_business if buyer.type == "business" else _check_consumer)(buyer, at, mistakes)


def _check_business(buyer: Party, at: str, mistakes: Mistakes) -> None:
    refuse_given(buyer, BUSINESS_UNSAID, at, mistakes)
    if not (buyer.vat_number or buyer.registration):
        mistakes.wrong(f"{at}.vat_number", "needed for a business, or a registration")


def _check_consumer(buyer: Party, at: str, mistakes: Mistakes) -> None:
    refuse_given(buyer, CONSUMER_UNSAID, at, mistakes)
    for part in ("given_name", "family_name"):
        value: str = getattr(buyer, part) or ""
        if len(value) < 2 or value.isdigit():
            message = "needed for a consumer: two characters or more, not digits only"
            mistakes.wrong(f"{at}.{part}", message)


def _check_e_invoice(request: InvoiceRequest, options: MollieOptions, mistakes: Mistakes) -> None:
    document = request.document
    if request.goal is Goal.DELIVERED and not options.e_invoice:
        mistakes.unoffered("goal", "delivery can be seen of e-invoices only; ask for sent")
    for party in (document.buyer, document.seller):
        country = party.address.country if party and party.address else None
        if options.e_invoice and country and country not in E_INVOICING:
            message = f"seller and buyer must both be in {', '.join(E_INVOICING)}"
            mistakes.unoffered("options.e_invoice", message)
            return


def _check_discount(document: Document, mistakes: Mistakes) -> None:
    """There is one discount over everything; the document's are per VAT."""
    given = document.allowances
    for index, one in enumerate(given):
        refuse_given(one, DISCOUNT_UNSAID, f"document.allowances[{index}]", mistakes)
    vats = {(line.vat.category, line.vat.rate) for line in document.lines}
    lowered = [(one.vat.category, one.vat.rate) for one in given]
    percents = {one.percent for one in given}
    alike = len(given) == 1 or (len(percents) == 1 and None not in percents)
    if given and not (alike and sorted(vats) == sorted(lowered)):
        mistakes.unoffered(
            "document.allowances",
            "one discount over all lines: an amount where they share one VAT, "
            "or the same percentage for each VAT they have",
        )


def _check_line(document: Document, line: Line, at: str, mistakes: Mistakes) -> None:
    refuse_given(line, LINE_UNSAID, at, mistakes)
    if len(_description(line)) > MOST_DESCRIPTION:
        message = f"with description and note more than {MOST_DESCRIPTION} characters"
        mistakes.unoffered(f"{at}.name", message)
    if line.quantity < 1 or line.quantity % 1:
        mistakes.unoffered(f"{at}.quantity", "must be a whole number, 1 or more")
    if line.unit not in PIECES:
        mistakes.unoffered(f"{at}.unit", "lines count pieces here; put the unit into the name")
    if _unit_price(line, document.currency) is None:
        decimals = minor_units(document.currency)
        message = f"of one unit must come to an amount of {decimals} decimals"
        mistakes.unoffered(f"{at}.unit_price", message)
    if line.vat.category in ELSEWHERE:
        mistakes.unoffered(f"{at}.vat.category", "this tax has no place here")
    if line.vat.rate != round(line.vat.rate, 2):
        mistakes.unoffered(f"{at}.vat.rate", "has two decimals at most here")
    if len(line.allowances) > 1:
        mistakes.unoffered(f"{at}.allowances", "a line has one discount at most here")
    for index, one in enumerate(line.allowances):
        refuse_given(one, DISCOUNT_UNSAID, f"{at}.allowances[{index}]", mistakes)


def _sends(request: InvoiceRequest) -> bool:
    return request.goal not in (Goal.DRAFTED, Goal.APPROVED)


def _email(
    request: InvoiceRequest, options: MollieOptions, settings: MollieSettings
) -> EmailDetails | None:
    """What is mailed on issuing. The account's own words only where sending was asked for."""
    if options.channel == "none":
        return None
    return options.email or (settings.email if _sends(request) else None)


def _days(document: Document) -> int | None:
    return (document.due_date - document.issue_date).days if document.due_date else None


def _term(document: Document, options: MollieOptions) -> str | None:
    days = _days(document)
    return options.payment_term or (None if days is None else f"{days} days")


def _recipient_identifier(document: Document, options: MollieOptions) -> str:
    return options.recipient_identifier or document.buyer.account_number or ""


def _locale(buyer: Party, options: MollieOptions) -> str | None:
    if options.locale or not buyer.language:
        return options.locale
    language, _, region = buyer.language.partition("-")
    country = region or (buyer.address.country if buyer.address else "")
    listed = f"{language}_{country}"
    if listed in LISTED_LOCALES:
        return listed
    return None if region else LOCALES.get(language)


def _metadata(reference: str, options: MollieOptions) -> dict[str, Json]:
    return {**options.metadata, REFERENCE: reference}


def _echoes(sums: Totals) -> tuple[Figure, ...]:
    """VAT is stated as one sum: it says something about a rate only where no other has any."""
    taxed = {row.rate for row in sums.vat_rows if row.rate}
    vat = (Figure.VAT,) if len(taxed) <= 1 else ()
    return (Figure.CURRENCY, Figure.NET, *vat, Figure.GROSS, Figure.BUYER)


def _first_context(
    request: InvoiceRequest,
    options: MollieOptions,
    settings: MollieSettings,
    sums: Totals,
    recipient: str,
) -> _Context:
    email = _email(request, options, settings)
    return _Context(
        sends=_sends(request) or email is not None,
        finish=options.finish,
        payment_details=options.payment_details,
        email=email,
        recipient=recipient,
        gross=sums.gross,
    )


# --- encoding -------------------------------------------------------------------------------------


def _encoded(call: CreateCall, settings: MollieSettings) -> Json:
    """The body of create, with our reference in the metadata."""
    document = call.document
    options = MollieOptions.model_validate(call.options)
    context = _Context.model_validate(call.target.context)
    final = {"status": "draft"} if options.status == "draft" else context.final(options.status)
    body: dict[str, Json] = {
        **final,
        "testmode": settings.testmode,
        "profileId": settings.profile_id,
        "currency": document.currency if settings.send_currency else None,
        "vatScheme": options.vat_scheme,
        "vatMode": "inclusive" if document.prices_include_vat else "exclusive",
        "memo": _memo(document),
        "metadata": _metadata(call.target.reference, options),
        "paymentTerm": _term(document, options),
        "customerId": options.customer_id,
        "mandateId": options.mandate_id,
        "recipientIdentifier": _recipient_identifier(document, options),
        "recipient": _recipient(document.buyer, options),
        "lines": [_encoded_line(line, document.currency) for line in document.lines],
        # Either the only one, or the same percentage for each VAT.
        "discount": _discount(document.allowances, document.currency),
        "isEInvoice": options.e_invoice or None,
    }
    return _said(body)


def _recipient(buyer: Party, options: MollieOptions) -> Json:
    contact, address = buyer.contact, buyer.address
    business = buyer.type == "business"
    body: dict[str, Json] = {
        "type": buyer.type,
        "title": options.title,
        "givenName": buyer.given_name,
        "familyName": buyer.family_name,
        "organizationName": buyer.name if business else None,
        "organizationNumber": buyer.registration.value if buyer.registration else None,
        "vatNumber": buyer.vat_number,
        "email": _ascii(contact.email) if contact and contact.email else None,
        "phone": contact.phone if contact else None,
        "streetAndNumber": address.street if address else None,
        "streetAdditional": address.additional if address else None,
        "postalCode": address.postal_code if address else None,
        "city": address.city if address else None,
        "region": address.region if address else None,
        "country": str(address.country) if address else None,
        "locale": _locale(buyer, options),
    }
    return _said(body)


def _encoded_line(line: Line, currency: str) -> Json:
    price = _unit_price(line, currency)
    if price is None:
        raise Rejected(f"{NAME}: a line's unit price has too many decimals")
    return _said(
        {
            "description": _description(line),
            "quantity": int(line.quantity),
            "vatRate": f"{line.vat.rate:.2f}",
            "unitPrice": {"currency": currency, "value": f"{price:f}"},
            "discount": _discount(line.allowances, currency),
        }
    )


def _discount(given: tuple[Adjustment, ...], currency: str) -> Json:
    if not given:
        return None
    first = given[0]
    if first.percent is not None:
        return {"type": "percentage", "value": plain(first.percent)}
    return {"type": "amount", "value": f"{first.of(Decimal(0), currency):f}"}


def _description(line: Line) -> str:
    return " - ".join(text for text in (line.name, line.description, line.note) if text)


def _memo(document: Document) -> str | None:
    """The notes, then why a line bears no VAT: the norm wants that on the invoice (BR-E-10 …)."""
    reasons = (
        vat.exemption_reason or REASONS.get(vat.category) or vat.exemption_code
        for vat in (line.vat for line in document.lines)
    )
    return "\n".join([*document.notes, *dict.fromkeys(filter(None, reasons))]) or None


def _unit_price(line: Line, currency: str) -> Decimal | None:
    """The price of one unit, where the currency's decimals can say it exactly."""
    with exactly():
        price = line.unit_price / line.base_quantity
        written = rounded(price, currency)
        return written if written == price else None


def _ascii(email: str) -> str:
    """The domain as the mail system writes it (Punycode)."""
    local, _, domain = email.rpartition("@")
    return f"{local}@{idna.encode(domain).decode()}"


def _key(target: Target, body: Json) -> str:
    """The same for every attempt at the same invoice: repeated within the hour, it is made once.

    The generation is part of it, or the answer of a draft that is gone would be given once more. So
    is the content: the same key with another is refused, and a corrected draft is no repetition.
    """
    attempt = [target.account, target.reference, str(target.generation), encode(body)]
    return str(uuid5(_KEYS, "\n".join(attempt)))


def _said(body: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in body.items() if value is not None}


def _id(target: Target) -> str:
    if not target.provider_id:
        raise Rejected(f"{NAME}: there is no invoice yet")
    return target.provider_id


# --- decoding -------------------------------------------------------------------------------------


def _or_empty(value: Any) -> Any:
    return () if value is None else value


_Item = dict[str, Any]
_Items = AsyncIterator[tuple[Call, _Item | None]]


class _Wire(BaseModel):
    """What the provider writes: camel case, more fields than we read, null for nothing."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class _Amount(_Wire):
    currency: str
    value: Number


class _InvoiceLine(_Wire):
    vat_rate: str | None = None


class _Invoice(_Wire):
    id: Annotated[str, Field(pattern=r"^invoice_.+$")]
    status: str
    invoice_number: str | None = None
    e_invoice_status: str | None = None
    currency: str | None = None
    recipient_identifier: str | None = None
    lines: Annotated[tuple[_InvoiceLine, ...], BeforeValidator(_or_empty)] = ()
    discounted_subtotal_amount: _Amount | None = None
    total_vat_amount: _Amount | None = None
    total_amount: _Amount | None = None
    amount_due: _Amount | None = None
    metadata: Any = None

    @property
    def word(self) -> str:
        return self.status.replace("_", "-")


class _Link(_Wire):
    href: str


class _Links(_Wire):
    next: _Link | None = None


class _Embedded(_Wire):
    sales_invoices: Annotated[tuple[_Item, ...], Field(alias="sales_invoices")]


class _Page(_Wire):
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


class _Error(_Wire):
    title: str | None = None
    detail: str | None = None
    field: str | None = None

    def problem(self) -> FieldProblem:
        message = self.detail or self.title or ""
        return FieldProblem(field=_word(self.field or "request"), message=message[:500])


def _refuse(request: Call, answer: Answer) -> NoReturn:
    """Raise what an answer that is no success means. What it says goes into the fields alone."""
    code = str(answer.status)
    if answer.status == httpx.codes.CONFLICT:
        # The same request is still running there: nobody knows yet what becomes of it.
        kind = UnknownOutcome if request.changes else Unavailable
        raise kind(f"{NAME} is still busy with the same request ({request.name})", code=code)
    denied = answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
    what = "the credentials of this account for" if denied else "to"
    sentence = f"{NAME} refuses {what} {request.name} (HTTP {code})"
    raise Rejected(sentence, code=code, fields=_told(answer))


def _told(answer: Answer) -> tuple[FieldProblem, ...]:
    try:
        return (_Error.model_validate(answer.body).problem(),)
    except ValidationError:
        return ()


def _parse(model: type[_Parsed], data: Any, request: Call) -> _Parsed:
    try:
        return model.model_validate(data)
    except ValidationError:
        raise unclear(request, "is not what was expected") from None


def _reference(metadata: Any) -> Any:
    return metadata.get(REFERENCE) if isinstance(metadata, Mapping) else None


def _is_twin(item: _Item, context: _Context) -> bool:
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
        and STATUSES.get(str(item.get("status"))) is not Stage.CREDITED
    )


def _snapshot(invoice: _Invoice, context: _Context) -> Snapshot:
    words = (invoice.status, invoice.e_invoice_status)
    return Snapshot(
        provider_id=invoice.id,
        stage=_stage(invoice, context.sends),
        payment=_payment(invoice),
        status=" · ".join(_word(word) for word in words if word),
        number=invoice.invoice_number or None,
        echo=_echo(invoice),
        problems=_problems(invoice),
        reference=stated(_reference(invoice.metadata)),
    )


def _stage(invoice: _Invoice, sends: bool) -> Stage | None:
    """An invoice with a number is final, whatever became of it in the e-invoicing network."""
    stage = STATUSES.get(invoice.word)
    if stage is Stage.FAILED:
        return Stage.APPROVED if invoice.invoice_number else Stage.FAILED
    if stage not in (Stage.APPROVED, Stage.SENDING):
        return stage
    if not invoice.invoice_number:
        return Stage.APPROVING
    if stage is Stage.APPROVED and invoice.e_invoice_status:
        return E_INVOICE.get(invoice.e_invoice_status)
    return Stage.SENT if stage is Stage.APPROVED and sends else stage


def _payment(invoice: _Invoice) -> PaymentStatus:
    status = PAYMENTS.get(invoice.word, PaymentStatus.UNKNOWN)
    due, total = invoice.amount_due, invoice.total_amount
    partly = due is not None and total is not None and 0 < due.value < total.value
    return PaymentStatus.PARTLY_PAID if partly and status is PaymentStatus.UNPAID else status


def _problems(invoice: _Invoice) -> tuple[FieldProblem, ...]:
    if "failed" not in (invoice.status, invoice.e_invoice_status):
        return ()
    message = "the e-invoicing network did not deliver the invoice"
    return (FieldProblem(field="eInvoiceStatus", message=message),)


def _echo(invoice: _Invoice) -> Echo:
    net, gross = invoice.discounted_subtotal_amount, invoice.total_amount
    return Echo(
        currency=_currency(invoice),
        net=net.value if net else None,
        vat=_vat(invoice),
        gross=gross.value if gross else None,
        buyer=invoice.recipient_identifier,
        number=invoice.invoice_number or None,
    )


def _currency(invoice: _Invoice) -> str | None:
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


def _vat(invoice: _Invoice) -> dict[str, Decimal] | None:
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


def _word(text: str) -> str:
    """A word or path of theirs; anything that could be free text stays out of ids and statuses."""
    return text if _WORD.fullmatch(text) else "?"


_WORD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,80}")


# --- webhooks -------------------------------------------------------------------------------------

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


def _event(raw: bytes) -> Event:
    """An event has an id of its own. The invoice itself has none as news: there the whole of it is
    the name, which a change to it changes."""
    body = webhooks.parsed(NAME, raw)
    if body.get("resource") == RESOURCE:
        return Event(id=webhooks.digest(raw), kind=RESOURCE, body=body)
    event_id = body.get("id")
    if not isinstance(event_id, str) or not _WORD.fullmatch(event_id):
        raise Unreadable(f"{NAME}: a webhook that is neither an event nor an invoice")
    at = webhooks.moment(body.get("createdAt"))
    return Event(id=event_id, kind=webhooks.text(body.get("type")), at=at, body=body)
