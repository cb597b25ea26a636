"""Zero Friction: energy billing; one-off charges as incidental invoices.

Page: https://developer.zerofriction.co/create-incidental-invoice

Stated there: the order of steps, the look-up routes, `data.id` from create, approval that is
answered before it is done, and that it is done when the status is `approved` *and* a number is
there, polled every 2-3 s; a contract brings its property groups; a line needs a tax code whose rate
holds over the line's period.

Public (the page on webhooks): the header of their signature, that `_type` is the event's name in
small letters, and that the ids it is about stand beside it.

Public (OpenAPI documents of the vendor): authentication and headers, the envelope with `success`
and `errors`, error keys, paging by header, all field names, sending, deleting and crediting, the
statuses and the payment words.

Inferred: one line lies in one calendar year and one rate period (from the error keys); unit prices
are without VAT; VAT is rounded per line; `settled` means paid unless a credit note settled it; the
status `approvalfailed` (support pages name that state, the enumeration lacks it); how a credited
invoice and its credit note point at each other in the answer to `credit`.

Unknown, therefore a setting: whether the search covers `externalReference` (unless it is known to,
find goes through the customer's invoices); whether rates are percentages or fractions;
whether a period's end is its last second or the next midnight; where `disableVATCalculation` sits;
singular or plural in one route; whether an approval may also end in `success: false` of a read;
how a webhook's signature is written (hexadecimal or Base64, with or without `sha256=`: each is
taken, for none is easier to forge). Unknown too: for how long a call whose answer was lost may
still take effect (the port's default), and whether a 429 is given before anything is done (only
reading calls believe it).
No currency occurs anywhere: the organisation bills in one, named by the settings.

Our reference is `externalReference`; every answer that shows an invoice states it. That create's
answer does is not promised, and it is read where it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, Inexact, localcontext
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from invoicing.document import Code, Document, Iban, Line, Name, Payment, Period
from invoicing.errors import (
    FieldProblem,
    ProviderError,
    Rejected,
    Unavailable,
    UnknownOutcome,
    Unreadable,
)
from invoicing.model import Recorded, Typed
from invoicing.money import Currency, Number, plain
from invoicing.provider import (
    CreateCall,
    Delivery,
    Echo,
    Event,
    Figure,
    Found,
    LookUp,
    LookUpCall,
    Pace,
    Paces,
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
from invoicing.totals import LineTotal, totals
from providers import webhooks
from providers.checks import Mistakes, parsed, refuse_given, stated
from providers.http import (
    Answer,
    BaseUrl,
    Call,
    HeaderSecret,
    HeaderValue,
    Json,
    Token,
    Tokens,
    exchange,
    unclear,
)

NAME = "Zero Friction"
MAX_PAGES = 100
_Parsed = TypeVar("_Parsed", bound=BaseModel)


# --- settings -------------------------------------------------------------------------------------


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is not a time zone") from None
    return name


class ZeroFrictionSettings(Typed):
    """One organisation at Zero Friction."""

    base_url: BaseUrl = "https://api.zerofriction.co"
    token_url: BaseUrl = (
        "https://login.microsoftonline.com/0frictionprod.onmicrosoft.com/oauth2/v2.0/token"  # noqa: S105
    )
    scope: HeaderValue = "https://0frictionprod.onmicrosoft.com/zf-apigw/.default"
    client_id: HeaderValue
    client_secret: SecretStr
    subscription_key: HeaderSecret
    tenant_id: HeaderValue
    organisation_id: HeaderValue
    currency: Currency = "EUR"
    """The one the organisation bills in; no answer states it."""
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "Europe/Brussels"
    """In which an invoice's days begin and end."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    property_group_route: Literal[
        "PropertyGroupBillingConfigurations", "PropertyGroupBillingConfiguration"
    ] = "PropertyGroupBillingConfigurations"
    """Plural on the page, singular in the OpenAPI document."""
    tax_rate_unit: Literal["percent", "fraction"] = "percent"
    """Unknown: whether 21 % is written 21 or 0.21."""
    period_end: Literal["last_second", "next_midnight"] = "last_second"
    """Unknown; the last second never reaches into the next calendar year."""
    search_covers_reference: bool = False
    """Unknown: whether `flexSearch` finds an `externalReference`. Where it does, `find` stays one
    page long however many invoices a customer has."""
    webhook_secrets: webhooks.WebhookSecrets = ()
    """Those in force, separated by commas; without one no webhook is believed."""
    disable_vat_at: Literal["invoice", "line"] = "invoice"
    """Unknown: where `disableVATCalculation` is written."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def start(self, day: date) -> datetime:
        """The first instant of a day."""
        return datetime.combine(day, time(), self.zone)

    def end(self, day: date) -> datetime:
        """The last instant of a day, as the provider counts it."""
        if self.period_end == "next_midnight":
            return self.start(day + timedelta(days=1))
        return datetime.combine(day, time(23, 59, 59), self.zone)

    def percent(self, rate: Decimal) -> Decimal:
        """A rate of theirs in percent."""
        return rate * 100 if self.tax_rate_unit == "fraction" else rate


# --- options --------------------------------------------------------------------------------------


class _Choice(Typed):
    """One way of naming a thing: exactly one of its fields."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self


class CustomerChoice(_Choice):
    """By id or account number, by exact name, or by a search that must hit exactly one."""

    id: Name | None = None
    account_number: Name | None = None
    name: Name | None = None
    search: Name | None = None


class ContractChoice(_Choice):
    """One of the customer's contracts."""

    id: Name | None = None
    number: Name | None = None


class BankAccountChoice(_Choice):
    """The organisation's own account that the buyer pays to."""

    default: Literal[True] | None = None
    id: Name | None = None
    iban: Iban | None = None
    property_group: Literal[True] | None = None
    """The one configured for the contract's, or the only given, property group."""


class NamedChoice(_Choice):
    """A tax code or a billing item."""

    id: Name | None = None
    name: Name | None = None


class ServiceLocationChoice(_Choice):
    """One of the places that the customer rents."""

    id: Name | None = None
    external_id: Name | None = None


class PropertyGroup(Typed):
    """A group of the organisation's properties that the invoice is counted to."""

    id: Name
    name: Name | None = None


class LineOptions(Typed):
    """What a line has here and nowhere else. Without `tax_code`, the rate decides."""

    tax_code: NamedChoice | None = None
    billing_item: NamedChoice | None = None
    service_location: ServiceLocationChoice | None = None
    line_type: Literal["charge", "advance", "previouslyadvanced", "vatpennydifference"] = "charge"


class ZeroFrictionOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document.

    `customer`: the buyer's account number, else its exact name · `contract`: the document's
    contract, else none · `bank_account`: the payment's IBAN, else the default one ·
    `payment_method`: the payment's means · `lines`: by line id, over `line_defaults`.
    """

    customer: CustomerChoice | None = None
    contract: ContractChoice | None = None
    include_terminated_contracts: StrictBool = False
    bank_account: BankAccountChoice | None = None
    property_groups: tuple[PropertyGroup, ...] = ()
    invoice_type: Literal["incidentalnote", "invoice", "correctionnote", "advance", "endnote"] = (
        "incidentalnote"
    )
    payment_method: Literal["sct", "sdd"] | None = None
    payment_reference: Name | None = None
    disable_vat_calculation: StrictBool = False
    channel: Literal["email", "postal", "mark_sent"] = "email"
    line_defaults: LineOptions = LineOptions()
    lines: dict[Code, LineOptions] = {}

    def line(self, line: Line) -> LineOptions:
        """The defaults with what this line says for itself."""
        own = self.lines.get(line.id, LineOptions())
        said = {name: getattr(own, name) for name in own.model_fields_set}
        return self.line_defaults.model_copy(update=said)


class _Context(Recorded):
    """What later calls need: from the plan its first three, from the look-ups the rest."""

    invoice_date: str = ""
    invoice_type: str = "incidentalnote"
    channel: str = "email"
    customer_id: str | None = None
    bank_account_id: str | None = None
    contract_id: str | None = None
    contract_number: str | None = None
    property_group_ids: tuple[str, ...] = ()
    tax_codes: dict[str, str] = {}
    """By rate and choice, see `_tax_key`."""
    billing_items: dict[str, str] = {}
    service_locations: dict[str, str] = {}

    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_unset=True)


class _TaxWanted(Recorded):
    """One tax code that must hold at `rate` over every one of `periods`; for these `lines`."""

    key: str
    rate: Number
    choice: NamedChoice | None = None
    periods: tuple[Period, ...] = ()
    lines: tuple[int, ...] = ()

    def problems(self, fitting: int) -> Iterator[FieldProblem]:
        count = f"{fitting} tax codes hold" if fitting else "no tax code holds"
        message = f"{count} at {plain(self.rate)} % over its period; name one in the options"
        for index in self.lines:
            yield FieldProblem(field=f"document.lines[{index}].vat.rate", message=message)


class _TaxQuery(Recorded):
    wanted: tuple[_TaxWanted, ...]


class _ContractQuery(Recorded):
    contract: ContractChoice
    terminated: bool = False
    property_group: bool = False
    """Whether the contract's property groups are wanted too."""


# --- tables ---------------------------------------------------------------------------------------

INVOICE = "/api/bill/Invoices/{id}"
SEND_ROUTES = {"email": "send", "postal": "sendviapostal", "mark_sent": "marksent"}
ALL = {"quickFilter": "all"}

PACES = Paces(
    approval=Pace(
        first=timedelta(seconds=2),
        factor=1.2,
        cap=timedelta(minutes=1),
        deadline=timedelta(hours=24),
    )
)

STATUSES = {
    "created": Stage.DRAFTED,
    "approvalinprogress": Stage.APPROVING,
    "approved": Stage.APPROVED,
    "generated": Stage.APPROVED,
    "settled": Stage.APPROVED,
    "generationfailed": Stage.FAILED,
    "approvalfailed": Stage.FAILED,
}

SENT = {
    None: Stage.APPROVED,
    "notsent": Stage.APPROVED,
    "failed": Stage.APPROVED,
    "sending": Stage.SENDING,
    "printing": Stage.SENDING,
    "sent": Stage.SENT,
    "skipped": Stage.SENT,  # somebody decided against sending: nothing more will come
}

PAYMENTS = {
    "paid": PaymentStatus.PAID,
    "paymentrejected": PaymentStatus.REJECTED,
    "readyforpaymentcollection": PaymentStatus.UNPAID,
    "pendingpaymentexport": PaymentStatus.UNPAID,
    "pendingpaymentcollectionconfirmation": PaymentStatus.UNPAID,
    "waitingforpayment": PaymentStatus.UNPAID,
}


class Refusal(StrEnum):
    """What a known error key means; the value is our sentence."""

    REQUEST = "refuses the request"
    STATE = "says the invoice is not in the state for this"
    GONE = "does not know the invoice"
    SENDING = "cannot send the invoice"


# COULD_NOT_GENERATE_INVOICE_NUMBER is missing on purpose: it leaves open how far an approval got.
ERROR_KEYS = {
    "TAXCODE_DOES_NOT_EXIST": Refusal.REQUEST,
    "TAX_CODE_NOT_FOUND": Refusal.REQUEST,
    "NO_TAXCODE_SPECIFIED": Refusal.REQUEST,
    "NO_INVOICE_LINES": Refusal.REQUEST,
    "INVALID_INVOICE_TYPE": Refusal.REQUEST,
    "INVOICE_LINE_SPANS_MULTIPLE_TAX_RATE_PERIODS": Refusal.REQUEST,
    "INVOICE_LINE_SPANS_NO_TAX_RATE_PERIODS": Refusal.REQUEST,
    "INVOICE_LINE_CANNOT_SPAN_MULTIPLE_YEARS": Refusal.REQUEST,
    "BANK_ACCOUNT_NOT_FOUND": Refusal.REQUEST,
    "CUSTOMER_DOES_NOT_EXIST": Refusal.REQUEST,
    "CONTRACT_NOT_FOUND": Refusal.REQUEST,
    "BILLING_ITEM_DOES_NOT_EXIST": Refusal.REQUEST,
    "SERVICELOCATION_DOES_NOT_EXIST": Refusal.REQUEST,
    "SDD_REQUIRES_BANK_ACCOUNT": Refusal.REQUEST,
    "INVOICE_LINE_TYPE_NOT_SUPPORTED": Refusal.REQUEST,
    "PAYMENT_REFERENCE_INVALID": Refusal.REQUEST,
    "DUPLICATE_INVOICE_NUMBER": Refusal.REQUEST,
    "INVOICE_ALREADY_EXISTS": Refusal.REQUEST,
    "COULD_NOT_CREATE_INVOICE": Refusal.REQUEST,
    "COULD_NOT_APPROVE_INVOICE": Refusal.REQUEST,
    "INVOICE_NOT_CREATED_STATUS": Refusal.STATE,
    "INVOICE_NOT_APPROVED_STATUS": Refusal.STATE,
    "INVOICE_NOT_APPROVALINPROGRESS_STATUS": Refusal.STATE,
    "INVOICE_WRONG_STATUS": Refusal.STATE,
    "APPROVED_INVOICES_CANNOT_BE_DELETED": Refusal.STATE,
    "CREATED_INVOICES_CANNOT_BE_CREDITED": Refusal.STATE,
    "INVOICE_IS_ALREADY_CREDITED": Refusal.STATE,
    "CREATED_INVOICE_CANT_BE_PAID": Refusal.STATE,
    "INVOICE_DOES_NOT_EXIST": Refusal.GONE,
    "INVOICE_NOT_FOUND": Refusal.GONE,
    "USER_HAS_NO_EMAIL_ADDRESS": Refusal.SENDING,
    "USER_HAS_NO_POSTAL_ADDRESS": Refusal.SENDING,
    "NO_TEMPLATE_FOR_EMAIL_BODY": Refusal.SENDING,
    "INVOICE_TEMPLATE_NOT_CONFIGURED": Refusal.SENDING,
}
GONE = {"404", *(key for key, refusal in ERROR_KEYS.items() if refusal is Refusal.GONE)}

UNITS = {  # UN/ECE Recommendation 20 → unitOfMeasure, spelled as the provider does
    "C62": "units",
    "H87": "units",
    "EA": "units",
    "WHR": "wh",
    "KWH": "kwh",
    "MWH": "mwh",
    "GWH": "gwh",
    "JOU": "j",
    "KJO": "kj",
    "3B": "mj",
    "GV": "gj",
    "DAY": "day",
    "MON": "month",
    "ANN": "year",
    "LTR": "litre",
    "MTQ": "m3",
    "MQH": "m3_h",
    "CEL": "celcius",
    "KEL": "k",
    "KWT": "kw",
    "ZZ": "none",
}

MEANS = {"30": "sct", "31": "sct", "58": "sct", "49": "sdd", "59": "sdd"}  # UNCL4461

UNSAID = {
    "tax_point_date": "has no place here: the rate follows from each line's period",
    "payee": "has no place here: the bank account decides who is paid",
    "delivery": "has no place here; name a service location in the options instead",
    "buyer_reference": "has no place here; put it into the notes",
    "purchase_order": "has no place here; put it into the notes",
    "sales_order": "has no place here; put it into the notes",
    "project": "has no place here; put it into the notes",
    "accounting_reference": "has no place here",
    "precedents": "has no place here; credit an invoice instead of referring to it",
    "allowances": "has no place here; write it as a line with a negative quantity",
    "charges": "has no place here; write it as a line",
    "prices_include_vat": "prices are without VAT here",
    "prepaid": "has no place here; register the payment instead",
}
LINE_UNSAID = {
    "allowances": "has no place here; lower the price or write it as a line of its own",
    "charges": "has no place here; raise the price or write it as a line of its own",
    "seller_item_id": "has no place here; name a billing item in the options instead",
    "buyer_item_id": "has no place here; put it into the description",
    "standard_item_id": "has no place here; put it into the description",
    "order_line": "has no place here; put it into the description",
    "accounting_reference": "has no place here",
}
PAYMENT_UNSAID = {
    "mandate": "has no place here: the mandate is kept with the customer",
    "terms": "has no place here; put them into the notes",
}
IGNORED = {
    "seller": "the organisation of the account is the seller",
    "buyer": "only its account number or name is used: the customer is kept at the provider",
    "payment.bic": "the organisation's bank account, found by its IBAN, brings its own",
    "payment.account_name": "likewise",
    "lines[].vat.exemption_reason": "what an invoice says about it belongs to the tax code",
    "lines[].vat.exemption_code": "likewise",
    "lines[].vat.category": "the rate or the tax code named in the options decides",
}
"""What a document may carry and this provider is knowingly not told, and why that loses nothing."""


# --- the adaptor ----------------------------------------------------------------------------------


class ZeroFriction:
    """The verbs of `invoicing.provider.Provider` for one organisation."""

    Settings: ClassVar[type[BaseModel]] = ZeroFrictionSettings
    Options: ClassVar[type[BaseModel]] = ZeroFrictionOptions
    name = "zero_friction"

    def __init__(self, settings: ZeroFrictionSettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http
        self._tokens = Tokens(self._fetch_token)

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port."""
        mistakes = Mistakes()
        options = parsed(ZeroFrictionOptions, request.options, "options", mistakes)
        options = options or ZeroFrictionOptions()
        _check(request, options, self._settings, mistakes)
        mistakes.settle(NAME)
        document = request.document
        figures = (Figure.NET, Figure.VAT, Figure.GROSS, Figure.BUYER)
        return Plan(
            totals=totals(document, "line"),
            echoes=(*figures, Figure.NUMBER) if document.number else figures,
            look_ups=_look_ups(document, options),
            find_first=True,
            credits=True,
            paces=PACES,
            # A verb may need a token, see it refused, need another and be repeated.
            call_timeout=timedelta(seconds=4 * self._settings.timeout),
            buyer=_customer(document, options).id,
            context=_first_context(document, options, self._settings).given(),
        )

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port. Every answer must be exactly one thing; only ids go into the context."""
        context = _Context.model_validate(call.target.context)
        query: dict[str, Any] = call.look_up.query
        match call.look_up.name:
            case "customer":
                return await self._customer(CustomerChoice.model_validate(query))
            case "bank account":
                return await self._bank_account(BankAccountChoice.model_validate(query))
            case "tax codes":
                return await self._tax_codes(_TaxQuery.model_validate(query).wanted)
            case "billing items":
                return await self._billing_items(query["names"])
            case "contract":
                return await self._contract(_ContractQuery.model_validate(query), context)
            case "service locations":
                return await self._service_locations(query["external_ids"], context)
            case "property group":
                return await self._property_group(context)
            case unknown:
                raise Rejected(f"{NAME}: there is no look-up called {unknown}")

    async def find(self, target: Target) -> Search:
        """See the port. Nobody says whether the search covers our reference, so unless the settings
        do, all of the customer's invoices of this type are gone through."""
        context = _Context.model_validate(target.context)
        body: dict[str, Json] = {
            "customerId": _looked_up(context.customer_id, "customer"),
            "invoiceType": [context.invoice_type],
        }
        if self._settings.search_covers_reference:
            body["flexSearch"] = target.reference
        return await self._matching(target.reference, body)

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. The answer promises no more than the id."""
        body = _encoded(call, self._settings)
        request = self._request("create", "POST", "/api/bill/Invoices", changes=True, json=body)
        envelope = await self._ask(request)
        created = _parse(_Created, envelope.data, request)
        problems = tuple(error.problem() for error in envelope.errors)
        return Snapshot(
            provider_id=created.id,
            stage=Stage.DRAFTED,
            problems=problems,
            reference=stated(created.external_reference),
        )

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. Events are hints: the invoice itself is always fetched."""
        invoice_id = _id(call.target)
        request = self._request("read", "GET", INVOICE, id=invoice_id)
        try:
            envelope = await self._ask(request)
        except Rejected as error:
            if error.code in GONE:
                return Snapshot(provider_id=invoice_id, stage=Stage.DELETED)
            raise
        invoice = _parse(_Invoice, envelope.data, request)
        if invoice.id != invoice_id:
            raise unclear(request, "is about another invoice")
        return _snapshot(invoice, self._settings, envelope.errors)

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Answered before it is done, so at least `approving`."""
        body: Json = {"invoiceDate": _Context.model_validate(target.context).invoice_date}
        told = await self._act("approve", f"{INVOICE}/approve", target, body)
        return _at_least(Stage.APPROVING, told, target)

    async def send(self, target: Target) -> Snapshot:
        """See the port. The channel decides the route; whether it worked, a read tells."""
        channel = _Context.model_validate(target.context).channel
        told = await self._act("send", f"{INVOICE}/{SEND_ROUTES[channel]}", target)
        return _at_least(Stage.SENDING, told, target)

    async def delete(self, target: Target) -> Snapshot:
        """See the port. A draft that is no longer there is deleted."""
        gone = Snapshot(provider_id=_id(target), stage=Stage.DELETED)
        request = self._request("delete", "DELETE", INVOICE, changes=True, id=gone.provider_id)
        try:
            envelope = await self._ask(request)
        except Rejected as error:
            if error.code in GONE:
                return gone
            raise
        if envelope.data is False:
            raise unclear(request, "does not confirm it")
        return gone

    async def credit(self, target: Target) -> Snapshot:
        """See the port. Until the invoice names its credit note it stays `approved`: on its way."""
        told = await self._act("credit", f"{INVOICE}/credit", target)
        return told or Snapshot(provider_id=_id(target), stage=Stage.APPROVED)

    async def check(self) -> None:
        """See the port. Master data that every organisation has."""
        await self._ask(self._request("check", "GET", "/api/cfg/TaxCodes"))

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """See the port. One each. Neither the signature nor the body says when it was."""
        signature = delivery.headers.get(SIGNATURE, "").strip().removeprefix("sha256=")
        spellings = (webhooks.as_hex, webhooks.as_base64)
        if not webhooks.fits(
            delivery.body, [signature], self._settings.webhook_secrets, *spellings
        ):
            raise webhooks.forged(NAME)
        return (_event(delivery),)

    async def about(self, event: Event) -> Subject:
        """See the port. Of a document or a collection case, by every id that may be an invoice's:
        one that is not will fit none. `read` fetches the invoice, so nothing else is needed."""
        body = event.body
        several = body.get("invoiceIds")
        several = several if isinstance(several, list) else []
        keys = webhooks.named(body.get("invoiceId"), *several, *map(body.get, ("entityId", "id")))
        if not keys and event.kind.startswith("invoice"):
            raise Unreadable(f"{NAME}: an event about an invoice that does not say which")
        return Subject(keys=keys)

    # look-ups, one call each

    async def _customer(self, choice: CustomerChoice) -> Found:
        text = choice.account_number or choice.name or choice.search
        body: dict[str, Json] = {"flexSearch": text}
        if choice.account_number is None:
            body["nameContains"] = text
        request = self._request("customer", "POST", "/api/md/Customers/filter", json=body)
        known = [one for one in await self._list(_Customer, request) if one.is_meant_by(choice)]
        customer = _only(known, "customer", "options.customer")
        return Found(context=_Context(customer_id=customer.id).given(), buyer=customer.id)

    async def _bank_account(self, choice: BankAccountChoice) -> Found:
        request = self._request("bank account", "GET", "/api/cfg/BankAccounts")
        known = [one for one in await self._list(_BankAccount, request) if one.is_meant_by(choice)]
        account = _only(known, "bank account", "options.bank_account")
        return Found(context=_Context(bank_account_id=account.id).given())

    async def _tax_codes(self, wanted: tuple[_TaxWanted, ...]) -> Found:
        request = self._request("tax codes", "GET", "/api/cfg/TaxCodes")
        known = await self._list(_TaxCode, request)
        found: dict[str, str] = {}
        problems: list[FieldProblem] = []
        for want in wanted:
            fitting = [code.id for code in known if code.fits(want, self._settings)]
            if len(fitting) == 1:
                found[want.key] = fitting[0]
            else:
                problems.extend(want.problems(len(fitting)))
        if problems:
            raise Rejected(f"{NAME}: a line has no tax code, or several", fields=problems)
        return Found(context=_Context(tax_codes=found).given())

    async def _billing_items(self, names: list[str]) -> Found:
        request = self._request("billing items", "GET", "/api/cfg/BillingItems")
        known = await self._list(_BillingItem, request)
        found = {
            name: _only(
                [item for item in known if item.name == name], "billing item", "options.lines"
            ).id
            for name in names
        }
        return Found(context=_Context(billing_items=found).given())

    async def _contract(self, query: _ContractQuery, context: _Context) -> Found:
        body: Json = {
            "customerId": _looked_up(context.customer_id, "customer"),
            "excludeTerminatedContracts": not query.terminated,
        }
        request = self._request(
            "contract", "POST", "/api/md/Contracts/filter", query=ALL, json=body
        )
        known = [one for one in await self._list(_Contract, request) if one.is_meant_by(query)]
        contract = _only(known, "contract of that customer", "options.contract")
        found: dict[str, JsonValue] = {
            "contract_id": contract.id,
            "contract_number": contract.contract_number,
        }
        if query.property_group:
            groups = dict.fromkeys(group.id for group in contract.property_groups)
            found["property_group_ids"] = list(groups)
        return Found(context=found)

    async def _service_locations(self, external_ids: list[str], context: _Context) -> Found:
        body: Json = {"customerId": _looked_up(context.customer_id, "customer")}
        request = self._request(
            "service locations", "POST", "/api/md/ServiceLocations/filter", query=ALL, json=body
        )
        known = await self._list(_ServiceLocation, request)
        found = {
            wanted: _only(
                [one for one in known if one.external_id == wanted],
                "service location of that customer",
                "options.lines",
            ).id
            for wanted in external_ids
        }
        return Found(context=_Context(service_locations=found).given())

    async def _property_group(self, context: _Context) -> Found:
        group = _only(context.property_group_ids, "property group", "options.bank_account")
        route = f"/api/bill/{self._settings.property_group_route}/{{id}}"
        request = self._request("property group", "GET", route, id=group)
        told = _parse(_PropertyGroupConfiguration, (await self._ask(request)).data, request)
        if not told.company_bank_account_id:
            raise Rejected(f"{NAME}: the property group has no bank account configured")
        return Found(context=_Context(bank_account_id=told.company_bank_account_id).given())

    async def _matching(self, reference: str, body: dict[str, Json]) -> Search:
        """Live invoices with exactly this reference; complete when every page was seen."""
        request = self._request("find", "POST", "/api/bill/Invoices/filter", json=body)
        items, complete = await self._pages(_Invoice, request)
        ours = (one for one in items if one.external_reference == reference and one.is_live)
        found = tuple(_snapshot(one, self._settings) for one in ours)
        return Search(invoices=found, complete=complete)

    # calls

    async def _act(
        self, name: str, route: str, target: Target, body: Json = None
    ) -> Snapshot | None:
        """A changing call about one invoice; None when the answer does not show that invoice."""
        request = self._request(name, "POST", route, changes=True, id=_id(target), json=body)
        envelope = await self._ask(request)
        if not isinstance(envelope.data, Mapping):
            return None
        invoice = _parse(_Invoice, envelope.data, request)
        # Nobody says whether a credit is answered with the invoice or with its credit note.
        if invoice.credited_invoice_id == target.provider_id:
            return Snapshot(provider_id=_id(target), stage=Stage.CREDITED)
        if invoice.id != target.provider_id:
            return None
        return _snapshot(invoice, self._settings, envelope.errors)

    async def _list(self, model: type[_Thing], request: Call) -> list[_Thing]:
        """Everything a reading call lists, except what is marked as deleted."""
        items, complete = await self._pages(model, request)
        if not complete:
            raise unclear(request, f"does not end within {MAX_PAGES} pages")
        return [item for item in items if not item.deleted]

    async def _pages(self, model: type[_Thing], request: Call) -> tuple[list[_Thing], bool]:
        items: list[_Thing] = []
        token: str | None = None
        for _ in range(MAX_PAGES):
            page = _parse(_Page, (await self._ask(request, token)).data, request)
            items.extend(_parse(model, item, request) for item in page.results)
            if not page.has_next_page:
                return items, True
            if page.next_page_token in (None, token):
                break
            token = page.next_page_token
        return items, False

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
            query=query or {},
            json=json,
            timeout=self._settings.timeout,
        )

    async def _ask(self, request: Call, page: str | None = None) -> _Envelope:
        """One exchange. A 401 refuses before anything is done, so it is repeated once."""
        token = await self._tokens.get()
        answer = await exchange(self._http, self._signed(request, token, page))
        if answer.status == httpx.codes.UNAUTHORIZED:
            self._tokens.drop(token)
            token = await self._tokens.get()
            answer = await exchange(self._http, self._signed(request, token, page))
        return _opened(request, answer)

    def _signed(self, request: Call, token: str, page: str | None) -> Call:
        headers = {
            "Authorization": f"Bearer {token}",
            "apim-sub": self._settings.subscription_key.get_secret_value(),
            "zf-tuuid": self._settings.tenant_id,
            "zf-ouuid": self._settings.organisation_id,
        }
        if page:
            headers["continuationToken"] = page
        return replace(request, headers=headers)

    async def _fetch_token(self) -> Token:
        """OAuth 2 client credentials (RFC 6749, section 4.4); it changes nothing, so whatever goes
        wrong here leaves the call it was meant for certainly undone."""
        settings = self._settings
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret.get_secret_value(),
            "scope": settings.scope,
        }
        request = replace(
            self._request("sign in", "POST", ""), base_url=settings.token_url, form=form
        )
        try:
            answer = await exchange(self._http, request)
            told = _parse(_TokenAnswer, answer.body, request) if answer.ok else None
        except Unreadable as error:
            raise Unavailable(error.message) from None
        if told is None:
            raise Rejected(f"{NAME} refuses the client id or secret", code=str(answer.status))
        return Token(told.access_token.get_secret_value(), told.expires_in)


# --- planning -------------------------------------------------------------------------------------


def _check(
    request: InvoiceRequest,
    options: ZeroFrictionOptions,
    settings: ZeroFrictionSettings,
    mistakes: Mistakes,
) -> None:
    document = request.document
    if request.goal is Goal.DELIVERED:
        mistakes.unoffered("goal", "delivery cannot be seen here; ask for sent")
    if document.type == "credit_note":
        mistakes.unoffered("document.type", "credit the invoice itself; it cannot be written here")
    if document.currency != settings.currency:
        mistakes.unoffered("document.currency", f"this organisation bills in {settings.currency}")
    if document.vat_rounding == "category":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per line here")
    refuse_given(document, UNSAID, "document", mistakes)
    _check_payment(document, options, mistakes)
    for index, line in enumerate(document.lines):
        _check_line(document, line, f"document.lines[{index}]", mistakes)
    for line_id in options.lines.keys() - {line.id for line in document.lines}:
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")


def _check_payment(document: Document, options: ZeroFrictionOptions, mistakes: Mistakes) -> None:
    if document.payment:
        refuse_given(document.payment, PAYMENT_UNSAID, "document.payment", mistakes)
        means = document.payment.means
        if means and means not in MEANS and not options.payment_method:
            mistakes.unoffered("document.payment.means", f"must be one of {', '.join(MEANS)}")
    groups = len(options.property_groups)
    known = groups == 1 or (groups == 0 and _contract_choice(document, options))
    if _bank_account_choice(document, options).property_group and not known:
        mistakes.wrong("options.bank_account", "needs a contract or exactly one property group")


def _check_line(document: Document, line: Line, at: str, mistakes: Mistakes) -> None:
    refuse_given(line, LINE_UNSAID, at, mistakes)
    if line.unit not in UNITS:
        mistakes.unoffered(f"{at}.unit", f"{line.unit} is not a unit here")
    if _unit_price(line) is None:
        mistakes.unoffered(f"{at}.base_quantity", "the price of one unit is not exact")
    period = _period(document, line)
    if period.start.year != period.end.year:
        mistakes.wrong(f"{at}.period", "lies in more than one calendar year; split the line")


def _customer(document: Document, options: ZeroFrictionOptions) -> CustomerChoice:
    if options.customer:
        return options.customer
    if document.buyer.account_number:
        return CustomerChoice(account_number=document.buyer.account_number)
    return CustomerChoice(name=document.buyer.name)


def _bank_account_choice(document: Document, options: ZeroFrictionOptions) -> BankAccountChoice:
    if options.bank_account:
        return options.bank_account
    if document.payment and document.payment.iban:
        return BankAccountChoice(iban=document.payment.iban)
    return BankAccountChoice(default=True)


def _contract_choice(document: Document, options: ZeroFrictionOptions) -> ContractChoice | None:
    if options.contract or not document.contract:
        return options.contract
    return ContractChoice(number=document.contract)


def _period(document: Document, line: Line) -> Period:
    day = document.issue_date
    return line.period or document.period or Period(start=day, end=day)


def _unit_price(line: Line) -> Decimal | None:
    """The price of one unit, where a Decimal can say it exactly."""
    with localcontext() as context:
        context.clear_flags()
        price = line.unit_price / line.base_quantity
        return None if context.flags[Inexact] else price


def _first_context(
    document: Document, options: ZeroFrictionOptions, settings: ZeroFrictionSettings
) -> _Context:
    found = {
        "customer_id": _customer(document, options).id,
        "bank_account_id": _bank_account_choice(document, options).id,
        "property_group_ids": tuple(group.id for group in options.property_groups),
    }
    return _Context.model_validate(
        {name: value for name, value in found.items() if value}
        | {
            "invoice_date": settings.start(document.issue_date).isoformat(),
            "invoice_type": options.invoice_type,
            "channel": options.channel,
        }
    )


def _look_ups(document: Document, options: ZeroFrictionOptions) -> tuple[tuple[LookUp, ...], ...]:
    """Customer, accounts and codes at once; then what belongs to the customer; then its group."""
    chosen = [options.line(line) for line in document.lines]
    items = {one.billing_item.name for one in chosen if one.billing_item} - {None}
    places = {one.service_location.external_id for one in chosen if one.service_location} - {None}
    customer = _customer(document, options)
    account = _bank_account_choice(document, options)
    contract = _contract_choice(document, options)
    waves = (
        (
            None if customer.id else _look_up("customer", customer),
            None if account.id or account.property_group else _look_up("bank account", account),
            _look_up("tax codes", _TaxQuery(wanted=_tax_wanted(document, options))),
            LookUp(name="billing items", query={"names": sorted(items)}) if items else None,
        ),
        (
            _look_up(
                "contract",
                _ContractQuery(
                    contract=contract,
                    terminated=options.include_terminated_contracts,
                    property_group=bool(account.property_group and not options.property_groups),
                ),
            )
            if contract
            else None,
            LookUp(name="service locations", query={"external_ids": sorted(places)})
            if places
            else None,
        ),
        (LookUp(name="property group") if account.property_group else None,),
    )
    needed = (tuple(one for one in wave if one) for wave in waves)
    return tuple(wave for wave in needed if wave)


def _look_up(name: str, query: BaseModel) -> LookUp:
    return LookUp(name=name, query=query.model_dump(mode="json", exclude_none=True))


def _tax_wanted(document: Document, options: ZeroFrictionOptions) -> tuple[_TaxWanted, ...]:
    """One wish per rate and choice, so that a thousand equal lines ask once."""
    wanted: dict[str, _TaxWanted] = {}
    for index, line in enumerate(document.lines):
        choice = options.line(line).tax_code
        key = _tax_key(line, choice)
        before = wanted.get(key) or _TaxWanted(key=key, rate=line.vat.rate, choice=choice)
        periods = dict.fromkeys([*before.periods, _period(document, line)])
        wanted[key] = before.model_copy(
            update={"periods": tuple(periods), "lines": (*before.lines, index)}
        )
    return tuple(wanted.values())


def _tax_key(line: Line, choice: NamedChoice | None) -> str:
    chosen = choice.model_dump(exclude_none=True) if choice else {}
    return ":".join([plain(line.vat.rate), *(f"{name}={value}" for name, value in chosen.items())])


# --- encoding -------------------------------------------------------------------------------------


def _encoded(call: CreateCall, settings: ZeroFrictionSettings) -> Json:
    """The body of create: a draft, with our reference as the external one."""
    document = call.document
    options = ZeroFrictionOptions.model_validate(call.options)
    context = _Context.model_validate(call.target.context)
    period = _whole_period(document)
    payment = document.payment or Payment()
    body: dict[str, Json] = {
        "externalReference": call.target.reference,
        "invoiceNum": document.number,
        "status": "created",
        "sent": "notsent",
        "invoiceType": options.invoice_type,
        "invoiceDate": settings.start(document.issue_date).isoformat(),
        "dueDate": settings.start(document.due_date).isoformat() if document.due_date else None,
        "periodStartDateTime": settings.start(period.start).isoformat(),
        "periodEndDateTime": settings.end(period.end).isoformat(),
        "customerId": _looked_up(context.customer_id, "customer"),
        "contractId": context.contract_id,
        "contractNumber": context.contract_number,
        "companyBankAccountId": _looked_up(context.bank_account_id, "bank account"),
        "propertyGroups": [one.model_dump(exclude_none=True) for one in options.property_groups],
        "paymentMethod": options.payment_method or MEANS.get(payment.means or ""),
        "paymentReference": options.payment_reference or payment.reference,
        "noteToCustomer": "\n".join(document.notes) or None,
        "totalInvoiceAmountExclVAT": call.totals.net,
        "totalInvoiceAmountInclVAT": call.totals.gross,
        "remainingInvoiceAmount": call.totals.due,
        "lines": [
            _encoded_line(document, line, total, options, context, settings)
            for line, total in zip(document.lines, call.totals.lines, strict=True)
        ],
        **_vat_switch("invoice", options, settings),
    }
    return {name: value for name, value in body.items() if value not in (None, [])}


def _encoded_line(
    document: Document,
    line: Line,
    total: LineTotal,
    options: ZeroFrictionOptions,
    context: _Context,
    settings: ZeroFrictionSettings,
) -> Json:
    chosen = options.line(line)
    period = _period(document, line)
    texts = (line.name, line.description, line.note)
    tax_code = context.tax_codes.get(_tax_key(line, chosen.tax_code))
    body: dict[str, Json] = {
        "description": "\n".join(text for text in texts if text),
        "quantity": line.quantity,
        "unitOfMeasure": UNITS[line.unit],
        "unitPrice": _unit_price(line),
        "amountExclVAT": total.net,
        "amountInclVAT": total.gross,
        "lineType": chosen.line_type,
        "startDateTime": settings.start(period.start).isoformat(),
        "endDateTime": settings.end(period.end).isoformat(),
        "taxCodeId": _looked_up(tax_code, "tax codes"),
        "billingItemId": _chosen_item(chosen, context),
        "serviceLocationId": _chosen_place(chosen, context),
        **_vat_switch("line", options, settings),
    }
    return {name: value for name, value in body.items() if value is not None}


def _chosen_item(chosen: LineOptions, context: _Context) -> str | None:
    item = chosen.billing_item
    if item is None or item.id:
        return item.id if item else None
    return _looked_up(context.billing_items.get(item.name or ""), "billing items")


def _chosen_place(chosen: LineOptions, context: _Context) -> str | None:
    place = chosen.service_location
    if place is None or place.id:
        return place.id if place else None
    return _looked_up(context.service_locations.get(place.external_id or ""), "service locations")


def _whole_period(document: Document) -> Period:
    periods = [_period(document, line) for line in document.lines]
    around = Period(start=min(one.start for one in periods), end=max(one.end for one in periods))
    return document.period or around


def _vat_switch(
    at: str, options: ZeroFrictionOptions, settings: ZeroFrictionSettings
) -> dict[str, Json]:
    here = options.disable_vat_calculation and settings.disable_vat_at == at
    return {"disableVATCalculation": True} if here else {}


def _looked_up(value: str | None, what: str) -> str:
    if not value:
        raise Rejected(f"{NAME}: the look-up of {what} has not been made")
    return value


def _id(target: Target) -> str:
    if not target.provider_id:
        raise Rejected(f"{NAME}: there is no invoice yet")
    return target.provider_id


# --- decoding -------------------------------------------------------------------------------------


def _or_empty(value: Any) -> Any:
    return () if value is None else value


_Item = TypeVar("_Item")
_Many = Annotated[tuple[_Item, ...], BeforeValidator(_or_empty)]


class _Wire(BaseModel):
    """What the provider writes: camel case, more fields than we read, null for nothing."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)

    deleted: bool | None = None


_Thing = TypeVar("_Thing", bound=_Wire)


class _Error(_Wire):
    key: str | None = None
    message: str | None = None

    def problem(self) -> FieldProblem:
        return FieldProblem(field=_word(self.key or "error"), message=(self.message or "")[:500])


class _Envelope(_Wire):
    success: bool
    errors: _Many[_Error] = ()
    data: Any = None


class _Page(_Wire):
    results: _Many[Any] = ()
    has_next_page: bool | None = None
    next_page_token: HeaderValue | None = None


class _TokenAnswer(BaseModel):
    access_token: HeaderSecret
    expires_in: float = 300


class _Created(_Wire):
    id: Annotated[str, Field(min_length=1)]
    external_reference: Any = None
    """Not promised, so whatever else might stand there is no reason to doubt the id."""


class _Customer(_Wire):
    id: str
    account_number: str | None = None
    company_name: str | None = None
    short_display_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None

    def is_meant_by(self, choice: CustomerChoice) -> bool:
        """A search trusts the provider; an account number or a name must be equal."""
        if choice.account_number:
            return self.account_number == choice.account_number
        whole_name = f"{self.first_name or ''} {self.last_name or ''}"
        names = (self.company_name, self.short_display_name, whole_name)
        return bool(choice.search) or _bare(choice.name) in map(_bare, names)


class _BankAccount(_Wire):
    id: str
    iban: str | None = None
    is_default: bool | None = None

    def is_meant_by(self, choice: BankAccountChoice) -> bool:
        if choice.iban:
            return (self.iban or "").replace(" ", "").upper() == choice.iban
        return bool(self.is_default)


class _TaxRate(_Wire):
    rate: Number
    start_date_time: datetime | None = None
    end_date_time: datetime | None = None

    def covers(self, period: Period, settings: ZeroFrictionSettings) -> bool:
        starts, ends = (
            moment.replace(tzinfo=settings.zone) if moment and not moment.tzinfo else moment
            for moment in (self.start_date_time, self.end_date_time)
        )
        return (starts is None or starts <= settings.start(period.start)) and (
            ends is None or settings.end(period.end) <= ends
        )


class _TaxCode(_Wire):
    id: str
    name: str | None = None
    rates: _Many[_TaxRate] = ()

    def fits(self, want: _TaxWanted, settings: ZeroFrictionSettings) -> bool:
        """Named as wanted, and over each period exactly one rate, the wanted one."""
        if want.choice and (self.id, self.name).count(want.choice.id or want.choice.name) == 0:
            return False
        return all(
            [settings.percent(rate.rate) for rate in self.rates if rate.covers(period, settings)]
            == [want.rate]
            for period in want.periods
        )


class _BillingItem(_Wire):
    id: str
    name: str | None = None


class _ServiceLocation(_Wire):
    id: str
    external_id: str | None = None


class _Group(_Wire):
    id: str


class _Contract(_Wire):
    id: str
    contract_number: str | None = None
    property_groups: _Many[_Group] = ()

    def is_meant_by(self, query: _ContractQuery) -> bool:
        if query.contract.id:
            return self.id == query.contract.id
        return self.contract_number == query.contract.number


class _PropertyGroupConfiguration(_Wire):
    company_bank_account_id: str | None = None


class _InvoiceLine(_Wire):
    amount_excl_vat: Annotated[Number | None, Field(alias="amountExclVAT")] = None
    amount_incl_vat: Annotated[Number | None, Field(alias="amountInclVAT")] = None
    vat: Number | None = None
    tax_rate: Number | None = None

    @property
    def stated_vat(self) -> Decimal | None:
        if self.vat is None and self.amount_excl_vat is not None and self.amount_incl_vat:
            return self.amount_incl_vat - self.amount_excl_vat
        return self.vat


class _Debtor(_Wire):
    customer_id: str | None = None


class _PaymentDetails(_Wire):
    paid: bool | None = None
    current_payment_status: str | None = None


class _Invoice(_Wire):
    id: str
    status: str | None = None
    sent: str | None = None
    invoice_num: str | None = None
    external_reference: str | None = None
    debtor: _Debtor | None = None
    lines: _Many[_InvoiceLine] = ()
    total_amount_excl_vat: Annotated[Number | None, Field(alias="totalAmountExclVAT")] = None
    total_amount_incl_vat: Annotated[Number | None, Field(alias="totalAmountInclVAT")] = None
    remaining_invoice_amount: Number | None = None
    payment_details: _PaymentDetails | None = None
    credited_by_invoice_id: str | None = None
    credited_invoice_id: str | None = None
    has_errors: bool | None = None
    failure_reason_code: _Error | None = None
    failure_details: str | None = None

    @property
    def is_live(self) -> bool:
        return not self.credited_by_invoice_id and not self.credited_invoice_id


def _opened(request: Call, answer: Answer) -> _Envelope:
    """The envelope of a success; everything else is raised.

    Some routes answer 200 without a body. Where something was expected in it, its reader complains.
    """
    if answer.ok and answer.body is None:
        return _Envelope(success=True)
    try:
        envelope = _Envelope.model_validate(answer.body)
    except ValidationError:
        envelope = None
    if answer.ok and envelope is None:
        raise unclear(request, "is not in the envelope")
    if answer.ok and envelope and envelope.success:
        return envelope
    raise _refusal(request, answer, envelope.errors if envelope else ())


def _refusal(request: Call, answer: Answer, errors: tuple[_Error, ...]) -> ProviderError:
    """Known keys decide, then the status; a 200 with unknown keys decides nothing."""
    fields = [error.problem() for error in errors]
    known = next((error.key for error in errors if error.key in ERROR_KEYS), None)
    if known:
        return Rejected(f"{NAME} {ERROR_KEYS[known]} ({request.name})", code=known, fields=fields)
    if not answer.ok:
        denied = answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
        what = "the credentials of this account for" if denied else "to"
        sentence = f"{NAME} refuses {what} {request.name} (HTTP {answer.status})"
        return Rejected(sentence, code=str(answer.status), fields=fields)
    kind = UnknownOutcome if request.changes else Rejected
    code = fields[0].field if fields else None
    return kind(f"{NAME}: {request.name} failed for an unknown reason", code=code, fields=fields)


def _parse(model: type[_Parsed], data: Any, request: Call) -> _Parsed:
    try:
        return model.model_validate(data)
    except ValidationError:
        raise unclear(request, "is not what was expected") from None


def _snapshot(
    invoice: _Invoice, settings: ZeroFrictionSettings, errors: tuple[_Error, ...] = ()
) -> Snapshot:
    failures = _failures(invoice, errors)
    stage = _stage(invoice)
    if failures and stage in (Stage.DRAFTED, Stage.APPROVING):
        stage = Stage.FAILED
    return Snapshot(
        provider_id=invoice.id,
        stage=stage,
        payment=_payment(invoice),
        status=" · ".join(_word(word) for word in (invoice.status, invoice.sent) if word),
        number=invoice.invoice_num or None,
        echo=_echo(invoice, settings),
        problems=failures or _warnings(invoice),
        reference=stated(invoice.external_reference),
    )


def _stage(invoice: _Invoice) -> Stage | None:
    if invoice.credited_by_invoice_id:
        return Stage.CREDITED
    stage = STATUSES.get(invoice.status or "")
    if stage is not Stage.APPROVED:
        return stage
    return SENT.get(invoice.sent) if invoice.invoice_num else Stage.APPROVING


def _payment(invoice: _Invoice) -> PaymentStatus:
    details = invoice.payment_details or _PaymentDetails()
    if details.paid or (invoice.status == "settled" and not invoice.credited_by_invoice_id):
        return PaymentStatus.PAID
    status = PAYMENTS.get(details.current_payment_status or "", PaymentStatus.UNKNOWN)
    rest, gross = invoice.remaining_invoice_amount, invoice.total_amount_incl_vat
    partly = rest is not None and gross is not None and 0 < rest < gross
    return PaymentStatus.PARTLY_PAID if partly and status in _OPEN else status


_OPEN = (PaymentStatus.UNKNOWN, PaymentStatus.UNPAID)


def _failures(invoice: _Invoice, errors: tuple[_Error, ...]) -> tuple[FieldProblem, ...]:
    """Why the provider gave up: the envelope's errors, the invoice's reason and its details."""
    reasons = [*errors, *([invoice.failure_reason_code] if invoice.failure_reason_code else [])]
    if invoice.failure_details:
        reasons.append(_Error(key="failureDetails", message=invoice.failure_details))
    return tuple(reason.problem() for reason in reasons)


def _warnings(invoice: _Invoice) -> tuple[FieldProblem, ...]:
    if invoice.sent == "failed":
        return (FieldProblem(field="sent", message="the provider could not send the invoice"),)
    if invoice.has_errors:
        return (FieldProblem(field="hasErrors", message="the provider marks it as faulty"),)
    return ()


def _echo(invoice: _Invoice, settings: ZeroFrictionSettings) -> Echo:
    return Echo(
        net=invoice.total_amount_excl_vat,
        vat=_vat(invoice.lines, settings),
        gross=invoice.total_amount_incl_vat,
        buyer=invoice.debtor.customer_id if invoice.debtor else None,
        number=invoice.invoice_num or None,
    )


def _vat(
    lines: tuple[_InvoiceLine, ...], settings: ZeroFrictionSettings
) -> dict[str, Decimal] | None:
    """VAT by rate, summed over the lines; None when a line does not state its own."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        if line.stated_vat is None or line.tax_rate is None:
            return None
        rate = plain(settings.percent(line.tax_rate))
        sums[rate] = sums.get(rate, Decimal(0)) + line.stated_vat
    return sums or None


def _at_least(stage: Stage, told: Snapshot | None, target: Target) -> Snapshot:
    """What the answer says, never behind what was just asked for."""
    if told is None:
        return Snapshot(provider_id=_id(target), stage=stage)
    behind = told.stage is not None and stage.reached(told.stage)
    return told.model_copy(update={"stage": stage}) if behind else told


def _only(items: Sequence[_Item], what: str, field: str) -> _Item:
    if len(items) == 1:
        return items[0]
    count = f"{len(items)} fit" if items else "none fits"
    problem = FieldProblem(field=field, message=f"exactly one {what} is needed, {count}")
    raise Rejected(f"{NAME}: exactly one {what} is needed, {count}", fields=[problem])


def _bare(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()


def _word(text: str) -> str:
    """A word of the provider's; anything that could be free text stays out of ids and statuses."""
    return text if len(text) <= 80 and text.replace("_", "").isalnum() else "?"


# --- webhooks -------------------------------------------------------------------------------------

SIGNATURE = "x-webhook-signature-256"


def _event(delivery: Delivery) -> Event:
    """Named by its body, and by the minute it came in: it says that something changed, not what, so
    the next change is told in the same words. One that is told twice is only looked at twice."""
    body = webhooks.parsed(NAME, delivery.body)
    kind = webhooks.text(body.get("_type"))
    if not kind:
        raise Unreadable(f"{NAME}: a webhook without a type")
    minute = f"{delivery.received:%Y-%m-%dT%H:%M}"
    return Event(id=webhooks.digest(minute, delivery.body), kind=kind, body=body)
