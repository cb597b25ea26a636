"""Exact money: Decimal amounts in an ISO 4217 currency, and the only place that rounds.

Nothing here reads or changes the caller's decimal context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from functools import cache, lru_cache
from typing import Annotated, Any

import iso4217
from pydantic import AfterValidator, PlainSerializer, PlainValidator, WithJsonSchema

MOST_DIGITS = 15
"""Before the point; a number longer than this is a mistake, not a price."""
MOST_DECIMALS = 10
MOST_WRITTEN = 100
"""Characters of a number that are looked at: a megabyte of digits took a second to be refused."""

_EXPONENTS = {
    currency.code: currency.exponent
    for currency in iso4217.Currency
    if currency.exponent is not None
}

# A quotient of Numbers can lie so close to a half that only 50 digits tell it from the half; with
# fewer it would be rounded twice. The rest is room for what is too large and refused later.
_CONTEXT = Context(
    prec=100,
    rounding=ROUND_HALF_UP,
    Emin=-999999,
    Emax=999999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[InvalidOperation, DivisionByZero, Overflow],
)

_WRITTEN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_WITH_COMMA = re.compile(r"-?[0-9.]+(,[0-9.]+)+")


def exactly() -> AbstractContextManager[Context]:
    """A decimal context in which no sum or product of Numbers is ever rounded."""
    return localcontext(_CONTEXT)


def _read(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        # As a text it says all that it is; the rules for it are the same each time.
        text = str(value)
        return _sized(text) if len(text) <= MOST_WRITTEN else _sized.__wrapped__(text)
    if isinstance(value, str):
        return _written(value.strip())
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    if isinstance(value, float):
        raise ValueError('write the number in quotes, such as "12.50": binary floats are inexact')
    if not isinstance(value, int):
        raise ValueError('must be a number such as "12.50"')
    return _sized.__wrapped__(value)


def _written(text: str) -> Decimal:
    if len(text) > MOST_WRITTEN:
        raise ValueError(f"must be a number of at most {MOST_WRITTEN} characters")
    if _WITH_COMMA.fullmatch(text):
        raise ValueError(
            'write a point before the decimals and nothing between thousands, such as "1250.00"'
        )
    if not _WRITTEN.fullmatch(text):
        raise ValueError('must be a number such as "12.50"')
    return _sized(text)


@lru_cache(maxsize=2048)
def _sized(written: str | int) -> Decimal:
    """The number of this text. There is one for all that are written alike, as long as they are
    asked for: reading a price again costs a tenth, and a document of many lines holds each once."""
    number = Decimal(written)
    if not number.is_finite():
        raise ValueError("must be a finite number")
    if number and number.adjusted() >= MOST_DIGITS:
        raise ValueError(f"has more than {MOST_DIGITS} digits before the point")
    _, _, exponent = number.as_tuple()
    if isinstance(exponent, int) and exponent < -MOST_DECIMALS:
        raise ValueError(f"has more than {MOST_DECIMALS} decimals")
    # Written out, so that JSON gives back the very same Decimal; zero has no sign in an invoice.
    return Decimal(f"{number or number.copy_abs():f}")


Number = Annotated[
    Decimal,
    PlainValidator(_read),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}),
]
"""An exact decimal, at most 15 digits before the point and 10 after it.

Typed as a string, an integer or a Decimal; a binary float is refused. JSON gives it back unchanged,
its trailing zeros included.
"""


def _known(code: str) -> str:
    if code in _EXPONENTS:
        return code
    if code.upper() in _EXPONENTS:
        raise ValueError(f"write it in capitals: {code.upper()}")
    raise ValueError("must be an ISO 4217 currency with a minor unit, such as EUR")


Currency = Annotated[str, AfterValidator(_known)]
"""An ISO 4217 alphabetic code that has a minor unit (so no XXX, no precious metals)."""


def minor_units(currency: str) -> int:
    """How many decimals an amount in this currency has: EUR 2, JPY 0, BHD 3 (ISO 4217)."""
    return _EXPONENTS[_known(currency)]


@cache
def by_minor_units() -> Mapping[int, tuple[str, ...]]:
    """All currencies, by how many decimals they have."""
    every = sorted(_EXPONENTS)
    return {
        places: tuple(code for code in every if _EXPONENTS[code] == places)
        for places in sorted({*_EXPONENTS.values()})
    }


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount to the currency's minor unit, halves away from zero, as tax law counts."""
    # Plus makes -0.00 plain 0.00.
    return _CONTEXT.plus(amount.quantize(_unit(currency), ROUND_HALF_UP, _CONTEXT))


@cache
def _unit(currency: str) -> Decimal:
    return Decimal((0, (1,), -minor_units(currency)))


def added(amounts: Iterable[Decimal], currency: str) -> Decimal:
    """The sum, in the currency's minor unit even when there is nothing to add."""
    with exactly():
        return rounded(sum(amounts, Decimal(0)), currency)


@cache
def nothing(currency: str) -> Decimal:
    """Zero of it, in its minor unit."""
    return added((), currency)


def priced(quantity: Decimal, unit_price: Decimal, per: Decimal, currency: str) -> Decimal:
    """What `quantity` units cost when `per` units cost `unit_price` (EN 16931, BT-146, BT-149)."""
    with exactly():
        return rounded(quantity * unit_price / per, currency)


def percentage(amount: Decimal, percent: Decimal, currency: str) -> Decimal:
    """So many percent of an amount: VAT on a net amount, a discount on a price."""
    with exactly():
        return rounded(amount * percent / 100, currency)


def vat_inside(gross: Decimal, rate: Decimal, currency: str) -> Decimal:
    """The VAT that an amount already contains: 21.00 in 121.00 at 21 percent."""
    with exactly():
        return rounded(gross * rate / (100 + rate), currency)


def plain(number: Decimal) -> str:
    """Written without trailing zeros or exponent: "21", "5.5"; how rates are named everywhere."""
    text = format(number or number.copy_abs(), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
