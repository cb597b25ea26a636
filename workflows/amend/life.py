"""What all parts of one amendment share: memory, waits, and what is shown."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows.kit.details import amendment_markdown
from workflows.kit.lifetime import Renewal
from workflows.kit.listing import Listing
from workflows.kit.waiting import Waits, Whom

with workflow.unsafe.imports_passed_through():
    from invoicing.credits.amend import AMEND_AGAIN, AmendCase, AmendInput, Amendment
    from invoicing.provider import Pace
    from invoicing.state import attributes
    from invoicing.state.invoice import Instruction

LEFT_ALONE = timedelta(days=90)
"""How long it waits to be amended again, where the old invoice is credited and the new one is not
made."""


class AmendLife:
    """The workbench of one amendment."""

    def __init__(self, start: AmendInput) -> None:
        self.reference = start.reference
        self.case = _remembered(start)
        self.renewal = Renewal(self.case, self.note)
        self.woken = False
        """Whether somebody has asked for it again since the last look."""
        self._listing = Listing()
        self.waits = Waits(self.case, self._renew, lambda: self.renewal.due, self.show)

    def _renew(self) -> None:
        if self.renewal.due and workflow.all_handlers_finished() and not self.woken:
            self.renewal.begin(AmendInput(reference=self.reference, resumed=self.case))

    async def pause(self, what: str, pace: Pace, on: Whom = "provider") -> None:
        """Until the next look; somebody who asks again cuts it short. Raises Overdue."""
        await self.waits.pause(what, pace, lambda: self.woken, on=on)
        self.woken = False

    async def left_alone(self) -> bool:
        """Wait for somebody to amend it again; whether nobody has in time."""

        def heard() -> bool:
            return self.case.given_up or not self.case.stopped

        # Whoever asked before it stopped is answered by that. Kept, it would stand in the way of a
        # new run, for which this wait would be cut short for ever.
        self.woken = False
        await self.waits.once("person", AMEND_AGAIN, LEFT_ALONE, heard, f"a person: {AMEND_AGAIN}")
        self.waits.over()
        # Amended again in the very moment in which it would have been given up, it goes on.
        return bool(self.case.stopped)

    @property
    def state(self) -> Amendment:
        """What queries and updates answer."""
        return self.case.shown(self.reference)

    def note(self, what: str, said: Instruction | None = None) -> None:
        """Add to the journal what happened, and who wanted it."""
        wanted = (said.by, said.reason, said.proven) if said else ()
        self.case.note(workflow.now(), what, *wanted)

    def show(self) -> None:
        """Bring lists and the Web UI up to date."""
        state = self.state
        rows = (
            (attributes.REFERENCE, self.reference),
            (attributes.PROVIDER, self.case.provider or self.case.wanted.invoice.provider),
            (attributes.STATUS, state.status.value),
            (attributes.NUMBER, state.number),
        )
        self._listing.show(rows, state.waiting, amendment_markdown(state, self.case.refused))


def _remembered(start: AmendInput) -> AmendCase:
    if start.resumed is not None:
        return start.resumed
    if start.wanted is None:
        raise RuntimeError("an amendment begins with what is wanted")
    return AmendCase(wanted=start.wanted)
