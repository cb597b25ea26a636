"""The engine around a story: its cancel, its continue-as-new, and the memo by which it is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import TypedSearchAttributes

from workflows.kit.telemetry import count

with workflow.unsafe.imports_passed_through():
    from invoicing.request import InvoiceRequest, OrderRequest
    from invoicing.state.attributes import SEARCH_ATTRIBUTES
    from invoicing.state.bounds import HISTORY_BYTES, HISTORY_EVENTS, RENEWED_AGAIN, carried
    from invoicing.state.identity import MEMO, fingerprint
    from invoicing.state.memory import Memory

T = TypeVar("T")


def listed() -> TypedSearchAttributes:
    """What lists show of it, for the run that it continues as.

    Said to every next run: left to the engine, one that was taken away comes back as a null, and of
    a moment the SDK cannot read that, so that the next run could never begin.
    """
    pairs = workflow.info().typed_search_attributes
    return TypedSearchAttributes([pair for pair in pairs if pair.key.name in SEARCH_ATTRIBUTES])


def is_long() -> bool:
    """Whether the run has grown so long that the next one should begin."""
    info = workflow.info()
    return (
        info.is_continue_as_new_suggested()
        or info.get_current_history_length() >= HISTORY_EVENTS
        or info.get_current_history_size() >= HISTORY_BYTES
    )


class Renewal:
    """When a run continues as new, and that it does so only with what fits into the next one: the
    server ends a workflow that tries to with more.

    Everything that is carried has a bound, so it fits. Should it not, what is least needed is given
    up. Is it too large even then, the run goes on as it is; that shows, and it tries again later.
    """

    def __init__(self, memory: Memory, note: Callable[[str], None]) -> None:
        self.wanted = False
        """Whether the next run is to begin although this one is not long."""
        self._memory = memory
        self._note = note
        self._not_before = 0

    @property
    def may_be(self) -> bool:
        """False for a while after it was found to be too large."""
        return workflow.info().get_current_history_length() >= self._not_before

    @property
    def due(self) -> bool:
        """Whether the next run should begin as soon as nothing is under way."""
        return self.may_be and (self.wanted or is_long())

    def begin(self, start: BaseModel) -> None:
        """Continue as new with this, which holds the memory. Returns where it is too large."""
        if carried(start):
            self._memory.shorten()
        if too_many := carried(start):
            self._not_before = workflow.info().get_current_history_length() + RENEWED_AGAIN
            self._note(f"cannot continue as new: {too_many:,} bytes too many")
            count("invoicing_not_renewed", kind=workflow.info().workflow_type)
            return
        # What was added to the memo on the way would stay behind.
        workflow.continue_as_new(start, memo=workflow.memo(), search_attributes=listed())


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
