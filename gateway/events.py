"""Events of providers that nobody could be found for, over REST."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from gateway.backend import Behind
from gateway.inputs import OnceKey, accepts, given, once
from gateway.problems import documented
from gateway.routes import COMMON, INSTRUCTED, ONE, OPERATE, READ
from invoicing.client import InvoicingClient
from invoicing.invoice import Resolve
from invoicing.model import Recorded
from invoicing.news import EventState

router = APIRouter(prefix="/v1/events", tags=["events"])

Event = Annotated[
    str, Path(min_length=1, max_length=400, description="`provider/account/id`, slashes included.")
]


class EventList(Recorded):
    """The ids of events, the latest first."""

    events: tuple[str, ...]


@router.get(
    "",
    dependencies=READ,
    responses=documented(*COMMON),
    response_description="Those that wait for a person",
)
async def list_events(behind: Behind, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> EventList:
    """Events that wait for a person, because no invoice is known under the names they give."""
    return EventList(events=await behind.stored(_ids(behind.client, limit)))


async def _ids(client: InvoicingClient, limit: int) -> tuple[str, ...]:
    return tuple([each async for each in client.events(limit=limit)])


@router.get(
    "/{event:path}",
    dependencies=READ,
    responses=documented(*ONE),
    response_description="The event as it is now",
)
async def get_event(event: Event, behind: Behind) -> EventState:
    """Where an event has got to."""
    return await behind.answered(behind.client.event(event))


@router.post(
    "/{event:path}/resolve",
    dependencies=OPERATE,
    openapi_extra=accepts(Resolve),
    responses=INSTRUCTED,
    response_description="The event as it is now",
)
async def resolve_event(
    event: Event,
    answer: Annotated[Resolve, given(Resolve)],
    behind: Behind,
    key: OnceKey = None,
) -> EventState:
    """Answer the question that the event's `problem` shows, by its id: whose it is, or nobody's."""
    name = once(key, "resolve", answer)
    return await behind.answered(behind.client.resolve_event(event, answer, key=name))
