"""What an invoice or an order has to tell the register, on its way there: in order, none lost.

It holds up nothing: it is handed over beside the story. Only the very end waits for it, shown as
such, for what ends takes with it what was not handed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.register import RegisterActivities
    from invoicing.bounds import LINES_BYTES, stored
    from invoicing.case import Before, Memory
    from invoicing.claims import REGISTER_QUEUE, ClaimCall, Claimed
    from invoicing.invoice import RECORD, Waiting
    from invoicing.provider import Pace, Paces
    from invoicing.recording import RecordCall, Row

CALL = timedelta(seconds=15)
"""More than the register's own patience, so that its word for what happened wins."""
ATTEMPTS = timedelta(seconds=30)
"""For so long the engine tries by itself, unseen; after that, what waits says so."""
MOST_LINES = 200
"""Handed over at once."""

Kind = Literal["invoice", "order"]


def ask_claim(call: ClaimCall) -> workflow.ActivityHandle[Claimed]:
    """A claim; safe to repeat."""
    return workflow.start_activity_method(
        RegisterActivities.claim,
        call,
        task_queue=REGISTER_QUEUE,
        summary="claim the reference",
        start_to_close_timeout=CALL,
        schedule_to_close_timeout=ATTEMPTS,
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
    )


class Recorder:
    """Hands over the lines that wait in a workflow's memory, one call after the other.

    Args:
        kind, reference: of what it tells.
        memory: where the lines wait, over a continue-as-new, too.
        row: how it is now.
        shown: called when the wait at the end has begun, or is over.
        before: whose claim it is, where that is another workflow's, which has ended.
    """

    def __init__(
        self,
        kind: Kind,
        reference: str,
        memory: Memory,
        row: Callable[[], Row],
        shown: Callable[[], None],
        before: Before | None = None,
    ) -> None:
        self._kind: Kind = kind
        self._before = before
        self._reference = reference
        self._memory = memory
        self._row = row
        self._shown = shown
        self._pace = Paces().notices
        self._calling = self._ending = False
        self._work: asyncio.Task[None] | None = None

    def follow(self, pace: Pace) -> None:
        """Between the attempts at a register that is away."""
        self._pace = pace

    @property
    def listens(self) -> bool:
        """Whether there is a register, and the reference is ours there."""
        return self._memory.recording

    def begin(self) -> None:
        """The reference is ours: from now on everything is written down, what has happened so far
        first."""
        self._memory.begin_recording()

    def tell(self, status: str) -> None:
        """The state has changed: a line of its own, handed over with all that wait."""
        if self.listens:
            self._memory.add_line(workflow.now(), f"is {status}", status=status)
            self.go_on()

    def go_on(self) -> None:
        """Hand over what waits, if nothing is being handed over."""
        if self._memory.unrecorded and (self._work is None or self._work.done()):
            self._work = asyncio.create_task(self._hand_over())

    @property
    def may_renew(self) -> bool:
        """Whether the next run may begin: it goes on with the lines that wait, as far as they have
        room there. A call under way is seen to its end; it would be made again."""
        return not self._calling and stored(self._memory.unrecorded) <= LINES_BYTES

    async def emptied(self) -> None:
        """Wait until everything is written down, through a cancel, too."""
        self._ending = True
        self.go_on()
        while self._work is not None and not self._work.done():
            try:
                await workflow.wait_condition(self._work.done)
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:
                    raise
        if self._work:
            self._work.result()

    async def _hand_over(self) -> None:
        turn = 0
        while waiting := self._memory.unrecorded:
            if await self._recorded(len(waiting)):
                turn = 0
                continue
            self._say_what_is_waited_for()
            await workflow.sleep(self._pace.pause(turn), summary="waiting for: the register")
            turn += 1
        if self._memory.waiting and self._memory.waiting.what == RECORD:
            self._memory.waiting = None
            self._shown()

    async def _recorded(self, waiting: int) -> bool:
        memory = self._memory
        lines = memory.unrecorded[: min(waiting, MOST_LINES)]
        info, before = workflow.info(), self._before
        call = RecordCall(
            kind=self._kind,
            reference=self._reference,
            claimant=before.claimant if before else info.first_execution_run_id,
            began=before.began if before else info.workflow_start_time,
            row=self._row(),
            lines=lines,
        )
        self._calling = True
        try:
            ours: bool = await workflow.execute_activity_method(
                RegisterActivities.record,
                call,
                task_queue=REGISTER_QUEUE,
                summary=f"record {len(lines)} lines",
                start_to_close_timeout=CALL,
                schedule_to_close_timeout=ATTEMPTS,
                retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
            )
        except ActivityError:
            return False
        finally:
            self._calling = False
        memory.were_recorded(lines, ours=ours)
        return True

    def _say_what_is_waited_for(self) -> None:
        """At the end alone: until then the invoice has waits of its own."""
        if self._ending and self._memory.waiting is None:
            self._memory.waiting = Waiting(on="register", what=RECORD, since=workflow.now())
            self._shown()
