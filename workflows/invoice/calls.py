"""The provider's verbs for an invoice, each a durable call on the provider's own queue."""

from __future__ import annotations

from temporalio import workflow

from workflows.kit.calls import Queue, Turn

with workflow.unsafe.imports_passed_through():
    from activities.invoice import InvoiceActivities
    from invoicing.provider import (
        AttachCall,
        Attachment,
        CreateCall,
        Event,
        Found,
        LookUp,
        LookUpCall,
        Plan,
        ReadCall,
        Search,
        Snapshot,
        Target,
    )
    from invoicing.request import InvoiceRequest


class Calls:
    """Planning is repeated by the engine. All else is made once: a look that failed is made
    again by who needs it (`failing.asked`), visibly."""

    def __init__(self, provider: str) -> None:
        self.queue = Queue(provider)

    def plan(self, request: InvoiceRequest) -> workflow.ActivityHandle[Plan]:
        return self.queue.ask(InvoiceActivities.plan, request, "plan")

    def look_up(self, target: Target, look_up: LookUp) -> workflow.ActivityHandle[Found]:
        call = LookUpCall(target=target, look_up=look_up)
        return self.queue.look(
            InvoiceActivities.look_up, call, f"look up {look_up.name}", Turn.PLAN
        )

    def find(self, target: Target) -> workflow.ActivityHandle[Search]:
        return self.queue.look(InvoiceActivities.find, target, "find by our reference")

    def read(self, target: Target, events: tuple[Event, ...]) -> workflow.ActivityHandle[Snapshot]:
        call = ReadCall(target=target, events=events)
        return self.queue.look(InvoiceActivities.read, call, "read the invoice")

    def create(self, call: CreateCall) -> workflow.ActivityHandle[Snapshot]:
        return self.queue.change(InvoiceActivities.create, call, "create draft", Turn.BEGIN)

    def update(self, call: CreateCall) -> workflow.ActivityHandle[Snapshot]:
        return self.queue.change(InvoiceActivities.update, call, "update draft", Turn.ON)

    def attach(self, target: Target, attachment: Attachment) -> workflow.ActivityHandle[Found]:
        call = AttachCall(target=target, attachment=attachment)
        return self.queue.change(
            InvoiceActivities.attach, call, f"attach {attachment.name}", Turn.ON
        )

    def approve(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self.queue.change(InvoiceActivities.approve, target, "approve", Turn.ON)

    def send(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self.queue.change(InvoiceActivities.send, target, "send", Turn.ON)

    def delete(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self.queue.change(InvoiceActivities.delete, target, "delete draft", Turn.BACK)

    def credit(self, target: Target) -> workflow.ActivityHandle[Snapshot]:
        return self.queue.change(InvoiceActivities.credit, target, "credit", Turn.BACK)
