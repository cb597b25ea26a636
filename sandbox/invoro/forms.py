"""What a body of Invoro's must look like, field by field, and the shapes of its refusals.

The fields, limits and nulls are those of the page "Create Invoice". It is stricter than the
original may be: a property the page does not have is refused, so that a misspelling shows.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from starlette.responses import Response

from sandbox.invoro.data import Json
from sandbox.kit.wire import answer

Wrong = dict[str, list[str]]
"""What is wrong, by the path of its field (`items.0.name`)."""
Check = Callable[[Any], str | None]
"""What is wrong with a value, or None."""


@dataclass(frozen=True)
class Rule:
    """What one property may be. Unless said otherwise it may be left out, and be null."""

    wrong: Callable[[str, Any], Iterable[tuple[str, str]]]
    required: bool = False
    nullable: bool = True


def leaf(check: Check) -> Rule:
    def wrong(at: str, value: Any) -> Iterable[tuple[str, str]]:
        if problem := check(value):
            yield at, problem

    return Rule(wrong)


def shape(**fields: Rule) -> Rule:
    """An object with these properties and no others; the page allows null for none of them."""

    def wrong(at: str, value: Any) -> Iterable[tuple[str, str]]:
        if not isinstance(value, dict):
            yield at, "must be an object"
            return
        prefix = f"{at}." if at else ""
        for name, rule in fields.items():
            if rule.required and name not in value:
                yield prefix + name, "is required"
        for name, given in value.items():
            yield from _wrong_in(prefix + name, given, fields.get(name))

    return Rule(wrong, nullable=False)


def _wrong_in(at: str, value: Any, rule: Rule | None) -> Iterable[tuple[str, str]]:
    if rule is None:
        yield at, "is not a property of this request"
    elif value is not None:
        yield from rule.wrong(at, value)
    elif not rule.nullable:
        yield at, "must not be null"


def each(rule: Rule, least: int = 0) -> Rule:
    def wrong(at: str, value: Any) -> Iterable[tuple[str, str]]:
        if not isinstance(value, list):
            yield at, "must be an array"
            return
        if len(value) < least:
            yield at, f"must have at least {least} items"
        for index, one in enumerate(value):
            yield from rule.wrong(f"{at}.{index}", one)

    return Rule(wrong)


def required(rule: Rule) -> Rule:
    return replace(rule, required=True, nullable=False)


def never_null(rule: Rule) -> Rule:
    return replace(rule, nullable=False)


def text(most: int | None = None, least: int = 0) -> Rule:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be a string"
        if most is not None and len(value) > most:
            return f"must not be longer than {most} characters"
        return f"must be at least {least} characters" if len(value) < least else None

    return leaf(check)


def _exact(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def is_number(value: Any) -> str | None:
    """Sizes are bounded so that every sum below is exact."""
    fine = _exact(value) and (value == 0 or Decimal("1e-9") < abs(value) < 10**12)
    return None if fine else "must be a number of reasonable size"


def is_cents(value: Any) -> str | None:
    fine = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12
    return None if fine else "must be an integer, in cents"


def is_percentage(value: Any) -> str | None:
    if problem := is_number(value):
        return problem
    return None if value <= 100 else "must not be greater than 100"


def is_divisor(value: Any) -> str | None:
    """That it must be more than 0 is inferred (I): prices are divided by it."""
    return is_number(value) or (None if value > 0 else "must be greater than 0")


def is_moment(value: Any) -> str | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return "must be an RFC 3339 date-time"
    fine = moment.tzinfo is not None and "T" in value
    return None if fine else "must be an RFC 3339 date-time with an offset"


def is_uuid(value: Any) -> str | None:
    try:
        fine = str(UUID(value)) == value.lower()
    except (AttributeError, TypeError, ValueError):
        fine = False
    return None if fine else "must be a UUID"


def is_email(value: Any) -> str | None:
    fine = isinstance(value, str) and len(value) <= 255
    fine = fine and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) is not None
    return None if fine else "must be an e-mail address of at most 255 characters"


def is_base64(value: Any) -> str | None:
    try:
        base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return "must be base64"
    return None


def is_flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def is_currency(value: Any) -> str | None:
    fine = isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) is not None
    return None if fine else "must be an ISO 4217 code of 3 letters"


INVOICE_PROFILES = frozenset(
    {
        *("invoice", "ublbe_invoice", "nlcius_invoice"),
        *("xrechnung_ubl_invoice", "xrechnung_cii_invoice"),
    }
)
CREDIT_NOTE_PROFILES = frozenset(
    {"credit_note", "ublbe_credit_note", "nlcius_credit_note", "xrechnung_ubl_credit_note"}
)


def is_profile(value: Any) -> str | None:
    known = sorted(INVOICE_PROFILES | CREDIT_NOTE_PROFILES)
    return None if value in known else f"must be one of {', '.join(known)}"


# In the order and with the limits of the page.
_MOMENT, _CENTS, _NUMBER = leaf(is_moment), leaf(is_cents), leaf(is_number)
_PERCENTAGE, _COUNTRY = leaf(is_percentage), text(2, 2)
_NAME, _CODE = text(255), text(10)
_CODED = shape(scheme=_CODE, value=_NAME)
_PERIOD = {"start_date": _MOMENT, "end_date": _MOMENT}
_ADDRESS = shape(
    street=_NAME,
    additional_line=_NAME,
    city=_NAME,
    subdivision=_NAME,
    postal_code=text(20),
    country=_COUNTRY,
)
_PARTY = {
    "endpoint_id": _CODED,
    "identifiers": each(_CODED),
    "name": _NAME,
    "legal_name": _NAME,
    "trading_name": _NAME,
    "company_id": _CODED,
    "vat_number": text(50),
    "tax_registration_id": _CODED,
    "address": _ADDRESS,
    "contact": shape(name=_NAME, phone=text(50), email=leaf(is_email)),
}
_BANK_ACCOUNT = shape(iban=text(34), bic=text(11), account_name=_NAME)
_MEANS = {
    "means_code": _CODE,
    "means_text": _NAME,
    "payment_id": _NAME,
    "card": shape(pan=text(20), network=text(50), holder_name=_NAME),
    "direct_debit": shape(mandate_id=_NAME, debited_account=_NAME),
}
_LINE_ADJUSTMENT = {
    "reason": _NAME,
    "reason_code": _CODE,
    "amount": _CENTS,
    "percentage": _PERCENTAGE,
    "base_amount": _CENTS,
}
_EXEMPTION = {"tax_exemption_reason_code": _CODE, "tax_exemption_reason": _NAME}
_ADJUSTMENTS = each(
    shape(**_LINE_ADJUSTMENT, tax_category=_CODE, tax_rate=_PERCENTAGE, **_EXEMPTION)
)
_ITEM = shape(
    id=text(50),
    name=required(_NAME),
    description=text(),
    note=text(),
    price=required(_CENTS),
    quantity=required(_NUMBER),
    unit_code=_CODE,
    base_quantity=leaf(is_divisor),
    tax_rate=_PERCENTAGE,
    tax_category=_CODE,
    **_EXEMPTION,
    order_line_reference=_NAME,
    accounting_cost=_NAME,
    origin_country=_COUNTRY,
    period=shape(**_PERIOD),
    identifiers=shape(
        standard=shape(scheme=text(50), value=_NAME), sellers_item_id=_NAME, buyers_item_id=_NAME
    ),
    classifications=each(shape(list_id=text(50), list_version=text(50), value=_NAME)),
    attributes=each(shape(name=_NAME, value=_NAME)),
    allowances=each(shape(**_LINE_ADJUSTMENT)),
    charges=each(shape(**_LINE_ADJUSTMENT)),
)
_HEADER = {
    "specification": text(500),
    "business_process": text(500),
    "invoice_number": _NAME,
    "invoice_type_code": _CODE,
    # From the page on document type profiles.
    "document_type": leaf(is_profile),
    "issue_date": _MOMENT,
    "due_date": _MOMENT,
    "tax_point_date": _MOMENT,
    "currency": leaf(is_currency),
    "vat_currency": leaf(is_currency),
    "accounting_cost": _NAME,
    "buyer_reference": _NAME,
    "project_reference": _NAME,
    "contract_reference": _NAME,
    "tender_or_lot_reference": _NAME,
    "rounding_amount": _CENTS,
    # The page says array and not of what; notes are texts in UBL (I).
    "notes": each(text()),
    "invoice_period": shape(**_PERIOD, description=_NAME),
}
TOTALS = (
    *("line_extension_amount", "tax_exclusive_amount", "tax_inclusive_amount", "tax_amount"),
    *("allowance_total_amount", "charge_total_amount", "paid_amount", "payable_rounding_amount"),
    "payable_amount",
)
_BREAKDOWN = shape(
    category_code=_CODE,
    rate=_PERCENTAGE,
    taxable_amount=_CENTS,
    tax_amount=_CENTS,
    exemption_reason=_NAME,
    exemption_reason_code=_CODE,
)
_REST = {
    "calculate_totals": never_null(leaf(is_flag)),
    "business_entity_id": leaf(is_uuid),
    "related_invoice_id": leaf(is_uuid),
    "seller": shape(**_PARTY, legal_information=text()),
    "buyer": required(shape(**_PARTY | {"name": required(_NAME)})),
    "payee": shape(name=_NAME, company_id=_CODED),
    "payment": shape(
        terms=text(),
        payments=each(shape(**_MEANS, bank_accounts=each(_BANK_ACCOUNT))),
        **_MEANS,
        bank_account=_BANK_ACCOUNT,
    ),
    "delivery": shape(date=_MOMENT, location_id=_NAME, party_name=_NAME, address=_ADDRESS),
    "references": shape(
        purchase_order=_NAME,
        sales_order=_NAME,
        preceding_invoices=each(shape(number=_NAME, issue_date=_MOMENT)),
    ),
    "totals": shape(**dict.fromkeys(TOTALS, _CENTS)),
    "items": required(each(_ITEM, least=1)),
    "allowances": _ADJUSTMENTS,
    "charges": _ADJUSTMENTS,
    "tax_breakdown": each(_BREAKDOWN),
    "attachments": each(
        shape(
            filename=_NAME,
            mime_type=text(100),
            description=_NAME,
            data=leaf(is_base64),
            external_reference=text(500),
        )
    ),
}
_SERIES = {"invoice_number_series": never_null(text())}
CREATE = {
    "header": shape(header=shape(**_HEADER, **_SERIES), **_REST),
    "top": shape(header=shape(**_HEADER), **_REST, **_SERIES),
}
"""The body of create, by where the name of the number series stands in it."""
LOOK_UP = shape(query=required(text(least=1)))


def wrong_in(body: Any, rule: Rule) -> Wrong:
    """What is wrong with a body, all of it."""
    wrong: Wrong = {}
    for at, problem in rule.wrong("", body):
        wrong.setdefault(at, []).append(problem)
    return wrong


class Refusal(Exception):
    """A refusal in one sentence: HTTP `status` and `{message}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Invalid(Exception):
    """A body that was understood and is wrong: HTTP 422, field by field."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(", ".join(wrong))
        self.wrong = wrong


def message(status: int, text: str) -> Response:
    return answer({"message": text}, status)


def enveloped(status: int, text: str, errors: Mapping[str, Any] | None = None) -> Response:
    """The general envelope of a refusal: `{success, message, data, errors}`."""
    return answer({"success": False, "message": text, "data": None, "errors": errors}, status)


def invalid(wrong: Wrong) -> Response:
    first = next(f"{at} {problems[0]}" for at, problems in wrong.items())
    return enveloped(422, first.strip(), wrong)


_REASONS = frozenset({"E", "AE", "K", "G", "O"})
_TAXED = frozenset({"S", "L", "M"})
CATEGORIES = _REASONS | _TAXED | {"Z"}


def unsendable(ubl: Json, network: str | None) -> Wrong:
    """What keeps an invoice from being sent.

    The page says that it is validated and not against what; these are rules of EN 16931 and of
    Peppol BIS 3.0 that any validation would know (I).
    """
    wrong: Wrong = {}
    for at, problem in (*_of_document(ubl, network), *_of_items(ubl), *_of_reasons(ubl)):
        wrong.setdefault(at, []).append(problem)
    return wrong


def _of_document(ubl: Json, network: str | None) -> Iterable[tuple[str, str]]:
    header, buyer = ubl["header"], ubl["buyer"]
    references = ubl.get("references") or {}
    if network is None:
        yield "buyer.endpoint_id", "is needed to deliver it, or an e-mail address"
    if not (buyer.get("address") or {}).get("country"):
        yield "buyer.address.country", "is required [BR-11]"
    named = header.get("buyer_reference") or references.get("purchase_order")
    if network == "peppol" and not named:
        yield "header.buyer_reference", "is required, or a purchase order [PEPPOL-EN16931-R003]"
    terms = header.get("due_date") or (ubl.get("payment") or {}).get("terms")
    invoice = header["invoice_type_code"] != "381"
    if invoice and ubl["totals"]["payable_amount"] > 0 and not terms:
        yield "header.due_date", "is required, or payment terms [BR-CO-25]"
    for index, one in enumerate(references.get("preceding_invoices") or []):
        if not one.get("number"):
            yield f"references.preceding_invoices.{index}.number", "is required [BR-55]"


def _of_items(ubl: Json) -> Iterable[tuple[str, str]]:
    for index, item in enumerate(ubl["items"]):
        at, category, rate = f"items.{index}", item.get("tax_category"), item.get("tax_rate") or 0
        if item["price"] < 0:
            yield f"{at}.price", "must not be negative [BR-27]"
        if category is not None and category not in CATEGORIES:
            yield f"{at}.tax_category", "is not a VAT category [BR-CL-18]"
        if category == "S" and rate <= 0:
            yield f"{at}.tax_rate", "must be greater than 0 in category S [BR-S-05]"
        if category in CATEGORIES - _TAXED and rate != 0:
            yield f"{at}.tax_rate", f"must be 0 in category {category}"


def _of_reasons(ubl: Json) -> Iterable[tuple[str, str]]:
    explained = {
        part.get("tax_category") or part.get("category_code")
        for name in ("items", "allowances", "charges", "tax_breakdown")
        for part in ubl.get(name) or []
        if any(value for key, value in part.items() if "exemption" in key)
    }
    for index, row in enumerate(ubl["tax_breakdown"]):
        if row["category_code"] in _REASONS - explained:
            yield f"tax_breakdown.{index}.exemption_reason", "is required, or its code [BR-E-10]"
