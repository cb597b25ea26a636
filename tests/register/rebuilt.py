"""A Temporal that is thrown away whole, and a new one in its place, while register, providers and
what they know stay."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from invoicing.client import InvoicingClient
from invoicing.request import InvoiceRequest
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, workflow_id
from register import Books
from temporal_server import local_server
from tests.lifecycle.kinds.kind import Shop
from tests.lifecycle.reconciled import opened
from tests.lifecycle.world import Company, World, world


class Drill:
    """One register, and a server after the other."""

    def __init__(self, books: Books, http: httpx.AsyncClient) -> None:
        self.books = books
        self._http = http
        self._companies: list[tuple[str, Company]] = []

    @contextlib.asynccontextmanager
    async def server(self) -> AsyncIterator[World]:
        """A Temporal that knows nothing; the companies of the one before are here again."""
        async with (
            local_server(own=True) as running,
            world(running, register=self.books) as here,
        ):
            here.http = self._http
            for provider, company in self._companies:
                here.accounts[provider][company.account] = company.adaptor
                company.moves_to(here)
            try:
                yield here
            finally:
                for _, company in self._companies:
                    company.forget()

    @contextlib.asynccontextmanager
    async def company(self, here: World, **how: Any) -> AsyncIterator[Company]:
        """A company that outlives its first server."""
        async with here.company(**how) as made:
            self._companies.append(("zero_friction", made))
            yield made

    @contextlib.asynccontextmanager
    async def shop(self, here: World, name: str) -> AsyncIterator[Shop]:
        """An account at any provider that outlives its first server."""
        async with opened(here, name) as made:
            self._companies.append((made.provider, made))
            yield made


async def refused_plainly(client: InvoicingClient, request: InvoiceRequest) -> str:
    """Why it is, asked for by a plain SDK after the first one has ended."""
    handle = await client.temporal.start_workflow(
        WORKFLOW, request, id=workflow_id(request.reference), task_queue=TASK_QUEUE
    )
    with pytest.raises(WorkflowFailureError) as error:
        await handle.result()
    cause = error.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "Rejected"
    return f"{cause.message} {cause.details}"
