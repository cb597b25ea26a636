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

from invoicing.client import Failed, Refused
from invoicing.provider import Search, Stage, Target
from invoicing.request import OrderRequest
from invoicing.state.invoice import Cancel, LineStatus, Problem, Resolve, Status
from invoicing.state.order import (
    CancelLines,
    Deliver,
    Order,
    OrderBrief,
    OrderStatus,
    invoice_reference,
)
from invoicing.state.questions import Answer, Reason
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step, Told
from tests.examples import a_document, a_line, delivered
from tests.lifecycle.world import Company
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow
from workflows.invoice import story
from workflows.invoice.life import Life, tell_order

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
    await company.client.orders.start(order)
    return order.reference


async def until(
    company: Company, reference: str, sure: Callable[[Order], bool], within: float = LONG_ENOUGH
) -> Order:
    async with asyncio.timeout(within):
        while not sure(order := await company.client.orders.state(reference)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return order


async def finished(company: Company, reference: str) -> Order:
    return await asyncio.wait_for(company.client.orders.result(reference), LONG_ENOUGH)


async def asked(company: Company, reference: str) -> Problem:
    """The question that the order asks."""
    order = await until(company, reference, lambda order: order.problem is not None)
    assert order.problem is not None
    return order.problem


def an_answer(question: str, answer: Answer, **more: Any) -> Resolve:
    said = {"by": "an operator", "reason": "looked", "question": question, "answer": answer}
    return Resolve.model_validate({**said, **more})


async def resolve(company: Company, reference: str, answer: Answer, **more: Any) -> OrderBrief:
    """Answer the question that the order asks, as its operator who has just read it."""
    problem = await asked(company, reference)
    return await company.client.orders.resolve(
        reference, an_answer(problem.question, answer, **more)
    )


def statuses(order: Order) -> dict[str, str]:
    return {line.id: line.status for line in order.ledger.lines}


async def test_partial_deliveries_a_cancelled_remainder_and_a_failed_one_add_up(
    company: Company,
) -> None:
    """Three deliveries, one that fails and is made again, and what is never delivered."""
    reference = await begun(company, "1", "2", "3", "4", "5")
    client = company.client
    await client.orders.deliver(reference, a_delivery("A", "1"))
    await client.orders.deliver(reference, a_delivery("B", "2", "3"))
    # Refused at once: no such option. Its line comes free again.
    await client.orders.deliver(reference, a_delivery("C", "4", options={"no_such": 1}))
    order = await until(company, reference, lambda order: statuses(order)["4"] == "open")
    assert order.deliveries[-1].status is Status.REJECTED
    with pytest.raises(Refused, match=r"is reserved by|is invoiced by"):
        await client.orders.deliver(reference, a_delivery("D", "4", "1"))
    await client.orders.deliver(reference, a_delivery("D", "4"))
    await client.orders.cancel_lines(reference, a_cancellation("X", "5"))
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


@detail
async def test_the_same_delivery_asked_for_again_is_one_delivery(company: Company) -> None:
    reference = await begun(company, "1", "2")
    client, wanted = company.client, a_delivery("A", "1")
    await asyncio.gather(*(client.orders.deliver(reference, wanted) for _ in range(5)))
    with pytest.raises(Refused, match="already asked for with other content"):
        await client.orders.deliver(reference, a_delivery("A", "2"))
    cancellation = a_cancellation("X", "2")
    await asyncio.gather(*(client.orders.cancel_lines(reference, cancellation) for _ in range(3)))
    order = await finished(company, reference)
    assert len(order.deliveries) == len(order.cancellations) == 1
    assert company.effects(invoice_reference(reference, "A")) == SENT
    with pytest.raises(Refused, match="it has ended"):
        await client.orders.deliver(reference, a_delivery("B", "2"))


@detail
async def test_an_order_asked_for_again_is_the_same_order(company: Company) -> None:
    order = an_order(company, "1")
    first = await company.client.orders.start(order)
    again = await company.client.orders.start(order)
    assert first.id == again.id
    await company.client.orders.deliver(order.reference, a_delivery("A", "1"))
    await finished(company, order.reference)
    await company.client.orders.start(order)
    assert company.effects(invoice_reference(order.reference, "A")) == SENT


@detail
async def test_a_rejected_order_may_be_asked_for_again(company: Company) -> None:
    """Nothing was asked of the provider, so its reference is not lost to the mistake."""
    order = an_order(company, "1", account="nobodys")
    await company.client.orders.start(order)
    with pytest.raises(Failed, match="account 'nobodys' is not configured"):
        await finished(company, order.reference)
    await company.client.orders.start(order.model_copy(update={"account": company.account}))
    await company.client.orders.deliver(order.reference, a_delivery("A", "1"))
    assert (await finished(company, order.reference)).status is OrderStatus.COMPLETED
    assert company.effects(invoice_reference(order.reference, "A")) == SENT


@detail
async def test_a_line_is_invoiced_from_the_moment_its_invoice_is_final(company: Company) -> None:
    """And settled when it is paid; the order lasts as long as its invoices."""
    reference = await begun(company, "1", goal="paid")
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    order = await until(company, reference, lambda order: statuses(order)["1"] == "invoiced")
    assert order.deliveries[0].number
    assert order.status is OrderStatus.OPEN
    invoice = invoice_reference(reference, "A")
    await company.until(invoice, lambda state: state.stage == "sent")
    company.stand_in.pay(invoice)
    await company.tell(invoice)
    assert statuses(await finished(company, reference)) == {"1": LineStatus.SETTLED}


@detail
async def test_a_correction_keeps_to_the_lines_of_its_delivery(company: Company) -> None:
    """One left out would count as invoiced, one added could be invoiced twice."""
    reference = await begun(company, "1", "2", "3")
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    await company.client.orders.deliver(reference, a_delivery("A", "1", "2"))
    invoice = invoice_reference(reference, "A")
    await company.parked(invoice)
    for other in ("1",), ("1", "2", "3"), ("1", "3"):
        document = a_document(lines=tuple(a_line(int(each)) for each in other))
        with pytest.raises(Refused, match="no more and no less: 3 of 1, 3 of 2"):
            await company.resolve(invoice, Answer.CORRECT, document=document)
    document = a_document(lines=(a_line(2), a_line(1)))
    await company.resolve(invoice, Answer.CORRECT, document=document)
    await company.client.orders.cancel_lines(reference, a_cancellation("X", "3"))
    order = await finished(company, reference)
    assert list(statuses(order).values()) == ["invoiced", "invoiced", "cancelled"]


@slow
async def test_an_abandoned_draft_leaves_its_lines_to_a_person(company: Company) -> None:
    """Somebody may still make it final at the provider: then its lines would be on two invoices."""
    reference = await begun(company, "1")
    company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    invoice = invoice_reference(reference, "A")
    await company.parked(invoice)
    await company.resolve(invoice, Answer.ABANDON)
    problem = await asked(company, reference)
    assert problem.reason is Reason.DELIVERY_UNCLEAR
    assert problem.answers == (Answer.INVOICED, Answer.FREE, Answer.ABANDON)
    assert statuses(await company.client.orders.state(reference)) == {"1": LineStatus.RESERVED}
    with pytest.raises(Refused, match="is reserved by delivery/A"):
        await company.client.orders.deliver(reference, a_delivery("B", "1"))
    await resolve(company, reference, Answer.FREE)
    await company.client.orders.deliver(reference, a_delivery("B", "1"))
    order = await finished(company, reference)
    assert order.ledger.lines[0].holder == "delivery/B"
    assert company.effects(invoice_reference(reference, "B")) == SENT


@slow
@pytest.mark.parametrize("answer", [Answer.FREE, Answer.INVOICED])
async def test_a_deliverys_abandoned_invoice_is_never_begun_beside_its_order(
    company: Company, answer: Answer
) -> None:
    """Its lines are the order's: begun again, the draft would be adopted, approved and sent, and
    the lines delivered anew would be on two invoices."""
    order = an_order(company, "1")
    reference, client = order.reference, company.client
    await client.orders.start(order)
    company.stand_in.faults.place(Step.APPROVE, Told.SUCCESS_FALSE)
    wanted = a_delivery("A", "1")
    await client.orders.deliver(reference, wanted)
    invoice = invoice_reference(reference, "A")
    await company.parked(invoice)
    await company.resolve(invoice, Answer.ABANDON)
    left = await company.finished(invoice)
    assert (left.status, left.stage) == (Status.ABANDONED, Stage.DRAFTED)

    async def begin_it_again() -> None:
        with pytest.raises(Refused, match=f"it belongs to order/{reference}: only that begins it"):
            await client.invoices.start(delivered(order, wanted))

    await begin_it_again()
    await resolve(company, reference, answer)
    if answer is Answer.FREE:
        await begin_it_again()
        await client.orders.deliver(reference, a_delivery("B", "1"))
        await client.orders.deliver(reference, wanted)
    await finished(company, reference)
    await begin_it_again()
    assert company.effects(invoice) == ["created"]
    assert await company.finished(invoice) == left


@detail
async def test_an_invoice_abandoned_with_nothing_at_the_provider_gives_its_lines_back(
    company: Company,
) -> None:
    reference = await begun(company, "1")
    await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))
    invoice = invoice_reference(reference, "A")
    await company.until_status(invoice, Status.HELD)
    company.stand_in.forget()
    await company.release(invoice)
    assert (await company.parked(invoice)).problem.reason is Reason.GONE  # type: ignore[union-attr]
    await company.resolve(invoice, Answer.ABANDON)
    await until(company, reference, lambda order: statuses(order)["1"] == "open")
    await company.client.orders.deliver(reference, a_delivery("B", "1"))
    order = await finished(company, reference)
    assert order.ledger.lines[0].holder == "delivery/B"
    assert company.effects(invoice_reference(reference, "B")) == SENT


@detail
async def test_an_invoice_abandoned_in_doubt_does_not_give_its_lines_back(
    company: Company,
) -> None:
    """It may have been made all the same: whoever abandons it says what they saw of it."""
    see = company.adaptor.find

    async def find(target: Target) -> Search:
        whole = company.stand_in.calls.count(Step.CREATE) == 0
        return (await see(target)).model_copy(update={"complete": whole})

    company.adaptor.find = find  # type: ignore[method-assign]
    reference = await begun(company, "1")
    company.stand_in.faults.place(Step.CREATE, Fault.RESET)
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    invoice = invoice_reference(reference, "A")
    await company.parked(invoice)
    await company.resolve(invoice, Answer.ABANDON)
    assert (await asked(company, reference)).reason is Reason.DELIVERY_UNCLEAR
    assert (await company.finished(invoice)).in_doubt
    company.adaptor.find = see  # type: ignore[method-assign]
    await resolve(company, reference, Answer.FREE)
    await company.client.orders.deliver(reference, a_delivery("B", "1"))
    assert (await finished(company, reference)).ledger.lines[0].holder == "delivery/B"


@detail
async def test_an_invoice_that_was_cut_off_leaves_its_lines_to_a_person(company: Company) -> None:
    """Whether it became an invoice cannot be known here: its lines are not given away."""
    reference = await begun(company, "1", "2")
    gate = company.stand_in.faults.place(Step.CREATE, Fault.GATE)
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    await gate.reached(within=LONG_ENOUGH)
    invoice = invoice_reference(reference, "A")
    await company.client.invoices.handle(invoice).terminate("the test cuts it off")
    problem = await asked(company, reference)
    assert statuses(await company.client.orders.state(reference))["1"] == LineStatus.RESERVED
    assert problem.reason is Reason.DELIVERY_UNCLEAR
    assert "delivery A" in problem.what
    gate.release()
    with pytest.raises(Refused, match="retry is no answer to q1: invoiced, free, abandon"):
        await resolve(company, reference, Answer.RETRY)
    await resolve(company, reference, Answer.INVOICED, number="N-1")
    await company.client.orders.cancel_lines(reference, a_cancellation("X", "2"))
    order = await finished(company, reference)
    line = order.ledger.lines[0]
    assert (line.status, line.number) == (LineStatus.INVOICED, "N-1")


@detail
async def test_an_answer_to_one_delivery_is_never_taken_for_another(company: Company) -> None:
    """Two people answer the same question: the second answer would free another delivery's line,
    which is on an invoice."""
    reference = await begun(company, "1", "2")
    for name, line in ("A", "1"), ("B", "2"):
        await company.client.orders.deliver(reference, a_delivery(name, line, hold=True))
    for name in "AB":
        invoice = invoice_reference(reference, name)
        await company.until_status(invoice, Status.HELD)
        await company.client.invoices.handle(invoice).terminate("the test cuts it off")
    first = await asked(company, reference)
    about = first.what.removeprefix("delivery ")[0]
    free = an_answer(first.question, Answer.FREE)
    await company.client.orders.resolve(reference, free)
    second = await until(
        company,
        reference,
        lambda order: order.problem is not None and order.problem.question != first.question,
    )
    with pytest.raises(Refused, match=r"q1 is not the question that is open now\. That is q2"):
        await company.client.orders.resolve(reference, free)
    held = {"1": LineStatus.RESERVED, "2": LineStatus.RESERVED}
    freed = {"A": "1", "B": "2"}[about]
    assert statuses(second) == {**held, freed: LineStatus.OPEN}
    await resolve(company, reference, Answer.ABANDON)
    assert (await finished(company, reference)).status is OrderStatus.ABANDONED


@slow
async def test_a_reference_that_stands_for_an_invoice_is_not_invoiced_again(
    company: Company,
) -> None:
    """Also when that invoice has ended; whether it is this delivery's, only a person knows."""
    reference = await begun(company, "1")
    invoice = invoice_reference(reference, "A")
    await company.start(company.request(invoice))
    before = await company.finished(invoice)
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    problem = await asked(company, reference)
    assert "already stands for an invoice" in problem.what
    assert await company.finished(invoice) == before
    assert company.effects(invoice) == SENT
    await resolve(company, reference, Answer.FREE)
    await company.client.orders.deliver(reference, a_delivery("B", "1"))
    assert statuses(await finished(company, reference)) == {"1": LineStatus.INVOICED}


async def test_a_cancellation_may_have_any_name_when_the_order_is_cancelled(
    company: Company,
) -> None:
    """The order's own cancellation of what is left does not hide behind that of a caller."""
    reference = await begun(company, "1", "2")
    await company.client.orders.cancel_lines(reference, a_cancellation("rest-2", "1"))
    await company.client.orders.cancel(reference, Cancel(by="an operator", reason="test"))
    order = await finished(company, reference)
    assert statuses(order) == dict.fromkeys("12", LineStatus.CANCELLED)
    assert len(order.cancellations) == 2


@detail
async def test_a_cancelled_order_takes_everything_back(company: Company) -> None:
    """What is open is cancelled, a held draft deleted, a final invoice credited."""
    reference = await begun(company, "1", "2", "3", goal="paid")
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    await company.client.orders.deliver(reference, a_delivery("B", "2", hold=True))
    final, held = (invoice_reference(reference, name) for name in "AB")
    await company.until(final, lambda state: state.stage == "sent")
    await company.until_status(held, Status.HELD)
    await company.client.orders.cancel(reference, Cancel(by="an operator", reason="test"))
    with pytest.raises(Refused, match=r"is being taken back|it has ended"):
        await company.client.orders.deliver(reference, a_delivery("C", "3"))
    order = await finished(company, reference)
    assert company.effects(final) == [*SENT, "credited"]
    assert company.effects(held) == ["created", "deleted"]
    credited, cancelled = LineStatus.CREDITED, LineStatus.CANCELLED
    assert statuses(order) == {"1": credited, "2": cancelled, "3": cancelled}


@detail
async def test_a_cancel_that_comes_as_an_invoice_ends_changes_nothing_of_its_end(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order is told all the same, though the last signal to it is held back until then."""

    async def late(life: Life) -> None:
        await workflow.wait_condition(lambda: workflow.cancellation_reason() is not None)
        await tell_order(life)

    monkeypatch.setattr(story, "tell_order", late)
    reference = await begun(company, "1")
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    invoice = invoice_reference(reference, "A")
    await company.until(invoice, lambda state: state.ended)
    await company.client.invoices.handle(invoice).cancel()
    (delivery,) = (await finished(company, reference)).deliveries
    assert (delivery.status, delivery.ended) == (Status.SENT, True)
    await company.finished(invoice)
    await asyncio.wait_for(company.client.invoices.handle(invoice).result(), LONG_ENOUGH)
    closed = await company.client.invoices.handle(invoice).describe()
    assert closed.status is WorkflowExecutionStatus.COMPLETED


@detail
async def test_the_engines_cancel_takes_an_order_back_too(company: Company) -> None:
    reference = await begun(company, "1", "2")
    await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))
    held = invoice_reference(reference, "A")
    await company.until_status(held, Status.HELD)
    await company.client.orders.handle(reference).cancel()
    order = await finished(company, reference)
    assert order.ended
    assert company.effects(held) == ["created", "deleted"]
    assert set(statuses(order).values()) == {LineStatus.CANCELLED}


async def test_a_request_the_order_cannot_make_is_refused_in_a_sentence(company: Company) -> None:
    reference = await begun(company, "1")
    wanted = a_delivery("A", "1", due_date=date(2026, 6, 1))
    with pytest.raises(Refused, match="due_date"):
        await company.client.orders.deliver(reference, wanted)
    await company.client.orders.cancel_lines(reference, a_cancellation("X", "1"))
    await finished(company, reference)


# --- by signal ------------------------------------------------------------------------------------


async def signalled(company: Company, reference: str, name: str, *said: object) -> None:
    await company.client.orders.handle(reference).signal(name, args=said)


async def noted(company: Company, reference: str, *what: str) -> list[str]:
    """Wait until the order's journal has an entry with each of these; all its entries."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            journal = await company.client.orders.journal(reference)
            entries = [entry.what for entry in journal.entries]
            if all(any(one in entry for entry in entries) for one in what):
                return entries
            await asyncio.sleep(0.05)


@detail
async def test_lines_are_delivered_and_cancelled_by_signal_too(company: Company) -> None:
    reference = await begun(company, "1", "2")
    await signalled(company, reference, "deliver", a_delivery("A", "1"))
    await signalled(company, reference, "deliver", a_delivery("A", "1"))
    await signalled(company, reference, "cancel_lines", a_cancellation("X", "2"))
    await signalled(company, reference, "cancel_lines", a_cancellation("X", "2"))
    order = await finished(company, reference)
    assert statuses(order) == {"1": LineStatus.INVOICED, "2": LineStatus.CANCELLED}
    assert company.effects(invoice_reference(reference, "A")) == SENT
    entries = await noted(company, reference, "ended")
    assert len([one for one in entries if "asked for" in one]) == 2


@detail
async def test_an_order_is_cancelled_by_signal_too(company: Company) -> None:
    reference = await begun(company, "1", "2")
    await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))
    held = invoice_reference(reference, "A")
    await company.until_status(held, Status.HELD)
    await signalled(company, reference, "cancel", Cancel(by="an operator", reason="test"))
    order = await finished(company, reference)
    assert company.effects(held) == ["created", "deleted"]
    assert statuses(order) == dict.fromkeys("12", LineStatus.CANCELLED)


@detail
async def test_a_question_of_an_order_is_answered_by_signal_too(company: Company) -> None:
    reference = await begun(company, "1")
    await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))
    invoice = invoice_reference(reference, "A")
    await company.until_status(invoice, Status.HELD)
    await company.client.invoices.handle(invoice).terminate("the test cuts it off")
    question = (await asked(company, reference)).question
    stale = an_answer("q0", Answer.FREE)
    await signalled(company, reference, "resolve", stale)
    await noted(company, reference, "refused: resolve: q0 is not the question that is open now")
    answer = an_answer(question, Answer.INVOICED, number="N-1")
    await signalled(company, reference, "resolve", answer)
    line = (await finished(company, reference)).ledger.lines[0]
    assert (line.status, line.number) == (LineStatus.INVOICED, "N-1")


@slow
async def test_a_signal_that_an_order_cannot_carry_out_is_journalled_and_harms_nothing(
    company: Company,
) -> None:
    """A signal has nobody to answer, and one that failed the task would stop the order for ever."""
    reference = await begun(company, "1")
    await signalled(company, reference, "deliver", a_delivery("A", "7"))
    await signalled(company, reference, "deliver", {"delivery": "B"})
    await signalled(company, reference, "cancel_lines", "no such thing")
    await signalled(company, reference, "cancel", {"by": "secret-name"})
    await signalled(company, reference, "resolve")
    entries = await noted(
        company,
        reference,
        "refused: deliver: lines[0]: is no line of this order",
        "refused: deliver: ",
        "refused: cancel_lines: ",
        "refused: cancel: ",
        "refused: resolve: it came without its input",
    )
    assert len([one for one in entries if one.startswith("refused: ")]) == 5
    assert "secret-name" not in "".join(entries)
    assert statuses(await company.client.orders.state(reference)) == {"1": LineStatus.OPEN}
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    assert (await finished(company, reference)).status is OrderStatus.COMPLETED
