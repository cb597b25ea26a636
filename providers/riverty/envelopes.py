"""Notifications as they arrive: one may announce the documents of many invoices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pydantic import JsonValue

from invoicing.errors import Unreadable
from providers.kit import webhooks
from providers.riverty.decode import objects
from providers.riverty.settings import NAME

MAX_NOTIFICATION = 256 * 1024
MOST_PARTS = 500
"""Documents that one notification may announce."""
SHARED = 1_000
"""Characters that stand beside the list of documents, or in the document that is announced for
several invoices, and are repeated for each invoice."""
MOST_SHARED = 20
"""The same, texts and numbers; some five are sent."""

Body = dict[str, Any]


def notification(raw: bytes) -> dict[str, JsonValue]:
    """A JSON object whose fractions are kept as text, exactly as they were written."""
    if len(raw) > MAX_NOTIFICATION:
        raise Unreadable(f"{NAME}: a notification of more than {MAX_NOTIFICATION} bytes")
    webhooks.parsed(NAME, raw)
    body: dict[str, JsonValue] = json.loads(raw.decode(), parse_float=str)
    return body


def parts(body: Body) -> tuple[int, Iterator[Body]]:
    """One notification may announce documents of many invoices: how many, and one part for each,
    made as it is asked for. What all of them share is cut to SHARED, or a small notification would
    become a large one, hundreds of times. Unreadable where there are more than anybody announces at
    once: each becomes a workflow."""
    inside = body.get("parameters")
    wrapped = isinstance(inside, dict) and "documents" in inside
    place: Body = inside if wrapped and isinstance(inside, dict) else body
    count = sum(1 for _ in _announced(place))
    if count > MOST_PARTS:
        raise Unreadable(f"{NAME}: a notification of more than {MOST_PARTS} documents")
    if count < 2:
        return 1, iter([body])
    around = _shared(body) if wrapped else None
    return count, _parts(around, _shared(place), place)


def _parts(around: Body | None, beside: Body, place: Body) -> Iterator[Body]:
    for document, information in _announced(place):
        part = {**beside, "documents": [{**document, "documentInformation": [information]}]}
        yield part if around is None else {**around, "parameters": part}


def _announced(place: Body) -> Iterator[tuple[Body, Body]]:
    """Each document, without what it announces and what is too much to be repeated, with each of
    what it announces."""
    for document in objects(place.get("documents")):
        shared = _shared(document)
        for information in objects(document.get("documentInformation")):
            yield shared, information


def _shared(given: Mapping[str, Any]) -> Body:
    told: Body = {name: value for name, value in given.items() if isinstance(value, str | int)}
    if isinstance(details := given.get("details"), dict):
        told["details"] = _shared(details)
    left, kept = SHARED, Body()
    for name, value in islice(told.items(), MOST_SHARED):
        left -= len(name) + len(str(value))
        if left >= 0:
            kept[name] = value
    return kept
