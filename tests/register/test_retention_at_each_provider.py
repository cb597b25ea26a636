"""At each provider one reference is one invoice, also when Temporal's database has been lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice, Status
from providers.kit.http import client as http_client
from register import Books
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.reconciled import calls
from tests.register.rebuilt import Drill, refused_plainly
from tests.tiers import THOROUGH, detail, first

EVERY = sorted({"zero_friction", *(kind.provider or name for name, kind in KINDS.items())})
EACH = 20 if THOROUGH else 2
"""Invoices at each of the five: a hundred in all."""


@pytest.fixture
async def drill(books: Books) -> AsyncIterator[Drill]:
    async with http_client() as http:
        yield Drill(books, http)


def test_all_five_are_here() -> None:
    assert len(EVERY) == 5


# The register answers, so that the provider makes no difference: one is enough.
@detail
@pytest.mark.parametrize("name", first(EVERY))
async def test_the_same_request_again_is_the_same_invoice_and_asks_the_provider_nothing(
    drill: Drill, name: str
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with drill.server() as here:
            shop = await stack.enter_async_context(drill.shop(here, name))
            requests = [shop.request() for _ in range(EACH)]
            await asyncio.gather(*(shop.client.invoices.start(each) for each in requests))
            first = [await shop.finished(each.reference) for each in requests]
        effects = [shop.effects(each.reference) for each in requests]
        asked = calls(shop)
        async with drill.server():
            await asyncio.gather(*(shop.client.invoices.start(each) for each in requests))
            again = [await shop.finished(each.reference) for each in requests]
            assert "document.lines" in await refused_plainly(shop.client, _other(requests[0]))
        assert [_what(each) for each in again] == [_what(each) for each in first]
        assert [shop.effects(each.reference) for each in requests] == effects
        assert {shop.live(each.reference) for each in requests} == {1}
        assert calls(shop) == asked
    assert await drill.books.broken() is None


def _what(invoice: Invoice) -> tuple[Status, str | None, str | None]:
    # Some tell of the delivery before anybody looks whether it was sent.
    assert invoice.status in (Status.SENT, Status.DELIVERED)
    return invoice.status, invoice.number, invoice.provider_id


def _other(request: InvoiceRequest) -> InvoiceRequest:
    """With a line that is called otherwise, which every provider takes."""
    first, *rest = request.document.lines
    lines = (first.model_copy(update={"name": "Another thing"}), *rest)
    document = request.document.model_copy(update={"lines": lines})
    return request.model_copy(update={"document": document})
