"""What may be asked of the amendment of one invoice, and how its workflow begins and ends.

What may be said by update may be said by a signal of the same name, with the same input.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.common import RawValue

from workflows.amend import story
from workflows.amend.life import AmendLife
from workflows.kit.endings import refused
from workflows.kit.instructions import NOTHING, of_any_input, understood
from workflows.kit.lifetime import through_cancels

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.amend import Amend, AmendCase, AmendInput, Amendment, refuse_amendment
    from invoicing.errors import InvalidRequest
    from invoicing.state.invoice import Journal


@workflow.defn
class AmendWorkflow:
    """Of one invoice, all that is left is credited, and then the new one is made."""

    @workflow.init
    def __init__(self, start: AmendInput) -> None:
        self._life = AmendLife(start)

    @workflow.run
    async def run(self, start: AmendInput) -> Amendment:
        """Live until the new invoice is final, or there is to be none."""
        life = self._life
        if start.resumed is None:
            life.note("asked for", life.case.wanted)
        living = asyncio.create_task(story.live(life))
        await through_cancels(living, self._engine_cancelled)
        return life.state

    def _engine_cancelled(self) -> None:
        life = self._life
        life.case.given_up = life.woken = True
        life.note(
            "Temporal's Cancel: what is under way goes on; cancel the credit note or the new "
            "invoice, each by itself"
        )

    @workflow.query(description="How far it is, and why it does not go on.")
    def state(self) -> Amendment:
        """The amendment as it is now."""
        return self._life.state

    @workflow.query(description="What happened, when, by whom and why.")
    def journal(self) -> Journal:
        """Everything that happened so far."""
        return self._life.case.journal

    @workflow.query(description="All that is remembered, for a run that begins after this one.")
    def memory(self) -> AmendCase:
        """What `AmendInput.resumed` takes."""
        return self._life.case

    @workflow.update(
        description="Look at once; with other content, where it waits for that, go on with it."
    )
    def amend(self, wanted: Amend) -> Amendment:
        """Look at once; go on with this, where the new invoice could not be made."""
        self._amend(wanted)
        return self._life.state

    @amend.validator
    def _may_amend(self, wanted: Amend) -> None:
        case = self._life.case
        if why := case.why_not(wanted):
            raise refused(why)
        if case.outcome:
            raise refused(f"it has ended: {case.outcome}; ask again, which begins it anew")
        try:
            refuse_amendment(self._life.reference, wanted)
        except InvalidRequest as error:
            raise refused(str(error)) from None

    @workflow.signal(name="amend", description="As the update of this name.")
    @of_any_input
    def amend_by_signal(self, said: RawValue = NOTHING) -> None:
        """Look at once; go on with this, where the new invoice could not be made."""
        if wanted := understood(self._life.case, "amend", Amend, said, self._may_amend):
            self._amend(wanted)
        self._life.show()

    def _amend(self, wanted: Amend) -> None:
        life = self._life
        life.woken = True
        if life.case.stopped:
            life.case.go_on(wanted)
            life.note("asked for again", wanted)
            life.show()
