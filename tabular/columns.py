"""Columns: which field of a request each one is, and what kind of value that field takes.

The names are the fields' own, written with dots, in capitals or small letters:

    reference, provider, account, goal, hold, send_on, …      of the request
    currency, issue_date, due_date, number, buyer.name, …     of its document, `document.` or not
    line.id, line.name, line.quantity, line.unit_price, …     of the line that the row is
    options.customer.external_id, …                           the provider's own options
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, auto
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue

from invoicing.document import Document, Line
from invoicing.request import SET_BY_US, InvoiceRequest


class Kind(Enum):
    """What a column's cells say."""

    TEXT = auto()
    NUMBER = auto()
    WHOLE = auto()
    RATE = auto()
    """A percentage: a number of which a spreadsheet may show a hundredth."""
    DAY = auto()
    MOMENT = auto()
    """A day, or a moment with its offset."""
    TRUTH = auto()
    JSON = auto()
    """A list or an object."""
    FREE = auto()
    """Anything: nobody declares what."""


Part = Literal["request", "document", "line", "options"]


class Column(NamedTuple):
    """A field: of which part, by which path in it, and what it takes."""

    part: Part
    path: tuple[str, ...]
    kind: Kind

    @property
    def name(self) -> str:
        """As it is spelt properly."""
        before = (self.part,) if self.part in ("line", "options") else ()
        return ".".join((*before, *self.path))


_OF_REQUEST = frozenset(InvoiceRequest.model_fields) - {"document", "options"} - SET_BY_US
_OF_DOCUMENT = frozenset(Document.model_fields) - {"lines"}
_RATES = ("rate", "percent")
Options = Mapping[str, type[BaseModel]]


@dataclass(frozen=True)
class Columns:
    """Finds columns. `options` are the models of the providers' options, by provider: a column of
    a provider that has none here takes anything."""

    options: Options

    def named(self, header: str, provider: str = "") -> Column | None:
        """The column of this name, where it is one of a request to this provider."""
        first, *rest = header.strip().split(".")
        match _spelt(first), rest:
            case "document", [_, *_]:
                return _found("document", Document, rest, _OF_DOCUMENT)
            case "line", [_, *_]:
                return _found("line", Line, rest)
            case "options", [_, *_]:
                return self._option(rest, provider)
            case name, _ if name in _OF_REQUEST:
                return _found("request", InvoiceRequest, [first, *rest], _OF_REQUEST)
        return _found("document", Document, [first, *rest], _OF_DOCUMENT)

    def _option(self, parts: list[str], provider: str) -> Column | None:
        model = self.options.get(provider)
        if model is None:
            return Column("options", tuple(parts), Kind.FREE)
        return _found("options", model, parts)


def alike(header: str) -> str:
    """The name of a column that this one may have been meant to be; empty: none is near."""
    names = {*_OF_REQUEST, *_names("", Document), *_names("line.", Line)}
    near = difflib.get_close_matches(_spelt(header)[:50], sorted(names), n=1)
    return near[0] if near else ""


@cache
def _names(before: str, model: type[BaseModel]) -> frozenset[str]:
    found = {f"{before}{name}" for name in model.model_fields}
    for name, each in model.model_fields.items():
        for inner in _models(each.annotation):
            found |= {f"{before}{name}.{part}" for part in inner.model_fields}
    return frozenset(found)


def _spelt(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _found(
    part: Part,
    model: type[BaseModel],
    parts: list[str],
    among: frozenset[str] | None = None,
) -> Column | None:
    if among is not None and _spelt(parts[0]) not in among:
        return None
    walked = _walk(model, parts)
    return walked and Column(part, *walked)


def _walk(annotation: Any, parts: list[str]) -> tuple[tuple[str, ...], Kind] | None:
    """The path as it is spelt properly, and the kind of what is there."""
    if not parts:
        return (), _kind(annotation)
    if _is_free(annotation):
        return tuple(parts), Kind.FREE
    first, *rest = parts
    for model in _models(annotation):
        if (field := model.model_fields.get(_spelt(first))) is not None:
            walked = _walk(field.annotation, rest)
            if walked is None:
                return None
            path, kind = walked
            if not path and kind is Kind.NUMBER and _spelt(first) in _RATES:
                kind = Kind.RATE
            return (_spelt(first), *path), kind
    for inner in _dicts(annotation):
        walked = _walk(inner, rest)
        return walked and ((first.strip(), *walked[0]), walked[1])
    return None


def _leaves(annotation: Any) -> Iterator[Any]:
    """The types in `X | None`, `Annotated[X, …]` and the like; what holds others is one of them."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for inner in get_args(annotation):
            yield from _leaves(inner)
    elif origin is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif annotation is not type(None):
        yield annotation


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    return (
        leaf
        for leaf in _leaves(annotation)
        if isinstance(leaf, type) and issubclass(leaf, BaseModel)
    )


def _dicts(annotation: Any) -> Iterator[Any]:
    return (get_args(leaf)[1] for leaf in _leaves(annotation) if get_origin(leaf) is dict)


def _is_free(annotation: Any) -> bool:
    return any(leaf is JsonValue or leaf is Any for leaf in _leaves(annotation))


def _kind(annotation: Any) -> Kind:
    if _is_free(annotation):
        return Kind.FREE
    leaves = list(_leaves(annotation))
    holds = (dict, tuple, list)
    if any(get_origin(leaf) in holds or leaf in holds for leaf in leaves) or any(
        _models(annotation)
    ):
        return Kind.JSON
    types = {leaf for leaf in leaves if isinstance(leaf, type)}
    if str in types or len(types) < len(leaves):
        return Kind.TEXT
    for wanted, kind in _KINDS:
        if wanted <= types:
            return kind
    return Kind.TEXT


_KINDS: tuple[tuple[set[type], Kind], ...] = (
    ({bool}, Kind.TRUTH),
    ({Decimal}, Kind.NUMBER),
    ({float}, Kind.NUMBER),
    ({int}, Kind.WHOLE),
    ({datetime, date}, Kind.MOMENT),
    ({date}, Kind.DAY),
)
