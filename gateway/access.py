"""The door: who it is, how often, whether there is a place, and whether they may do that.

All of it before a byte of the body is read.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes

from gateway.bucket import Buckets
from gateway.callers import Caller, Callers
from gateway.house import House
from gateway.issuer import Unproven
from gateway.people import People, Person, is_token, unauthenticated
from gateway.problems import Kind, Trouble, invalid, nothing_here
from gateway.turns import in_turn
from gateway.visits import NOBODY, Visit, visit_of
from settings.callers import CallerSettings, Scope
from settings.gateway import GatewaySettings

LOOKS = 10
"""Looks within one request that count as one more. What is made or changed counts one by one."""


class Access:
    """Everybody who may come in, and their places. `clock` gives seconds and never goes back."""

    def __init__(
        self,
        settings: GatewaySettings,
        callers: Mapping[str, CallerSettings],
        clock: Callable[[], float] = time.monotonic,
        people: People | None = None,
    ) -> None:
        self.house = House(settings)
        self._callers = Callers(callers)
        self.people = people
        self._buckets = Buckets(settings.rate, settings.burst, clock)

    async def admit(
        self, visit: Visit, proof: Person | str | None, scope: Scope, *, long: bool = False
    ) -> Caller:
        """Let the bearer of a token pass, or somebody whom the issuer has proven, or raise the
        Trouble that says why not. The place is the visit's."""
        caller = await self._recognise(visit, proof)
        await self.take_place(visit, caller, scope, long=long)
        return caller

    async def take_place(
        self, visit: Visit, caller: Caller, scope: Scope, *, long: bool = False
    ) -> None:
        """The same for somebody who is recognised: one of several things asked for at once."""
        visit.caller, visit.scope = caller.name, scope
        await self._count(caller)
        if scope not in caller.may:
            challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
            headers = {"WWW-Authenticate": challenge}
            raise Trouble(Kind.FORBIDDEN, f"it needs the scope {scope}", headers=headers)
        leave = self.house.wait_long(caller) if long else self.house.enter(caller)
        visit.leave.append(leave)

    def named(self, token: str) -> str:
        """Whose token this is, for who has not been let in yet; empty where it is nobody's here."""
        return self._callers.named(token)

    async def count_looks(self, caller: Caller, looks: int) -> None:
        """Have so many looks within one request count for the caller's rate, and wait for their
        turn. Raises Trouble where that does not come."""
        for _ in range(looks // LOOKS):
            await in_turn(partial(self._count, caller))

    async def _count(self, caller: Caller) -> None:
        if wait := self._buckets.take(caller.name):
            await self.house.pause(caller)
            raise Trouble(Kind.TOO_MANY, headers={"Retry-After": str(math.ceil(wait))})

    async def knows(self, proof: Person | str | None, caller: Caller) -> bool:
        """Whether this proof still lets in the same caller, who was let in by it before."""
        try:
            return await self._recognise(Visit(""), proof) == caller
        except Trouble:
            return False

    async def _recognise(self, visit: Visit, proof: Person | str | None) -> Caller:
        if isinstance(proof, Person):
            return self._of_issuer(visit, proof)
        try:
            return self._callers.recognise(proof)
        except Trouble:
            if self.people is None or proof is None or not is_token(proof):
                raise
        try:
            person = await self.people.bearing(proof)
        except Unproven as unproven:
            visit.why = unproven.why
            raise unauthenticated(unproven.why) from None
        return self._of_issuer(visit, person)

    def _of_issuer(self, visit: Visit, person: Person) -> Caller:
        if self.people is None:
            raise unauthenticated("there is no issuer any more")
        visit.caller, visit.role = self.people.name(person), "+".join(person.roles) or NOBODY
        return self.people.caller(person)


_TOKENS = "A token of a caller in the settings, or an access token of the issuer there."
_bearer = HTTPBearer(auto_error=False, description=_TOKENS)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def _admitted(request: Request, scopes: SecurityScopes, credentials: _Credentials) -> None:
    await _admit(request, scopes, credentials, long=False)


async def _admitted_long(
    request: Request, scopes: SecurityScopes, credentials: _Credentials
) -> None:
    await _admit(request, scopes, credentials, long=True)


async def _admit(
    request: Request,
    scopes: SecurityScopes,
    credentials: HTTPAuthorizationCredentials | None,
    *,
    long: bool,
) -> None:
    access: Access = request.app.state.access
    visit, (scope,) = visit_of(request), scopes.scopes
    named = request.path_params
    if about := named.get("reference") or named.get("event") or named.get("finding"):
        visit.about(about)
    token = credentials.credentials if credentials else None
    caller = await access.admit(visit, token, Scope(scope), long=long)
    _refuse_twice(request)
    reach = caller.reach
    if not reach.has_reference(named.get("reference", "")) and "reference" in named:
        raise nothing_here()
    if "event" in named and not reach.has_event(named["event"]):
        raise nothing_here()
    request.state.caller = caller


LISTED = frozenset({"ignore"})
"""What an address may say more than once."""


def _refuse_twice(request: Request) -> None:
    """Of two different wishes one would be followed, and nobody would be told which."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in given.items():
        if count > 1 and name not in LISTED:
            shown = "".join(each if each.isprintable() else "?" for each in name[:50])
            raise invalid(f"query.{shown}", "is given twice")


def needs(scope: Scope, *, long: bool = False) -> Any:
    """A dependency that lets only callers with this scope pass, before anything is read. `long`: it
    waits for a result. What is not the caller's own is not there."""
    return Security(_admitted_long if long else _admitted, scopes=[str(scope)])


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Who = Annotated[Caller, Depends(_caller)]
"""The caller that `needs` has let pass."""
