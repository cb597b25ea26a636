"""What providers tell us: verified, stored as a workflow, and only then acknowledged."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from pydantic import ValidationError

from gateway.backend import Behind
from gateway.house import House
from gateway.inputs import whole_body
from gateway.problems import Kind, Trouble, documented
from gateway.visits import visit_of
from invoicing.errors import Forged, Unreadable
from invoicing.model import Recorded
from invoicing.provider import Delivery

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


class Received(Recorded):
    """How many events were in it. All of them are stored, now or since an earlier delivery."""

    events: int


@router.post(
    "/{provider}/{account}",
    openapi_extra={"requestBody": {"required": True, "content": {"*/*": {"schema": {}}}}},
    responses=documented(
        Kind.UNREADABLE,
        Kind.UNAUTHENTICATED,
        Kind.NOT_FOUND,
        Kind.MISDIRECTED,
        Kind.TOO_SLOW,
        Kind.TOO_LARGE,
        Kind.INTERNAL,
        Kind.ENGINE,
        Kind.UNAVAILABLE,
    ),
    response_description="Every event in it is stored",
)
async def receive_webhook(
    provider: str, account: str, request: Request, behind: Behind
) -> Received:
    """For providers. 200 means that every event is stored; the same delivery again is no other."""
    visit, access = visit_of(request), request.app.state.access
    hooks = behind.hooks.get(provider, {}).get(account)
    if hooks is None:
        # Which accounts there are is no secret: our provider's settings name them. Reading what
        # anybody sends for one that there is not would cost more than the secret is worth.
        raise Trouble(Kind.NOT_FOUND, headers={"Connection": "close"})
    house: House = access.house
    whose = f"{provider}/{account}"
    visit.about(whose)
    body = await whole_body(request, behind.settings, house.reading_unproven)
    delivery = Delivery(
        headers=_headers(request),
        body=body,
        source=visit.address,
        received=datetime.now(UTC),
    )
    # A signature is counted over the whole body, and one body may hold thousands of events.
    try:
        events = await asyncio.to_thread(hooks.receive, delivery)
    except (Forged, Unreadable) as error:
        visit.why = str(error)
        raise
    except (ValidationError, RecursionError):
        visit.why = "its event is not one"
        raise Trouble(Kind.UNREADABLE) from None
    visit.caller, visit.webhook = f"webhook:{whose}", True
    visit.leave.append(house.enter_proven())
    for event in events:
        await behind.stored(behind.client.events.tell(provider, account, event))
    return Received(events=len(events))


def _headers(request: Request) -> dict[str, str]:
    headers = request.headers
    return {name: ", ".join(headers.getlist(name)) for name in headers}
