"""Who may come in at Zero Friction."""

from __future__ import annotations

import secrets
import time
from urllib.parse import parse_qs

from starlette.responses import Response

from sandbox.kit.server import Ask
from sandbox.kit.wire import answer
from sandbox.zero_friction.data import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORGANISATION,
    SCOPE,
    SUBSCRIPTION_KEY,
    TENANT,
)
from sandbox.zero_friction.words import Assumed


class Door:
    """Hands out tokens and asks for them; `tokens` are those, each with when it ends."""

    def __init__(self, assumed: Assumed, tokens: dict[str, float]) -> None:
        self._assumed = assumed
        self._tokens = tokens

    def token(self, ask: Ask) -> Response:
        """OAuth2 client credentials; the refusals are those of RFC 6749 section 5.2 (I)."""
        if not ask.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return _oauth_refusal(400, "invalid_request")
        form = {name: values[0] for name, values in parse_qs(ask.body.decode("latin-1")).items()}
        if form.get("grant_type") != "client_credentials":
            return _oauth_refusal(400, "unsupported_grant_type")
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if not known or self._assumed.secret_expired:
            return _oauth_refusal(401, "invalid_client")
        if form.get("scope") != SCOPE:
            return _oauth_refusal(400, "invalid_scope")
        token = f"sandbox-{secrets.token_urlsafe(24)}"
        self._tokens[token] = time.monotonic() + self._assumed.token_lifetime
        life = {
            "expires_in": self._assumed.token_lifetime,
            "ext_expires_in": self._assumed.token_lifetime,
        }
        return answer({"token_type": "Bearer", **life, "access_token": token})

    def stranger(self, ask: Ask) -> Response | None:
        """The refusal of a call that may not come in."""
        key = ask.headers.get("apim-sub") or ask.query.get("subscription-key")
        kind, _, token = ask.headers.get("authorization", "").partition(" ")
        if key != SUBSCRIPTION_KEY:
            return _gate(401, "Access denied due to missing or invalid subscription key.")
        if kind.lower() != "bearer" or time.monotonic() >= self._tokens.get(token, 0.0):
            return _gate(401, "Unauthorized. Access token is missing or invalid.")
        if ask.headers.get("zf-tuuid") != TENANT or ask.headers.get("zf-ouuid") != ORGANISATION:
            return _gate(403, "Forbidden. Tenant or organisation is missing or not yours.")
        return None


def _oauth_refusal(status: int, error: str) -> Response:
    return answer({"error": error, "error_description": "refused by the sandbox"}, status)


def _gate(status: int, message: str) -> Response:
    return answer({"statusCode": status, "message": message}, status)
