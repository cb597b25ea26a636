"""A browser without script: it follows links, fills in the forms that a page has, and keeps cookies
as their attributes say. Every page it gets must be one of ours in every respect."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import httpx

from console.render import HEADERS
from gateway import guard
from invoicing.client import InvoicingClient
from settings.callers import CallerSettings, Scope
from tests.gateway.door import MAY, TOKENS, Gateway, caller, gateway_over
from tests.tls import NO_TLS

KEY = "f3a9c1d7e5b2084697acbd13e0f25c48"
WEB_UI = "http://localhost:8233"
OF_PAGES = {**guard.HEADERS, **HEADERS}


@dataclass
class Form:
    """One form of a page, as it was shown."""

    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    typed: set[str] = field(default_factory=set)

    def hidden(self, name: str) -> str:
        """What stands in this field."""
        return dict(self.fields)[name]


class _Reading(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._area: str | None = None
        self._written = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "form":
            self.forms.append(Form(given.get("method", "get"), given.get("action", "")))
        elif tag == "input" and given["type" if "type" in given else "name"] == "hidden":
            self.forms[-1].fields.append((given["name"], given["value"]))
        elif tag in ("input", "select"):
            self.forms[-1].typed.add(given["name"])
        elif tag == "textarea":
            self.forms[-1].typed.add(given["name"])
            self._area, self._written = given["name"], ""
        elif tag == "button" and "name" in given:
            self.forms[-1].buttons.append((given["name"], given["value"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            self.forms[-1].fields.append((self._area, self._written))
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._written += data
        self.words.append(data)


@dataclass
class Page:
    """What came back."""

    answer: httpx.Response

    def __post_init__(self) -> None:
        self._read = _Reading()
        self._read.feed(self.answer.text)
        self.status = self.answer.status_code
        self.forms = self._read.forms
        self.tags = self._read.tags
        self.text = re.sub(r"\s+", " ", " ".join(self._read.words))

    @property
    def path(self) -> str:
        """Where it was found."""
        return urlsplit(str(self.answer.url)).path

    def form(self, end: str, answer: str | None = None) -> Form:
        """The form that goes there, with a button for this answer."""
        for each in self.forms:
            if each.action.endswith(end) and (answer is None or ("answer", answer) in each.buttons):
                return each
        raise AssertionError(f"no form goes to {end}: {[each.action for each in self.forms]}")

    def links(self) -> list[str]:
        """Where its links go."""
        return [given["href"] for tag, given in self.tags if tag == "a"]


class Browser:
    """One person's."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self.cookies = httpx.Cookies()
        self._headers = {"Accept-Language": "en", **(headers or {})}

    async def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        """One request, without following anything."""
        headers = {**self._headers, **how.pop("headers", {})}
        async with httpx.AsyncClient(
            base_url=self.url, cookies=self.cookies, trust_env=False, timeout=30, verify=NO_TLS
        ) as http:
            answer = await http.request(method, path, headers=headers, **how)
            self.cookies = http.cookies
        return answer

    async def get(self, path: str, **how: Any) -> Page:
        """Follow a link, and where that leads."""
        return await self._followed(await self.ask("GET", path, **how))

    async def send(
        self,
        form: Form,
        button: tuple[str, str] | None = None,
        *,
        chosen: tuple[str, bytes] | None = None,
        typed: Mapping[str, str | list[str]] = MappingProxyType({}),
        **more: str | list[str],
    ) -> Page:
        """Fill a form in, with a file that is chosen by its name, and press a button. Fields whose
        names are none of Python's are in `typed`."""
        typed = {**typed, **more}
        assert typed.keys() <= form.typed, f"{typed.keys()} are not in {form.typed}"
        fields: dict[str, str | list[str]] = {}
        for name, value in form.fields:
            before = fields.get(name, [])
            fields[name] = [*(before if isinstance(before, list) else [before]), value]
        fields |= typed
        if button:
            assert button in form.buttons
            fields[button[0]] = button[1]
        if form.method == "get":
            return await self.get(form.action, params=fields)
        how: dict[str, Any] = {"files": {"file": chosen}} if chosen else {}
        return await self._followed(await self.ask("POST", form.action, data=fields, **how))

    async def sign_in(self, token: str) -> Page:
        """By the form."""
        page = await self.get("/console/sign-in")
        return await self.send(page.form("/sign-in"), token=token)

    async def _followed(self, answer: httpx.Response) -> Page:
        for _ in range(5):
            if answer.status_code != 303:
                break
            answer = await self.ask("GET", answer.headers["location"])
        page = Page(answer)
        is_ours(page)
        return page


def is_ours(page: Page) -> None:
    """No script but our own file, no style of its own, nobody else's address, and the headers of
    every page."""
    for name, value in OF_PAGES.items():
        assert page.answer.headers[name] == value, name
    assert page.answer.headers["content-type"] == "text/html; charset=utf-8"
    for tag, given in page.tags:
        assert tag not in ("style", "iframe", "object", "embed", "base", "img"), tag
        assert not [name for name in given if name.startswith("on") or name == "style"], given
        if tag == "script":
            assert given == {"src": "/console/live.js", "defer": ""}
        for name in ("href", "src", "action"):
            where = given.get(name, "")
            assert where.startswith(("/console", "#", "?", WEB_UI)) or not where, where
    for form in page.forms:
        if form.method == "post":
            assert form.hidden("form_token"), form.action
    can_be_used_by_all(page)


def can_be_used_by_all(page: Page) -> None:
    """What somebody who does not see the page is told of it: names for every field, region and
    picture, one heading, a caption for every table, and no id twice."""
    ids = [given["id"] for _, given in page.tags if given.get("id")]
    assert len(ids) == len({*ids}), ids
    labelled = {given.get("for") for tag, given in page.tags if tag == "label"}
    for tag, given in page.tags:
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            assert given.get("aria-label") or given["id"] in labelled, given
        if tag == "button":
            assert given.get("type", "submit") == "submit", "it does nothing without script"
        if tag == "svg":
            assert given.get("aria-hidden") or given.get("role") == "img", given
        if given.get("role") in ("region", "img"):
            assert given.get("aria-label") or given.get("aria-labelledby"), given
        for name in ("aria-describedby", "aria-labelledby", "for"):
            assert {*given.get(name, "").split()} <= {*ids}, given
        if tag == "th":
            assert given.get("scope") in ("col", "row"), given
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == 1


def people() -> dict[str, CallerSettings]:
    """One for each scope, and one with all."""
    return {name: caller(TOKENS[name], *MAY[name]) for name in MAY} | {
        "starter": caller(STARTER, Scope.START)
    }


STARTER = "start-alone-0123456789abcdefghijklmnop"


@contextlib.asynccontextmanager
async def console_over(
    client: InvoicingClient, known: Mapping[str, CallerSettings] | None = None, **changes: Any
) -> AsyncIterator[Gateway]:
    """A gateway with a console."""
    setup = {"console_keys": (KEY,), **changes}
    async with gateway_over(client, people() if known is None else known, **setup) as made:
        yield made
