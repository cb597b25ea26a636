"""Who is signed in: a token, sealed into a cookie that only the gateway can open.

The token is looked at anew with each request, so a session ends when its token does. Nothing is
kept here but the sessions that somebody has ended, until their cookies could not be used anyway.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr, ValidationError

from invoicing.model import Recorded

LONGEST = timedelta(hours=12)
"""A session ends then, however busy it is."""
MOST_COOKIE = 4000
"""Characters; browsers keep no longer one."""
MOST_ENDED = 100_000


class Session(Recorded):
    """What the cookie says. Without a token nobody is signed in yet; it still proves that a form
    was filled in where it was shown. `began` is in seconds since 1970."""

    id: str
    began: int
    token: str = ""


@dataclass(frozen=True)
class _Key:
    sealing: Fernet
    forms: bytes


def _key(written: SecretStr) -> _Key:
    def of(use: bytes) -> bytes:
        return hmac.digest(written.get_secret_value().encode(), use, hashlib.sha256)

    return _Key(Fernet(base64.urlsafe_b64encode(of(b"console cookie"))), of(b"console form"))


class Sessions:
    """Seals and opens them.

    Args:
        keys: the first one seals, every one opens.
        idle: after which a session ends in which nothing was asked.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        keys: Sequence[SecretStr],
        idle: timedelta,
        clock: Callable[[], float] = time.time,
    ) -> None:
        made = [_key(each) for each in keys]
        self._sealing = MultiFernet([each.sealing for each in made])
        self._forms = made[0].forms
        self.idle = idle
        self._clock = clock
        self._ended: dict[str, float] = {}

    def begin(self, token: str = "") -> Session:
        """A new one, by a name that nobody knows."""
        return Session(id=secrets.token_urlsafe(16), began=int(self._clock()), token=token)

    def sealed(self, session: Session) -> str:
        """The cookie, good for the idle time from now."""
        content = session.model_dump_json().encode()
        return self._sealing.encrypt_at_time(content, int(self._clock())).decode()

    def opened(self, cookie: str | None) -> Session | None:
        """What a cookie says; None for one that is not ours, is too old, or was ended."""
        if not cookie or len(cookie) > MOST_COOKIE:
            return None
        now = int(self._clock())
        seconds = int(self.idle.total_seconds())
        try:
            content = self._sealing.decrypt_at_time(cookie.encode(), seconds, now)
            session = Session.model_validate_json(content)
        except (InvalidToken, ValidationError):
            return None
        over = now - session.began > LONGEST.total_seconds() or session.id in self._ended
        return None if over else session

    def end(self, session: Session) -> None:
        """Its cookies are good for nothing any more, here."""
        now = self._clock()
        self._ended = {each: until for each, until in self._ended.items() if until > now}
        if len(self._ended) >= MOST_ENDED:
            self._ended.pop(next(iter(self._ended)))
        self._ended[session.id] = now + self.idle.total_seconds()

    def form_token(self, session: Session) -> str:
        """What a form of this session carries, and no other page can know."""
        return hmac.new(self._forms, session.id.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: Session, given: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.form_token(session).encode(), given.encode())
