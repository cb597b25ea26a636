"""Events of providers that nobody could be found for, over REST."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query

from gateway.access import Who
from gateway.backend import Backend, Behind
from gateway.callers import Caller
from gateway.inputs import OnceKey, given, once
from gateway.problems import invalid
from gateway.routes import Heads, is_own
from invoicing.client import InvoicingClient
from invoicing.errors import NotFound
from invoicing.model import Recorded
from invoicing.state.invoice import Resolve
from invoicing.state.news import EventState

heads = Heads("events")
router = heads.router

Event = Annotated[
    str,
    Path(
        min_length=1,
        max_length=400,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="`provider/account/id`, slashes included.",
    ),
]


class EventList(Recorded):
    """The ids of events, the latest first."""

    events: tuple[str, ...]


@heads.lists("Those that wait for a person")
async def list_events(
    behind: Behind, who: Who, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> EventList:
    """Events that wait for a person, because no invoice is known under the names they give."""
    if who.reach.references:
        # As long as nobody knows whose it is, it is not that caller's.
        return EventList(events=())
    return EventList(events=await behind.stored(_ids(behind.client, who.reach.events, limit)))


async def _ids(client: InvoicingClient, under: tuple[str, ...], limit: int) -> tuple[str, ...]:
    return tuple([each async for each in client.events.list(limit=limit, under=under)])


@heads.reads("/{event:path}", "The event as it is now")
async def get_event(event: Event, behind: Behind) -> EventState:
    """Where an event has got to."""
    return await behind.answered(behind.client.events.state(event))


@heads.changes("/{event:path}/resolve", Resolve, "The event as it is now")
async def resolve_event(
    event: Event,
    answer: Annotated[Resolve, given(Resolve)],
    behind: Behind,
    who: Who,
    key: OnceKey = None,
) -> EventState:
    """Answer the question that the event's `problem` shows, by its id: whose it is, or nobody's."""
    if answer.reference is not None and who.reach.accounts:
        await _refuse_others(behind, who, answer.reference)
    name = once(key, "resolve", answer)
    return await behind.answered(behind.client.events.resolve(event, answer, key=name))


async def _refuse_others(behind: Backend, who: Caller, reference: str) -> None:
    """Nothing may be handed to what is not the caller's own."""
    for handle in (
        behind.client.invoices.handle(reference),
        behind.client.orders.handle(reference),
    ):
        try:
            if await is_own(behind, who, handle):
                return
        except NotFound:
            continue
    raise invalid("reference", "nothing is known here under it")
