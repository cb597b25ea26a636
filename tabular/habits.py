"""How numbers and dates are written in one file, told from all of its cells together.

One cell is often unclear: 1.250 is 1250 in most of Europe and 1.25 elsewhere, 03/04/2026 is two
days. A cell that can be read in one way only decides for the whole file. Where none does, and it
makes a difference, or where two cells contradict each other, it is a question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, get_args

from tabular.wishes import DateOrder, Decimals, Question, Rates, Wishes

_SPACES = " \u00a0\u202f\u2009"
_APOSTROPHES = "'’"
_MINUS = "\u2212"
_ORDERS: tuple[DateOrder, ...] = get_args(DateOrder)
_DECIMALS: tuple[Decimals, ...] = get_args(Decimals)
_MARKS: dict[Decimals, tuple[str, str]] = {"comma": (",", "."), "point": (".", ",")}
MOST_CHARACTERS = 100
"""Of a number or a date; a longer one is none."""

_MIDNIGHT = r"(?: (?:0?0:00(?::00(?:\.0+)?)?|12:00(?::00)? AM))?"
"""How programs end a day that they keep as a moment."""
_DAY = re.compile(r"([0-9]{1,4})([./-])([0-9]{1,2})\2([0-9]{1,4})" + _MIDNIGHT)
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_DIGITS = re.compile(r"[0-9]{8}")
_BELOW_ONE = re.compile(r"0?[.,][0-9]*[1-9][0-9]*")


class Habits(NamedTuple):
    """What the file decided, or a person. What it left open makes no difference to any cell."""

    decimal: Decimals = "point"
    dates: DateOrder = "dmy"
    rates: Rates = "percent"
    date_format: str = "%Y-%m-%d"


def read_number(text: str, decimal: Decimals) -> str | None:
    """The number with a decimal point and nothing else, or None where it is none in this way.

    Thousands may be separated by spaces, apostrophes or the other mark, in groups of three; a minus
    may stand behind, as SAP writes it, or be brackets, as accountants do.
    """
    body = text.strip().replace(_MINUS, "-")
    if len(body) > MOST_CHARACTERS:
        return None
    if body.startswith("(") and body.endswith(")"):
        body = f"-{body[1:-1].strip()}"
    sign = "-" if body.startswith("-") != body.endswith("-") else ""
    body = (body.removeprefix("-") if body.startswith("-") else body.removesuffix("-")).strip()
    mark, other = _MARKS[decimal]
    whole, there, fraction = body.partition(mark)
    if there and not re.fullmatch("[0-9]+", fraction):
        return None
    if not re.fullmatch("[0-9]*" if there else "[0-9]+", whole):
        if not _grouped(whole, other):
            return None
        whole = re.sub("[^0-9]", "", whole)
    return f"{sign}{whole or '0'}{'.' if there else ''}{fraction}"


_SIGNS = {"€": "EUR", "£": "GBP", "zł": "PLN", "Kč": "CZK"}
"""Those that are one country's alone: there are many dollars and crowns."""
_MARK = rf"({'|'.join(_SIGNS)}|[A-Z]{{3}})"
_BEFORE = re.compile(rf"(-?)\s*{_MARK}\s*([^A-Za-z]+)")
_BEHIND = re.compile(rf"([^A-Za-z]+?)\s*{_MARK}\s*(-?)")


def unmarked(text: str) -> tuple[str, str]:
    """The currency that stands with an amount, by its code, and the amount without it; or none, and
    the text."""
    body = text.strip().replace(_MINUS, "-")
    if len(body) > MOST_CHARACTERS:
        return "", text
    if found := _BEFORE.fullmatch(body):
        return _SIGNS.get(found[2], found[2]), found[1] + found[3].strip()
    if found := _BEHIND.fullmatch(body):
        return _SIGNS.get(found[2], found[2]), found[1] + found[3]
    return "", text


def _grouped(whole: str, other: str) -> bool:
    return any(
        re.fullmatch(rf"[1-9][0-9]{{0,2}}([{re.escape(marks)}][0-9]{{3}})+", whole)
        for marks in (other, _SPACES, _APOSTROPHES)
    )


def read_day(text: str, order: DateOrder) -> date | None:
    """The day, or None. With a year of four digits in front there is but one way to read it."""
    text = text.strip()
    if len(text) > MOST_CHARACTERS:
        return None
    if iso := _ISO.fullmatch(text):
        return _day(*map(int, iso.groups()))
    if _DIGITS.fullmatch(text):
        parts = _digits(text, order)
    elif found := _DAY.fullmatch(text):
        parts = (found[1], found[3], found[4])
        if len(parts[0]) > 2:
            order = "ymd"
    else:
        return None
    by_letter = dict(zip(order, parts, strict=True))
    if len(by_letter["y"]) not in (2, 4) or max(len(by_letter["m"]), len(by_letter["d"])) > 2:
        return None
    year = int(by_letter["y"]) + (2000 if len(by_letter["y"]) == 2 else 0)
    return _day(year, int(by_letter["m"]), int(by_letter["d"]))


def _digits(text: str, order: DateOrder) -> tuple[str, str, str]:
    if order == "ymd":
        return text[:4], text[4:6], text[6:]
    return text[:2], text[2:4], text[4:]


def _day(year: int, month: int, day: int) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if is_likely(found) else None


def is_likely(day: date) -> bool:
    """Whether it may be a day of an invoice, and no number that was taken for one."""
    return 1900 <= day.year <= 2199


class Place(NamedTuple):
    """A cell, by the number of its row and the name of its column."""

    row: int
    column: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}"


@dataclass
class Evidence:
    """What was seen so far. It stays small, however large the file is."""

    certain: dict[Decimals, Place] = field(default_factory=dict)
    """The first number that can be read in this way only."""
    unclear: tuple[Place, str] | None = None
    """The first number that says something else in each way."""
    excluded: dict[DateOrder, Place] = field(default_factory=dict)
    """The first date that cannot be read in this order."""
    days: set[tuple[DateOrder, DateOrder]] = field(default_factory=set)
    """Orders between which some date differs,"""
    first_days: dict[tuple[DateOrder, DateOrder], Place] = field(default_factory=dict)
    """and where it does first."""
    below_one: Place | None = None
    """The first rate between 0 and 1 without a percent sign."""
    sample: str = ""
    """The first date that is not written year first."""

    def number(self, place: Place, text: str) -> None:
        """Take in how a number is written."""
        ways = {way: read_number(text, way) for way in _DECIMALS}
        possible = [way for way in _DECIMALS if ways[way] is not None]
        if len(possible) == 1:
            self.certain.setdefault(possible[0], place)
        elif possible and ways["comma"] != ways["point"] and not self.unclear:
            self.unclear = place, text.strip()

    def rate(self, place: Place, text: str) -> None:
        """Take in how a rate is written."""
        bare = text.strip()
        if not bare.endswith("%") and _BELOW_ONE.fullmatch(bare):
            self.small_rate(place)
        self.number(place, bare.removesuffix("%"))

    def small_rate(self, place: Place) -> None:
        """A rate between 0 and 1: 0.21 may be 21 % or a fifth of one."""
        self.below_one = self.below_one or place

    def day(self, place: Place, text: str) -> None:
        """Take in how a date is written."""
        if _ISO.fullmatch(text.strip()):
            return
        ways = {order: read_day(text, order) for order in _ORDERS}
        possible = [order for order in _ORDERS if ways[order]]
        if not possible or len(re.split("[./-]", text.strip())[0]) == 4:
            return
        self.sample = self.sample or text.strip()
        for order in _ORDERS:
            if order not in possible:
                self.excluded.setdefault(order, place)
        for one in possible:
            for other in possible:
                if ways[one] != ways[other]:
                    self.days.add((one, other))
                    self.first_days.setdefault((one, other), place)

    def questions(self, wishes: Wishes) -> Iterator[Question]:
        """What has to be said before the file can be read."""
        if not wishes.decimal:
            yield from self._about_decimals()
        if not wishes.dates:
            yield from self._about_dates()
        if not wishes.rates and self.below_one:
            what = "a rate below 1 may be a fraction, as 0.21 for 21 %, or that many percent"
            yield Question(str(self.below_one), what, "rates", ("fraction", "percent"))

    def _about_decimals(self) -> Iterator[Question]:
        if len(self.certain) == 2:
            comma, point = self.certain["comma"], self.certain["point"]
            what = f"has a decimal comma, and {point} has a decimal point"
            yield Question(str(comma), what, "decimal", ("comma", "point"))
        elif self.unclear and not self.certain:
            place, text = self.unclear
            comma_way, point_way = read_number(text, "comma"), read_number(text, "point")
            what = f"{text} may be {comma_way} or {point_way}, and nothing in the file decides it"
            yield Question(str(place), what, "decimal", ("comma", "point"))

    def _about_dates(self) -> Iterator[Question]:
        left = self._orders_left()
        if not left:
            last = max(self.excluded.values())
            what = "is written in another order than the dates before it"
            yield Question(str(last), what, "dates", _ORDERS)
            return
        for one, other in sorted(self.days):
            if one in left and other in left:
                where = min(self.first_days[each] for each in self.days if set(each) <= set(left))
                what = "day, month and year cannot be told apart in any row"
                yield Question(str(where), what, "dates", left)
                return

    def _orders_left(self) -> tuple[DateOrder, ...]:
        return tuple(order for order in _ORDERS if order not in self.excluded)

    def habits(self, wishes: Wishes) -> Habits:
        """How the file is written, where nothing is to be asked any more."""
        decimal = wishes.decimal or ("comma" if "comma" in self.certain else "point")
        left = self._orders_left()
        dates = wishes.dates or (left[0] if left else "dmy")
        return Habits(decimal, dates, wishes.rates or "percent", _format(self.sample, dates))


def _format(sample: str, order: DateOrder) -> str:
    """The sample's own way to write a day, for strftime."""
    if not sample:
        return "%Y-%m-%d"
    mark = next((each for each in sample if each in "./-"), "")
    year = "%Y" if re.search("[0-9]{4}", sample) else "%y"
    return mark.join({"d": "%d", "m": "%m", "y": year}[letter] for letter in order)
