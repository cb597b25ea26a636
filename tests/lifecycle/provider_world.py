"""An account at any provider, with a stand-in of its own.

What is different about each provider stands in `kinds`.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response

from documents import Account
from invoicing.provider import Paces, Plan, Provider
from invoicing.request import InvoiceRequest
from providers.registry import ADAPTORS
from sandbox.kit.server import StandIn, Way, serve
from sandbox.kit.wire import decoded, encoded
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.kinds.kind import Kind, Shop, _Known
from tests.lifecycle.kinds.quiddly import CONTENT
from tests.lifecycle.world import PACES, World, _Recording, _terminate


@contextlib.asynccontextmanager
async def opened(
    world: World,
    name: str,
    *,
    kind: Kind | None = None,
    paces: Paces = PACES,
    patience: float = 0.5,
    **stand_in: Any,
) -> AsyncIterator[Shop]:
    """An account at this kind of provider; `patience` is the adaptor's time-out in seconds."""
    kind, account = kind or KINDS[name], f"a{uuid.uuid4().hex[:10]}"
    provider = kind.provider or name
    async with serve(kind.stand_in(**stand_in)) as served:
        adaptor = ADAPTORS[provider]
        settings = {**kind.settings(served), "timeout": patience}
        made = _hurried(adaptor(adaptor.Settings.model_validate(settings), world.http), paces)
        world.accounts[provider][account] = made
        client = _Recording(world.client)
        known = _Known(served, kind.mark)
        shop = Shop(account, known, client, made, provider, kind)
        _forge(served, shop)
        if world.files:
            await world.files.attachments.put(Account(provider, account), CONTENT)
        async with kind.news(shop):
            try:
                yield shop
            finally:
                await _terminate(client)


def _hurried(adaptor: Provider, paces: Paces) -> Provider:
    planned = adaptor.plan

    async def plan(request: InvoiceRequest) -> Plan:
        return (await planned(request)).model_copy(update={"paces": paces})

    adaptor.plan = plan  # type: ignore[method-assign]
    return adaptor


def _forge(stand_in: StandIn, shop: Shop) -> None:
    """Let answers about an invoice pass through what `forged` says of its reference."""
    truly = stand_in._answer

    async def answered(way: Way, request: Any, body: bytes) -> Response:
        response = await truly(way, request, body)
        if way.step == shop.kind.look and response.status_code == 200:
            told = (
                response.body.tobytes() if isinstance(response.body, memoryview) else response.body
            )
            for reference, change in shop.forged.items():
                if reference.encode() in told:
                    value = decoded(told)
                    change(value)
                    return Response(encoded(value), 200, media_type="application/json")
        return response

    stand_in._answer = answered  # type: ignore[method-assign]
