"""Orders on a real server: lines are invoiced as they are delivered, each once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus
from workflows.desk import Desk

from invoicing.client import Failed, Refused
from invoicing.invoice import Action, Cancel, LineStatus, Status
from invoicing.order import (
    CancelLines,
    Deliver,
    Order,
    OrderStatus,
    ResolveOrder,
    invoice_reference,
)
from invoicing.request import OrderRequest
from sandbox.faults import Fault
from sandbox.zero_friction import Step, Told
from tests.examples import a_document, a_line
from tests.lifecycle.world import Company

TODAY = date(2026, 6, 30)
SENT = ["created", "approved", "sent"]


def an_order(company: Company, *lines: str, **changes: Any) -> OrderRequest:
    document = a_document(lines=tuple(a_line(int(each)) for each in lines))
    return OrderRequest(
        **{
            "reference": f"O-{uuid.uuid4().hex[:12]}",
            "provider": "zero_friction",
            "account": company.account,
            "document": document,
            **changes,
        }
    )


def a_delivery(name: str, *lines: str, **changes: Any) -> Deliver:
    return Deliver(**{"delivery": name, "lines": lines, "issue_date": TODAY, **changes})


def a_cancellation(name: str, *lines: str) -> CancelLines:
    return CancelLines(cancellation=name, lines=lines, by="an operator", reason="not in stock")


async def begun(company: Company, *lines: str, **changes: Any) -> str:
    order = an_order(company, *lines, **changes)
    await company.client.start_order(order)
    return order.reference


async def until(
    company: Company, reference: str, sure: Callable[[Order], bool], within: float = 30
) -> Order:
    async with asyncio.timeout(within):
        while not sure(order := await company.client.order(reference)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return order


async def finished(company: Company, reference: str) -> Order:
    return await asyncio.wait_for(company.client.order_result(reference), 30)


def statuses(order: Order) -> dict[str, str]:
    return {line.id: line.status for line in order.ledger.lines}


async def test_partial_deliveries_a_cancelled_remainder_and_a_failed_one_add_up(
    company: Company,
) -> None:
    """Three deliveries, one that fails and is made again, and what is never delivered."""
    reference = await begun(company, "1", "2", "3", "4", "5")
    client = company.client
    await client.deliver(reference, a_delivery("A", "1"))
    await client.deliver(reference, a_delivery("B", "2", "3"))
    # Refused at once: no such option. Its line comes free again.
    await client.deliver(reference, a_delivery("C", "4", options={"no_such": 1}))
    order = await until(company, reference, lambda order: statuses(order)["4"] == "open")
    assert order.deliveries[-1].status is Status.REJECTED
    with pytest.raises(Refused, match=r"is reserved by|is invoiced by"):
        await client.deliver(reference, a_delivery("D", "4", "1"))
    await client.deliver(reference, a_delivery("D", "4"))
    await client.cancel_lines(reference, a_cancellation("X", "5"))
    order = await finished(company, reference)
    assert order.status is OrderStatus.COMPLETED
    invoiced = LineStatus.INVOICED
    assert statuses(order) == {
        **dict.fromkeys("1234", invoiced),
        "5": LineStatus.CANCELLED,
    }
    holders = {line.id: line.holder for line in order.ledger.lines}
    assert holders == {
        "1": "delivery/A",
        "2": "delivery/B",
        "3": "delivery/B",
        "4": "delivery/D",
        "5": "cancellation/X",
    }
    for name in "ABD":
        assert company.effects(invoice_reference(reference, name)) == SENT
        assert await company.violations(invoice_reference(reference, name)) == []
    assert company.effects(invoice_reference(reference, "C")) == []
    numbers = {each.delivery: each.number for each in order.deliveries}
    assert all(numbers[name] for name in "ABD")
    assert {line.number for line in order.ledger.lines if line.holder == "delivery/B"} == {
        numbers["B"]
    }


async def test_the_same_delivery_asked_for_again_is_one_delivery(company: Company) -> None:
    reference = await begun(company, "1", "2")
    client, wanted = company.client, a_delivery("A", "1")
    await asyncio.gather(*(client.deliver(reference, wanted) for _ in range(5)))
    with pytest.raises(Refused, match="already asked for with other content"):
        await client.deliver(reference, a_delivery("A", "2"))
    cancellation = a_cancellation("X", "2")
    await asyncio.gather(*(client.cancel_lines(reference, cancellation) for _ in range(3)))
    order = await finished(company, reference)
    assert len(order.deliveries) == len(order.cancellations) == 1
    assert company.effects(invoice_reference(reference, "A")) == SENT
    with pytest.raises(Refused, match="it has ended"):
        await client.deliver(reference, a_delivery("B", "2"))


async def test_an_order_asked_for_again_is_the_same_order(company: Company) -> None:
    order = an_order(company, "1")
    first = await company.client.start_order(order)
    again = await company.client.start_order(order)
    assert first.id == again.id
    await company.client.deliver(order.reference, a_delivery("A", "1"))
    await finished(company, order.reference)
    await company.client.start_order(order)
    assert company.effects(invoice_reference(order.reference, "A")) == SENT


async def test_a_rejected_order_may_be_asked_for_again(company: Company) -> None:
    """Nothing was asked of the provider, so its reference is not lost to the mistake."""
    order = an_order(company, "1", account="nobodys")
    await company.client.start_order(order)
    with pytest.raises(Failed, match="account 'nobodys' is not configured"):
        await finished(company, order.reference)
    await company.client.start_order(order.model_copy(update={"account": company.account}))
    await company.client.deliver(order.reference, a_delivery("A", "1"))
    assert (await finished(company, order.reference)).status is OrderStatus.COMPLETED
    assert company.effects(invoice_reference(order.reference, "A")) == SENT


async def test_a_line_is_invoiced_from_the_moment_its_invoice_is_final(company: Company) -> None:
    """And settled when it is paid; the order lasts as long as its invoices."""
    reference = await begun(company, "1", goal="paid")
    await company.client.deliver(reference, a_delivery("A", "1"))
    order = await until(company, reference, lambda order: statuses(order)["1"] == "invoiced")
    assert order.deliveries[0].number
    assert order.status is OrderStatus.OPEN
    invoice = invoice_reference(reference, "A")
    await company.until(invoice, lambda state: state.stage == "sent")
    company.stand_in.pay(invoice)
    await company.tell(invoice)
    assert statuses(await finished(company, reference)) == {"1": LineStatus.SETTLED}


async def test_a_correction_keeps_to_the_lines_of_its_delivery(company: Company) -> None:
    """One left out would count as invoiced, one added could be invoiced twice."""
    reference = await begun(company, "1", "2", "3")
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    await company.client.deliver(reference, a_delivery("A", "1", "2"))
    invoice = invoice_reference(reference, "A")
    await company.parked(invoice)
    for other in ("1",), ("1", "2", "3"), ("1", "3"):
        document = a_document(lines=tuple(a_line(int(each)) for each in other))
        with pytest.raises(Refused, match="delivers these lines with it, no others: 1, 2"):
            await company.resolve(invoice, Action.CORRECT, document=document)
    document = a_document(lines=(a_line(2), a_line(1)))
    await company.resolve(invoice, Action.CORRECT, document=document)
    await company.client.cancel_lines(reference, a_cancellation("X", "3"))
    order = await finished(company, reference)
    assert list(statuses(order).values()) == ["invoiced", "invoiced", "cancelled"]


async def test_an_abandoned_draft_gives_its_lines_back(company: Company) -> None:
    reference = await begun(company, "1")
    company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
    await company.client.deliver(reference, a_delivery("A", "1"))
    invoice = invoice_reference(reference, "A")
    await company.parked(invoice)
    await company.resolve(invoice, Action.ABANDON)
    await until(company, reference, lambda order: statuses(order)["1"] == "open")
    await company.client.deliver(reference, a_delivery("B", "1"))
    order = await finished(company, reference)
    assert order.ledger.lines[0].holder == "delivery/B"
    assert company.effects(invoice_reference(reference, "B")) == SENT


async def test_an_invoice_that_was_cut_off_leaves_its_lines_to_a_person(company: Company) -> None:
    """Whether it became an invoice cannot be known here: its lines are not given away."""
    reference = await begun(company, "1", "2")
    gate = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
    await company.client.deliver(reference, a_delivery("A", "1"))
    await gate.reached(within=30)
    invoice = invoice_reference(reference, "A")
    await company.client.handle(invoice).terminate("the test cuts it off")
    order = await until(company, reference, lambda order: order.problem is not None)
    assert statuses(order)["1"] == LineStatus.RESERVED
    assert order.problem is not None
    assert "delivery A" in order.problem.what
    gate.release()
    answer = ResolveOrder(by="an operator", reason="test", action="retry")
    with pytest.raises(Refused, match="retry is no answer here: invoiced, free, abandon"):
        await company.client.resolve_order(reference, answer)
    answer = ResolveOrder(by="an operator", reason="looked", action="invoiced", number="N-1")
    await company.client.resolve_order(reference, answer)
    await company.client.cancel_lines(reference, a_cancellation("X", "2"))
    order = await finished(company, reference)
    line = order.ledger.lines[0]
    assert (line.status, line.number) == (LineStatus.INVOICED, "N-1")


async def test_a_reference_that_stands_for_an_invoice_is_not_invoiced_again(
    company: Company,
) -> None:
    """Also when that invoice has ended; whether it is this delivery's, only a person knows."""
    reference = await begun(company, "1")
    invoice = invoice_reference(reference, "A")
    await company.start(company.request(invoice))
    before = await company.finished(invoice)
    await company.client.deliver(reference, a_delivery("A", "1"))
    order = await until(company, reference, lambda order: order.problem is not None)
    assert order.problem is not None
    assert "already stands for an invoice" in order.problem.what
    assert await company.finished(invoice) == before
    assert company.effects(invoice) == SENT
    answer = ResolveOrder(by="an operator", reason="looked", action="free")
    await company.client.resolve_order(reference, answer)
    await company.client.deliver(reference, a_delivery("B", "1"))
    assert statuses(await finished(company, reference)) == {"1": LineStatus.INVOICED}


async def test_a_cancellation_may_have_any_name_when_the_order_is_cancelled(
    company: Company,
) -> None:
    """The order's own cancellation of what is left does not hide behind that of a caller."""
    reference = await begun(company, "1", "2")
    await company.client.cancel_lines(reference, a_cancellation("rest-2", "1"))
    await company.client.cancel_order(reference, Cancel(by="an operator", reason="test"))
    order = await finished(company, reference)
    assert statuses(order) == dict.fromkeys("12", LineStatus.CANCELLED)
    assert len(order.cancellations) == 2


async def test_a_cancelled_order_takes_everything_back(company: Company) -> None:
    """What is open is cancelled, a held draft deleted, a final invoice credited."""
    reference = await begun(company, "1", "2", "3", goal="paid")
    await company.client.deliver(reference, a_delivery("A", "1"))
    await company.client.deliver(reference, a_delivery("B", "2", hold=True))
    final, held = (invoice_reference(reference, name) for name in "AB")
    await company.until(final, lambda state: state.stage == "sent")
    await company.until_status(held, Status.HELD)
    await company.client.cancel_order(reference, Cancel(by="an operator", reason="test"))
    with pytest.raises(Refused, match=r"is being taken back|it has ended"):
        await company.client.deliver(reference, a_delivery("C", "3"))
    order = await finished(company, reference)
    assert company.effects(final) == [*SENT, "credited"]
    assert company.effects(held) == ["created", "deleted"]
    credited, cancelled = LineStatus.CREDITED, LineStatus.CANCELLED
    assert statuses(order) == {"1": credited, "2": cancelled, "3": cancelled}


async def test_a_cancel_that_comes_as_an_invoice_ends_changes_nothing_of_its_end(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order is told all the same, though the last signal to it is held back until then."""
    telling = Desk.tell_order

    async def late(desk: Desk) -> None:
        if desk.case.outcome:
            await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)
        await telling(desk)

    monkeypatch.setattr(Desk, "tell_order", late)
    reference = await begun(company, "1")
    await company.client.deliver(reference, a_delivery("A", "1"))
    invoice = invoice_reference(reference, "A")
    await company.until(invoice, lambda state: state.ended)
    await company.client.handle(invoice).cancel()
    (delivery,) = (await finished(company, reference)).deliveries
    assert (delivery.status, delivery.ended) == (Status.SENT, True)
    closed = await company.client.handle(invoice).describe()
    assert closed.status is WorkflowExecutionStatus.COMPLETED


async def test_the_engines_cancel_takes_an_order_back_too(company: Company) -> None:
    reference = await begun(company, "1", "2")
    await company.client.deliver(reference, a_delivery("A", "1", hold=True))
    held = invoice_reference(reference, "A")
    await company.until_status(held, Status.HELD)
    await company.client.order_handle(reference).cancel()
    order = await finished(company, reference)
    assert order.ended
    assert company.effects(held) == ["created", "deleted"]
    assert set(statuses(order).values()) == {LineStatus.CANCELLED}


async def test_a_request_the_order_cannot_make_is_refused_in_a_sentence(company: Company) -> None:
    reference = await begun(company, "1")
    wanted = a_delivery("A", "1", due_date=date(2026, 6, 1))
    with pytest.raises(Refused, match="due_date"):
        await company.client.deliver(reference, wanted)
    await company.client.cancel_lines(reference, a_cancellation("X", "1"))
    await finished(company, reference)
