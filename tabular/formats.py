"""What a workbook shows around a number, by the number's format: a percent sign, zeros in front, a
currency."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from invoicing.money import by_minor_units

_UNSHOWN = re.compile(r"_.|\*.")
"""As wide as a sign, or filled with one: the sign itself says nothing."""
_LITERAL = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
_ZEROS = re.compile(r"0{2,}")
_CURRENCY = re.compile(r'\[\$([^\]-]*)[^\]]*\]|"([^"]*)"|\\(.)|([$€£¥])')
_DOLLARS = "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP BBD BSD BZD JMD TTD FJD NAD"
_CROWNS = "SEK NOK DKK ISK CZK"
SIGNS: dict[str, frozenset[str]] = {
    sign: frozenset(codes.split())
    for sign, codes in {
        "€": "EUR",
        "£": "GBP EGP LBP GIP FKP SHP",
        "$": _DOLLARS,
        "us$": "USD",
        "¥": "JPY CNY",
        "zł": "PLN",
        "kč": "CZK",
        "kr": _CROWNS,
        "kr.": _CROWNS,
        "fr.": "CHF",
        "sfr.": "CHF",
        "lei": "RON MDL",
        "ft": "HUF",
    }.items()
}
"""The currencies that a sign may stand for."""
CODES = frozenset(chain.from_iterable(by_minor_units().values()))


class Format(NamedTuple):
    """How a number is shown."""

    percent: bool = False
    digits: int = 0
    """It is filled up with zeros in front to so many."""
    currency: str = ""
    """The sign or code of a currency beside it; empty: none is shown."""


@lru_cache(maxsize=1024)
def read_format(written: str) -> Format:
    """What a number format shows, in any of its parts: of positive numbers, negative ones and 0."""
    shown = _UNSHOWN.sub("", written)
    percent = "%" in _LITERAL.sub("", shown)
    digits = len(shown) if _ZEROS.fullmatch(shown) else 0
    texts = ("".join(found).strip() for found in _CURRENCY.findall(shown))
    return Format(percent, digits, next(filter(_is_currency, texts), ""))


def _is_currency(text: str) -> bool:
    return text.casefold() in SIGNS or text in CODES


def may_be(sign: str, currency: str) -> bool:
    """Whether an amount shown with this sign or code may be in the currency of this code."""
    return currency in SIGNS.get(sign.casefold(), (sign,))
