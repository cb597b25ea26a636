"""What an invoice, its credits or an order have to tell the register: in order, none lost.

It is handed over beside the story, a few seconds after it happened, so that what follows soon goes
along in the same call. Only the very end waits for it, at once and shown as such, for what ends
takes with it what was not handed over.

The register is asked within the workflow task, which holds that up for three seconds at most; one
that does not answer then is asked on its own queue, and holds up nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.register import RegisterActivities
    from invoicing.books.claims import REGISTER_QUEUE, ClaimCall, Claimed
    from invoicing.provider import Pace, Paces
    from invoicing.state.bounds import LINES_BYTES, stored
    from invoicing.state.invoice import RECORD, Waiting
    from invoicing.state.memory import Memory
    from invoicing.state.money_after import Before
    from invoicing.state.recording import CreditsCall, Line, RecordCall, Row

CALL = timedelta(seconds=15)
"""More than the register's own patience, so that its word for what happened wins."""
PROMPTLY = timedelta(seconds=3)
"""For so long a workflow task waits for an answer: well within its own ten seconds, after which the
server would give it to another worker."""
ATTEMPTS = timedelta(seconds=30)
"""For so long the engine tries by itself, unseen; after that, what waits says so."""
MOST_LINES = 200
"""Handed over at once."""
GATHERED = 2
"""First pauses of the pace for which lines wait for what follows: an invoice that goes straight
through has ended by then, also on a busy worker."""

R = TypeVar("R")

Kind = Literal["invoice", "order"]


class Call(Protocol):
    """Begins to hand over lines."""

    def __call__(self, lines: tuple[Line, ...], *, promptly: bool) -> workflow.ActivityHandle[bool]:
        """Within the workflow task, or on the register's queue."""
        ...


def ask_claim(call: ClaimCall, *, promptly: bool = False) -> workflow.ActivityHandle[Claimed]:
    """A claim; safe to repeat."""
    return _begun(RegisterActivities.claim, call, "claim the reference", promptly=promptly)


async def claimed_at_once(call: ClaimCall) -> Claimed | None:
    """What it is answered within this workflow task; None where it is not."""
    return await _answered(ask_claim(call, promptly=True))


def rows(kind: Kind, reference: str, row: Callable[[], Row], before: Before | None = None) -> Call:
    """The lines of an invoice or an order, with how it is now. `before`: whose claim it is, where
    that is another workflow's, which has ended."""

    def begun(lines: tuple[Line, ...], *, promptly: bool) -> workflow.ActivityHandle[bool]:
        info = workflow.info()
        call = RecordCall(
            kind=kind,
            reference=reference,
            claimant=before.claimant if before else info.first_execution_run_id,
            began=before.began if before else info.workflow_start_time,
            row=row(),
            lines=lines,
        )
        return _begun(RegisterActivities.record, call, _lines(lines), promptly=promptly)

    return begun


def ledger(reference: str, claimant: Callable[[], str]) -> Call:
    """The lines of the credits of this invoice."""

    def begun(lines: tuple[Line, ...], *, promptly: bool) -> workflow.ActivityHandle[bool]:
        call = CreditsCall(reference=reference, claimant=claimant(), lines=lines)
        return _begun(RegisterActivities.record_credits, call, _lines(lines), promptly=promptly)

    return begun


def _lines(lines: tuple[Line, ...]) -> str:
    return f"record {len(lines)} lines"


def _begun(
    verb: Any, call: object, summary: str, *, promptly: bool
) -> workflow.ActivityHandle[Any]:
    if promptly:
        return workflow.start_local_activity_method(
            verb,
            call,
            summary=summary,
            schedule_to_close_timeout=PROMPTLY,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
    return workflow.start_activity_method(
        verb,
        call,
        task_queue=REGISTER_QUEUE,
        summary=summary,
        start_to_close_timeout=CALL,
        schedule_to_close_timeout=ATTEMPTS,
        retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
    )


async def _answered(asked: workflow.ActivityHandle[R]) -> R | None:
    """What was answered within this workflow task; None where nothing was. A cancel of the workflow
    stops the wait alone: the call ends with the task."""
    await workflow.wait_condition(asked.done)
    try:
        return asked.result()
    except FailureError:
        # Not an ActivityError alone: what a local activity raises reaches the workflow as it is.
        return None


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
        self._gathers = self._promptly = True
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
            ours = await self._taken(lines)
        except ActivityError:
            return False
        finally:
            self._calling = False
        memory.were_recorded(lines, ours=ours)
        return True

    async def _taken(self, lines: tuple[Line, ...]) -> bool:
        """Within this task, or from the queue: then the rest of this run as well."""
        if self._promptly:
            if (ours := await _answered(self._call(lines, promptly=True))) is not None:
                return ours
            self._promptly = False
        return await self._call(lines, promptly=False)

    def _say_what_is_waited_for(self) -> None:
        """At the end alone: until then the invoice has waits of its own."""
        if self._ending and self._memory.waiting is None:
            self._memory.waiting = Waiting(on="register", what=RECORD, since=workflow.now())
            self._shown()
