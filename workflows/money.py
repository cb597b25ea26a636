"""The money of an invoice after its end: payments that come later, chargebacks, refunds.

Begun by the invoice's own workflow as the last thing it does, with all that it knows. It waits for
news and looks seldom; it changes nothing at the provider, and asks nobody anything.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.invoice.life import Life
from workflows.invoice.looking import NOT_THERE, learn
from workflows.kit.calls import Trouble, answers
from workflows.kit.endings import Overdue
from workflows.kit.instructions import of_one_input

with workflow.unsafe.imports_passed_through():
    from invoicing.case import InvoiceInput
    from invoicing.invoice import LATER_MONEY, Invoice, Journal
    from invoicing.money_after import CreditedSince
    from invoicing.provider import Event

MOST_NOTES = 300
"""Credit notes of one invoice that are added up; with one more it is not known here how much was
credited, as with those of an invoice that runs."""


@workflow.defn
class MoneyWorkflow:
    """news or a look → what has moved → the subscriber, the register and lists."""

    @workflow.init
    def __init__(self, start: InvoiceInput) -> None:
        self._life = Life(start)

    @workflow.run
    async def run(self, start: InvoiceInput) -> Invoice:
        """For as long as the worker's settings say; Temporal's own Cancel ends it sooner."""
        life = self._life
        life.recorder.go_on()
        await _hear(life)
        life.note("nobody hears of its money any more")
        life.waits.over()
        life.show()
        await life.outbox.empty()
        await life.recorder.emptied()
        return life.state

    @workflow.query(description="The invoice as it stands now, with its money.")
    def state(self) -> Invoice:
        """As the invoice's own workflow would say it."""
        return self._life.state

    @workflow.query(description="What happened, when, by whom and why, from its beginning.")
    def journal(self) -> Journal:
        """Everything that happened so far."""
        return self._life.case.journal

    @workflow.signal(description="Something the provider told us; the same id counts once.")
    @of_one_input
    def provider_event(self, event: Event) -> None:
        """Have a look with it."""
        self._life.case.receive(event)

    @workflow.signal(description="A credit note of it has become final; the same one counts once.")
    @of_one_input
    def credited(self, told: CreditedSince) -> None:
        """From the credit note's workflow."""
        life, case = self._life, self._life.case
        if told.note in case.credited_since:
            return
        life.note(f"credited since its end: {told.gross} by {told.note}")
        if len(case.credited_since) < MOST_NOTES:
            case.credited_since = {**case.credited_since, told.note: told.gross}
        else:
            case.in_parts = True
        life.show()


async def _hear(life: Life) -> None:
    """Until its time is over."""
    life.show()
    failed = 0
    while True:
        try:
            await life.waits.pause(LATER_MONEY, life.paces.money, lambda: bool(life.case.inbox))
        except Overdue:
            return
        while not await _looked(life):
            # News that came stay where they are until somebody could look with them.
            pause = life.paces.unavailable.pause(failed)
            await life.waits.sleep(lambda: False, pause, "waiting for: a look that is answered")
            failed += 1
        failed = 0


async def _looked(life: Life) -> bool:
    """Whether the provider has answered. That it does not know the invoice any more says nothing
    of money."""
    case, given, waiting = life.case, life.case.inbox, life.waits.waiting
    try:
        (snapshot,) = await answers((life.calls.read(life.target, given),), lambda: False)
    except Trouble as problem:
        if not problem.final:
            return False
        # The very same look would be refused again.
        life.note(f"a look for its money is refused, {len(given)} news are left aside")
        case.inbox = tuple(event for event in case.inbox if event not in given)
        return True
    case.inbox = tuple(event for event in case.inbox if event not in given)
    if snapshot.stage not in NOT_THERE:
        learn(life, snapshot, seen=True)
    # One row of looks, whatever they show: it has one end.
    life.waits.waiting = waiting
    life.show()
    return True
