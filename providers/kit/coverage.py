"""What becomes of every field of a document at a provider: said, refused, or ignored.

A provider's table names every path of the document (`buyer.address.region`,
`lines[].period.start`). What stands in no table is refused: a field that is added to the document
tomorrow is lost nowhere, and makes a test of every provider fail until it is decided.

Only a refusal may stand at a path that has others below it. To say or to ignore is decided field by
field.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from invoicing.document import Document
from providers.kit.mistakes import Mistakes

UNDECIDED = "has no place here: nobody has decided what becomes of it"


@dataclass(frozen=True)
class Treatment:
    """What becomes of one field, and why it is not said."""

    is_: Literal["said", "refused", "ignored"]
    why: str = ""
    """Empty for what is always said; else the sentence that a refusal gives, the reason for
    ignoring it, or when it is not said after all."""


Table = Mapping[str, Treatment]


def said(*paths: str) -> Table:
    """The provider is told: the value changes what is sent to it."""
    return dict.fromkeys(paths, Treatment("said"))


def said_unless(reason: str, *paths: str) -> Table:
    """Likewise, but for documents of which the reason is true."""
    return dict.fromkeys(paths, Treatment("said", reason))


def refused(sentence: str, *paths: str) -> Table:
    """Given a value other than its default, it is refused with this sentence."""
    return dict.fromkeys(paths, Treatment("refused", sentence))


def ignored(reason: str, *paths: str) -> Table:
    """The provider is knowingly not told, and nothing is lost by it: the reason says why."""
    return dict.fromkeys(paths, Treatment("ignored", reason))


def under(path: str, *names: str) -> tuple[str, ...]:
    """The paths of these fields below that one."""
    return tuple(f"{path}.{name}" for name in names)


ADDRESS = ("street", "additional", "city", "postal_code", "region", "country")
CONTACT = ("name", "phone", "email")
VAT = ("category", "rate", "exemption_reason", "exemption_code")
ADJUSTMENT = ("amount", "percent", "reason", "reason_code")
PARTY = (
    "name",
    "trading_name",
    "given_name",
    "family_name",
    "type",
    "vat_number",
    "registration.value",
    "registration.scheme",
    "identifiers[].value",
    "identifiers[].scheme",
    "electronic_address.value",
    "electronic_address.scheme",
    "account_number",
    *under("address", *ADDRESS),
    *under("contact", *CONTACT),
    "language",
)
"""Every field that a party has today. One that is added is undecided until it is added here."""


class Coverage:
    """The whole of one provider's tables. Raises ValueError for a path that two of them name, that
    no document has, or that is said or ignored together with all that stands below it."""

    def __init__(self, *tables: Table) -> None:
        self._by_path: dict[str, Treatment] = {}
        for path, treatment in ((path, one) for table in tables for path, one in table.items()):
            if path in self._by_path:
                raise ValueError(f"{path} is decided twice")
            if path not in inner_paths(Document) | set(leaf_paths(Document)):
                raise ValueError(f"{path} is no path of a document")
            if treatment.is_ != "refused" and path in inner_paths(Document):
                raise ValueError(f"{path} has fields below it: decide each of them")
            self._by_path[path] = treatment

    def of(self, path: str) -> Treatment | None:
        """What becomes of it, by its own entry or that of what it stands in; None: undecided."""
        while path:
            if found := self._by_path.get(path):
                return found
            path = _parent(path)
        return None

    def undecided(self, model: type[BaseModel] = Document) -> tuple[str, ...]:
        """The fields of a document of which the tables say nothing: there should be none."""
        return tuple(path for path in leaf_paths(model) if self.of(path) is None)

    def refuse(self, document: Document, mistakes: Mistakes) -> None:
        """Note everything in it that is given and refused, or undecided."""
        self._walk(document, "", "document", mistakes)

    def _walk(self, model: BaseModel, path: str, at: str, mistakes: Mistakes) -> None:
        given = model.model_fields_set
        for name, default in _defaults(type(model)).items():
            if name not in given:
                continue
            value = getattr(model, name)
            if value != default:
                self._given(value, f"{path}.{name}".lstrip("."), f"{at}.{name}", mistakes)

    def _given(self, value: Any, path: str, at: str, mistakes: Mistakes) -> None:
        treatment = self._by_path.get(path)
        if treatment and treatment.is_ == "refused":
            mistakes.unoffered(at, treatment.why)
        elif isinstance(value, BaseModel):
            self._walk(value, path, at, mistakes)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for index, each in enumerate(value):
                self._walk(each, f"{path}[]", f"{at}[{index}]", mistakes)
        elif treatment is None:
            mistakes.unoffered(at, UNDECIDED)


def _parent(path: str) -> str:
    """`lines[].vat` → `lines[]` → `lines` → nothing."""
    if path.endswith("[]"):
        return path[:-2]
    return path.rpartition(".")[0]


_NO_DEFAULT = object()


@cache
def _defaults(model: type[BaseModel]) -> dict[str, Any]:
    return {
        name: _NO_DEFAULT if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in model.model_fields.items()
    }


@cache
def leaf_paths(model: type[BaseModel]) -> tuple[str, ...]:
    """Every path at which a value of its own can stand, in the order of the model."""
    return tuple(path for path, inner in _paths(model, "") if not inner)


@cache
def inner_paths(model: type[BaseModel]) -> frozenset[str]:
    """Every path that has others below it."""
    return frozenset(path for path, inner in _paths(model, "") if inner)


def _paths(model: type[BaseModel], above: str) -> Iterator[tuple[str, bool]]:
    for name, field in model.model_fields.items():
        path = f"{above}.{name}".lstrip(".")
        inner, many = inside(field.annotation)
        yield path, inner is not None
        if inner:
            yield from _paths(inner, f"{path}[]" if many else path)


def inside(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that values of this type are, or that they are lists or named ones of; and whether
    there can be many."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    if origin is Annotated:
        return inside(arguments[0])
    if origin in (Union, types.UnionType):
        found = [inside(one) for one in arguments if one is not type(None)]
        return next((one for one in found if one[0]), (None, False))
    if origin in (tuple, list, dict):
        inner, _ = inside(arguments[-1] if origin is dict else arguments[0])
        return inner, inner is not None
    return None, False
