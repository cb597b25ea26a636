"""An OpenID Connect issuer on a port of this machine: discovery, keys, codes, tokens.

It is strict where an issuer has to be (redirect address, PKCE, a code is good once, the client's
secret), and a test may have it lie in what it signs.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.serve import serving
from tests.gateway.door import settings

CLIENT = "console"
CLIENT_SECRET = "canary-client-secret-0123456789"
AUDIENCE = "https://invoices.example.com"
BACK = "/console/sign-in/back"


def new_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@functools.cache
def first_key() -> RSAKey:
    """Every issuer begins with it: making one costs a tenth of a second."""
    return new_key("first")


@dataclass
class Provider:
    """Everything of it that a test may change."""

    url: str = ""
    back: str = ""
    """The one address to which it sends people back."""
    key: RSAKey = field(default_factory=first_key)
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "ada-1", "roles": ["clerk"]})
    lie: dict[str, Any] = field(default_factory=dict)
    """Claims of ID tokens in place of the true ones; None leaves one out."""
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    reuses_codes: bool = False
    signs: Any = None
    """Instead of its own way of writing an ID token, from its claims."""
    answers: dict[str, Response] = field(default_factory=dict)
    """What it answers at a path instead of what it should."""

    def signed(self, claims: dict[str, Any], key: RSAKey | None = None) -> str:
        by = key or self.key
        return jwt.encode({"alg": "RS256", "kid": by.kid}, claims, by)

    def access_token(self, **claims: Any) -> str:
        """One for REST."""
        return self.signed(self._claims(AUDIENCE) | claims)

    def id_token(self, nonce: str) -> str:
        claims = self._claims(CLIENT) | {"nonce": nonce} | self.lie
        claims = {name: value for name, value in claims.items() if value is not None}
        return str(self.signs(claims)) if self.signs else self.signed(claims)

    def _claims(self, audience: str) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.url, "aud": audience, "iat": now, "exp": now + 300, **self.person}

    async def serve(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/authorize":
            return self._authorize(request)
        if path == "/token":
            return await self._token(request)
        if path == "/keys":
            return JSONResponse({"keys": [self.key.as_dict(private=False)]})
        known = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/out",
        }
        return JSONResponse(known | self.metadata)

    def _authorize(self, request: Request) -> Response:
        wanted = dict(request.query_params)
        fits = wanted["redirect_uri"] == self.back and wanted["client_id"] == CLIENT
        if not fits or wanted["response_type"] != "code" or "openid" not in wanted["scope"]:
            return JSONResponse({"error": "invalid_request"}, 400)
        assert wanted["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = wanted
        query = urlencode({"code": code, "state": wanted["state"], "iss": self.url})
        return RedirectResponse(f"{self.back}?{query}", 303)

    async def _token(self, request: Request) -> Response:
        form = dict(await _form(request))
        basic = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, 401)
        find = self.codes.get if self.reuses_codes else self.codes.pop
        wanted = find(form["code"], None)
        proven = wanted and create_s256_code_challenge(form["code_verifier"])
        if not wanted or proven != wanted["code_challenge"] or form["redirect_uri"] != self.back:
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = self.id_token(wanted["nonce"])
        return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": token})


async def _form(request: Request) -> list[tuple[str, str]]:

    return parse_qsl((await request.body()).decode())


@contextlib.asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """One that is being served."""
    made = Provider()
    app = Starlette(routes=[Route("/{path:path}", made.serve, methods=["GET", "POST"])])
    async with serving(app, settings()) as url:
        made.url = url
        yield made
