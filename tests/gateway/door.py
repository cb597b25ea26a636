"""A gateway on a port of this machine, and clients of it that check every answer they get.

Whatever a test asks, its answer must be documented: the status, the media type, and a problem's
form; and it must carry the headers that every answer carries.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema
from fastapi import FastAPI

from documents import DocumentStore
from gateway import tokens
from gateway.app import application
from gateway.backend import Register
from gateway.guard import HEADERS
from gateway.problems import MEDIA_TYPE, Kind, ProblemDetails
from gateway.serve import serving
from invoicing.client import InvoicingClient
from invoicing.model import Typed
from invoicing.provider import Hooks
from settings.accounts import hooks
from settings.callers import CallerSettings, Scope
from settings.gateway import GatewaySettings
from tests.tls import NO_TLS

MAY = {
    "read": (Scope.READ,),
    "start": (Scope.READ, Scope.START),
    "operate": (Scope.READ, Scope.OPERATE),
    "decrypt": (Scope.DECRYPT,),
    "all": tuple(Scope),
}
"""The callers of a test's gateway, and what each may do."""
TOKENS = {name: f"{name}-0123456789abcdefghijklmnopqrstuvwxyz" for name in MAY}
SECRET = "canary-webhook-secret"
SIGNATURE = "X-Webhook-Signature-256"


def settings(**changes: Any) -> GatewaySettings:
    """Of a test's gateway: a free port, no tight bound."""
    return GatewaySettings(
        **{
            "port": 0,
            "rate": 10_000,
            "burst": 10_000,
            "grace": 1,
            **changes,
        }
    )


def caller(token: str, *may: Scope, **limits: tuple[str, ...]) -> CallerSettings:
    """One that bears this token."""
    told = {"tokens": [tokens.written(token)], "may": may, **limits}
    return CallerSettings.model_validate(told)


def callers() -> dict[str, CallerSettings]:
    """One for each scope, and one with all."""
    return {name: caller(TOKENS[name], *may) for name, may in MAY.items()}


@dataclass
class Gateway:
    """One that is being served."""

    url: str
    document: dict[str, Any]
    http: httpx.AsyncClient
    accounts: dict[str, dict[str, Hooks]]
    app: FastAPI

    def door(self, who: str | None) -> Door:
        """The gateway as the bearer of this token; None: without one."""
        return self.bearer(TOKENS[who] if who else None)

    def bearer(self, token: str | None) -> Door:
        """The same as the bearer of any token."""
        return Door(self, {"Authorization": f"Bearer {token}"} if token else {})

    def listen_for(self, account: str, provider: str = "zero_friction", **more: str) -> None:
        """From now on webhooks of this account are taken, under SECRET."""
        values = {"WEBHOOK_SECRETS": SECRET, **more}
        prefix = f"{provider}__{account}__".upper()
        made = hooks({prefix + name: value for name, value in values.items()}, self.http)
        self.accounts.setdefault(provider, {})[account] = made[provider][account]


class Door:
    """A caller. Every answer is checked against the document before the test sees it."""

    def __init__(self, gateway: Gateway, headers: dict[str, str]) -> None:
        self._gateway = gateway
        self.headers = headers

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.ask("GET", path, params=query or None)

    async def post(self, path: str, body: Typed | dict[str, Any], key: str = "") -> httpx.Response:
        content = body.model_dump_json() if isinstance(body, Typed) else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return await self.ask("POST", path, content=content, headers=headers)

    async def ask(
        self, method: str, path: str, *, known: bool = True, **how: Any
    ) -> httpx.Response:
        how["headers"] = {**self.headers, **how.get("headers", {})}
        answer = await self._gateway.http.request(method, self._gateway.url + path, **how)
        if known:
            check(self._gateway.document, answer)
        return answer


def check(document: dict[str, Any], answer: httpx.Response) -> None:
    """That the document knows this answer."""
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "server" not in answer.headers
    if answer.status_code >= 400:
        problem = ProblemDetails.model_validate_json(answer.content)
        assert problem.status == answer.status_code
        assert problem.type in {kind.type for kind in Kind}
        assert answer.headers["content-type"] == MEDIA_TYPE
    path = urlsplit(str(answer.request.url)).path
    operation = _operation(document, path, answer.request.method.lower())
    if operation is None:
        assert answer.status_code in (404, 405)
        return
    if answer.status_code != 503 or "503" in operation["responses"]:
        media = answer.headers["content-type"].partition(";")[0]
        schema = operation["responses"][str(answer.status_code)]["content"][media]["schema"]
        if schema.get("format") == "binary":
            return
        jsonschema.validate(answer.json(), {**schema, "components": document["components"]})


def _operation(document: dict[str, Any], path: str, method: str) -> dict[str, Any] | None:
    """The last one that fits, for an event's id may hold slashes."""
    found = None
    for template, ways in document["paths"].items():
        pattern = re.escape(template).replace(r"\{event\}", ".+")
        if method in ways and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", pattern), path):
            found = ways[method]
    return found


@contextlib.asynccontextmanager
async def gateway_over(
    client: InvoicingClient,
    known: Mapping[str, CallerSettings] | None = None,
    books: Register | None = None,
    documents: DocumentStore | None = None,
    **changes: Any,
) -> AsyncIterator[Gateway]:
    """A gateway over this client, served meanwhile, for these callers."""
    setup = settings(**changes)
    accounts: dict[str, dict[str, Hooks]] = {}
    known = callers() if known is None else known
    app = application(client, accounts, setup, known, books, documents=documents)
    async with (
        serving(app, setup, app.state.backend.stopping) as url,
        httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_TLS) as http,
    ):
        yield Gateway(url, app.openapi(), http, accounts, app)
    await app.state.backend.end()


def problem(answer: httpx.Response, kind: Kind) -> ProblemDetails:
    """The problem that this answer is, if it is of this kind."""
    details = ProblemDetails.model_validate_json(answer.content)
    assert details.type == kind.type, details
    return details


def fields(answer: httpx.Response) -> list[str]:
    """The fields that the answer names."""
    return [each.field for each in problem(answer, Kind.INVALID).errors]


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """The header with which Zero Friction signs this."""
    return {SIGNATURE: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
