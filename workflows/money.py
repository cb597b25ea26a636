"""The money of an invoice after its end: payments that come later, chargebacks, refunds.

Begun by the invoice's own workflow as the last thing it does, with all that it knows. It waits for
news and looks seldom; it changes nothing at the provider, and asks nobody anything.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

from workflows.invoice.life import Life
from workflows.invoice.looking import learn
from workflows.kit.calls import Kind, Trouble, answers
from workflows.kit.endings import Overdue
from workflows.kit.instructions import of_one_input

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Event, Stage
    from invoicing.state.case import InvoiceInput
    from invoicing.state.credited import CreditedSoFar
    from invoicing.state.invoice import LATER_MONEY, Invoice, Journal

AN_OUTAGE = timedelta(hours=1)
"""For so long a look that gets no answer is made again soon; after that, when its turn comes."""

_LASTING = (Kind.DENIED, Kind.UNREADABLE)
"""What an hour does not change: somebody has to."""


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
        try:
            await _hear(life)
        except asyncio.CancelledError:
            # Without a cancel it is this instance that is evicted.
            if workflow.cancellation_reason() is None:
                raise
        life.case.heard_enough = True
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

    @workflow.signal(description="What its credit notes come to; what was told last is so.")
    @of_one_input
    def credited_so_far(self, told: CreditedSoFar) -> None:
        """From the ledger of its credits."""
        self._life.credited_so_far(told)


async def _hear(life: Life) -> None:
    """Until its time is over."""
    case = life.case
    life.show()
    left: frozenset[str] = frozenset()

    def awake() -> bool:
        return case.look_soon or any(event.id not in left for event in case.inbox)

    while True:
        try:
            await life.waits.pause(LATER_MONEY, life.paces.money, awake)
        except Overdue:
            return
        left = await _look(life)


async def _look(life: Life) -> frozenset[str]:
    """Look, and again soon while nobody answers. The ids of the news that are left for the row's
    next look, which they do not call for again."""
    waiting = life.waits.waiting
    end = waiting.until if waiting and waiting.until else workflow.now()
    soon = workflow.now() + AN_OUTAGE
    failed = 0
    while problem := await _looked(life):
        now = workflow.now()
        pause = max(life.paces.unavailable.pause(failed), problem.retry_after or timedelta())
        if problem.kind in _LASTING or now >= soon or now + pause >= end:
            life.note(f"a look for its money failed ({problem.kind}), the next one is in its turn")
            return frozenset(event.id for event in life.case.inbox)
        # Another run looks at once, too.
        life.case.look_soon = True
        await life.waits.sleep(lambda: False, pause, "waiting for: a look that is answered")
        failed += 1
    return frozenset()


async def _looked(life: Life) -> Trouble | None:
    """Why there was no answer, if there was none. One that shows no invoice in law says nothing of
    money."""
    case, given, waiting = life.case, life.case.inbox, life.waits.waiting
    case.look_soon = False
    try:
        (snapshot,) = await answers((life.calls.read(life.target, given),), lambda: False)
    except Trouble as problem:
        if not problem.final:
            return problem
        # The very same look would be refused again.
        life.note(f"a look for its money is refused, {len(given)} news are left aside")
        case.inbox = tuple(event for event in case.inbox if event not in given)
        return None
    case.inbox = tuple(event for event in case.inbox if event not in given)
    if _tells(snapshot.stage):
        learn(life, snapshot, seen=True)
    # One row of looks, whatever they show: it has one end.
    life.waits.waiting = waiting
    life.show()
    return None


def _tells(stage: Stage) -> bool:
    """Whether what is there is an invoice in law. What was approved is never a draft again: one
    that is shown is another, or a list that lags."""
    return stage.reached(Stage.APPROVED) or stage in (Stage.CREDITED, Stage.UNKNOWN)
