"""The one place where errors become Temporal failures."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from invoicing.errors import Denied, Details, ProviderError, Rejected, UnknownOutcome, Unsupported

S = TypeVar("S")
A = TypeVar("A")
R = TypeVar("R")


def as_failures(
    method: Callable[[S, A], Awaitable[R]],
) -> Callable[[S, A], Coroutine[Any, Any, R]]:
    """The failure's type says which error it was, its details say why, and how long to wait.

    The wait holds for the engine's own next attempt as well: that of a harmless call, and of a
    changing one that may be repeated.
    """

    @functools.wraps(method)
    async def durable(self: S, call: A) -> R:
        try:
            return await method(self, call)
        except ProviderError as error:
            raise ApplicationError(
                error.message,
                Details.of(error),
                type=type(error).__name__,
                # Credentials are renewed while the call waits.
                non_retryable=isinstance(error, (Rejected, Unsupported))
                and not isinstance(error, Denied),
                next_retry_delay=getattr(error, "retry_after", None),
            ) from None
        except asyncio.CancelledError:
            if _was_asked_to_stop():
                raise
            # By the worker's own end, or by a library. As a cancel that nobody asked for the SDK
            # would hand it to its core, which takes the whole worker down with it.
            raise ApplicationError(
                "the call was cut off", Details(), type=UnknownOutcome.__name__
            ) from None

    return durable


def _was_asked_to_stop() -> bool:
    details = activity.cancellation_details()
    return details is not None and details.cancel_requested
