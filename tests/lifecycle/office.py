"""An office whose provider makes credit notes, for tests of credits."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from invoicing.books.claims import Register
from invoicing.client import InvoicingClient
from invoicing.consent import Consent
from invoicing.credits.case import Credits
from invoicing.credits.credit import Credit
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice, Resolve, Status
from invoicing.state.questions import Answer
from settings.worker import WorkerSettings
from temporal_server import Server
from tests.examples import a_document, a_line
from tests.lifecycle.bookkeeper import NAME, Bookkeeper
from tests.patience import LONG_ENOUGH
from worker import serving, workers

TEN = a_line(1, quantity=Decimal(10), unit_price=Decimal("12.50"))


class Office:
    """A client, a worker, and a provider that makes credit notes."""

    def __init__(self, client: InvoicingClient, provider: Bookkeeper) -> None:
        self.client = client
        self.provider = provider

    async def invoiced(self, **changes: Any) -> str:
        """An invoice of ten units that is sent; its reference."""
        reference = await self.started(**changes)
        await asyncio.wait_for(self.client.invoices.result(reference), LONG_ENOUGH)
        return reference

    async def started(self, **changes: Any) -> str:
        request = InvoiceRequest(
            **{
                "reference": f"C-{uuid.uuid4().hex[:12]}",
                "provider": NAME,
                "document": a_document(lines=(TEN,)),
                **changes,
            }
        )
        await self.client.invoices.start(request)
        return request.reference

    async def until(
        self, reference: str, sure: Callable[[Credits], bool], within: float = LONG_ENOUGH
    ) -> Credits:
        async with asyncio.timeout(within):
            while not sure(state := await self.client.credits.state(reference)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            return state

    async def resolve(self, reference: str, answer: Answer, **more: Any) -> Invoice:
        """Answer the question that is open, as its operator who has just read it."""
        problem = (await self.client.invoices.state(reference)).problem
        assert problem is not None, "it asks nothing"
        said = {"question": problem.question, "answer": answer, **more}
        said = {"by": "an operator", "reason": "test", **said}
        return await self.client.invoices.resolve(reference, Resolve.model_validate(said))

    async def until_sent(self, reference: str) -> Invoice:
        return await self.until_invoice(reference, lambda invoice: invoice.status is Status.SENT)

    async def until_invoice(self, reference: str, sure: Callable[[Invoice], bool]) -> Invoice:
        async with asyncio.timeout(LONG_ENOUGH):
            while not sure(state := await self.client.invoices.state(reference)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            return state


@contextlib.asynccontextmanager
async def office_at(
    server: Server,
    register: Register | None = None,
    provider: Bookkeeper | None = None,
    consents: Mapping[str, Mapping[str, Consent]] = MappingProxyType({}),
) -> AsyncIterator[Office]:
    """One whose worker is served meanwhile; at a provider that was there before, where it is
    given."""
    client = await InvoicingClient.connect(server.address)
    provider = provider or Bookkeeper()
    setup = WorkerSettings(grace=2.0, calls=100)
    adaptors = {NAME: {"default": provider}}
    served = workers(client.temporal, adaptors, setup, register=register, consents=consents)
    async with serving(served):
        yield Office(client, provider)


def a_credit(name: str = "C1", **what: Any) -> Credit:
    given = {"credit": name, "by": "an operator", "reason": "came back", **what}
    return Credit.model_validate(given)


def units(quantity: str, name: str = "C1") -> Credit:
    return a_credit(name, lines=[{"id": "1", "quantity": quantity}])
