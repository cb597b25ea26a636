"""One request on its way through the gateway, and the one line that is written about it.

Whatever changes or decrypts something is written down, whoever signs in, and whatever was refused:
who, in which role, as what, where, about which reference, with which outcome, from which address.
No body, no query, no token.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope as Connection

from gateway.bucket import MOST_NAMES, Buckets
from settings.callers import Scope

log = logging.getLogger("invoicing.gateway.requests")

NOBODY = "-"
SIGNED_IN = "signed_in"
"""The outcome of a request by which somebody was let in at the console."""
LEFT = "left"
"""The outcome of a request whose caller did not wait for its answer."""
CHANGES = frozenset({Scope.START, Scope.OPERATE, Scope.DECRYPT})
STRANGERS_LINES = 5.0
"""Lines per second about refusals of those who have not proven themselves; the rest is counted."""
CALLERS_LINES = 2.0
"""Lines per second about refusals of each caller."""
AT_ONCE = 100
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:#/-]{0,299}")


@dataclass
class Visit:
    """What is known of one request. `leave` is what its end undoes, such as a place given back."""

    address: str
    caller: str = NOBODY
    scope: Scope | None = None
    role: str = NOBODY
    """Those of our table that an issuer gives the caller, with + between."""
    reference: str = NOBODY
    webhook: bool = False
    status: int = 0
    outcome: str = ""
    why: str = ""
    """A sentence of ours about a refusal that its sender is told nothing of."""
    leave: list[Callable[[], None]] = field(default_factory=list)
    identity: str = field(default_factory=lambda: uuid4().hex)
    """A name that no other request has."""

    def about(self, reference: str) -> None:
        """What it is about: shown where it is written as references and ids are."""
        self.reference = reference if _PLAIN.fullmatch(reference) else "?"

    def end(self) -> None:
        """Undo what its coming did."""
        while self.leave:
            self.leave.pop()()


def visit_of(request: HTTPConnection) -> Visit:
    """The visit that this request is."""
    visit: Visit = request.state.visit
    return visit


class Book:
    """Writes the lines. `clock` gives seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._strangers = Buckets(STRANGERS_LINES, AT_ONCE, clock)
        self._callers = Buckets(CALLERS_LINES, AT_ONCE, clock)
        self._left_out: dict[str, int] = {}

    def write(self, visit: Visit, connection: Connection) -> None:
        """One line, if it is a change or a refusal. Refusals beyond the rate are only counted: the
        next line about that caller says how many there were."""
        refused = visit.status >= 400 or visit.outcome == LEFT
        changes = visit.scope in CHANGES or visit.webhook or visit.outcome == SIGNED_IN
        if not refused and not changes:
            return
        if refused and self._is_too_much(visit.caller):
            return
        said: dict[str, str | int] = {
            "caller": visit.caller,
            "role": visit.role,
            "scope": str(visit.scope or NOBODY),
            "route": _route(connection),
            "reference": visit.reference,
            "status": visit.status,
            "outcome": visit.outcome or "ok",
            "address": visit.address or NOBODY,
        }
        if visit.why:
            said["why"] = visit.why
        if left_out := self._left_out.pop(visit.caller, 0):
            said["left_out"] = left_out
        line = " ".join(f"{name}={value}" for name, value in said.items())
        log.log(logging.WARNING if refused else logging.INFO, "%s", line, extra=said)

    def _is_too_much(self, caller: str) -> bool:
        lines = self._strangers if caller == NOBODY else self._callers
        if lines.take(caller):
            self._left_out[caller] = self._left_out.get(caller, 0) + 1
            if len(self._left_out) > MOST_NAMES:
                self._left_out.pop(next(iter(self._left_out)))
            return True
        return False


def _route(connection: Connection) -> str:
    """The route's template: an address that is none of ours may say anything."""
    path = getattr(connection.get("route"), "path", None) or NOBODY
    method = connection["method"]
    return f"{method if method in _METHODS else '?'} {connection.get('mounted', '')}{path}"


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def source(connection: Connection, proxies: int) -> str:
    """The sender's address: who opened the connection, or whom the outermost proxy of ours saw.

    Each proxy adds who called it at the end; what stands before the last `proxies` entries was
    written by the sender and proves nothing. Empty where the proxies cannot have been passed.
    """
    if not proxies:
        client = connection.get("client")
        return client[0] if client else ""
    seen = ",".join(Headers(scope=connection).getlist("x-forwarded-for")).split(",")
    return _address(seen[-proxies].strip()) if len(seen) >= proxies else ""


def _address(written: str) -> str:
    """Without the port that some proxies add; empty if it is none."""
    host = written[1:].partition("]")[0] if written.startswith("[") else written
    host = host.partition(":")[0] if host.count(":") == 1 else host
    try:
        return str(ip_address(host))
    except ValueError:
        return ""
