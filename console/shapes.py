"""How a field of a model is filled in: its annotation, as a form has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel, StringConstraints

Kind = Literal["text", "long", "day", "whole", "choice", "json", "group", "list"]
LONG = 1000
"""A text that may have so many characters has more than one line."""


@dataclass(frozen=True)
class Shape:
    """`of`: the model of a group, or the shape of a list's items. `meanings`: what may be chosen,
    and what each is in JSON. What has no form of its own is filled in as JSON."""

    kind: Kind
    of: Any = None
    meanings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> type[BaseModel]:
        """Of a group."""
        model: type[BaseModel] = self.of
        return model

    @property
    def item(self) -> Shape:
        """Of a list."""
        item: Shape = self.of
        return item


def shape_of(annotation: Any, metadata: tuple[Any, ...] = ()) -> Shape:
    """The shape of a field with this annotation; None beside it says only that it may be left
    out."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of(inner[0], (*inner[1:], *metadata))
    if origin in (Union, UnionType):
        some = [each for each in inner if each is not NoneType]
        return shape_of(some[0], metadata) if len(some) == 1 else Shape("json")
    if origin is tuple:
        return Shape("list", shape_of(inner[0]))
    if origin is Literal:
        return _choice(inner)
    return _plain(annotation, metadata) if isinstance(annotation, type) else Shape("json")


def _plain(kind: type[Any], metadata: tuple[Any, ...]) -> Shape:
    if issubclass(kind, BaseModel):
        return Shape("group", kind)
    if issubclass(kind, bool):
        return _choice((True, False))
    if issubclass(kind, Enum):
        return _choice(tuple(each.value for each in kind))
    if issubclass(kind, date):
        return Shape("day")
    if issubclass(kind, int):
        return Shape("whole")
    if issubclass(kind, str | Decimal | UUID):
        return Shape("long" if _is_long(metadata) else "text")
    return Shape("json")


def _is_long(metadata: tuple[Any, ...]) -> bool:
    return any(
        isinstance(each, StringConstraints) and (each.max_length or 0) >= LONG for each in metadata
    )


def _choice(values: tuple[Any, ...]) -> Shape:
    said = {True: "true", False: "false"}
    return Shape("choice", meanings={said.get(each, str(each)): each for each in values})
