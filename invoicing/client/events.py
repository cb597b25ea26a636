"""The room of events: what providers told us, and what nobody could be found for."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Collection

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from invoicing.client.shared import begun_with
from invoicing.errors import Misread
from invoicing.provider import Event
from invoicing.state import attributes
from invoicing.state.bounds import refuse_event
from invoicing.state.identity import EVENT_WORKFLOW, event_id
from invoicing.state.invoice import Problem, Resolve, Status
from invoicing.state.news import EventInput, EventState
from invoicing.temporal import engine, lists
from invoicing.temporal.asking import Execution, accepted, answer, ask, queried


class Events:
    """Stores what providers tell, and shows what waits for a person; `client.events`."""

    def __init__(self, temporal: Client, task_queue: str) -> None:
        self.temporal = temporal
        self.task_queue = task_queue

    @engine.stored
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

    @engine.stored_each
    async def list(
        self, *, limit: int | None = None, under: Collection[str] = ()
    ) -> AsyncGenerator[str, None]:
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

    @engine.told
    async def state(self, event: str) -> EventState:
        """Where an event is; its id is `provider/account/id`. Raises NotFound."""
        return await queried(event, self.handle(event), "state", EventState)

    @engine.stored
    async def told(self, event: str) -> Event:
        """What the provider told, as it was stored; needs no worker. Raises NotFound, and
        Misread where it cannot be read here."""
        try:
            start = await begun_with(self.temporal, event, self.handle(event), EventInput)
        except Misread as error:
            raise type(error)(f"{event}: what was told cannot be read here") from error
        return Event.model_validate(start.event)

    @engine.told
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
