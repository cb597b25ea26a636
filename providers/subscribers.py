"""Subscribers: systems of the caller's own that are told what becomes of invoices and orders.

Written to Standard Webhooks 1.0.0 (standardwebhooks.com, spec/standard-webhooks.md): the headers,
the signature over `id.timestamp.body`, secrets of 24 to 64 bytes spelt `whsec_<base64>`, a
signature per secret while one is being changed, and what an answer means:

    2xx                      taken
    410                      Rejected: it wants no more notices
    any other, or none       Unavailable: tried again, after Retry-After if it is given
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

import anyio
import httpx
from pydantic import AfterValidator, Field, SecretStr

from invoicing.errors import ProviderError, Rejected, Unavailable
from invoicing.model import Typed
from invoicing.state.notice import Notice, Subscriber
from providers.kit import webhooks
from providers.kit.http import is_here, retry_after

log = logging.getLogger(__name__)

TIMEOUT = 15.0
"""Seconds for one post: the least that the specification recommends."""
_PREFIX = "whsec_"


def _address(value: str) -> str:
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        raise ValueError("must be an address") from None
    if not url.host or url.userinfo or url.fragment:
        raise ValueError("must be an address without a user, a password or a fragment")
    if url.scheme != "https" and not (url.scheme == "http" and is_here(url.host)):
        raise ValueError("must be https (http only to this machine)")
    return value


def _key(secret: SecretStr) -> bytes:
    return b64decode(secret.get_secret_value().removeprefix(_PREFIX), validate=True)


def _usable(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    try:
        fit = all(24 <= len(_key(each)) <= 64 for each in secrets)
    except ValueError:
        fit = False
    if not fit or not all(each.get_secret_value().startswith(_PREFIX) for each in secrets):
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64; several with commas between")
    return secrets


class SubscriberSettings(Typed):
    """One subscriber."""

    url: Annotated[str, AfterValidator(_address)]
    """Where notices are posted."""
    secret: Annotated[webhooks.Secrets, Field(min_length=1), AfterValidator(_usable)]
    """Those in force, the newest first; every notice is signed with each."""


def connect(
    subscribers: Mapping[str, SubscriberSettings], http: httpx.AsyncClient
) -> dict[str, Subscriber]:
    """Posters by name, all over the one client; it makes no call."""
    return {name: Poster(name, settings, http) for name, settings in subscribers.items()}


def signatures(secrets: Iterable[SecretStr], identity: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for every secret, with spaces between."""
    signed = f"{identity}.{timestamp}.".encode() + body
    macs = (hmac.digest(_key(each), signed, hashlib.sha256) for each in secrets)
    return " ".join(f"v1,{b64encode(mac).decode()}" for mac in macs)


class Poster:
    """Posts to one subscriber. Logged are its name, the notice's type, status and milliseconds."""

    def __init__(
        self,
        name: str,
        settings: SubscriberSettings,
        http: httpx.AsyncClient,
        *,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._settings = settings
        self._http = http
        self._timeout = timeout
        self._clock = clock

    async def post(self, notice: Notice) -> None:
        """Post it once, signed with the time of this attempt. Errors: see the module."""
        started = time.perf_counter()
        outcome: int | str = "not sent or cancelled"
        try:
            answer = await self._answer(notice)
            outcome = answer.status_code
        except (httpx.HTTPError, TimeoutError) as error:
            outcome = type(error).__name__
            failure: ProviderError | None = self._away(f"was not reached ({outcome})")
        else:
            failure = self._refusal(answer)
        finally:
            took = round((time.perf_counter() - started) * 1000)
            log.info("subscriber %s %s: %s, %d ms", self._name, notice.type, outcome, took)
        # Outside the except block: what httpx says may quote the address.
        if failure:
            raise failure

    async def _answer(self, notice: Notice) -> httpx.Response:
        """The answer's head: nobody needs its body, so none of it is read."""
        body = notice.model_dump_json().encode()
        sending = self._http.stream(
            "POST",
            self._settings.url,
            content=body,
            headers=self._headers(notice.id, body),
            timeout=self._timeout,
        )
        # Not asyncio's, see providers.kit.http.
        with anyio.fail_after(self._timeout):
            async with sending as response:
                return response

    def _headers(self, identity: str, body: bytes) -> dict[str, str]:
        now = int(self._clock())
        return {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(now),
            "webhook-signature": signatures(self._settings.secret, identity, now, body),
        }

    def _refusal(self, answer: httpx.Response) -> ProviderError | None:
        if answer.is_success:
            return None
        if answer.status_code == httpx.codes.GONE:
            return Rejected(f"subscriber {self._name} wants no more notices (410)", code="410")
        return self._away(f"answered with HTTP {answer.status_code}", answer)

    def _away(self, what: str, answer: httpx.Response | None = None) -> Unavailable:
        wait = retry_after(answer.headers) if answer else None
        code = str(answer.status_code) if answer else None
        return Unavailable(f"subscriber {self._name} {what}", code=code, retry_after=wait)
