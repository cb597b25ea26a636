"""Who may do what, and how often: bearer tokens with roles, and a bucket of requests for each."""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.problems import Kind, Trouble
from providers.kit.webhooks import Secrets
from settings.gateway import GatewaySettings


class Role(StrEnum):
    """What a token may do. Every token may read."""

    READ = "read"
    START = "start"
    OPERATE = "operate"


class Access:
    """The tokens in force. `clock` gives seconds and never goes back."""

    def __init__(
        self, settings: GatewaySettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._roles: dict[bytes, frozenset[Role]] = {}
        self._grant(Role.READ, settings.read_tokens)
        self._grant(Role.START, settings.start_tokens)
        self._grant(Role.OPERATE, settings.operate_tokens)
        self._buckets = {
            token: Bucket(settings.rate, settings.burst, clock) for token in self._roles
        }

    def _grant(self, role: Role, tokens: Secrets) -> None:
        for token in tokens:
            digest = _digest(token.get_secret_value())
            granted = self._roles.get(digest, frozenset({Role.READ}))
            self._roles[digest] = granted | {role}

    def admit(self, token: str | None, role: Role) -> None:
        """Let the bearer pass, or raise the Trouble that says why not."""
        known = self._known(token)
        if known is None:
            challenge = "Bearer" if token is None else 'Bearer error="invalid_token"'
            raise Trouble(Kind.UNAUTHENTICATED, headers={"WWW-Authenticate": challenge})
        if wait := self._buckets[known].take():
            raise Trouble(Kind.TOO_MANY, headers={"Retry-After": str(math.ceil(wait))})
        if role not in self._roles[known]:
            challenge = f'Bearer error="insufficient_scope", scope="{role}"'
            headers = {"WWW-Authenticate": challenge}
            raise Trouble(Kind.FORBIDDEN, f"it needs the role {role}", headers=headers)

    def _known(self, token: str | None) -> bytes | None:
        """Every token is compared, each in constant time, whether one has fitted or not."""
        given = _digest(token or "")
        fitting = [known for known in self._roles if hmac.compare_digest(known, given)]
        return fitting[0] if fitting and token else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Bucket:
    """`burst` at once, and `rate` per second for long."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left = float(burst)
        self._seen = clock()

    def take(self) -> float:
        """0 if one more is let through, else the seconds until it would be."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._seen) * self._rate)
        self._seen = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0


_bearer = HTTPBearer(auto_error=False, description="A token from the gateway's settings.")
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def needs(role: Role) -> Callable[[Request, _Credentials], Awaitable[None]]:
    """A dependency that lets only tokens with this role pass. It comes before anything is read."""

    async def check(request: Request, credentials: _Credentials) -> None:
        access: Access = request.app.state.access
        access.admit(credentials.credentials if credentials else None, role)

    return check
