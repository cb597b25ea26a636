"""Exact money: Decimal amounts in an ISO 4217 currency, and the only place that rounds."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

import iso4217
from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_EXPONENTS = {
    currency.code: currency.exponent
    for currency in iso4217.Currency
    if currency.exponent is not None
}


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('write the number as a string, such as "12.50": binary floats are inexact')
    return value


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("must be a finite number")
    return value


Number = Annotated[
    Decimal,
    BeforeValidator(_exact),
    AfterValidator(_finite),
    PlainSerializer(lambda value: format(value, "f"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}),
]
"""An exact decimal. Typed as a string or an integer; a binary float is refused."""


def _known(code: str) -> str:
    if code not in _EXPONENTS:
        raise ValueError(f"{code!r} is not an ISO 4217 currency with a minor unit")
    return code


Currency = Annotated[str, AfterValidator(_known)]
"""An ISO 4217 alphabetic code that has a minor unit (so no XXX, no precious metals)."""


def minor_units(currency: str) -> int:
    """How many decimals an amount in this currency has: EUR 2, JPY 0, BHD 3 (ISO 4217)."""
    return _EXPONENTS[_known(currency)]


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount to the currency's minor unit, halves away from zero, as tax law counts."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), rounding=ROUND_HALF_UP)
