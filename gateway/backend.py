"""What stands behind the gateway, and how long it may take to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError

from gateway.problems import Trouble, no_worker, unavailable
from invoicing.client import InvoicingClient
from invoicing.provider import Hooks
from settings.gateway import GatewaySettings

T = TypeVar("T")


class Shared:
    """One call under way, whose outcome is everybody's who asks meanwhile."""

    def __init__(self) -> None:
        self._under_way: asyncio.Task[None] | None = None

    async def answer(self, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """What the call that is under way raises, or one that is made now."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(call())
            # Those who asked may all have left when it fails.
            self._under_way.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._under_way)


@dataclass(frozen=True)
class Backend:
    """The client, and what receives webhooks by provider and account."""

    client: InvoicingClient
    hooks: Mapping[str, Mapping[str, Hooks]]
    settings: GatewaySettings
    reaching: Shared = field(default_factory=Shared)

    async def stored(self, call: Awaitable[T]) -> T:
        """What the Temporal server answers, or that it is not available."""
        late = "the Temporal server did not answer in time"
        return await _within(self.settings.temporal_seconds, call, lambda: unavailable(late))

    async def answered(self, call: Awaitable[T]) -> T:
        """What a worker answers, or that none did."""
        return await _within(self.settings.worker_seconds, call, no_worker)

    async def reach(self) -> None:
        """Return if the Temporal server answers and lets us in. Anybody may ask that, so those who
        ask at once share one answer."""
        await self.reaching.answer(self._reach)

    async def _reach(self) -> None:
        temporal = self.client.temporal
        request = DescribeNamespaceRequest(namespace=temporal.namespace)
        patience = timedelta(seconds=self.settings.temporal_seconds)
        await self.stored(temporal.workflow_service.describe_namespace(request, timeout=patience))


async def _within(seconds: float, call: Awaitable[T], late: Callable[[], Trouble]) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await call
    # Of an update that is cancelled the SDK makes an error of its own.
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        raise late() from None


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


Behind = Annotated[Backend, Depends(_backend)]
