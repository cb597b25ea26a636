"""What a request to Quiddly may hold, and how it is refused.

The fields of a create, their types, and which are required are those of the page; it calls its list
"all possible fields", so what is not in it is refused. How a refusal looks is documented nowhere:
this one shape is assumed (U), and every field at fault is in it.

    {"status": 400, "message": "Validation failed", "errors": [{"field": "…", "message": "…"}]}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from email import message_from_string
from email.message import Message
from typing import Any

from starlette.responses import Response

from sandbox.kit.wire import answer, decoded
from sandbox.quiddly.data import Json

PRODUCTS = (
    "INVOICE_SERVICE",
    "REMINDER_SERVICE",
    "COLLECTION_SERVICE",
    "INVOICE_FACTORING_LOAN",
    "INVOICE_FACTORING_SELL",
)
CHANNELS = ("LETTER", "EMAIL")
RATES = (0, 6, 12, 25)

Wrong = Iterator[tuple[str, str]]
"""Paths of fields, each with what is wrong with it."""
Check = Callable[[str, Any], Wrong]


class Refusal(Exception):
    """A refusal: an HTTP status (None: the one for a request that is not valid) and the fields."""

    def __init__(
        self, message: str, status: int | None = None, fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.fields = message, status, dict(fields or {})

    def answer(self, otherwise: int = 400) -> Response:
        """The refusal on the wire."""
        errors = [{"field": field, "message": text} for field, text in self.fields.items()]
        status = self.status or otherwise
        return answer({"status": status, "message": self.message, "errors": errors}, status)


def invalid(fields: Mapping[str, str]) -> Refusal:
    """The refusal of a request with these fields at fault."""
    return Refusal("Validation failed", fields=fields)


def text(at: str, value: Any) -> Wrong:
    if not isinstance(value, str) or not value.strip():
        yield at, "should be a text"


def flag(at: str, value: Any) -> Wrong:
    if not isinstance(value, bool):
        yield at, "should be true or false"


def day(at: str, value: Any) -> Wrong:
    try:
        fine = date.fromisoformat(value).isoformat() == value
    except (TypeError, ValueError):
        fine = False
    if not fine:
        yield at, "should be a date such as 2026-05-18"


def nothing(at: str, value: Any) -> Wrong:
    """Listed among the fields of a request, with no word on what giving it would do (U)."""
    yield at, "cannot be given"


def one_of(*words: Any) -> Check:
    def check(at: str, value: Any) -> Wrong:
        if isinstance(value, bool) or value not in words:
            yield at, f"should be one of {', '.join(map(str, words))}"

    return check


def matching(pattern: str, meaning: str) -> Check:
    compiled = re.compile(pattern)

    def check(at: str, value: Any) -> Wrong:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            yield at, f"should be {meaning}"

    return check


def number(decimals: int) -> Check:
    """A JSON number; how many decimals the original takes is not said (U)."""

    def check(at: str, value: Any) -> Wrong:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            yield at, "should be a number"
        elif not (abs(Decimal(value)) < 10**12 and round(Decimal(value), decimals) == value):
            yield at, f"should be a number with at most {decimals} decimals"

    return check


def nested(fields: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    """An object with these fields and no others; null stands for absent."""

    def check(at: str, value: Any) -> Wrong:
        if not isinstance(value, dict):
            yield at, "should be an object"
            return
        prefix = f"{at}." if at else ""
        for name in required:
            if value.get(name) is None:
                yield prefix + name, "is required"
        for name, given in value.items():
            if name not in fields:
                yield prefix + name, "is not a field of this request"
            elif given is not None:
                yield from fields[name](prefix + name, given)

    return check


def listed(check_one: Check) -> Check:
    def check(at: str, value: Any) -> Wrong:
        if not isinstance(value, list) or not value:
            yield at, "should be a list of at least one"
            return
        for index, one in enumerate(value):
            yield from check_one(f"{at}.{index}", one)

    return check


def _gln(at: str, value: Any) -> Wrong:
    """Thirteen digits, the last of which checks the others."""
    fine = isinstance(value, str) and re.fullmatch(r"\d{13}", value)
    if not fine or sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(value)) % 10:
        yield at, "should be a global location number"


MONEY = number(2)
_EMAIL = matching(r"[^@\s]+@[^@\s]+\.[^@\s.]+", "an e-mail address")
_COUNTRY = matching(r"[A-Z]{2}", "a country in ISO 3166-1 alpha-2")
_CURRENCY = matching(r"[A-Z]{3}", "a supported currency")
_ZIP = matching(r"[0-9A-Za-z][0-9A-Za-z \-]{1,9}", "a zip code")
_PERCENT = one_of(*RATES)

_ADDRESS: dict[str, Check] = {
    "name": text,
    "address": text,
    "address2": text,
    "address3": text,
    "zip": _ZIP,
    "city": text,
    "countryCode": _COUNTRY,
}
_DEBTOR = nested(
    {
        "customerNumber": text,
        "name": text,
        "identificationNumber": text,
        "type": one_of("COMPANY", "PERSON"),
        "GLN": _gln,
        "email": _EMAIL,
        "phone": text,
        "cellPhone": text,
        "invoiceAddress": nested(_ADDRESS, ("name", "address", "zip", "city")),
        "deliveryAddress": nested(_ADDRESS),
        "vatNumber": text,
        "distributionChannelOverride": flag,
        "distributionChannel": text,
        "FMI": text,
    },
    ("customerNumber", "name", "type"),
)
_TOTALS = nested(
    {
        "totalToPay": MONEY,
        "total": MONEY,
        "totalRoundOff": MONEY,
        "totalExclVat": MONEY,
        "totalVat": MONEY,
        "taxReduction": MONEY,
    },
    ("total", "totalExclVat", "totalVat"),
)
_VAT = nested(
    {"percentage": _PERCENT, "totalTaxable": MONEY, "totalVat": MONEY},
    ("percentage", "totalTaxable", "totalVat"),
)
_QUANTITY = matching(r"-?\d{1,9}([.,]\d{1,6})?", 'a quantity as text, such as "2,00"')
_DATES = nested(
    {"invoiceDate": day, "expireDate": day, "deliveryDate": day}, ("invoiceDate", "expireDate")
)
_FEES = nested(
    {
        "administration": MONEY,
        "administrationVatPercentage": _PERCENT,
        "freight": MONEY,
        "freightVatPercentage": _PERCENT,
    }
)
# What these three are called, and what else there is, only the guide's example shows.
_CURRENCIES = nested(
    {"invoiceCurrency": _CURRENCY, "baseCurrency": _CURRENCY, "exchangeRate": number(6)}
)


def _row(price_decimals: int) -> Check:
    """A row of articles: the page gives only an example, called minimal in the guide (I)."""
    needed: dict[str, Check] = {
        "description": text,
        "discountType": one_of("PERCENTAGE", "CURRENCY"),
        "price": number(price_decimals),
        "quantity": _QUANTITY,
        "total": MONEY,
        "totalDiscount": MONEY,
        "totalExclVat": MONEY,
        "totalVat": MONEY,
        "unit": text,
        "vatPercentage": _PERCENT,
    }
    return nested(needed | {"accountNumber": text, "articleNumber": text}, tuple(needed))


def wrong_in_create(body: Json, types: Collection[str], price_decimals: int) -> dict[str, str]:
    """Every field of a create that is missing, not known, or of the wrong type.

    Args:
        body: the request.
        types: the words that `type` may be.
        price_decimals: how many decimals a price may have.
    """
    check = nested(
        {
            "clientId": text,
            "productCode": one_of(*PRODUCTS),
            "invoiceNumber": text,
            "paymentReference": text,
            "debitInvoiceNumber": text,
            "dates": _DATES,
            "debtor": _DEBTOR,
            "distributionCode": one_of(*CHANNELS),
            "documentTemplateCode": text,
            "type": one_of(*types),
            "useRecourse": flag,
            "activatedDate": nothing,
            "activatedById": nothing,
            "ourReference": text,
            "yourReference": text,
            "yourContactPerson": text,
            "ourOrderNumber": text,
            "yourOrderNumber": text,
            "articleRows": listed(_row(price_decimals)),
            "vats": listed(_VAT),
            "remark": text,
            "terms": nested({"payment": text, "delivery": text}),
            "fees": _FEES,
            "reverseCharge": flag,
            "refund": flag,
            "totals": _TOTALS,
            "currency": _CURRENCIES,
            "serviceProviderCode": text,
        },
        ("invoiceNumber", "dates", "debtor", "articleRows", "vats", "totals"),
    )
    return dict(check("", body))


_OVERRIDES = nested(
    {
        "productCode": one_of(*PRODUCTS),
        "distributionCode": one_of(*CHANNELS),
        "reminderProfileCode": text,
        "documentTemplateCode": text,
        "paymentReference": text,
        "serviceProviderCode": text,
        "useRecourse": flag,
    }
)
_EXPORTED = nested({"externalId": text}, ("externalId",))
_BOOKED = (
    "externalInformationId",
    "externalInformationSeries",
    "externalInformationFinancialYearId",
)
_FAILED = nested({"errorMessage": text}, ("errorMessage",))
_LOGIN = nested({"username": text, "password": text}, ("username", "password"))


def check_login(body: Json) -> None:
    """Refuses what is no user name and password."""
    _demand(_LOGIN, body)


def check_overrides(body: Json) -> None:
    """Refuses what an activation cannot change."""
    _demand(_OVERRIDES, body)


def check_exported(body: Json) -> None:
    """Refuses an acknowledgement without the caller's own id of the payment."""
    _demand(_EXPORTED, body)


def check_booked(body: Json) -> None:
    """Refuses what neither says where a payment was booked nor why it could not be."""
    failed = "errorMessage" in body
    _demand(_FAILED if failed else nested(dict.fromkeys(_BOOKED, text), _BOOKED), body)


def _demand(check: Check, body: Json) -> None:
    if wrong := dict(check("", body)):
        raise invalid(wrong)


def wrong_together(body: Json, *, identification: bool, reachable: bool) -> dict[str, str]:
    """What fields that are each well written do not say together.

    Args:
        body: a request without a wrong field.
        identification: whether a Swedish identification number is checked.
        reachable: whether the chosen way of distribution needs its address (I).
    """
    wrong: dict[str, str] = {}
    dates, buyer = body["dates"], body["debtor"]
    if dates["expireDate"] < dates["invoiceDate"]:
        wrong["dates.expireDate"] = "should not be before the invoice date"
    if identification and not _identifies(buyer):
        wrong["debtor.identificationNumber"] = f"is not that of a {buyer['type']}"
    missing = {"EMAIL": "email", "LETTER": "invoiceAddress"}.get(body.get("distributionCode") or "")
    if reachable and missing and not buyer.get(missing):
        wrong[f"debtor.{missing}"] = f"is required for {body['distributionCode']}"
    for fee in ("administration", "freight"):
        fees = body.get("fees") or {}
        if fees.get(fee) and fees.get(f"{fee}VatPercentage") is None:
            wrong[f"fees.{fee}VatPercentage"] = "is required with the fee"
    return wrong | _wrong_currency(body.get("currency") or {})


def _wrong_currency(currency: Json) -> dict[str, str]:
    """A rate of exchange is above zero, and 1 where nothing is exchanged (I)."""
    rate = currency.get("exchangeRate")
    same = currency.get("invoiceCurrency") == currency.get("baseCurrency")
    if rate is not None and (rate <= 0 or (same and rate != 1)):
        return {"currency.exchangeRate": "should be 1 within one currency, and above 0"}
    return {}


def _identifies(buyer: Json) -> bool:
    """Whether the number can be a Swedish one of this type; elsewhere anything can (I).

    A company may be one person's, and then has that person's number.
    """
    given = buyer.get("identificationNumber")
    country = (buyer.get("invoiceAddress") or {}).get("countryCode") or "SE"
    if given is None or country != "SE":
        return True
    digits = re.sub(r"[-+ ]", "", given)
    if len(digits) == 12:
        digits = digits[2:]
    if not re.fullmatch(r"\d{10}", digits) or not _luhn(digits):
        return False
    personal = 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) % 60 <= 31
    return personal or (buyer["type"] == "COMPANY" and digits[2] >= "2")


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * (2 - index % 2) for index, digit in enumerate(digits))
    return sum(one // 10 + one % 10 for one in doubled) % 10 == 0


def parsed(body: bytes, content_type: str) -> Json:
    """A body's JSON object, numbers exact; an empty body is an empty object."""
    kind = content_type.partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise Refusal("The content type should be application/json", 415)
    try:
        value = decoded(body or b"{}")
    except ValueError:
        raise Refusal("The body is not JSON", 400) from None
    if not isinstance(value, dict):
        raise Refusal("The body should be a JSON object", 400)
    return value


@dataclass(frozen=True)
class Part:
    """One part of a form; without a file name it is a plain field."""

    content: bytes
    file_name: str | None

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


def form_parts(body: bytes, content_type: str) -> dict[str, Part]:
    """The parts of a multipart form by name; 415 for another kind of body."""
    boundary = _parameter(content_type, "boundary")
    if not boundary or not content_type.lower().startswith("multipart/form-data"):
        raise Refusal("The content type should be multipart/form-data", 415)
    parts = {}
    # Before the first boundary and after the last there is nothing of the form.
    for piece in (b"\r\n" + body).split(f"\r\n--{boundary}".encode())[1:-1]:
        head, _, content = piece.partition(b"\r\n\r\n")
        written = head.lstrip(b"\r\n").decode("utf-8", "replace")
        shown = message_from_string(written).get("content-disposition", "")
        parts[_parameter(shown, "name") or ""] = Part(content, _parameter(shown, "filename"))
    return parts


def attachment(parts: Mapping[str, Part]) -> tuple[str, str, Part]:
    """The client, the invoice's id and the file of a form; refuses all else."""
    known = ("clientId", "invoiceId", "file")
    wrong = {name: "is not a field of this request" for name in parts if name not in known}
    wrong |= {name: "is required" for name in known if name not in parts}
    file = parts.get("file")
    if file and not (file.file_name and file.content.startswith(b"%PDF-")):
        wrong["file"] = "should be a PDF"
    if file is None or wrong:
        raise invalid(wrong)
    return parts["clientId"].text, parts["invoiceId"].text, file


def _parameter(header: str, name: str) -> str | None:
    message = Message()
    message["content-type"] = header
    value = message.get_param(name)
    return value if isinstance(value, str) else None
