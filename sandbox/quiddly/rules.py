"""What the fields of a request to Quiddly do not say together, each well written by itself."""

from __future__ import annotations

import re

from sandbox.quiddly.data import Json


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
