"""The console's way in: the same door as for every other caller, with the token that the session
holds; and what a form must prove before anything of it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request, Response

from console.lately import Read
from console.render import Pages, Visitor
from console.sessions import Session, Sessions
from console.streams import Streams
from gateway.access import Access
from gateway.backend import Backend
from gateway.inputs import AT_ONCE, Beside, alone, whole_body
from gateway.problems import Kind, Trouble, invalid, nothing_here
from gateway.routes import is_own
from gateway.visits import visit_of
from invoicing.temporal.asking import Execution
from settings.callers import Scope

_ONCE = re.compile(r"[A-Za-z0-9_-]{1,100}")
MOST_FIELDS = 200
WRITTEN_AS = 3
"""Bytes into which a form writes one that is no letter."""


class NotSignedIn(Exception):
    """Whoever asks has to sign in first."""


class OtherSessionError(Trouble):
    """A form that a page of another session showed, or none of ours."""

    def __init__(self, form: Form) -> None:
        why = "the form is of another session: go back and fill it in anew"
        super().__init__(Kind.FORBIDDEN, why)
        self.form = form


class Console:
    """What stands behind the pages."""

    def __init__(
        self,
        backend: Backend,
        access: Access,
        sessions: Sessions,
        pages: Pages,
        streams: Streams,
    ) -> None:
        self.backend = backend
        self.access = access
        self.sessions = sessions
        self.pages = pages
        self.streams = streams
        self.read = Read()

    def check_form(self, session: Session | None, form: Form) -> None:
        """Raise OtherSessionError for a form that no page of this session showed."""
        if session is None or not self.sessions.is_form_token(session, form["form_token"]):
            raise OtherSessionError(form)


def _console(request: Request) -> Console:
    console: Console = request.app.state.console
    return console


Desk = Annotated[Console, Depends(_console)]


def is_local(request: Request) -> bool:
    """Whether it was asked for on this very machine, where nobody listens in between."""
    host = request.url.hostname or ""
    return host == "localhost" or host == "::1" or host.startswith("127.")


SIGNED_IN = "invoicing"
SIGNING_IN = "invoicing-form"
"""A cookie of its own: who comes by a link from elsewhere is shown the form without the session's
cookie being sent, and must not lose it by that."""


AT_THE_ISSUER = "invoicing-issuer"
"""Of somebody on the way to the issuer and back. Whoever comes back comes by a link from elsewhere,
with which browsers send no cookie that is strict."""


def called(request: Request, name: str) -> str:
    """With this prefix browsers let nobody set it but this very host, over TLS."""
    return name if is_local(request) else f"__Host-{name}"


def keep(
    request: Request, response: Response, desk: Console, session: Session, name: str = SIGNED_IN
) -> None:
    """Have the browser hold the session, until it is closed or the session is over."""
    response.set_cookie(
        called(request, name),
        desk.sessions.sealed(session),
        path="/",
        secure=not is_local(request),
        httponly=True,
        samesite="strict",
    )


def drop(request: Request, response: Response, name: str = SIGNED_IN) -> None:
    """Have the browser forget it."""
    response.delete_cookie(
        called(request, name),
        path="/",
        secure=not is_local(request),
        httponly=True,
        samesite="strict",
    )


def session_of(request: Request, desk: Console, name: str = SIGNED_IN) -> Session | None:
    """The session that the request's cookie holds."""
    return desk.sessions.opened(request.cookies.get(called(request, name)))


def admitted(scope: Scope) -> Any:
    """A dependency: the visitor, once the gateway's door has let them in for this scope. Raises
    NotSignedIn, and Trouble as the door does."""

    async def admit(request: Request, desk: Desk) -> Visitor:
        session = session_of(request, desk)
        if session is None or session.proof is None:
            raise NotSignedIn
        visit = visit_of(request)
        named = request.path_params
        if about := named.get("reference") or named.get("event") or named.get("finding"):
            visit.about(about)
        try:
            caller = await desk.access.admit(visit, session.proof, scope)
        except Trouble as trouble:
            if trouble.kind is Kind.UNAUTHENTICATED:
                raise NotSignedIn from None
            raise
        request.state.session = session
        request.state.visitor = visitor = Visitor(caller, session)
        return visitor

    return Depends(admit)


Looking = Annotated[Visitor, admitted(Scope.READ)]
Starting = Annotated[Visitor, admitted(Scope.START)]
Answering = Annotated[Visitor, admitted(Scope.OPERATE)]


async def own(desk: Console, visitor: Visitor, reference: str, handle: Execution) -> None:
    """Return if this invoice or order is the visitor's own; what is not is not there."""
    reach = visitor.caller.reach
    if not reach.has_reference(reference):
        raise nothing_here()
    if reach.accounts and not await is_own(desk.backend, visitor.caller, handle):
        raise nothing_here()


def own_event(visitor: Visitor, event: str) -> None:
    """The same for an event."""
    if not visitor.caller.reach.has_event(event):
        raise nothing_here()


class Form:
    """What was filled in."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)
        self._last: Mapping[str, str] = dict(self.pairs)

    def __getitem__(self, name: str) -> str:
        """What is in the field of this name; empty where there is none."""
        return self._last.get(name, "").replace("\r\n", "\n").strip()

    def all(self, name: str) -> tuple[str, ...]:
        """What is in every field of this name."""
        return tuple(value for each, value in self.pairs if each == name)

    @property
    def once(self) -> str | None:
        """The name under which it is carried out once, however often it is sent. Raises Trouble for
        one that no page has given."""
        name = self["once"]
        if name and not _ONCE.fullmatch(name):
            raise invalid("once", "is none that a page has given")
        return name or None

    def given(self, *names: str) -> dict[str, str]:
        """Those of these fields in which there is something."""
        return {name: self[name] for name in names if self[name]}


def is_form(request: Request) -> bool:
    """Whether what comes is a form without a file."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/x-www-form-urlencoded"


def refuse_other_pages(request: Request) -> None:
    """Raise Trouble for a form that another site's page sent; browsers say whose page it was."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != host):
        raise Trouble(Kind.FORBIDDEN, "the form was sent from a page of another site")


async def filled(
    request: Request,
    desk: Console,
    session: Session | None,
    beside: Beside | None = None,
    fields: int = MOST_FIELDS,
) -> Form:
    """The form that was sent, once it has proven that this session's page showed it. `fields`: so
    many at most."""
    refuse_other_pages(request)
    most = WRITTEN_AS * desk.backend.settings.max_body if beside is None else MOST_SMALL
    return await filled_in(request, desk, session, most, beside or alone, fields)


async def filled_in(
    request: Request,
    desk: Console,
    session: Session | None,
    most: int,
    beside: Beside = alone,
    fields: int = MOST_FIELDS,
) -> Form:
    """The same for a form of at most so many bytes, from a page of ours."""
    if not is_form(request):
        raise Trouble(Kind.MEDIA, "send a form")
    body = await whole_body(request, desk.backend.settings, beside, most=most)
    if len(body) <= AT_ONCE:
        form = _form_in(body, fields)
    else:
        whose = visit_of(request).caller
        form = await desk.backend.reading.do(whose, partial(_form_in, body, fields))
    desk.check_form(session, form)
    return form


def _form_in(body: bytes, fields: int) -> Form:
    """Some megabytes of it, with every sign written as browsers may, take most of a second."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=fields, errors="strict"
        )
    except ValueError:
        raise Trouble(Kind.UNREADABLE, "the form cannot be read") from None
    return Form(pairs)


MOST_SMALL = 5000
"""Bytes of a form that somebody sends who has not signed in."""
