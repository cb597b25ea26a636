"""One event of a provider on its way to the one invoice or order it is about."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

from workflows.kit.asking import Asking, refuse_misplaced
from workflows.kit.details import question_markdown
from workflows.kit.endings import NobodyCame, Overdue
from workflows.kit.instructions import NOTHING, of_any_input, understood
from workflows.kit.lifetime import listed
from workflows.kit.listing import Listing
from workflows.kit.waiting import Waits

with workflow.unsafe.imports_passed_through():
    from activities.news import Directory, NewsActivities
    from invoicing.provider import Event, Subject
    from invoicing.state import attributes
    from invoicing.state.identity import (
        INVOICE_PREFIX,
        MONEY_PREFIX,
        document_id,
        money_id,
        order_id,
        provider_queue,
        workflow_id,
    )
    from invoicing.state.invoice import Resolve
    from invoicing.state.memory import Memory
    from invoicing.state.news import (
        EVENT_PACE,
        AboutCall,
        EventInput,
        EventOutcome,
        EventState,
        LocateCall,
        Located,
        LocatedAll,
    )
    from invoicing.state.questions import QUESTIONS, Answer, Reason

CALL = timedelta(seconds=30)
PATIENCE = timedelta(days=30)
"""How long a person may take. Providers keep no event that long, so neither need we."""


@workflow.defn
class EventWorkflow:
    """Delivered once: the workflow's id is the event's, and the invoice knows what it has seen."""

    @workflow.init
    def __init__(self, start: EventInput) -> None:
        self._start = start
        self._event = start.event
        self._pace = EVENT_PACE.scaled(start.pace)
        self._memory = Memory(questions=start.questions)
        self._outcome: EventOutcome | None = None
        self._to: tuple[str, ...] = ()
        self._names: tuple[str, ...] = ()
        self._listing = Listing()
        # An event lives in one run: how long it waits is bounded, and so is its history.
        self._waits = Waits(self._memory, lambda: None, lambda: False, self._show)
        self._asking = Asking(self._memory, self._waits, self._note)

    @workflow.run
    async def run(self, start: EventInput) -> EventState:
        """about → locate → signal, until somebody got it or nobody is to get it."""
        try:
            subject = await self._about()
            self._names = tuple(subject.keys)
            if not subject.keys:
                return self._end(EventOutcome.IRRELEVANT)
            self._event = _slim(start.event, subject)
            reason = await self._placed(subject)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return await self._ask(Reason.EVENT_UNPLACED, _sentence(error))
        return self._state if reason is None else await self._ask(reason)

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

    async def _placed(self, subject: Subject) -> Reason | None:
        """Have it handed over, as long as it may take; why a person is asked, if one must be."""
        while True:
            found = await self._locate(subject)
            if len(_families(found)) > 1:
                return Reason.EVENT_AMBIGUOUS
            if found.workflows and await self._delivered(found, document=subject.document):
                return None
            try:
                await self._waits.pause("its invoice", self._pace)
            except Overdue:
                return Reason.EVENT_UNPLACED

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

    async def _delivered(self, found: LocatedAll, *, document: bool) -> bool:
        """Whether somebody got it, or everybody it is about has ended."""
        running = [one.workflow_id for one in found.workflows if one.running]
        # An invoice that is about to end reads no more news; whatever fetches its document outlives
        # it, and so does what hears of its money.
        fetching = [_fetching(one.workflow_id) for one in found.workflows] if document else []
        told = dict.fromkeys([*running, *fetching])
        got = [each for each in told if await self._tell(each)]
        # Nobody begins what hears of money anew.
        awaited = running or any(
            one.cut_off and not one.workflow_id.startswith(MONEY_PREFIX) for one in found.workflows
        )
        if not got and not awaited:
            # What hears of its money may be listed a moment later than the invoice's end.
            got = [each for each in _hearing(found) if await self._tell(each)]
        if got:
            self._end(EventOutcome.DELIVERED, *got)
        elif not awaited:
            self._end(EventOutcome.LATE, *(one.workflow_id for one in found.workflows))
        return bool(got) or not awaited

    async def _tell(self, identity: str) -> bool:
        """Whether the workflow took it; one that has just ended does not."""
        handle = workflow.get_external_workflow_handle(identity)
        try:
            await handle.signal("provider_event", self._event)
        except FailureError:
            return False
        return True

    # People

    async def _ask(self, reason: Reason, what: str = "") -> EventState:
        """Wait for somebody who knows; without one it is dropped, and says so."""
        answers = QUESTIONS[reason].answers
        while True:
            try:
                said = await self._asking.ask(reason, answers, PATIENCE, what=what)
            except NobodyCame:
                return self._end(EventOutcome.DROPPED)
            if said is None or said.answer is Answer.DROP:
                return self._end(EventOutcome.DROPPED)
            if said.answer is Answer.RETRY:
                update = {"questions": self._memory.questions}
                again = self._start.model_copy(update=update)
                workflow.continue_as_new(again, search_attributes=listed())
            named = said.reference or ""
            for identity in (workflow_id(named), money_id(named), order_id(named)):
                if await self._tell(identity):
                    return self._end(EventOutcome.DELIVERED, identity)
            what = "nothing that runs, or hears of its money, has the reference that was named"

    @workflow.query(description="Where the event has got to.")
    def state(self) -> EventState:
        """The event as it is now."""
        return self._state

    @workflow.update(description="Answer the question that is open.")
    def resolve(self, answer: Resolve) -> EventState:
        """Say whose event it is."""
        self._memory.resolution = answer
        return self._state

    @resolve.validator
    def _may_resolve(self, answer: Resolve) -> None:
        refuse_misplaced(self._memory, answer)

    @workflow.signal(name="resolve", description="As the update of this name.")
    @of_any_input
    def resolve_by_signal(self, said: RawValue = NOTHING) -> None:
        """Say whose event it is."""
        if answer := understood(self._memory, "resolve", Resolve, said, self._may_resolve):
            self._memory.resolution = answer
        self._show()

    # Showing

    @property
    def _state(self) -> EventState:
        return EventState(
            provider=self._start.provider,
            account=self._start.account,
            event=self._start.event.id,
            kind=self._start.event.kind,
            names=self._names,
            outcome=self._outcome,
            to=self._to,
            waiting=self._memory.waiting,
            problem=self._memory.problem,
        )

    def _note(self, what: str) -> None:
        self._memory.note(workflow.now(), what)

    def _end(self, outcome: EventOutcome, *to: str) -> EventState:
        self._outcome, self._to = outcome, to
        self._waits.over()
        self._show()
        return self._state

    def _show(self) -> None:
        """Only what somebody must look at is listed: most events pass in a moment."""
        problem = self._memory.problem
        if problem is None and self._listing.status() is None:
            return
        status = "needs_attention" if problem else (self._outcome or "looking")
        details = question_markdown(problem) if problem else ""
        rows = ((attributes.PROVIDER, self._start.provider), (attributes.STATUS, str(status)))
        self._listing.show(rows, self._memory.waiting, details)


def _slim(event: Event, subject: Subject) -> Event:
    """The event with only what will be read of it: the workflow that waits keeps it, maybe long."""
    return subject.event or event.model_copy(update={"body": {}})


def _fetching(invoice: str) -> str:
    """The workflow that fetches the document of the invoice of this workflow."""
    return document_id(invoice.partition("/")[2])


def _hearing(found: LocatedAll) -> list[str]:
    """The workflows that hear of the money of the invoices that it may be about. An order of the
    same reference has nothing to do with them."""
    named = [one.workflow_id for one in found.workflows]
    invoices = [one for one in named if one.startswith(INVOICE_PREFIX)]
    return [money_id(one.removeprefix(INVOICE_PREFIX)) for one in invoices]


def _families(found: LocatedAll) -> set[str]:
    """Those under way that it may be about. An order and its deliveries' invoices are one: they
    know among themselves what is theirs; so are an invoice and what hears of its money. Two that
    have nothing to do with each other are not."""

    def head(one: Located) -> str:
        if one.workflow_id.startswith(MONEY_PREFIX):
            return one.order or workflow_id(one.workflow_id.removeprefix(MONEY_PREFIX))
        return one.order or one.workflow_id

    return {head(one) for one in found.workflows if one.running}


def _sentence(error: ActivityError) -> str:
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else "it could not be read"
