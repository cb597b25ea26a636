"""A system that is told of invoices: it keeps what it gets, and answers badly when it is told to.

    POST /notices   post

It was written from Standard Webhooks 1.0.0, and believes whatever comes: whether a signature fits
is for its user to see, with another's verifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from starlette.responses import Response

from sandbox.kit.faults import Faults
from sandbox.kit.record import Changes
from sandbox.kit.server import Ask, StandIn, Way
from sandbox.kit.wire import decoded


class Step(StrEnum):
    """What faults can be placed at."""

    POST = "post"


class Told(StrEnum):
    """Answers that only a subscriber gives."""

    GONE = "410"
    NOT_FOUND = "404"
    ELSEWHERE = "302"


@dataclass(frozen=True)
class Taken:
    """One post that was taken, exactly as it came; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return decoded(self.body)

    @property
    def type(self) -> str:
        return str(self.content["type"])


class SubscriberStandIn(StandIn):
    """Everything it has said yes to is in `taken`, in the order of arrival."""

    steps = Step
    told = frozenset(Told)

    def __init__(self, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self.taken: list[Taken] = []
        self._changes = Changes()

    def account(self, url: str | None = None) -> dict[str, str]:
        """Where it is told."""
        return {"url": f"{url or self.url}/notices"}

    def ways(self) -> Sequence[Way]:
        """See StandIn."""
        return (Way("POST", "/notices", Step.POST, self._post),)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """Nobody is paid here."""
        raise LookupError(reference)

    def forget(self) -> None:
        """See StandIn."""
        self.taken.clear()

    def types(self, about: str) -> list[str]:
        """The types of what it was told about this reference, each id once, in order."""
        mine = (one for one in self.taken if one.content["data"]["reference"] == about)
        return list({one.id: one.type for one in mine}.values())

    async def until(self, met: Callable[[], bool], what: str, within: float = 20) -> None:
        """Wait until this holds; looked at whenever a notice is taken."""
        await self._changes.until(met, what, within)

    def _post(self, ask: Ask) -> Response:
        for told in Told:
            if ask.told(told):
                return Response(status_code=int(told), headers={"location": "/elsewhere"})
        self.taken.append(Taken(dict(ask.headers), ask.body))
        self._changes.notify()
        return Response(status_code=204)
