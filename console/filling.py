"""A form for any of our models: which fields there are, what stands in them, and what was typed.

It is walked along the model, so nothing is taken from a form that the model does not have. What
nobody has touched stays as it was, however it was written: a field that was shown and came back the
same changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from console.render import json_shown, shown
from console.shapes import Kind, Shape, shape_of

MOST_ITEMS = 10
"""Items of one list that are shown at once."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One field, by its path as mistakes name it: `document.lines[0].unit_price`."""

    path: str
    kind: Kind
    value: str
    """As it is written in the form; empty where there is nothing."""
    meanings: Mapping[str, Any] = field(default_factory=dict)
    """What may be chosen, and what each means."""
    required: bool = False

    @property
    def name(self) -> str:
        """Of the model's field."""
        return _name(self.path)

    def meant(self, typed: str) -> Any:
        """What was typed, as JSON has it. What it cannot be is left for the model to refuse."""
        if typed in self.meanings:
            return self.meanings[typed]
        if self.kind == "whole" and re.fullmatch(r"-?\d{1,15}", typed):
            return int(typed)
        if self.kind == "json":
            try:
                return json.loads(typed)
            except (ValueError, RecursionError):
                return typed
        return typed


@dataclass(frozen=True)
class Group:
    """Fields that belong together: a model, in another one or in a list."""

    path: str
    is_set: bool = True
    may_go: bool = False
    """Whether it can be taken out, or put in where it is not set."""
    fields: tuple[Field, ...] = ()
    inside: tuple[Group | Listed, ...] = ()

    @property
    def name(self) -> str:
        """Of the model's field, or of the list's."""
        return _name(self.path)


@dataclass(frozen=True)
class Listed:
    """A list: `items` are those from `first` on that are shown, of `count`."""

    path: str
    items: tuple[Group | Field, ...]
    first: int
    count: int
    of_groups: bool
    """Whether its items are groups, or single texts."""

    @property
    def name(self) -> str:
        """Of the model's field."""
        return _name(self.path)


def _name(path: str) -> str:
    return re.sub(r"\[\d+\]$", "", path).rpartition(".")[2]


def walked(
    model: type[BaseModel],
    value: Any,
    path: str,
    firsts: Mapping[str, int] = MappingProxyType({}),
    *,
    may_go: bool = False,
) -> Group:
    """The form of what is written for this model, whatever is wrong with it. `firsts`: of lists by
    their path, from which item on they are shown."""
    given = value if isinstance(value, dict) else {}
    fields: list[Field] = []
    inside: list[Group | Listed] = []
    for name, about in model.model_fields.items():
        shape = shape_of(about.annotation, tuple(about.metadata))
        at, stands = f"{path}.{name}", given.get(name)
        match shape.kind:
            case "group" if stands is None and not about.is_required():
                inside.append(Group(at, is_set=False, may_go=True))
            case "group":
                optional = not about.is_required()
                inside.append(walked(shape.model, stands, at, firsts, may_go=optional))
            case "list":
                inside.append(_listed(shape, stands, at, firsts))
            case _:
                fields.append(_field(shape, stands, at, required=about.is_required()))
    return Group(path, may_go=may_go, fields=tuple(fields), inside=tuple(inside))


def _listed(shape: Shape, stands: Any, path: str, firsts: Mapping[str, int]) -> Listed:
    given = stands if isinstance(stands, list) else []
    first = min(firsts.get(path, 0), max(0, len(given) - 1) // MOST_ITEMS * MOST_ITEMS)
    items: list[Group | Field] = []
    for place, each in enumerate(given[first : first + MOST_ITEMS], first):
        at = f"{path}[{place}]"
        if shape.item.kind == "group":
            items.append(walked(shape.item.model, each, at, firsts, may_go=True))
        else:
            items.append(_field(shape.item, each, at, required=True))
    return Listed(path, tuple(items), first, len(given), shape.item.kind == "group")


def _field(shape: Shape, stands: Any, path: str, *, required: bool) -> Field:
    kind = "json" if isinstance(stands, dict | list) else shape.kind
    return Field(path, kind, _written(stands), shape.meanings, required)


def _written(stands: Any) -> str:
    match stands:
        case None:
            return ""
        case str():
            return stands
        case dict() | list():
            return json_shown(json.dumps(stands, indent=1, ensure_ascii=False))
        case _:
            return json.dumps(stands)


def parts(group: Group) -> Iterator[Group | Listed | Field]:
    """It and everything that is shown in it."""
    yield group
    yield from group.fields
    for each in group.inside:
        if isinstance(each, Group):
            yield from parts(each)
            continue
        yield each
        for item in each.items:
            yield from parts(item) if isinstance(item, Group) else (item,)


def typed_into(group: Group, value: Any, typed: Mapping[str, str]) -> Json:
    """What is written once this was typed, by paths, into the form that was made of `value`."""
    made: Json = dict(value) if isinstance(value, dict) else {}
    for one in group.fields:
        _type(one, made, one.name, typed)
    for inner in group.inside:
        if isinstance(inner, Listed):
            if inner.items:
                made[inner.name] = _items_typed(inner, made[inner.name], typed)
        elif inner.is_set:
            made[inner.name] = typed_into(inner, made.get(inner.name), typed)
    return made


def _items_typed(listed: Listed, value: list[Any], typed: Mapping[str, str]) -> list[Any]:
    made = list(value)
    for place, item in enumerate(listed.items, listed.first):
        if isinstance(item, Group):
            made[place] = typed_into(item, made[place], typed)
        else:
            held: Json = {"": made[place]}
            _type(item, held, "", typed)
            made[place] = held.get("", "")
    return made


def _type(one: Field, into: Json, name: str, typed: Mapping[str, str]) -> None:
    given = typed.get(one.path)
    if given is None or _plain(given) == _plain(shown(one.value)):
        return
    if plain := _plain(given):
        into[name] = one.meant(plain)
    else:
        into.pop(name, None)


def _plain(text: str) -> str:
    """As forms send it, without what stands around it."""
    return text.replace("\r\n", "\n").strip()


def added(form: Group, value: Json, path: str) -> Json:
    """With one more item in the list of this path, or with the group that was not set. A path that
    the form has no such button for changes nothing."""
    one = next((each for each in parts(form) if each.path == path), None)
    if isinstance(one, Listed):
        return _changed(value, path, lambda items: [*(items or ()), _new(one, items or ())])
    if isinstance(one, Group) and not one.is_set:
        return _changed(value, path, lambda _: {})
    return value


def removed(form: Group, value: Json, path: str) -> Json:
    """Without this item of a list, or this group. A path that the form has no such button for
    changes nothing."""
    items = {item.path for each in parts(form) if isinstance(each, Listed) for item in each.items}
    groups = {e.path for e in parts(form) if isinstance(e, Group) and e.is_set and e.may_go}
    return _changed(value, path, None) if path in items | groups else value


def _changed(value: Json, path: str, becomes: Callable[[Any], Any] | None) -> Json:
    """With something else at this path; None: with nothing there."""
    made: Json = json.loads(json.dumps(value))
    # The first step is the form's own name.
    _, *found = re.findall(r"(\w+)|\[(\d+)\]", path)
    *ways, last = [name or int(number) for name, number in found]
    holder: Any = made
    for step in ways:
        holder = holder[step]
    if becomes is None:
        del holder[last]
    else:
        holder[last] = becomes(holder.get(last))
    return made


def _new(listed: Listed, items: Sequence[Any]) -> Any:
    if not listed.of_groups:
        return ""
    if listed.name != "lines":
        return {}
    taken = {each.get("id") for each in items if isinstance(each, dict)}
    return {"id": next(str(n) for n in range(1, len(items) + 2) if str(n) not in taken)}


def without_empty(form: Group, value: Json) -> Json:
    """Without groups in which nothing was filled in, and which need not be there."""
    made = dict(value)
    for inner in form.inside:
        if isinstance(inner, Group) and inner.is_set and isinstance(made.get(inner.name), dict):
            made[inner.name] = without_empty(inner, made[inner.name])
            if not made[inner.name] and inner.may_go:
                del made[inner.name]
    return made
