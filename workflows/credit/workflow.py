"""What may be asked of the credits of one invoice, and how their workflow begins and ends.

What may be said by update may be said by a signal of the same name, with the same input.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.common import RawValue

from workflows.credit import story
from workflows.credit.life import CreditsLife
from workflows.kit.asking import refuse_misplaced
from workflows.kit.endings import refused
from workflows.kit.instructions import NOTHING, of_any_input, of_one_input, understood
from workflows.kit.lifetime import through_cancels

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.case import (
        Credits,
        CreditsCase,
        CreditsInput,
        CreditState,
        digest,
        repeats,
    )
    from invoicing.credits.credit import Credit
    from invoicing.errors import TooLarge
    from invoicing.state.bounds import refuse_instruction
    from invoicing.state.invoice import Invoice, Journal, Resolve


@workflow.defn
class CreditsWorkflow:
    """Of one invoice, never more is credited than was invoiced."""

    @workflow.init
    def __init__(self, start: CreditsInput) -> None:
        self._life = CreditsLife(start)

    @workflow.run
    async def run(self, start: CreditsInput) -> Credits:
        """Live until nothing is left to credit, or nobody has credited anything for long."""
        living = asyncio.create_task(story.live(self._life))
        await through_cancels(living, self._engine_cancelled)
        return self._life.state

    def _engine_cancelled(self) -> None:
        self._life.leaves = True

    @workflow.query(description="What is left to credit, and what became of every credit.")
    def state(self) -> Credits:
        """The credits as they are now."""
        return self._life.state

    @workflow.query(description="What happened, when, by whom and why.")
    def journal(self) -> Journal:
        """Everything that happened so far."""
        return self._life.case.journal

    @workflow.query(description="All that is remembered, for a run that begins after this one.")
    def memory(self) -> CreditsCase:
        """What `CreditsInput.resumed` takes."""
        return self._life.case

    @workflow.signal(description="A credit note has become final, or has ended.")
    @of_one_input
    def invoice_is_final(self, invoice: Invoice) -> None:
        """What a credit note says about itself."""
        name = invoice.reference.removeprefix(f"{self._life.reference}#")
        if name in self._life.case.states:
            self._life.case.hear(name, invoice)
            self._life.note(f"credit {name}: {invoice.status}")
            self._life.show()

    @workflow.update(description="Credit this; the same name again is the same credit.")
    async def credit(self, wanted: Credit) -> CreditState:
        """Reserve it and begin its credit note. Refused where that much is not left."""
        self._ask(wanted)
        if wanted.credit in self._life.case.undecided:
            # Several callers may wait for one verdict.
            why = await asyncio.shield(self._life.verdict(wanted.credit))
            if why:
                raise refused(why)
        return self._life.case.states[wanted.credit]

    @workflow.update(description="Answer the question that is open.")
    def resolve(self, answer: Resolve) -> Credits:
        """Say whether a credit stands."""
        self._resolve(answer)
        return self._life.state

    @credit.validator
    def _may_credit(self, wanted: Credit) -> None:
        case = self._life.case
        asked = case.undecided.get(wanted.credit)
        known = digest(asked) if asked else case.known.get(wanted.credit)
        if known is not None and not repeats(known, wanted):
            raise refused(f"credit {wanted.credit} was already asked for with other content")
        if known is None and case.outcome:
            raise refused(f"it has ended: {case.outcome}; ask again, which begins it anew")
        try:
            refuse_instruction(wanted)
        except TooLarge as error:
            raise refused(str(error)) from None

    @resolve.validator
    def _may_resolve(self, answer: Resolve) -> None:
        refuse_misplaced(self._life.case, answer)

    @workflow.signal(name="credit", description="As the update of this name.")
    @of_any_input
    def credit_by_signal(self, said: RawValue = NOTHING) -> None:
        """Reserve it and begin its credit note; what is refused stands in the journal."""
        if wanted := understood(self._life.case, "credit", Credit, said, self._may_credit):
            self._ask(wanted)
        self._life.show()

    @workflow.signal(name="resolve", description="As the update of this name.")
    @of_any_input
    def resolve_by_signal(self, said: RawValue = NOTHING) -> None:
        """Say whether a credit stands."""
        if answer := understood(self._life.case, "resolve", Resolve, said, self._may_resolve):
            self._resolve(answer)
        self._life.show()

    def _ask(self, wanted: Credit) -> None:
        if wanted.credit not in self._life.case.known:
            self._life.case.ask(wanted)

    def _resolve(self, answer: Resolve) -> None:
        self._life.case.resolution = answer
        self._life.note(f"{answer.question} answered: {answer.answer}", answer)
