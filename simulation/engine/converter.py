"""Payloads by reference: inside one life a frozen model is handed over as it is, by a key.

Turning models into JSON and back is most of what a life costs. What is not frozen, and what is
decoded as another type than it was, goes through the real converter all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter

_ENCODING = b"simulation/reference"
_PLAIN = (str, int, bool, float)

_TAG_OF_DATA = b"\x12"
_BEFORE_DATA = Payload(metadata={"encoding": _ENCODING}).SerializeToString() + _TAG_OF_DATA


def _payload(key: bytes) -> Payload:
    """As `Payload(metadata={"encoding": _ENCODING}, data=key)`, from its bytes: to fill in a map by
    Python costs three times as much. A key has fewer than 128 digits, so one byte says how many."""
    return Payload.FromString(b"%b%c%b" % (_BEFORE_DATA, len(key), key))


class Table:
    """The objects of one life, by key."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self._shareable: dict[type, bool] = dict.fromkeys(_PLAIN, True)

    def keep(self, value: Any) -> int:
        """Its key from now on."""
        self.objects.append(value)
        return len(self.objects) - 1

    def takes(self, kind: type) -> bool:
        """Whether values of this type never change and so can be shared."""
        known = self._shareable.get(kind)
        if known is None:
            known = issubclass(kind, BaseModel) and bool(kind.model_config.get("frozen"))
            self._shareable[kind] = known
        return known


class ByReference(PayloadConverter):
    """One workflow instance's way into the table, or a client's.

    In a replay it gives the same key to what is equal to the recorded value, so that commands of
    then and now can be compared as they are.
    """

    def __init__(self, table: Table, real: PayloadConverter) -> None:
        self._table = table
        self._real = real
        self.keys: list[int] = []
        """Of what was encoded since `begin`."""
        self._expected: Sequence[int] = ()

    def begin(self, expected: Sequence[int] = ()) -> None:
        """One activation begins; in a replay with the keys of then."""
        self.keys = []
        self._expected = expected

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        return [self.to_payload(each) for each in values]

    def to_payload(self, value: Any) -> Payload:
        if not self._table.takes(type(value)):
            return self._real.to_payload(value)
        key = self._key(value)
        self.keys.append(key)
        return _payload(b"%d" % key)

    def _key(self, value: Any) -> int:
        place = len(self.keys)
        if place < len(self._expected):
            then = self._table.objects[self._expected[place]]
            if then is value or (type(then) is type(value) and then == value):
                return self._expected[place]
        return self._table.keep(value)

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        hints: Sequence[type | None] = type_hints or [None] * len(payloads)
        return [
            self._decoded(payload, hint) for payload, hint in zip(payloads, hints, strict=False)
        ]

    def _decoded(self, payload: Payload, hint: type | None) -> Any:
        if payload.metadata["encoding"] != _ENCODING:
            return self._real.from_payloads([payload], [hint] if hint else None)[0]
        value = self._table.objects[int(payload.data)]
        kind = type(value)
        if kind is hint or (hint is None and kind in _PLAIN):
            return value
        as_stored = self._real.to_payload(value)
        return self._real.from_payloads([as_stored], [hint] if hint else None)[0]

    def stored(self, payload: Payload) -> Payload:
        """The payload as the real server would have it."""
        if payload.metadata["encoding"] != _ENCODING:
            return payload
        return self._real.to_payload(self._table.objects[int(payload.data)])

    def value(self, payload: Payload) -> Any:
        """What the payload stands for, to be shown to people."""
        if payload.metadata["encoding"] != _ENCODING:
            return payload.data
        return self._table.objects[int(payload.data)]


class ByValue(PayloadConverter):
    """The real converter, where everything is to be stored and measured as it would be."""

    keys: Sequence[int] = ()

    def __init__(self, real: PayloadConverter) -> None:
        self._real = real

    def begin(self, expected: Sequence[int] = ()) -> None:
        """One activation begins."""

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        return self._real.to_payloads(values)

    def from_payloads(
        self, payloads: Sequence[Payload], type_hints: list[type] | None = None
    ) -> list[Any]:
        return self._real.from_payloads(payloads, type_hints)

    def stored(self, payload: Payload) -> Payload:
        """The payload as the real server would have it."""
        return payload

    def value(self, payload: Payload) -> Any:
        """What the payload stands for, to be shown to people."""
        return payload.data


Converter = ByReference | ByValue
