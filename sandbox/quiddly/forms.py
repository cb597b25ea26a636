"""What a request to Quiddly may hold, and how it is refused.

The fields of a create, their types, and which are required are those of the page; it calls its list
"all possible fields", so what is not in it is refused. How a refusal looks is documented nowhere:
this one shape is assumed (U), and every field at fault is in it.

    {"status": 400, "message": "Validation failed", "errors": [{"field": "…", "message": "…"}]}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from email import message_from_string
from email.message import Message
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo
from starlette.responses import Response

from sandbox.kit.forms import (
    Lenient,
    Number,
    checked,
    dotted,
    is_day,
    matching,
    mistakes,
    one_of,
    wrong,
)
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


def _among(words: Sequence[Any]) -> Any:
    return one_of(words, f"should be one of {', '.join(map(str, words))}")


def _is_gln(value: str) -> bool:
    """Thirteen digits, the last of which checks the others."""
    if not re.fullmatch(r"\d{13}", value):
        return False
    return sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(value)) % 10 == 0


def _fits(decimals: int) -> Any:
    """How many decimals the original takes is not said (U)."""
    return checked(
        lambda value: abs(value) < 10**12 and round(value, decimals) == value,
        f"should be a number with at most {decimals} decimals",
    )


def _price(value: Decimal, about: ValidationInfo) -> Decimal:
    decimals: int = (about.context or {})["price_decimals"]
    if abs(value) >= 10**12 or round(value, decimals) != value:
        raise wrong(f"should be a number with at most {decimals} decimals")
    return value


def _type(value: str, about: ValidationInfo) -> str:
    types: Sequence[str] = (about.context or {})["types"]
    if value not in types:
        raise wrong(f"should be one of {', '.join(types)}")
    return value


def _nothing(value: Any) -> Any:
    """Listed among the fields of a request, with no word on what giving it would do (U)."""
    raise wrong("cannot be given")


_Text = Annotated[str, checked(lambda value: value.strip(), "should be a text")]
_Day = Annotated[str, checked(is_day, "should be a date such as 2026-05-18")]
_Money = Annotated[Number, _fits(2)]
_Rate = Annotated[Number, _fits(6)]
_Percent = Annotated[Number, _among(RATES)]
_Email = Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s.]+", "should be an e-mail address")]
_Country = Annotated[str, matching(r"[A-Z]{2}", "should be a country in ISO 3166-1 alpha-2")]
_Currency = Annotated[str, matching(r"[A-Z]{3}", "should be a supported currency")]
_Zip = Annotated[str, matching(r"[0-9A-Za-z][0-9A-Za-z \-]{1,9}", "should be a zip code")]
_Quantity = Annotated[
    str, matching(r"-?\d{1,9}([.,]\d{1,6})?", 'should be a quantity as text, such as "2,00"')
]
_Product = Annotated[str, _among(PRODUCTS)]
_Channel = Annotated[str, _among(CHANNELS)]
_Nothing = Annotated[Any, AfterValidator(_nothing)]


class _Address(Lenient):
    name: _Text | None = None
    address: _Text | None = None
    address2: _Text | None = None
    address3: _Text | None = None
    zip: _Zip | None = None
    city: _Text | None = None
    countryCode: _Country | None = None


class _InvoiceAddress(_Address):
    name: _Text
    address: _Text
    zip: _Zip
    city: _Text


class _Debtor(Lenient):
    customerNumber: _Text
    name: _Text
    identificationNumber: _Text | None = None
    type: Annotated[str, _among(("COMPANY", "PERSON"))]
    GLN: Annotated[str, checked(_is_gln, "should be a global location number")] | None = None
    email: _Email | None = None
    phone: _Text | None = None
    cellPhone: _Text | None = None
    invoiceAddress: _InvoiceAddress | None = None
    deliveryAddress: _Address | None = None
    vatNumber: _Text | None = None
    distributionChannelOverride: bool | None = None
    distributionChannel: _Text | None = None
    FMI: _Text | None = None


class _Dates(Lenient):
    invoiceDate: _Day
    expireDate: _Day
    deliveryDate: _Day | None = None


class _Row(Lenient):
    """A row of articles: the page gives only an example, called minimal in the guide (I)."""

    description: _Text
    discountType: Annotated[str, _among(("PERCENTAGE", "CURRENCY"))]
    price: Annotated[Number, AfterValidator(_price)]
    quantity: _Quantity
    total: _Money
    totalDiscount: _Money
    totalExclVat: _Money
    totalVat: _Money
    unit: _Text
    vatPercentage: _Percent
    accountNumber: _Text | None = None
    articleNumber: _Text | None = None


class _Vat(Lenient):
    percentage: _Percent
    totalTaxable: _Money
    totalVat: _Money


class _Totals(Lenient):
    totalToPay: _Money | None = None
    total: _Money
    totalRoundOff: _Money | None = None
    totalExclVat: _Money
    totalVat: _Money
    taxReduction: _Money | None = None


class _Fees(Lenient):
    administration: _Money | None = None
    administrationVatPercentage: _Percent | None = None
    freight: _Money | None = None
    freightVatPercentage: _Percent | None = None


class _Terms(Lenient):
    payment: _Text | None = None
    delivery: _Text | None = None


class _Currencies(Lenient):
    """What these three are called, and what else there is, only the guide's example shows."""

    invoiceCurrency: _Currency | None = None
    baseCurrency: _Currency | None = None
    exchangeRate: _Rate | None = None


class Create(Lenient):
    """An invoice. The context says what `types` there are and how many `price_decimals`."""

    clientId: _Text | None = None
    productCode: _Product | None = None
    invoiceNumber: _Text
    paymentReference: _Text | None = None
    debitInvoiceNumber: _Text | None = None
    dates: _Dates
    debtor: _Debtor
    distributionCode: _Channel | None = None
    documentTemplateCode: _Text | None = None
    type: Annotated[str, AfterValidator(_type)] | None = None
    useRecourse: bool | None = None
    activatedDate: _Nothing = None
    activatedById: _Nothing = None
    ourReference: _Text | None = None
    yourReference: _Text | None = None
    yourContactPerson: _Text | None = None
    ourOrderNumber: _Text | None = None
    yourOrderNumber: _Text | None = None
    articleRows: Annotated[list[_Row], Field(min_length=1)]
    vats: Annotated[list[_Vat], Field(min_length=1)]
    remark: _Text | None = None
    terms: _Terms | None = None
    fees: _Fees | None = None
    reverseCharge: bool | None = None
    refund: bool | None = None
    totals: _Totals
    currency: _Currencies | None = None
    serviceProviderCode: _Text | None = None


class Overrides(Lenient):
    """What an activation can change."""

    productCode: _Product | None = None
    distributionCode: _Channel | None = None
    reminderProfileCode: _Text | None = None
    documentTemplateCode: _Text | None = None
    paymentReference: _Text | None = None
    serviceProviderCode: _Text | None = None
    useRecourse: bool | None = None


class Exported(Lenient):
    """The caller's own id of a payment that it has taken over."""

    externalId: _Text


class Booked(Lenient):
    """Where a payment was booked."""

    externalInformationId: _Text
    externalInformationSeries: _Text
    externalInformationFinancialYearId: _Text


class Failed(Lenient):
    """Why a payment could not be booked."""

    errorMessage: _Text


class Login(Lenient):
    """A user."""

    username: _Text
    password: _Text


_SAYS = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "string_type": "should be a text",
    "bool_type": "should be true or false",
    "list_type": "should be a list of at least one",
    "too_short": "should be a list of at least one",
    "model_type": "should be an object",
}


def wrong_in(body: Json, form: type[Lenient], **context: Any) -> dict[str, str]:
    """Every field of a body that is missing, not known, or of the wrong type."""
    found = mistakes(form, body, context)
    return {dotted(one.at): _SAYS.get(one.kind, one.says) for one in found}


def demand(body: Json, form: type[Lenient]) -> None:
    """Refuses what is not of this form."""
    if fields := wrong_in(body, form):
        raise invalid(fields)


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
