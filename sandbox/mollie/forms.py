"""What a request to Mollie's Sales Invoices may hold, and how it is refused.

There is one kind of refusal: a problem with a status, a title, a sentence and, where one field of
the request is at fault, that field's path (`lines.0.unitPrice.value`). It names one field, the
first: that is how Mollie answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, NoReturn

from pydantic import Field
from starlette.responses import Response

from sandbox.kit.forms import Lenient, checked, dotted, matching, mistakes, one_of
from sandbox.kit.wire import decoded, encoded

Json = dict[str, Any]

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


_LOCALES = ("en_US", "en_GB", "nl_NL", "nl_BE", "de_DE", "de_AT", "de_CH", "fr_FR", "fr_BE")


def _among(words: Sequence[str]) -> Any:
    return one_of(words, f"should be one of {', '.join(words)}")


_Text = Annotated[
    str, Field(max_length=10_000), checked(lambda value: value.strip(), "should be a text")
]
_Name = Annotated[
    str, matching(r"(?=.*\D).{2,}", "should be at least two characters and not only digits")
]


class _Amount(Lenient):
    """An amount has exactly the decimals of its currency; below zero it is refused (I)."""

    currency: Annotated[str, _among(_CURRENCIES)]
    value: _Text


class _Discount(Lenient):
    type: Annotated[str, _among(("amount", "percentage"))]
    value: Annotated[str, matching(r"\d{1,9}(\.\d{1,2})?", "should be an amount or a percentage")]


class _Line(Lenient):
    description: Annotated[str, Field(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(ge=1)]
    vatRate: Annotated[
        str, matching(r"(100|\d{1,2})(\.\d{1,2})?", 'should be a percentage such as "21.00"')
    ]
    unitPrice: _Amount
    discount: _Discount | None = None


class _Recipient(Lenient):
    type: Annotated[str, _among(("consumer", "business"))]
    title: _Text | None = None
    givenName: _Name | None = None
    familyName: _Name | None = None
    organizationName: _Text | None = None
    organizationNumber: _Text | None = None
    vatNumber: _Text | None = None
    email: Annotated[
        str, matching(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+", "should be an e-mail address in ASCII")
    ]
    phone: _Text | None = None
    streetAndNumber: _Text
    streetAdditional: _Text | None = None
    postalCode: _Text
    city: _Text
    region: _Text | None = None
    country: Annotated[str, matching(r"[A-Z]{2}", "should be a country code of two letters")]
    locale: Annotated[str, _among(_LOCALES)] | None = None


class _Payment(Lenient):
    source: Annotated[str, _among(("manual", "payment-link", "payment"))]
    sourceReference: _Text | None = None


class _Email(Lenient):
    subject: _Text
    body: _Text


def _small(value: Json) -> bool:
    """An object of about one kilobyte: here, exactly 1024 bytes at most (I)."""
    return len(encoded(value)) <= 1024


class Update(Lenient):
    """A PATCH. Its fields follow the update page; metadata and VAT settings are not there."""

    testmode: bool | None = None
    status: Annotated[str, _among(("draft", "issued", "paid", "cancelled"))] | None = None
    memo: _Text | None = None
    paymentTerm: (
        Annotated[str, matching(r"(7|14|30|45|60|90|120) days", "should be a term such as 30 days")]
        | None
    ) = None
    paymentDetails: _Payment | None = None
    emailDetails: _Email | None = None
    recipientIdentifier: _Text | None = None
    recipient: _Recipient | None = None
    lines: Annotated[list[_Line], Field(min_length=1)] | None = None
    discount: _Discount | None = None
    isEInvoice: bool | None = None


class Create(Lenient):
    """A POST."""

    testmode: bool | None = None
    status: Annotated[str, _among(("draft", "issued", "paid"))]
    memo: _Text | None = None
    paymentTerm: (
        Annotated[str, matching(r"(7|14|30|45|60|90|120) days", "should be a term such as 30 days")]
        | None
    ) = None
    paymentDetails: _Payment | None = None
    emailDetails: _Email | None = None
    recipientIdentifier: _Text
    recipient: _Recipient
    lines: Annotated[list[_Line], Field(min_length=1)]
    discount: _Discount | None = None
    isEInvoice: bool | None = None
    profileId: _Text | None = None
    vatScheme: Annotated[str, _among(("standard", "one-stop-shop"))] | None = None
    vatMode: Annotated[str, _among(("exclusive", "inclusive"))] | None = None
    customerId: _Text | None = None
    mandateId: _Text | None = None
    metadata: Annotated[Json, checked(_small, "should not be larger than 1 kB")] | None = None


class Delete(Lenient):
    """The body of a DELETE."""

    testmode: bool | None = None


_SAYS = {
    "missing": "is required",
    "string_type": "should be a text",
    "string_too_short": "should be a text",
    "string_too_long": "should not be longer than {max_length} characters",
    "bool_type": "should be true or false",
    "int_type": "should be a whole number of at least 1",
    "greater_than_equal": "should be a whole number of at least 1",
    "list_type": "should be a list of at least one line",
    "too_short": "should be a list of at least one line",
    "model_type": "should be an object",
    "dict_type": "should be an object",
}


def check(body: Json, form: type[Lenient]) -> None:
    """Raises the first Problem with a body."""
    for mistake in mistakes(form, body):
        at = dotted(mistake.at)
        if mistake.kind == "extra_forbidden":
            nonexistent(at)
        says = _SAYS.get(mistake.kind, mistake.says).format(**mistake.limits)
        wrong(at, f"The {at or 'body'} {says}")
    if recipient := body.get("recipient"):
        _check_recipient(recipient)
    _check_lines(body.get("lines") or [])
    if payment := body.get("paymentDetails"):
        at = "paymentDetails.sourceReference"
        if payment["source"] != "manual" and not payment.get("sourceReference"):
            wrong(at, f"The {at} is required for this source")


def _check_recipient(recipient: Json) -> None:
    kind, at = recipient["type"], "recipient"
    for name in ("givenName", "familyName") if kind == "consumer" else ("organizationName",):
        if recipient.get(name) is None:
            wrong(f"{at}.{name}", f"The {at}.{name} is required for a {kind}")
    numbered = recipient.get("vatNumber") or recipient.get("organizationNumber")
    if kind == "business" and not numbered:
        wrong(f"{at}.vatNumber", f"Either the {at}.vatNumber or organizationNumber is required")


def _check_lines(lines: Sequence[Json]) -> None:
    for index, line in enumerate(lines):
        at, price = f"lines.{index}", line["unitPrice"]
        _check_money(f"{at}.unitPrice.value", price["value"], price["currency"])
        if discount := line.get("discount"):
            _check_discount(f"{at}.discount", discount, price["currency"])
        if price["currency"] != lines[0]["unitPrice"]["currency"]:
            wrong(f"{at}.unitPrice.currency", "All lines should have the same currency")


def _check_money(at: str, value: str, currency: str) -> None:
    pattern = r"\d{1,9}" if minor(currency) == 1 else r"\d{1,9}\.\d{2}"
    if not re.fullmatch(pattern, value):
        wrong(at, f"The {at} should be an exact amount in {currency}, such as {minor(currency)}")


def _check_discount(at: str, discount: Json, currency: str) -> None:
    if discount["type"] == "amount":
        _check_money(f"{at}.value", discount["value"], currency)
    elif Decimal(discount["value"]) > 100:
        wrong(f"{at}.value", "A discount should not exceed 100 percent")


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
        _check_discount("discount", discount, invoice["lines"][0]["unitPrice"]["currency"])
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
