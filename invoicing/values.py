"""What people type that has a check digit or a register: checked by libraries, errors in words. And
how many there may be of what they list.

Every function takes what was typed and gives back how it is written properly, or raises ValueError
with a sentence that does not repeat the value. Whatever the libraries would load at their first
use is loaded with this module: documents are also read inside workflows, where nothing may be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import email_validator
import schwifty
from pydantic import TypeAdapter
from pydantic_extra_types.country import CountryAlpha2
from schwifty import exceptions as bank
from stdnum import exceptions as stdnum
from stdnum.ch import vat as swiss
from stdnum.eu.vat import MEMBER_STATES
from stdnum.gb import vat as british
from stdnum.no import mva as norwegian
from stdnum.util import clean, get_cc_module

from invoicing.lengths import check_nested

MOST_LINES = 1200
"""Of an invoice. Ordinary ones come to 265 KiB of the 640 that a request may have (`bounds.py`).
The engine gives a step of a workflow two seconds: to begin with so many takes 0.15, and 0.8 where
ten others want the same core. With 2,000 a busy worker fails its first step."""
MOST_ORDER_LINES = 1000
"""Of an order, so that each of them can still be delivered by itself."""
MOST_ADJUSTMENTS = 50
"""Allowances of one line or document, and charges as many."""
MOST_ADJUSTMENTS_IN_ALL = 5000
"""Allowances and charges of a document and all its lines together."""
MOST_NOTES = 100
MOST_PRECEDENTS = 500
MOST_IDENTIFIERS = 20
MOST_OPTIONS = MOST_LINES
"""Entries of the options, and of each list or object in them: one for each line."""
MOST_OPTIONS_IN_ALL = 20_000

MOST_WRITTEN = 320
"""Characters of what a library checks: the longest mail address, with room for spaces in others."""

_IBAN_ERRORS = {
    bank.InvalidCountryCode: "is not an IBAN: no country's begins like this",
    bank.InvalidLength: "is not a valid IBAN: too long or too short for its country",
    bank.InvalidChecksumDigits: "is not a valid IBAN: its check digits do not fit, a typing error?",
}

_VAT_ERRORS = {
    stdnum.InvalidLength: "is not a valid VAT number: too long or too short for its country",
    stdnum.InvalidChecksum: "is not a valid VAT number: its check digit does not fit",
}


def _european() -> dict[str, Callable[[str], str]]:
    modules = {country: get_cc_module(country, "vat") for country in MEMBER_STATES - {"xi"}}
    return {
        "EL" if country == "gr" else country.upper(): module.validate
        for country, module in modules.items()
        if module
    }


_VAT_CHECKS = {
    **_european(),
    "GB": british.validate,
    "XI": british.validate,
    "NO": norwegian.validate,
    "CH": swiss.validate,
}
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def iban(value: str) -> str:
    """The IBAN without spaces."""
    try:
        return str(schwifty.IBAN(value))
    except bank.SchwiftyException as error:
        raise ValueError(_IBAN_ERRORS.get(type(error), "is not a valid IBAN")) from None


def bic(value: str) -> str:
    """The BIC without spaces (ISO 9362)."""
    try:
        return str(schwifty.BIC(value))
    except bank.SchwiftyException:
        raise ValueError("is not a valid BIC: 8 or 11 characters, such as DEUTDEFF") from None


def vat_number(value: str) -> str:
    """The VAT number in compact form with its country's prefix: EU, GB, XI, NO and CH."""
    number = clean(value, " -./").upper()
    prefix = number[:2]
    if prefix not in _VAT_CHECKS:
        raise ValueError(_why_not_checked(prefix))
    try:
        # Only the Swiss number begins with its country by itself.
        national = _VAT_CHECKS[prefix](number if prefix == "CH" else number[2:])
    except stdnum.ValidationError as error:
        raise ValueError(_VAT_ERRORS.get(type(error), "is not a valid VAT number")) from None
    return national if prefix == "CH" else prefix + national


def _why_not_checked(prefix: str) -> str:
    if prefix == "GR":
        return "write EL before a Greek VAT number, not GR"
    if prefix.isalpha():
        return (
            "VAT numbers of this country cannot be checked here (only EU, GB, XI, NO, CH); "
            "put it into registration"
        )
    return "must begin with the country, such as NL or BE"


def email(value: str) -> str:
    """The address in its usual form. Only how it is written is checked, nothing is asked."""
    try:
        # Addresses under .test can reach nobody, which is what demonstrations need.
        checked = email_validator.validate_email(
            value, check_deliverability=False, test_environment=True
        )
    except email_validator.EmailNotValidError:
        raise ValueError("is not a valid e-mail address") from None
    return checked.normalized


def day(value: Any) -> Any:
    """A date, or how one is written; keeps numbers from being taken for seconds since 1970."""
    if isinstance(value, str):
        value = value.strip()
    written = isinstance(value, str) and _ISO_DATE.fullmatch(value)
    if isinstance(value, int | float | Decimal | str | bytes) and not written:
        raise ValueError('must be a date such as "2025-01-31"')
    return value


def day_or_moment(value: Any) -> Any:
    """A date or a moment with its offset from UTC, or how either is written."""
    if isinstance(value, str):
        value = _read(value.strip())
    if not (_is_instant(value) if isinstance(value, datetime) else isinstance(value, date)):
        raise ValueError(
            'must be a date such as "2025-01-31", or a moment with its offset from UTC such as '
            '"2025-01-31T09:00:00+01:00"'
        )
    return value


def _is_instant(value: datetime) -> bool:
    """Whether it has an offset, and UTC a name for it: that ends with the year 9999."""
    if value.tzinfo is None:
        return False
    try:
        value.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _read(text: str) -> date | None:
    with suppress(ValueError):
        kind = date if _ISO_DATE.fullmatch(text) else datetime
        return kind.fromisoformat(text)
    return None


_BREAKS = frozenset("\n\r\t")


def readable(value: str) -> str:
    """Text in which there is something to see, and no control character but line ends and tabs."""
    # Most texts are told by three looks at the whole of them: every worker reads each text again.
    if value.isascii() and value.isprintable() and value.strip():
        return value
    categories = {unicodedata.category(character) for character in {*value} - _BREAKS}
    if "Cc" in categories:
        raise ValueError("must not contain control characters")
    if all(category[0] in "CZ" for category in categories):
        raise ValueError("must not be empty")
    return value


def sparing(options: Any) -> Any:
    """Free JSON that holds no list or object of endless length, nor endlessly many of them."""
    check_nested(options, each=MOST_OPTIONS, in_all=MOST_OPTIONS_IN_ALL)
    return options


def not_zero(value: Decimal) -> Decimal:
    """Any number but 0."""
    if not value:
        raise ValueError("must not be 0")
    return value


def _warm_up() -> None:
    iban("GB82WEST12345698765432")
    bic("DEUTDEFF")
    email("someone@bücher.example.com")
    TypeAdapter(CountryAlpha2).validate_python("NL")


_warm_up()
