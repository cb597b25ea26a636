"""A reference outlives Temporal: the database of Temporal is lost, worker and register are not.

Every server here is thrown away whole, and a new one takes its place: what retention does to an
invoice after months, done to all of them in a moment.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from decimal import Decimal
from typing import Any

import pytest

from invoicing.client import Failed
from invoicing.credits.credit import Requested
from invoicing.request import Goal, InvoiceRequest
from invoicing.state.identity import TASK_QUEUE, WORKFLOW, money_id, workflow_id
from invoicing.state.invoice import Status
from invoicing.state.questions import Answer
from invoicing.totals import totals
from providers.kit.http import client as http_client
from register import Books
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step
from tests.examples import a_document, a_line
from tests.lifecycle.parking import APPROVED, CREATED, DELETED, SENT
from tests.lifecycle.test_money import HEARS
from tests.lifecycle.test_orders import a_delivery, an_order
from tests.lifecycle.world import Company, World, together
from tests.patience import LONG_ENOUGH
from tests.register.postgres import on_both_when_thorough
from tests.register.rebuilt import Drill, refused_plainly
from tests.tiers import THOROUGH, detail, simulated, slow

ONCE = [CREATED, APPROVED, SENT]
MANY = 100 if THOROUGH else 10


@pytest.fixture
async def drill(books: Books) -> AsyncIterator[Drill]:
    async with http_client() as http:
        yield Drill(books, http)


async def _refused(company: Company, request: InvoiceRequest) -> str:
    await company.client.invoices.start(request)
    with pytest.raises(Failed) as error:
        await company.client.invoices.result(request.reference)
    return str(error.value)


def _other(request: InvoiceRequest) -> InvoiceRequest:
    return request.model_copy(update={"document": a_document(notes=("another",))})


@slow
async def test_the_same_request_again_is_the_same_invoice(drill: Drill) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with drill.server() as here:
            company = await _outliving(stack, drill, here)
            requests = [company.request() for _ in range(MANY)]
            await asyncio.gather(*map(company.client.invoices.start, requests))
            first = await asyncio.gather(
                *(company.finished(each.reference, 120) for each in requests)
            )
        async with drill.server():
            await asyncio.gather(*map(company.client.invoices.start, requests))
            again = await asyncio.gather(
                *(company.finished(each.reference, 120) for each in requests)
            )
            for before, after in zip(first, again, strict=True):
                assert company.effects(before.reference) == ONCE
                assert (after.status, after.number, after.provider_id) == (
                    Status.SENT,
                    before.number,
                    before.provider_id,
                )
            assert "document.notes" in await refused_plainly(company.client, _other(requests[0]))
    assert await drill.books.broken() is None


@detail
@on_both_when_thorough
async def test_the_money_of_what_an_earlier_life_has_made_is_heard_of_again(drill: Drill) -> None:
    """It moved while nobody could hear of it, and goes on moving. All of it is that life's own: its
    claim is the one that the register knows."""
    async with contextlib.AsyncExitStack() as stack:
        async with drill.server() as here:
            company = await stack.enter_async_context(drill.company(here, paces=HEARS))
            reference = await company.start()
            request = company.request(reference)
            due = (await company.finished(reference)).balance.due  # type: ignore[union-attr]
            await _ended_in_the_books(drill, reference)
        company.stand_in.pay(reference)
        async with drill.server():
            await company.start(request)
            assert (await company.finished(reference)).status is Status.SENT
            assert (await _known(drill, reference, "paid"))["paid"] == int(due * 100)
            company.stand_in.charge_back(reference)
            back = await _known(drill, reference, "sent")
            assert (back["paid"], back["returned"], back["ended"]) == (0, int(due * 100), True)
            # Asked for once more, nobody hears of it twice.
            hearing = company.client.temporal.get_workflow_handle(money_id(reference))
            first = (await hearing.describe()).run_id
            await refused_plainly(company.client, _other(request))
            await company.client.temporal.execute_workflow(
                WORKFLOW, request, id=workflow_id(reference), task_queue=TASK_QUEUE
            )
            assert (await hearing.describe()).run_id == first
    assert await drill.books.broken() is None


async def _ended_in_the_books(drill: Drill, reference: str) -> None:
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            row = await drill.books.row("invoice", reference)
            if row is not None and row["ended"]:
                return
            await asyncio.sleep(0.05)


async def _known(drill: Drill, reference: str, status: str) -> Mapping[str, Any]:
    """What the register says of it, once its status is this."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            row = await drill.books.row("invoice", reference)
            if row is not None and row["status"] == status:
                return row
            await asyncio.sleep(0.05)


# --- in the middle of everything ------------------------------------------------------------------

Second = Callable[[], Coroutine[Any, Any, None]]
First = Callable[[Company], Coroutine[Any, Any, Second]]
"""What happens before the loss; it answers what happens after it."""


async def held(company: Company) -> Second:
    request = company.request(hold=True)
    await company.start(request)
    await company.until_status(request.reference, Status.HELD)

    async def second() -> None:
        await company.start(request)
        await company.until_status(request.reference, Status.HELD)
        assert company.effects(request.reference) == [CREATED]
        await company.release(request.reference)
        assert (await company.finished(request.reference)).status is Status.SENT
        assert company.effects(request.reference) == ONCE

    return second


async def created_without_an_answer(company: Company) -> Second:
    gate = company.stand_in.faults.place(Step.CREATE, Fault.GATE, when="after")
    request = company.request()
    await company.start(request)
    await gate.reached(within=LONG_ENOUGH)

    async def second() -> None:
        gate.release()
        await company.start(request)
        assert (await company.finished(request.reference)).status is Status.SENT
        assert company.effects(request.reference) == ONCE

    return second


async def unpaid(company: Company) -> Second:
    request = company.request(goal=Goal.PAID)
    await company.start(request)
    await company.until_waiting(request.reference, "payment")

    async def second() -> None:
        await company.start(request)
        await company.until_waiting(request.reference, "payment")
        company.stand_in.pay(request.reference)
        assert (await company.finished(request.reference)).status is Status.PAID
        assert company.effects(request.reference) == [*ONCE, "paid"]

    return second


async def _corrected(company: Company, request: InvoiceRequest) -> Decimal:
    """Its options are wrong, and a person corrects them, and the price as well; what it comes to
    then."""
    await company.start(request.model_copy(update={"options": {}}))
    await company.parked(request.reference)
    dearer = a_document(lines=(a_line(1, unit_price=Decimal("29.99")),))
    await company.resolve(request.reference, Answer.CORRECT, document=dearer)
    return totals(dearer, "line").gross


async def corrected_and_unpaid(company: Company) -> Second:
    request = company.request(goal=Goal.PAID)
    gross = await _corrected(company, request)
    await company.until_waiting(request.reference, "payment")

    async def second() -> None:
        await company.start(request.model_copy(update={"options": {}}))
        state = await company.until(request.reference, lambda it: it.waiting is not None)
        await company.until_waiting(request.reference, "payment")
        assert state.problem is None
        company.stand_in.pay(request.reference)
        ended = await company.finished(request.reference)
        assert (ended.status, ended.amounts and ended.amounts.gross) == (Status.PAID, gross)
        assert company.effects(request.reference) == [*ONCE, "paid"]

    return second


async def corrected_and_ended(company: Company) -> Second:
    request = company.request()
    gross = await _corrected(company, request)
    first = await company.finished(request.reference)

    async def second() -> None:
        await company.start(request.model_copy(update={"options": {}}))
        ended = await company.finished(request.reference)
        assert (ended.number, ended.amounts) == (first.number, first.amounts)
        assert ended.amounts is not None
        assert ended.amounts.gross == gross
        # A credit of it is of what was invoiced.
        asked = await company.client.invoices.handle(request.reference).query(
            "request", result_type=Requested
        )
        assert [str(each.unit_price) for each in asked.request.document.lines] == ["29.99"]
        assert company.effects(request.reference) == ONCE

    return second


async def corrected_and_held(company: Company) -> Second:
    request = company.request(hold=True)
    await _corrected(company, request)
    await company.until_status(request.reference, Status.HELD)

    async def second() -> None:
        await company.start(request.model_copy(update={"options": {}}))
        await company.until_status(request.reference, Status.HELD)
        await company.release(request.reference)
        assert (await company.finished(request.reference)).status is Status.SENT
        # The very draft: it has what was corrected.
        assert company.effects(request.reference) == ONCE

    return second


async def unpaid_and_asked_with_other_content(company: Company) -> Second:
    request = company.request(goal=Goal.PAID)
    await company.start(request)
    await company.until_waiting(request.reference, "payment")

    async def second() -> None:
        assert "other content" in await _refused(company, _other(request))
        # Who asks as it was asked for first is still answered.
        await company.start(request)
        await company.until_waiting(request.reference, "payment")
        assert company.effects(request.reference) == ONCE

    return second


async def cancelled(company: Company) -> Second:
    request = company.request(hold=True)
    await company.start(request)
    await company.until_status(request.reference, Status.HELD)
    await company.cancel(request.reference)
    assert (await company.finished(request.reference)).status is Status.CANCELLED

    async def second() -> None:
        other = _other(request).model_copy(update={"hold": False})
        await company.start(other)
        assert (await company.finished(request.reference)).status is Status.SENT
        assert company.effects(request.reference) == [CREATED, DELETED, *ONCE]
        assert company.live(request.reference) == 1

    return second


async def being_taken_back(company: Company) -> Second:
    request = company.request(hold=True)
    await company.start(request)
    await company.until_status(request.reference, Status.HELD)
    gate = company.stand_in.faults.place(Step.DELETE, Fault.GATE, when="before")
    await company.cancel(request.reference)
    await gate.reached(within=LONG_ENOUGH)
    recorded = company.client.invoices.state(request.reference)
    assert (await recorded).status is Status.CANCELLING

    async def second() -> None:
        gate.release()
        await company.start(request)
        assert (await company.finished(request.reference)).status is Status.CANCELLED
        assert company.live(request.reference) == 0

    return second


async def an_order_that_was_open(company: Company) -> Second:
    order = an_order(company, "1", "2")
    await company.client.orders.start(order)
    await company.client.orders.deliver(order.reference, a_delivery("D1", "1"))
    name = f"{order.reference}:D1"
    await company.stand_in.ledger.reached("sent", name, within=LONG_ENOUGH)

    async def second() -> None:
        await company.client.orders.start(order)
        with pytest.raises(Failed, match="its lines may be on invoices"):
            await company.client.orders.result(order.reference)
        assert company.effects(name) == ONCE

    return second


async def an_order_that_was_completed(company: Company) -> Second:
    order = an_order(company, "1", "2")
    await company.client.orders.start(order)
    await company.client.orders.deliver(order.reference, a_delivery("D1", "1", "2"))
    await asyncio.wait_for(company.client.orders.result(order.reference), LONG_ENOUGH)
    name = f"{order.reference}:D1"

    async def second() -> None:
        await company.client.orders.start(order)
        with pytest.raises(Failed, match="it was completed before"):
            await company.client.orders.result(order.reference)
        assert company.effects(name) == ONCE
        # Its delivery is an invoice, and stands for it alone.
        assert "other content" in await _refused(company, company.request(name))
        assert company.effects(name) == ONCE

    return second


SCENARIOS: tuple[First, ...] = (
    held,
    created_without_an_answer,
    unpaid,
    corrected_and_unpaid,
    corrected_and_ended,
    corrected_and_held,
    unpaid_and_asked_with_other_content,
    cancelled,
    being_taken_back,
    an_order_that_was_open,
    an_order_that_was_completed,
)


@simulated
@on_both_when_thorough
async def test_whatever_was_under_way_is_gone_on_with_once(drill: Drill) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with drill.server() as here:
            companies = [await _outliving(stack, drill, here, patience=20) for _ in SCENARIOS]
            seconds = await asyncio.gather(
                *(first(company) for first, company in zip(SCENARIOS, companies, strict=True))
            )
            await _all_written_down(drill, companies)
        async with drill.server():
            names = [first.__name__ for first in SCENARIOS]
            later = {name: second() for name, second in zip(names, seconds, strict=True)}
            await together(later, every=True)
    assert await drill.books.broken() is None


async def _all_written_down(drill: Drill, companies: list[Company]) -> None:
    """What is shown is in the register, too: nothing holds up an invoice until it is."""
    for company in companies:
        for reference in company.started:
            status = (await company.client.invoices.state(reference)).status
            async with asyncio.timeout(LONG_ENOUGH):
                while True:
                    row = await drill.books.row("invoice", reference)
                    if row is not None and row["status"] == status:
                        break
                    if status is Status.STARTED:
                        break
                    await asyncio.sleep(0.05)


async def _outliving(
    stack: contextlib.AsyncExitStack, drill: Drill, here: World, **how: Any
) -> Company:
    """Its stand-in runs until the drill is over; its first server may be gone by then."""
    return await stack.enter_async_context(drill.company(here, **how))
