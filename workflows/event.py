"""One event of a provider on its way to the one invoice or order it is about."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory, NewsActivities
    from invoicing import attributes
    from invoicing.identity import provider_queue, workflow_id
    from invoicing.invoice import Problem, Reason, Waiting
    from invoicing.news import (
        EVENT_PACE,
        AboutCall,
        EventInput,
        EventOutcome,
        EventState,
        LocateCall,
        LocatedAll,
        ResolveEvent,
    )
    from invoicing.provider import Subject

CALL = timedelta(seconds=30)
PATIENCE = timedelta(days=30)
"""How long a person may take. Providers keep no event that long, so neither need we."""


@workflow.defn
class EventWorkflow:
    """Delivered once: the workflow's id is the event's, and the invoice knows what it has seen."""

    @workflow.init
    def __init__(self, start: EventInput) -> None:
        self._start = start
        self._pace = EVENT_PACE.scaled(start.pace)
        self._state = EventState(
            provider=start.provider,
            account=start.account,
            event=start.event.id,
            kind=start.event.kind,
        )
        self._answer: ResolveEvent | None = None

    @workflow.run
    async def run(self, start: EventInput) -> EventState:
        """about → locate → signal, until somebody got it or nobody is to get it."""
        try:
            subject = await self._about()
            if not subject.keys:
                return self._end(EventOutcome.IRRELEVANT)
            if await self._found(subject):
                return self._state
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return await self._ask(_sentence(error))
        return await self._ask("no invoice and no order is listed under the names it gives")

    # The steps

    async def _about(self) -> Subject:
        return await workflow.execute_activity_method(
            NewsActivities.about,
            AboutCall(account=self._start.account, event=self._start.event),
            task_queue=provider_queue(self._start.provider),
            summary="what it is about",
            start_to_close_timeout=CALL,
            schedule_to_close_timeout=self._pace.deadline,
        )

    async def _found(self, subject: Subject) -> bool:
        """Whether somebody got it, or nobody is to get it, as long as it may take."""
        wait = self._wait("provider", "its invoice", self._pace.deadline)
        while workflow.now() < (wait.until or workflow.now()):
            found = await self._locate(subject)
            if found.workflows and await self._delivered(found):
                return True
            await workflow.sleep(self._pace.pause(wait.turn), summary="waiting for its invoice")
            wait = self._turned(wait)
        return False

    async def _locate(self, subject: Subject) -> LocatedAll:
        keys = attributes.keys(self._start.provider, self._start.account, subject.keys)
        return await workflow.execute_activity_method(
            Directory.locate,
            LocateCall(keys=tuple(keys)),
            summary="find its invoice",
            start_to_close_timeout=CALL,
            schedule_to_close_timeout=self._pace.deadline,
            retry_policy=RetryPolicy(maximum_interval=timedelta(minutes=1)),
        )

    async def _delivered(self, found: LocatedAll) -> bool:
        """Whether somebody got it, or everybody it is about has ended."""
        running = [one.workflow_id for one in found.workflows if one.running]
        got = [each for each in running if await self._tell(each)]
        awaited = running or any(one.cut_off for one in found.workflows)
        if got:
            self._end(EventOutcome.DELIVERED, *got)
        elif not awaited:
            self._end(EventOutcome.LATE, *(one.workflow_id for one in found.workflows))
        return bool(got) or not awaited

    async def _tell(self, identity: str) -> bool:
        """Whether the workflow took it; one that has just ended does not."""
        handle = workflow.get_external_workflow_handle(identity)
        try:
            await handle.signal("provider_event", self._start.event)
        except FailureError:
            return False
        return True

    # People

    async def _ask(self, what: str) -> EventState:
        """Wait for somebody who knows; without one it is dropped, and says so."""
        while True:
            await self._answered(what)
            answer = self._answer
            if answer is None or answer.action == "drop":
                return self._end(EventOutcome.DROPPED)
            if answer.action == "deliver" and answer.reference:
                identity = workflow_id(answer.reference)
                if await self._tell(identity):
                    return self._end(EventOutcome.DELIVERED, identity)
                what = "the invoice that was named has ended, or does not exist"
            else:
                workflow.continue_as_new(self._start)

    async def _answered(self, what: str) -> None:
        self._answer = None
        problem = Problem(reason=Reason.CANNOT_TELL, what=what)
        waiting = self._wait("person", "an event without an invoice", PATIENCE)
        self._state = self._state.model_copy(update={"problem": problem})
        self._list("needs_attention", waiting)
        workflow.set_current_details(
            f"### Needs attention: {what}\n\nSend the update `resolve`: "
            '`{"by": "your name", "reason": "why", "action": "retry"}`, or `"deliver"` with the '
            '`"reference"` of its invoice, or `"drop"`.'
        )
        try:
            await workflow.wait_condition(
                lambda: self._answer is not None,
                timeout=PATIENCE,
                timeout_summary="a person: whose event is it",
            )
        except TimeoutError:
            return

    @workflow.query(description="Where the event has got to.")
    def state(self) -> EventState:
        """The event as it is now."""
        return self._state

    @workflow.update(description="Say whose event it is: retry, deliver or drop.")
    def resolve(self, answer: ResolveEvent) -> EventState:
        """Answer for an event that waits for a person."""
        self._answer = answer
        return self._state

    @resolve.validator
    def _can_be_resolved(self, answer: ResolveEvent) -> None:
        if self._state.problem is None:
            raise ApplicationError("it does not wait for a person", type="Refused")
        if self._answer is not None:
            raise ApplicationError("somebody has just resolved it", type="Refused")
        if answer.action == "deliver" and not answer.reference:
            raise ApplicationError("deliver needs the reference of its invoice", type="Refused")

    # Showing

    def _wait(self, on: Literal["provider", "person"], what: str, length: timedelta) -> Waiting:
        now = workflow.now()
        waiting = Waiting(on=on, what=what, since=now, until=now + length)
        self._state = self._state.model_copy(update={"waiting": waiting})
        return waiting

    def _turned(self, waiting: Waiting) -> Waiting:
        waiting = waiting.model_copy(update={"turn": waiting.turn + 1})
        self._state = self._state.model_copy(update={"waiting": waiting})
        return waiting

    def _end(self, outcome: EventOutcome, *to: str) -> EventState:
        was_listed = self._state.problem is not None
        self._state = self._state.model_copy(
            update={"outcome": outcome, "to": to, "waiting": None, "problem": None}
        )
        if was_listed:
            self._list(outcome.value, None)
        return self._state

    def _list(self, status: str, waiting: Waiting | None) -> None:
        waits, since = attributes.WAITING_FOR, attributes.WAITING_SINCE
        workflow.upsert_search_attributes(
            [
                attributes.PROVIDER.value_set(self._start.provider),
                attributes.STATUS.value_set(status),
                waits.value_set(str(waiting)) if waiting else waits.value_unset(),
                since.value_set(waiting.since) if waiting else since.value_unset(),
            ]
        )


def _sentence(error: ActivityError) -> str:
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else "it could not be read"
