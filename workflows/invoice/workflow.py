"""What may be asked of one running invoice, and how its workflow begins and ends.

What may be said by update may be said by a signal of the same name, with the same input.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.common import RawValue

from workflows.invoice import story
from workflows.invoice.inheritance import leave_word
from workflows.invoice.instructions import Instructions
from workflows.invoice.life import Life
from workflows.invoice.looking import differing
from workflows.invoice.taking_back import until_nothing_can_reach_the_buyer
from workflows.kit.endings import Ended, refused
from workflows.kit.instructions import NOTHING, of_any_input, of_no_input, of_one_input, understood
from workflows.kit.lifetime import sign, through_cancels

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.credit import Requested, rounding_of
    from invoicing.provider import Event
    from invoicing.state.case import InvoiceInput
    from invoicing.state.credited import CreditedSoFar
    from invoicing.state.invoice import Cancel, Hold, Invoice, Journal, Release, Resolve, Status

LEFT_AS_IT_IS = (Status.ABANDONED, Status.EXPIRED)
"""Ends at which nothing is taken back: a cancel that still waits is not said to be taken."""


@workflow.defn
class InvoiceWorkflow:
    """One reference in, one correct invoice out, or a visible wait for a person."""

    @workflow.init
    def __init__(self, start: InvoiceInput) -> None:
        self._life = Life(start)
        self._wanted = Instructions(self._life)

    @workflow.run
    async def run(self, start: InvoiceInput) -> Invoice:
        """Live until the goal is reached, or the invoice is taken back, or a person ends it."""
        sign(self._life.request)
        living = asyncio.create_task(story.live_and_tell(self._life))
        return self._close(await through_cancels(living, self._engine_cancelled))

    def _engine_cancelled(self) -> None:
        self._life.engine_cancelled()
        leave_word(self._life.case)

    def _close(self, ended: Ended) -> Invoice:
        if ended.failure:
            raise ended.failure
        taken_back = ended.outcome in (Status.CANCELLED, Status.CREDITED)
        if taken_back and workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError(str(ended.outcome))
        return self._life.state

    # What is known

    @workflow.query(description="Where the invoice is, what it waits for, and what is wrong.")
    def state(self) -> Invoice:
        """The invoice as it is now."""
        return self._life.state

    @workflow.query(description="What happened, when, by whom and why.")
    def journal(self) -> Journal:
        """Everything that happened so far."""
        return self._life.case.journal

    @workflow.query(description="What is asked for now, and what a credit of it must know.")
    def request(self) -> Requested:
        """All that its credits must know of it."""
        life = self._life
        plan = life.case.plan
        return Requested(
            request=life.request,
            invoice=life.state.model_copy(update={"lines": ()}),
            rounding=plan and rounding_of(life.request.document, plan.totals),
            context=life.case.context,
            differs=plan is not None and life.case.echo is not None and bool(differing(life)),
            credited_before=life.case.credited_before,
            reference_taken=life.case.reference_taken,
        )

    @workflow.signal(description="Parts of it are to be credited: then no cancel credits it whole.")
    @of_no_input
    def credits_begin(self) -> None:
        """From the workflow of its credits."""
        self._life.credited_in_parts()

    @workflow.signal(description="What its credit notes come to; what was told last is so.")
    @of_one_input
    def credited_so_far(self, told: CreditedSoFar) -> None:
        """From the workflow of its credits."""
        self._life.credited_so_far(told)

    @workflow.signal(description="Something the provider told us; the same id counts once.")
    @of_one_input
    def provider_event(self, event: Event) -> None:
        """Wake the wait for the provider."""
        self._life.case.receive(event)

    # What people want, by update

    @workflow.update(description="Stop before the next irreversible step.")
    async def hold(self, instruction: Hold) -> Invoice:
        """Hold until `release`. Acknowledged once no call is under way."""
        self._wanted.hold(instruction)
        await workflow.wait_condition(lambda: not self._life.in_flight)
        return self._life.state

    @workflow.update(description="Go on: ends a hold, or sends what waits for its day.")
    def release(self, instruction: Release) -> Invoice:
        """Let a held or scheduled invoice go on."""
        self._wanted.release(instruction)
        return self._life.state

    @workflow.update(description="Answer the question that is open.")
    def resolve(self, answer: Resolve) -> Invoice:
        """Answer the question that the invoice is parked with."""
        self._wanted.resolve(answer)
        return self._life.state

    @workflow.update(description="Take the invoice back: stop, delete the draft, or credit it.")
    async def cancel(self, instruction: Cancel) -> Invoice:
        """Acknowledged once nothing that was asked of the provider can bring it to the buyer."""
        if not self._wanted.cancel(instruction):
            return self._life.state
        await until_nothing_can_reach_the_buyer(self._life)
        ended = self._life.case.outcome
        if self._life.case.cancel is None or ended in LEFT_AS_IT_IS:
            why = f"it has ended: {ended}" if ended else "a person lets the invoice stand"
            raise refused(f"the cancel was withdrawn meanwhile: {why}")
        return self._life.state

    @hold.validator
    def _may_hold(self, instruction: Hold) -> None:
        self._wanted.may_hold(instruction)

    @release.validator
    def _may_release(self, instruction: Release) -> None:
        self._wanted.may_release(instruction)

    @resolve.validator
    def _may_resolve(self, answer: Resolve) -> None:
        self._wanted.may_resolve(answer)

    @cancel.validator
    def _may_cancel(self, instruction: Cancel) -> None:
        self._wanted.may_cancel(instruction)

    # The same, by signal

    @workflow.signal(name="hold", description="As the update of this name.")
    @of_any_input
    def hold_by_signal(self, said: RawValue = NOTHING) -> None:
        """Hold until `release`."""
        if instruction := understood(self._life.case, "hold", Hold, said, self._wanted.may_hold):
            self._wanted.hold(instruction)
        self._life.show()

    @workflow.signal(name="release", description="As the update of this name.")
    @of_any_input
    def release_by_signal(self, said: RawValue = NOTHING) -> None:
        """Let a held or scheduled invoice go on."""
        if instruction := understood(
            self._life.case, "release", Release, said, self._wanted.may_release
        ):
            self._wanted.release(instruction)
        self._life.show()

    @workflow.signal(name="resolve", description="As the update of this name.")
    @of_any_input
    def resolve_by_signal(self, said: RawValue = NOTHING) -> None:
        """Answer the question that the invoice is parked with."""
        if answer := understood(
            self._life.case, "resolve", Resolve, said, self._wanted.may_resolve
        ):
            self._wanted.resolve(answer)
        self._life.show()

    @workflow.signal(name="cancel", description="As the update of this name.")
    @of_any_input
    def cancel_by_signal(self, said: RawValue = NOTHING) -> None:
        """Take the invoice back."""
        if instruction := understood(
            self._life.case, "cancel", Cancel, said, self._wanted.may_cancel
        ):
            self._wanted.cancel(instruction)
        self._life.show()
