"""The room of events: what providers told us, and what nobody could be found for."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Collection

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from invoicing import attributes, lists
from invoicing.asking import Execution, accepted, answer, ask, known, queried
from invoicing.bounds import refuse_event
from invoicing.errors import InvoicingError, NotFound
from invoicing.identity import EVENT_WORKFLOW, event_id
from invoicing.invoice import Problem, Resolve, Status
from invoicing.news import EventInput, EventState
from invoicing.provider import Event


class Events:
    """Stores what providers tell, and shows what waits for a person; `client.events`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    async def tell(
        self, provider: str, account: str, event: Event, *, pace: float = 1
    ) -> Execution:
        """Store something a provider told us; it finds its invoice by itself.

        Stored when this returns. The same event again is the same workflow, also after it ended.
        `pace` multiplies how long it waits for its invoice; less than 1 in tests. Raises TooLarge.
        """
        refuse_event(event)
        identity = event_id(provider, account, event.id)
        start = EventInput(provider=provider, account=account, event=event, pace=pace)
        with contextlib.suppress(WorkflowAlreadyStartedError), accepted(event.id):
            await self.temporal.start_workflow(
                EVENT_WORKFLOW,
                start,
                id=identity,
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"{provider} · {event.kind or 'event'}",
            )
        return self.temporal.get_workflow_handle(identity, result_type=EventState)

    async def list(
        self, *, limit: int | None = None, under: Collection[str] = ()
    ) -> AsyncIterator[str]:
        """The ids of the events that wait for a person, the latest first; those that begin with one
        of `under`, such as `mollie/shop/`, if it names any."""
        query = (
            f"WorkflowType = {attributes.quoted(EVENT_WORKFLOW)} AND ExecutionStatus = 'Running' "
            f"AND {attributes.STATUS.name} = {attributes.quoted(Status.NEEDS_ATTENTION)}"
        )
        if under:
            query += f" AND {lists.begins('WorkflowId', [_EVENT + one for one in under])}"
        async for execution in self.temporal.list_workflows(query, limit=limit):
            yield execution.id.removeprefix(_EVENT)

    async def state(self, event: str) -> EventState:
        """Where an event is; its id is `provider/account/id`. Raises NotFound."""
        return await queried(event, self.handle(event), "state", EventState)

    async def told(self, event: str) -> Event:
        """What the provider told, as it was stored; needs no worker. Raises NotFound, and
        InvoicingError where it cannot be read here."""
        pages = self.handle(event).fetch_history_events(page_size=1)
        await known(event, pages.fetch_next_page())
        for begun in pages.current_page or ():
            payloads = begun.workflow_execution_started_event_attributes.input.payloads
            try:
                (start,) = await self.temporal.data_converter.decode(payloads, [EventInput])
            except ApplicationError as error:
                raise InvoicingError(f"{event}: what was told cannot be read here") from error
            return Event.model_validate(start.event)
        raise NotFound(event)

    async def resolve(self, event: str, said: Resolve, *, key: str | None = None) -> EventState:
        """Answer for an event that waits for a person. Raises as `resolve` does."""
        handle = self.handle(event)

        async def problem() -> Problem | None:
            return (await self.state(event)).problem

        def give() -> Awaitable[EventState]:
            return ask(event, handle, "resolve", said, EventState, key)

        return await answer(said.question, give, problem)

    def handle(self, event: str) -> Execution:
        """The workflow behind an event, for everything Temporal itself offers."""
        return self.temporal.get_workflow_handle(
            f"{_EVENT}{event.removeprefix(_EVENT)}", result_type=EventState
        )


_EVENT = "event/"
