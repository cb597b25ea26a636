"""What the workflow of an amendment asks of other workflows of ours: the credits of an invoice, and
the new one. Each asks as any client does, and is safe to repeat: a credit is known by its name, an
invoice by its reference.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from invoicing.client import InvoicingClient
from invoicing.credits.amend import BeginCall, MakeCreditCall, OverviewCall
from invoicing.credits.case import Credits, CreditState
from invoicing.errors import EngineError, InvoicingError, ReferenceInUse

C = TypeVar("C")
R = TypeVar("R")

REFUSED = "Refused"
"""The kind of failure that asking again does not change."""
TAKEN = "Taken"
"""The same, where a reference stands for something else: nothing was begun under it."""


def _told(
    method: Callable[[Any, C], Awaitable[R]],
) -> Callable[[Any, C], Coroutine[Any, Any, R]]:
    """A refusal ends the call with its sentence; what the server could not carry out is tried
    again."""

    @functools.wraps(method)
    async def durable(self: Any, call: C) -> R:
        try:
            return await method(self, call)
        except EngineError as error:
            raise ApplicationError(str(error), type=type(error).__name__) from None
        except ReferenceInUse as error:
            raise ApplicationError(str(error), type=TAKEN, non_retryable=True) from None
        except InvoicingError as error:
            raise ApplicationError(str(error), type=REFUSED, non_retryable=True) from None

    return durable


class AmendActivities:
    """Over one client, to the server that the worker serves."""

    def __init__(self, client: Client) -> None:
        self._client = InvoicingClient(client)

    @activity.defn
    @_told
    async def credits_of(self, call: OverviewCall) -> Credits:
        """What is left to credit of an invoice, and every credit."""
        return await self._client.credits.overview(call.reference)

    @activity.defn
    @_told
    async def make_credit(self, call: MakeCreditCall) -> CreditState:
        """Have it credited; the same credit again is the same one."""
        return await self._client.credits.make(call.reference, call.credit)

    @activity.defn
    @_told
    async def begin_invoice(self, call: BeginCall) -> None:
        """Have the new invoice made; the same request again is the same invoice."""
        await self._client.invoices.start(call.request, proven=call.proven)

    def all(self) -> list[Callable[..., Any]]:
        """Every activity, for the worker of the workflows' queue."""
        return [self.credits_of, self.make_credit, self.begin_invoice]
