"""How many there may be of what callers list: counted before a single one is looked at.

By itself pydantic counts the items of a list as it takes them, and faulty ones never: a megabyte of
empty objects became millions of mistakes, for an answer that names a hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, get_args

from pydantic import (
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import (
    CoreSchema,
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
    core_schema,
)

MOST_PROBLEMS = 100
"""Mistakes that are named at once: a long text of nonsense is not answered with a longer one."""

LET_GO = object()
"""The context of a validation whose input is used for nothing else: each item of a list is let go
once it has been read, so that what was typed and what is made of it are not there both as a whole.
"""

_AT_ONCE = 50
"""Items that are read before those are let go."""

_KNOWN = frozenset(get_args(core_schema.ErrorType))


@dataclass(frozen=True)
class Length:
    """On a field that is a tuple or a dict: how many it must and may have.

    The number is checked first. A list with faulty items is read until a hundred mistakes are
    found, and no further.
    """

    most: int
    least: int = 0

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        inner = handler(source)
        if inner["type"] != "tuple":
            return core_schema.no_info_wrap_validator_function(self._read, inner)
        inner = {**inner, "fail_fast": True}
        return core_schema.with_info_wrap_validator_function(self._read_list, inner)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = handler(schema)
        of = "Properties" if made.get("type") == "object" else "Items"
        if self.least:
            made[f"min{of}"] = self.least
        made[f"max{of}"] = self.most
        return made

    def _read_list(
        self, value: Any, read: core_schema.ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        if isinstance(value, list | tuple):
            self._check(len(value))
            given = value if isinstance(value, list) and info.context is LET_GO else None
            return _read_items(value, read, given)
        return self._read(value, read)

    def _read(self, value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, dict):
            self._check(len(value))
            return read(value)
        # Nothing that comes as JSON: what only our own code passes is counted when it is read.
        made = read(value)
        self._check(len(made))
        return made

    def _check(self, count: int) -> None:
        if count > self.most:
            _refuse("too_long", {"max_length": self.most}, count)
        if count < self.least:
            _refuse("too_short", {"min_length": self.least}, count)


def check_nested(value: Any, *, each: int, in_all: int) -> None:
    """Refuse free JSON with a list or an object of more than `each`, or more than `in_all` values.

    Raises pydantic's ValidationError, which names the place.
    """
    count = 0
    waiting: list[tuple[tuple[int | str, ...], Any]] = [((), value)]
    while waiting:
        path, one = waiting.pop()
        if not isinstance(one, list | tuple | dict):
            continue
        if len(one) > each:
            _refuse("too_long", {"max_length": each}, len(one), path)
        count += len(one)
        waiting.extend(((*path, key), inner) for key, inner in _inside(one) if _holds(inner))
    if count > in_all:
        raise ValueError(f"must hold at most {in_all} values in all, holds {count}")


def _inside(value: Any) -> Iterator[tuple[int | str, Any]]:
    if isinstance(value, dict):
        return ((str(key), inner) for key, inner in value.items())
    return iter(enumerate(value))


def _holds(value: Any) -> bool:
    return isinstance(value, list | tuple | dict)


def _refuse(
    kind: str, limit: dict[str, int], count: int, path: tuple[int | str, ...] = ()
) -> NoReturn:
    context = {"field_type": "List", "actual_length": count, **limit}
    details = InitErrorDetails(type=kind, loc=path, input=None, ctx=context)
    raise ValidationError.from_exception_data("list", [details], hide_input=True)


def _read_items(
    items: Sequence[Any],
    read: core_schema.ValidatorFunctionWrapHandler,
    emptied: list[Any] | None = None,
) -> tuple[Any, ...]:
    """All of them, or the first hundred mistakes. `read` stops at the first faulty item.

    Raises pydantic's ValidationError. Every item is read once, whatever is wrong with it; what is
    `emptied` has None for each item that was read.
    """
    found: list[InitErrorDetails] = []
    made: list[Any] = []
    start = 0
    while len(found) < MOST_PROBLEMS and start < len(items):
        begun = start
        try:
            made += read(items[start : start + _AT_ONCE])
            start += _AT_ONCE
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            found += (_moved(each, start) for each in details)
            start += int(details[0]["loc"][0]) + 1
        if emptied is not None:
            emptied[begun:start] = [None] * len(emptied[begun:start])
    if found:
        shown = found[:MOST_PROBLEMS]
        raise ValidationError.from_exception_data("list", shown, hide_input=True)
    return tuple(made)


def _moved(details: ErrorDetails, by: int) -> InitErrorDetails:
    """The same mistake in the list from which the first `by` items were left out."""
    index, *rest = details["loc"]
    kind, context = details["type"], details.get("ctx")
    moved = InitErrorDetails(
        type=kind if kind in _KNOWN else PydanticCustomError(kind, details["msg"], context),
        loc=(int(index) + by, *rest),
        input=None,
    )
    if context:
        moved["ctx"] = context
    return moved
