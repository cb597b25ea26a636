"""Who it is: a caller by its token.

By a bearer token whose digest is in the settings; `gateway.people` is the other way, an issuer's
proof. Nothing else in the gateway knows how a `Caller` was proven.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway import tokens
from gateway.problems import Kind, Trouble
from gateway.reach import Reach
from settings.callers import CallerSettings, Scope, Token

HOW = "send a token of a caller that is let in, as `Authorization: Bearer TOKEN`"


@dataclass(frozen=True)
class Caller:
    """Somebody who has proven who they are: `name` is what the journal calls proven."""

    name: str
    may: frozenset[Scope]
    reach: Reach


class Callers:
    """Everybody who may come in."""

    def __init__(
        self,
        settings: Mapping[str, CallerSettings],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._tokens: list[tuple[Token, Caller]] = []
        for name, one in settings.items():
            caller = Caller(name, frozenset(one.may), Reach(one.accounts, one.references))
            self._tokens.extend((token, caller) for token in one.tokens)

    def recognise(self, token: str | None) -> Caller:
        """The caller that bears this token. Raises Trouble where it is nobody's, or has expired.

        Every digest is compared, each in constant time, whether one has fitted or not. A token that
        a person made up is nobody's even where its digest is there: it could be guessed.
        """
        fitting = self._fitting(token or "")
        if not fitting or token is None or tokens.is_weak(token):
            challenge = "Bearer" if token is None else 'Bearer error="invalid_token"'
            raise Trouble(Kind.UNAUTHENTICATED, HOW, headers={"WWW-Authenticate": challenge})
        found, caller = fitting[0]
        if found.until is not None and self._now() >= found.until:
            challenge = 'Bearer error="invalid_token", error_description="expired"'
            raise Trouble(
                Kind.UNAUTHENTICATED,
                "this token has expired",
                headers={"WWW-Authenticate": challenge},
            )
        return caller

    def named(self, token: str) -> str:
        """Whose this token is, or was; empty where it is nobody's. It lets nobody in."""
        return next((caller.name for _, caller in self._fitting(token)), "")

    def _fitting(self, token: str) -> list[tuple[Token, Caller]]:
        given = tokens.digest(token)
        return [each for each in self._tokens if hmac.compare_digest(each[0].digest, given)]
