"""Adaptors against scripted answers; no server, no network."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from invoicing.provider import Echo, Plan
from invoicing.request import InvoiceRequest
from invoicing.state.echo import Expected, differences
from providers.kit import http

# No test module, yet full of assertions: so that a failing one shows its values.
pytest.register_assert_rewrite("tests.providers.contract")

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def differing(asked: InvoiceRequest, plan: Plan, echo: Echo) -> list[str]:
    """The names of what is not as asked."""
    expected = Expected.of(asked.reference, asked.document, plan, plan.buyer)
    return [one.figure for one in differences(expected, echo, plan.echoes)]


class Script:
    """Answers calls by method and path, in order; the last answer is repeated.

    `asked` keeps every request, so that a test can say what a provider was told.
    """

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self._replies: dict[str, list[Reply]] = {}
        self._elsewhere: list[Reply] = []

    def on(self, route: str, *replies: Reply) -> Script:
        self._replies[route] = list(replies)
        return self

    def anywhere(self, reply: Reply) -> Script:
        """What every other route is answered with."""
        self._elsewhere = [reply]
        return self

    def client(self) -> httpx.AsyncClient:
        return http.client(httpx.MockTransport(self._reply))

    def routes(self) -> list[str]:
        return [f"{one.method} {one.url.path}" for one in self.asked]

    def body(self, route: str) -> Any:
        """What was sent last on that route, its fractions exact."""
        request = [one for one in self.asked if f"{one.method} {one.url.path}" == route][-1]
        return json.loads(request.content, parse_float=Decimal)

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        route = f"{request.method} {request.url.path}"
        replies = self._replies.get(route, self._elsewhere)
        assert replies, f"nobody expected {route}"
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            return reply(request)
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


def answer(
    body: Any = None, status: int = 200, headers: dict[str, str] | None = None
) -> httpx.Response:
    """A JSON answer; None is an empty body."""
    content = b"" if body is None else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers=headers)
