"""Open connections: never more than there are places, and none that waits for ever.

What uvicorn does not do by itself: it gives a request's head no time, counts no connections, and
waits without end for a caller that does not read. So this stands on its protocol.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import resource
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.pace import spread

ACCEPTED_AT_ONCE = 16
"""Connections that are taken from the system in one turn of the loop, before any is counted."""
OTHER_FILES = 128
"""Descriptors for everything else: the server behind, files, logs."""
LEAST = 10
FLUSH_SECONDS = 10.0
"""How long a caller may take to read what is left of an answer."""

# A warning for every broken request is a log that strangers fill.
_quiet = logging.getLogger("invoicing.gateway.connections")
_quiet.setLevel(logging.ERROR)


def most_connections(wanted: int) -> int:
    """As many as wanted, or as many as there are descriptors for."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(LEAST, min(wanted, descriptors - OTHER_FILES - 2 * ACCEPTED_AT_ONCE))


class Connections:
    """Those of one server. `most` are open, and each has `head_seconds` for a request's head."""

    def __init__(self, most: int, head_seconds: float) -> None:
        self._most = most
        self.head_seconds = head_seconds
        self._open: set[_Protocol] = set()
        # In the order in which they give way: strangers to what has been answered before.
        self._silent: dict[_Protocol, None] = {}
        self._idle: dict[_Protocol, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def protocol(self, *given: Any, **named: Any) -> asyncio.Protocol:
        """What uvicorn makes for each connection."""
        return _Protocol(self, *given, **named)

    def opened(self, one: _Protocol) -> None:
        """Count it. Where there is no place, room is made by the one that has been silent longest,
        or else idle longest since its last answer; if there is none, the newcomer goes."""
        self._open.add(one)
        if len(self._open) > self._most:
            oldest = next(itertools.chain(self._silent, self._idle), one)
            self.closed(oldest)
            oldest.transport.abort()

    def waits(self, one: _Protocol, *, answered: bool) -> None:
        """It has no request under way; whether one was `answered` before."""
        (self._idle if answered else self._silent)[one] = None

    def is_served(self, one: _Protocol) -> None:
        """It has one."""
        self._silent.pop(one, None)
        self._idle.pop(one, None)

    def closed(self, one: _Protocol) -> None:
        """Count it no more."""
        self._open.discard(one)
        self.is_served(one)


class _Protocol(H11Protocol):
    def __init__(self, connections: Connections, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = _quiet
        # What is worth a line is written by gateway.visits.
        self.access_log = False
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._connections.opened(self)
        if not transport.is_closing():
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._connections.closed(self)
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = cast("object", self.cycle)
        super().handle_events()
        if self.cycle is not before:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        served = self.cycle
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(FLUSH_SECONDS, self.transport.abort)
        elif self.cycle is served:
            self._wait_for_head()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        seconds = spread(self._connections.head_seconds)
        self._deadline = self.loop.call_later(seconds, self.transport.abort)
        self._connections.waits(self, answered=self.cycle is not None)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._connections.is_served(self)
