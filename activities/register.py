"""A reference claimed, and what happened recorded: within the workflow's own task where the
register answers at once, else as durable steps on its own queue."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import activity
from temporalio.converter import DataConverter

from activities.failures import as_failures
from activities.sealing import Seal
from invoicing.books.claims import ClaimCall, Claimed, Register
from invoicing.errors import Unavailable
from invoicing.state.recording import CreditsCall, RecordCall

R = TypeVar("R")

LEFT_ALONE = 10.0
"""Seconds for which a register that gave no answer at once is not asked so again: a workflow task
that waits for it holds up what else it commands, and takes a place among the worker's tasks."""


class RegisterActivities:
    """What a workflow asks of the register. All of it is safe to repeat."""

    def __init__(self, register: Register, converter: DataConverter) -> None:
        self._register = register
        self._converter = converter

    @activity.defn
    @as_failures
    async def claim(self, call: ClaimCall) -> Claimed:
        """Claim a reference, or learn what it stands for. What a person has corrected it to is kept
        there as Temporal keeps it."""
        seal = Seal(self._converter, call)
        given = call.model_copy(
            update={"sealed": await seal.closed(call.correction), "correction": None}
        )
        claimed = await self._register.claim(given)
        opened = await seal.opened(claimed.sealed)
        return claimed.model_copy(update={"correction": opened, "sealed": b""})

    @activity.defn
    @as_failures
    async def record(self, call: RecordCall) -> bool:
        """Write down what has happened; False where the reference is somebody else's by now."""
        return await self._register.record(call)

    @activity.defn
    @as_failures
    async def record_credits(self, call: CreditsCall) -> bool:
        """Write down what has happened to an invoice's credits; False where it was erased."""
        return await self._register.record_credits(call)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of the register's queue."""
        return [self.claim, self.record, self.record_credits]


class AtOnce:
    """The register as it is asked within a workflow task: it answers now, or is asked again on its
    own queue. Also where this worker has none, for the workflow only knows that there is one."""

    def __init__(
        self, register: Register | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._register = register
        self._now = now
        self._alone_until: float | None = None
        """None: it has answered."""

    async def claim(self, call: ClaimCall) -> Claimed:
        """See `Register`."""
        return await self._answer(lambda register: register.claim(call))

    async def record(self, call: RecordCall) -> bool:
        """See `Register`."""
        return await self._answer(lambda register: register.record(call))

    async def record_credits(self, call: CreditsCall) -> bool:
        """See `Register`."""
        return await self._answer(lambda register: register.record_credits(call))

    async def _answer(self, ask: Callable[[Register], Awaitable[R]]) -> R:
        if self._register is None or self._is_left_alone():
            raise Unavailable("the register: it is asked on its own queue")
        try:
            answer = await ask(self._register)
        except BaseException:
            # A time-out as well, which reaches this as a cancel.
            self._leave_alone()
            raise
        self._alone_until = None
        return answer

    def _is_left_alone(self) -> bool:
        if self._alone_until is None:
            return False
        if self._now() < self._alone_until:
            return True
        # One asks again; until it is answered the others do not.
        self._leave_alone()
        return False

    def _leave_alone(self) -> None:
        self._alone_until = self._now() + LEFT_ALONE
