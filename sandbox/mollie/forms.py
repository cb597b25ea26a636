"""What a request to Mollie's Sales Invoices may hold, and how it is refused.

There is one kind of refusal: a problem with a status, a title, a sentence and, where one field of
the request is at fault, that field's path (`lines.0.unitPrice.value`). It names one field, the
first: that is how Mollie answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, NoReturn

from starlette.responses import Response

from sandbox.kit.wire import decoded, encoded

Json = dict[str, Any]
Check = Callable[[str, Any], None]
"""Given the path of a field and its value, raises the Problem with it."""

HAL = "application/hal+json"
_EU_INVOICES = ("BE", "DE", "NL")
_WHOLE = ("JPY", "ISK")
_CURRENCIES = (
    *("AUD", "BGN", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "ISK"),
    *("JPY", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "SEK", "SGD", "THB", "TWD", "USD"),
    "ZAR",
)


class Problem(Exception):
    """A refusal as Mollie words it."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.field = status, detail, field

    def answer(self) -> Response:
        """The refusal on the wire."""
        about = {} if self.field is None else {"field": self.field}
        link = {"href": "https://docs.mollie.com/errors", "type": "text/html"}
        body = {"status": self.status, "title": HTTPStatus(self.status).phrase}
        return hal(
            body | {"detail": self.detail} | about | {"_links": {"documentation": link}},
            self.status,
        )


def hal(value: Any, status: int = 200) -> Response:
    """A response as Mollie types it."""
    return Response(encoded(value), status, media_type=HAL)


def wrong(field: str, detail: str) -> NoReturn:
    """Refuse the request because of this field."""
    raise Problem(422, detail, field)


def nonexistent(field: str, place: str = "body") -> NoReturn:
    """Refuse a parameter that this call does not have."""
    wrong(field, f'Non-existent {place} parameter "{field}" for this API call.')


def minor(currency: str) -> Decimal:
    """The smallest amount of a currency: 0.01 for most."""
    return Decimal(1) if currency in _WHOLE else Decimal("0.01")


def text(longest: int = 10_000) -> Check:
    def check(at: str, value: Any) -> None:
        if not isinstance(value, str) or not value.strip():
            wrong(at, f"The {at} should be a text")
        if len(value) > longest:
            wrong(at, f"The {at} should not be longer than {longest} characters")

    return check


def one_of(*words: str) -> Check:
    def check(at: str, value: Any) -> None:
        if value not in words:
            wrong(at, f"The {at} should be one of {', '.join(words)}")

    return check


def matching(pattern: str, meaning: str) -> Check:
    compiled = re.compile(pattern)

    def check(at: str, value: Any) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            wrong(at, f"The {at} should be {meaning}")

    return check


def flag(at: str, value: Any) -> None:
    if not isinstance(value, bool):
        wrong(at, f"The {at} should be true or false")


def object_of(fields: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    """An object with these fields and no others; null stands for absent."""

    def check(at: str, value: Any) -> None:
        if not isinstance(value, dict):
            wrong(at, f"The {at or 'body'} should be an object")
        prefix = f"{at}." if at else ""
        for name in value:
            if name not in fields:
                nonexistent(prefix + name)
        for name in required:
            if value.get(name) is None:
                wrong(prefix + name, f"The {prefix + name} is required")
        for name, given in value.items():
            if given is not None:
                fields[name](prefix + name, given)

    return check


def _amount(at: str, value: Any) -> None:
    object_of({"currency": one_of(*_CURRENCIES), "value": text()}, ("currency", "value"))(at, value)
    _money(f"{at}.value", value["value"], value["currency"])


def _money(at: str, value: str, currency: str) -> None:
    """An amount has exactly the decimals of its currency; below zero it is refused (I)."""
    pattern = r"\d{1,9}" if minor(currency) == 1 else r"\d{1,9}\.\d{2}"
    if not re.fullmatch(pattern, value):
        wrong(at, f"The {at} should be an exact amount in {currency}, such as {minor(currency)}")


def _quantity(at: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        wrong(at, f"The {at} should be a whole number of at least 1")


def _metadata(at: str, value: Any) -> None:
    """An object of about one kilobyte: here, exactly 1024 bytes at most (I)."""
    if not isinstance(value, dict):
        wrong(at, f"The {at} should be an object")
    if len(encoded(value)) > 1024:
        wrong(at, f"The {at} should not be larger than 1 kB")


_DISCOUNT = object_of(
    {
        "type": one_of("amount", "percentage"),
        "value": matching(r"\d{1,9}(\.\d{1,2})?", "an amount or a percentage"),
    },
    ("type", "value"),
)
_LINE = object_of(
    {
        "description": text(100),
        "quantity": _quantity,
        "vatRate": matching(r"(100|\d{1,2})(\.\d{1,2})?", 'a percentage such as "21.00"'),
        "unitPrice": _amount,
        "discount": _DISCOUNT,
    },
    ("description", "quantity", "vatRate", "unitPrice"),
)
_NAME = matching(r"(?=.*\D).{2,}", "at least two characters and not only digits")
_LOCALES = (*("en_US", "en_GB", "nl_NL", "nl_BE", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_BE"),)
_RECIPIENT = object_of(
    {
        "type": one_of("consumer", "business"),
        "title": text(),
        "givenName": _NAME,
        "familyName": _NAME,
        "organizationName": text(),
        "organizationNumber": text(),
        "vatNumber": text(),
        "email": matching(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+", "an e-mail address in ASCII"),
        "phone": text(),
        "streetAndNumber": text(),
        "streetAdditional": text(),
        "postalCode": text(),
        "city": text(),
        "region": text(),
        "country": matching(r"[A-Z]{2}", "a country code of two letters"),
        "locale": one_of(*_LOCALES),
    },
    ("type", "email", "streetAndNumber", "postalCode", "city", "country"),
)


def _recipient(at: str, value: Any) -> None:
    _RECIPIENT(at, value)
    names = ("givenName", "familyName") if value["type"] == "consumer" else ("organizationName",)
    for name in names:
        if value.get(name) is None:
            wrong(f"{at}.{name}", f"The {at}.{name} is required for a {value['type']}")
    if value["type"] == "business" and not (
        value.get("vatNumber") or value.get("organizationNumber")
    ):
        wrong(f"{at}.vatNumber", f"Either the {at}.vatNumber or organizationNumber is required")


def _lines(at: str, value: Any) -> None:
    if not isinstance(value, list) or not value:
        wrong(at, f"The {at} should be a list of at least one line")
    for index, line in enumerate(value):
        _LINE(f"{at}.{index}", line)
        if discount := line.get("discount"):
            _discounted(f"{at}.{index}.discount", discount, line["unitPrice"]["currency"])
        if line["unitPrice"]["currency"] != value[0]["unitPrice"]["currency"]:
            wrong(f"{at}.{index}.unitPrice.currency", "All lines should have the same currency")


def _discounted(at: str, discount: Json, currency: str) -> None:
    if discount["type"] == "amount":
        _money(f"{at}.value", discount["value"], currency)
    elif Decimal(discount["value"]) > 100:
        wrong(f"{at}.value", "A discount should not exceed 100 percent")


def _payment(at: str, value: Any) -> None:
    sources = one_of("manual", "payment-link", "payment")
    object_of({"source": sources, "sourceReference": text()}, ("source",))(at, value)
    if value["source"] != "manual" and not value.get("sourceReference"):
        wrong(f"{at}.sourceReference", f"The {at}.sourceReference is required for this source")


_UPDATABLE: dict[str, Check] = {
    "testmode": flag,
    "memo": text(),
    "paymentTerm": matching(r"(7|14|30|45|60|90|120) days", "a term such as 30 days"),
    "paymentDetails": _payment,
    "emailDetails": object_of({"subject": text(), "body": text()}, ("subject", "body")),
    "recipientIdentifier": text(),
    "recipient": _recipient,
    "lines": _lines,
    "discount": _DISCOUNT,
    "isEInvoice": flag,
}
_CREATE = object_of(
    _UPDATABLE
    | {
        "status": one_of("draft", "issued", "paid"),
        "profileId": text(),
        "vatScheme": one_of("standard", "one-stop-shop"),
        "vatMode": one_of("exclusive", "inclusive"),
        "customerId": text(),
        "mandateId": text(),
        "metadata": _metadata,
    },
    ("status", "recipientIdentifier", "recipient", "lines"),
)
# Which fields an update takes follows the update page; metadata and VAT settings are not there.
_UPDATE = object_of(_UPDATABLE | {"status": one_of("draft", "issued", "paid", "cancelled")})
_DELETE = object_of({"testmode": flag})


def check_create(body: Json) -> None:
    """Raises the first Problem with the body of a create."""
    _CREATE("", body)


def check_update(body: Json) -> None:
    """Raises the first Problem with the body of an update."""
    _UPDATE("", body)


def check_delete(body: Json) -> None:
    """Raises the first Problem with the body of a delete."""
    _DELETE("", body)


def check_invoice(invoice: Json, *, merchant: str, one_stop_shop: bool, locale: bool) -> None:
    """Raises the first Problem with what the fields of a whole invoice say together.

    Args:
        invoice: the fields as they are to be stored.
        merchant: the country the merchant is based in.
        one_stop_shop: whether the merchant is enrolled there.
        locale: whether a recipient must have one.
    """
    recipient = invoice["recipient"]
    if locale and recipient.get("locale") is None:
        wrong("recipient.locale", "The recipient.locale is required")
    if invoice.get("vatScheme") == "one-stop-shop" and not one_stop_shop:
        wrong("vatScheme", "You are not enrolled in One Stop Shop")
    if discount := invoice.get("discount"):
        _discounted("discount", discount, invoice["lines"][0]["unitPrice"]["currency"])
    countries = {merchant, recipient["country"]}
    if invoice.get("isEInvoice") and not countries <= {*_EU_INVOICES}:
        wrong("isEInvoice", "E-invoicing is only available within BE, DE and NL")


def check_collection(invoice: Json, status: str) -> None:
    """A recurring payment needs a customer and a mandate, and is only for `paid`."""
    pair = ("customerId", "mandateId")
    for name, other in (pair, pair[::-1]):
        if invoice.get(name) is None:
            continue
        if status != "paid":
            wrong(name, f"The {name} is only allowed for invoices with status paid")
        if invoice.get(other) is None:
            wrong(other, f"The {other} is required together with the {name}")


def parsed(body: bytes) -> Json:
    """A body's JSON object, numbers exact; an empty body is an empty object, anything else 400."""
    try:
        value = decoded(body or b"{}")
    except ValueError:
        raise Problem(400, "The request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise Problem(400, "The request body should be a JSON object")
    return value
