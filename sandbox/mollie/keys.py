"""Mollie's idempotency keys: what was answered to a POST is answered again, for an hour."""

from __future__ import annotations

import time
from dataclasses import dataclass

from starlette.responses import Response

from sandbox.mollie.forms import Json, Problem

Name = tuple[str, str]
"""Whose key it is and the key: two credentials may use the same one (I)."""


@dataclass(frozen=True)
class _Kept:
    path: str
    body: Json
    response: Response
    at: float


class Keys:
    """The answers kept."""

    def __init__(self) -> None:
        self._kept: dict[Name, _Kept] = {}

    def replay(self, name: Name, path: str, body: Json, lifetime: float) -> Response | None:
        """The answer kept under this key for `lifetime` seconds, marked as such.

        Problem if it was for something else.
        """
        kept = self._kept.get(name)
        if kept is None or time.time() - kept.at >= lifetime:
            return None
        if (kept.path, kept.body) != (path, body):
            raise Problem(400, "The idempotency key was used with other parameters or elsewhere")
        whole = kept.response
        again = Response(whole.body, whole.status_code, media_type=whole.media_type)
        again.headers["Idempotent-Replayed"] = "true"
        return again

    def keep(self, name: Name, path: str, body: Json, response: Response) -> None:
        """Keep the answer to what succeeded.

        Whether Mollie keeps refusals too is not documented (U): here a refused call's key is free.
        """
        self._kept[name] = _Kept(path, body, response, time.time())

    def clear(self) -> None:
        """Forget them all, as if the hour were over."""
        self._kept.clear()
