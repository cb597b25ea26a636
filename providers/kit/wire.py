"""What travels: models of what a provider answers, and the shape of what it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from invoicing.money import MOST_DECIMALS, MOST_WRITTEN, exactly
from providers.kit.http import Call, Json, unclear

_Item = TypeVar("_Item")
_Model = TypeVar("_Model", bound=BaseModel)


class Wire(BaseModel):
    """What a provider writes: more fields than we read, null for nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CamelWire(Wire):
    """The same where names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


def _no_items(value: Any) -> Any:
    return () if value is None else value


def _no_members(value: Any) -> Any:
    return {} if value is None else value


Many = Annotated[tuple[_Item, ...], BeforeValidator(_no_items)]
"""A list that may be null."""

Maybe = Annotated[_Item, BeforeValidator(_no_members)]
"""An object that may be null: then one without members."""


MOST_DIGITS = 15
"""That a binary float holds for certain, and digits before the point that are money at all."""


def amount(value: Any) -> Decimal:
    """What a provider writes as one; ValueError for what is none. Read as it is written; noise of a
    binary float and what is finer than any price is rounded.

    Providers whose amounts are of type double may write 25.376400000000003, or 1E+2.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("must be a number")
    if isinstance(value, str) and len(value) > MOST_WRITTEN:
        raise ValueError("must be a number of a usual length")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("must be a number") from None
    if not number.is_finite() or (number and number.adjusted() >= MOST_DIGITS):
        raise ValueError("must be a number of a usual size")
    with exactly() as context:
        decimals = -int(number.as_tuple().exponent)
        if decimals > MOST_DECIMALS // 2 and len(number.as_tuple().digits) > MOST_DIGITS:
            context.prec = MOST_DIGITS
            number = +number
            context.prec = 100
        finest = Decimal((0, (1,), -MOST_DECIMALS))
        number = number.quantize(finest) if decimals > MOST_DECIMALS else number
        return Decimal(f"{number or number.copy_abs():f}")


Amount = Annotated[Decimal, BeforeValidator(amount)]
"""A number that a provider writes. Unlike one that a caller types it is read, not judged: what we
compare it with decides. Only what is no number, or absurdly large, is refused."""


def _cents(value: Any) -> Any:
    number = amount(value)
    if number != number.to_integral_value():
        raise ValueError("must be a whole number")
    return int(number)


Cents = Annotated[int, BeforeValidator(_cents)]
"""The same in whole minor units: 12550, "12550" and 12550.0 are one."""


def is_unset(written: Any) -> bool:
    """Whether a date or time stands for none: the first and the last year that a platform has."""
    return isinstance(written, str) and written[:5] in ("0001-", "9999-")


def _set(written: Any) -> Any:
    return None if is_unset(written) else written


Moment = Annotated[datetime | None, BeforeValidator(_set)]
"""An instant that a provider writes, with however many digits of a second; None where it is unset
(`0001-01-01T00:00:00`) or never comes (the year 9999)."""

Written = Annotated[str | None, BeforeValidator(_set)]
"""The same as text, where only whether it is there counts."""


def day_of(written: Any, zone: tzinfo = UTC) -> str | None:
    """The day of a date, or of an instant in that zone, as ISO 8601; None where there is none, and
    `?` for what cannot be read: that is no agreement. What names no zone is as it is written."""
    if written is None or written == "" or is_unset(written):
        return None
    try:
        at = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        return "?"
    return (at.astimezone(zone) if at.tzinfo else at).date().isoformat()


def parse(model: type[_Model], data: Any, request: Call) -> _Model:
    """The answer, or a part of it, as that model; what an unreadable answer means if it is not."""
    try:
        return model.model_validate(data)
    except (ValidationError, AttributeError):
        raise unclear(request, "is not what was expected") from None


class Seen:
    """What came on the pages of a list before: one that grows while it is read shifts, and shows an
    item twice, and a next page may lead back."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._pages: set[str] = set()

    def fresh(self, items: Iterable[_Item]) -> list[_Item]:
        """Those whose `id` did not come before, and those without one."""
        return [one for one in items if self._is_fresh(one)]

    def _is_fresh(self, item: object) -> bool:
        known = item.get("id") if isinstance(item, Mapping) else None
        if not isinstance(known, str):
            return True
        new = known not in self._ids
        self._ids.add(known)
        return new

    def leads_on(self, page: str | None) -> bool:
        """Whether there is a next page, and it did not come before."""
        new = page is not None and page not in self._pages
        self._pages |= {page} if page is not None else set()
        return new


def filled(body: Mapping[str, Json]) -> dict[str, Json]:
    """Without the members that are None: what is not given is not written."""
    return {name: value for name, value in body.items() if value is not None}
