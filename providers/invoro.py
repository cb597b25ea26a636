"""Invoro: electronic invoices over Peppol, KSeF or e-mail.

Page: https://docs.invoro.eu/api-reference/operations/invoiceapistore/

Stated there: the body of create with all its limits, amounts as integer cents, `calculate_totals`,
that a new invoice is a draft, that its number is drawn from a series when it is *sent* unless the
caller brings one, the words of `state`, every field of the answer.

Public (the vendor's other pages): the base address, both ways of sending the key, the routes for
reading, listing, sending and deleting, the exact `invoice_number` filter, 15 per page,
`header.document_type` and its categories, the Peppol look-up, the errors, the rate limit and its
headers, the signature of webhooks. There is no route that approves or cancels, and none that
credits: a credit note is an invoice of type 381 that is created and sent like any other.

Sending is therefore both: `approve` posts to the `send` route and reports `sending`; the workflow's
own step of sending finds nothing left to do but wait.

Inferred: VAT is rounded per category and rate (EN 16931); `name` and `legal_name` are one thing;
days are written as midnight UTC, which is the same day everywhere this provider works; `cancelled`
means that nothing is alive any more; `ubl_json` has the shape of create's body, and a list states
it too; `related_invoice_id` of a credit note is the invoice that it takes back.

Unknown, therefore a setting: whether `approved` is a draft that somebody approved in the app or one
that is on its way; whether `amount` is the gross or what is left to pay; where
`invoice_number_series` is written; whether the figures in `ubl_json` are cents as well; which date
the list's `from_date` means (so it is used only with a margin, and only where asked for). Unknown
too: for how long a call whose answer was lost may still take effect (the port's default), and
whether a 429 was given before anything was done (only reading calls believe it); the words of
`payment_status`, which are shown and decide nothing; whether a network ever reports `delivered`:
where it does not, `sent` can be made to count as delivered; what the body of a webhook looks like
but for its `event` and `timestamp`, so that the invoice's id is looked for in several places.

Our reference is a line of text, the mark, in one of three places where a create may write it. An
invoice that carries our mark anywhere states our reference. One that carries another's mark in one
of these places states what stands there. With the option `mark=none` nothing is stated, for then a
line that looks like a mark is the caller's own.
"""

from __future__ import annotations

import binascii
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from uuid import UUID

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_extra_types.country import CountryAlpha2

from invoicing.document import (
    Address,
    Adjustment,
    Bic,
    Code,
    Contact,
    Delivery,
    Document,
    DocumentAdjustment,
    Iban,
    Identifier,
    Line,
    Party,
    Payment,
    Period,
    Text,
    Vat,
    VatCategory,
)
from invoicing.errors import (
    FieldProblem,
    ProviderError,
    Rejected,
    Unavailable,
    Unreadable,
)
from invoicing.model import Recorded, Typed
from invoicing.money import Currency, Number, exactly, minor_units, plain, rounded
from invoicing.provider import (
    CreateCall,
    Echo,
    Event,
    Figure,
    Found,
    LookUp,
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
from invoicing.provider import Delivery as WebhookDelivery
from invoicing.request import Goal, InvoiceRequest
from invoicing.totals import Totals, totals
from providers import webhooks
from providers.checks import Mistakes, parsed, refuse_given, stated
from providers.http import (
    Answer,
    BaseUrl,
    Call,
    HeaderSecret,
    Json,
    encode,
    exchange,
    retry_after,
    slowed,
    unclear,
)

NAME = "Invoro"
MAX_PAGES = 200
_Parsed = TypeVar("_Parsed", bound=BaseModel)
_Given = TypeVar("_Given")
_Written = TypeVar("_Written")


# --- settings -------------------------------------------------------------------------------------


class InvoroSettings(Typed):
    """One company's key. A test key (`ak_test_…`) sees test invoices only and delivers nothing."""

    base_url: BaseUrl = "https://api.invoro.eu/invoice-api"
    api_key: HeaderSecret
    key_header: Literal["bearer", "x_api_key"] = "bearer"
    """Both are documented: `Authorization: Bearer …` and `X-Api-Key: …`."""
    webhook_secrets: webhooks.WebhookSecrets = ()
    """Those in force, separated by commas; without one no webhook is believed."""
    webhook_hours: Annotated[float, Field(gt=0)] = 24.0
    """How old an event may be when it arrives: it is tried again for 20 minutes."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    mark_label: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "Our reference"
    """Stands before our reference where an invoice carries it."""
    search_days: Annotated[int, Field(ge=1)] | None = None
    """How far the list is searched back from the issue date or the day of planning, whichever is
    earlier; None searches all of it. Only invoices that a series numbers are searched for."""
    sent_counts_as_delivered: bool = False
    """For networks that never report a delivery; a request can say otherwise."""
    approved_means: Literal["a_draft", "on_its_way"] = "a_draft"
    """Unknown: whether `approved` still waits for being sent, or is past that."""
    amount_means: Literal["gross", "due"] = "gross"
    """Unknown: whether `amount` is before or after what was prepaid and rounded."""
    series_at: Literal["both", "header", "top"] = "both"
    """Unknown: where `invoice_number_series` is written. A series that is not read would go
    unnoticed, a field too many would be refused aloud; hence both."""
    ubl_figures: Literal["cents", "ignored"] = "cents"
    """Unknown: how `ubl_json` counts. `ignored` compares `amount` and `currency` alone and leaves
    crediting to people, because a credit note is written from it."""

    @property
    def is_live(self) -> bool:
        """Whether the key says that it is for real invoices: then test events are samples."""
        return self.api_key.get_secret_value().startswith("ak_live_")

    def key(self) -> dict[str, str]:
        """The header that carries the key."""
        value = self.api_key.get_secret_value()
        if self.key_header == "x_api_key":
            return {"X-Api-Key": value}
        return {"Authorization": f"Bearer {value}"}


# --- options --------------------------------------------------------------------------------------


Upto10 = Annotated[str, StringConstraints(min_length=1, max_length=10)]
Upto50 = Annotated[str, StringConstraints(min_length=1, max_length=50)]
Upto100 = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Upto255 = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Upto500 = Annotated[str, StringConstraints(min_length=1, max_length=500)]


def _last_digits(value: str) -> str:
    if sum(character.isdigit() for character in value) > 10:
        raise ValueError("give the last 4 to 6 digits only, as EN 16931 asks (BT-87)")
    return value


def _base64(value: str) -> str:
    try:
        b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be Base64") from None
    return value


class _Some(Typed):
    """Something in which at least one field is given."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_dump(exclude_none=True, exclude_defaults=True):
            raise ValueError(f"give at least one of {', '.join(type(self).model_fields)}")
        return self


class TaxRegistration(Typed):
    """BT-32: a number at a tax office that is no VAT number."""

    scheme: Upto10 | None = None
    value: Upto255


class BankAccount(_Some):
    """BG-17."""

    iban: Iban | None = None
    bic: Bic | None = None
    account_name: Upto255 | None = None


class Card(_Some):
    """BG-18."""

    pan: (
        Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_last_digits)]
        | None
    ) = None
    network: Upto50 | None = None
    holder_name: Upto255 | None = None


class DirectDebit(_Some):
    """BG-19."""

    mandate_id: Upto255 | None = None
    debited_account: Upto255 | None = None


class PaymentMeans(_Some):
    """BG-16: one more way to pay, beside the document's own."""

    means_code: Upto10 | None = None
    means_text: Upto255 | None = None
    payment_id: Upto255 | None = None
    bank_accounts: tuple[BankAccount, ...] = ()
    card: Card | None = None
    direct_debit: DirectDebit | None = None


class Attachment(Typed):
    """BG-24: a file, or where one is found."""

    filename: Upto255 | None = None
    mime_type: Upto100 | None = None
    description: Upto255 | None = None
    data: Annotated[str, AfterValidator(_base64)] | None = None
    external_reference: Upto500 | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.data is None and self.external_reference is None:
            raise ValueError("give data or external_reference")
        return self


class Classification(Typed):
    """BT-158."""

    list_id: Upto50 | None = None
    list_version: Upto50 | None = None
    value: Upto255


class Attribute(Typed):
    """BG-32."""

    name: Upto255
    value: Upto255


class LineOptions(Typed):
    """What a line has here and not in the document."""

    origin_country: CountryAlpha2 | None = None
    classifications: tuple[Classification, ...] = ()
    attributes: tuple[Attribute, ...] = ()


DocumentType = Literal[
    "invoice",
    "ublbe_invoice",
    "nlcius_invoice",
    "xrechnung_ubl_invoice",
    "xrechnung_cii_invoice",
    "credit_note",
    "ublbe_credit_note",
    "nlcius_credit_note",
    "xrechnung_ubl_credit_note",
]


class InvoroOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document.

    `mark` says where the invoice carries our reference; `none` is possible with a number of our
    own, which then alone identifies it. `lines` go by line id, over `line_defaults`.
    """

    calculate_totals: StrictBool = False
    """Whether the provider adds up; its figures are compared with ours either way."""
    business_entity_id: UUID | None = None
    related_invoice_id: UUID | None = None
    invoice_number_series: Upto255 | None = None
    credit_note_number: Upto255 | None = None
    credit_note_series: Upto255 | None = None
    document_type: DocumentType | None = None
    invoice_type_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")] | None = None
    specification: Upto500 | None = None
    business_process: Upto500 | None = None
    vat_currency: Currency | None = None
    tender_or_lot_reference: Upto255 | None = None
    rounding_amount: Number | None = None
    """BT-114, in the document's currency: added to what is due."""
    period_description: Upto255 | None = None
    legal_information: Text | None = None
    """BT-33, of the seller."""
    seller_tax_registration: TaxRegistration | None = None
    buyer_tax_registration: TaxRegistration | None = None
    means_text: Upto255 | None = None
    debited_account: Upto255 | None = None
    payments: tuple[PaymentMeans, ...] = ()
    payment_layout: Literal["list", "single"] = "list"
    """`single` writes the one way to pay in the older, flat form."""
    attachments: tuple[Attachment, ...] = ()
    line_defaults: LineOptions = LineOptions()
    lines: dict[Code, LineOptions] = {}
    mark: Literal["note", "buyer_reference", "sales_order", "none"] = "note"
    peppol_look_up: StrictBool = False
    """Whether the buyer must be found on the Peppol network before anything is created."""
    sent_counts_as_delivered: StrictBool | None = None

    def line(self, line: Line) -> LineOptions:
        """The defaults with what this line says for itself."""
        own = self.lines.get(line.id, LineOptions())
        said = {name: getattr(own, name) for name in own.model_fields_set}
        return self.line_defaults.model_copy(update=said)

    def type_code(self, document: Document) -> str:
        """BT-3, UNCL1001."""
        return self.invoice_type_code or TYPE_CODES[document.type]


class _Context(Recorded):
    """What later calls need of the request; `credit_note_id` comes from `credit`."""

    number: str | None = None
    mark: str | None = None
    credit_mark: str = ""
    credit_number: str | None = None
    credit_series: str | None = None
    credit_note_id: str | None = None
    prepaid: int = 0
    rounding: int = 0
    sent_is_delivered: bool = False
    search_from: str | None = None

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_defaults=True)


# --- tables ---------------------------------------------------------------------------------------

INVOICES = "/invoices"
INVOICE = "/invoices/{id}"

STATES = {
    "draft": Stage.DRAFTED,
    "approved": Stage.DRAFTED,  # or approving, see the settings
    "sending": Stage.SENDING,
    "sent": Stage.SENT,
    "delivered": Stage.DELIVERED,
    "failed": Stage.FAILED,
    "cancelled": Stage.DELETED,
}

TYPE_CODES = {"invoice": "380", "credit_note": "381"}

CREDIT_PROFILES = {
    "invoice": "credit_note",
    "ublbe_invoice": "ublbe_credit_note",
    "nlcius_invoice": "nlcius_credit_note",
    "xrechnung_ubl_invoice": "xrechnung_ubl_credit_note",
}
"""The credit note's profile for an invoice's; CII has none: there the company's default holds."""

EXEMPTIONS = {
    VatCategory.REVERSE_CHARGE: "Reverse charge",
    VatCategory.INTRA_COMMUNITY: "Intra-community supply",
    VatCategory.EXPORT: "Export outside the EU",
    VatCategory.OUTSIDE_SCOPE: "Not subject to VAT",
}
"""In words: the codes VATEX-EU-AE and VATEX-EU-IC are longer than the 10 characters allowed."""

PAYEE_UNSAID = dict.fromkeys(
    ("trading_name", "vat_number", "identifiers", "electronic_address", "address", "contact"),
    "has no place here: a payee has a name and a registration",
)

IGNORED = {
    "given_name": "a party's name says it",
    "family_name": "likewise",
    "type": "an electronic invoice does not say whether its buyer is a business",
    "language": "an electronic invoice has none",
    "account_number": "the provider keeps no customers",
}
"""What a party may carry and this provider is knowingly not told, and why that loses nothing."""

IGNORED_ANSWERS = {
    "company_id": "the key belongs to one company",
    "user_id": "who holds the key does not matter",
    "ubl_version": "how it is written down there does not matter",
    "updated_at": "the state says what has changed",
}
"""Fields of an answer that are knowingly not read."""


# --- the adaptor ----------------------------------------------------------------------------------


class Invoro:
    """The verbs of `invoicing.provider.Provider` for one company."""

    Settings: ClassVar[type[BaseModel]] = InvoroSettings
    Options: ClassVar[type[BaseModel]] = InvoroOptions
    name = "invoro"
    calls_per_second = 100
    """As stated, per key."""

    def __init__(self, settings: InvoroSettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port."""
        mistakes = Mistakes()
        options = parsed(InvoroOptions, request.options, "options", mistakes) or InvoroOptions()
        _check(request, options, mistakes)
        mistakes.settle(NAME)
        document = request.document
        return Plan(
            totals=totals(document, "category"),
            # The rest stands in `ubl_json`, which may be missing; compared where it is stated.
            echoes=(Figure.CURRENCY, Figure.GROSS),
            look_ups=_look_ups(document, options),
            find_first=document.number is not None,
            credits=document.type == "invoice" and self._settings.ubl_figures == "cents",
            sent_by="approve",
            # To credit takes four calls and a search.
            call_timeout=timedelta(seconds=6 * self._settings.timeout),
            buyer=document.buyer.name,
            context=_first_context(request, options, self._settings).given(),
        )

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port. The recipient must be on the network; nothing else is taken from there."""
        if call.look_up.name != "recipient":
            raise Rejected(f"{NAME}: there is no look-up called {call.look_up.name}")
        query = _RecipientQuery.model_validate(call.look_up.query)
        request = self._request("recipient", "POST", "/peppol/lookup", json={"query": query.value})
        if _parse(_Participant, _data(await self._ask(request)), request).found:
            return Found()
        problem = FieldProblem(field=query.field, message="is not known on the Peppol network")
        raise Rejected(f"{NAME}: the recipient is not on the Peppol network", fields=[problem])

    async def find(self, target: Target) -> Search:
        """See the port. By the number if it is ours, in one call, else by our mark in all pages."""
        context = _Context.model_validate(target.context)
        if context.number:
            return await self._by_number(target, context.number, context)
        found, complete = [], True
        async for invoice in self._pages("find", _since(context.search_from)):
            if invoice is None or (invoice.is_live and invoice.ubl_json is None):
                complete = False
            elif invoice.is_live and invoice.mentions(context.mark):
                found.append(self._snapshot(invoice, context, target))
        return Search(invoices=tuple(found), complete=complete)

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. Nothing leaves the house with it: a draft has no number of a series yet."""
        context = _Context.model_validate(call.target.context)
        body = _encoded(call, context, self._settings)
        request = self._request("create", "POST", INVOICES, changes=True, json=body)
        return self._snapshot(await self._invoice(request), context, call.target)

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Events are hints. Once a credit note is on its way, it is looked at too."""
        context = _Context.model_validate(call.target.context)
        invoice = await self._read(_id(call.target))
        if invoice is None:
            return Snapshot(provider_id=_id(call.target), stage=Stage.DELETED)
        snapshot = self._snapshot(invoice, context, call.target)
        note = await self._read(context.credit_note_id) if context.credit_note_id else None
        return self._credited(snapshot, note) if note else snapshot

    async def approve(self, target: Target) -> Snapshot:
        """See the port. There is no other way to make it final than to send it: `sending`."""
        return await self._send("approve", target)

    async def send(self, target: Target) -> Snapshot:
        """See the port. The same call; the workflow comes here only with what it finds approved."""
        return await self._send("send", target)

    async def delete(self, target: Target) -> Snapshot:
        """See the port. Only drafts can be; one that is no longer there is deleted."""
        gone = Snapshot(provider_id=_id(target), stage=Stage.DELETED)
        try:
            await self._ask(self._about("delete", "DELETE", INVOICE, gone.provider_id))
        except Rejected as error:
            if error.code != "404":
                raise
        return gone

    async def credit(self, target: Target) -> Snapshot:
        """See the port: a credit note over all of it, `credited` once that is sent.

        A credit note that refers to the invoice is looked for first, so that an attempt whose end
        is not known is taken up where it stopped and never made twice.
        """
        context = _Context.model_validate(target.context)
        try:
            invoice = await self._creditable(target, context)
            note = await self._credit_note_of(invoice, context)
        except Unreadable as error:
            # Certainly nothing has been changed so far.
            raise Unavailable(error.message, code=error.code) from None
        if note is None:
            body = _credit_note(invoice, target.reference, context, self._settings)
            request = self._request("credit", "POST", INVOICES, changes=True, json=body)
            note = await self._invoice(request)
        _same_figures(invoice, note)
        stage = self._told(note, context)
        if stage is None:
            raise Unavailable(f"{NAME} does not say how far the credit note is")
        if stage in _UNSENT:
            note = await self._invoice(self._about("credit", "POST", f"{INVOICE}/send", note.id))
        snapshot = self._credited(self._snapshot(invoice, context, target), note)
        found = {"context": {"credit_note_id": note.id}, "keys": (note.id,)}
        return snapshot.model_copy(update=found)

    async def check(self) -> None:
        """See the port. The first page of the list."""
        await self._ask(self._request("check", "GET", INVOICES))

    def receive(self, delivery: WebhookDelivery) -> tuple[Event, ...]:
        """See the port. One each; the signature brings no time, but the body does."""
        settings = self._settings
        signature = delivery.headers.get(SIGNATURE, "")
        if not signature_fits(delivery.body, signature, settings.webhook_secrets):
            raise webhooks.forged(NAME)
        event = _event(delivery)
        limit = timedelta(hours=settings.webhook_hours)
        webhooks.check_age(NAME, event.at, delivery.received, limit)
        return (event,)

    async def about(self, event: Event) -> Subject:
        """See the port. By the id of the invoice or of the credit note over it, then its number;
        `read` fetches both, so nothing else of the event is needed."""
        if event.body.get("is_test") is True and self._settings.is_live:
            return Subject()
        keys = _keys(event)
        if not keys and event.kind.startswith("invoice."):
            raise Unreadable(f"{NAME}: an event about an invoice that does not say which")
        return Subject(keys=keys)

    # finding

    async def _by_number(self, target: Target, number: str, context: _Context) -> Search:
        """A live invoice with our number and not our mark is somebody else's: a person decides. One
        that a person has chosen before is ours unless it carries the mark of another reference."""
        found, complete = [], True
        async for invoice in self._pages("find", {"invoice_number": number}):
            if invoice is None:
                complete = False
            elif not invoice.is_live:
                continue
            elif invoice.mentions(context.mark) or self._is_chosen(invoice, context, target):
                found.append(self._snapshot(invoice, context, target))
            elif invoice.ubl_json is None:
                complete = False
            else:
                problem = FieldProblem(field="document.number", message="is another invoice's")
                raise Rejected(f"{NAME}: the number is taken", fields=[problem])
        return Search(invoices=tuple(found), complete=complete)

    def _is_chosen(self, invoice: _Invoice, context: _Context, target: Target) -> bool:
        chosen = invoice.id == target.provider_id
        return chosen and self._reference(invoice, context, target) in (None, target.reference)

    async def _pages(self, name: str, query: Mapping[str, str]) -> AsyncIterator[_Invoice | None]:
        """Every invoice of a list, each once; at last None if the list was not seen to its end.

        Only an empty page or a stated last page ends it: how many make a full page may change.
        """
        seen: set[str] = set()
        for number in range(1, MAX_PAGES + 1):
            request = self._request(
                name, "GET", INVOICES, query={**query, "page": str(number)} if number > 1 else query
            )
            page = _parse(_Page, await self._ask(request), request)
            fresh = {one.id: one for one in page.data if one.id not in seen}
            for invoice in fresh.values():
                yield invoice
            seen |= fresh.keys()
            if not page.data or (page.last_page is not None and number >= page.last_page):
                return
            if not fresh:
                break
        yield None

    # crediting

    async def _creditable(self, target: Target, context: _Context) -> _Invoice:
        invoice = await self._read(_id(target))
        stage = self._told(invoice, context) if invoice else Stage.DELETED
        if stage is Stage.SENDING:
            raise Unavailable(f"{NAME}: it is still being sent and can be credited after that")
        if invoice is None or stage is None or not stage.reached(Stage.SENT):
            raise Rejected(f"{NAME}: only an invoice that was sent can be credited")
        return invoice

    async def _credit_note_of(self, invoice: _Invoice, context: _Context) -> _Invoice | None:
        """The live credit note over this invoice, whoever made it; it cannot be older than it."""
        found = [one async for one in self._pages("credit", _since(invoice.created_on))]
        if None in found:
            raise Rejected(f"{NAME}: too many invoices to tell whether it was credited before")
        notes = [one for one in found if one and one.is_live and one.credits(invoice, context)]
        done = [one for one in notes if self._stage(one, context) not in _UNSENT]
        if len(done or notes) > 1:
            raise Rejected(f"{NAME}: several credit notes refer to it")
        return next(iter(done or notes), None)

    def _credited(self, snapshot: Snapshot, note: _Invoice) -> Snapshot:
        """The invoice's own stage until its credit note is sent."""
        told, stage = self._snapshot(note, _Context(), None), self._told(note, _Context())
        sent = stage is not None and stage.reached(Stage.SENT)
        status = f"{snapshot.status} · credit note {told.status}"
        update = {"status": status, "problems": told.problems or snapshot.problems}
        if sent and snapshot.stage is not Stage.DELETED:
            update["stage"] = Stage.CREDITED
        return snapshot.model_copy(update=update)

    # what an answer means

    def _stage(self, invoice: _Invoice, context: _Context) -> Stage | None:
        """No invoice is sent without a number: one that says so is still on its way, or a draft."""
        stage = self._told(invoice, context)
        unfinished = stage is not None and stage.reached(Stage.SENT) and invoice.lacks_number
        return Stage.SENDING if unfinished else stage

    def _told(self, invoice: _Invoice, context: _Context) -> Stage | None:
        if invoice.deleted_at:
            return Stage.DELETED
        if invoice.state == "approved" and self._settings.approved_means == "on_its_way":
            return Stage.APPROVING
        if invoice.state == "sent" and context.sent_is_delivered:
            return Stage.DELIVERED
        return STATES.get(invoice.state)

    def _snapshot(self, invoice: _Invoice, context: _Context, target: Target | None) -> Snapshot:
        """Without a target nothing is said about whose invoice it is."""
        words = (invoice.state, invoice.delivery_network_id, invoice.payment_status)
        shown = [_word(word) for word in words if word]
        return Snapshot(
            provider_id=invoice.id,
            stage=self._stage(invoice, context),
            payment=self._payment(invoice, context),
            status=" · ".join([*shown, "test"] if invoice.is_test else shown),
            number=invoice.number,
            echo=self._echo(invoice, context),
            problems=invoice.failures,
            reference=self._reference(invoice, context, target) if target else None,
        )

    def _reference(self, invoice: _Invoice, context: _Context, target: Target) -> str | None:
        """The caller's own reference if our mark is there; else what another's mark says."""
        if context.mark is None:
            return None
        if invoice.mentions(context.mark):
            return target.reference
        label = f"{self._settings.mark_label}: "
        lines = (line for text in invoice.marked for line in text.splitlines())
        told = (line.removeprefix(label) for line in lines if line.startswith(label))
        return stated(next(told, None))

    def _payment(self, invoice: _Invoice, context: _Context) -> PaymentStatus:
        gross, paid = self._gross(invoice, context), invoice.total_paid_cents
        if gross is None or paid is None:
            return PaymentStatus.UNKNOWN
        if paid <= 0:
            return PaymentStatus.UNPAID
        due = gross - context.prepaid + context.rounding
        return PaymentStatus.PAID if paid >= due else PaymentStatus.PARTLY_PAID

    def _gross(self, invoice: _Invoice, context: _Context) -> int | None:
        if invoice.amount is None or self._settings.amount_means == "gross":
            return invoice.amount
        return invoice.amount + context.prepaid - context.rounding

    def _echo(self, invoice: _Invoice, context: _Context) -> Echo:
        echo = Echo(currency=invoice.currency, gross=_amount(self._gross(invoice, context)))
        names = {"buyer": _text(invoice.at("buyer", "name")), "number": invoice.number}
        if self._settings.ubl_figures == "ignored":
            return echo.model_copy(update=names)
        net = _amount(invoice.at("totals", "tax_exclusive_amount"))
        vat = _vat(invoice.at("tax_breakdown"))
        return echo.model_copy(update={**names, "net": net, "vat": vat})

    # calls

    async def _send(self, name: str, target: Target) -> Snapshot:
        context = _Context.model_validate(target.context)
        invoice = await self._invoice(self._about(name, "POST", f"{INVOICE}/send", _id(target)))
        told = self._snapshot(invoice, context, target)
        # It is validated and queued before the answer; the state may lag behind.
        behind = told.stage is not None and Stage.SENDING.reached(told.stage)
        return told.model_copy(update={"stage": Stage.SENDING}) if behind else told

    async def _read(self, invoice_id: str) -> _Invoice | None:
        """None when there is none with this id."""
        request = self._request("read", "GET", INVOICE, id=invoice_id)
        try:
            invoice = await self._invoice(request)
        except Rejected as error:
            if error.code == "404":
                return None
            raise
        if invoice.direction == "incoming":
            raise Rejected(f"{NAME}: this is an invoice that was received, not one of ours")
        return invoice

    async def _invoice(self, request: Call) -> _Invoice:
        """The one invoice an answer holds; it must be the one that was asked about."""
        invoice = _parse(_Invoice, _data(await self._ask(request)), request)
        if request.ids.get("id", invoice.id) != invoice.id:
            raise unclear(request, "is about another invoice")
        return invoice

    def _about(self, name: str, method: str, route: str, invoice_id: str) -> Call:
        return self._request(name, method, route, changes=True, id=invoice_id)

    def _request(
        self,
        name: str,
        method: str,
        route: str,
        *,
        changes: bool = False,
        id: str | None = None,  # noqa: A002
        query: Mapping[str, str] | None = None,
        json: Json = None,
    ) -> Call:
        return Call(
            provider=NAME,
            name=name,
            method=method,
            base_url=self._settings.base_url,
            route=route,
            changes=changes,
            ids={} if id is None else {"id": id},
            headers=self._settings.key(),
            query=query or {},
            json=json,
            timeout=self._settings.timeout,
            expects=(httpx.codes.TOO_MANY_REQUESTS,),
        )

    async def _ask(self, request: Call) -> Json:
        """The body of a success, whichever 2xx it is; everything else is raised."""
        answer = await exchange(self._http, request)
        if answer.status == httpx.codes.TOO_MANY_REQUESTS:
            raise slowed(NAME, request, _until_reset(answer.headers))
        if not answer.ok:
            raise _refusal(request, answer)
        if isinstance(answer.body, Mapping) and answer.body.get("success") is False:
            raise unclear(request, "says that it went well and that it did not")
        return answer.body


_UNSENT = (Stage.DRAFTED, Stage.FAILED)


# --- planning -------------------------------------------------------------------------------------


def _check(request: InvoiceRequest, options: InvoroOptions, mistakes: Mistakes) -> None:
    document = request.document
    if request.goal is Goal.APPROVED:
        mistakes.unoffered("goal", "it becomes final here by being sent; ask for drafted or sent")
    if minor_units(document.currency) != 2:
        mistakes.unoffered("document.currency", "amounts are counted in cents here; it has none")
    if document.prices_include_vat:
        mistakes.unoffered("document.prices_include_vat", "prices are without VAT here")
    if document.vat_rounding == "line":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per category here")
    _check_type(document, options, mistakes)
    _check_number_and_mark(document, options, mistakes)
    _check_parties(document, options, mistakes)
    _check_money(document, options, mistakes)
    _check_lines(document, options, mistakes)
    for path, value, most in _limited(document):
        if value is not None and len(value) > most:
            mistakes.unoffered(path, f"must have at most {most} characters here")


def _check_type(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    code, profile = options.type_code(document), options.document_type
    if (code == TYPE_CODES["credit_note"]) != (document.type == "credit_note"):
        mistakes.wrong("options.invoice_type_code", f"{code} does not fit {document.type}")
    if profile and code != TYPE_CODES["credit_note" if "credit_note" in profile else "invoice"]:
        mistakes.wrong("options.document_type", f"{profile} is not possible with type {code}")
    if options.period_description and not document.period:
        mistakes.wrong("options.period_description", "the document has no period")


def _check_number_and_mark(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    if document.number and options.invoice_number_series:
        mistakes.wrong("options.invoice_number_series", "is not used: the document has its number")
    if options.credit_note_number and options.credit_note_series:
        mistakes.wrong("options.credit_note_series", "is not used beside credit_note_number")
    if options.mark == "none" and not document.number:
        mistakes.wrong("options.mark", "without a number of its own it could not be found again")
    if options.mark == "buyer_reference" and document.buyer_reference:
        mistakes.wrong("options.mark", "the document has a buyer_reference of its own")
    if options.mark == "sales_order" and document.sales_order:
        mistakes.wrong("options.mark", "the document has a sales_order of its own")
    if options.peppol_look_up and not _recipient(document.buyer):
        message = "needed to look the buyer up, or its vat_number or registration"
        mistakes.wrong("document.buyer.electronic_address", message)


def _check_parties(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    if document.payee:
        refuse_given(document.payee, PAYEE_UNSAID, "document.payee", mistakes)
    if document.delivery and document.delivery.location and document.delivery.location.scheme:
        mistakes.unoffered("document.delivery.location.scheme", "has no place here")
    for name in ("legal_information", "seller_tax_registration"):
        if getattr(options, name) and not document.seller:
            mistakes.wrong(f"options.{name}", "the document names no seller")


def _check_money(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    rounding = options.rounding_amount
    if rounding is not None and rounding != rounded(rounding, document.currency):
        mistakes.wrong("options.rounding_amount", "has more decimals than the currency")
    payment = document.payment or Payment()
    if options.means_text and not document.payment:
        mistakes.wrong("options.means_text", "the document has no payment")
    if options.debited_account and not payment.mandate:
        mistakes.wrong("options.debited_account", "the document's payment has no mandate")
    if options.payment_layout == "single":
        ways = _ways_to_pay(document, options)
        if len(ways) > 1 or any(len(way.bank_accounts) > 1 for way in ways):
            mistakes.wrong("options.payment_layout", "has room for one way to pay, one account")


def _check_lines(document: Document, options: InvoroOptions, mistakes: Mistakes) -> None:
    for line_id in options.lines.keys() - {line.id for line in document.lines}:
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")


def _limited(document: Document) -> Iterator[tuple[str, str | None, int]]:
    """Whatever a document allows more room for than the provider does."""
    for name in ("seller", "buyer", "payee"):
        if party := getattr(document, name):
            yield from _limited_schemes(party, f"document.{name}")
    for index, line in enumerate(document.lines):
        at = f"document.lines[{index}]"
        yield from _limited_vat(line.vat, at)
        yield from _limited_reasons(line.allowances, f"{at}.allowances")
        yield from _limited_reasons(line.charges, f"{at}.charges")
    for kind, adjustments in (("allowances", document.allowances), ("charges", document.charges)):
        yield from _limited_reasons(adjustments, f"document.{kind}")
        for index, adjustment in enumerate(adjustments):
            yield from _limited_vat(adjustment.vat, f"document.{kind}[{index}]")


def _limited_schemes(party: Party, at: str) -> Iterator[tuple[str, str | None, int]]:
    for name in ("registration", "electronic_address"):
        if identifier := getattr(party, name):
            yield f"{at}.{name}.scheme", identifier.scheme, 10
    for index, identifier in enumerate(party.identifiers):
        yield f"{at}.identifiers[{index}].scheme", identifier.scheme, 10


def _limited_vat(vat: Vat, at: str) -> Iterator[tuple[str, str | None, int]]:
    yield f"{at}.vat.exemption_code", vat.exemption_code, 10
    yield f"{at}.vat.exemption_reason", vat.exemption_reason, 255


def _limited_reasons(
    adjustments: Sequence[Adjustment], at: str
) -> Iterator[tuple[str, str | None, int]]:
    for index, adjustment in enumerate(adjustments):
        yield f"{at}[{index}].reason_code", adjustment.reason_code, 10


class _RecipientQuery(Recorded):
    value: str
    field: str


def _recipient(buyer: Party) -> _RecipientQuery | None:
    """The first thing said about the buyer that the network could know it by."""
    for name in ("electronic_address", "vat_number", "registration"):
        if value := getattr(buyer, name):
            text = value if isinstance(value, str) else _qualified(value)
            return _RecipientQuery(value=text, field=f"document.buyer.{name}")
    return None


def _qualified(identifier: Identifier) -> str:
    return f"{identifier.scheme}:{identifier.value}" if identifier.scheme else identifier.value


def _look_ups(document: Document, options: InvoroOptions) -> tuple[tuple[LookUp, ...], ...]:
    query = _recipient(document.buyer) if options.peppol_look_up else None
    return ((LookUp(name="recipient", query=query.model_dump()),),) if query else ()


def _first_context(
    request: InvoiceRequest, options: InvoroOptions, settings: InvoroSettings
) -> _Context:
    document = request.document
    mark = f"{settings.mark_label}: {request.reference}"
    said = options.sent_counts_as_delivered
    return _Context(
        number=document.number,
        mark=None if options.mark == "none" else mark,
        credit_mark=_credit_mark(mark),
        credit_number=options.credit_note_number,
        credit_series=options.credit_note_series,
        prepaid=_cents(document.prepaid),
        rounding=_cents(options.rounding_amount or Decimal(0)),
        sent_is_delivered=settings.sent_counts_as_delivered if said is None else said,
        search_from=_search_from(document, settings),
    )


def _credit_mark(mark: str) -> str:
    return f"{mark} (credit)"


def _search_from(document: Document, settings: InvoroSettings) -> str | None:
    """A day before which our draft has neither been made nor dated, so either meaning will do."""
    if settings.search_days is None:
        return None
    first = min(document.issue_date, _today())
    return (first - timedelta(days=settings.search_days)).isoformat()


# --- encoding -------------------------------------------------------------------------------------


def _encoded(call: CreateCall, context: _Context, settings: InvoroSettings) -> Json:
    """The body of create."""
    document = call.document
    options = InvoroOptions.model_validate(call.options)
    body = {
        "calculate_totals": options.calculate_totals,
        "business_entity_id": _if(options.business_entity_id, str),
        "related_invoice_id": _if(options.related_invoice_id, str),
        "header": _header(document, options, context),
        "seller": _seller(document, options),
        "buyer": _party(document.buyer, options.buyer_tax_registration),
        "payee": _if(document.payee, _payee),
        "payment": _payment(document, options),
        "delivery": _if(document.delivery, _delivery),
        "references": _references(document, options, context),
        "totals": _totals(document, options, call.totals),
        "items": [_item(document, line, options.line(line)) for line in document.lines],
        "allowances": [_adjusted(document, one) for one in document.allowances],
        "charges": [_adjusted(document, one) for one in document.charges],
        "tax_breakdown": _breakdown(document, options, call.totals),
        "attachments": [one.model_dump() for one in options.attachments],
    }
    return _body(body, options.invoice_number_series, settings)


def _body(body: dict[str, Any], series: str | None, settings: InvoroSettings) -> Json:
    """With the series it takes its number from, without what is not given."""
    if series and settings.series_at != "header":
        body = {**body, "invoice_number_series": series}
    if series and settings.series_at != "top":
        body = {**body, "header": {**body["header"], "invoice_number_series": series}}
    written: Json = _pruned(body)
    return written


def _header(document: Document, options: InvoroOptions, context: _Context) -> dict[str, Any]:
    marked = context.mark if options.mark == "buyer_reference" else None
    period = _if(document.period, _period) or {}
    return {
        "specification": options.specification,
        "business_process": options.business_process,
        "document_type": options.document_type,
        "invoice_number": document.number,
        "invoice_type_code": options.type_code(document),
        "issue_date": _moment(document.issue_date),
        "due_date": _if(document.due_date, _moment),
        "tax_point_date": _if(document.tax_point_date, _moment),
        "currency": document.currency,
        "vat_currency": options.vat_currency,
        "accounting_cost": document.accounting_reference,
        "buyer_reference": marked or document.buyer_reference,
        "project_reference": document.project,
        "contract_reference": document.contract,
        "tender_or_lot_reference": options.tender_or_lot_reference,
        "rounding_amount": _if(options.rounding_amount, _cents),
        "notes": _notes(document, options, context),
        "invoice_period": {**period, "description": options.period_description},
    }


def _notes(document: Document, options: InvoroOptions, context: _Context) -> list[str]:
    """All in one: Peppol allows a single note (PEPPOL-EN16931-R002)."""
    lines = [*document.notes, *([context.mark] if context.mark and options.mark == "note" else [])]
    return ["\n".join(lines)] if lines else []


def _seller(document: Document, options: InvoroOptions) -> dict[str, Any] | None:
    if document.seller is None:
        return None
    party = _party(document.seller, options.seller_tax_registration)
    return {**party, "legal_information": options.legal_information}


def _party(party: Party, tax_registration: TaxRegistration | None) -> dict[str, Any]:
    return {
        "endpoint_id": _if(party.electronic_address, _identifier),
        "identifiers": [_identifier(one) for one in party.identifiers],
        "name": party.name,
        "legal_name": party.name,
        "trading_name": party.trading_name,
        "company_id": _if(party.registration, _identifier),
        "vat_number": party.vat_number,
        "tax_registration_id": _if(tax_registration, TaxRegistration.model_dump),
        "address": _if(party.address, _address),
        "contact": _if(party.contact, Contact.model_dump),
    }


def _payee(payee: Party) -> dict[str, Any]:
    return {"name": payee.name, "company_id": _if(payee.registration, _identifier)}


def _identifier(identifier: Identifier) -> dict[str, Any]:
    return {"scheme": identifier.scheme, "value": identifier.value}


def _address(address: Address) -> dict[str, Any]:
    return {
        "street": address.street,
        "additional_line": address.additional,
        "city": address.city,
        "subdivision": address.region,
        "postal_code": address.postal_code,
        "country": str(address.country),
    }


def _ways_to_pay(document: Document, options: InvoroOptions) -> tuple[PaymentMeans, ...]:
    """The document's own first; read as one of ours, so that both are written alike."""
    payment = document.payment or Payment()
    account = {"iban": payment.iban, "bic": payment.bic, "account_name": payment.account_name}
    own = {
        "means_code": payment.means,
        "means_text": options.means_text,
        "payment_id": payment.reference,
        "bank_accounts": [account],
        "direct_debit": {
            "mandate_id": payment.mandate,
            "debited_account": options.debited_account,
        },
    }
    first = _pruned(own)
    return (*([PaymentMeans.model_validate(first)] if first else []), *options.payments)


def _payment(document: Document, options: InvoroOptions) -> dict[str, Any]:
    terms = document.payment.terms if document.payment else None
    ways = [way.model_dump() for way in _ways_to_pay(document, options)]
    if options.payment_layout == "list" or not ways:
        return {"terms": terms, "payments": ways}
    accounts = ways[0].pop("bank_accounts")
    return {"terms": terms, **ways[0], "bank_account": next(iter(accounts), None)}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "date": _if(delivery.actual_date, _moment),
        "location_id": delivery.location.value if delivery.location else None,
        "party_name": delivery.party_name,
        "address": _if(delivery.address, _address),
    }


def _references(document: Document, options: InvoroOptions, context: _Context) -> dict[str, Any]:
    marked = context.mark if options.mark == "sales_order" else None
    return {
        "purchase_order": document.purchase_order,
        "sales_order": marked or document.sales_order,
        "preceding_invoices": [
            {"number": one.number, "issue_date": _if(one.issue_date, _moment)}
            for one in document.precedents
        ],
    }


def _totals(document: Document, options: InvoroOptions, sums: Totals) -> dict[str, Any]:
    """All of them, or where the provider adds up the two that nobody could work out."""
    rounding = options.rounding_amount
    told = {
        "paid_amount": _cents(document.prepaid) or None,
        "payable_rounding_amount": _if(rounding, _cents),
    }
    if options.calculate_totals:
        return told
    return told | {
        "line_extension_amount": _cents(sums.line_net),
        "tax_exclusive_amount": _cents(sums.net),
        "tax_inclusive_amount": _cents(sums.gross),
        "tax_amount": _cents(sums.vat),
        "allowance_total_amount": _cents(sums.allowances),
        "charge_total_amount": _cents(sums.charges),
        "payable_amount": _cents(sums.due) + _cents(rounding or Decimal(0)),
    }


def _item(document: Document, line: Line, options: LineOptions) -> dict[str, Any]:
    price, per = _price(line)
    base = line.price(document.currency)
    return {
        "id": line.id,
        "name": line.name,
        "description": line.description,
        "note": line.note,
        "price": price,
        "quantity": line.quantity,
        "unit_code": line.unit,
        "base_quantity": per,
        **_taxed(line.vat),
        "order_line_reference": line.order_line,
        "accounting_cost": line.accounting_reference,
        "origin_country": _if(options.origin_country, str),
        "period": _if(line.period, _period),
        "identifiers": {
            "standard": _if(line.standard_item_id, _identifier),
            "sellers_item_id": line.seller_item_id,
            "buyers_item_id": line.buyer_item_id,
        },
        "classifications": [one.model_dump() for one in options.classifications],
        "attributes": [one.model_dump() for one in options.attributes],
        "allowances": [_adjustment(document, one, base) for one in line.allowances],
        "charges": [_adjustment(document, one, base) for one in line.charges],
    }


def _price(line: Line) -> tuple[int, Decimal]:
    """Whole cents per so many units: 0.0125 for one is 125 cents for a hundred."""
    with exactly():
        cents = line.unit_price * 100
        exponent = cents.normalize().as_tuple().exponent
        scale = Decimal(10) ** max(0, -int(exponent))
        return int(cents * scale), line.base_quantity * scale


def _taxed(vat: Vat) -> dict[str, Any]:
    return {
        "tax_rate": vat.rate,
        "tax_category": vat.category.value,
        "tax_exemption_reason_code": vat.exemption_code,
        "tax_exemption_reason": _exemption(vat),
    }


def _exemption(vat: Vat) -> str | None:
    if vat.exemption_reason or vat.exemption_code:
        return vat.exemption_reason
    return EXEMPTIONS.get(vat.category)


def _adjustment(document: Document, adjustment: Adjustment, base: Decimal) -> dict[str, Any]:
    return {
        "reason": adjustment.reason,
        "reason_code": adjustment.reason_code,
        "amount": _cents(adjustment.of(base, document.currency)),
        "percentage": adjustment.percent,
        "base_amount": None if adjustment.percent is None else _cents(base),
    }


def _adjusted(document: Document, adjustment: DocumentAdjustment) -> dict[str, Any]:
    """On the document, where a percentage is of the lines with the same VAT."""
    alike = [
        line.amount(document.currency) for line in document.lines if line.vat.same(adjustment.vat)
    ]
    return {
        **_adjustment(document, adjustment, sum(alike, Decimal(0))),
        **_taxed(adjustment.vat),
    }


def _breakdown(
    document: Document, options: InvoroOptions, sums: Totals
) -> list[dict[str, Any]] | None:
    if options.calculate_totals:
        return None
    vats = [line.vat for line in document.lines]
    vats += [one.vat for one in (*document.allowances, *document.charges)]
    said = {(vat.category, plain(vat.rate)): vat for vat in reversed(vats)}
    return [
        {
            "category_code": row.category.value,
            "rate": row.rate,
            "taxable_amount": _cents(row.taxable),
            "tax_amount": _cents(row.vat),
            "exemption_reason": _exemption(said[row.category, plain(row.rate)]),
            "exemption_reason_code": said[row.category, plain(row.rate)].exemption_code,
        }
        for row in sums.vat_rows
    ]


def _credit_note(
    invoice: _Invoice, reference: str, context: _Context, settings: InvoroSettings
) -> Json:
    """The invoice again, as a credit note over itself: what was invoiced, from its `ubl_json`."""
    held = {name: invoice.at(name) for name in _CREDITED}
    number = invoice.number
    if not (number and isinstance(held["header"], Mapping) and held["items"] and held["buyer"]):
        raise Rejected(f"{NAME} does not say what it holds, so it must be credited there by hand")
    issued = _text(held["header"].get("issue_date"))
    body = held | {
        "calculate_totals": not held["totals"],
        "business_entity_id": invoice.business_entity_id,
        "related_invoice_id": invoice.id,
        "header": _credit_header(held["header"], context),
        "references": {
            **(held["references"] if isinstance(held["references"], Mapping) else {}),
            "preceding_invoices": [{"number": number, "issue_date": issued}],
        },
    }
    return _body(body, context.credit_series, settings)


_CREDITED = (
    "header",
    "seller",
    "buyer",
    "payee",
    "payment",
    "delivery",
    "references",
    "totals",
    "items",
    "allowances",
    "charges",
    "tax_breakdown",
)


def _credit_header(header: Mapping[str, Any], context: _Context) -> dict[str, Any]:
    # A credit note is not due, and an invoice of tomorrow cannot be credited today.
    today = max(_today().isoformat(), str(header.get("issue_date") or "")[:10])
    return {
        **header,
        "invoice_type_code": TYPE_CODES["credit_note"],
        "document_type": CREDIT_PROFILES.get(str(header.get("document_type"))),
        "invoice_number": context.credit_number,
        "invoice_number_series": None,
        "issue_date": f"{today}T00:00:00Z",
        "due_date": None,
        "notes": [context.credit_mark],
    }


def _period(period: Period) -> dict[str, Any]:
    return {"start_date": _moment(period.start), "end_date": _moment(period.end)}


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _today() -> date:
    return datetime.now(UTC).date()


def _cents(amount: Decimal) -> int:
    """For amounts that have at most two decimals."""
    with exactly():
        return int(amount * 100)


def _if(value: _Given | None, write: Callable[[_Given], _Written]) -> _Written | None:
    return None if value is None else write(value)


def _pruned(value: Any) -> Any:
    """Without what is None, and without what is empty after that."""
    if isinstance(value, Mapping):
        members = {name: _pruned(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in _NOTHING}
    if isinstance(value, list | tuple):
        return [one for one in map(_pruned, value) if one not in _NOTHING]
    return value


_NOTHING: tuple[Any, ...] = (None, {}, [])


def _since(day: str | None) -> dict[str, str]:
    return {"from_date": day} if day else {}


def _id(target: Target) -> str:
    if not target.provider_id:
        raise Rejected(f"{NAME}: there is no invoice yet")
    return target.provider_id


# --- decoding -------------------------------------------------------------------------------------


class _Wire(BaseModel):
    """What the provider writes; more than we read, null for nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Participant(_Wire):
    found: StrictBool


class _Invoice(_Wire):
    id: Annotated[str, Field(min_length=1)]
    state: str
    direction: str | None = None
    amount: StrictInt | None = None
    currency: str | None = None
    ubl_json: Any = None
    metadata_json: Any = None
    delivery_network_id: str | None = None
    business_entity_id: str | None = None
    related_invoice_id: str | None = None
    payment_status: str | None = None
    total_paid_cents: StrictInt | None = None
    is_test: bool | None = None
    created_at: str | None = None
    deleted_at: str | None = None

    def at(self, *path: str) -> Any:
        """What stands there in `ubl_json`; None where nothing does."""
        value = self.ubl_json
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    @property
    def number(self) -> str | None:
        return _text(self.at("header", "invoice_number"))

    @property
    def lacks_number(self) -> bool:
        """Whether it is shown to have none; False where nothing is shown at all."""
        return isinstance(self.at("header"), Mapping) and self.number is None

    @property
    def created_on(self) -> str | None:
        """The earlier of the days it was made and dated on, less one for time zones."""
        days = (self.created_at, _text(self.at("header", "issue_date")))
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
            and STATES.get(self.state) is not Stage.DELETED
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

    def credits(self, invoice: _Invoice, context: _Context) -> bool:
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
        if STATES.get(self.state) is not Stage.FAILED:
            return ()
        told = self.metadata_json if isinstance(self.metadata_json, Mapping) else {}
        reasons = tuple(
            FieldProblem(field=f"metadata_json.{_word(key)}", message=_said(value))
            for key, value in told.items()
            if value and any(hint in key.lower() for hint in ("error", "fail", "reason"))
        )
        return reasons or (FieldProblem(field="state", message="the provider could not send it"),)


class _Page(_Wire):
    """A page of the list, in either of the two forms that the provider's framework has: the items
    in `data` and the count in `meta`, or both together in `data`."""

    data: tuple[_Invoice, ...]
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


def _data(body: Json) -> Json:
    return body.get("data") if isinstance(body, Mapping) else None


def _parse(model: type[_Parsed], data: Any, request: Call) -> _Parsed:
    try:
        return model.model_validate(data)
    except (ValidationError, AttributeError):
        raise unclear(request, "is not what was expected") from None


def _refusal(request: Call, answer: Answer) -> ProviderError:
    """A 4xx: nothing was done. 422 is also how a key without a company is told."""
    denied = answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
    what = "the key, or what it may do, for" if denied else "to"
    return Rejected(
        f"{NAME} refuses {what} {request.name} (HTTP {answer.status})",
        code=str(answer.status),
        fields=_problems(answer.body),
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


def _until_reset(headers: Mapping[str, str]) -> timedelta | None:
    """Retry-After, else X-RateLimit-Reset: an instant or so many seconds, nobody says which."""
    reset = headers.get("x-ratelimit-reset", "").strip()
    if (stated := retry_after(headers)) or not (reset.isascii() and reset.isdigit()):
        return stated
    seconds = float(reset[:12])
    if seconds > 1_000_000_000:
        seconds -= time.time()
    return timedelta(seconds=min(max(seconds, 1), 3600))


def _same_figures(invoice: _Invoice, note: _Invoice) -> None:
    """Before a credit note is sent, or believed: it takes back exactly what was invoiced."""
    if (invoice.amount, invoice.currency) != (note.amount, note.currency):
        raise Rejected(f"{NAME}: the credit note for it is not over the same amount")


def _amount(cents: Any) -> Decimal | None:
    """Cents as money; anything but a whole number is no statement."""
    if not isinstance(cents, int) or isinstance(cents, bool):
        return None
    with exactly():
        return Decimal(cents) / 100


def _vat(rows: Any) -> dict[str, Decimal] | None:
    """VAT by rate; None unless every row states both."""
    sums: dict[str, Decimal] = {}
    for row in rows if isinstance(rows, list) else ():
        rate = row.get("rate") if isinstance(row, Mapping) else None
        vat = _amount(row.get("tax_amount")) if isinstance(row, Mapping) else None
        if vat is None or not isinstance(rate, int | Decimal):
            return None
        sums[plain(Decimal(rate))] = sums.get(plain(Decimal(rate)), Decimal(0)) + vat
    return sums or None


def _text(value: Any) -> str | None:
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


def _word(text: str) -> str:
    """A word of the provider's; anything that could be free text stays out of ids and statuses."""
    return text if len(text) <= 80 and text.replace("_", "").isalnum() else "?"


# --- webhooks -------------------------------------------------------------------------------------

SIGNATURE = "x-signature-sha256"
EVENT = "x-webhook-event"


def signature_fits(body: bytes, signature: str, secrets: Sequence[SecretStr]) -> bool:
    """Whether `X-Signature-SHA256` is the HMAC of the body, exactly as it came, under one of these.

    Takes as long for a wrong signature as for a right one.
    """
    return webhooks.fits(body, [signature.strip()], secrets, _scheme)


def _scheme(mac: bytes) -> bytes:
    return b"sha256=" + webhooks.as_hex(mac)


def _event(delivery: WebhookDelivery) -> Event:
    """Named as the provider says that duplicates are known: by event, time and invoice."""
    body = webhooks.parsed(NAME, delivery.body)
    # The header is not signed.
    kind = webhooks.text(body.get("event")) or webhooks.text(delivery.headers.get(EVENT))
    stamp = body.get("timestamp")
    event = Event(id=webhooks.digest(delivery.body), kind=kind, at=_at(stamp), body=body)
    keys = _keys(event)
    if stamp is None or not kind or not keys:
        return event
    name = webhooks.digest(kind, str(stamp), keys[0])
    return event.model_copy(update={"id": name})


def _at(stamp: JsonValue) -> datetime | None:
    """ISO 8601 or seconds since 1970: nobody says which."""
    if isinstance(stamp, int | float) and not isinstance(stamp, bool) and 0 < stamp < 1e11:
        return datetime.fromtimestamp(stamp, UTC)
    return webhooks.moment(stamp)


def _keys(event: Event) -> tuple[str, ...]:
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
