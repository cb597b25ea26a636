"""Around every request: under which name it was asked for, whether its caller is still there, the
headers of every answer, no error unanswered, and the line that is written about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.hosts import is_ours
from gateway.pace import Pace
from gateway.problems import Kind, Trouble, trouble_with, unavailable
from gateway.visits import LEFT, Book, Visit, source

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
    """ASGI middleware; see the module.

    Args:
        hosts: names with a dot under which it may be asked for.
        proxies: how many stand in front and are believed.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), proxies: int = 0) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._proxies = proxies
        self._book = Book()
        self._pace = Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            # The server sends no body then: whoever looks whether it is there finds what GET says.
            scope = {**scope, "method": "GET"}
        visit = Visit(source(scope, self._proxies))
        scope.setdefault("state", {})["visit"] = visit
        answer = _Answer(send, visit, lambda: self._book.write(visit, scope))
        presence = _Presence(scope, receive)
        try:
            self._refuse_other_names(scope)
            _refuse_two_lengths(scope)
            await self._pace.begin(_sender(scope, visit))
            await presence.during(self._app, scope, answer)
        except _LeftError:
            visit.outcome = LEFT
        except asyncio.CancelledError:
            # The gateway stops, and has waited for it as long as it may.
            visit.outcome = "stopped"
            if not answer.begun:
                await unavailable("the gateway is being stopped").response()(scope, receive, answer)
        except Exception as error:  # noqa: BLE001
            # Whatever it is, it must not reach the server's own log, which would quote it.
            trouble = trouble_with(error)
            visit.outcome = trouble.kind.slug
            if not answer.begun:
                await trouble.response()(scope, receive, answer)
        finally:
            visit.end()
            if not answer.begun:
                self._book.write(visit, scope)

    def _refuse_other_names(self, scope: Scope) -> None:
        if not is_ours(Headers(scope=scope).get("host", ""), self._hosts):
            detail = "set GATEWAY_HOSTS to the names with a dot under which it is asked for"
            raise Trouble(Kind.MISDIRECTED, detail)


def _refuse_two_lengths(scope: Scope) -> None:
    """Of a body that says its length twice, a proxy before us may see another end than we do: what
    is behind it would be somebody else's request (RFC 9112, 6.1)."""
    named = Headers(scope=scope)
    if "content-length" in named and "transfer-encoding" in named:
        detail = "send Content-Length or Transfer-Encoding, not both"
        raise Trouble(Kind.UNREADABLE, detail, headers={"Connection": "close"})


def _sender(scope: Scope, visit: Visit) -> str:
    """By whose token it comes, which is not proven yet; or else from where."""
    access = getattr(getattr(scope.get("app"), "state", None), "access", None)
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    named = access.named(token) if access and scheme.lower() == "bearer" else ""
    return named or f"from {visit.address}"


class _LeftError(Exception):
    """The caller has gone before the answer was there."""


class _Presence:
    """A caller who may leave. Its body is handed on as it comes; once it is whole, nothing more can
    come but the word that the caller has gone, and then what was being done for it ends."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._whole = asyncio.Event()
        self._first: Message | None = None
        named = Headers(scope=scope)
        self._empty = named.get("content-length", "0") == "0" and "transfer-encoding" not in named

    async def during(self, app: ASGIApp, scope: Scope, send: Send) -> None:
        """Run the application for it. Raises what that raises, or _LeftError."""
        serving = asyncio.ensure_future(app(scope, self.receive, send))
        watching = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                raise _LeftError
            await serving
        finally:
            watching.cancel()
            serving.cancel()
            await asyncio.gather(serving, watching, return_exceptions=True)

    async def receive(self) -> Message:
        """What the application is told."""
        if self._first is not None:
            message, self._first = self._first, None
            return message
        if self._whole.is_set():
            # It waits for nothing else then, and `during` ends it when the caller has gone.
            await asyncio.Future()
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._whole.set()
        return message

    async def _gone(self) -> None:
        if self._empty:
            # Nobody may ever read it, and only who reads is told that the caller has gone.
            self._first = await self.receive()
            if self._first["type"] == "http.disconnect":
                return
        await self._whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


class _Answer:
    """A `send` that adds the headers, and has what is answered written down before it is sent:
    nothing is done for a caller that no line tells of."""

    def __init__(self, send: Send, visit: Visit, write: Callable[[], None]) -> None:
        self._send = send
        self._visit = visit
        self._write = write
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            self._visit.status = message["status"]
            self._write()
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)
