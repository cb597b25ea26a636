"""The life of one order: a ledger of lines, and an invoice for each delivery.

Read `_live`: it is the whole story. What happens to a line is decided by the ledger alone
(`invoicing.order`); the workflow only carries out and waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine
from typing import Any

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import SearchAttributeUpdate, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from workflows.calls import Trouble
from workflows.desk import refused, sign
from workflows.details import order_markdown
from workflows.invoice import InvoiceWorkflow
from workflows.notices import Outbox
from workflows.order_calls import OrderCalls
from workflows.telemetry import tell_status

with workflow.unsafe.imports_passed_through():
    from invoicing import attributes
    from invoicing.case import InvoiceInput
    from invoicing.identity import (
        DETAILS,
        MEMO,
        fingerprint,
        search_attributes,
        summary,
        workflow_id,
    )
    from invoicing.invoice import Cancel, Invoice, Journal, LineStatus, Problem, Reason, Waiting
    from invoicing.order import (
        CancelLines,
        Deliver,
        Ledger,
        NotOpen,
        Order,
        OrderStatus,
        ResolveOrder,
        request_of,
    )
    from invoicing.order_case import OrderCase, OrderInput, held_by
    from invoicing.provider import Event, OrderPlan, OrderStage, Pace, Paces
    from invoicing.request import InvoiceRequest, OrderRequest, RegisteredOrder


class Abandoned(Exception):
    """A person ended the order."""


@workflow.defn
class OrderWorkflow:
    """Every line ends invoiced or cancelled, exactly once."""

    @workflow.init
    def __init__(self, start: OrderInput) -> None:
        self._request = start.request()
        self._case = start.resumed or OrderCase(ledger=Ledger.of(start.document))
        self._calls = OrderCalls(start.provider)
        self._notices = Outbox(start.subscriber, self._case)
        if self._case.plan:
            self._calls.follow(self._case.plan)
        self._work: dict[str, asyncio.Task[None]] = {}
        self._invoices: dict[str, workflow.ChildWorkflowHandle[Any, Any]] = {}
        self._engine_heard = False
        """Whether this run has taken note of the engine's cancel."""
        self._cancelling: set[asyncio.Task[None]] = set()
        self._asking = asyncio.Lock()
        self._reading = asyncio.Lock()

    @workflow.run
    async def run(self, start: OrderInput) -> Order:
        """Live until every line has its final status and every invoice has ended."""
        sign(self._request)
        life = asyncio.create_task(self._live())
        while not life.done():
            try:
                await workflow.wait_condition(life.done)
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:
                    raise
                self._hear_the_engine()
        return await self._end(life)

    def _hear_the_engine(self) -> None:
        """Write down Temporal's own Cancel: only what is written down reaches the next run."""
        reason = workflow.cancellation_reason()
        if reason is not None and not self._engine_heard:
            self._engine_heard = True
            self._take_back("Temporal cancel", reason)

    async def _live(self) -> OrderStatus:
        """plan → register → carry out what is asked for, until nothing is left to do."""
        try:
            await self._plan()
            await self._register()
            while not self._done():
                self._begin_what_was_asked()
                await workflow.wait_condition(
                    lambda: self._done() or self._asked_for_more() or self._is_long()
                )
                self._hear_the_engine()
                if self._is_long():
                    self._continue_as_new()
            await asyncio.gather(*(task for task in self._work.values() if task.done()))
        except Abandoned:
            return OrderStatus.ABANDONED
        return OrderStatus.COMPLETED

    async def _end(self, life: asyncio.Task[OrderStatus]) -> Order:
        failure = life.exception()
        if failure and not isinstance(failure, ApplicationError):
            raise failure
        self._case.outcome = OrderStatus.REJECTED if failure else life.result()
        self._case.waiting = self._case.asking = None
        self._note(f"ended: {self._case.outcome}")
        self._show()
        await self._notices.empty()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if failure:
            raise failure
        if workflow.cancellation_reason() is not None and self._case.cancelled:
            raise asyncio.CancelledError(str(self._case.outcome))
        return self._state

    # What can be asked of it

    @workflow.query(description="Where the order is, and every delivery's invoice.")
    def state(self) -> Order:
        """The order as it is now."""
        return self._state

    @workflow.query(description="Every line and its status.")
    def ledger(self) -> Ledger:
        """The ledger as it is now."""
        return self._case.ledger

    @workflow.query(description="What happened, when, by whom and why.")
    def journal(self) -> Journal:
        """Everything that happened so far."""
        return self._case.journal

    @workflow.signal(description="Something the provider told us; the same id counts once.")
    async def provider_event(self, event: Event) -> None:
        """News about the order, or about one of its invoices: they know what is theirs."""
        if self._case.receive(event):
            for invoice in list(self._invoices.values()):
                await _told(invoice.signal(InvoiceWorkflow.provider_event, event))

    @workflow.signal(description="A delivery's invoice has become final, or has ended.")
    def invoice_is_final(self, invoice: Invoice) -> None:
        """What a delivery's invoice says about itself."""
        name = invoice.reference.removeprefix(f"{self._request.reference}:")
        if name in self._case.deliveries:
            self._case.hear(name, invoice)
            self._note(f"delivery {name}: {invoice.status}")
            self._show()

    @workflow.update(description="Invoice these lines; the same delivery again is the same one.")
    async def deliver(self, wanted: Deliver) -> Order:
        """Take the lines, and begin the invoice as soon as the provider knows the order."""
        if held_by(wanted) not in self._case.asked:
            self._case.deliver(self._request, wanted)
            self._note(f"delivery {wanted.delivery} asked for: {', '.join(wanted.lines)}")
            self._show()
        await workflow.wait_condition(lambda: not self._about_to_begin(wanted.delivery))
        return self._state

    @workflow.update(description="These lines will not be delivered.")
    def cancel_lines(self, wanted: CancelLines) -> Order:
        """Take the lines and cancel them, at the provider too where it knows the order."""
        if held_by(wanted) not in self._case.asked:
            self._case.cancel_lines(wanted)
            what = f"cancellation {wanted.cancellation} asked for: {', '.join(wanted.lines)}"
            self._note(what, wanted.by, wanted.reason)
            self._show()
        return self._state

    @workflow.update(description="Cancel every open line and take back every invoice under way.")
    def cancel(self, order: Cancel) -> Order:
        """Take the whole order back; what is final is credited where that is allowed."""
        self._take_back(order.by, order.reason)
        return self._state

    @workflow.update(description="Answer an order that needs attention.")
    def resolve(self, answer: ResolveOrder) -> Order:
        """retry, free, invoiced or abandon."""
        self._case.resolution = answer
        self._note(f"resolved: {answer.action}", answer.by, answer.reason)
        return self._state

    @deliver.validator
    def _can_be_delivered(self, wanted: Deliver) -> None:
        if self._is_new(wanted):
            try:
                request_of(self._request, wanted)
            except ValidationError as error:
                detail = error.errors(include_input=False, include_url=False)[0]
                where = ".".join(str(part) for part in detail["loc"]) or "the delivery"
                raise refused(f"{where}: {detail['msg']}") from None

    @cancel_lines.validator
    def _can_be_cancelled(self, wanted: CancelLines) -> None:
        self._is_new(wanted)

    @cancel.validator
    def _can_be_taken_back(self, order: Cancel) -> None:
        self._refuse_if_ended()

    @resolve.validator
    def _can_be_resolved(self, answer: ResolveOrder) -> None:
        problem = self._case.problem
        if problem is None:
            raise refused("it does not wait for a person")
        if self._case.resolution is not None:
            raise refused("somebody has just resolved it")
        wanted = _ANSWERS[problem.reason]
        if answer.action not in wanted:
            raise refused(f"{answer.action} is no answer here: {', '.join(wanted)}")

    def _is_new(self, wanted: Deliver | CancelLines) -> bool:
        """Whether it is to be done now. Refused where it cannot be, or says something else."""
        known = self._case.asked.get(held_by(wanted))
        if known is not None:
            if known != wanted:
                raise refused(f"{held_by(wanted)} was already asked for with other content")
            return False
        self._refuse_if_ended()
        if self._case.cancelled:
            raise refused("the order is being taken back")
        try:
            self._case.ledger.reserve(wanted.lines, held_by(wanted))
        except NotOpen as not_open:
            raise refused(str(not_open)) from None
        return True

    def _refuse_if_ended(self) -> None:
        if self._case.outcome:
            raise refused(f"it has ended: {self._case.outcome}")

    # The story

    async def _plan(self) -> None:
        while self._case.plan is None:
            try:
                plan: OrderPlan = await self._calls.plan(self._request)
            except Trouble as problem:
                if problem.final:
                    self._notices.close_if_unknown(problem.fields)
                    raise ApplicationError(
                        problem.message, *problem.fields, type=problem.kind, non_retryable=True
                    ) from None
                await self._ask(_about(problem))
            else:
                self._case.plan, self._case.context = plan, plan.context
                self._calls.follow(plan)
                self._show()

    async def _register(self) -> None:
        """Where the provider must know the order, make it known and wait until it has said yes."""
        while self._registers and self._case.stage is not OrderStage.CONFIRMED:
            if self._case.stage is OrderStage.REJECTED:
                if await self._ask(_rejected(self._case)):
                    self._case.stage = None
                else:
                    await self._look()
            elif self._case.provider_id is None or self._case.stage is None:
                await self._make_known()
            else:
                await self._wait("confirmation", self._paces.drafting)

    def _asked_for_more(self) -> bool:
        begun = set(self._work)
        freed = self._case.cancelled and self._case.ledger.with_status(LineStatus.OPEN)
        return bool(freed) or any(
            key not in begun and not self._is_over(key, wanted)
            for key, wanted in self._case.asked.items()
        )

    def _begin_what_was_asked(self) -> None:
        if self._case.cancelled:
            self._cancel_what_is_open("cancel", "the order is taken back")
        for key, wanted in self._case.asked.items():
            if key not in self._work and not self._is_over(key, wanted):
                self._work[key] = asyncio.create_task(self._carry_out(wanted))

    def _about_to_begin(self, delivery: str) -> bool:
        """Whether nothing stands between a delivery and its invoice but a moment."""
        begun = delivery in self._invoices or self._case.deliveries[delivery].ended
        return self._case.status in (OrderStatus.STARTED, OrderStatus.OPEN) and not begun

    def _carry_out(self, wanted: Deliver | CancelLines) -> Coroutine[Any, Any, None]:
        return self._invoice(wanted) if isinstance(wanted, Deliver) else self._cancel(wanted)

    def _is_over(self, key: str, wanted: Deliver | CancelLines) -> bool:
        if isinstance(wanted, Deliver):
            return self._case.deliveries[wanted.delivery].ended
        return self._case.cancellations[wanted.cancellation].outcome is not None

    def _done(self) -> bool:
        """Whether nothing is left to do, or one of the tasks has raised."""
        failed = any(task.done() and task.exception() for task in self._work.values())
        working = any(not task.done() for task in self._work.values())
        over = self._case.ledger.done and not working and not self._asked_for_more()
        return over or failed

    # One delivery

    async def _invoice(self, wanted: Deliver) -> None:
        """Have the lines invoiced; what becomes of the invoice becomes of them."""
        name = wanted.delivery
        try:
            invoice = await self._start_invoice(self._invoice_of(wanted))
        except WorkflowAlreadyStartedError:
            await self._ask_what_became_of(name, "its reference already stands for an invoice")
            return
        self._invoices[name] = invoice
        if self._case.cancelled:
            invoice.cancel()
        try:
            self._case.hear(name, await invoice)
        except ChildWorkflowError as error:
            # What it was when it ended it has told us itself, unless it was cut off.
            self._note(f"delivery {name} failed: {_sentence(error)}")
            if not self._case.deliveries[name].ended and _refused_at_once(error):
                self._case.refuse(name)
        del self._invoices[name]
        if self._case.unclear(name):
            await self._ask_what_became_of(name, "its invoice has ended, and nobody knows how")
        self._show()

    def _invoice_of(self, wanted: Deliver) -> InvoiceRequest:
        order, case = self._request, self._case
        registered = RegisteredOrder(
            reference=order.reference, provider_id=case.provider_id or "", context=case.context
        )
        update = {"order": registered if self._registers else None}
        return request_of(order, wanted).model_copy(update=update)

    async def _start_invoice(
        self, request: InvoiceRequest
    ) -> workflow.ChildWorkflowHandle[Any, Any]:
        fields = {name: getattr(request, name) for name in InvoiceRequest.model_fields}
        return await workflow.start_child_workflow(
            InvoiceWorkflow.run,
            InvoiceInput.model_construct(**fields, tells=workflow.info().workflow_id),
            id=workflow_id(request.reference),
            # Also one that has ended: what it left at the provider is not this delivery's.
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            memo={MEMO: fingerprint(request)},
            search_attributes=search_attributes(request),
            static_summary=summary(request),
            static_details=DETAILS,
            cancellation_type=ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            # An order that is terminated leaves its invoices to end as they must.
            parent_close_policy=ParentClosePolicy.ABANDON,
        )

    async def _ask_what_became_of(self, name: str, why: str) -> None:
        answer = await self._ask(
            Problem(reason=Reason.GONE, what=f"delivery {name}: {why}. Was it invoiced?")
        )
        if answer:
            status = LineStatus.INVOICED if answer.action == "invoiced" else LineStatus.OPEN
            self._case.decide(name, status, answer.number)
        self._show()

    # One cancellation

    async def _cancel(self, wanted: CancelLines) -> None:
        name = wanted.cancellation
        if self._registers:
            await self._cancel_there(wanted)
            while name not in (*self._case.confirmed, *self._case.refused):
                await self._wait("cancellation", self._paces.drafting)
        done = name not in self._case.refused or name in self._case.confirmed
        if not done and self._case.cancelled:
            # Its lines would at once be cancelled again, and refused again.
            await self._ask(_not_cancelled(self._case))
        self._case.end_cancellation(name, done=done)
        self._note(f"cancellation {name}: {'done' if done else 'refused by the provider'}")
        self._show()

    def _take_back(self, by: str, reason: str) -> None:
        """Cancel what is open, and have every invoice under way taken back; once more, where one
        was told to go on after the first time."""
        again = self._case.cancelled
        if again and not self._invoices:
            return
        self._case.cancelled = True
        self._note("cancel asked for", by, reason)
        self._cancel_what_is_open(by, reason or "no reason given")
        for invoice in self._invoices.values():
            if again:
                self._cancel_once_more(invoice.id)
            else:
                invoice.cancel()
        self._show()

    def _cancel_once_more(self, invoice: str) -> None:
        """A child is cancelled by its handle only once."""
        task = asyncio.create_task(_told(workflow.get_external_workflow_handle(invoice).cancel()))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    def _cancel_what_is_open(self, by: str, reason: str) -> None:
        if open_lines := self._case.ledger.with_status(LineStatus.OPEN):
            known = self._case.cancellations
            names = (f"rest-{number}" for number in itertools.count(len(known) + 1))
            # Callers name theirs as they like.
            name = next(name for name in names if name not in known)
            self._case.cancel_lines(
                CancelLines(cancellation=name, lines=open_lines, by=by, reason=reason)
            )

    # The provider

    @property
    def _registers(self) -> bool:
        return self._case.plan is not None and self._case.plan.registers

    @property
    def _paces(self) -> Paces:
        return self._case.plan.paces if self._case.plan else Paces()

    async def _make_known(self) -> None:
        try:
            call = self._calls.register(self._request, self._case)
            self._case.learn(await self._calls.answer(call))
        except Trouble as problem:
            await self._ask(_about(problem))
        self._show()

    async def _cancel_there(self, wanted: CancelLines) -> None:
        """Asked again until the provider has taken it, or has refused it at once."""
        while True:
            try:
                call = self._calls.cancel_lines(self._request, self._case, wanted)
                self._case.learn(await self._calls.answer(call))
            except Trouble as problem:
                if problem.final:
                    self._case.refused = (*self._case.refused, wanted.cancellation)
                    self._note(f"cancellation {wanted.cancellation}: {problem.message}")
                    return
                await self._ask(_about(problem))
            else:
                return

    async def _wait(self, what: str, pace: Pace) -> None:
        """One pause for the provider, cut short by its news; then look."""
        now = workflow.now()
        waiting = self._case.waiting
        if waiting is None or waiting.what != what:
            waiting = Waiting(on="provider", what=what, since=now, until=now + pace.deadline)
        if waiting.until and waiting.until <= now:
            self._case.waiting = None
            reason = Reason.DRAFT_OVERDUE
            await self._ask(Problem(reason=reason, what=f"waited for {what} as long as planned"))
            return
        self._case.waiting = waiting.model_copy(update={"turn": waiting.turn + 1})
        self._show()
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: bool(self._case.inbox),
                timeout=pace.pause(waiting.turn),
                timeout_summary=f"waiting for: {what}",
            )
        await self._look()

    async def _look(self) -> None:
        async with self._reading:
            case = self._case
            events, case.inbox = case.inbox, ()
            before = case.stage, case.confirmed, case.refused
            try:
                case.learn(await self._calls.answer(self._calls.read(self._request, case, events)))
            except Trouble as problem:
                case.inbox = (*events, *case.inbox)
                await self._ask(_about(problem))
            if before != (case.stage, case.confirmed, case.refused):
                case.waiting = None
            self._show()

    # People

    async def _ask(self, problem: Problem) -> ResolveOrder | None:
        """Wait for a person, however long; one question at a time.

        None when the provider has sent news that may settle it.
        """
        async with self._asking:
            self._case.problem, self._case.resolution = problem, None
            waiting = Waiting(on="person", what=problem.reason, since=workflow.now())
            self._case.asking = waiting
            self._note(f"needs attention: {problem}")
            self._show()
            await workflow.wait_condition(
                lambda: (
                    self._case.resolution is not None
                    or (problem.reason in _TURNING and self._case.inbox != ())
                )
            )
            answer = self._case.resolution
            self._case.problem = self._case.resolution = self._case.asking = None
            self._show()
        if answer and answer.action == "abandon":
            raise Abandoned
        return answer

    # Showing

    @property
    def _state(self) -> Order:
        return self._case.shown(self._request)

    def _note(self, what: str, by: str = "", reason: str = "") -> None:
        self._case.note(workflow.now(), what, by, reason)

    def _show(self) -> None:
        state = self._state
        waits = attributes.WAITING_FOR
        keys = self._case.names(self._request)
        wanted: list[SearchAttributeUpdate[Any]] = [
            attributes.STATUS.value_set(state.status.value),
            waits.value_set(str(state.waiting)) if state.waiting else waits.value_unset(),
            attributes.PROVIDER_ID.value_set(state.provider_id)
            if state.provider_id
            else attributes.PROVIDER_ID.value_unset(),
            attributes.KEYS.value_set(keys) if keys else attributes.KEYS.value_unset(),
        ]
        listed = workflow.info().typed_search_attributes
        changed = [each for each in wanted if listed.get(each.key) != each.value]
        if any(each.key == waits for each in changed):
            since = attributes.WAITING_SINCE
            changed.append(
                since.value_set(state.waiting.since) if state.waiting else since.value_unset()
            )
        if changed:
            before = listed.get(attributes.STATUS)
            if state.status.value != before:
                tell_status("order", before, state)
            workflow.upsert_search_attributes(changed)
        workflow.set_current_details(order_markdown(state))
        if state.status is not OrderStatus.STARTED:
            # Only a plan says whether there is a subscriber of that name.
            self._notices.tell(state, self._paces.notices)

    def _is_long(self) -> bool:
        """Whether to continue as new: only while nothing is under way, so nothing is lost."""
        idle = all(task.done() for task in self._work.values()) and not self._asked_for_more()
        idle = idle and self._notices.is_empty
        suggested = workflow.info().is_continue_as_new_suggested()
        return idle and suggested and workflow.all_handlers_finished() and not self._done()

    def _continue_as_new(self) -> None:
        fields = {name: getattr(self._request, name) for name in OrderRequest.model_fields}
        workflow.continue_as_new(
            OrderInput.model_construct(**fields, resumed=self._case), memo=workflow.memo()
        )


_ANSWERS = {
    Reason.GONE: ("invoiced", "free", "abandon"),
    Reason.REJECTED: ("retry", "abandon"),
    Reason.PROVIDER_UNAVAILABLE: ("retry", "abandon"),
    Reason.DRAFT_FAILED: ("retry", "abandon"),
    Reason.DRAFT_OVERDUE: ("retry", "abandon"),
    Reason.CANNOT_CANCEL: ("retry", "abandon"),
}


_TURNING = (Reason.DRAFT_FAILED, Reason.DRAFT_OVERDUE)
"""What a late verdict may settle."""


def _about(problem: Trouble) -> Problem:
    reason = Reason.REJECTED if problem.final else Reason.PROVIDER_UNAVAILABLE
    return Problem(reason=reason, what=problem.message, fields=problem.fields)


def _rejected(case: OrderCase) -> Problem:
    what = "the provider refused the order"
    return Problem(reason=Reason.DRAFT_FAILED, what=what, fields=case.problems)


def _not_cancelled(case: OrderCase) -> Problem:
    what = "the provider refused to cancel lines"
    return Problem(reason=Reason.CANNOT_CANCEL, what=what, fields=case.problems)


def _refused_at_once(error: ChildWorkflowError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type in ("Rejected", "Unsupported")


def _sentence(error: ChildWorkflowError) -> str:
    cause = error.cause
    return cause.message if isinstance(cause, ApplicationError) else type(cause).__name__


async def _told(news: Coroutine[Any, Any, None]) -> None:
    try:
        await news
    except FailureError:
        # It has ended; it needs no news.
        return
