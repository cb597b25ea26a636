"""The console's application, to be mounted in the gateway's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console import (
    amending,
    batch,
    booked,
    books,
    by_issuer,
    correcting,
    crediting,
    going,
    inbox,
    interrupted,
    lists,
    live,
    one,
    signing_in,
    together,
)
from console.door import Console, NotSignedIn, OtherSessionError, is_form, keep, session_of
from console.render import Pages
from console.sessions import Sessions
from console.streams import Streams
from gateway.access import Access
from gateway.backend import Backend
from gateway.problems import Kind, Trouble, trouble_with
from gateway.silence import told_apart
from gateway.visits import visit_of
from invoicing.errors import InvoicingError
from settings.gateway import GatewaySettings

WHERE = "/console"
LOOKS = {"console.css": "text/css", "icon.svg": "image/svg+xml", "live.js": "text/javascript"}
"""What pages look like and how they move: of nobody's data, so for everybody, and kept by
browsers."""
_TOLD = (
    HTTPException,
    RequestValidationError,
    Trouble,
    InvoicingError,
)


def mount(app: FastAPI, backend: Backend, access: Access, settings: GatewaySettings) -> None:
    """Serve the console under `/console` of this application."""
    app.add_route(WHERE, _whole_path, methods=["GET"], include_in_schema=False)
    made = pages(backend, access, settings)
    backend.ends.append(made.state.console.read.end)
    app.mount(WHERE, made)


async def _whole_path(_: Request) -> Response:
    return RedirectResponse(f"{WHERE}/", 303)


def pages(backend: Backend, access: Access, settings: GatewaySettings) -> FastAPI:
    """The pages, over what stands behind the gateway and by its door."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={
            **dict.fromkeys(_TOLD, _refuse),
            NotSignedIn: _ask_who,
            OtherSessionError: _ask_again,
        },
    )
    idle = timedelta(minutes=settings.console_minutes)
    sessions = Sessions(settings.console_keys, idle)
    made = Pages(settings, sessions, has_books=backend.books is not None)
    app.state.console = Console(backend, access, sessions, made, Streams(settings))
    for router in (
        inbox.router,
        signing_in.router,
        by_issuer.router,
        lists.router,
        booked.router,
        books.router,
        going.router,
        batch.router,
        together.router,
        live.router,
        crediting.router,
        amending.router,
        correcting.router,
        one.router,
    ):
        app.include_router(router)
    for name, media in LOOKS.items():
        app.add_route(f"/{name}", _as_it_is(name, media), methods=["GET"])
    app.add_middleware(_Renewal)
    return app


def _as_it_is(name: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")

    async def look(_: Request) -> Response:
        return PlainTextResponse(text, 200, {"Cache-Control": "max-age=3600"}, media)

    return look


async def _ask_who(request: Request, _: Exception) -> Response:
    """To the form; and from there back to where somebody wanted to look. What somebody has filled
    in is kept."""
    desk: Console = request.app.state.console
    try:
        form = await interrupted.form_of_before(request, desk)
    except Trouble as trouble:
        return await _refuse(request, trouble)
    if form is not None:
        return interrupted.signed_out(request, desk, form)
    visit_of(request).outcome = Kind.UNAUTHENTICATED.slug
    base = request.scope["root_path"]
    wanted = request.url.path.removeprefix(base)
    if request.url.query:
        wanted += f"?{request.url.query}"
    looked = request.method == "GET" and wanted != "/"
    return RedirectResponse(f"{base}/sign-in?next={quote(wanted if looked else '/', safe='')}", 303)


async def _ask_again(request: Request, error: Exception) -> Response:
    """Whoever is signed in says once more that a form of another session is to be sent; one with a
    file is filled in anew."""
    signed_in = getattr(request.state, "visitor", None) is not None
    if isinstance(error, OtherSessionError) and signed_in and is_form(request):
        return interrupted.signed_in_anew(request, request.app.state.console, error.form)
    return await _refuse(request, error)


async def _refuse(request: Request, error: Exception) -> Response:
    desk: Console = request.app.state.console
    trouble = trouble_with(error)
    if trouble.kind is Kind.NO_WORKER:
        trouble = await told_apart(desk.backend, None)
    visit_of(request).outcome = trouble.kind.slug
    session = getattr(request.state, "session", None) or session_of(request, desk)
    page = desk.pages.page(
        request,
        "trouble.html",
        getattr(request.state, "visitor", None),
        session=session,
        status=trouble.kind.status,
        trouble=trouble,
    )
    if "Retry-After" in trouble.headers:
        page.headers["Retry-After"] = trouble.headers["Retry-After"]
    return page


class _Renewal:
    """Has the idle time begin anew with each answer to somebody who was let in, but where the page
    asked for itself; and has the log line know that the route is below `/console`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["mounted"] = WHERE
        request = Request(scope)

        async def renewing(message: Message) -> None:
            session = scope.get("state", {}).get("session")
            by_itself = "x-live" in request.headers
            begins = message["type"] == "http.response.start"
            if begins and request.method != "GET":
                scope["app"].state.console.read.forget()
            if begins and session is not None and not by_itself:
                response = Response()
                keep(request, response, scope["app"].state.console, session)
                headers = MutableHeaders(scope=message)
                headers.append("Set-Cookie", response.headers["set-cookie"])
            await send(message)

        await self._app(scope, receive, renewing)
