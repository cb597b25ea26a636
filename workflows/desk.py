"""Where an invoice meets people and time: every wait, every question, and what is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError, FailureError

from workflows.details import markdown
from workflows.notices import Outbox
from workflows.telemetry import tell_status

with workflow.unsafe.imports_passed_through():
    from invoicing import attributes
    from invoicing.case import Case, InvoiceInput
    from invoicing.identity import MEMO, fingerprint
    from invoicing.invoice import (
        Action,
        Cancel,
        Hold,
        Invoice,
        Problem,
        Reason,
        Release,
        Resolve,
        Status,
        Waiting,
    )
    from invoicing.provider import Pace, Paces
    from invoicing.request import InvoiceRequest, OrderRequest


class Cancelling(Exception):
    """Somebody wants the invoice taken back: the story stops at the next boundary."""


class StartOver(Exception):
    """The story begins again from the top; what is done is skipped."""


class Overdue(Exception):
    """A wait for the provider has reached its deadline."""


class Ended(Exception):
    """Nothing more is to be done; `failure` where the workflow itself shall count as failed."""

    def __init__(self, outcome: Status, failure: ApplicationError | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.failure = failure


def refused(why: str) -> ApplicationError:
    """What an update answers that cannot be carried out; nothing is written to history."""
    return ApplicationError(why, type="Refused", non_retryable=True)


def sign(request: InvoiceRequest | OrderRequest) -> None:
    """Leave the fingerprint by which other content is told apart, where the caller left none: one
    in another language need not know how it is made."""
    if MEMO not in workflow.memo():
        workflow.upsert_memo({MEMO: fingerprint(request)})


class Desk:
    """One invoice's memory and manners: waits durably, asks people, keeps lists up to date."""

    def __init__(self, start: InvoiceInput) -> None:
        self.request = start.request()
        # What an earlier run left behind is as doubtful as a create without an answer, and it may
        # have been making one when it was ended.
        self.case = start.resumed or Case(doubt=start.look_first, was_in_doubt=start.look_first)
        self.fresh = False
        """Whether nothing can have changed at the provider since the last read."""
        self.in_flight = False
        """Whether a call that changes something is under way, or may still be."""
        self.taking_back = False
        self._engine_heard = False
        """Whether this run has taken note of the engine's cancel. The next run has another one."""
        self.notices = Outbox(self.request.subscriber, self.case)
        self._order = start.tells
        self._asked: tuple[Reason, Waiting] | None = None
        self._listed: dict[str, object] = {
            pair.key.name: pair.value for pair in workflow.info().typed_search_attributes
        }
        if self.request.hold and start.resumed is None:
            self.case.hold = Hold(by="the request", reason="it asks for a release")

    @property
    def paces(self) -> Paces:
        """How long to wait for what."""
        return self.case.plan.paces if self.case.plan else Paces()

    @property
    def state(self) -> Invoice:
        """What queries and updates answer."""
        return self.case.shown(self.request)

    # What people want

    def cancel(self, order: Cancel) -> None:
        """From now on no step begins that a cancelled invoice should not take."""
        if self.case.cancel is None:
            self.case.cancel = order
            self._note("cancel asked for", order)

    def hold(self, order: Hold) -> None:
        """Stop before the next irreversible step."""
        self.case.hold = order
        self._note("held", order)

    def release(self, order: Release) -> None:
        """Go on, also when the hold has become overdue and somebody was asked about it.

        A hold is all that it ends: only what waits for nothing but its day is sent before that.
        """
        self.case.at_once |= self.case.hold is None
        self.case.hold = None
        self._note("released", order)
        if self.case.problem and self.case.problem.reason is Reason.HOLD_OVERDUE:
            self.case.resolution = Resolve(by=order.by, reason=order.reason, action=Action.SKIP)

    def resolve(self, answer: Resolve) -> None:
        """Answer the question that the invoice is parked with."""
        self.case.resolution = answer
        what = f"{answer.action} {answer.provider_id or ''}".strip()
        self._note(f"resolved: {what}", answer)

    def refuse_if_ended(self) -> None:
        """Nobody can change what is over."""
        if self.case.outcome:
            raise refused(f"it has ended: {self.case.outcome}")

    @property
    def cancel_pending(self) -> bool:
        """Whether a cancel waits to be carried out."""
        self.hear_the_engine()
        return self.case.cancel is not None and not self.taking_back

    def hear_the_engine(self) -> None:
        """Write down Temporal's own Cancel: only what is written down reaches the next run.

        The engine can lose a cancel that arrives together with an activity's completion
        (temporalio/sdk-python issue 352), so its own record is asked again and again.
        """
        reason = workflow.cancellation_reason()
        if reason is None or self._engine_heard or self.case.outcome:
            return
        self._engine_heard = True
        self.cancel(Cancel(by="Temporal cancel", reason=reason or "no reason given"))

    def heed_cancel(self) -> None:
        """A boundary that no cancelled invoice crosses."""
        if self.cancel_pending:
            self.case.waiting = None
            raise Cancelling

    # Waiting

    async def pause(self, what: str, pace: Pace) -> None:
        """One durable wait in a row of waits for the provider, cut short by an event or a cancel.

        Raises Overdue when the row has lasted as long as its pace allows, Cancelling on a cancel.
        """
        await self._pause(what, pace, lambda: bool(self.case.inbox))

    async def back_off(self, pace: Pace, at_least: timedelta) -> None:
        """Like `pause`, for a provider that is away: no event can hurry that."""
        await self._pause("provider unavailable", pace, lambda: False, at_least)

    async def until_seen(self, paces: Paces) -> None:
        """Like `pause`, for a search that is behind, but no longer than a call may be late."""
        deadline = min(paces.unavailable.deadline, paces.effect)
        pace = paces.unavailable.model_copy(update={"deadline": deadline})
        await self._pause("its search to show it", pace, lambda: False)

    async def _pause(
        self, what: str, pace: Pace, awake: Callable[[], bool], at_least: timedelta = timedelta()
    ) -> None:
        waiting = self._in_a_row(what, pace.deadline)
        left = (waiting.until or workflow.now()) - workflow.now()
        if left <= timedelta():
            self.case.waiting = None
            raise Overdue
        self.case.waiting = waiting.model_copy(update={"turn": waiting.turn + 1})
        self.show()
        self._continue_as_new_if_long()
        jitter = 0.9 + 0.2 * workflow.random().random()
        length = max(pace.pause(waiting.turn) * jitter, at_least)
        await self._sleep(awake, min(length, left), f"waiting for: {what}")

    async def settle(self) -> None:
        """Give an uncertain call the time to take effect before looking; a cancel waits for it."""
        self.fresh = False
        self.in_flight = True
        try:
            await workflow.sleep(self.paces.settle, summary="letting an uncertain call settle")
        finally:
            self.in_flight = False

    async def gate(self, opens: datetime | None) -> bool:
        """The last thing before an irreversible call: False if it may go at once.

        Waits while the invoice is held, then until the gate opens; whoever waited must look again,
        hence True. Raises Overdue when nobody has released it in time.
        """
        self.heed_cancel()
        if self.case.hold is not None:
            await self._until_released()
        elif opens and opens > workflow.now() and not self.case.at_once:
            await self._until_open(opens)
        else:
            return False
        self.case.waiting = None
        return True

    async def _until_released(self) -> None:
        waiting = self._wait_for("person", "release", self.paces.hold)
        self.show()
        left = (waiting.until or workflow.now()) - workflow.now()
        await self._sleep(lambda: self.case.hold is None, left, "held: waiting for a release")
        if self.case.hold is not None:
            raise Overdue

    async def _until_open(self, opens: datetime) -> None:
        left = opens - workflow.now()
        self._wait_for("time", "send_on", left)
        self.show()
        await self._sleep(
            lambda: self.case.at_once or self.case.hold is not None,
            left,
            "scheduled: not to be sent before its day",
        )

    async def attend(self, problem: Problem) -> Resolve:
        """Park: wait for a person to resolve the problem. Ended when nobody comes in time.

        Raises StartOver when the provider has sent news that may settle it.
        """
        case = self.case
        case.problem, case.resolution = problem, None
        waiting = self._wait_for_a_person(problem)
        self.show()
        last = case.seen[-1:]

        def news() -> bool:
            looked = problem.reason.from_a_look
            # What came during the very look that led here has not been looked at either.
            unread = looked and bool(case.inbox) and case.provider_id is not None
            return unread or ((looked or case.unseen) and case.seen[-1:] != last)

        left = (waiting.until or workflow.now()) - workflow.now()
        try:
            await self._sleep(
                lambda: case.resolution is not None or news(), left, f"a person: {problem.reason}"
            )
        finally:
            answer, case.problem, case.resolution, case.waiting = case.resolution, None, None, None
        if answer is None and news():
            raise StartOver
        self._asked = None
        if answer is None:
            raise Ended(Status.EXPIRED, ApplicationError("nobody came in time", type="Expired"))
        return answer

    async def _sleep(self, awake: Callable[[], bool], length: timedelta, summary: str) -> None:
        self.fresh = False
        try:
            await workflow.wait_condition(
                lambda: awake() or self.cancel_pending, timeout=length, timeout_summary=summary
            )
        except TimeoutError:
            return
        self.heed_cancel()

    def _in_a_row(self, what: str, deadline: timedelta) -> Waiting:
        current = self.case.waiting
        if current and current.on == "provider" and current.what == what:
            return current
        return self._wait_for("provider", what, deadline)

    def _wait_for_a_person(self, problem: Problem) -> Waiting:
        """What is asked again after news that changed nothing is the same question, as old."""
        if self._asked and self._asked[0] is problem.reason:
            self.case.waiting = self._asked[1]
            return self._asked[1]
        self.note(f"needs attention: {problem}")
        waiting = self._wait_for("person", problem.reason, self.paces.attention)
        self._asked = (problem.reason, waiting)
        return waiting

    def _wait_for(
        self, on: Literal["provider", "person", "time"], what: str, deadline: timedelta
    ) -> Waiting:
        now = workflow.now()
        self.case.waiting = Waiting(on=on, what=what, since=now, until=now + deadline)
        return self.case.waiting

    def _continue_as_new_if_long(self) -> None:
        """Only here, between two looks, with nothing under way: the next run loses nothing."""
        if workflow.info().is_continue_as_new_suggested() and self._quiet():
            self._continue_as_new()

    async def begin_anew_after_a_cancel(self) -> None:
        """For an invoice that goes on although it was cancelled: the engine can cancel one run only
        once, so that a later Cancel needs another run."""
        self.hear_the_engine()
        if self._engine_heard:
            await workflow.wait_condition(self._quiet)
            self._continue_as_new()

    def _quiet(self) -> bool:
        return workflow.all_handlers_finished() and self.notices.is_empty

    def _continue_as_new(self) -> None:
        """No await from here on: a cancel that comes now is the next task's, and stops this one."""
        self.hear_the_engine()
        fields = {name: getattr(self.request, name) for name in type(self.request).model_fields}
        workflow.continue_as_new(
            InvoiceInput.model_construct(**fields, resumed=self.case, tells=self._order),
            # What was added to it on the way would stay behind.
            memo=workflow.memo(),
        )

    async def tell_order(self) -> None:
        """Let the order's workflow know that its lines are on a final invoice."""
        if self._order:
            # An order that is gone needs no news.
            with contextlib.suppress(FailureError):
                await workflow.get_external_workflow_handle(self._order).signal(
                    "invoice_is_final", self.state
                )

    # Showing

    def note(self, what: str) -> None:
        """Add to the journal what the story itself did."""
        self.case.note(workflow.now(), what)

    def end(self, outcome: Status) -> None:
        """Nothing more will happen; lists show it for good."""
        self.case.waiting, self.case.outcome = None, outcome
        self.note(f"ended: {outcome}")
        self.show()

    def _note(self, what: str, order: Cancel | Hold | Release | Resolve) -> None:
        self.case.note(workflow.now(), what, order.by, order.reason)

    def show(self) -> None:
        """Bring lists and the Web UI up to date; one event in history when a list changes."""
        state = self.state
        wanted: list[tuple[SearchAttributeKey[Any], object]] = [
            (attributes.PROVIDER, state.provider),
            (attributes.REFERENCE, state.reference),
            (attributes.STATUS, state.status.value),
            (attributes.NUMBER, state.number if self.case.was_final else None),
            (attributes.PROVIDER_ID, state.provider_id),
            (attributes.KEYS, self.case.names(self.request) or None),
            (attributes.WAITING_FOR, str(state.waiting)[:200] if state.waiting else None),
            (attributes.DUE_DATE, state.due_date and attributes.midnight(state.due_date)),
        ]
        changed = [pair for pair in wanted if self._listed.get(pair[0].name) != pair[1]]
        if attributes.WAITING_FOR in (key for key, _ in changed):
            # Never by itself: a list that shows the same wait again is not worth an event.
            changed.append((attributes.WAITING_SINCE, state.waiting and state.waiting.since))
        if changed:
            before = self._listed.get(attributes.STATUS.name)
            if state.status.value != before:
                tell_status("invoice", before, state)
            self._listed.update({key.name: value for key, value in changed})
            workflow.upsert_search_attributes(
                [
                    key.value_unset() if value is None else key.value_set(value)
                    for key, value in changed
                ]
            )
        workflow.set_current_details(markdown(state))
        self.notices.tell(state, self.paces.notices)
