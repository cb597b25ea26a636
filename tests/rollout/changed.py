"""Builds with changed workflows: what a check has to tell apart. Other processes import them."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from invoicing.state.case import InvoiceInput
from invoicing.state.identity import WORKFLOW
from invoicing.state.invoice import Invoice
from worker import STORIES
from workflows.feed import FeedWorkflow
from workflows.invoice import InvoiceWorkflow

MOMENT = timedelta(milliseconds=20)


@workflow.defn(name=WORKFLOW)
class Breaking(InvoiceWorkflow):
    """It pauses before it does anything, which no older history knows of."""

    @workflow.init
    def __init__(self, start: InvoiceInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: InvoiceInput) -> Invoice:
        """Pause, then live as before."""
        await workflow.sleep(MOMENT)
        return await super().run(start)


@workflow.defn(name=WORKFLOW)
class Patched(InvoiceWorkflow):
    """The same change, made so that older histories go their old way."""

    @workflow.init
    def __init__(self, start: InvoiceInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: InvoiceInput) -> Invoice:
        """Pause where that is new, then live as before."""
        if workflow.patched("pause"):
            await workflow.sleep(MOMENT)
        return await super().run(start)


@workflow.defn(name=WORKFLOW)
class Raising(InvoiceWorkflow):
    """A plain mistake."""

    @workflow.init
    def __init__(self, start: InvoiceInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: InvoiceInput) -> Invoice:
        """Fail with what nobody may read."""
        raise LookupError(self._life.request.document.buyer.name)


def stories(changed: type) -> tuple[type, ...]:
    """All workflows, with this one in the place of the invoice's."""
    return tuple(changed if each is InvoiceWorkflow else each for each in STORIES)


WITHOUT_FEEDS = tuple(each for each in STORIES if each is not FeedWorkflow)
