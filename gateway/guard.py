"""Around every request: how many at once, the headers of every answer, and no error unanswered."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import trouble_with, unavailable

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""For an API that no browser is meant to show, and no cache to keep."""


class Guard:
    """ASGI middleware; see the module. `at_once`: requests under way, the ones that wait included.

    `/health` is always answered: a full house is no reason to be restarted.
    """

    def __init__(self, app: ASGIApp, at_once: int) -> None:
        self._app = app
        self._most = at_once
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        if self._inside >= self._most and scope["path"] != "/health":
            await unavailable("too many requests at once", 1).response()(scope, receive, answer)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001
            # Whatever it is, it must not reach the server's own log, which would quote it.
            trouble = trouble_with(error)
            if not answer.begun:
                await trouble.response()(scope, receive, answer)
        finally:
            self._inside -= 1


class _Answer:
    """A `send` that adds the headers and knows whether the answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
