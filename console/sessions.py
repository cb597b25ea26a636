"""Who is signed in: a token, or whom the issuer has proven, sealed into a cookie that only the
gateway can open.

Either is looked at anew with each request, so a session ends when its token does. Nothing is
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
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr, ValidationError

from gateway.people import Person
from invoicing.model import Recorded

LONGEST = timedelta(hours=12)
"""A session ends then, however busy it is."""
ERRAND = timedelta(minutes=10)
"""How long signing in at the issuer may take."""
MOST_COOKIE = 4000
"""Characters; browsers keep no longer one."""
MOST_ENDED = 100_000


class Session(Recorded):
    """What the cookie says: a token, or whom the issuer has proven. Without one of them nobody is
    signed in yet; it still proves that a form was filled in where it was shown. `began` is in
    seconds since 1970."""

    id: str
    began: int
    token: str = ""
    person: Person | None = None

    @property
    def proof(self) -> Person | str | None:
        """What lets somebody in; None: nobody is signed in."""
        return self.person or self.token or None


class Errand(Recorded):
    """On the way to the issuer and back: what only this browser and the issuer can bring along
    together (`state`), what its token must repeat (`nonce`), what redeems its code (`verifier`),
    and where to go on."""

    id: str
    state: str
    nonce: str
    verifier: str
    next: str


S = TypeVar("S", Session, Errand)


@dataclass(frozen=True)
class _Key:
    sealing: Fernet
    errands: Fernet
    forms: bytes


def _key(written: SecretStr) -> _Key:
    def of(use: bytes) -> bytes:
        return hmac.digest(written.get_secret_value().encode(), use, hashlib.sha256)

    def sealing(use: bytes) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(of(use)))

    return _Key(sealing(b"console cookie"), sealing(b"console errand"), of(b"console form"))


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
        self._errands = MultiFernet([each.errands for each in made])
        self._forms = made[0].forms
        self.idle = idle
        self._clock = clock
        self._ended: dict[str, float] = {}

    def begin(self, token: str = "", person: Person | None = None) -> Session:
        """A new one, by a name that nobody knows."""
        began = int(self._clock())
        return Session(id=secrets.token_urlsafe(16), began=began, token=token, person=person)

    def send(self, to: str) -> Errand:
        """A new errand, after which it goes on there."""
        by_chance = (secrets.token_urlsafe(32) for _ in range(4))
        return Errand(
            **dict(zip(("id", "state", "nonce", "verifier"), by_chance, strict=True)), next=to
        )

    def sealed(self, session: Session) -> str:
        """The cookie, good for the idle time from now."""
        content = session.model_dump_json().encode()
        return self._sealing.encrypt_at_time(content, int(self._clock())).decode()

    def sealed_errand(self, errand: Errand) -> str:
        """The cookie of an errand, good for `ERRAND` from now."""
        content = errand.model_dump_json().encode()
        return self._errands.encrypt_at_time(content, int(self._clock())).decode()

    def opened(self, cookie: str | None) -> Session | None:
        """What a cookie says; None for one that is not ours, is too old, or was ended."""
        session = self._opened(self._sealing, Session, cookie, self.idle)
        if session is None or self._clock() - session.began > LONGEST.total_seconds():
            return None
        return session

    def opened_ever(self, cookie: str | None) -> Session | None:
        """The same, however old it is: it lets nobody in."""
        return self._opened(self._sealing, Session, cookie, None)

    def opened_errand(self, cookie: str | None) -> Errand | None:
        """The same for an errand's."""
        return self._opened(self._errands, Errand, cookie, ERRAND)

    def _opened(
        self, sealing: MultiFernet, kind: type[S], cookie: str | None, good_for: timedelta | None
    ) -> S | None:
        if not cookie or len(cookie) > MOST_COOKIE:
            return None
        try:
            content = self._decrypted(sealing, cookie.encode(), good_for)
            found = kind.model_validate_json(content)
        except (InvalidToken, ValidationError):
            return None
        return None if found.id in self._ended else found

    def _decrypted(self, sealing: MultiFernet, cookie: bytes, good_for: timedelta | None) -> bytes:
        if good_for is None:
            return sealing.decrypt(cookie)
        return sealing.decrypt_at_time(cookie, int(good_for.total_seconds()), int(self._clock()))

    def end(self, session: Session | Errand) -> None:
        """Its cookies are good for nothing any more, here."""
        now = self._clock()
        self._ended = {each: until for each, until in self._ended.items() if until > now}
        if len(self._ended) >= MOST_ENDED:
            self._ended.pop(next(iter(self._ended)))
        lasts = ERRAND if isinstance(session, Errand) else self.idle
        self._ended[session.id] = now + lasts.total_seconds()

    def form_token(self, session: Session) -> str:
        """What a form of this session carries, and no other page can know."""
        return hmac.new(self._forms, session.id.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: Session, given: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.form_token(session).encode(), given.encode())
