"""What a request to Riverty's Accounting as a Service may hold, and how its gateway refuses it.

The gateway (AQI) looks at a body before anything is stored: what is mandatory, how long, which
words. It answers 400 with `{type, title, code, description}` and names one place, the first. What
needs knowledge of other requests is the accounting core's business; see `riverty_data`.

Fields and lengths are those of the public reference pages and of their examples; the complete
definitions stand behind a login. Which fields of an address are mandatory, and that a company's
name is its `companyName`, was inferred (I).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo
from starlette.responses import Response

from sandbox.kit.forms import (
    ABSENT,
    Form,
    Number,
    checked,
    indexed,
    is_day,
    matching,
    mistakes,
    one_of,
    wrong,
)
from sandbox.kit.wire import answer
from sandbox.riverty.words import TYPES, Kind

Json = dict[str, Any]


@dataclass(frozen=True)
class Rules:
    """What is a matter of setting at the gateway; see `RivertyStandIn`."""

    lengths: bool = True
    unknown: bool = True
    carrier: bool = False
    quantities: bool = False


class Malformed(Exception):
    """A body that does not conform; `at` is the path of the one place that is named."""

    def __init__(self, at: str, why: str) -> None:
        super().__init__(at)
        self.at, self.why = at, why

    def answer(self) -> Response:
        """The refusal on the wire. It repeats what was given, as the original does."""
        about = "Body of the request does not conform to the definition which is associated with"
        description = f"{about} the content type application/json. Path:{self.at} Message: "
        return refusal(400, "RequestBody", "IncorrectMessage", description + self.why)


def refusal(status: int, kind: str, title: str, description: str) -> Response:
    """An error as the gateway words it."""
    body = {"type": kind, "title": title, "code": status, "description": description}
    return answer(body, status)


def _enum(words: Collection[str]) -> Any:
    return one_of(words, "Value '{given}' is not defined in enum.")


def _format(pattern: str, name: str) -> Any:
    return matching(pattern, f"String '{{given}}' does not validate against format '{name}'.")


def _is_day(value: str) -> bool:
    """yyyy-MM-dd; two of the provider's examples send a date with a time, so that passes too."""
    head, _, rest = value.partition("T")
    return is_day(head) and bool(rest) == ("T" in value)


def _quantity_type(value: str, about: ValidationInfo) -> str:
    """Shown on returns; whether orders have it is unknown (U)."""
    rules: Rules = about.context  # type: ignore[assignment]
    if rules.unknown and not rules.quantities:
        raise wrong("Property has not been defined.")
    return value


_Text16 = Annotated[str, Field(max_length=16)]
_Text30 = Annotated[str, Field(max_length=30)]
_Text32 = Annotated[str, Field(max_length=32)]
_Day = Annotated[str, checked(_is_day, "String '{given}' does not validate against format 'date'.")]
_Email = Annotated[str, _format(r"[^\s@]+@[^\s@]+\.[^\s@]+", "email")]
_Country = Annotated[str, _format(r"[A-Z]{2}", "[A-Z]{2}")]
_Currency = Annotated[str, _format(r"[A-Z]{3}", "[A-Z]{3}")]
_Word = Annotated[str, _format(r"[A-Z][A-Z_]*", "[A-Z_]+")]
# The core computes with it; nothing is published about how large it may be.
_Number = Annotated[
    Number, checked(lambda value: abs(value) < 10**12, "Number {given} exceeds maximum value.")
]
_Unpublished = dict[str, Any]
"""An object about whose fields nothing is published."""


class _Address(Form):
    title: str = ABSENT
    firstName: str = ABSENT
    lastName: str
    salutation: str = ABSENT
    careOf: str = ABSENT
    companyName: str = ABSENT
    street: str
    streetNumber: str = ABSENT
    postalCode: str
    postalPlace: str
    state: str = ABSENT
    phone: str = ABSENT
    language: str = ABSENT
    customerGroup: str = ABSENT
    taxIdentificationNumber: str = ABSENT
    email: _Email = ABSENT
    birthDate: _Day = ABSENT
    countryCode: _Country
    nationality: _Country = ABSENT


class _Credited(Form):
    orderItemReference: int
    grossUnitPrice: _Number
    quantity: _Number
    vatAmount: _Number
    vatPercent: _Number
    vatType: _Word


class _Ordered(_Credited):
    description: str
    positionType: _Word
    productId: str = ABSENT
    quantityType: Annotated[str, AfterValidator(_quantity_type)] = ABSENT
    subscription: _Unpublished = ABSENT
    reportingPositionData: _Unpublished = ABSENT


class _Named(Form):
    orderItemReference: int


class _Bank(Form):
    bic: str = ABSENT
    iban: str = ABSENT
    accountOwner: str = ABSENT


class _PaymentReference(Form):
    paymentMethodName: str
    paymentDetails: _Unpublished = ABSENT


class Order(Form):
    """An order."""

    orderReference: _Text16
    currency: _Currency
    orderChannel: Annotated[str, _enum(("ECOM", "MOTO", "MOBILE", "POS", "APP", "P2P"))]
    orderDate: _Day
    orderType: Annotated[str, _enum(("PHYSICAL_GOODS", "DIGITAL_GOODS", "BANK_VERIFICATION"))]
    supplyingCountry: _Country
    vatDeclarationCountry: _Country = ABSENT
    processAfterDunning: Annotated[
        str, _enum(("HAND_OVER_FOR_DEBT_COLLECTION", "HAND_OVER_FOR_FACTORING"))
    ] = ABSENT
    billToAddress: _Address
    shipToAddress: _Address = ABSENT
    items: Annotated[list[_Ordered], Field(min_length=1)]
    carrier: _Text32 = ABSENT
    contract: _Unpublished = ABSENT
    paymentReference: _PaymentReference = ABSENT


class Invoice(Form):
    """An invoice of lines of an order."""

    invoiceReference: _Text30
    shipmentReference: _Text30
    invoiceDate: _Day
    dueDate: _Day
    dispatchDate: _Day
    carrier: str = ABSENT
    trackingCode: str = ABSENT
    items: Annotated[list[_Named], Field(min_length=1)]


class InvoiceWithCarrier(Invoice):
    """The same where the gateway demands these two."""

    carrier: str
    trackingCode: str


_CANCELLED = ("OUT_OF_STOCK", "CUSTOMER_CANCELLATION", "NO_PAYMENT", "CUSTOMER_SERVICE")
_GOODWILLS = (
    *("CUSTOMER_COMPLAINT", "DELIVERY_DELAYED", "ARTICLE_PARCEL_MISSING"),
    *("CORRECTION_VOUCHER", "ARTICLE_DEFECTIVE", "CORRECTION_PRICE"),
    *("LOSS_OF_RETURN_POST", "LOSS_OF_RETURN_WAREHOUSE", "LOSS_OF_DELIVERY"),
    *("CONTRADICTION_OF_SIGNATURE", "FRAUD", "ISSUE_IN_STORE", "REFUND_EXPRESS_COSTS"),
    *("OTHER", "LOSS_OF_DELIVERY_WARENPOST", "WRONG_DELIVERY"),
)


class Cancellation(Form):
    """Lines that will not be invoiced."""

    cancellationDate: _Day
    cancellationReason: Annotated[str, _enum(_CANCELLED)]
    invoiceReference: _Text30 = ABSENT
    items: Annotated[list[_Named], Field(min_length=1)]
    bankDetails: _Bank = ABSENT


class Return(Form):
    """Pieces that came back."""

    returnDate: _Day
    returnReason: Annotated[str, _enum(("CARRIER_RETURN", "CUSTOMER_RETURN"))]
    returnReference: _Text30
    invoiceReference: _Text30 = ABSENT
    items: Annotated[list[_Credited], Field(min_length=1)]
    bankDetails: _Bank = ABSENT


class Goodwill(Form):
    """Money that is given back for nothing."""

    goodwillDate: _Day
    creditDate: _Day = ABSENT
    goodwillReason: Annotated[str, _enum(_GOODWILLS)] = ABSENT
    goodwillReference: _Text30
    invoiceReference: _Text30 = ABSENT
    items: Annotated[list[_Credited], Field(min_length=1)]
    bankDetails: _Bank = ABSENT


class Subscription(Form):
    """A callback for notifications."""

    callbackUrl: Annotated[str, _format(r"https?://\S+", "uri")]
    notificationTypes: Annotated[list[Annotated[str, _enum(TYPES)]], Field(min_length=1)]
    description: str = ABSENT


_FORMS: Mapping[Kind, type[Form]] = {
    Kind.ORDER: Order,
    Kind.INVOICE: Invoice,
    Kind.CANCELLATION: Cancellation,
    Kind.RETURN: Return,
    Kind.GOODWILL: Goodwill,
}
_SAYS = {
    "extra_forbidden": "Property has not been defined.",
    "string_type": "Invalid type. Expected String.",
    "string_too_long": "String '{given}' exceeds maximum length of {max_length}.",
    "number": "Invalid type. Expected Number.",
    "int_type": "Invalid type. Expected Integer.",
    "dict_type": "Invalid type. Expected Object.",
    "model_type": "Invalid type. Expected Object.",
    "list_type": "Invalid type. Expected Array.",
    "too_short": "Array item count 0 is less than minimum count of 1.",
}


def check(kind: Kind, body: Json, rules: Rules) -> None:
    """Refuse what does not conform, before anything is stored; raises Malformed."""
    demanded = kind is Kind.INVOICE and rules.carrier
    _check(body, InvoiceWithCarrier if demanded else _FORMS[kind], rules)


def check_callback(body: Json, rules: Rules) -> None:
    """The same for a subscription to notifications."""
    _check(body, Subscription, rules)


def _check(body: Json, form: type[Form], rules: Rules) -> None:
    found = mistakes(form, body, rules)
    for mistake in found:
        if mistake.kind == "extra_forbidden" and not rules.unknown:
            continue
        if mistake.kind == "string_too_long" and not rules.lengths:
            continue
        if mistake.kind == "missing":
            place = mistake.at[:-1]
            absent = ", ".join(
                one.name for one in found if one.kind == "missing" and one.at[:-1] == place
            )
            why = f"Required properties are missing from object: {absent}."
            raise Malformed(indexed(place), why)
        says = _SAYS.get(mistake.kind, mistake.says)
        why = says.replace("{given}", str(mistake.given))
        for name, limit in mistake.limits.items():
            why = why.replace(f"{{{name}}}", str(limit))
        raise Malformed(indexed(mistake.at), why)


_CORE: dict[str, int] = {
    **dict.fromkeys(
        (
            *("invoiceReference", "shipmentReference", "returnReference", "goodwillReference"),
            *("carrier", "trackingCode"),
        ),
        30,
    ),
    "orderReference": 16,
    "description": 50,
    **dict.fromkeys(("firstName", "lastName", "companyName", "careOf", "street"), 40),
}
"""How much of a text the core keeps. Only that it may cut is documented; the lengths beyond those
of the gateway are made up, except the 50 of a description, which a sister interface states (U)."""


def truncated(value: Any, name: str = "") -> Any:
    """A value as the core keeps it: texts that are too long for it are cut, without a word."""
    if isinstance(value, dict):
        return {key: truncated(given, key) for key, given in value.items()}
    if isinstance(value, list):
        return [truncated(entry) for entry in value]
    if isinstance(value, str) and name in _CORE:
        return value[: _CORE[name]]
    return value
