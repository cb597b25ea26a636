"""What a request to Riverty's Accounting as a Service may hold, and how its gateway refuses it.

The gateway (AQI) looks at a body before anything is stored: what is mandatory, how long, which
words. It answers 400 with `{type, title, code, description}` and names one place, the first. What
needs knowledge of other requests is the accounting core's business; see `riverty_data`.

Fields and lengths are those of the public reference pages and of their examples; the complete
definitions stand behind a login. Which fields of an address are mandatory, and that a company's
name is its `companyName`, was inferred (I).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from sandbox.kit.wire import answer
from sandbox.riverty.words import Kind

Json = dict[str, Any]


@dataclass(frozen=True)
class Rules:
    """What is a matter of setting at the gateway; see `RivertyStandIn`."""

    lengths: bool = True
    unknown: bool = True
    carrier: bool = False
    quantities: bool = False


Check = Callable[[str, Any, Rules], None]
"""Given the path of a field and its value, raises the Malformed with it."""


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


def text(longest: int | None = None) -> Check:
    def check(at: str, value: Any, rules: Rules) -> None:
        if not isinstance(value, str):
            raise Malformed(at, "Invalid type. Expected String.")
        if longest is not None and rules.lengths and len(value) > longest:
            raise Malformed(at, f"String '{value}' exceeds maximum length of {longest}.")

    return check


def one_of(*words: str) -> Check:
    def check(at: str, value: Any, rules: Rules) -> None:
        if value not in words:
            raise Malformed(at, f"Value '{value}' is not defined in enum.")

    return check


def matching(pattern: str, name: str) -> Check:
    compiled = re.compile(pattern)

    def check(at: str, value: Any, rules: Rules) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise Malformed(at, f"String '{value}' does not validate against format '{name}'.")

    return check


def number(at: str, value: Any, rules: Rules) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise Malformed(at, "Invalid type. Expected Number.")
    # The core computes with it; nothing is published about how large it may be.
    if not -(10**12) < value < 10**12:
        raise Malformed(at, f"Number {value} exceeds maximum value.")


def whole(at: str, value: Any, rules: Rules) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(at, "Invalid type. Expected Integer.")


def day(at: str, value: Any, rules: Rules) -> None:
    """yyyy-MM-dd; two of the provider's examples send a date with a time, so that passes too."""
    try:
        head, _, rest = value.partition("T")
        fine = date.fromisoformat(head).isoformat() == head and bool(rest) == ("T" in value)
    except (AttributeError, ValueError):
        fine = False
    if not fine:
        raise Malformed(at, f"String '{value}' does not validate against format 'date'.")


def quantity_type(at: str, value: Any, rules: Rules) -> None:
    """Shown on returns; whether orders have it is unknown (U)."""
    if rules.unknown and not rules.quantities:
        raise Malformed(at, "Property has not been defined.")
    text()(at, value, rules)


def anything(at: str, value: Any, rules: Rules) -> None:
    """An object about whose fields nothing is published."""
    if not isinstance(value, dict):
        raise Malformed(at, "Invalid type. Expected Object.")


def object_of(fields: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    def check(at: str, value: Any, rules: Rules) -> None:
        anything(at, value, rules)
        if missing := [name for name in required if name not in value]:
            names = ", ".join(missing)
            raise Malformed(at, f"Required properties are missing from object: {names}.")
        prefix = f"{at}." if at else ""
        for name, given in value.items():
            if name in fields:
                fields[name](prefix + name, given, rules)
            elif rules.unknown:
                raise Malformed(prefix + name, "Property has not been defined.")

    return check


def some(item: Check) -> Check:
    """A list with at least one entry."""

    def check(at: str, value: Any, rules: Rules) -> None:
        if not isinstance(value, list):
            raise Malformed(at, "Invalid type. Expected Array.")
        if not value:
            raise Malformed(at, "Array item count 0 is less than minimum count of 1.")
        for index, entry in enumerate(value):
            item(f"{at}[{index}]", entry, rules)

    return check


_EMAIL = matching(r"[^\s@]+@[^\s@]+\.[^\s@]+", "email")
_COUNTRY = matching(r"[A-Z]{2}", "[A-Z]{2}")
_REFERENCE = text(30)
_ADDRESS = object_of(
    {
        **dict.fromkeys(
            (
                *("title", "firstName", "lastName", "salutation", "careOf", "companyName"),
                *("street", "streetNumber", "postalCode", "postalPlace", "state", "phone"),
                *("language", "customerGroup", "taxIdentificationNumber"),
            ),
            text(),
        ),
        "email": _EMAIL,
        "birthDate": day,
        "countryCode": _COUNTRY,
        "nationality": _COUNTRY,
    },
    ("countryCode", "lastName", "postalCode", "postalPlace", "street"),
)
_VALUED = {
    "orderItemReference": whole,
    "grossUnitPrice": number,
    "quantity": number,
    "vatAmount": number,
    "vatPercent": number,
    "vatType": matching(r"[A-Z][A-Z_]*", "[A-Z_]+"),
}
_ORDERED = {
    **_VALUED,
    "description": text(),
    "positionType": matching(r"[A-Z][A-Z_]*", "[A-Z_]+"),
}
_BANK = object_of(dict.fromkeys(("bic", "iban", "accountOwner"), text()))
_NAMED = some(object_of({"orderItemReference": whole}, ("orderItemReference",)))
_CREDITED = some(object_of(_VALUED, tuple(_VALUED)))
_ITEM = object_of(
    {
        **_ORDERED,
        "productId": text(),
        "quantityType": quantity_type,
        "subscription": anything,
        "reportingPositionData": anything,
    },
    tuple(_ORDERED),
)

_ORDER = object_of(
    {
        "orderReference": text(16),
        "currency": matching(r"[A-Z]{3}", "[A-Z]{3}"),
        "orderChannel": one_of("ECOM", "MOTO", "MOBILE", "POS", "APP", "P2P"),
        "orderDate": day,
        "orderType": one_of("PHYSICAL_GOODS", "DIGITAL_GOODS", "BANK_VERIFICATION"),
        "supplyingCountry": _COUNTRY,
        "vatDeclarationCountry": _COUNTRY,
        "processAfterDunning": one_of("HAND_OVER_FOR_DEBT_COLLECTION", "HAND_OVER_FOR_FACTORING"),
        "billToAddress": _ADDRESS,
        "shipToAddress": _ADDRESS,
        "items": some(_ITEM),
        "carrier": text(32),
        "contract": anything,
        "paymentReference": object_of(
            {"paymentMethodName": text(), "paymentDetails": anything}, ("paymentMethodName",)
        ),
    },
    (
        *("orderReference", "currency", "orderChannel", "orderDate", "orderType"),
        *("supplyingCountry", "billToAddress", "items"),
    ),
)
_DATED = ("invoiceReference", "shipmentReference", "invoiceDate", "dueDate", "dispatchDate")
_INVOICE = object_of(
    {
        "invoiceReference": _REFERENCE,
        "shipmentReference": _REFERENCE,
        **dict.fromkeys(("invoiceDate", "dueDate", "dispatchDate"), day),
        "carrier": text(),
        "trackingCode": text(),
        "items": _NAMED,
    },
    (*_DATED, "items"),
)
_CANCELLATION = object_of(
    {
        "cancellationDate": day,
        "cancellationReason": one_of(
            "OUT_OF_STOCK", "CUSTOMER_CANCELLATION", "NO_PAYMENT", "CUSTOMER_SERVICE"
        ),
        "invoiceReference": _REFERENCE,
        "items": _NAMED,
        "bankDetails": _BANK,
    },
    ("cancellationDate", "cancellationReason", "items"),
)
_RETURN = object_of(
    {
        "returnDate": day,
        "returnReason": one_of("CARRIER_RETURN", "CUSTOMER_RETURN"),
        "returnReference": _REFERENCE,
        "invoiceReference": _REFERENCE,
        "items": _CREDITED,
        "bankDetails": _BANK,
    },
    ("returnDate", "returnReason", "returnReference", "items"),
)
_GOODWILL = object_of(
    {
        "goodwillDate": day,
        "creditDate": day,
        "goodwillReason": one_of(
            *("CUSTOMER_COMPLAINT", "DELIVERY_DELAYED", "ARTICLE_PARCEL_MISSING"),
            *("CORRECTION_VOUCHER", "ARTICLE_DEFECTIVE", "CORRECTION_PRICE"),
            *("LOSS_OF_RETURN_POST", "LOSS_OF_RETURN_WAREHOUSE", "LOSS_OF_DELIVERY"),
            *("CONTRADICTION_OF_SIGNATURE", "FRAUD", "ISSUE_IN_STORE", "REFUND_EXPRESS_COSTS"),
            *("OTHER", "LOSS_OF_DELIVERY_WARENPOST", "WRONG_DELIVERY"),
        ),
        "goodwillReference": _REFERENCE,
        "invoiceReference": _REFERENCE,
        "items": _CREDITED,
        "bankDetails": _BANK,
    },
    ("goodwillDate", "goodwillReference", "items"),
)
_FORMS: dict[Kind, Check] = {
    Kind.ORDER: _ORDER,
    Kind.INVOICE: _INVOICE,
    Kind.CANCELLATION: _CANCELLATION,
    Kind.RETURN: _RETURN,
    Kind.GOODWILL: _GOODWILL,
}


def check(kind: Kind, body: Json, rules: Rules) -> None:
    """Refuse what does not conform, before anything is stored; raises Malformed."""
    _FORMS[kind]("", body, rules)
    if kind is Kind.INVOICE and rules.carrier:
        object_of({}, ("carrier", "trackingCode"))("", body, Rules(unknown=False))


def check_callback(body: Json, types: Collection[str], rules: Rules) -> None:
    """The same for a subscription to notifications."""
    fields: dict[str, Check] = {
        "callbackUrl": matching(r"https?://\S+", "uri"),
        "notificationTypes": some(one_of(*types)),
        "description": text(),
    }
    object_of(fields, ("callbackUrl", "notificationTypes"))("", body, rules)


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
