"""What a request to Zero Friction may hold, and how it is refused.

Two kinds of refusal: `Malformed`, HTTP 400 field by field, by the framework in front of the rules;
`Refusal`, the envelope with `success: false` and error keys, by the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any
from uuid import uuid4

from pydantic import create_model
from starlette.responses import Response

from sandbox.kit.forms import Lenient, Number, checked, indexed, is_moment, mistakes, one_of
from sandbox.kit.wire import answer
from sandbox.zero_friction.data import Json

INVOICE_TYPES = ("advance", "invoice", "endnote", "creditnote", "incidentalnote", "correctionnote")
LINE_TYPES = ("advance", "previouslyadvanced", "charge", "vatpennydifference")
_STATUSES = (
    "created",
    "approvalinprogress",
    "approved",
    "settled",
    "generated",
    "generationfailed",
)
_SENT = ("notsent", "sending", "printing", "skipped", "sent", "failed")
_UNITS = (
    *("none", "wh", "kwh", "mwh", "gwh", "j", "kj", "mj", "gj", "day", "month", "year"),
    *("litre", "m3", "units", "m3_h", "celcius", "k", "kw"),
)

_METHODS = ("sct", "sdd")


def _among(words: Sequence[str]) -> Any:
    return one_of(words, f"must be one of {', '.join(words)}")


_Size = checked(lambda value: abs(value) < 10**12, "must be a number of reasonable size")
_Amount = Annotated[Number, _Size]
_Moment = Annotated[str, checked(is_moment, "must be an RFC 3339 date-time with an offset")]


class Line(Lenient):
    """A line of an invoice. Wrong words for lineType have an error key of their own."""

    quantity: _Amount | None = None
    unitOfMeasure: Annotated[str, _among(_UNITS)] | None = None
    billingItemId: str | None = None
    unitPrice: _Amount | None = None
    amountInclVAT: _Amount | None = None
    amountExclVAT: _Amount | None = None
    lineType: str | None = None
    serviceLocationId: str | None = None
    startDateTime: _Moment | None = None
    endDateTime: _Moment | None = None
    taxCodeId: str | None = None
    description: str | None = None
    disableVATCalculation: bool | None = None


class Create(Lenient):
    """An invoice. Wrong words for invoiceType have an error key of their own."""

    invoiceNum: str | None = None
    status: Annotated[str, _among(_STATUSES)] | None = None
    invoiceDate: _Moment | None = None
    invoiceType: str | None = None
    remainingInvoiceAmount: _Amount | None = None
    totalInvoiceAmountExclVAT: _Amount | None = None
    totalInvoiceAmountInclVAT: _Amount | None = None
    contractId: str | None = None
    contractNumber: str | None = None
    creditedInvoiceId: str | None = None
    customerId: str | None = None
    companyBankAccountId: str | None = None
    propertyGroups: list[Json] | None = None
    paymentMethod: Annotated[str, _among(_METHODS)] | None = None
    paymentReference: str | None = None
    externalReference: str | None = None
    periodStartDateTime: _Moment | None = None
    periodEndDateTime: _Moment | None = None
    dueDate: _Moment | None = None
    noteToCustomer: str | None = None
    sent: Annotated[str, _among(_SENT)] | None = None
    lines: list[Line] | None = None
    disableVATCalculation: bool | None = None


class Approve(Lenient):
    """When an invoice is approved for."""

    invoiceDate: _Moment | None = None


class Pay(Lenient):
    """A payment entered by hand."""

    customerId: str | None = None
    iban: str | None = None
    amount: _Amount | None = None
    paymentDateTime: _Moment | None = None
    companyBankAccountId: str | None = None
    paymentReference: str | None = None
    references: list[Json] | None = None
    isPaymentReferenceStructured: bool | None = None
    organizationCountry: str | None = None


_FLAGS = ("excludeTerminatedContracts",)
_MOMENTS = ("startDateTime", "endDateTime")
_LISTS = (
    *("includeOnlyIds", "excludeIds", "invoiceType", "invoiceStatus", "propertyGroupIds"),
    *("paymentProcessStatus", "priorityServiceRegisterIds", "vulnerabilityRegisterIds"),
)


@cache
def filter_form(name: str, filters: tuple[str, ...]) -> type[Lenient]:
    """The body of a list with these filters."""
    kinds: dict[str, Any] = dict.fromkeys(filters, str)
    kinds |= dict.fromkeys(_FLAGS, bool) | dict.fromkeys(_MOMENTS, _Moment)
    kinds |= dict.fromkeys(_LISTS, list[str])
    fields: dict[str, Any] = {one: (kinds[one] | None, None) for one in filters}
    return create_model(name, __base__=Lenient, **fields)


_SAYS = {
    "extra_forbidden": "is not a property of this request",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "number": "must be a number of reasonable size",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}


def wrong_in(body: Any, form: type[Lenient]) -> dict[str, str]:
    """What is wrong with a body, by the path of its property; null passes for anything."""
    found = mistakes(form, body)
    return {indexed(one.at): _SAYS.get(one.kind, one.says) for one in found}


def wrong_in_create(body: Json) -> dict[str, str]:
    """The same for the body that creates an invoice, with what its fields say together."""
    wrong = wrong_in(body, Create)
    lines = body.get("lines")
    for index, line in enumerate(lines if isinstance(lines, list) else ()):
        at = f"lines[{index}]."
        priced = ("amountExclVAT", "amountInclVAT", "unitPrice")
        if isinstance(line, dict) and all(line.get(name) is None for name in priced):
            wrong[f"{at}amountExclVAT"] = "needs an amount or a unit price"
        if isinstance(line, dict) and _ends_early(line):
            wrong[f"{at}endDateTime"] = "must not be before startDateTime"
    return wrong


def _ends_early(line: Mapping[str, Any]) -> bool:
    start, end = line.get("startDateTime"), line.get("endDateTime")
    if not (is_moment(start) and is_moment(end)):
        return False
    return datetime.fromisoformat(str(end)) < datetime.fromisoformat(str(start))


class Refusal(Exception):
    """A business failure: the envelope with `success: false` and these error keys."""

    def __init__(self, *problems: tuple[str, str], status: int = 200) -> None:
        super().__init__(", ".join(key for key, _ in problems))
        self.problems = problems
        self.status = status


class Malformed(Exception):
    """A body the framework in front of the rules does not take: HTTP 400, field by field."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__(", ".join(wrong))
        self.wrong = wrong


def error_dto(key: str, about: str = "") -> Json:
    """One entry of `errors`."""
    return {
        "key": key,
        "correlationId": str(uuid4()),
        "message": key.replace("_", " ").capitalize() + (f" ({about})" if about else ""),
        "messageValues": [{"dataType": "text", "value": about, "capitalize": False}]
        if about
        else [],
    }


def envelope(
    data: Any,
    *,
    errors: Sequence[Json] = (),
    success: bool = True,
    status: int = 200,
) -> Response:
    """The reply every route gives."""
    return answer(
        {
            "success": success,
            "errors": list(errors),
            "data": data,
            "isSynchronous": True,
            "applicableEntitiesCount": 1,
            "requestedEntitiesCount": 1,
            "succeededEntitiesCount": 1 if success else 0,
        },
        status,
    )


def problem_details(status: int, title: str, wrong: Mapping[str, str] | None = None) -> Response:
    """The framework's own refusal (RFC 9457)."""
    return answer(
        {
            "type": "about:blank",
            "title": title,
            "status": status,
            "errors": {name: [message] for name, message in (wrong or {}).items()},
        },
        status,
    )
