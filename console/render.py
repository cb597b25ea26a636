"""Pages from templates. Everything that anybody typed is text, and shows all that is in it."""

from __future__ import annotations

import functools
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from console import way
from console.reader import Reader, preferred
from console.sessions import Session, Sessions
from console.words import Words
from gateway.batch import counted
from gateway.callers import Caller
from settings.callers import Scope
from settings.gateway import GatewaySettings

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
        "connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    # Forms of ours say where they come from, and nobody else is told.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every page, beside those that the gateway gives every answer."""

_TURNS = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def shown(value: Any) -> Any:
    """Text without what has it read in another order than it is written, or is not seen at all: a
    sign stands in its place. What is markup already is ours."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _TURNS.sub("\N{REPLACEMENT CHARACTER}", value))


def json_shown(written: str) -> str:
    """JSON in which what `shown` replaces is escaped: it is seen, and not lost where the text comes
    back from a form."""

    def escaped(found: re.Match[str]) -> str:
        return f"\\u{ord(found[0]):04x}"

    return _CONTROL.sub(escaped, _TURNS.sub(escaped, written))


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in, and has been let in for this request."""

    caller: Caller
    session: Session

    @property
    def may_answer(self) -> bool:
        """Whether the buttons are theirs."""
        return Scope.OPERATE in self.caller.may

    @property
    def may_start(self) -> bool:
        """Whether they may ask for invoices."""
        return Scope.START in self.caller.may


class Live(NamedTuple):
    """A page that is kept up to date: by which stream, and from which address; below the
    console's own."""

    stream: str
    page: str


@functools.cache
def _words() -> Words:
    return Words()


@functools.cache
def _templates() -> Environment:
    """They are read and compiled once, whatever there is of gateways in a process."""
    words = _words()
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["counted"] = counted
    made.filters["unquoted"] = lambda text: text.replace("`", "")
    made.globals.update(
        say=words,
        word=words.of,
        spoken=words.spoken,
        labelled=words.labelled,
        place=words.place,
        placed=words.placed,
        decision=words.decision,
        way=way,
    )
    return made


class Pages:
    """Makes them. `has_books`: there is a register, and so pages that read it."""

    def __init__(
        self, settings: GatewaySettings, sessions: Sessions, *, has_books: bool = False
    ) -> None:
        self.words = _words()
        self._zone = settings.console_zone
        self._sessions = sessions
        self._has_books = has_books
        self._templates = _templates()

    def reader(self, request: Request) -> Reader:
        """For whom it is written."""
        return Reader(preferred(request.headers.get("accept-language", "")), self._zone)

    def page(
        self,
        request: Request,
        template: str,
        visitor: Visitor | None = None,
        session: Session | None = None,
        status: int = 200,
        live: Live | None = None,
        **content: Any,
    ) -> HTMLResponse:
        """One page. Its forms are of the visitor's session, or of the given one."""
        of = visitor.session if visitor else session
        said = request.query_params.get("said", "")
        html = self._templates.get_template(template).render(
            here=request.scope["root_path"],
            path=request.url.path,
            visitor=visitor,
            live=live,
            has_books=self._has_books,
            form_token=self._sessions.form_token(of) if of else "",
            once=secrets.token_urlsafe(16),
            reader=self.reader(request),
            said=self.words.sentences.get(f"said.{said}", ""),
            **content,
        )
        return HTMLResponse(html, status, HEADERS)
