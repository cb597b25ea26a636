"""What an invoice, its credits or an order have to tell the register: in order, none lost.

It holds up nothing: it is handed over beside the story, a few seconds after it happened, so that
what follows soon goes along in the same call. Only the very end waits for it, at once and shown as
such, for what ends takes with it what was not handed over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.register import RegisterActivities
    from invoicing.books.claims import REGISTER_QUEUE, ClaimCall, Claimed
    from invoicing.provider import Pace, Paces
    from invoicing.state.bounds import LINES_BYTES, stored
    from invoicing.state.case import Before
    from invoicing.state.invoice import RECORD, Waiting
    from invoicing.state.memory import Memory
    from invoicing.state.recording import CreditsCall, Line, RecordCall, Row

CALL = timedelta(seconds=15)
"""More than the register's own patience, so that its word for what happened wins."""
ATTEMPTS = timedelta(seconds=30)
"""For so long the engine tries by itself, unseen; after that, what waits says so."""
MOST_LINES = 200
"""Handed over at once."""
GATHERED = 2
"""First pauses of the pace for which lines wait for what follows: an invoice that goes straight
through has ended by then, also on a busy worker."""

Kind = Literal["invoice", "order"]
Call = Callable[[tuple[Line, ...]], workflow.ActivityHandle[bool]]
"""Begins to hand over these lines."""


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


def rows(kind: Kind, reference: str, row: Callable[[], Row], before: Before | None = None) -> Call:
    """The lines of an invoice or an order, with how it is now. `before`: whose claim it is, where
    that is another workflow's, which has ended."""

    def begun(lines: tuple[Line, ...]) -> workflow.ActivityHandle[bool]:
        info = workflow.info()
        call = RecordCall(
            kind=kind,
            reference=reference,
            claimant=before.claimant if before else info.first_execution_run_id,
            began=before.began if before else info.workflow_start_time,
            row=row(),
            lines=lines,
        )
        return _begun(RegisterActivities.record, call, len(lines))

    return begun


def ledger(reference: str, claimant: Callable[[], str]) -> Call:
    """The lines of the credits of this invoice."""

    def begun(lines: tuple[Line, ...]) -> workflow.ActivityHandle[bool]:
        call = CreditsCall(reference=reference, claimant=claimant(), lines=lines)
        return _begun(RegisterActivities.record_credits, call, len(lines))

    return begun


def _begun(verb: Any, call: object, lines: int) -> workflow.ActivityHandle[bool]:
    return workflow.start_activity_method(
        verb,
        call,
        task_queue=REGISTER_QUEUE,
        summary=f"record {lines} lines",
        start_to_close_timeout=CALL,
        schedule_to_close_timeout=ATTEMPTS,
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
    )


class Recorder:
    """Hands over the lines that wait in a workflow's memory, one call after the other.

    Args:
        memory: where the lines wait, over a continue-as-new, too.
        call: which call takes them.
        shown: called when the wait at the end has begun, or is over.
    """

    def __init__(self, memory: Memory, call: Call, shown: Callable[[], None]) -> None:
        self._memory = memory
        self._call = call
        self._shown = shown
        self._pace = Paces().notices
        self._gathers = True
        self._calling = self._ending = False
        self._work: asyncio.Task[None] | None = None

    def follow(self, pace: Pace, *, gathers: bool = True) -> None:
        """Between the attempts at a register that is away. Twice its first pause is how long
        lines are gathered, unless each is to go at once."""
        self._pace, self._gathers = pace, gathers

    @property
    def listens(self) -> bool:
        """Whether there is a register, and the reference is ours there."""
        return self._memory.recording

    def begin(self) -> None:
        """The reference is ours: from now on everything is written down, what has happened so far
        first."""
        self._memory.begin_recording()

    def tell(self, status: str) -> None:
        """The state has changed: a line of its own, handed over soon with all that wait."""
        if self.listens:
            self._memory.add_line(workflow.now(), f"is {status}", status=status)
            self.go_on()

    def go_on(self) -> None:
        """Hand over what waits, and what comes soon, if nothing is being handed over."""
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
        while self._memory.unrecorded:
            if not turn:
                await self._gathered()
            if await self._recorded():
                turn = 0
                continue
            self._say_what_is_waited_for()
            await workflow.sleep(self._pace.pause(turn), summary="waiting for: the register")
            turn += 1
        if self._memory.waiting and self._memory.waiting.what == RECORD:
            self._memory.waiting = None
            self._shown()

    async def _gathered(self) -> None:
        """Wait for what follows soon."""
        if not self._at_once():
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    self._at_once,
                    timeout=self._pace.first * GATHERED,
                    timeout_summary="what follows soon is recorded along with it",
                )

    def _at_once(self) -> bool:
        """At the end nothing follows; and what a person has said must outlive this workflow. Not
        who asked for it in the first place: that is said again by whoever asks again."""
        said = (line.by or (line.proven and line.sequence > 1) for line in self._memory.unrecorded)
        return self._ending or not self._gathers or any(said)

    async def _recorded(self) -> bool:
        memory = self._memory
        lines = memory.unrecorded[:MOST_LINES]
        self._calling = True
        try:
            ours = await self._call(lines)
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
