"""What is too large is refused at every door, with a sentence and before anything has happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from invoicing.client import InvoicingClient
from invoicing.errors import NotFound, TooLarge
from invoicing.provider import Event
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state import bounds
from invoicing.state.bounds import stored
from invoicing.state.invoice import Resolve, Status
from invoicing.state.order import Deliver
from invoicing.state.questions import Answer
from invoicing.values import MOST_LINES
from sandbox.zero_friction import Step, Told
from temporal_server import local_server
from tests.examples import a_document, a_line, an_invoice
from tests.lifecycle.world import Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow

SAYS = "as it is stored, and .* is the most; use fewer lines"


def large(size: int, reference: str = "T-large", **changes: Any) -> InvoiceRequest:
    """A request that takes a little more than so many bytes."""
    return an_invoice(reference, options={"text": "x" * size}, **changes)


def an_order(size: int = 0) -> OrderRequest:
    return OrderRequest(
        reference="O-large",
        provider="zero_friction",
        document=a_document(),
        options={"text": "x" * size},
    )


def a_delivery(size: int = 0) -> Deliver:
    day = date(2026, 6, 30)
    return Deliver(delivery="D", lines=("1",), issue_date=day, options={"text": "x" * size})


async def test_a_delivery_that_is_too_large_is_not_given_to_its_order(company: Company) -> None:
    """The server itself would take it, and end the order for it."""
    with pytest.raises(TooLarge, match="this instruction is too large"):
        await company.client.orders.deliver("O-large", a_delivery(bounds.INSTRUCTION))
    with pytest.raises(NotFound):
        await company.client.orders.deliver("O-large", a_delivery())


Door = Callable[[InvoicingClient], Awaitable[Any]]
DOORS: dict[str, Door] = {
    "start": lambda client: client.invoices.start(large(bounds.REQUEST)),
    "start_and_wait": lambda client: client.invoices.start_and_wait(large(bounds.REQUEST)),
    "preview": lambda client: client.invoices.preview(large(bounds.REQUEST)),
    "start_order": lambda client: client.orders.start(an_order(bounds.ORDER)),
}


@pytest.mark.parametrize("door", DOORS)
async def test_a_request_that_is_too_large_is_refused_before_it_is_asked_for(
    door: str, company: Company
) -> None:
    with pytest.raises(TooLarge, match=SAYS):
        await DOORS[door](company.client)
    for known in (
        company.client.invoices.listed("T-large"),
        company.client.orders.listed("O-large"),
    ):
        with pytest.raises(NotFound):
            await known


async def test_an_event_that_is_too_large_is_refused_and_not_stored(company: Company) -> None:
    event = Event(id="too-large", body={"text": "x" * bounds.TOLD})
    with pytest.raises(TooLarge, match="this event is too large"):
        await company.client.events.tell("zero_friction", company.account, event)
    with pytest.raises(NotFound):
        await company.client.events.state(f"zero_friction/{company.account}/too-large")


@detail
async def test_a_correction_that_is_too_large_leaves_the_question_as_it_was(
    company: Company,
) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.SUCCESS_FALSE)
    reference = await company.start()
    before = await company.parked(reference)
    note = "x" * 900
    document = a_document(lines=tuple(a_line(n, note=note) for n in range(1, 1001)))
    answer = Resolve(by="p", reason="r", question="q1", answer=Answer.CORRECT, document=document)
    with pytest.raises(TooLarge, match="this instruction is too large"):
        await company.client.invoices.resolve(reference, answer)
    assert await company.client.invoices.state(reference) == before
    assert before.status is Status.NEEDS_ATTENTION


@detail
async def test_a_request_at_the_bound_lives_its_whole_life(company: Company) -> None:
    note = "x" * 990
    lines = tuple(a_line(n, note=note) for n in range(1, 545))
    request = company.request(document={"lines": lines}, options={})
    assert bounds.REQUEST * 0.95 < stored(request) <= bounds.REQUEST
    await company.client.invoices.start(request)
    assert (await company.finished(request.reference)).status is Status.SENT


@slow
async def test_a_request_of_as_many_lines_as_there_may_be_lives_its_whole_life(
    shared_world: World,
) -> None:
    lines = tuple(a_line(n) for n in range(1, MOST_LINES + 1))
    async with shared_world.company(patience=30) as company:
        request = company.request(document={"lines": lines}, options={})
        await company.client.invoices.start(request)
        done = await company.finished(request.reference, within=LONG_ENOUGH)
        assert done.status is Status.SENT


@detail
async def test_a_server_that_takes_less_than_usual_is_no_riddle_either() -> None:
    limits = {"limit.blobSize.error": 20_000, "limit.blobSize.warn": 10_000}
    async with local_server(dynamic_config=limits, own=True) as server:
        client = await InvoicingClient.connect(server.address)
        event = Event(id="1", body={"text": "x" * 30_000})
        attempts: tuple[Awaitable[Any], ...] = (
            client.invoices.start(large(30_000)),
            client.invoices.preview(large(30_000)),
            client.orders.start(an_order(30_000).model_copy(update={"reference": "O-2"})),
            client.events.tell("zero_friction", "default", event),
        )
        for attempt in attempts:
            with pytest.raises(TooLarge, match="more than the Temporal server takes at once"):
                await asyncio.wait_for(attempt, LONG_ENOUGH)


def test_the_json_of_a_request_may_be_larger_than_what_is_stored() -> None:
    """Only what is stored counts: empty fields that were typed do not."""
    request = an_invoice("T-1")
    assert len(json.dumps(request.model_dump(mode="json"))) > 1.5 * stored(request)
