"""Orders by quantity on a real server: every unit of a line is invoiced or cancelled, once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest

from invoicing.client import Refused
from invoicing.credits.amend import Amend, AmendStatus
from invoicing.document import Adjustment, Line
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.state.invoice import Cancel, Release, Status
from invoicing.state.order import (
    AddLines,
    CancelLines,
    Deliver,
    Order,
    OrderStatus,
    invoice_reference,
)
from invoicing.state.questions import Answer
from temporal_server import Server
from tests.examples import a_document, a_line
from tests.lifecycle.bookkeeper import NAME
from tests.lifecycle.office import Office, office_at, units
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

TENTH = Adjustment(percent=Decimal(10), reason="Volume")
TEN = a_line(1, quantity=Decimal(10), unit_price=Decimal("33.33"), allowances=(TENTH,))
"""333.30 less 33.33: 299.97, of which a tenth is not a whole number of cents."""


@pytest.fixture(scope="module")
async def office(server: Server) -> AsyncIterator[Office]:
    async with office_at(server) as made:
        yield made


def a_delivery(name: str, *lines: str, **changes: Any) -> Deliver:
    day = a_document().issue_date
    return Deliver(**{"delivery": name, "lines": lines, "issue_date": day, **changes})


def of(quantity: str, line: str = "1") -> dict[str, Any]:
    """So many units of a line, alone."""
    return {"lines": (line,), "quantities": {line: quantity}}


def a_cancellation(name: str, **what: Any) -> CancelLines:
    given = {"cancellation": name, "by": "an operator", "reason": "not in stock", **what}
    return CancelLines.model_validate(given)


async def begun(office: Office, *lines: Line) -> str:
    order = OrderRequest(
        reference=f"O-{uuid.uuid4().hex[:12]}",
        provider=NAME,
        document=a_document(lines=lines or (TEN,)),
    )
    await office.client.orders.start(order)
    return order.reference


async def until(office: Office, reference: str, sure: Callable[[Order], bool]) -> Order:
    async with asyncio.timeout(LONG_ENOUGH):
        while not sure(order := await office.client.orders.state(reference)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return order


async def finished(office: Office, reference: str) -> Order:
    return await asyncio.wait_for(office.client.orders.result(reference), LONG_ENOUGH)


def parts(order: Order) -> list[str]:
    """Every part of every line, in words."""
    return [
        f"{line.id}: {line.units} {line.status} by {line.holder} at {line.amount}"
        for line in order.ledger.lines
    ]


def invoiced(office: Office, order: str) -> dict[str, Decimal]:
    """The units of line 1 on each final invoice of the order, at the provider."""
    return {
        kept.reference.removeprefix(f"{order}:"): line.quantity
        for kept in office.provider.kept.values()
        for line in kept.document.lines
        if kept.reference.startswith(f"{order}:") and kept.number and line.id == "1"
    }


async def test_a_line_of_ten_is_delivered_as_four_and_three_and_cancelled_as_the_rest(
    office: Office,
) -> None:
    reference = await begun(office)
    client = office.client.orders
    for name, quantity in ("A", "4"), ("B", "3"):
        state = await client.deliver(reference, a_delivery(name, **of(quantity)))
        assert state.quantities == {"1": Decimal(quantity)}
    await client.cancel_lines(reference, a_cancellation("X", lines=("1",)))
    order = await finished(office, reference)
    assert order.status is OrderStatus.COMPLETED
    assert parts(order) == [
        "1: 4 invoiced by delivery/A at 119.99",
        "1: 3 invoiced by delivery/B at 89.99",
        "1: 3 cancelled by cancellation/X at 89.99",
    ]
    assert invoiced(office, reference) == {"A": Decimal(4), "B": Decimal(3)}
    nets = [kept.sums.net for kept in office.provider.kept.values() if reference in kept.reference]
    assert nets == [Decimal("119.99"), Decimal("89.99")]


@detail
async def test_the_same_delivery_is_the_same_units_and_more_than_are_open_is_refused(
    office: Office,
) -> None:
    reference = await begun(office)
    client = office.client.orders
    asked = (client.deliver(reference, a_delivery("A", **of("4"))) for _ in range(5))
    assert {state.delivery for state in await asyncio.gather(*asked)} == {"A"}
    with pytest.raises(Refused, match="already asked for with other content"):
        await client.deliver(reference, a_delivery("A", **of("5")))
    with pytest.raises(Refused, match=r"lines\[0\]: has 6 open, and 7 are asked for"):
        await client.deliver(reference, a_delivery("B", **of("7")))
    with pytest.raises(Refused, match="has 6 open, and 7 are asked for"):
        await client.cancel_lines(reference, a_cancellation("X", **of("7")))
    handle = client.handle(reference)
    await handle.signal("deliver", a_delivery("B", **of("2.5")))
    await handle.signal("cancel_lines", a_cancellation("X", **of("0.5")))
    await client.deliver(reference, a_delivery("C", "1"))
    await finished(office, reference)
    units_of = {"A": Decimal(4), "B": Decimal("2.5"), "C": Decimal(3)}
    assert invoiced(office, reference) == units_of


@detail
async def test_deliveries_at_once_never_take_more_units_than_there_are(office: Office) -> None:
    reference = await begun(office)
    asked = (
        office.client.orders.deliver(reference, a_delivery(f"D{n}", **of("3"))) for n in range(20)
    )
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refusals = [each for each in answers if isinstance(each, Refused)]
    assert len(refusals) == 17
    assert all("has 1 open, and 3 are asked for" in str(each) for each in refusals)
    await office.client.orders.cancel_lines(reference, a_cancellation("X", lines=("1",)))
    await finished(office, reference)
    assert sum(invoiced(office, reference).values()) == 9


@detail
async def test_units_of_a_delivery_that_never_began_are_open_again(office: Office) -> None:
    reference = await begun(office)
    client = office.client.orders
    await client.deliver(reference, a_delivery("A", **of("3")))
    await client.deliver(reference, a_delivery("B", **of("4"), hold=True))
    held = invoice_reference(reference, "B")
    await office.until_invoice(held, lambda invoice: invoice.status is Status.HELD)
    await office.client.invoices.cancel(held, Cancel(by="an operator", reason="wrong"))
    order = await until(office, reference, lambda order: len(order.ledger.lines) == 2)
    assert parts(order)[1] == "1: 7 open by None at 209.98"
    await client.deliver(reference, a_delivery("C", "1"))
    order = await finished(office, reference)
    assert sum(line.amount or 0 for line in order.ledger.lines) == Decimal("299.97")


@detail
async def test_a_correction_of_a_delivery_keeps_its_quantities(office: Office) -> None:
    reference = await begun(office)
    office.provider.refuses = 1
    await office.client.orders.deliver(reference, a_delivery("A", **of("4")))
    invoice = invoice_reference(reference, "A")
    await office.until_invoice(invoice, lambda invoice: invoice.problem is not None)
    whole = a_document(lines=(TEN,))
    with pytest.raises(Refused, match="no more and no less: 4 of 1"):
        await office.resolve(invoice, Answer.CORRECT, document=whole)
    four = a_document(lines=(TEN.model_copy(update={"quantity": Decimal(4)}),))
    await office.resolve(invoice, Answer.CORRECT, document=four)
    await office.client.orders.cancel(reference, Cancel(by="an operator", reason="no more"))
    await finished(office, reference)


@detail
async def test_lines_are_added_while_the_order_is_open_and_are_its_lines_from_then_on(
    office: Office,
) -> None:
    reference = await begun(office)
    client = office.client.orders
    await client.deliver(reference, a_delivery("A", "1", hold=True))
    await office.until_invoice(
        invoice_reference(reference, "A"), lambda invoice: invoice.status is Status.HELD
    )
    more = AddLines(addition="M", lines=(a_line(2, quantity=Decimal(4)),))
    for _ in range(2):
        await client.add_lines(reference, more)
    with pytest.raises(Refused, match="already asked for with other content"):
        await client.add_lines(reference, AddLines(addition="M", lines=(a_line(3),)))
    with pytest.raises(Refused, match=r"lines\[0\]\.id: is that of a line of this order"):
        await client.add_lines(reference, AddLines(addition="N", lines=(a_line(2),)))
    await client.deliver(reference, a_delivery("B", **of("3", "2")))
    await client.handle(reference).signal("add_lines", AddLines(addition="S", lines=(a_line(3),)))
    await client.cancel_lines(reference, a_cancellation("X", lines=("2", "3")))
    await office.client.invoices.release(
        invoice_reference(reference, "A"), Release(by="an operator", reason="checked")
    )
    order = await finished(office, reference)
    assert [line.partition(" at")[0] for line in parts(order)] == [
        "1: 10 invoiced by delivery/A",
        "2: 3 invoiced by delivery/B",
        "2: 1 cancelled by cancellation/X",
        "3: 3 cancelled by cancellation/X",
    ]
    assert order.amounts is not None
    assert order.amounts.net == Decimal("299.97") + 7 * Decimal("19.99")
    with pytest.raises(Refused, match="it has ended: completed"):
        await client.add_lines(reference, AddLines(addition="Z", lines=(a_line(4),)))


@detail
async def test_an_order_that_is_taken_back_cancels_the_units_that_are_open(office: Office) -> None:
    reference = await begun(office)
    await office.client.orders.deliver(reference, a_delivery("A", **of("4")))
    await asyncio.wait_for(
        office.client.invoices.result(invoice_reference(reference, "A")), timeout=30
    )
    await office.client.orders.cancel(reference, Cancel(by="an operator", reason="no more"))
    order = await finished(office, reference)
    assert [line.partition(" at")[0] for line in parts(order)] == [
        "1: 4 invoiced by delivery/A",
        "1: 6 cancelled by cancellation/rest-1",
    ]


@detail
async def test_what_comes_back_is_credited_by_units_of_the_delivery_it_was_on(
    office: Office,
) -> None:
    reference = await begun(office)
    await office.client.orders.deliver(reference, a_delivery("A", **of("4")))
    await office.client.orders.deliver(reference, a_delivery("B", "1"))
    await finished(office, reference)
    delivery = invoice_reference(reference, "A")
    await office.client.credits.make(delivery, units("3"))
    with pytest.raises(Refused, match="2 are asked for, and 1 are left of line 1"):
        await office.client.credits.make(delivery, units("2", "C2"))
    state = await office.until(delivery, lambda state: all(one.ended for one in state.credits))
    assert state.left is not None
    assert [(line.units, line.amount) for line in state.left.lines] == [
        (Decimal(1), Decimal("30.00"))
    ]
    assert office.provider.units(delivery, "1") == 3


@detail
async def test_a_delivery_that_is_amended_leaves_the_units_of_its_order_as_they_are(
    office: Office,
) -> None:
    """Four units were invoiced, which stays so; what is invoiced instead is beside the order."""
    reference = await begun(office)
    await office.client.orders.deliver(reference, a_delivery("A", **of("4")))
    old = invoice_reference(reference, "A")
    await office.until_sent(old)
    three = InvoiceRequest(
        reference=f"{old}-A1",
        provider=NAME,
        document=a_document(lines=(TEN.model_copy(update={"quantity": Decimal(3)}),)),
    )
    said = {"by": "an operator", "reason": "one was broken"}
    wanted = Amend.model_validate({"amendment": "A1", "invoice": three, **said})
    await office.client.amendments.make(old, wanted)
    amended = await asyncio.wait_for(office.client.amendments.result(old), LONG_ENOUGH)
    assert amended.status is AmendStatus.AMENDED
    await office.client.orders.cancel_lines(reference, a_cancellation("X", lines=("1",)))
    order = await finished(office, reference)
    assert [part.split(" by ")[0] for part in parts(order)] == ["1: 4 invoiced", "1: 6 cancelled"]
    left = (await office.client.credits.state(old)).left
    assert left
    assert left.sums.gross == 0
