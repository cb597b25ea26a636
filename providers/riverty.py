"""Riverty Accounting as a Service: an order first, then invoices of its whole lines.

Page: https://docs.riverty.com/accounting_as_a_service/api_reference/create_invoice

Stated there: the route; the fields of an invoice, which carries no amounts because they come from
the order; that the order comes first, that only whole lines are invoiced, that every line must in
the end be invoiced or cancelled and that tracking this is the client's duty; that onboarding fixes
who makes the invoice document.

Public (the vendor's other pages and its older portal): the key's header and the addresses; orders,
cancellations, returns and goodwills with their fields, lengths and words; 400 and 500 mean that
nothing was stored, 500 also that the key is wrong; 200 means received, not valid: a notification
with the verdict follows within 24 hours (documentation/qualitative-response), and nothing may be
built on a request before its OK; what is received is buffered while the accounting behind it is
away (getting-started-with-accounting-as-a-service/involved-systems); over-long values may be cut
off; notification types and source addresses; nothing can be read.

Inferred: a duplicate of an order or an invoice comes back as an error and not as a second one,
because references are checked for uniqueness, so an uncertain call is sent again under the same
names; `vatAmount` is of one unit (2.5 units at 119.12 come with 19.02); the noun in a verdict's
`requestType` says which kind of request it judges; news that name the invoice prove that it was
accepted; `remainingAmount` is the invoice's; a company's name is its `lastName`; what an accepted
invoice means for sending.

Unknown, therefore a setting: the word for success; whether `vatAmount` is of the unit or the line;
how many decimals a unit price may have; words of `requestType`, reasons and position types that no
page lists; which VAT rate is `NORMAL`; whether news about documents are activated; whether an item
of an order may have the `quantityType` that is shown on returns. How our request id, the provider's
and the verdict's transaction id belong together is not known either: all are kept, and any of them
that fits identifies a verdict. Notifications are not signed and carry no id: their source address
is checked, and an event's id is the digest of its body.

No answer states an amount, so nothing can be compared before it is too late. Therefore the prices
sent must not depend on anybody's rounding: quantity times unit price is the line's gross exactly,
or the line is refused, or its options say that it may be sent as one piece.

There is nothing to ask: `read` and `find` make no call. What was sent and what was told is kept in
the context, and `read` applies the events to it. One kind of request has one slot there:

    order, invoice, cancellation, return, goodwill: its ids, its verdict, how many verdicts came

Our reference is held nowhere: an order and its invoices bear names of their own, which no answer
states. So no snapshot states a reference. Two invoices of one number are kept apart by their
orders, which nearly all news name.

An OK stays an OK: a later error for the same kind of request is the answer to a duplicate of ours.
An error becomes an OK when one arrives late. A word that is neither is shown and waited on.

Whose verdict it is: the invoice's, if it names its reference or one of our request ids. One that
names only the order belongs to an invoice that has the order to itself, by making it or by
delivering every line of it; with other invoices of that order possible, it is shown and not taken.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b32encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import groupby
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import httpx
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)
from pydantic_extra_types.country import CountryAlpha2

from invoicing.document import Address, Code, Day, Document, Line, Name, Party, Percent, VatCategory
from invoicing.errors import (
    FieldProblem,
    Forged,
    ProviderError,
    Rejected,
    Unavailable,
    Unreadable,
    Unsupported,
)
from invoicing.model import Recorded, Typed
from invoicing.money import Currency, Number, exactly, minor_units, plain, vat_inside
from invoicing.provider import (
    CONFIRMED,
    CancelLinesCall,
    CreateCall,
    Delivery,
    Echo,
    Event,
    Found,
    LookUpCall,
    OrderPlan,
    OrderReadCall,
    OrderSnapshot,
    OrderStage,
    OrderTarget,
    Pace,
    Paces,
    PaymentStatus,
    Plan,
    ReadCall,
    RegisterCall,
    Search,
    Snapshot,
    Stage,
    Subject,
    Target,
)
from invoicing.request import Goal, InvoiceRequest, OrderRequest
from invoicing.totals import LineTotal, Totals, totals
from providers import webhooks
from providers.checks import Mistakes, parsed, refuse_given
from providers.http import Answer, BaseUrl, Call, HeaderSecret, Json, encode, exchange, unclear

NAME = "Riverty"
MAX_NOTIFICATION = 256 * 1024
MOST_CREDITED = 100
"""Lines. A credit repeats their figures, so every call about the invoice would have to carry them;
one with more lines is credited by hand."""
_REQUESTS = uuid5(NAMESPACE_URL, "https://docs.riverty.com/accounting_as_a_service")

Word = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,49}$")]
Short = Annotated[str, StringConstraints(min_length=1, max_length=30)]
OrderReference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}$")]
OrderType = Literal["PHYSICAL_GOODS", "DIGITAL_GOODS", "BANK_VERIFICATION"]
VatType = Literal["TAXLESS", "NORMAL", "REDUCED", "REVERSE"]
Verb = Literal["order", "invoice", "cancellation", "return", "goodwill"]
_Network: TypeAlias = IPv4Network | IPv6Network


# --- settings -------------------------------------------------------------------------------------

PUBLISHED_SOURCES = {
    "api-uat.accounting.riverty.io": ("20.76.134.255", "4.210.170.174"),
    "api.accounting.riverty.io": ("20.103.56.175", "4.180.187.249"),
}


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _pairs(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return dict(part.strip().split("=", 1) for part in value.split(",") if "=" in part)


class RivertySettings(Typed):
    """One business code at Riverty."""

    base_url: BaseUrl = "https://api.accounting.riverty.io"
    subscription_key: HeaderSecret
    business_code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,20}$")]
    country: CountryAlpha2
    """With `currency`, what the business code stands for."""
    currency: Currency = "EUR"
    timeout: Annotated[float, Field(gt=0, le=120)] = 20.0
    """Seconds for one exchange."""
    issuer: Literal["riverty", "client"] = "riverty"
    """Who makes the invoice document and sends it, fixed at onboarding. The client has done both
    before it tells Riverty."""
    document_news: bool = False
    """Whether `documentCreated` or `invoiceCreated` is activated for this account. Then an invoice
    that Riverty makes counts as sent when its document is announced, else when it is accepted."""
    notification_sources: Annotated[tuple[_Network, ...] | None, BeforeValidator(_split)] = None
    """Addresses or networks that notifications may come from, separated by commas; left out, the
    published ones of the environment that `base_url` names, and none for any other."""
    order_type: OrderType = "PHYSICAL_GOODS"
    """Of orders that do not say."""
    normal_vat_rate: Percent | None = None
    """The country's full rate: standard-rated lines at another are REDUCED. Left out, all of them
    are NORMAL, unless their options say otherwise."""
    vat_amount_of: Literal["unit", "line"] = "unit"
    """Unknown; the vendor's examples only make sense per unit."""
    price_decimals: Annotated[int | None, Field(ge=0, le=10)] = None
    """Unknown; left out, as many as the currency has, as in all examples."""
    quantity_types: bool = False
    """Unknown: whether items of an order may have a `quantityType`; if not, all are pieces."""
    description_length: Annotated[int, Field(ge=1, le=1000)] = 40
    """Public for the items of returns; longer ones might be cut off."""
    success: str = "OK"
    """Unknown: the verdict's word for success. The pages only speak of a status "OK"."""
    request_types: Annotated[dict[str, Verb], BeforeValidator(_pairs)] = {}
    """Unknown: all but GET_ORDER. For words whose noun misleads: `WORD=invoice,OTHER=return`."""
    unlisted_words: bool = False
    """Whether reasons and position types may be used that no public page lists."""

    @property
    def sources(self) -> tuple[_Network, ...]:
        """Where notifications may come from."""
        if self.notification_sources is not None:
            return self.notification_sources
        published = PUBLISHED_SOURCES.get(urlsplit(self.base_url).hostname or "", ())
        return tuple(ip_network(source) for source in published)

    @property
    def decimals(self) -> int:
        """How many a unit price may have."""
        exponent = minor_units(self.currency)
        return exponent if self.price_decimals is None else self.price_decimals


# --- options --------------------------------------------------------------------------------------


class AddressOptions(Typed):
    """What an address has here and a neutral one has not, or not apart."""

    first_name: Name | None = None
    last_name: Name | None = None
    salutation: Name | None = None
    title: Name | None = None
    care_of: Name | None = None
    street_number: Name | None = None
    """Taken out of the neutral street, where it stands at the end of it."""
    birth_date: Day | None = None
    nationality: CountryAlpha2 | None = None
    customer_group: Name | None = None


class LineOptions(Typed):
    """What a line has here and nowhere else."""

    position_type: Word = "SALES_ARTICLE"
    vat_type: VatType | None = None
    """Left out, it follows from the VAT category."""
    as_one: bool = False
    """Sent as one piece at the line's whole price: for a price that is not exact per unit."""


def _exact(value: JsonValue) -> JsonValue:
    if isinstance(value, float):
        raise ValueError('write amounts in quotes, such as "12.50": binary floats are inexact')
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        _exact(each)
    return value


class PaymentReference(Typed):
    """How the order was or will be paid; what it needs depends on the method."""

    method: Name
    details: dict[str, Annotated[JsonValue, AfterValidator(_exact)]] = {}
    """Sent as written; a text under a name that ends in `Amount` is sent as a number."""


class RivertyOptions(Typed):
    """`InvoiceRequest.options`. What is left out follows from the document and the settings.

    `order_reference`: derived from the request's reference · `order_date`: the day of issue ·
    `supplying_country`: the business's · `shipment_reference`: the invoice's number ·
    `dispatch_date`: the delivery's actual date, for digital goods else the day of issue ·
    `lines`: by line id, over `line_defaults`.
    """

    order_reference: OrderReference | None = None
    order_type: OrderType | None = None
    order_channel: Literal["ECOM", "MOTO", "MOBILE", "POS", "APP", "P2P"] = "ECOM"
    order_date: Day | None = None
    supplying_country: CountryAlpha2 | None = None
    vat_declaration_country: CountryAlpha2 | None = None
    process_after_dunning: (
        Literal["HAND_OVER_FOR_DEBT_COLLECTION", "HAND_OVER_FOR_FACTORING"] | None
    ) = None
    payment: PaymentReference | None = None
    bill_to: AddressOptions = AddressOptions()
    ship_to: AddressOptions = AddressOptions()
    shipment_reference: Short | None = None
    dispatch_date: Day | None = None
    carrier: Annotated[str, StringConstraints(min_length=1, max_length=32)] | None = None
    tracking_code: Name | None = None
    cancellation_reason: Word = "CUSTOMER_CANCELLATION"
    credit: Literal["goodwill", "return"] = "goodwill"
    """How an invoice is taken back: without the goods, or with them."""
    goodwill_reason: Word = "OTHER"
    return_reason: Word = "CUSTOMER_RETURN"
    line_defaults: LineOptions = LineOptions()
    lines: dict[Code, LineOptions] = {}

    def line(self, line: Line) -> LineOptions:
        """The defaults with what this line says for itself."""
        own = self.lines.get(line.id, LineOptions())
        said = {name: getattr(own, name) for name in own.model_fields_set}
        return self.line_defaults.model_copy(update=said)


# --- what is remembered ---------------------------------------------------------------------------


class _Slot(Recorded):
    """What is known of one kind of request about one invoice or order."""

    request: str = ""
    """Our X-Request-ID of the last one that was received."""
    ticket: str = ""
    """Their internalRequestId for it."""
    result: Literal["", "ok", "refused", "unknown"] = ""
    word: str = ""
    verdicts: int = 0
    heard: tuple[str, ...] = ()
    """Shortened ids of the events that brought them."""
    problems: tuple[FieldProblem, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(_bare(one) for one in (self.request, self.ticket) if one)

    @property
    def waits(self) -> bool:
        return bool(self.request) and self.result in ("", "unknown")

    @property
    def shown(self) -> str:
        """The verdict in their word; where none came, what else we know."""
        return self.word or self.result or "received"


class _Paid(Recorded):
    """What notifications said about the money."""

    status: PaymentStatus = PaymentStatus.UNKNOWN
    seen: tuple[str, ...] = ()


class _Kept(Recorded):
    """One document that Riverty has made. The key is for fetching it, never for the buyer."""

    type: str
    key: str
    dunning: str = ""


class _Credit(Recorded):
    """All that a return or goodwill repeats."""

    verb: Literal["goodwill", "return"]
    reason: str
    reference: str
    items: tuple[dict[str, JsonValue], ...]


class _Context(Recorded):
    """An invoice: from the plan down to `credit`, from calls and notifications the rest."""

    customer: str = ""
    order: str = ""
    """Its orderReference."""
    delivers: bool = False
    """Part of an order that exists without it."""
    alone: bool = True
    """Whether no other invoice of its order can exist."""
    items: str = ""
    """Its lines' orderItemReferences, as `1-3,7`."""
    invoice: dict[str, str] = {}
    """What the invoice says beside its items, as it is sent."""
    cancellation_reason: str = "CUSTOMER_CANCELLATION"
    credit: _Credit | None = None
    slots: dict[str, _Slot] = {}
    paid: _Paid = _Paid()
    documents: tuple[_Kept, ...] = ()
    news: tuple[str, ...] = ()

    def slot(self, verb: str) -> _Slot:
        return self.slots.get(verb, _Slot())

    def with_slot(self, verb: str, slot: _Slot) -> _Context:
        return self.model_copy(update={"slots": {**self.slots, verb: slot}})

    @property
    def reference(self) -> str:
        return self.invoice.get("invoiceReference", "")

    def given(self) -> dict[str, JsonValue]:
        """What the plan says."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def learned(self) -> dict[str, JsonValue]:
        """What changes after the plan; every key, for each replaces the one before."""
        empty: dict[str, JsonValue] = {"slots": {}, "paid": {}, "documents": [], "news": []}
        fields = {"order", *empty}
        return empty | self.model_dump(mode="json", include=fields, exclude_defaults=True)


class _OrderLine(Recorded):
    """One line of a registered order. Its place in the order is its orderItemReference."""

    id: str
    figures: str
    """A digest of price, quantity and VAT: an invoice takes them from the order, not from us."""


class _OrderContext(Recorded):
    """An order: from the plan its first four, from calls and notifications the rest."""

    customer: str = ""
    order: str = ""
    cancellation_reason: str = "CUSTOMER_CANCELLATION"
    lines: tuple[_OrderLine, ...] = ()
    registration: _Slot = _Slot()
    cancellations: dict[str, _Slot] = {}
    """By our names. Each has a key of its own in the context that is kept: two that are sent at the
    same time must not overwrite one another."""
    loose: dict[str, str] = {}
    """Verdicts on cancellations nobody has sent, as far as was known, by transaction id."""
    news: tuple[str, ...] = ()

    @classmethod
    def of(cls, kept: Mapping[str, JsonValue]) -> Self:
        cancellations = {
            key.removeprefix(_CANCELLATION): value
            for key, value in kept.items()
            if key.startswith(_CANCELLATION)
        }
        return cls.model_validate({**kept, "cancellations": cancellations})

    def places(self) -> dict[str, int]:
        return {line.id: place for place, line in enumerate(self.lines, start=1)}

    def with_cancellation(self, name: str, slot: _Slot) -> _OrderContext:
        return self.model_copy(update={"cancellations": {**self.cancellations, name: slot}})

    def since(self, before: _OrderContext) -> dict[str, JsonValue]:
        """What is new in it, key by key."""
        old = before._flat()
        return {key: value for key, value in self._flat().items() if old.get(key) != value}

    def _flat(self) -> dict[str, JsonValue]:
        plain_keys = self.model_dump(mode="json", exclude={"cancellations"}, exclude_defaults=True)
        slots = {
            f"{_CANCELLATION}{name}": slot.model_dump(mode="json", exclude_defaults=True)
            for name, slot in self.cancellations.items()
        }
        return {**plain_keys, **slots}


_CANCELLATION = "cancellation "


# --- tables ---------------------------------------------------------------------------------------

ORDERS = "/accounting/v1/businesses/{business}/customers/{customer}/orders"
ROUTES: dict[str, str] = {
    "order": ORDERS,
    "invoice": f"{ORDERS}/{{order}}/invoices",
    "cancellation": f"{ORDERS}/{{order}}/cancellations",
    "return": f"{ORDERS}/{{order}}/returns",
    "goodwill": f"{ORDERS}/{{order}}/goodwills",
}
SUBSCRIPTIONS = "/administration/v1/notification-callbacks"

_VERDICT = Pace(
    first=timedelta(minutes=5), factor=2, cap=timedelta(hours=2), deadline=timedelta(hours=24)
)
PACES = Paces(
    # Shorter than usual: what looks like a provider that is away may be a wrong key.
    unavailable=Pace(
        first=timedelta(seconds=10),
        factor=2,
        cap=timedelta(minutes=10),
        deadline=timedelta(hours=1),
    ),
    drafting=_VERDICT,
    approval=_VERDICT,
    sending=_VERDICT,
    payment=Pace(
        first=timedelta(hours=12), factor=2, cap=timedelta(days=7), deadline=timedelta(days=120)
    ),
    # What was received is buffered, and judged within 24 hours.
    effect=timedelta(hours=24),
)
"""A look costs no call, and news cut every wait short."""

FAILURE = "ERROR_IN_FILE"
NOUNS: tuple[tuple[str, Verb], ...] = (  # the first that a requestType contains
    ("CANCEL", "cancellation"),
    ("RETURN", "return"),
    ("GOODWILL", "goodwill"),
    ("INVOICE", "invoice"),
    ("ORDER", "order"),
)
PROOFS = ("invoiceCreated", "documentCreated", "paymentReceived", "chargebackReceived")
"""Notifications that can name an invoice only if it was accepted."""
VERBS_OF_A_PERSON = {"create": "order", "approve": "invoice", "delete": "cancellation"}

CANCELLATION_REASONS = ("OUT_OF_STOCK", "CUSTOMER_CANCELLATION", "NO_PAYMENT", "CUSTOMER_SERVICE")
RETURN_REASONS = ("CARRIER_RETURN", "CUSTOMER_RETURN")
GOODWILL_REASONS = (
    "CUSTOMER_COMPLAINT",
    "DELIVERY_DELAYED",
    "ARTICLE_PARCEL_MISSING",
    "CORRECTION_VOUCHER",
    "ARTICLE_DEFECTIVE",
    "CORRECTION_PRICE",
    "LOSS_OF_RETURN_POST",
    "LOSS_OF_RETURN_WAREHOUSE",
    "LOSS_OF_DELIVERY",
    "CONTRADICTION_OF_SIGNATURE",
    "FRAUD",
    "ISSUE_IN_STORE",
    "REFUND_EXPRESS_COSTS",
    "OTHER",
    "LOSS_OF_DELIVERY_WARENPOST",
    "WRONG_DELIVERY",
)
POSITION_TYPES = (
    "SALES_ARTICLE",
    "SHIPPING_COSTS",
    "SHIPPING_COSTS_EXPRESS",
    "SERVICE_CHARGE",
    "CASH_ON_DELIVERY",
    "FREE_ARTICLE",
    "LOYALTY_CARD",
    "IBAN_VERIFICATION",
    "GIFT_CARD_VOUCHER_SALE",
    "MARKETPLACE_PROVISION",
    "SUBSCRIPTION_ORDER",
    "SUBSCRIPTION_ORDER_2",
    "NOT_ACCOUNTING_RELEVANT",
)
"""Without those that lower the amount: which sign their prices have is not documented."""

UNITS = {"C62": None, "H87": None, "EA": None, "KWH": "KWH", "MIN": "MIN"}
"""UN/ECE Recommendation 20 → quantityType; pieces need not be said."""

VAT_TYPES: dict[VatCategory, VatType] = {
    VatCategory.STANDARD: "NORMAL",
    VatCategory.REVERSE_CHARGE: "REVERSE",
    VatCategory.ZERO: "TAXLESS",
    VatCategory.EXEMPT: "TAXLESS",
    VatCategory.INTRA_COMMUNITY: "TAXLESS",
    VatCategory.EXPORT: "TAXLESS",
    VatCategory.OUTSIDE_SCOPE: "TAXLESS",
}

UNSAID = {
    "tax_point_date": "has no place here",
    "period": "has no place here",
    "payee": "has no place here: the business code decides who is paid",
    "payment": "has no place here; name a payment method in the options instead",
    "notes": "has no place here",
    "buyer_reference": "has no place here",
    "purchase_order": "has no place here",
    "sales_order": "has no place here; give an order_reference in the options instead",
    "contract": "has no place here",
    "project": "has no place here",
    "accounting_reference": "has no place here",
    "precedents": "has no place here; credit an invoice instead of referring to it",
    "allowances": "has no place here; lower the prices",
    "charges": "has no place here; write it as a line",
    "prepaid": "has no place here",
}
LINE_UNSAID = {
    "description": "has no place here; put it into the name",
    "allowances": "has no place here; lower the price",
    "charges": "has no place here; raise the price or write it as a line of its own",
    "period": "has no place here; put it into the name",
    "note": "has no place here; put it into the name",
    "buyer_item_id": "has no place here",
    "standard_item_id": "has no place here",
    "order_line": "has no place here",
    "accounting_reference": "has no place here",
}
DELIVERY_UNSAID = {"location": "has no place here; give its address"}
IGNORED = {
    "seller": "the business code is the seller; only its country is checked",
    "buyer.type": "there is one form of address for both",
    "buyer.trading_name": "the order is addressed to the legal name",
    "buyer.registration": "the customer is known by its number",
    "buyer.identifiers": "likewise",
    "buyer.electronic_address": "nothing is sent there",
    "buyer.contact.name": "the order is addressed to the buyer",
    "lines[].id": "lines are known by their place in the order",
    "lines[].vat.exemption_reason": "the kind of VAT says it",
    "lines[].vat.exemption_code": "likewise",
}
"""What a document may carry and this provider is knowingly not told, and why that loses nothing."""

NOT_READ = {
    "companyCode": "the business code says it",
    "fiscalYear": "with companyCode, where a payment is booked",
    "orderAmount": "of the order; what is left to pay decides",
    "paidAmount": "likewise",
    "documentCreationDate": "told by our own history",
    "description": "of a subscription, our own words",
    "callbackUrl": "of a subscription, as asked",
    "notificationTypes": "likewise",
}
"""What answers and notifications carry that is knowingly not read, and why."""


# --- the adaptor ----------------------------------------------------------------------------------


class Riverty:
    """The verbs of `Provider`, `Orders`, `Notifies` and `Hooks` for one business code."""

    Settings: ClassVar[type[BaseModel]] = RivertySettings
    Options: ClassVar[type[BaseModel]] = RivertyOptions
    name = "riverty"

    def __init__(self, settings: RivertySettings, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._http = http

    async def plan(self, request: InvoiceRequest) -> Plan:
        """See the port. An uncertain call is sent again: references protect, verdicts tell."""
        mistakes = Mistakes()
        options = self._options(request, mistakes)
        _check_goal(request.goal, mistakes)
        _check_invoice(request, options, self._settings, mistakes)
        mistakes.settle(NAME)
        sums = totals(request.document, "line")
        context = _first_context(request, options, sums, self._settings)
        return Plan(
            totals=sums,
            echoes=(),
            credits=context.credit is not None,
            repeatable=True,
            sent_by="approve",
            keys=(context.order,),
            paces=PACES,
            call_timeout=timedelta(seconds=self._settings.timeout),
            context=context.given(),
        )

    async def look_up(self, call: LookUpCall) -> Found:
        """See the port. Customers are kept under our own numbers, so nothing is ever looked up."""
        raise Rejected(f"{NAME}: there is no look-up called {call.look_up.name}")

    async def find(self, target: Target) -> Search:
        """See the port. There is nothing to search in, so it cannot tell."""
        return Search(complete=False)

    async def create(self, call: CreateCall) -> Snapshot:
        """See the port. The draft is an order of exactly this document, or part of one that is
        registered already: then nothing is called."""
        context = _Context.model_validate(call.target.context)
        if context.slot("cancellation").result == "ok":
            # It is made again after one was taken back: nothing that was told is about this one.
            context = context.model_copy(update={"slots": {}, "documents": (), "news": ()})
        if context.delivers:
            return self._snapshot(call.target, context)
        options = RivertyOptions.model_validate(call.options)
        if call.target.generation:
            # The order before this one keeps its reference, cancelled as it is.
            order = _derived("invoice", call.target.reference, call.target.generation)
            context = context.model_copy(update={"order": order})
        body = _encoded_order(call.document, call.totals, options, context.order, self._settings)
        slot = await self._post("order", context, body, call.target, context.slot("order"))
        return self._snapshot(call.target, context.with_slot("order", slot))

    async def read(self, call: ReadCall) -> Snapshot:
        """See the port. No call: what was kept, and what the events add to it."""
        context = _Context.model_validate(call.target.context)
        for event in call.events:
            context = self._told(context, event, call.target)
        return self._snapshot(call.target, context)

    async def approve(self, target: Target) -> Snapshot:
        """See the port. Answered before it is judged: `approving` until the verdict."""
        return await self._ask("invoice", target)

    async def send(self, target: Target) -> Snapshot:
        """See the port. An accepted invoice is sent, or was before it was told."""
        raise Unsupported(f"{NAME}: who sends was settled at onboarding; nothing can be asked for")

    async def delete(self, target: Target) -> Snapshot:
        """See the port. Lines of an order that others made stay that order's; our own order's are
        cancelled, and it is deleted when the verdict says so."""
        context = _Context.model_validate(target.context)
        order = context.slot("order")
        if context.delivers or order.result == "refused":
            gone = context.with_slot("cancellation", _Slot(result="ok"))
            return self._snapshot(target, gone)
        if order.result != "ok":
            raise Unavailable(
                f"{NAME} has not confirmed the order yet, so nothing can be cancelled"
            )
        return await self._ask("cancellation", target)

    async def credit(self, target: Target) -> Snapshot:
        """See the port. A goodwill or a return of every line; credited when the verdict says so."""
        credit = _Context.model_validate(target.context).credit
        if credit is None:
            raise Unsupported(f"{NAME}: this invoice can only be credited by hand")
        return await self._ask(credit.verb, target)

    # orders

    async def plan_order(self, request: OrderRequest) -> OrderPlan:
        """See the port."""
        mistakes = Mistakes()
        options = self._options(request, mistakes)
        _check_goal(request.goal, mistakes)
        _check_order(request.document, options, self._settings, mistakes)
        _check_line_options(options, (line.id for line in request.document.lines), mistakes)
        mistakes.settle(NAME)
        sums = totals(request.document, "line")
        order = options.order_reference or _derived("order", request.reference)
        return OrderPlan(
            totals=sums,
            registers=True,
            paces=PACES,
            call_timeout=timedelta(seconds=self._settings.timeout),
            keys=(order,),
            context=_OrderContext(
                customer=request.document.buyer.account_number or "",
                order=order,
                cancellation_reason=options.cancellation_reason,
                lines=_order_lines(request.document, sums, options, self._settings),
            ).since(_OrderContext()),
        )

    async def register(self, call: RegisterCall) -> OrderSnapshot:
        """See the port. Safe to repeat: the reference stays, and what is confirmed is not sent."""
        before = context = _OrderContext.of(call.target.context)
        if context.registration.result != "ok":
            options = RivertyOptions.model_validate(call.options)
            body = _encoded_order(
                call.document, call.totals, options, context.order, self._settings
            )
            slot = await self._post("order", context, body, call.target, context.registration)
            context = context.model_copy(update={"registration": slot})
        return _order_snapshot(context, before)

    async def read_order(self, call: OrderReadCall) -> OrderSnapshot:
        """See the port. No call, as for an invoice."""
        before = context = _OrderContext.of(call.target.context)
        for event in call.events:
            context = self._order_told(context, event)
        return _order_snapshot(self._claimed(context), before)

    async def cancel_lines(self, call: CancelLinesCall) -> OrderSnapshot:
        """See the port. Safe to repeat: an uncertain one goes out again under the same request id,
        and its verdict, should it have come meanwhile, was kept under that id."""
        before = _OrderContext.of(call.target.context)
        slot = before.cancellations.get(call.cancellation, _Slot())
        if slot.result == "ok":
            return _order_snapshot(before, before)
        content = _cancelled(before, call)
        verb = f"cancellation {call.cancellation}"
        request = _request_id(call.target, verb, content, slot.verdicts)
        if _bare(request) in before.loose:
            slot = self._judged(slot, before.loose[_bare(request)], request)
        else:
            body = {**content, "cancellationDate": _today()}
            slot = await self._post(
                "cancellation", before, body, call.target, slot, request=request
            )
        return _order_snapshot(before.with_cancellation(call.cancellation, slot), before)

    # notifications

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """See the port. Nothing is signed, so the sender's address is all the proof there is."""
        if not _comes_from(delivery.source, self._settings.sources):
            raise Forged(f"{NAME}: a notification from an address that is not on the list")
        body = _notification(delivery.body)
        kind = webhooks.text(body.get("type")).strip()
        if not kind:
            raise Unreadable(f"{NAME}: a notification without a type")
        at = webhooks.moment(body.get("timestamp")) or delivery.received
        parts = _apart(body)
        names = webhooks.digests(delivery.body, len(parts))
        return tuple(
            Event(id=name, kind=kind, at=at, body=part)
            for name, part in zip(names, parts, strict=True)
        )

    async def about(self, event: Event) -> Subject:
        """See the port. The invoice, then the request, then the order; with all that `read` and
        `read_order` take from it. The sandbox is shared: what concerns another business code
        concerns nobody here."""
        if not event.kind:
            raise Unreadable(f"{NAME}: an event without a kind")
        note = _Note.of(event)
        if note.business not in ("", self._settings.business_code):
            return Subject()
        keys = webhooks.named(note.invoice, note.transaction, note.order)
        return Subject(keys=keys, event=note.alone(event) if keys else None)

    async def subscribe(self, url: str, types: Iterable[str]) -> str:
        """Have notifications of these types (`EDIErrorSent`, `paymentReceived` …) sent to `url`.

        Returns the subscription's id. Riverty must then be asked to activate every type but
        EDIErrorSent. Raises as the changing verbs do.
        """
        if urlsplit(url).scheme != "https":
            raise Rejected(f"{NAME}: notifications are only sent to https addresses")
        names = [one if "/" in one else f"accounting/{one}" for one in types]
        body: Json = {"callbackUrl": url, "notificationTypes": names}
        request = self._request("subscription", SUBSCRIPTIONS, {}, body, {})
        return _accepted(request, await exchange(self._http, request), "id")

    # applying what was told

    def _told(self, context: _Context, event: Event, target: Target) -> _Context:
        if event.kind == CONFIRMED:
            return _confirmed(context, event)
        note = _Note.of(event)
        if note.customer not in ("", context.customer):
            return context
        if note.kind == "EDIErrorSent":
            return self._verdict(context, event, note, target)
        if not _concerns(context, note):
            return context
        if note.kind in PROOFS and note.invoice:
            slot = context.slot("invoice").model_copy(update={"result": "ok", "problems": ()})
            context = context.with_slot("invoice", slot)
        if note.kind == "paymentReceived":
            paid = _after_payment(context.paid, note, event, self._settings.currency)
            context = context.model_copy(update={"paid": paid})
        elif note.kind == "chargebackReceived":
            paid = _after_chargeback(context.paid, note, event)
            context = context.model_copy(update={"paid": paid})
        elif note.kind == "documentCreated":
            context = context.model_copy(update={"documents": _with_document(context, note)})
        return context.model_copy(update={"news": _with_news(context.news, note.kind)})

    def _verdict(self, context: _Context, event: Event, note: _Note, target: Target) -> _Context:
        verb = self._judges(context, note, target)
        if verb:
            slot = self._judged(context.slot(verb), note.word, event.id, note.problems)
            return context.with_slot(verb, slot)
        if verb is None:
            return context
        return context.model_copy(update={"news": _with_news(context.news, "unclear verdict")})

    def _judges(self, context: _Context, note: _Note, target: Target) -> str | None:
        """Which of our requests a verdict is on; None: none of them, empty: nobody can say, but it
        names our order."""
        for known, ids in _known_ids(context, target).items():
            if note.transaction and note.transaction in ids:
                return known
        verb = self._kind(note.request_type)
        ours = note.order == context.order
        if note.order and not ours:
            return None
        if verb in ("order", "cancellation"):
            return verb if ours and not context.delivers else None
        if note.invoice:
            return (verb or "") if note.invoice == context.reference else None
        if not ours:
            return None
        return verb if verb and context.alone else ""

    def _kind(self, request_type: str) -> str | None:
        listed = self._settings.request_types.get(request_type)
        return listed or next((verb for noun, verb in NOUNS if noun in request_type.upper()), None)

    def _judged(
        self, slot: _Slot, word: str, event_id: str, problems: tuple[FieldProblem, ...] = ()
    ) -> _Slot:
        """A verdict counted once. An OK is never undone: what follows it answers a duplicate."""
        short = event_id[:16]
        if short in slot.heard:
            return slot
        counted = {"verdicts": slot.verdicts + 1, "heard": (*slot.heard, short)[-10:]}
        if slot.result == "ok":
            return slot.model_copy(update=counted)
        result = self._meaning(word)
        kept = problems if result == "refused" else ()
        return slot.model_copy(
            update={**counted, "result": result, "word": _word(word), "problems": kept}
        )

    def _meaning(self, word: str) -> str:
        if word.casefold() == self._settings.success.casefold():
            return "ok"
        return "refused" if word == FAILURE else "unknown"

    def _order_told(self, context: _OrderContext, event: Event) -> _OrderContext:
        if event.kind == CONFIRMED:
            return _order_confirmed(context, event)
        note = _Note.of(event)
        if note.order != context.order or note.customer not in ("", context.customer):
            return context
        if note.kind != "EDIErrorSent":
            return context.model_copy(update={"news": _with_news(context.news, note.kind)})
        verb = self._order_verb(context, note)
        if verb == "order":
            slot = self._judged(context.registration, note.word, event.id, note.problems)
            return context.model_copy(update={"registration": slot})
        if verb == "cancellation":
            return self._cancellation_judged(context, event, note)
        return context

    def _order_verb(self, context: _OrderContext, note: _Note) -> str | None:
        if note.transaction and note.transaction in context.registration.ids:
            return "order"
        ids = (id_ for slot in context.cancellations.values() for id_ in slot.ids)
        if note.transaction and note.transaction in ids:
            return "cancellation"
        return self._kind(note.request_type)

    def _cancellation_judged(
        self, context: _OrderContext, event: Event, note: _Note
    ) -> _OrderContext:
        name = _cancellation_of(context, note)
        if name is None:
            loose = {**context.loose, note.transaction or event.id[:16]: note.word}
            news = _with_news(context.news, "unclear cancellation")
            kept = dict(list(loose.items())[-10:])
            return context.model_copy(update={"loose": kept, "news": news})
        slot = self._judged(context.cancellations[name], note.word, event.id, note.problems)
        return context.with_cancellation(name, slot)

    def _claimed(self, context: _OrderContext) -> _OrderContext:
        """Give a verdict that came before its request was known to that request."""
        for name, slot in context.cancellations.items():
            for id_ in slot.ids if slot.waits else ():
                if id_ in context.loose:
                    slot = self._judged(slot, context.loose[id_], id_)
                    context = context.with_cancellation(name, slot)
        return context

    # calls

    async def _ask(self, verb: str, target: Target) -> Snapshot:
        """A request whose whole content is in the context."""
        context = _Context.model_validate(target.context)
        content = _content(context, verb)
        if verb == "invoice":
            context = _without_refusal(context, "cancellation")
        slot = context.slot(verb)
        request = _request_id(target, verb, content, slot.verdicts)
        dated = {name: _today() for name in _DATED.get(verb, ())}
        slot = await self._post(verb, context, {**content, **dated}, target, slot, request=request)
        return self._snapshot(target, context.with_slot(verb, slot))

    async def _post(
        self,
        verb: str,
        context: _Context | _OrderContext,
        body: Mapping[str, Json],
        target: Target | OrderTarget,
        slot: _Slot,
        *,
        request: str | None = None,
    ) -> _Slot:
        """Send one request; its slot, waiting for the verdict."""
        request = request or _request_id(target, verb, body, slot.verdicts)
        ids = {
            "business": self._settings.business_code,
            "customer": context.customer,
            "order": context.order,
        }
        call = self._request(verb, ROUTES[verb], ids, body, {"X-Request-ID": request})
        ticket = _accepted(call, await exchange(self._http, call), "internalRequestId")
        waiting = {"result": "", "word": "", "problems": ()} if slot.result != "ok" else {}
        return slot.model_copy(update={"request": request, "ticket": ticket[:100], **waiting})

    def _request(
        self,
        name: str,
        route: str,
        ids: Mapping[str, str],
        body: Json,
        headers: Mapping[str, str],
    ) -> Call:
        key = self._settings.subscription_key.get_secret_value()
        return Call(
            provider=NAME,
            name=name,
            method="POST",
            base_url=self._settings.base_url,
            route=route,
            changes=True,
            ids=ids,
            headers={"X-Subscription-Key": key, **headers},
            json=body,
            timeout=self._settings.timeout,
            expects=(httpx.codes.INTERNAL_SERVER_ERROR,),
        )

    # answers

    def _options(
        self, request: InvoiceRequest | OrderRequest, mistakes: Mistakes
    ) -> RivertyOptions:
        options = parsed(RivertyOptions, request.options, "options", mistakes) or RivertyOptions()
        if not self._settings.unlisted_words:
            _check_words(options, mistakes)
        return options

    def _snapshot(self, target: Target, context: _Context) -> Snapshot:
        stage = self._stage(context)
        final = stage is not None and stage.reached(Stage.APPROVED)
        sent = [id_ for slot in context.slots.values() for id_ in slot.ids]
        return Snapshot(
            provider_id=target.provider_id or context.reference,
            stage=stage,
            payment=context.paid.status,
            status=_status(context),
            number=context.reference if final else None,
            echo=Echo(),
            problems=_problems(context),
            context=context.learned(),
            keys=tuple(dict.fromkeys((context.order, *sent))),
        )

    def _stage(self, context: _Context) -> Stage | None:
        """From the last thing asked for back to the first; None where its verdict is unknown."""
        credit = context.slot(context.credit.verb if context.credit else "goodwill")
        for slot, stage in (
            (credit, Stage.CREDITED),
            (context.slot("cancellation"), Stage.DELETED),
        ):
            if slot.result in ("ok", "unknown"):
                return stage if slot.result == "ok" else None
        invoice = context.slot("invoice")
        if invoice.result == "unknown":
            return None
        if invoice.result == "ok":
            return self._sent(context)
        if invoice.result == "refused":
            return Stage.FAILED
        return Stage.APPROVING if invoice.request else _order_stage(context)

    def _sent(self, context: _Context) -> Stage:
        announced = context.documents or "invoiceCreated" in context.news
        waits = self._settings.issuer == "riverty" and self._settings.document_news
        return Stage.SENDING if waits and not announced else Stage.SENT


# --- planning -------------------------------------------------------------------------------------


def _check_goal(goal: Goal, mistakes: Mistakes) -> None:
    if goal is Goal.DRAFTED:
        mistakes.unoffered("goal", "an order without its invoice is no end here; ask for approved")
    if goal is Goal.DELIVERED:
        mistakes.unoffered("goal", "delivery cannot be seen here; ask for sent")


def _check_words(options: RivertyOptions, mistakes: Mistakes) -> None:
    """Only what a public page lists, unless the settings trust the request."""
    words = [
        ("cancellation_reason", options.cancellation_reason, CANCELLATION_REASONS),
        ("goodwill_reason", options.goodwill_reason, GOODWILL_REASONS),
        ("return_reason", options.return_reason, RETURN_REASONS),
        ("line_defaults.position_type", options.line_defaults.position_type, POSITION_TYPES),
        *(
            (f"lines.{line_id}.position_type", line.position_type, POSITION_TYPES)
            for line_id, line in options.lines.items()
        ),
    ]
    for field, word, listed in words:
        if word not in listed:
            mistakes.wrong(f"options.{field}", f"must be one of {', '.join(listed)}")


def _check_invoice(
    request: InvoiceRequest,
    options: RivertyOptions,
    settings: RivertySettings,
    mistakes: Mistakes,
) -> None:
    document = request.document
    _check_order(document, options, settings, mistakes)
    if not document.number:
        mistakes.wrong("document.number", "needed here: the provider does not number invoices")
    elif len(document.number) > 30:
        mistakes.wrong("document.number", "at most 30 characters here")
    if not document.due_date:
        mistakes.wrong("document.due_date", "needed here: reminders are reckoned from it")
    if _order_type(options, settings) == "PHYSICAL_GOODS":
        _check_dispatch(document, options, mistakes)
    ids = {line.id for line in document.lines}
    if request.order:
        _check_part(request, options, settings, mistakes)
        ids |= _OrderContext.of(request.order.context).places().keys()
    _check_line_options(options, ids, mistakes)


def _check_dispatch(document: Document, options: RivertyOptions, mistakes: Mistakes) -> None:
    if not options.carrier:
        mistakes.wrong("options.carrier", "needed for physical goods")
    if not options.tracking_code:
        mistakes.wrong("options.tracking_code", "needed for physical goods")
    if _dispatched(document, options) is None:
        mistakes.wrong("document.delivery.actual_date", "needed for physical goods")


def _check_part(
    request: InvoiceRequest,
    options: RivertyOptions,
    settings: RivertySettings,
    mistakes: Mistakes,
) -> None:
    """An invoice of a registered order is for that order's customer and takes its lines as they
    were registered: what it comes to is reckoned from them."""
    order = _OrderContext.of(request.order.context if request.order else {})
    known = {line.id: line.figures for line in order.lines}
    if request.document.buyer.account_number != order.customer:
        mistakes.wrong("document.buyer.account_number", "is not that of the order")
    if request.document.vat_rounding == "category":
        return
    sums = totals(request.document, "line")
    for index, line in enumerate(_order_lines(request.document, sums, options, settings)):
        if line.id not in known:
            mistakes.wrong(f"document.lines[{index}].id", "is no line of the order")
        elif line.figures != known[line.id]:
            mistakes.wrong(
                f"document.lines[{index}]", "its price, quantity or VAT is not that of the order"
            )


def _check_order(
    document: Document, options: RivertyOptions, settings: RivertySettings, mistakes: Mistakes
) -> None:
    if document.type == "credit_note":
        mistakes.unoffered("document.type", "credit the invoice itself; it cannot be written here")
    if document.currency != settings.currency:
        mistakes.unoffered("document.currency", f"this business code is for {settings.currency}")
    _check_seller(document, settings, mistakes)
    refuse_given(document, UNSAID, "document", mistakes)
    if document.delivery:
        refuse_given(document.delivery, DELIVERY_UNSAID, "document.delivery", mistakes)
    _check_buyer(document.buyer, mistakes)
    if document.vat_rounding == "category":
        mistakes.unoffered("document.vat_rounding", "VAT is rounded per line here")
        return
    sums = totals(document, "line")
    for index, (line, total) in enumerate(zip(document.lines, sums.lines, strict=True)):
        _check_line(line, total, f"document.lines[{index}]", options, settings, mistakes)


def _check_seller(document: Document, settings: RivertySettings, mistakes: Mistakes) -> None:
    seller = document.seller and document.seller.address
    if seller and seller.country != settings.country:
        mistakes.unoffered(
            "document.seller.address.country", f"this business code is for {settings.country}"
        )


def _check_buyer(buyer: Party, mistakes: Mistakes) -> None:
    if not buyer.account_number:
        mistakes.wrong("document.buyer.account_number", "needed here: it is the customer's number")
    elif not buyer.account_number.strip("."):
        mistakes.wrong("document.buyer.account_number", "must not be dots alone")
    if buyer.address is None:
        mistakes.wrong("document.buyer.address", "needed here")
        return
    for field in ("street", "postal_code", "city"):
        if getattr(buyer.address, field) is None:
            mistakes.wrong(f"document.buyer.address.{field}", "needed here")


def _check_line(
    line: Line,
    total: LineTotal,
    at: str,
    options: RivertyOptions,
    settings: RivertySettings,
    mistakes: Mistakes,
) -> None:
    refuse_given(line, LINE_UNSAID, at, mistakes)
    limits = (
        ("name", line.name, settings.description_length),
        ("seller_item_id", line.seller_item_id or "", 30),
    )
    for field, text, limit in limits:
        if len(text) > limit:
            mistakes.wrong(f"{at}.{field}", f"at most {limit} characters here, or it is cut off")
    said = UNITS.get(line.unit) and not options.line(line).as_one
    if line.unit not in UNITS or (said and not settings.quantity_types):
        mistakes.unoffered(f"{at}.unit", f"{line.unit} is not a unit here")
    if _vat_type(line, options.line(line), settings) is None:
        mistakes.unoffered(f"{at}.vat.category", "has no kind of VAT here; say one in the options")
    if line.quantity < 0:
        mistakes.unoffered(f"{at}.quantity", "what lowers the amount cannot be ordered here")
    elif _priced(line, total, options.line(line), settings) is None:
        mistakes.unoffered(
            f"{at}.unit_price",
            f"no price with {settings.decimals} decimals, VAT included, times the quantity comes to"
            " the line's total; say as_one in its options to send it as one piece",
        )


def _check_line_options(options: RivertyOptions, ids: Iterable[str], mistakes: Mistakes) -> None:
    for line_id in options.lines.keys() - set(ids):
        mistakes.wrong(f"options.lines.{line_id}", "the document has no such line")


def _order_type(options: RivertyOptions, settings: RivertySettings) -> OrderType:
    return options.order_type or settings.order_type


def _dispatched(document: Document, options: RivertyOptions) -> date | None:
    delivered = document.delivery.actual_date if document.delivery else None
    return options.dispatch_date or delivered


def _first_context(
    request: InvoiceRequest, options: RivertyOptions, sums: Totals, settings: RivertySettings
) -> _Context:
    document = request.document
    if request.order:
        order = _OrderContext.of(request.order.context)
        places = order.places()
        items = [places[line.id] for line in document.lines]
        reference, whole = request.order.provider_id, len(places)
    else:
        items = list(range(1, len(document.lines) + 1))
        reference = options.order_reference or _derived("invoice", request.reference)
        whole = len(items)
    return _Context(
        customer=document.buyer.account_number or "",
        order=reference,
        delivers=request.order is not None,
        alone=len(items) == whole,
        items=_ranges(items),
        invoice=_invoice_words(document, options),
        cancellation_reason=options.cancellation_reason,
        credit=_credit(request, options, sums, items, settings),
    )


def _invoice_words(document: Document, options: RivertyOptions) -> dict[str, str]:
    number = document.number or ""
    words = {
        "invoiceReference": number,
        "shipmentReference": options.shipment_reference or number,
        "invoiceDate": document.issue_date.isoformat(),
        "dueDate": (document.due_date or document.issue_date).isoformat(),
        "dispatchDate": (_dispatched(document, options) or document.issue_date).isoformat(),
        "carrier": options.carrier,
        "trackingCode": options.tracking_code,
    }
    return {name: word for name, word in words.items() if word}


def _credit(
    request: InvoiceRequest,
    options: RivertyOptions,
    sums: Totals,
    places: list[int],
    settings: RivertySettings,
) -> _Credit | None:
    if not request.may_credit or len(places) > MOST_CREDITED:
        return None
    encoded = _items(request.document, sums, options, settings)
    items = (
        {"orderItemReference": place, **{name: _plain(item[name]) for name in _CREDITED}}
        for place, item in zip(places, encoded, strict=True)
    )
    goodwill = options.credit == "goodwill"
    return _Credit(
        verb=options.credit,
        reason=options.goodwill_reason if goodwill else options.return_reason,
        reference=f"CR{_derived('credit', request.reference)}",
        items=tuple(items),
    )


_CREDITED = ("grossUnitPrice", "quantity", "vatAmount", "vatPercent", "vatType")


def _plain(value: Json) -> JsonValue:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _derived(kind: str, reference: str, generation: int = 0) -> str:
    """A name of 16 letters and digits for our reference: always the same one, and another for each
    generation. The kind keeps an order and an invoice of the same name apart."""
    digest = hashlib.sha256(f"{kind}/{reference}/{generation}".encode()).digest()
    return b32encode(digest[:10]).decode()


def _ranges(places: Iterable[int]) -> str:
    """`1-3,7` for 1, 2, 3 and 7: the lines of an invoice, small enough to be carried along."""
    runs = groupby(enumerate(sorted(places)), key=lambda pair: pair[1] - pair[0])
    ends = ([place for _, place in run] for _, run in runs)
    return ",".join(f"{run[0]}-{run[-1]}" if run[1:] else f"{run[0]}" for run in ends)


def _places(ranges: str) -> list[int]:
    ends = (run.split("-") for run in ranges.split(",") if run)
    return [place for run in ends for place in range(int(run[0]), int(run[-1]) + 1)]


# --- encoding -------------------------------------------------------------------------------------

_Item: TypeAlias = dict[str, Json]


def _encoded_order(
    document: Document,
    sums: Totals,
    options: RivertyOptions,
    reference: str,
    settings: RivertySettings,
) -> dict[str, Json]:
    delivery = document.delivery
    ship_to = delivery.address if delivery else None
    shipped_to = delivery.party_name if delivery else None
    items = [
        {"orderItemReference": place, **item}
        for place, item in enumerate(_items(document, sums, options, settings), start=1)
    ]
    return _said(
        {
            "orderReference": reference,
            "orderDate": (options.order_date or document.issue_date).isoformat(),
            "orderType": _order_type(options, settings),
            "orderChannel": options.order_channel,
            "currency": document.currency,
            "supplyingCountry": options.supplying_country or settings.country,
            "vatDeclarationCountry": options.vat_declaration_country,
            "processAfterDunning": options.process_after_dunning,
            "paymentReference": _encoded_payment(options.payment),
            "billToAddress": _bill_to(document.buyer, options.bill_to),
            "shipToAddress": (
                _ship_to(ship_to, shipped_to, document.buyer, options.ship_to) if ship_to else None
            ),
            "items": items,
        }
    )


def _encoded_payment(payment: PaymentReference | None) -> Json:
    if payment is None:
        return None
    details = {name: _detail(name, value) for name, value in payment.details.items()}
    return _said({"paymentMethodName": payment.method, "paymentDetails": details or None})


def _detail(name: str, value: JsonValue) -> Json:
    if isinstance(value, dict):
        return {inner: _detail(inner, each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_detail(name, each) for each in value]
    amount = isinstance(value, str) and name.endswith("Amount") and _AMOUNT.fullmatch(value)
    return Decimal(str(value)) if amount else cast("Json", value)


_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,10})?")


def _bill_to(buyer: Party, more: AddressOptions) -> Json:
    contact = buyer.contact
    return _said(
        {
            **_encoded_address(buyer.address, more),
            "firstName": more.first_name or buyer.given_name,
            "lastName": more.last_name or buyer.family_name or buyer.name,
            "language": _language(buyer),
            "email": contact.email if contact else None,
            "phone": contact.phone if contact else None,
            "birthDate": more.birth_date.isoformat() if more.birth_date else None,
            "nationality": more.nationality,
            "customerGroup": more.customer_group,
            "taxIdentificationNumber": buyer.vat_number,
        }
    )


def _ship_to(address: Address, name: str | None, buyer: Party, more: AddressOptions) -> Json:
    """To whom the delivery names; else to the buyer."""
    given = None if name else buyer.given_name
    family = name or buyer.family_name or buyer.name
    return _said(
        {
            **_encoded_address(address, more),
            "state": address.region,
            "firstName": more.first_name or given,
            "lastName": more.last_name or family,
            "language": _language(buyer),
        }
    )


def _encoded_address(address: Address | None, more: AddressOptions) -> dict[str, Json]:
    if address is None:
        return {}
    street, number = address.street or "", more.street_number
    return {
        "salutation": more.salutation,
        "title": more.title,
        "careOf": more.care_of or address.additional,
        "street": (street.removesuffix(number).rstrip() if number else street) or None,
        "streetNumber": number,
        "postalCode": address.postal_code,
        "postalPlace": address.city,
        "countryCode": address.country,
    }


def _language(party: Party) -> str | None:
    return party.language[:2] if party.language else None


def _items(
    document: Document, sums: Totals, options: RivertyOptions, settings: RivertySettings
) -> list[_Item]:
    """Every line as an item, without the reference that its place in the order gives it."""
    return [
        _encoded_item(line, total, options.line(line), settings)
        for line, total in zip(document.lines, sums.lines, strict=True)
    ]


def _encoded_item(
    line: Line, total: LineTotal, chosen: LineOptions, settings: RivertySettings
) -> _Item:
    quantity, price = _priced(line, total, chosen, settings) or (line.quantity, Decimal(0))
    per_line = settings.vat_amount_of == "line" or quantity == 1
    vat = total.vat if per_line else vat_inside(price, line.vat.rate, settings.currency)
    return _said(
        {
            "description": line.name,
            "productId": line.seller_item_id,
            "positionType": chosen.position_type,
            "quantity": quantity,
            "quantityType": None if chosen.as_one else UNITS.get(line.unit),
            "grossUnitPrice": price,
            "vatAmount": vat,
            "vatPercent": line.vat.rate,
            "vatType": _vat_type(line, chosen, settings),
        }
    )


def _priced(
    line: Line, total: LineTotal, chosen: LineOptions, settings: RivertySettings
) -> tuple[Decimal, Decimal] | None:
    """Quantity and gross price that multiply to the line's gross exactly; None if none do."""
    if chosen.as_one:
        return Decimal(1), total.gross
    with exactly():
        price = (total.gross / line.quantity).quantize(Decimal((0, (1,), -settings.decimals)))
        return (line.quantity, price) if price * line.quantity == total.gross else None


def _vat_type(line: Line, chosen: LineOptions, settings: RivertySettings) -> VatType | None:
    if chosen.vat_type:
        return chosen.vat_type
    normal = settings.normal_vat_rate
    standard = line.vat.category is VatCategory.STANDARD
    if standard and normal is not None and line.vat.rate != normal:
        return "REDUCED"
    return VAT_TYPES.get(line.vat.category)


def _order_lines(
    document: Document, sums: Totals, options: RivertyOptions, settings: RivertySettings
) -> tuple[_OrderLine, ...]:
    items = _items(document, sums, options, settings)
    return tuple(
        _OrderLine(id=line.id, figures=_figures(item))
        for line, item in zip(document.lines, items, strict=True)
    )


def _figures(item: _Item) -> str:
    names = ("grossUnitPrice", "quantity", "vatPercent", "vatType")
    figures = [_plain(item.get(name)) for name in names]
    return hashlib.sha256(json.dumps(figures).encode()).hexdigest()[:12]


def _content(context: _Context, verb: str) -> dict[str, Json]:
    """What a request says, but for today's date: so that it is the same when it is repeated."""
    places = [{"orderItemReference": place} for place in _places(context.items)]
    if verb == "invoice":
        return {**context.invoice, "items": places}
    if verb == "cancellation":
        return {"cancellationReason": context.cancellation_reason, "items": places}
    credit = context.credit
    if credit is None:
        return {}
    return {
        f"{verb}Reference": credit.reference,
        f"{verb}Reason": credit.reason,
        "invoiceReference": context.reference,
        "items": [_credited(item) for item in credit.items],
    }


_DATED = {
    "cancellation": ("cancellationDate",),
    "return": ("returnDate",),
    "goodwill": ("goodwillDate", "creditDate"),
}


def _credited(item: Mapping[str, JsonValue]) -> _Item:
    numbers = {name: Decimal(str(item[name])) for name in _CREDITED if name != "vatType"}
    place = item["orderItemReference"]
    return {"orderItemReference": int(str(place)), **numbers, "vatType": str(item["vatType"])}


def _cancelled(context: _OrderContext, call: CancelLinesCall) -> dict[str, Json]:
    places = context.places()
    unknown = [line for line in call.lines if line not in places]
    if unknown:
        raise Rejected(f"{NAME}: {len(unknown)} lines to cancel are not lines of the order")
    said = "_".join(call.reason.upper().split())
    return {
        "cancellationReason": said if said in CANCELLATION_REASONS else context.cancellation_reason,
        "items": [
            {"orderItemReference": place} for place in sorted(places[line] for line in call.lines)
        ],
    }


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _said(body: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in body.items() if value is not None}


def _request_id(
    target: Target | OrderTarget, verb: str, content: Mapping[str, Json], verdicts: int
) -> str:
    """The X-Request-ID. Repeats of one might be ignored, so it is the same for a call that is
    repeated because nobody knows what became of it, and another as soon as something is different:
    the content, because somebody corrected it, or the number of verdicts, because the one before
    was judged and this is a new attempt at the same."""
    kind = "invoice" if isinstance(target, Target) else "order"
    generation = target.generation if isinstance(target, Target) else 0
    digest = hashlib.sha256(encode(content).encode()).hexdigest()
    parts = (kind, target.account, target.reference, verb, str(generation), digest, str(verdicts))
    return str(uuid5(_REQUESTS, "\n".join(parts)))


# --- decoding -------------------------------------------------------------------------------------


def _accepted(request: Call, answer: Answer, field: str) -> str:
    """The id in a success; everything else is raised."""
    if not answer.ok:
        raise _refusal(request, answer)
    told = answer.body.get(field) if isinstance(answer.body, Mapping) else None
    if not isinstance(told, str) or not told:
        raise unclear(request, f"carries no {field}")
    return told


def _refusal(request: Call, answer: Answer) -> ProviderError:
    code = str(answer.status)
    if answer.status == httpx.codes.INTERNAL_SERVER_ERROR:
        return Unavailable(
            f"{NAME} is not available for {request.name}, or does not know the subscription key:"
            " it answers both with HTTP 500",
            code=code,
        )
    denied = answer.status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
    what = "the subscription key of this account for" if denied else "to take"
    sentence = f"{NAME} refuses {what} the {request.name} (HTTP {answer.status})"
    return Rejected(sentence, code=code, fields=_refused_fields(answer.body))


def _refused_fields(body: Json) -> tuple[FieldProblem, ...]:
    """`{type, title, code, description}`, whose description mostly names a path."""
    if not isinstance(body, Mapping):
        return ()
    texts = [str(body[name]) for name in ("title", "description") if body.get(name)]
    described = re.search(r"Path:\s*([\w.\[\]]{1,100})", texts[-1]) if texts else None
    field = described[1] if described else _word(str(body.get("type") or "request"))
    return (FieldProblem(field=field, message=": ".join(texts)[:500]),)


MOST_PARTS = 500
"""Documents that one notification may announce."""


def _notification(raw: bytes) -> dict[str, JsonValue]:
    """A JSON object whose fractions are kept as text, exactly as they were written."""
    if len(raw) > MAX_NOTIFICATION:
        raise Unreadable(f"{NAME}: a notification of more than {MAX_NOTIFICATION} bytes")
    webhooks.parsed(NAME, raw)
    body: dict[str, JsonValue] = json.loads(raw.decode(), parse_float=str)
    return body


def _apart(body: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    """One notification may announce documents of many invoices: one part for each. Unreadable where
    there are more than anybody announces at once: each becomes a workflow."""
    holder = body.get("parameters")
    inside = holder if isinstance(holder, dict) and "documents" in holder else None
    place: Mapping[str, Any] = body if inside is None else inside
    found = [
        (document, information)
        for document in _objects(place.get("documents"))
        for information in _objects(document.get("documentInformation"))
    ]
    if len(found) > MOST_PARTS:
        raise Unreadable(f"{NAME}: a notification of more than {MOST_PARTS} documents")
    parts: list[dict[str, Any]] = [
        {**place, "documents": [{**document, "documentInformation": [information]}]}
        for document, information in found
    ]
    if len(parts) < 2:
        return [body]
    return parts if inside is None else [{**body, "parameters": part} for part in parts]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _comes_from(source: str, allowed: Iterable[_Network]) -> bool:
    try:
        address = ip_address(source)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in allowed)


@dataclass(frozen=True)
class _Note:
    """A notification, whichever of its objects a field stands in. Empty where it says nothing."""

    kind: str
    order: str
    invoice: str
    customer: str
    business: str
    transaction: str
    request_type: str
    word: str
    problems: tuple[FieldProblem, ...]
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, event: Event) -> _Note:
        fields = _flat(event.body)
        return cls(
            kind=event.kind.rsplit("/", 1)[-1],
            order=_text(fields, "orderReference", "orderNo"),
            invoice=_text(fields, "invoiceReference", "invoiceNo"),
            customer=_text(fields, "customerNumber"),
            business=_text(fields, "businessCode"),
            transaction=_bare(_text(fields, "transactionId")),
            request_type=_text(fields, "requestType"),
            word=_text(fields, "result"),
            problems=_error_details(fields.get("errorDetails")),
            fields=fields,
        )

    def alone(self, event: Event) -> Event:
        """The event with nothing but what is read here, which reads the same: texts of 100
        characters, 20 errors of 380, amounts that are amounts. What is longer was cut before."""
        amounts = {name: _amount(self, name) for name in ("remainingAmount", "tolerance")}
        told: dict[str, JsonValue] = {
            "orderReference": self.order,
            "invoiceReference": self.invoice,
            "customerNumber": self.customer,
            "businessCode": self.business,
            "transactionId": self.transaction,
            "requestType": self.request_type,
            "result": self.word,
            **{name: _text(self.fields, name) for name in _OWN_TEXTS},
            "urlKey": _document_key(self),
            **{name: f"{amount:f}" for name, amount in amounts.items() if amount is not None},
            "errorDetails": [
                {"fieldName": one.field, "ErrorDescription": one.message} for one in self.problems
            ],
        }
        body = {name: value for name, value in told.items() if value not in ("", [])}
        return event.model_copy(update={"body": body})


_OWN_TEXTS = ("currency", "paymentDocument", "documentType", "dunningLevel")


def _flat(body: Mapping[str, Any]) -> dict[str, Any]:
    """Its own members and those of its parameters, details and the first document's."""
    found = dict(body)
    for name in ("parameters", "details"):
        inner = found.get(name)
        if isinstance(inner, dict):
            found |= inner
    for name in ("documents", "documentInformation"):
        found |= next(_objects(found.get(name)), {})
    return found


def _text(fields: Mapping[str, Any], *names: str) -> str:
    values = (fields.get(name) for name in names)
    return next((str(one).strip()[:100] for one in values if isinstance(one, str | int)), "")


def _error_details(value: Any) -> tuple[FieldProblem, ...]:
    """`providedValue` may be personal and is in the request anyway, so it is left out."""
    found = list(_objects(value))[:20]
    return tuple(
        FieldProblem(
            field=_word(str(one.get("fieldName") or "request")),
            message=str(one.get("ErrorDescription") or one.get("errorDescription") or "")[:300],
        )
        for one in found
    )


def _known_ids(context: _Context, target: Target) -> dict[str, tuple[str, ...]]:
    """The ids of our requests by kind, and those that uncertain calls, if any, were sent under."""
    known = {verb: slot.ids for verb, slot in context.slots.items()}
    kinds = ["invoice", *([context.credit.verb] if context.credit else [])]
    if not context.delivers:
        kinds.append("cancellation")
    for verb in kinds:
        request = _request_id(target, verb, _content(context, verb), context.slot(verb).verdicts)
        known[verb] = (*known.get(verb, ()), _bare(request))
    return known


def _concerns(context: _Context, note: _Note) -> bool:
    """Whether news are about this invoice: by its reference, or by an order it has to itself. The
    same reference in another order is somebody else's."""
    if note.invoice:
        return note.invoice == context.reference and note.order in ("", context.order)
    return context.alone and bool(note.order) and note.order == context.order


def _order_confirmed(context: _OrderContext, event: Event) -> _OrderContext:
    """What a person has seen of the order, or of one cancellation of its lines."""
    if event.body.get("verb") != "cancel_lines":
        slot = context.registration.model_copy(update={"result": "ok", "problems": ()})
        return context.model_copy(update={"registration": slot})
    name = str(event.body.get("cancellation", ""))
    slot = context.cancellations.get(name, _Slot())
    done = slot.model_copy(update={"result": "ok", "problems": ()})
    return context.with_cancellation(name, done)


def _confirmed(context: _Context, event: Event) -> _Context:
    """A person says that a call took effect."""
    said = str(event.body.get("verb") or "")
    credit = context.credit.verb if context.credit else None
    verb = credit if said == "credit" else VERBS_OF_A_PERSON.get(said)
    if verb is None:
        return context
    slot = context.slot(verb).model_copy(update={"result": "ok", "problems": ()})
    return context.with_slot(verb, slot)


def _after_payment(paid: _Paid, note: _Note, event: Event, currency: str) -> _Paid:
    """Payments come in any order and more than once: what was paid stays paid until a chargeback,
    however much an earlier payment had left."""
    mark, reversed_ = _marks(note, event)
    rest, tolerance = _amount(note, "remainingAmount"), _amount(note, "tolerance") or Decimal(0)
    foreign = _text(note.fields, "currency") not in ("", currency)
    if mark in paid.seen or reversed_ in paid.seen or rest is None or foreign:
        return paid
    settled = rest <= max(tolerance, Decimal(0)) or paid.status is PaymentStatus.PAID
    return _Paid(
        status=PaymentStatus.PAID if settled else PaymentStatus.PARTLY_PAID,
        seen=(*paid.seen, mark)[-20:],
    )


def _after_chargeback(paid: _Paid, note: _Note, event: Event) -> _Paid:
    """The money went back; a payment it names that only arrives now counts no more."""
    mark, reversed_ = _marks(note, event)
    if f"chargeback {mark}" in paid.seen:
        return paid
    seen = (*paid.seen, f"chargeback {mark}", *([reversed_] if reversed_ else []))
    return _Paid(status=PaymentStatus.REVERSED, seen=seen[-20:])


def _marks(note: _Note, event: Event) -> tuple[str, str]:
    """What a notification about money is known by, and what a chargeback of it would be."""
    document = _text(note.fields, "paymentDocument")
    mark = f"{note.transaction}/{document}" if note.transaction or document else event.id[:16]
    return mark, f"reversed {document}" if document else ""


def _amount(note: _Note, name: str) -> Decimal | None:
    value = note.fields.get(name)
    try:
        return _Rest.model_validate({"amount": value}).amount
    except ValidationError:
        return None


class _Rest(BaseModel):
    amount: Number


def _with_document(context: _Context, note: _Note) -> tuple[_Kept, ...]:
    kept = _Kept(
        type=_word(_text(note.fields, "documentType") or "document"),
        key=_document_key(note),
        dunning=_text(note.fields, "dunningLevel")[:10],
    )
    return (*(one for one in context.documents if one != kept), kept)[-10:]


def _document_key(note: _Note) -> str:
    return str(note.fields.get("urlKey") or "")[:200]


def _with_news(news: tuple[str, ...], kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*news, _word(kind))))[-8:]


def _cancellation_of(context: _OrderContext, note: _Note) -> str | None:
    """Which cancellation a verdict is on: the one whose request it names, else the only one that
    waits for any."""
    for name, slot in context.cancellations.items():
        if note.transaction and note.transaction in slot.ids:
            return name
    waiting = [name for name, slot in context.cancellations.items() if slot.waits]
    return waiting[0] if len(waiting) == 1 else None


def _order_stage(context: _Context) -> Stage | None:
    if context.delivers:
        return Stage.DRAFTED
    stages = {"ok": Stage.DRAFTED, "refused": Stage.NONE, "": Stage.DRAFTING}
    return stages.get(context.slot("order").result)


def _without_refusal(context: _Context, verb: str) -> _Context:
    """Without what was said against a request that no longer matters."""
    slot = context.slot(verb)
    if slot.result != "refused":
        return context
    over: dict[str, Any] = {"request": "", "ticket": "", "result": "", "word": "", "problems": ()}
    return context.with_slot(verb, slot.model_copy(update=over))


def _problems(context: _Context) -> tuple[FieldProblem, ...]:
    """What was said against the last request, in the order in which requests follow one another."""
    credit = context.credit.verb if context.credit else "goodwill"
    slots = (context.slot(verb) for verb in (credit, "cancellation", "invoice", "order"))
    return next((slot.problems for slot in slots if slot.request or slot.result), ())


def _status(context: _Context) -> str:
    """Their words: the verdict on each kind of request, what else was told, the documents."""
    verdicts = [f"{verb} {slot.shown}" for verb, slot in context.slots.items()]
    papers = [" ".join(filter(None, (one.type, one.dunning))) for one in context.documents]
    return " · ".join([*verdicts, *context.news, *papers])


def _order_snapshot(context: _OrderContext, before: _OrderContext) -> OrderSnapshot:
    slots = context.cancellations
    stages = {
        "ok": OrderStage.CONFIRMED,
        "refused": OrderStage.REJECTED,
        "": OrderStage.SUBMITTED,
    }
    return OrderSnapshot(
        provider_id=context.order,
        stage=stages.get(context.registration.result),
        status=" · ".join([f"order {context.registration.shown}", *context.news]),
        cancelled=tuple(name for name, slot in slots.items() if slot.result == "ok"),
        refused=tuple(name for name, slot in slots.items() if slot.result == "refused"),
        problems=(
            *context.registration.problems,
            *(problem for slot in slots.values() for problem in slot.problems),
        ),
        context=context.since(before),
    )


def _bare(id_: str) -> str:
    """An id as it can be compared: a UUID with or without its hyphens is the same one."""
    return id_.replace("-", "").lower()


def _word(text: str) -> str:
    """A word of the provider's; anything that could be free text stays out of statuses."""
    return text if len(text) <= 80 and re.fullmatch(r"[\w ]+", text) else "?"
