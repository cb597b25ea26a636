"""Events with something too large in them, and what is kept of one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from invoicing.errors import (
    Unreadable,
)
from invoicing.provider import (
    Event,
    Subject,
)


async def kept_of(adaptor: Any, event: Event) -> Event | None:
    """What reaches the invoice; None if nothing does."""
    try:
        subject: Subject = await adaptor.about(event)
    except Unreadable:
        return None
    if not subject.keys:
        return None
    assert len("".join(subject.keys)) < 16 * 1024
    if subject.event is None:
        return Event(id=event.id, kind=event.kind, at=event.at)
    assert subject.event == event.model_copy(update={"body": subject.event.body})
    return subject.event


def swollen(event: Event) -> list[Event]:
    """The event with something too large in it, one thing at a time."""
    return [event.model_copy(update={"body": body}) for body in _swollen_bodies(event.body)]


def _swollen_bodies(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    more = {"canary": ["x" * 1000] * 1000, "parameters.canary": {"y" * 100_000: "z" * 100_000}}
    yield {**whole, **more}
    for path in _places(whole):
        for change in (_long, _many):
            body = json.loads(json.dumps(whole))
            _change(body, path, change)
            yield body


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, member in members:
        yield (*at, name)
        if isinstance(member, dict | list):
            yield from _places(member, (*at, name))


def _change(body: Any, path: tuple[Any, ...], change: Callable[[Any], Any]) -> None:
    *way, last = path
    for name in way:
        body = body[name]
    body[last] = change(body[last])


def _long(value: Any) -> Any:
    """Text without end; a long number stays one."""
    if isinstance(value, list | dict):
        return value
    return f"{value}" + ("0" if str(value).replace(".", "").isdigit() else "ü") * 100_000


def _many(value: Any) -> Any:
    return value * 1000 if isinstance(value, list) else [value] * 1000


def unheard_of() -> Iterator[Event]:
    bodies: tuple[Any, ...] = ({}, {"id": 7, "data": [], "type": None}, {"canary": {"a": [1]}})
    for number, body in enumerate(bodies):
        yield Event(id=f"canary-{number}", kind="canary.unheard-of", body=body)
