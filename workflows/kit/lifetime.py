"""The engine around a story: its cancel, its continue-as-new, and the memo by which it is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.common import TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from invoicing.attributes import SEARCH_ATTRIBUTES
    from invoicing.identity import MEMO, fingerprint
    from invoicing.request import InvoiceRequest, OrderRequest

T = TypeVar("T")


def listed() -> TypedSearchAttributes:
    """What lists show of it, for the run that it continues as.

    Said to every next run: left to the engine, one that was taken away comes back as a null, and of
    a moment the SDK cannot read that, so that the next run could never begin.
    """
    pairs = workflow.info().typed_search_attributes
    return TypedSearchAttributes([pair for pair in pairs if pair.key.name in SEARCH_ATTRIBUTES])


def sign(request: InvoiceRequest | OrderRequest) -> None:
    """Leave the fingerprint by which other content is told apart, where the caller left none: one
    in another language need not know how it is made."""
    if MEMO not in workflow.memo():
        workflow.upsert_memo({MEMO: fingerprint(request)})


async def through_cancels(story: asyncio.Task[T], cancelled: Callable[[], None]) -> T:
    """The story's result. Temporal's own Cancel interrupts no call under way: the moment it
    arrives, `cancelled` writes it down, and the story notices it at its next boundary.

    The engine tells one run of one cancel, and a run that continues as new is not told again. So
    what is not written down here is lost.
    """
    while not story.done():
        try:
            await workflow.wait_condition(story.done)
        except asyncio.CancelledError:
            if workflow.cancellation_reason() is None:
                # Not a cancel: this instance is evicted.
                raise
            cancelled()
    return story.result()
