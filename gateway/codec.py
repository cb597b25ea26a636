"""Has encrypted payloads read for people: what the Web UI and Temporal's command line ask.

    POST /codec/decode, /codec/encode      {"payloads": […]}, as Temporal's codec servers have it
    GET  /codec/                           signs a browser in

Only callers with the scope `decrypt` may read them. A browser cannot add a token of ours to what
the Web UI asks, but it does repeat a password that it was given for this address: opening
`/codec/` asks for one, and a token is it (any name). The command line sends a token itself:

    temporal workflow show -w invoice/INV-1 --codec-endpoint http://localhost:8080/codec \\
        --codec-auth "Bearer …"
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from gateway.access import Access
from gateway.beside import Beside
from gateway.inputs import whole_body
from gateway.problems import Kind, Trouble
from gateway.visits import visit_of
from invoicing.errors import KeysAway
from invoicing.temporal.converter import Shows, Undecipherable
from settings.callers import Scope
from settings.gateway import GatewaySettings

MOST_BYTES = 8_000_000
"""The server's answers have 4 MB at most, and Base64 makes a third more of them."""
MOST_PAYLOADS = 20_000
"""More than a page of events can hold: each costs some microseconds however small it is."""
_SIGN_IN = {"WWW-Authenticate": 'Basic realm="invoicing", charset="UTF-8"'}
_Endpoint = Callable[[Request], Awaitable[Response]]
_How = Callable[[Sequence[Payload]], Coroutine[Any, Any, list[Payload]]]


def router(codec: PayloadCodec, settings: GatewaySettings, access: Access) -> Starlette:
    """The application to mount at `/codec`.

    Args:
        codec: that of `invoicing.client.converter()`; without one there is nothing to mount.
        settings: `web_ui` is the Web UI's origin as the browser names it; pages from anywhere else
            are refused.
        access: asked about every request before anything of it is read.
    """
    origin = settings.web_ui

    async def admit(request: Request) -> None:
        await access.admit(visit_of(request), _token(request), Scope.DECRYPT)

    beside = Beside(1)

    def transforming(how: _How) -> _Endpoint:
        async def transformed(request: Request) -> Response:
            body = await whole_body(request, settings, most=MOST_BYTES)
            # It takes as long as it is large, and nobody else is to wait for it.
            whose = visit_of(request).caller
            found = await beside.do(whose, lambda: asyncio.run(answer(how, body)))
            return Response(found, 200, _JSON)

        return transformed

    def guarded(endpoint: _Endpoint) -> _Endpoint:
        async def answered(request: Request) -> Response:
            try:
                _refuse_strangers(request, origin)
                await admit(request)
                return await endpoint(request)
            except Trouble as trouble:
                visit_of(request).outcome = trouble.kind.slug
                return trouble.response()

        return answered

    async def sign_in(request: Request) -> Response:
        try:
            await admit(request)
        except Trouble as trouble:
            visit_of(request).outcome = trouble.kind.slug
            if trouble.kind is not Kind.UNAUTHENTICATED:
                return trouble.response()
            return PlainTextResponse("A token is needed.\n", 401, _SIGN_IN)
        return PlainTextResponse("The Web UI can now show payloads in this browser.\n")

    return Starlette(
        routes=[
            Route("/", sign_in, methods=["GET"]),
            Route("/decode", guarded(transforming(_for_people(codec))), methods=["POST"]),
            Route("/encode", guarded(transforming(codec.encode)), methods=["POST"]),
        ],
        # Outermost, for a browser asks first, without a token, whether it may ask at all.
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=[origin],
                allow_methods=["POST"],
                allow_headers=["Authorization", "Content-Type", "X-Namespace"],
                allow_credentials=True,
            )
        ],
    )


def _for_people(codec: PayloadCodec) -> _How:
    """Of what was erased they are told so, beside what is still there."""
    return codec.shown if isinstance(codec, Shows) else codec.decode


def _refuse_strangers(request: Request, origin: str) -> None:
    """A browser that is signed in would ask for any page; it says whose page it is."""
    asking = request.headers.get("origin")
    if asking is not None and asking != origin:
        raise Trouble(Kind.FORBIDDEN, "payloads are read for the Web UI's own pages only")


def _token(request: Request) -> str | None:
    """What was sent as `Bearer token`, or as the password of `Basic`."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip() or None
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
    except (binascii.Error, ValueError):
        return None


async def answer(how: _How, body: bytes) -> str:
    """What the codec makes of the payloads in a body. Raises Trouble."""
    payloads = _parsed(body)
    try:
        answer = Payloads(payloads=await how(payloads))
    except Undecipherable as error:
        raise Trouble(Kind.UNREADABLE, str(error)) from None
    except KeysAway as error:
        raise Trouble(Kind.UNAVAILABLE, str(error)) from None
    return json_format.MessageToJson(answer, indent=None)


_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}


def _parsed(body: bytes) -> Sequence[Payload]:
    # Each has one object in it at most, its metadata: counted before any is made.
    if body.count(b"{") > 2 * MOST_PAYLOADS + 1:
        raise Trouble(Kind.TOO_LARGE, f"at most {MOST_PAYLOADS} payloads")
    try:
        payloads = json_format.Parse(body, Payloads(), ignore_unknown_fields=True).payloads
    except (json_format.ParseError, ValueError, RecursionError):
        raise Trouble(Kind.UNREADABLE, 'the body must be {"payloads": [...]}') from None
    if len(payloads) > MOST_PAYLOADS:
        raise Trouble(Kind.TOO_LARGE, f"at most {MOST_PAYLOADS} payloads")
    return payloads
