"""Our end of an OpenID Connect issuer: its discovery document, its keys, a code for a token.

Whatever it answers is bounded in size and time, and nobody's address, answer or secret is in an
error. It is asked by one at a time: what it said is kept for `KEPT`, and after it failed it is left
alone for `PAUSE`, so that nobody who sends tokens has us ask it more often.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from pydantic import AfterValidator, ValidationError

from gateway.problems import Trouble, unavailable
from invoicing.model import Recorded
from providers.kit.http import is_here
from settings.people import IssuerSettings

T = TypeVar("T")

MOST_BYTES = 256_000
"""Of one answer."""
MOST_KEYS = 50
SECONDS = 10.0
"""For one exchange, body included."""
KEPT = 600.0
"""Seconds. A key that the issuer withdraws is good here for so long at most."""
PAUSE = 10.0
"""Seconds between two times that the same thing is asked for."""
LEAST_RSA = 340
"""Characters that a modulus of 2048 bits has in Base64."""


class Unproven(Exception):
    """Nobody is proven by this; the sentence is ours, and says nothing that was sent."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _endpoint(value: str) -> str:
    parts = urlsplit(value)
    host = parts.hostname or ""
    here = parts.scheme == "http" and is_here(host)
    if not host or parts.username or parts.fragment or not (parts.scheme == "https" or here):
        raise ValueError("must be https, or http to this machine")
    return value


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class Metadata(Recorded):
    """What we use of the discovery document."""

    issuer: str
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    end_session_endpoint: Endpoint | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _Kept(Generic[T]):
    """One thing of the issuer's, fetched when it is needed."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], clock: Callable[[], float]) -> None:
        self._fetch, self._clock = fetch, clock
        self._lock = asyncio.Lock()
        self._value: T | None = None
        self._at = self._tried = float("-inf")

    async def get(self, *, anew: bool = False) -> T:
        """It; `anew`: fetched now, unless that was done just before. Raises Trouble where it cannot
        be had."""
        async with self._lock:
            now = self._clock()
            old = self._value if now - self._at < KEPT else None
            if old is not None and not anew:
                return old
            if now - self._tried < PAUSE:
                if old is None:
                    raise _away()
                return old
            self._tried = now
            self._value = await self._fetch()
            self._at = now
            return self._value


class Issuer:
    """One issuer. `clock` gives seconds and never goes back."""

    def __init__(
        self,
        settings: IssuerSettings,
        http: httpx.AsyncClient,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._http = http
        self._metadata = _Kept(self._discover, clock)
        self._keys = _Kept(self._fetch_keys, clock)

    async def metadata(self) -> Metadata:
        """Where its parts are. Raises Trouble."""
        return await self._metadata.get()

    async def keys(self, *, anew: bool = False) -> KeySet:
        """With which it signs. Raises Trouble."""
        return await self._keys.get(anew=anew)

    async def redeem(self, code: str, verifier: str, back: str) -> Mapping[str, Any]:
        """What the issuer gives for a code: the answer of its token endpoint. Raises Unproven where
        it refuses, and Trouble where it is away."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": back,
        }
        who = self.settings.client_id or ""
        secret = self.settings.client_secret
        basic = None
        if secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            basic = _basic(who, secret.get_secret_value())
        else:
            form["client_id"] = who
            if secret:
                form["client_secret"] = secret.get_secret_value()
        status, answer = await self._ask("POST", metadata.token_endpoint, data=form, auth=basic)
        if status in (400, 401):
            raise Unproven("the issuer does not redeem the code")
        if status != 200:
            raise _away()
        return answer

    async def _discover(self) -> Metadata:
        url = self.settings.url.rstrip("/") + "/.well-known/openid-configuration"
        answer = await self._fetched(url)
        try:
            metadata = Metadata.model_validate(answer)
        except ValidationError:
            raise unavailable("the issuer's discovery document cannot be used") from None
        if metadata.issuer != self.settings.url:
            raise unavailable("the issuer's discovery document is of another issuer")
        return metadata

    async def _fetch_keys(self) -> KeySet:
        answer = await self._fetched((await self.metadata()).jwks_uri)
        listed = answer.get("keys")
        found = [_key(each) for each in listed[:MOST_KEYS]] if isinstance(listed, list) else []
        keys = [each for each in found if each is not None]
        if not keys:
            raise unavailable("the issuer names no key that can be used")
        return KeySet(keys)

    async def _fetched(self, url: str) -> Mapping[str, Any]:
        status, answer = await self._ask("GET", url)
        if status != 200:
            raise _away()
        return answer

    async def _ask(self, method: str, url: str, **how: Any) -> tuple[int, Mapping[str, Any]]:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._http.stream(
                    method, url, headers=headers, timeout=SECONDS, follow_redirects=False, **how
                ) as answer,
            ):
                body = bytearray()
                # As it came: a small one that unfolds to a large one is not unfolded.
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > MOST_BYTES:
                        raise unavailable("the issuer's answer is too large")
                read = json.loads(body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
            raise _away() from None
        except (ValueError, RecursionError):
            raise unavailable("the issuer's answer cannot be read") from None
        return answer.status_code, read if isinstance(read, dict) else {}


def _away() -> Trouble:
    return unavailable("the issuer did not answer as it should", int(PAUSE))


def _basic(who: str, secret: str) -> httpx.BasicAuth:
    # Each of the two is written as in a form first (RFC 6749, 2.3.1).
    quoted = [str(httpx.QueryParams({"": each}))[1:] for each in (who, secret)]
    return httpx.BasicAuth(*quoted)


def _key(written: Any) -> Key | None:
    """One key to prove signatures with; None for one that is for something else, or too short."""
    if not isinstance(written, dict) or written.get("use", "sig") != "sig" or "d" in written:
        return None
    try:
        if written.get("kty") == "RSA" and len(written["n"]) >= LEAST_RSA:
            return RSAKey.import_key(written)
        if written.get("kty") == "EC":
            return ECKey.import_key(written)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None
