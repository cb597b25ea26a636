"""What may be asked of one running order, and how its workflow begins and ends.

What may be said by update may be said by a signal of the same name, with the same input.
"""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.common import RawValue

from workflows.kit.instructions import NOTHING, of_any_input, of_one_input, understood
from workflows.kit.lifetime import sign, through_cancels
from workflows.order import story
from workflows.order.cancellation import engine_cancelled
from workflows.order.delivery import about_to_begin, told_invoices
from workflows.order.instructions import Instructions
from workflows.order.life import OrderLife

with workflow.unsafe.imports_passed_through():
    from invoicing.provider import Event
    from invoicing.state.invoice import Cancel, Invoice, Journal, Resolve
    from invoicing.state.order import (
        AddLines,
        CancellationState,
        CancelLines,
        Deliver,
        DeliveryState,
        Order,
        OrderBrief,
    )
    from invoicing.state.order_case import OrderInput
    from invoicing.state.order_ledger import Ledger


@workflow.defn
class OrderWorkflow:
    """Every unit of every line ends invoiced or cancelled, exactly once."""

    @workflow.init
    def __init__(self, start: OrderInput) -> None:
        self._life = OrderLife(start)
        self._wanted = Instructions(self._life)

    @workflow.run
    async def run(self, start: OrderInput) -> Order:
        """Live until every line has its final status and every invoice has ended."""
        sign(self._life.request)
        living = asyncio.create_task(story.live_and_tell(self._life))
        await through_cancels(living, lambda: engine_cancelled(self._life))
        if workflow.cancellation_reason() is not None and self._life.case.cancelled:
            raise asyncio.CancelledError(str(self._life.case.outcome))
        return self._life.state

    # What is known

    @workflow.query(description="Where the order is, and every delivery's invoice.")
    def state(self) -> Order:
        """The order as it is now."""
        return self._life.state

    @workflow.query(description="Every line and its status.")
    def ledger(self) -> Ledger:
        """The ledger as it is now."""
        return self._life.case.ledger

    @workflow.query(description="What happened, when, by whom and why.")
    def journal(self) -> Journal:
        """Everything that happened so far."""
        return self._life.case.journal

    @workflow.signal(description="Something the provider told us; the same id counts once.")
    @of_one_input
    async def provider_event(self, event: Event) -> None:
        """News about the order, or about one of its invoices: they know what is theirs."""
        if self._life.case.receive(event):
            await told_invoices(self._life, event)

    @workflow.signal(description="A delivery's invoice has become final, or has ended.")
    @of_one_input
    def invoice_is_final(self, invoice: Invoice) -> None:
        """What a delivery's invoice says about itself."""
        name = invoice.reference.removeprefix(f"{self._life.request.reference}:")
        if name in self._life.case.deliveries:
            self._life.case.hear(name, invoice)
            self._life.note(f"delivery {name}: {invoice.status}")
            self._life.show()

    # What is wanted, by update

    @workflow.update(description="Invoice these lines; the same delivery again is the same one.")
    async def deliver(self, wanted: Deliver) -> DeliveryState:
        """Take the lines, and begin the invoice as soon as the provider knows the order."""
        self._wanted.deliver(wanted)
        await workflow.wait_condition(lambda: not about_to_begin(self._life, wanted.delivery))
        return self._life.case.deliveries[wanted.delivery]

    @workflow.update(description="These lines will not be delivered.")
    def cancel_lines(self, wanted: CancelLines) -> CancellationState:
        """Take the lines and cancel them, at the provider too where it knows the order."""
        self._wanted.cancel_lines(wanted)
        return self._life.case.cancellations[wanted.cancellation]

    @workflow.update(description="These lines are ordered as well; the same addition is the same.")
    def add_lines(self, wanted: AddLines) -> OrderBrief:
        """Take more lines into the order, where the provider need not know it."""
        self._wanted.add_lines(wanted)
        return self._life.case.brief(self._life.request)

    @workflow.update(description="Cancel every open line and take back every invoice under way.")
    def cancel(self, order: Cancel) -> OrderBrief:
        """Take the whole order back; what is final is credited where that is allowed."""
        self._wanted.cancel(order)
        return self._life.case.brief(self._life.request)

    @workflow.update(description="Answer the question that is open.")
    def resolve(self, answer: Resolve) -> OrderBrief:
        """Answer an order that needs attention."""
        self._wanted.resolve(answer)
        return self._life.case.brief(self._life.request)

    @deliver.validator
    def _may_deliver(self, wanted: Deliver) -> None:
        self._wanted.may_deliver(wanted)

    @cancel_lines.validator
    def _may_cancel_lines(self, wanted: CancelLines) -> None:
        self._wanted.may_cancel_lines(wanted)

    @add_lines.validator
    def _may_add_lines(self, wanted: AddLines) -> None:
        self._wanted.may_add_lines(wanted)

    @cancel.validator
    def _may_cancel(self, order: Cancel) -> None:
        self._wanted.may_cancel(order)

    @resolve.validator
    def _may_resolve(self, answer: Resolve) -> None:
        self._wanted.may_resolve(answer)

    # The same, by signal

    @workflow.signal(name="deliver", description="As the update of this name.")
    @of_any_input
    def deliver_by_signal(self, said: RawValue = NOTHING) -> None:
        """Take the lines, and begin the invoice."""
        check = self._wanted.may_deliver
        if wanted := understood(self._life.case, "deliver", Deliver, said, check):
            self._wanted.deliver(wanted)
        self._life.show()

    @workflow.signal(name="cancel_lines", description="As the update of this name.")
    @of_any_input
    def cancel_lines_by_signal(self, said: RawValue = NOTHING) -> None:
        """Take the lines and cancel them."""
        check = self._wanted.may_cancel_lines
        if wanted := understood(self._life.case, "cancel_lines", CancelLines, said, check):
            self._wanted.cancel_lines(wanted)
        self._life.show()

    @workflow.signal(name="add_lines", description="As the update of this name.")
    @of_any_input
    def add_lines_by_signal(self, said: RawValue = NOTHING) -> None:
        """Take more lines into the order."""
        check = self._wanted.may_add_lines
        if wanted := understood(self._life.case, "add_lines", AddLines, said, check):
            self._wanted.add_lines(wanted)
        self._life.show()

    @workflow.signal(name="cancel", description="As the update of this name.")
    @of_any_input
    def cancel_by_signal(self, said: RawValue = NOTHING) -> None:
        """Take the whole order back."""
        if order := understood(self._life.case, "cancel", Cancel, said, self._wanted.may_cancel):
            self._wanted.cancel(order)
        self._life.show()

    @workflow.signal(name="resolve", description="As the update of this name.")
    @of_any_input
    def resolve_by_signal(self, said: RawValue = NOTHING) -> None:
        """Answer an order that needs attention."""
        check = self._wanted.may_resolve
        if answer := understood(self._life.case, "resolve", Resolve, said, check):
            self._wanted.resolve(answer)
        self._life.show()
