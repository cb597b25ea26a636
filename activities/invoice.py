"""One activity per verb of the provider port: a durable step that asks the provider one thing.

The same class serves every provider: each has a task queue and a worker of its own, which is given
that provider's adaptors, one per account.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from invoicing.errors import Details, ProviderError, Rejected, Unsupported
from invoicing.provider import (
    Accounts,
    CreateCall,
    Found,
    LookUpCall,
    Plan,
    Provider,
    ReadCall,
    Search,
    Snapshot,
    Target,
)
from invoicing.request import InvoiceRequest

A = TypeVar("A")
R = TypeVar("R")


def _as_failures(
    method: Callable[[InvoiceActivities, A], Awaitable[R]],
) -> Callable[[InvoiceActivities, A], Coroutine[Any, Any, R]]:
    """The one place where errors become Temporal failures: the type says which, details say why."""

    @functools.wraps(method)
    async def durable(self: InvoiceActivities, call: A) -> R:
        try:
            return await method(self, call)
        except ProviderError as error:
            raise ApplicationError(
                error.message,
                Details.of(error),
                type=type(error).__name__,
                non_retryable=isinstance(error, (Rejected, Unsupported)),
                next_retry_delay=getattr(error, "retry_after", None),
            ) from None

    return durable


class InvoiceActivities:
    """What a workflow asks of one provider.

    Args:
        accounts: this provider's adaptors by account name.
        pace: multiplies every wait of every plan; less than 1 in tests and demos.
    """

    def __init__(self, accounts: Accounts, *, pace: float = 1) -> None:
        self._accounts = accounts
        self._pace = pace

    def _provider(self, account: str) -> Provider:
        try:
            return self._accounts[account]
        except KeyError:
            raise Rejected(
                f"account {account!r} is not configured in this provider's worker; "
                f"it has: {', '.join(sorted(self._accounts))}"
            ) from None

    @activity.defn
    @_as_failures
    async def plan(self, request: InvoiceRequest) -> Plan:
        """How the provider will carry this out; no call is made."""
        plan = await self._provider(request.account).plan(request)
        return plan.model_copy(update={"paces": plan.paces.scaled(self._pace)})

    @activity.defn
    @_as_failures
    async def look_up(self, call: LookUpCall) -> Found:
        """One question to the provider's master data."""
        return await self._provider(call.target.account).look_up(call)

    @activity.defn
    @_as_failures
    async def find(self, target: Target) -> Search:
        """Every live invoice that carries our reference."""
        return await self._provider(target.account).find(target)

    @activity.defn
    @_as_failures
    async def create(self, call: CreateCall) -> Snapshot:
        """Create the draft. Runs once: whether it happened is found out by looking."""
        return await self._provider(call.target.account).create(call)

    @activity.defn
    @_as_failures
    async def read(self, call: ReadCall) -> Snapshot:
        """The invoice as it is now."""
        return await self._provider(call.target.account).read(call)

    @activity.defn
    @_as_failures
    async def approve(self, target: Target) -> Snapshot:
        """Make the draft final."""
        return await self._provider(target.account).approve(target)

    @activity.defn
    @_as_failures
    async def send(self, target: Target) -> Snapshot:
        """Send the invoice to its buyer."""
        return await self._provider(target.account).send(target)

    @activity.defn
    @_as_failures
    async def delete(self, target: Target) -> Snapshot:
        """Delete the draft."""
        return await self._provider(target.account).delete(target)

    @activity.defn
    @_as_failures
    async def credit(self, target: Target) -> Snapshot:
        """Take a final invoice back by a full credit."""
        return await self._provider(target.account).credit(target)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of this provider's queue."""
        return [
            self.plan,
            self.look_up,
            self.find,
            self.create,
            self.read,
            self.approve,
            self.send,
            self.delete,
            self.credit,
        ]
