"""What providers tell us: verified, stored as a workflow, and only then acknowledged."""

from __future__ import annotations

import logging
import secrets
from datetime import UTC, datetime
from ipaddress import ip_address

from fastapi import APIRouter, Request
from pydantic import SecretStr, ValidationError

from gateway.backend import Behind
from gateway.inputs import whole_body
from gateway.problems import Kind, Trouble, documented
from invoicing.errors import Forged, Unreadable
from invoicing.model import Recorded
from invoicing.provider import Delivery, Event, Hooks
from providers.kit.webhooks import fits

log = logging.getLogger("invoicing.gateway")

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
    body = await whole_body(request, behind.settings)
    hooks = behind.hooks.get(provider, {}).get(account)
    if hooks is None:
        # As much work as for one that exists.
        fits(body, ["0" * 64], [_NOBODYS])
        raise Trouble(Kind.NOT_FOUND)
    delivery = Delivery(
        headers=_headers(request),
        body=body,
        source=_source(request, behind.settings.trusted_proxies),
        received=datetime.now(UTC),
    )
    events = _events(hooks, delivery, f"{provider}/{account}")
    for event in events:
        await behind.stored(behind.client.tell(provider, account, event))
    return Received(events=len(events))


_NOBODYS = SecretStr(secrets.token_hex())


def _events(hooks: Hooks, delivery: Delivery, whose: str) -> tuple[Event, ...]:
    try:
        return hooks.receive(delivery)
    except (Forged, Unreadable) as error:
        log.warning("a webhook for %s was refused: %s", whose, error)
        raise
    except (ValidationError, RecursionError):
        log.warning("a webhook for %s was refused: its event is not one", whose)
        raise Trouble(Kind.UNREADABLE) from None


def _headers(request: Request) -> dict[str, str]:
    headers = request.headers
    return {name: ", ".join(headers.getlist(name)) for name in headers}


def _source(request: Request, proxies: int) -> str:
    """The sender's address: who opened the connection, or whom the outermost proxy of ours saw.

    Each proxy adds who called it at the end; what stands before the last `proxies` entries was
    written by the sender and proves nothing. Empty where the proxies cannot have been passed.
    """
    if not proxies:
        return request.client.host if request.client else ""
    seen = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
    return _address(seen[-proxies].strip()) if len(seen) >= proxies else ""


def _address(written: str) -> str:
    """Without the port that some proxies add; empty if it is none."""
    host = written[1:].partition("]")[0] if written.startswith("[") else written
    host = host.partition(":")[0] if host.count(":") == 1 else host
    try:
        return str(ip_address(host))
    except ValueError:
        return ""
