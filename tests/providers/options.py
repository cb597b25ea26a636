"""A recognisable value in every option of a provider, and what becomes of it.

As `fields` does it for documents: everything the provider is sent with the option given is held
against all it is sent without it. An option is said, unless the adaptor gives the reason why not.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from invoicing.errors import FieldProblem, Rejected, Unsupported
from providers.kit.coverage import inside, leaf_paths


@dataclass(frozen=True)
class Beside:
    """What must be given beside an option for it to be possible."""

    options: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    value: Any = None
    """Of the option itself, where it has to be one of the provider's own words."""


class Life(Protocol):
    """Everything a provider is sent about this invoice, also when it is taken back."""

    async def __call__(self, options: Mapping[str, Any], beside: Beside, /) -> str: ...


LINE = "1"
"""The line that options by line are given for."""
CANARIES: tuple[Any, ...] = (
    *(True, False, "Canary 31337", "CANARY31337", "CANARY", "31337", "313", "AT", "USD"),
    *("2026-06-17", "NL91ABNA0417164300", "DEUTDEFF", "Y2FuYXJ5", "0.25", "3.1337"),
    *("0b6f2c3e-7d54-4a66-9c1f-31337c0ffee0", "canary.pdf", {"canary": "Canary"}),
)


EITHER = {"Attachment": "external_reference"}
"""Where one of several must be given: the one that is."""


def values(info: FieldInfo) -> Iterator[Any]:
    """Values that the field takes by its type, other than its default."""
    adapter: TypeAdapter[Any] = TypeAdapter(info.rebuild_annotation())
    for value in (*_words(info.annotation), *CANARIES, *([one] for one in CANARIES)):
        try:
            if adapter.validate_python(value) != info.get_default(call_default_factory=True):
                yield value
        except ValidationError:
            continue


def _words(annotation: Any) -> Iterator[Any]:
    """The words of every Literal in it."""
    for each in get_args(annotation):
        if type(annotation) is type(Literal["x"]):
            yield each
        else:
            yield from _words(each)


def given(model: type[BaseModel], path: str, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options with this value at the path and all it needs beside it, and without the value."""
    name, _, below = path.partition(".")
    name, info = name.removesuffix("[]"), model.model_fields[name.removesuffix("[]")]
    inner, _ = inside(info.annotation)
    needed = {
        each: next(values(other))
        for each, other in model.model_fields.items()
        if each != name and (other.is_required() or each == EITHER.get(model.__name__))
    }
    if not below:
        return {**needed, name: value}, needed
    assert inner, path
    after, before = (_inside(info, each) for each in given(inner, below, value))
    return {**needed, name: after}, {**needed, name: before}


def _inside(info: FieldInfo, value: Any) -> Any:
    match get_origin(info.annotation):
        case builtins.dict:
            return {LINE: value}
        case builtins.tuple:
            return [value]
        case _:
            return value


async def findings(
    model: type[BaseModel],
    unsaid: Mapping[str, str],
    life: Life,
    base: Mapping[str, Any],
    beside: Mapping[str, Sequence[Beside]],
) -> list[str]:
    """What does not become of an option what the adaptor says; empty when all does. `base` are the
    ordinary options; `beside` says by path what else must be given."""
    paths = leaf_paths(model)
    found = [f"{path}: is no option" for path in unsaid if path not in paths]
    for path in paths:
        told, refused = await _told(model, path, life, base, beside.get(path, (Beside(),)))
        if path in unsaid and told:
            found.append(f"{path}: changes what is sent, and the adaptor gives a reason why not")
        if path in unsaid and not unsaid[path]:
            found.append(f"{path}: is not said, and no reason is given")
        if path not in unsaid and not told:
            why = sorted({str(each) for each in refused})
            found.append(f"{path}: the provider never hears of it {why}")
    return found


async def _told(
    model: type[BaseModel],
    path: str,
    life: Life,
    base: Mapping[str, Any],
    beside: Sequence[Beside],
) -> tuple[bool, list[FieldProblem]]:
    """Whether any value of the option changes what is sent, and what was refused instead."""
    refused: list[FieldProblem] = []
    for also in beside:
        start = _merged(base, also.options)
        for value in values(_field(model, path)) if also.value is None else (also.value,):
            after, before = given(model, path, value)
            try:
                with_it = await life(_merged(start, after), also)
            except (Rejected, Unsupported) as error:
                refused += error.fields
                continue
            without = await _without(life, start, before, also)
            if with_it != without if without else _word(value) in with_it.casefold():
                return True, []
    return False, refused


async def _without(
    life: Life, start: Mapping[str, Any], before: Mapping[str, Any], also: Beside
) -> str | None:
    """Without the value; where what is beside it is nothing without it, without that too. None:
    this document must have one. Then the value itself is looked for."""
    for options in (_merged(start, before), start):
        try:
            return await life(options, also)
        except (Rejected, Unsupported):
            continue
    return None


def _word(value: Any) -> str:
    return str(value[0] if isinstance(value, list) else value).casefold()


def _field(model: type[BaseModel], path: str) -> FieldInfo:
    name, _, below = path.partition(".")
    info = model.model_fields[name.removesuffix("[]")]
    inner, _ = inside(info.annotation)
    return _field(inner, below) if inner and below else info


def _merged(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(dict(base))
    for name, value in more.items():
        old = made.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            made[name] = _merged(old, value)
        else:
            made[name] = value
    return made
