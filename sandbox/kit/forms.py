"""What a request may hold, as pydantic models written from a provider's page.

A field has the name that it has on the wire. Nothing is converted: a number in quotes is no
number, and a property that the page does not have is a mistake. How a mistake is worded, and which
of several are told, is each provider's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

Json = dict[str, Any]
ABSENT: Any = None
"""The default of a field that may be left out, and not be null."""


class Form(BaseModel):
    """Null is a value like any other here, and mostly a wrong one."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Lenient(Form):
    """Null stands for absent, whatever the field."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = cls.model_fields
        return {n: value for n, value in given.items() if value is not None or n not in known}


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a request."""

    at: tuple[str | int, ...]
    """Where; empty for the whole."""
    kind: str
    """Pydantic's word (`missing`, `extra_forbidden`), or the one given to `wrong`."""
    says: str
    given: Any
    limits: Mapping[str, Any]
    """The bound that was passed, such as `max_length`."""

    @property
    def name(self) -> str:
        """The last part of where, if that is a field."""
        return str(self.at[-1]) if self.at else ""

    @property
    def null(self) -> bool:
        """Whether something must not be null, and is."""
        return self.given is None and self.kind not in ("missing", "extra_forbidden")


def mistakes(form: type[Form], body: Any, context: Any = None) -> list[Mistake]:
    """Everything that is wrong, object by object: first what is unknown, then what is missing."""
    try:
        form.model_validate(body, context=context)
    except ValidationError as error:
        found = [
            Mistake(one["loc"], one["type"], one["msg"], one["input"], one.get("ctx", {}))
            for one in error.errors(include_url=False)
        ]
        first = {"extra_forbidden": 0, "missing": 1}
        return sorted(found, key=lambda mistake: first.get(mistake.kind, 2))
    return []


def dotted(at: Sequence[str | int]) -> str:
    """`lines.0.name`."""
    return ".".join(map(str, at))


def indexed(at: Sequence[str | int]) -> str:
    """`lines[0].name`."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", dotted(at))


def wrong(says: str, kind: str = "wrong") -> PydanticCustomError:
    """A mistake in words of one's own."""
    return PydanticCustomError(kind, "{says}", {"says": says})


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise wrong("should be a number", "number")
    return Decimal(value)


Number = Annotated[Decimal, BeforeValidator(_number)]
"""A number of JSON, exact."""


def checked(fine: Callable[[Any], object], says: str, kind: str = "wrong") -> AfterValidator:
    """Refuses what `fine` is not true of."""

    def check(value: Any) -> Any:
        if not fine(value):
            raise wrong(says, kind)
        return value

    return AfterValidator(check)


def matching(pattern: str, says: str) -> AfterValidator:
    """Refuses a text that is not wholly of this form."""
    return checked(re.compile(pattern).fullmatch, says)


def one_of(words: Collection[Any], says: str) -> AfterValidator:
    """Refuses all but these words."""
    return checked(lambda value: value in words, says, "word")


def is_day(value: Any) -> bool:
    """Whether it is written as 2026-05-18."""
    try:
        return date.fromisoformat(value).isoformat() == str(value)
    except (TypeError, ValueError):
        return False


def is_moment(value: Any) -> bool:
    """Whether it is an RFC 3339 date-time with an offset."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return moment.tzinfo is not None and "T" in str(value)
