"""People and services that an OpenID Connect issuer proves, and what its roles let them do.

Checked of each token: a signature by one of the issuer's keys, by an algorithm of ours; issuer,
audience, expiry and the other times, with `SKEW` for clocks that differ; of an ID token also what
OpenID Connect demands of it (nonce, authorised party, the access token's digest).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import (
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    MissingClaimError,
)
from joserfc.jwk import KeySet

from gateway.callers import Caller
from gateway.issuer import Issuer, Unproven
from gateway.problems import Kind, Trouble
from gateway.reach import Reach
from invoicing.model import Recorded
from settings.callers import Scope
from settings.people import RoleSettings

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""None that signs with a secret, and never `none`."""
SKEW = 60
"""Seconds by which the issuer's clock may differ from ours."""
MOST_TOKEN = 16_000
"""Characters."""
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_SUBJECT = re.compile(r"[A-Za-z0-9._~:@|/+=-]{1,200}")
"""What may stand in a line of the log, and in the journal."""


class Person(Recorded):
    """Somebody whom the issuer has proven: `sub` is the name it has for them, `roles` those of our
    table. `until` is in seconds since 1970."""

    sub: str
    roles: tuple[str, ...]
    until: int


class People:
    """Proves them. `clock` gives seconds since 1970."""

    def __init__(
        self,
        issuer: Issuer,
        roles: Mapping[str, RoleSettings],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self._settings = issuer.settings
        self._roles = roles
        self._clock = clock

    async def signed_in(self, given: Mapping[str, Any], nonce: str) -> Person:
        """Whom the answer of the token endpoint proves. Raises Unproven, and Trouble where the
        issuer is away."""
        access = given.get("access_token")
        params = {
            "nonce": nonce,
            "client_id": self._settings.client_id,
            "access_token": access if isinstance(access, str) else None,
        }
        token = await self._token(given.get("id_token"))
        return self._person(
            token,
            lambda claims, header, options: CodeIDToken(claims, header, options, params).validate(
                int(self._clock()), SKEW
            ),
            self._settings.client_id,
        )

    async def bearing(self, token: str) -> Person:
        """Whom an access token proves, as `signed_in` does."""
        if self._settings.audience is None:
            raise Unproven("access tokens are not taken here")

        def check(claims: jwt.Claims, _: Mapping[str, Any], options: Any) -> None:
            registry = jwt.JWTClaimsRegistry(int(self._clock()), SKEW, **options)
            registry.validate(claims)

        return self._person(await self._token(token), check, self._settings.audience)

    def caller(self, person: Person) -> Caller:
        """What they may do by their roles, as the table has these now. Raises Trouble for nobody's
        role, for roles that do not go together, and when they have to be proven anew."""
        if self._clock() >= person.until:
            raise unauthenticated("expired")
        roles = [self._roles[name] for name in person.roles if name in self._roles]
        if not roles:
            raise Trouble(Kind.FORBIDDEN, "the issuer gives nobody's role that is known here")
        if len({(frozenset(one.accounts), frozenset(one.references)) for one in roles}) > 1:
            # All that either may do, where either may, would be more than both give.
            raise Trouble(Kind.FORBIDDEN, "the issuer gives roles whose limits differ: leave one")
        may = frozenset[Scope]().union(*(one.may for one in roles))
        return Caller(self.name(person), may, Reach(roles[0].accounts, roles[0].references))

    def name(self, person: Person) -> str:
        """What the journal calls proven."""
        return f"{self._settings.name}:{person.sub}"

    async def _token(self, written: Any) -> jwt.Token:
        if not isinstance(written, str) or not is_token(written):
            raise Unproven("there is no token that can be read")
        try:
            return _decoded(written, await self.issuer.keys())
        except InvalidKeyIdError:
            # The issuer has changed its keys, or somebody makes tokens up.
            try:
                return _decoded(written, await self.issuer.keys(anew=True))
            except InvalidKeyIdError:
                raise Unproven("the token is signed with no key of the issuer") from None

    def _person(self, token: jwt.Token, check: Callable[..., None], audience: str | None) -> Person:
        options = {
            "iss": {"essential": True, "value": self._settings.url},
            "aud": {"essential": True, "value": audience},
            "exp": {"essential": True},
            "sub": {"essential": True},
        }
        try:
            check(token.claims, token.header, options)
        except ExpiredTokenError:
            raise Unproven("the token has expired") from None
        except (InvalidClaimError, MissingClaimError) as error:
            claim = error.claim if isinstance(error, InvalidClaimError) else "a needed claim"
            named = claim if claim in _CLAIMS else "a needed claim"
            raise Unproven(f"the token's {named} is missing or another") from None
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise Unproven("the token's claims cannot be read") from None
        sub = token.claims["sub"]
        if not _SUBJECT.fullmatch(sub):
            raise Unproven("the token's sub has signs that no name here may have")
        has = _listed(token.claims, self._settings.claim)
        roles = tuple(name for name, one in self._roles.items() if has & {*one.values})
        until = int(self._clock()) + 60 * self._settings.minutes
        return Person(sub=sub, roles=roles, until=until)


_CLAIMS = frozenset({"iss", "aud", "exp", "nbf", "iat", "sub", "nonce", "azp", "at_hash"})


def is_token(written: str) -> bool:
    """Whether it is written as an issuer's token, and not too long."""
    return len(written) <= MOST_TOKEN and _TOKEN.fullmatch(written) is not None


def unauthenticated(why: str) -> Trouble:
    """Whoever it is, it is not proven."""
    challenge = f'Bearer error="invalid_token", error_description="{why}"'
    return Trouble(Kind.UNAUTHENTICATED, why, headers={"WWW-Authenticate": challenge})


def _decoded(written: str, keys: KeySet) -> jwt.Token:
    """With its signature proven. Raises InvalidKeyIdError for a key that is none of these, and
    Unproven."""
    try:
        return jwt.decode(written, keys, algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        raise
    # Of what is written so deep or odd that reading it fails, each part has its own error.
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Unproven("the token's signature is not the issuer's") from None


def _listed(claims: Mapping[str, Any], claim: str) -> set[str]:
    """The values of a claim that is a text or a list; of `a.b` also the part b of a."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return {each for each in listed if isinstance(each, str)}
