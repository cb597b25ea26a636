"""The shared HTTP part of every adaptor: one exchange, exact numbers, honest outcomes.

What an exchange that went wrong means depends on whether the call changes something there:

    what happened                                 reading call    changing call
    no connection was made                        Unavailable     Unavailable
    timeout, reset, protocol error, 408, 5xx      Unavailable     UnknownOutcome
    429                                           Unavailable     UnknownOutcome
    425, or a 4xx that no standard defines        an answer       UnknownOutcome
    redirect, body too large or not JSON          Unreadable      UnknownOutcome

A changing call is *certainly not done* only where nothing was sent, or where the provider's own
page says so: whatever stands in front of a provider may give these answers after it has passed the
call on. How long to wait, if the answer says it, travels with either error.

Every other 4xx comes back as an `Answer`, because only the adaptor knows its provider's error keys.
An adaptor whose provider says something definite with a status of the table above names that
status in `Call.expects` and gets the answer too.

Logged are provider, method, route template, status and milliseconds; never a header, a query
value, an id or a body.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Annotated, Any, NoReturn, TypeAlias, Union
from urllib.parse import quote, urlencode, urlsplit

import anyio
import httpx
from pydantic import AfterValidator, SecretStr

from invoicing.errors import ProviderError, Rejected, Unavailable, UnknownOutcome, Unreadable
from providers.kit.connections import Connections

log = logging.getLogger(__name__)

MAX_BODY = 5 * 1024 * 1024
MAX_FILE = 25 * 1024 * 1024
CONNECT_SECONDS = 5.0

# Union, because a string in a recursive alias cannot be joined with | at run time.
Json: TypeAlias = Union[bool, int, Decimal, str, Sequence["Json"], Mapping[str, "Json"], None]  # noqa: UP007
"""A JSON value whose numbers are exact: what is sent, and what `Answer.body` holds."""


_BARE = re.compile(r"[a-z][a-z0-9_-]*")
"""A host name without a dot, as containers and machines of one network have them. An address that
is written as one number has none either, and may be anybody's."""


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    host = parts.hostname or ""
    if not host or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be scheme, host and path only")
    near = is_here(host) or _BARE.fullmatch(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and near):
        raise ValueError("must be https (http only to this machine or a host name without a dot)")
    return value.rstrip("/")


def is_here(host: str) -> bool:
    """Whether this host is this machine. A name that only begins like its address is not."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""Where a provider is reached, without a trailing slash; credentials never travel in the clear."""


def _header_value(value: str) -> str:
    if not (value and value.isascii() and value.isprintable()):
        raise ValueError("must be printable ASCII, because it is sent in a header")
    return value


def _secret_header_value(value: SecretStr) -> SecretStr:
    _header_value(value.get_secret_value())
    return value


HeaderValue = Annotated[str, AfterValidator(_header_value)]
HeaderSecret = Annotated[SecretStr, AfterValidator(_secret_header_value)]
"""A secret that travels in a header. One that cannot would be quoted in the error of sending it."""


@dataclass(frozen=True, repr=False)
class File:
    """The file of a form, in the field called so; `sha256` is its content's. `repr` is left out:
    it would show it."""

    field: str
    name: str
    type: str
    data: bytes
    sha256: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Call:
    """One request. `repr` is left out: it would show headers and bodies.

    `name` is for sentences people read ("approve"), `route` the path template and the only form of
    the address that is logged, `ids` fill it. Give `json` or `form`, or neither; with a `file`
    the form travels in parts.
    """

    provider: str
    name: str
    method: str
    base_url: str
    route: str
    changes: bool
    ids: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Json = None
    form: Mapping[str, str] | None = None
    file: File | None = None
    timeout: float = 30.0
    """Seconds for the whole exchange, body included."""
    expects: Container[int] = ()
    link: str = ""
    """The whole address, where an answer gave it. Its route is still what is logged."""
    takes_file: bool = False
    """Whether a success is a file, and not JSON."""

    @property
    def url(self) -> str:
        """The address; Rejected if an id would lead to another route."""
        if self.link:
            return self.link
        segments = {name: _segment(self, value) for name, value in self.ids.items()}
        return self.base_url + self.route.format(**segments)

    @property
    def content(self) -> bytes | None:
        if self.file:
            return None
        if self.form is not None:
            return urlencode(self.form).encode()
        return None if self.json is None else encode(self.json).encode()

    @property
    def parts(self) -> dict[str, Any]:
        """A form with a file, as httpx takes it."""
        if self.file is None:
            return {}
        file = self.file.name, self.file.data, self.file.type
        return {"data": self.form, "files": {self.file.field: file}}

    @property
    def content_type(self) -> dict[str, str]:
        if self.file:
            # The same call is the same bytes, and no file contains a digest of itself.
            return {"Content-Type": f"multipart/form-data; boundary={self.file.sha256}"}
        if self.form is not None:
            return {"Content-Type": "application/x-www-form-urlencoded"}
        return {} if self.json is None else {"Content-Type": "application/json"}


@dataclass(frozen=True, repr=False)
class Answer:
    """What came back. `body` is None when it was empty, or when a refusal was not JSON, which is
    `strange` then; `raw` is the body of a success that was asked for as a file."""

    status: int
    headers: httpx.Headers
    body: Json
    raw: bytes = b""
    strange: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """The one client all adaptors share; the caller closes it."""
    # httpx logs whole addresses, query included, and httpcore logs headers.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        transport=transport or Connections(),
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "durable-invoicing", "Accept": "application/json"},
        # Accounts share this client: a cookie set for one must never reach another.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def exchange(http: httpx.AsyncClient, call: Call) -> Answer:
    """Send one request and return the answer: a 2xx, a 4xx, or a status the call expects.

    Raises what the table in the module's docstring says.
    """
    started = time.perf_counter()
    outcome: int | str = "not sent or cancelled"
    failure: ProviderError | None
    try:
        answer = await _exchange(http, call)
        outcome = answer.status
    except _Trouble as trouble:
        outcome = trouble.word
        failure = trouble.failure
    else:
        failure = None if answer.status in call.expects else _refused_by_status(call, answer)
        if failure is None:
            return answer
    finally:
        took = round((time.perf_counter() - started) * 1000)
        log.info("%s %s %s: %s, %d ms", call.provider, call.method, call.route, outcome, took)
    # Outside the except block: httpx quotes headers in some of its messages, so nothing is chained.
    raise failure


def slowed(provider: str, call: Call, wait: timedelta | None) -> ProviderError:
    """The error for a 429: of a changing call nobody can say that it was not passed on before."""
    kind = UnknownOutcome if call.changes else Unavailable
    return kind(f"{provider} asks to slow down ({call.name})", code="429", retry_after=wait)


def unclear(call: Call, what: str, code: str | None = None) -> ProviderError:
    """The error for an answer that came but does not say what happened."""
    kind = UnknownOutcome if call.changes else Unreadable
    return kind(f"{call.provider}: the answer to {call.name} {what}", code=code)


class _Trouble(Exception):
    def __init__(self, word: str, failure: ProviderError) -> None:
        self.word = word
        self.failure = failure


_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


async def _exchange(http: httpx.AsyncClient, call: Call) -> Answer:
    url = call.url
    try:
        # Not asyncio's: that one interrupts httpx while it closes connections that have idled too
        # long, and those it has not come to yet stay open.
        with anyio.fail_after(call.timeout):
            return await _send(http, call, url)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        failure: ProviderError = Rejected(f"{call.provider}: the configured address is not usable")
        raise _Trouble("bad address", failure) from None
    except _NEVER_SENT as error:
        word = type(error).__name__
        failure = Unavailable(f"{call.provider} could not be reached for {call.name} ({word})")
        raise _Trouble(word, failure) from None
    except (httpx.HTTPError, TimeoutError) as error:
        word = type(error).__name__
        raise _Trouble(word, _lost(call, f"was not answered ({word})")) from None


async def _send(http: httpx.AsyncClient, call: Call, url: str) -> Answer:
    limit = min(CONNECT_SECONDS, call.timeout)
    async with http.stream(
        call.method,
        url,
        params=call.query or None,
        headers={**call.content_type, **call.headers},
        content=call.content,
        **call.parts,
        timeout=httpx.Timeout(call.timeout, connect=limit, pool=limit),
    ) as response:
        raw = await _bounded(call, response)
    if call.takes_file and response.is_success:
        return Answer(response.status_code, response.headers, None, raw)
    body = _decoded(call, response, raw)
    strange = body is None and bool(raw.strip()) and raw.strip() != b"null"
    return Answer(response.status_code, response.headers, body, strange=strange)


async def _bounded(call: Call, response: httpx.Response) -> bytes:
    """The body, counted after decompression so that a small answer cannot unfold without end."""
    most = MAX_FILE if call.takes_file else MAX_BODY
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most:
            raise _Trouble("body too large", unclear(call, f"is larger than {most} bytes"))
    return bytes(body)


def _decoded(call: Call, response: httpx.Response, raw: bytes) -> Json:
    if not raw.strip():
        return None
    try:
        return decode(raw)
    except (ValueError, RecursionError):
        if response.is_success:
            raise _Trouble("not JSON", unclear(call, "is not JSON")) from None
        return None


def _refused_by_status(call: Call, answer: Answer) -> ProviderError | None:
    status, code = answer.status, str(answer.status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return slowed(call.provider, call, retry_after(answer.headers))
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= 500:
        return _lost(call, f"was answered with HTTP {status}", answer)
    if call.changes and status >= 400 and status not in _REFUSALS:
        return _lost(call, f"was answered with HTTP {status}", answer)
    if 300 <= status < 400:
        return unclear(call, f"is a redirect (HTTP {status}); check the configured address", code)
    return None


_REFUSALS = frozenset(status for status in HTTPStatus if 400 <= status < 500) - {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""What a standard defines as a verdict on the request itself. Others, such as 499 and 460, are what
proxies write when they have given up waiting for an answer."""


def _lost(call: Call, what: str, answer: Answer | None = None) -> ProviderError:
    kind = UnknownOutcome if call.changes else Unavailable
    code = str(answer.status) if answer else None
    wait = retry_after(answer.headers) if answer else None
    return kind(f"{call.provider}: {call.name} {what}", code=code, retry_after=wait)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Retry-After, in seconds or as an HTTP date, kept between one second and one hour."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = float(value[:9])
    else:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        seconds = (at - datetime.now(UTC)).total_seconds()
    return timedelta(seconds=min(max(seconds, 1), 3600))


def encode(value: Json) -> str:
    """JSON text in which a Decimal is an exact number; a float is a TypeError."""
    match value:
        case float():
            raise TypeError("binary floats are inexact: use Decimal")
        case Decimal():
            return format(value, "f")
        case Mapping():
            members = (f"{json.dumps(key)}:{encode(member)}" for key, member in value.items())
            return "{" + ",".join(members) + "}"
        case str() | int() | None:
            return json.dumps(value)
        case _:
            return "[" + ",".join(encode(item) for item in value) + "]"


def decode(raw: bytes) -> Json:
    """Parse JSON with fractions as exact Decimals; ValueError if it is not JSON."""
    value: Json = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    return _whole(value) if _MAY_BE_HALF.search(raw) else value


_MAY_BE_HALF = re.compile(rb"\\u[dD][89a-fA-F]|\xed")


def _whole(value: Json) -> Json:
    """With a question mark for each half of a surrogate pair: it is JSON, and cannot be kept."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {_whole(name): _whole(one) for name, one in value.items()}  # type: ignore[misc]
    return [_whole(one) for one in value] if isinstance(value, list) else value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _segment(call: Call, value: str) -> str:
    if not value.strip("."):
        raise Rejected(f"{call.provider}: {call.name} was given something that is not an id")
    return quote(value, safe="")


@dataclass(frozen=True, repr=False)
class Token:
    """A bearer token and the seconds it lives. `repr` is left out: it would show the token."""

    value: str
    seconds: float


class Tokens:
    """Keeps one token until shortly before it expires and fetches a new one once at a time."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Token]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value: str | None = None
        self._good_until = 0.0

    async def get(self) -> str:
        """The current token, fetched if there is none that lives for a while yet."""
        async with self._lock:
            if self._value is None or self._clock() >= self._good_until:
                asked = self._clock()
                token = await self._fetch()
                self._value = token.value
                # A minute of margin, less for tokens that hardly live longer than that.
                self._good_until = asked + max(token.seconds - 60, token.seconds / 2)
            return self._value

    def drop(self, value: str) -> None:
        """Forget a token that was refused, unless somebody has already replaced it."""
        if self._value == value:
            self._value = None
