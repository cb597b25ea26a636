"""The life of one invoice. Read `_live`: it is the whole story."""

from __future__ import annotations

import asyncio

from pydantic import ValidationError
from temporalio import workflow

from workflows.desk import Cancelling, Desk, Ended, StartOver, refused, sign
from workflows.steps import Steps

with workflow.unsafe.imports_passed_through():
    from invoicing.case import InvoiceInput
    from invoicing.document import Document
    from invoicing.invoice import Cancel, Hold, Invoice, Journal, Release, Resolve, Status
    from invoicing.parse import problems
    from invoicing.provider import Event
    from invoicing.request import InvoiceRequest


@workflow.defn
class InvoiceWorkflow:
    """One reference in, one correct invoice out, or a visible wait for a person."""

    @workflow.init
    def __init__(self, start: InvoiceInput) -> None:
        self._desk = Desk(start)
        self._steps = Steps(self._desk)
        self._delivers = start.tells is not None

    @workflow.run
    async def run(self, start: InvoiceInput) -> Invoice:
        """Live until the goal is reached, or the invoice is taken back, or a person ends it.

        The story runs as a task of its own, so that the engine's cancel interrupts no call under
        way: it is written down at once, and carried out where the story looks for cancels, like the
        `cancel` update.
        """
        sign(self._desk.request)
        life = asyncio.create_task(self._live_and_tell())
        while not life.done():
            try:
                await workflow.wait_condition(life.done)
            except asyncio.CancelledError:
                if workflow.cancellation_reason() is None:
                    raise
                self._desk.hear_the_engine()
        return self._close(life.result())

    async def _live(self) -> Ended:
        """plan → look up → create draft → attach → check → (hold) → approve → send → track."""
        steps = self._steps
        while True:
            try:
                if self._desk.case.cancel:
                    await steps.take_back()
                await steps.plan()
                await steps.look_up()
                await steps.create_draft()
                await steps.confirm_draft()
                await steps.attach()
                await steps.check()
                await steps.approve()
                await steps.send()
                await steps.track()
                await steps.be_alone()
                self._desk.heed_cancel()
                return Ended(self._desk.case.status)
            except (Cancelling, StartOver):
                continue
            except Ended as ended:
                return ended

    async def _live_and_tell(self) -> Ended:
        """The story, and what others must know of its end."""
        ended = await self._live()
        self._desk.end(ended.outcome)
        await self._desk.tell_order()
        await self._desk.notices.empty()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return ended

    def _close(self, ended: Ended) -> Invoice:
        if ended.failure:
            raise ended.failure
        taken_back = ended.outcome in (Status.CANCELLED, Status.CREDITED)
        if taken_back and workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError(str(ended.outcome))
        return self._desk.state

    @workflow.query(description="Where the invoice is, what it waits for, and what is wrong.")
    def state(self) -> Invoice:
        """The invoice as it is now."""
        return self._desk.state

    @workflow.query(description="What happened, when, by whom and why.")
    def journal(self) -> Journal:
        """Everything that happened so far."""
        return self._desk.case.journal

    @workflow.signal(description="Something the provider told us; the same id counts once.")
    def provider_event(self, event: Event) -> None:
        """Wake the wait for the provider."""
        self._desk.case.receive(event)

    @workflow.update(description="Stop before the next irreversible step.")
    def hold(self, order: Hold) -> Invoice:
        """Hold until `release`."""
        self._desk.hold(order)
        return self._desk.state

    @workflow.update(description="Go on: ends a hold, or sends what waits for its day.")
    def release(self, order: Release) -> Invoice:
        """Let a held or scheduled invoice go on."""
        self._desk.release(order)
        return self._desk.state

    @workflow.update(description="Answer a parked invoice: retry, adopt, correct, skip or abandon.")
    def resolve(self, answer: Resolve) -> Invoice:
        """Resolve the problem the invoice is parked with."""
        self._desk.resolve(answer)
        return self._desk.state

    @workflow.update(description="Take the invoice back: stop, delete the draft, or credit it.")
    async def cancel(self, order: Cancel) -> Invoice:
        """Acknowledged once no call is under way that a cancelled invoice should not make."""
        self._desk.cancel(order)
        await workflow.wait_condition(lambda: not self._desk.in_flight)
        return self._desk.state

    @hold.validator
    def _can_be_held(self, order: Hold) -> None:
        self._desk.refuse_if_ended()

    @cancel.validator
    def _can_be_cancelled(self, order: Cancel) -> None:
        self._desk.refuse_if_ended()

    @release.validator
    def _is_held(self, order: Release) -> None:
        self._desk.refuse_if_ended()
        if self._desk.case.hold is None and self._desk.state.status is not Status.SCHEDULED:
            raise refused("it is neither held nor scheduled")

    @resolve.validator
    def _can_be_resolved(self, answer: Resolve) -> None:
        problem = self._desk.case.problem
        if problem is None:
            raise refused("it does not wait for a person")
        if self._desk.case.resolution is not None:
            raise refused("somebody has just resolved it")
        if answer.action not in problem.actions:
            raise refused(f"{answer.action} is no answer here: {', '.join(problem.actions)}")
        if answer.document:
            self._refuse_misfit(answer.document)
        if self._delivers and answer.document:
            self._refuse_other_lines(answer.document)

    def _refuse_misfit(self, corrected: Document) -> None:
        """With the rest of the request it must make one that can be asked for, and read again."""
        request = self._desk.request
        fields = {name: getattr(request, name) for name in type(request).model_fields}
        try:
            InvoiceRequest(**{**fields, "document": corrected})
        except ValidationError as error:
            raise refused("; ".join(map(str, problems(error)))) from None

    def _refuse_other_lines(self, corrected: Document) -> None:
        """The order's ledger says which lines are on this invoice, and has no part in this."""
        lines = [line.id for line in self._desk.request.document.lines]
        if sorted(lines) != sorted(line.id for line in corrected.lines):
            raise refused(f"its order delivers these lines with it, no others: {', '.join(lines)}")
