"""A reference claimed, and what happened recorded: durable steps on the register's own queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio import activity

from activities.failures import as_failures
from invoicing.books.claims import ClaimCall, Claimed, Register
from invoicing.state.recording import CreditsCall, RecordCall


class RegisterActivities:
    """What a workflow asks of the register. All of it is safe to repeat."""

    def __init__(self, register: Register) -> None:
        self._register = register

    @activity.defn
    @as_failures
    async def claim(self, call: ClaimCall) -> Claimed:
        """Claim a reference, or learn what it stands for."""
        return await self._register.claim(call)

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
