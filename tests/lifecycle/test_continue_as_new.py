"""An invoice that waits so long that its history begins anew, several times, forgets nothing."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import (
    WorkflowExecutionDescription,
    WorkflowFailureError,
    WorkflowHistory,
)
from temporalio.exceptions import ApplicationError

from invoicing.errors import NotFound, ReferenceInUse, Rejected
from invoicing.provider import Batch, Event, ReadCall
from invoicing.request import Goal, OrderRequest
from invoicing.state.attributes import SEARCH_ATTRIBUTES
from invoicing.state.case import Case, InvoiceInput
from invoicing.state.identity import TASK_QUEUE
from invoicing.state.invoice import LineStatus, Status
from invoicing.state.order import AddLines, CancelLines, Deliver, invoice_reference
from invoicing.state.questions import Answer, Reason
from invoicing.temporal.converter import data_converter
from sandbox.zero_friction import Step, Told
from temporal_server import local_server
from tests.examples import a_document, a_line, an_invoice
from tests.lifecycle.telling import HASTE, Telling, an_event, polling, talkative
from tests.lifecycle.test_callers import started_plainly
from tests.lifecycle.world import PACES, QUICK, Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated, slow
from tests.workflows.record import runs

pytestmark = simulated

SENT = ["created", "approved", "sent"]


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[World]:
    """A server that suggests to continue as new after a few looks already."""
    short = {"limit.historyCount.suggestContinueAsNew": 30}
    async with local_server(own=True, dynamic_config=short) as server, world(server) as made:
        yield made


@pytest.fixture
async def company(here: World) -> AsyncIterator[Company]:
    async with here.company(patience=10) as made:
        yield made


async def _continued(company: Company, reference: str, times: int) -> None:
    """Wait until it has continued as new this many times more; events keep it looking."""
    handle = company.client.invoices.handle(reference)
    seen = {(await handle.describe()).run_id}
    async with asyncio.timeout(LONG_ENOUGH):
        while len(seen) <= times:
            await company.tell(reference)
            seen.add((await handle.describe()).run_id)


def _attributes(described: WorkflowExecutionDescription) -> dict[str, object]:
    """Ours alone: the server adds its own, such as one about workflow tasks that took too long."""
    pairs = described.typed_search_attributes
    return {pair.key.name: pair.value for pair in pairs if pair.key.name in SEARCH_ATTRIBUTES}


async def test_an_invoice_keeps_everything_over_several_continuations(company: Company) -> None:
    reference = await company.start(goal=Goal.PAID)
    before = await company.until_waiting(reference, "payment")
    listed = await company.client.invoices.handle(reference).describe()
    await _continued(company, reference, 3)
    after = await company.until_waiting(reference, "payment")
    still_listed = await company.client.invoices.handle(reference).describe()
    assert _attributes(still_listed) == _attributes(listed)
    assert await still_listed.memo() == await listed.memo()
    assert before.waiting is not None
    assert after.waiting is not None
    assert after.waiting.until == before.waiting.until
    assert after.waiting.turn > before.waiting.turn
    changed = {"waiting": None}
    assert after.model_copy(update=changed) == before.model_copy(update=changed)
    entries = (await company.client.invoices.journal(reference)).entries
    assert [entry.what for entry in entries if entry.what == "draft created"] == ["draft created"]
    company.stand_in.pay(reference)
    assert (await company.finished(reference)).status is Status.PAID
    assert company.effects(reference) == [*SENT, "paid"]
    assert len(await runs(company, reference)) >= 4


@slow
async def test_a_continued_and_corrected_invoice_is_known_by_what_was_asked_for(
    company: Company,
) -> None:
    """Also where the fingerprint is the workflow's own, because its caller left none."""
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    request = company.request(goal=Goal.PAID)
    await started_plainly(company, request)
    await company.parked(request.reference)
    other = a_document(notes=("another",))
    await company.resolve(request.reference, Answer.CORRECT, document=other)
    await company.until_waiting(request.reference, "payment")
    await _continued(company, request.reference, 1)
    await company.client.invoices.start(request)
    with pytest.raises(ReferenceInUse, match=r"document\.notes"):
        await company.client.invoices.start(request.model_copy(update={"document": other}))


@slow
async def test_a_continued_invoice_can_be_credited(company: Company) -> None:
    reference = await company.start(goal=Goal.PAID)
    await company.until_waiting(reference, "payment")
    await _continued(company, reference, 2)
    await company.cancel(reference)
    assert (await company.finished(reference)).status is Status.CREDITED
    assert company.effects(reference) == [*SENT, "credited"]


@slow
async def test_a_hold_outlives_a_continuation(company: Company) -> None:
    company.stand_in.assumed.approval_delay = math.inf
    reference = await company.start()
    await company.until_waiting(reference, "approval")
    await company.hold(reference)
    await _continued(company, reference, 2)
    company.stand_in.finish(reference)
    await company.until_status(reference, Status.HELD)
    assert company.effects(reference) == ["created", "approved"]
    await company.release(reference)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference) == SENT


@slow
async def test_a_deadline_is_not_put_off_by_continuing(here: World) -> None:
    """It runs out after several continuations, and the parked invoice is resolved as any other."""
    soon = QUICK.model_copy(update={"deadline": timedelta(seconds=2)})
    async with here.company(paces=PACES.model_copy(update={"payment": soon})) as company:
        reference = await company.start(goal=Goal.PAID)
        begun = (await company.until_waiting(reference, "payment")).waiting
        parked = await company.parked(reference)
        assert begun is not None
        assert parked.problem is not None
        assert parked.problem.reason is Reason.PAYMENT_OVERDUE
        assert parked.waiting is not None
        assert begun.until is not None
        assert timedelta() <= parked.waiting.since - begun.until < timedelta(seconds=1)
        assert len(await runs(company, reference)) >= 2
        company.stand_in.pay(reference)
        await company.resolve(reference, Answer.WAIT)
        assert (await company.finished(reference)).status is Status.PAID


@slow
async def test_no_event_is_lost_between_two_runs(company: Company) -> None:
    reference = await company.start(goal=Goal.PAID)
    await company.until_waiting(reference, "payment")
    told = [f"event-{number}" for number in range(40)]
    for event in told:
        await company.tell(reference, event)
        if event.endswith("5"):
            await company.tell(reference, event)
    # The read after the one that may be under way takes the last of them along.
    await company.stand_in.arrived(Step.READ, company.stand_in.calls.count(Step.READ) + 2, 30)
    company.stand_in.pay(reference)
    await company.finished(reference)
    every_run = await runs(company, reference)
    assert len(every_run) >= 3
    passed_on = [event for history in every_run for event in await _passed_on(history)]
    assert sorted(passed_on) == sorted(told)


@slow
async def test_orders_are_taken_while_it_continues(company: Company) -> None:
    """Whoever holds and releases at the wrong moment is neither ignored nor told of an error."""
    company.stand_in.assumed.approval_delay = math.inf
    reference = await company.start()
    await company.until_waiting(reference, "approval")
    first = await company.client.invoices.handle(reference).describe()
    for _ in range(8):
        await asyncio.gather(company.tell(reference), company.hold(reference))
        await asyncio.gather(company.tell(reference), company.release(reference))
    assert (await company.client.invoices.handle(reference).describe()).run_id != first.run_id
    entries = (await company.client.invoices.journal(reference)).entries
    ordered = [entry.what for entry in entries if entry.by]
    assert ordered == ["held", "released"] * 8
    company.stand_in.finish(reference)
    assert (await company.finished(reference)).status is Status.SENT


async def test_a_request_with_an_unknown_key_fails_at_once_and_says_which(here: World) -> None:
    request = an_invoice("unknown-key").model_dump(mode="json")
    request["document"]["buyer"]["nickname"] = "somebody's secret"
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(
            here.client.temporal.execute_workflow(
                "InvoiceWorkflow", request, id="invoice/unknown-key", task_queue=TASK_QUEUE
            ),
            30,
        )
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "Rejected"
    assert "document.buyer.nickname" in str(cause)
    assert "secret" not in repr(cause) + repr(cause.details)


def _input(resumed: dict[str, Any] | None) -> dict[str, Any]:
    return {**an_invoice("carried").model_dump(mode="json"), "resumed": resumed}


def _read(value: dict[str, Any]) -> InvoiceInput:
    converter = data_converter.payload_converter
    read: list[InvoiceInput] = converter.from_payloads(
        converter.to_payloads([value]), [InvoiceInput]
    )
    return read[0]


def test_what_is_carried_over_may_have_keys_of_a_newer_version() -> None:
    """So that workers can be rolled back while invoices wait."""
    value = _input(Case(provider_id="P-1").model_dump(mode="json") | {"of_tomorrow": 1})
    value["of_tomorrow"] = value["document"]["of_tomorrow"] = {"some": "thing"}
    value["document"]["lines"][0]["of_tomorrow"] = True
    read = _read(value)
    assert read.resumed is not None
    assert read.resumed.provider_id == "P-1"
    assert read.request() == an_invoice("carried")


def test_what_is_asked_for_may_not() -> None:
    value = _input(None) | {"of_tomorrow": "private"}
    with pytest.raises(ApplicationError, match="of_tomorrow") as refused:
        _read(value)
    assert refused.value.non_retryable
    assert "private" not in repr(refused.value.details) + str(refused.value)


async def _passed_on(history: WorkflowHistory) -> list[str]:
    """The events that a run gave to its reads."""
    told: list[Event] = []
    for event in history.events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == "read":
            (call,) = await data_converter.decode(scheduled.input.payloads, [ReadCall])
            told += call.events
    return [event.id for event in told]


async def _finished_once_begun(company: Company, reference: str) -> None:
    """A run of an order that has grown long leaves it to the next one to begin the invoice."""
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            with contextlib.suppress(NotFound):
                await company.client.invoices.result(reference)
                return
            await asyncio.sleep(0.05)


@slow
async def test_an_order_keeps_its_ledger_over_continuations(company: Company) -> None:
    """Between two deliveries it begins anew; one asked for before that is still the same one, units
    that were delivered stay so, and a line that was added is still one of its lines."""
    lines = tuple(a_line(number) for number in (1, 2, 3, 4))
    reference = f"O-{company.account}"
    client = company.client
    await client.orders.start(
        OrderRequest(
            reference=reference,
            provider="zero_friction",
            account=company.account,
            document=a_document(lines=lines),
        )
    )
    day = a_document().issue_date
    first = (await client.orders.handle(reference).describe()).run_id
    some: dict[str, Decimal] = {"1": Decimal(2)}
    for name, line, units in (("A", "1", some), ("B", "2", {}), ("C", "3", {})):
        await client.orders.deliver(
            reference, Deliver(delivery=name, lines=(line,), quantities=units, issue_date=day)
        )
        await _finished_once_begun(company, invoice_reference(reference, name))
    more = AddLines(addition="M", lines=(a_line(5),))
    await client.orders.add_lines(reference, more)
    async with asyncio.timeout(LONG_ENOUGH):
        while (await client.orders.handle(reference).describe()).run_id == first:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await client.orders.add_lines(reference, more)
    again = Deliver(delivery="A", lines=("1",), quantities=some, issue_date=day)
    delivery = await client.orders.deliver(reference, again)
    assert (delivery.delivery, delivery.status) == ("A", Status.SENT)
    assert len((await client.orders.state(reference)).deliveries) == 3
    await client.orders.cancel_lines(
        reference,
        CancelLines(cancellation="X", lines=("1", "4", "5"), by="an operator", reason="test"),
    )
    order = await asyncio.wait_for(client.orders.result(reference), LONG_ENOUGH)
    invoiced, cancelled = LineStatus.INVOICED, LineStatus.CANCELLED
    assert [(line.id, line.units, line.status) for line in order.ledger.lines] == [
        ("1", Decimal(2), invoiced),
        ("1", Decimal(1), cancelled),
        ("2", Decimal(3), invoiced),
        ("3", Decimal(3), invoiced),
        ("4", Decimal(3), cancelled),
        ("5", Decimal(3), cancelled),
    ]
    for name in "ABC":
        assert company.effects(invoice_reference(reference, name)) == SENT


@slow
async def test_a_feed_that_cannot_be_fetched_for_long_does_not_outgrow_its_history(
    here: World, company: Company
) -> None:
    """Or the server would end it one day, and nobody would fetch the news from then on."""
    telling, poll = talkative(here, company), Telling.poll
    refusals = iter(range(30))

    async def refused() -> Batch:
        if next(refusals, None) is not None:
            raise Rejected("these credentials are not accepted")
        return await poll(telling)

    telling.poll = refused  # type: ignore[method-assign]
    event = an_event(None)
    telling.feed = {event.id: event}
    poller = await polling(company, pace=HASTE)
    async with asyncio.timeout(LONG_ENOUGH):
        while telling.feed:  # noqa: ASYNC110 - the feed is no event source of its own
            await asyncio.sleep(0.02)
    now = company.client.temporal.get_workflow_handle(poller.id)
    assert (await now.describe()).run_id != poller.first_execution_run_id
    await now.terminate("the test is over")
