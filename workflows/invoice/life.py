"""What all steps of one invoice share: its memory, its calls, its waits and questions, and what is
shown of it. It decides nothing; the steps do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.invoice.calls import Calls
from workflows.invoice.inheritance import begun, leave_word
from workflows.kit.asking import Asking
from workflows.kit.details import markdown
from workflows.kit.endings import Cancelling
from workflows.kit.lifetime import Renewal
from workflows.kit.listing import Listing
from workflows.kit.outbox import Outbox
from workflows.kit.recorder import Recorder, rows
from workflows.kit.telemetry import UnknownCalls, tell_status
from workflows.kit.waiting import Waits

with workflow.unsafe.imports_passed_through():
    from invoicing.balance import Balance
    from invoicing.books.rows import invoice_row
    from invoicing.provider import Paces, Plan, Target
    from invoicing.request import InvoiceRequest
    from invoicing.state import attributes
    from invoicing.state.case import Case, InvoiceInput
    from invoicing.state.identity import CONTENTS, MOST_CONTENTS, content, fingerprint
    from invoicing.state.invoice import CANCEL_NOTE, Cancel, Instruction, Invoice, Resolve
    from invoicing.state.money_after import Before


class Life:
    """One invoice's workbench."""

    def __init__(self, start: InvoiceInput) -> None:
        self.request = self.begun_with = start.request()
        """What is asked for now, and with what this run began."""
        self.case = start.resumed or begun(start)
        self.before = start.before
        """The workflow of the invoice, which has ended, where this is the one that hears of its
        money."""
        self.order_id = start.tells
        """The workflow of the order that this invoice belongs to; None where there is no order."""
        self.content = content(fingerprint(self.request))
        """A digest of what is asked for now."""
        self.in_flight = False
        """Whether a call that changes something is under way, or has not settled."""
        self.taking_back = False
        """Whether a cancel is being carried out: from then on it stops no step."""
        self._engine_cancel = False
        self.cancel_needs: Callable[[Cancel], str] = lambda _: ""
        """Which kind of decision a cancel is now that needs two people, if any; the instructions
        say."""
        self.renewal = Renewal(self.case, self.note)
        self.calls = Calls(self.request.provider)
        self.unknown_calls = UnknownCalls(self.request.provider)
        told = rows(
            "invoice",
            self.request.reference,
            lambda: invoice_row(self.case, self.request, self.order_id),
            self.before,
        )
        self.recorder = Recorder(self.case, told, self.show)
        self.outbox = Outbox(self.request.subscriber, self.case, self.recorder)
        if self.case.known_before:
            self.outbox.close()
        self._listing = Listing()
        self.waits = Waits(self.case, self.boundary, self._wakes, self.show)
        self.asking = Asking(self.case, self.waits, self.note)
        if self.case.plan:
            self.follow(self.case.plan)

    # What the plan says

    @property
    def plan(self) -> Plan:
        """How the provider carries it out."""
        if self.case.plan is None:
            raise RuntimeError("no step but plan runs without a plan")
        return self.case.plan

    @property
    def paces(self) -> Paces:
        """How long to wait for what."""
        return self.case.plan.paces if self.case.plan else Paces()

    @property
    def cannot_look(self) -> bool:
        """Whether no look shows what an uncertain call did: the plan is `blind` or `repeatable`.
        Then the provider's news tell it, or a person."""
        return self.plan.blind or self.plan.repeatable

    @property
    def target(self) -> Target:
        """Which invoice a call is about: ours."""
        return self.case.target(self.request)

    def follow(self, plan: Plan) -> None:
        """From now on the plan says how long a call may take, and may take effect."""
        self.calls.queue.follow(plan.call_timeout, plan.paces.unavailable)
        # Where no look shows what a call did, a successor knows what is written down, and no more.
        self.recorder.follow(plan.paces.notices, gathers=not plan.blind)
        self.case.doubt = self.case.doubt.planned(plan.paces.effect)

    @property
    def unclaimed(self) -> bool:
        """Whether the register has not said yet what the reference stands for."""
        claims = self.case.plan is not None and self.case.plan.claims
        return claims and not self.case.claimed and not self.case.outcome

    # Boundaries

    def engine_cancelled(self) -> None:
        """Write down Temporal's own Cancel, once per run: the next run is not told of it."""
        reason = workflow.cancellation_reason()
        if reason is None or self._engine_cancel:
            return
        self._engine_cancel = True
        if self.case.outcome is None:
            said = Cancel(by="Temporal cancel", reason=reason[:1000] or "no reason given")
            if kind := self.cancel_needs(said):
                self.note(f"refused: {kind} needs two people, and Temporal's Cancel proves none")
                self.renewal.wanted = True
            else:
                self.cancel(said)

    def cancel(self, instruction: Cancel) -> None:
        """From now on no step begins that a cancelled invoice should not take."""
        if self.case.cancel is None:
            self.case.cancel = instruction
            self.note(CANCEL_NOTE, instruction)

    def credited_in_parts(self) -> None:
        """Somebody is about to credit parts of it: from now on no cancel credits the whole. Not
        where one is being carried out; who asked looks whether it is so."""
        if self.state.final and self.case.cancel is None and not self.case.in_parts:
            self.case.in_parts = True
            leave_word(self.case)
            self.note("parts of it may be credited from now on")
            self.show()

    @property
    def cancel_pending(self) -> bool:
        """Whether a cancel waits to be carried out.

        Temporal's own Cancel is looked up and written down here as well: the SDK can lose
        one that comes together with an activity's end (temporalio/sdk-python 352)."""
        self.engine_cancelled()
        return self.case.cancel is not None and not self.taking_back and not self.case.outcome

    def stop_if_cancelled(self) -> None:
        """Raise Cancelling while a cancel waits to be carried out."""
        if self.cancel_pending:
            self.waits.over()
            raise Cancelling

    def boundary(self) -> None:
        """Around every wait, and between reads: what was seen may no longer be so, a cancel raises
        Cancelling, and a long run continues as new. No call is under way here, so the next run
        loses nothing."""
        self.case.doubt = self.case.doubt.looked_at(None)
        self.stop_if_cancelled()
        if self._may_renew():
            self.renew()

    def _wakes(self) -> bool:
        return self.cancel_pending or self._may_renew()

    def _may_renew(self) -> bool:
        idle = workflow.all_handlers_finished() and self.outbox.is_empty and not self.in_flight
        # An answer is taken before that: its question is open in this run.
        idle = idle and self.case.resolution is None
        return self.renewal.due and idle and self.recorder.may_renew

    def renew(self) -> None:
        """Continue as new, with everything that is known."""
        self.renewal.begin(self.resumed(self.case, self.before))

    def resumed(self, case: Case, before: Before | None) -> InvoiceInput:
        """What a run that goes on with all of it begins with."""
        fields = {name: getattr(self.request, name) for name in type(self.request).model_fields}
        fields |= {"resumed": case, "before": before, "tells": self.order_id}
        return InvoiceInput.model_construct(**fields)

    def keep(self) -> None:
        """The cancel is withdrawn. The engine tells a run of one cancel only, so a run that had one
        continues as new, to hear of the next."""
        self.case.cancel, self.case.cancel_agreed = None, False
        leave_word(self.case)
        self.renewal.wanted = self._engine_cancel

    # Showing

    @property
    def balance(self) -> Balance | None:
        """Its money; None before it is final, and of a credit note."""
        return self.case.balance if self.request.document.type == "invoice" else None

    @property
    def state(self) -> Invoice:
        """What queries and updates answer."""
        return self.case.shown(self.request)

    def note(self, what: str, said: Instruction | None = None) -> None:
        """Add to the journal what happened, and who wanted it; and have it recorded."""
        wanted = (said.by, said.reason, said.proven) if said else ()
        self.case.note(workflow.now(), what, *wanted, answers=isinstance(said, Resolve))
        self.recorder.go_on()

    def replace(self, request: InvoiceRequest) -> None:
        """Something else is asked for from now on. The memo keeps what was asked for so far, for a
        successor to inherit."""
        self.request, self.content = request, content(fingerprint(request))
        known = workflow.memo_value(CONTENTS, default=[], type_hint=list[str])
        workflow.upsert_memo({CONTENTS: [*known, self.content][-MOST_CONTENTS:]})

    def show(self) -> None:
        """Bring lists and the Web UI up to date, and have the subscriber told."""
        state, before = self.state, self._listing.status()
        listed: list[tuple[object, object]] = [
            (attributes.PROVIDER, state.provider),
            (attributes.REFERENCE, state.reference),
            (attributes.STATUS, state.status.value),
            (attributes.NUMBER, state.number if self.case.was_final else None),
            (attributes.PROVIDER_ID, state.provider_id),
            (attributes.KEYS, self.case.names(self.request) or None),
            (attributes.DUE_DATE, self._listed_due(state)),
        ]
        if state.status.value != before:
            tell_status("invoice", before, state)
        # What hears of money waits for a year: lists and counts of what waits are not about that.
        waiting = None if self.before else state.waiting
        self._listing.show(listed, waiting, markdown(state, self.case.refused))  # type: ignore[arg-type]
        if not self.unclaimed or self.case.problem:
            # Until then it may be an invoice of which everything was told long ago.
            self.outbox.tell(state, self.paces.notices)

    def _listed_due(self, state: Invoice) -> datetime | None:
        """After the end, of what is to be paid alone: one over nothing is never overdue."""
        settled = self.before and state.balance and state.balance.due <= 0
        return None if settled or not state.due_date else attributes.midnight(state.due_date)


async def tell_order(life: Life) -> None:
    """Let the order's workflow know that its lines are on a final invoice, or that it ended."""
    if life.order_id:
        order = workflow.get_external_workflow_handle(life.order_id)
        # An order that is gone needs no news; which lines they are it knows itself.
        with contextlib.suppress(FailureError):
            await order.signal("invoice_is_final", life.state.model_copy(update={"lines": ()}))
