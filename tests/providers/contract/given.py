"""What every contract is tried with: a document, canaries, and what goes wrong below an adaptor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from invoicing.errors import (
    ProviderError,
    Unavailable,
    UnknownOutcome,
    Unreadable,
)
from invoicing.provider import (
    Attaches,
    Credits,
    Event,
    Finds,
    Sends,
    Updates,
)
from tests.providers import Reply

SECRET = "canary-secret"
"""Every secret of the settings contains it, and every token that a sign-in answers is it."""
PERSON = "A. Person"
"""What a provider's free text mentions."""
WORD = "canaryword"
"""A status that no provider documents."""
HOST = "api.example.test"
BUYER = "Canary Energy BV"
BUYER_EMAIL = "billing@canary.example.com"
REFERENCE = "ref-1"

LINE: dict[str, Any] = {
    "id": "1",
    "name": "Meter replacement",
    "quantity": "3",
    "unit_price": "19.99",
    "vat": {"rate": "21"},
}
DOCUMENT: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-06-30",
    "due_date": "2026-07-30",
    "buyer": {"name": BUYER, "account_number": "C-1"},
    "lines": [LINE],
}
"""An invoice to start from: net 59.97, VAT 12.59, gross 72.56."""

VERBS = ("find", "create", "read", "approve", "send", "delete", "credit")
MANDATORY = ("create", "read", "approve", "delete")
ONLY_SOME = {
    "find": Finds,
    "update": Updates,
    "send": Sends,
    "credit": Credits,
    "attach": Attaches,
}
ORDERLY = ("register", "read_order", "cancel_lines")
FED = ("poll", "acknowledge")
CHANGING = {
    *("create", "update", "attach", "approve", "send", "delete", "credit"),
    *("register", "cancel_lines"),
}
BORN = {"attach", "update", *VERBS} - {"find", "create"}
"""Verbs that are called once there is an id."""

Failures = Sequence[type[ProviderError]]


@dataclass(frozen=True)
class Step:
    """One verb, or one look-up, as this provider has it.

    asks: the calls it makes ("POST /invoices") and the JSON each is answered with; none: no call.
    context: what the call needs beside the plan's context, as earlier answers would have given it.
    events: what `read` or `read_order` is given.
    refuses: what it always raises, where the provider has no such thing.
    several: why it takes more than one call, a sentence; that is an exception to the port.
    means: statuses that do not mean what they mean elsewhere, by the provider's own word.
    empty: whether a success without a body says enough.
    silent: why its answer does not state our reference, a sentence.
    """

    asks: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    refuses: type[ProviderError] | None = None
    several: str = ""
    means: Mapping[int, type[ProviderError]] = field(default_factory=dict)
    empty: bool = False
    silent: str = ""


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong below an adaptor, and what it is to a call of either kind."""

    name: str
    reply: Reply
    reads: type[ProviderError]
    changes: type[ProviderError] = UnknownOutcome


def _page(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, html=f"<p>{PERSON}, we will be right back</p>")


def _words() -> str:
    """What httpx might quote in its messages."""
    return f"Authorization: Bearer {SECRET}; {PERSON}"


TROUBLES = (
    Trouble("refused", httpx.ConnectError(_words()), Unavailable, Unavailable),
    Trouble("no connection in time", httpx.ConnectTimeout(_words()), Unavailable, Unavailable),
    Trouble("no place in the pool", httpx.PoolTimeout(_words()), Unavailable, Unavailable),
    Trouble("reset after sending", httpx.ReadError(_words()), Unavailable),
    Trouble("reset while sending", httpx.WriteError(_words()), Unavailable),
    Trouble("not sent in time", httpx.WriteTimeout(_words()), Unavailable),
    Trouble("not answered in time", httpx.ReadTimeout(_words()), Unavailable),
    Trouble("cut off", httpx.RemoteProtocolError(_words()), Unavailable),
    Trouble("not decodable", httpx.DecodingError(_words()), Unavailable),
    Trouble("a page of HTML", _page, Unreadable),
    Trouble("half of a JSON", lambda _: httpx.Response(200, content=b'{"id": "1", '), Unreadable),
    Trouble("a number that is none", lambda _: httpx.Response(200, content=b"NaN"), Unreadable),
    Trouble("not UTF-8", lambda _: httpx.Response(200, content=b'"\xff"'), Unreadable),
)

STRANGE: tuple[Any, ...] = (
    {},
    PERSON,
    7,
    True,
    [[]],
    [7],
    {"data": PERSON},
    {"data": {"id": 7}},
    {"id": None},
)
"""JSON, and not what was asked for."""
INDIFFERENT = ("delete", "acknowledge", "poll")
"""A success is all that the first two need; news that nobody understands is news all the same."""

REDIRECTS = (301, 302, 303, 307, 308)
PASSED_ON = (408, 425, 429, 460, 499)
"""What may be answered by something in front of the provider that has passed the call on before."""
CREDENTIALS = (401, 403)
"""What says that the caller may not, whatever it asks."""
STATUSES = sorted(
    {status.value for status in HTTPStatus if status >= 200} | {299, 520, 599, *PASSED_ON}
)
ELSEWHERE = "https://elsewhere.example.test/"


class Endless(httpx.AsyncByteStream):
    """A body that never ends; whoever reads more than any limit could be is stopped."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(1024):
            yield b" " * 65536
        raise AssertionError("64 MiB were read, and more would have been")
