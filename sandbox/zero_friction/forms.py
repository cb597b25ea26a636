"""What a request to Zero Friction may hold, and how it is refused.

Two kinds of refusal: `Malformed`, HTTP 400 field by field, by the framework in front of the rules;
`Refusal`, the envelope with `success: false` and error keys, by the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from starlette.responses import Response

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

Check = Callable[[Any], str | None]
"""What is wrong with a value, or None."""


def is_text(value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def is_number(value: Any) -> str | None:
    fine = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return None if fine and abs(value) < 10**12 else "must be a number of reasonable size"


def is_flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def is_moment(value: Any) -> str | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return "must be an RFC 3339 date-time"
    fine = moment.tzinfo is not None and "T" in value
    return None if fine else "must be an RFC 3339 date-time with an offset"


def is_texts(value: Any) -> str | None:
    fine = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return None if fine else "must be a list of strings"


def is_objects(value: Any) -> str | None:
    fine = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return None if fine else "must be a list of objects"


def one_of(*words: str) -> Check:
    return lambda value: None if value in words else f"must be one of {', '.join(words)}"


# Wrong words for invoiceType and lineType have error keys of their own: any text passes here.
HEADER: dict[str, Check] = {
    "invoiceNum": is_text,
    "status": one_of(*_STATUSES),
    "invoiceDate": is_moment,
    "invoiceType": is_text,
    "remainingInvoiceAmount": is_number,
    "totalInvoiceAmountExclVAT": is_number,
    "totalInvoiceAmountInclVAT": is_number,
    "contractId": is_text,
    "contractNumber": is_text,
    "creditedInvoiceId": is_text,
    "customerId": is_text,
    "companyBankAccountId": is_text,
    "propertyGroups": is_objects,
    "paymentMethod": one_of("sct", "sdd"),
    "paymentReference": is_text,
    "externalReference": is_text,
    "periodStartDateTime": is_moment,
    "periodEndDateTime": is_moment,
    "dueDate": is_moment,
    "noteToCustomer": is_text,
    "sent": one_of(*_SENT),
    "lines": is_objects,
    "disableVATCalculation": is_flag,
}
LINE: dict[str, Check] = {
    "quantity": is_number,
    "unitOfMeasure": one_of(*_UNITS),
    "billingItemId": is_text,
    "unitPrice": is_number,
    "amountInclVAT": is_number,
    "amountExclVAT": is_number,
    "lineType": is_text,
    "serviceLocationId": is_text,
    "startDateTime": is_moment,
    "endDateTime": is_moment,
    "taxCodeId": is_text,
    "description": is_text,
    "disableVATCalculation": is_flag,
}
PAYMENT: dict[str, Check] = {
    "customerId": is_text,
    "iban": is_text,
    "amount": is_number,
    "paymentDateTime": is_moment,
    "companyBankAccountId": is_text,
    "paymentReference": is_text,
    "references": is_objects,
    "isPaymentReferenceStructured": is_flag,
    "organizationCountry": is_text,
}


def wrong_in(body: Mapping[str, Any], checks: Mapping[str, Check], at: str = "") -> dict[str, str]:
    """What is wrong with a body, by the path of its property; null passes for anything."""
    wrong = {}
    for name, value in body.items():
        if name not in checks:
            wrong[at + name] = "is not a property of this request"
        elif value is not None and (problem := checks[name](value)):
            wrong[at + name] = problem
    return wrong


def wrong_in_create(body: Mapping[str, Any]) -> dict[str, str]:
    """The same for the body that creates an invoice, its lines included."""
    wrong = wrong_in(body, HEADER)
    lines = body.get("lines") or []
    if "lines" in wrong:
        return wrong
    for index, line in enumerate(lines):
        at = f"lines[{index}]."
        wrong |= wrong_in(line, LINE, at)
        priced = {"amountExclVAT", "amountInclVAT", "unitPrice"} & {
            name for name, value in line.items() if value is not None
        }
        if not priced:
            wrong[f"{at}amountExclVAT"] = "needs an amount or a unit price"
        if _ends_early(line):
            wrong[f"{at}endDateTime"] = "must not be before startDateTime"
    return wrong


def _ends_early(line: Mapping[str, Any]) -> bool:
    start, end = line.get("startDateTime"), line.get("endDateTime")
    if start is None or end is None or is_moment(start) or is_moment(end):
        return False
    return datetime.fromisoformat(end) < datetime.fromisoformat(start)


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
        "messageValues": [{"dataType": "string", "value": about, "capitalize": False}]
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
