"""How numbers, amounts and dates are written for the person who reads: by Babel, in the language
that the browser names first and Babel knows."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.numbers import format_currency, format_decimal, get_decimal_symbol

DEFAULT = Locale("en")
MOST_HEADER = 500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AMOUNT = re.compile(r"(-?\d{1,30}(?:\.\d{1,30})?) ([A-Z]{3})")


@dataclass(frozen=True)
class Reader:
    """Writes for one reader."""

    locale: Locale
    zone: tzinfo

    def money(self, amount: Decimal, currency: str) -> str:
        """An amount with its currency; never rounded."""
        return format_currency(amount, currency, locale=self.locale, decimal_quantization=False)

    def number(self, value: Decimal | int) -> str:
        """A number; never rounded."""
        return format_decimal(value, locale=self.locale, decimal_quantization=False)

    @property
    def decimal(self) -> Literal["comma", "point"]:
        """What stands before the decimals."""
        return "comma" if get_decimal_symbol(self.locale) == "," else "point"

    def day(self, value: date) -> str:
        """A calendar day."""
        return format_date(value, "medium", locale=self.locale)

    def month(self, value: date) -> str:
        """The calendar month in which this day is."""
        return format_skeleton("yMMMM", value, locale=self.locale)

    def moment(self, value: datetime) -> str:
        """A moment to the minute, in the zone that the settings name, which it says."""
        local = value.astimezone(self.zone)
        return f"{self.day(local)}, {self._clock(local)}"

    def until(self, value: datetime) -> str:
        """When something ends: by the clock where that is today, else by its day."""
        local = value.astimezone(self.zone)
        today = local.date() == datetime.now(self.zone).date()
        return self._clock(local) if today else self.day(local)

    def _clock(self, local: datetime) -> str:
        return f"{format_time(local, 'short', locale=self.locale)} {local.tzname()}"

    def lasting(self, seconds: float) -> str:
        """How long something took, in one unit that fits; at least a second."""
        taken = timedelta(seconds=max(1, round(seconds)))
        return format_timedelta(taken, threshold=2, locale=self.locale)

    def figure(self, written: str) -> str:
        """An amount as our sentences have it (`125.03 EUR`), or a day (`2026-07-30`), in the form
        of the reader; any other text as it is."""
        if _DAY.fullmatch(written):
            with contextlib.suppress(ValueError):
                return self.day(date.fromisoformat(written))
        found = _AMOUNT.fullmatch(written)
        return self.money(Decimal(found[1]), found[2]) if found else written


def preferred(accepted: str) -> Locale:
    """The first language of an Accept-Language header that is known."""
    for tag in _by_weight(accepted[:MOST_HEADER]):
        try:
            return Locale.parse(tag, sep="-")
        except (ValueError, UnknownLocaleError, TypeError):
            continue
    return DEFAULT


def _by_weight(accepted: str) -> list[str]:
    weighed = []
    for place, each in enumerate(accepted.split(",")):
        tag, _, weight = each.partition(";")
        try:
            heavy = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            heavy = 0.0
        weighed.append((-heavy, place, tag.strip()))
    return [tag for _, _, tag in sorted(weighed) if tag and tag != "*"]
