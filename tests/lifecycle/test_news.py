"""What a provider tells us unasked reaches the one invoice it is about, once."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError

from invoicing import attributes
from invoicing.errors import Rejected, Unavailable
from invoicing.identity import (
    TASK_QUEUE,
    event_id,
    workflow_id,
)
from invoicing.invoice import Invoice, Status
from invoicing.news import EventOutcome, EventState, FeedState, ResolveEvent
from invoicing.provider import Batch, Event, Subject
from invoicing.request import Goal
from tests.lifecycle.telling import Telling, an_event, polling, talkative, told
from tests.lifecycle.world import PACES, Company, World


@pytest.fixture
async def telling(shared_world: World, company: Company) -> Telling:
    return talkative(shared_world, company)


async def ended(handle: WorkflowHandle[Any, EventState]) -> EventState:
    return await asyncio.wait_for(handle.result(), 30)


async def out(company: Company) -> Invoice:
    """An invoice that waits for its payment, which looks again only when it is told to."""
    slow = PACES.payment.model_copy(
        update={"first": timedelta(minutes=1), "cap": timedelta(minutes=1)}
    )
    company.adaptor.paces = PACES.model_copy(update={"payment": slow})
    reference = await company.start(goal=Goal.PAID)
    return await company.until_waiting(reference, "payment")


# --- one event ------------------------------------------------------------------------------------


@pytest.mark.parametrize("named_by", ["number", "provider_id"])
async def test_an_event_finds_its_invoice_by_what_the_provider_calls_it(
    company: Company, telling: Telling, named_by: str
) -> None:
    invoice = await out(company)
    company.stand_in.pay(invoice.reference)
    state = await ended(await told(company, an_event(getattr(invoice, named_by))))
    assert state.outcome is EventOutcome.DELIVERED
    assert state.to == (workflow_id(invoice.reference),)
    assert (await company.finished(invoice.reference)).status is Status.PAID


async def test_an_event_finds_its_invoice_under_any_number(
    company: Company, telling: Telling
) -> None:
    """Its characters mean nothing to the list that is searched."""
    number = 'N\'1\\ "2" %_'
    request = company.request(hold=True, document={"number": number})
    await company.start(request)
    await company.until_status(request.reference, Status.HELD)
    state = await ended(await told(company, an_event(number)))
    assert (state.outcome, state.to) == (EventOutcome.DELIVERED, (workflow_id(request.reference),))


async def test_an_event_that_comes_twice_is_delivered_once(
    company: Company, telling: Telling
) -> None:
    invoice = await out(company)
    event = an_event(invoice.number)
    handles = await asyncio.gather(*(told(company, event) for _ in range(5)))
    await ended(handles[0])
    state = await ended(await told(company, event))
    assert state.outcome is EventOutcome.DELIVERED
    history = await company.client.handle(invoice.reference).fetch_history()
    signalled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    assert [each.event_type for each in history.events].count(signalled) == 1


async def test_an_event_before_its_invoice_is_known_waits_for_it(
    company: Company, telling: Telling
) -> None:
    reference = f"T-{uuid.uuid4().hex[:12]}"
    number = f"N-{uuid.uuid4().hex[:8]}"
    handle = await told(company, an_event(number))
    state = await handle.query("state", result_type=EventState)
    assert state.outcome is None
    await company.client.temporal.start_workflow(
        "InvoiceWorkflow",
        company.request(reference, hold=True, document={"number": number}),
        id=workflow_id(reference),
        task_queue=TASK_QUEUE,
    )
    company.client.started.add(reference)  # type: ignore[attr-defined]
    state = await ended(handle)
    assert (state.outcome, state.to) == (EventOutcome.DELIVERED, (workflow_id(reference),))


async def test_an_event_of_another_account_is_never_delivered_here(
    shared_world: World, company: Company, telling: Telling
) -> None:
    """Two companies may give two invoices the same number."""
    invoice = await out(company)
    async with shared_world.company() as other:
        talkative(shared_world, other)
        handle = await told(other, an_event(invoice.number), pace=1e-6)
        state = await parked(handle)
        assert state.problem is not None
        await handle.terminate("the test is over")


async def test_an_event_about_nothing_here_ends_at_once(company: Company, telling: Telling) -> None:
    state = await ended(await told(company, an_event(None)))
    assert state.outcome is EventOutcome.IRRELEVANT


async def test_an_event_that_comes_after_the_end_says_so(
    company: Company, telling: Telling
) -> None:
    invoice = await company.finished(await company.start())
    state = await ended(await told(company, an_event(invoice.number)))
    assert state.outcome is EventOutcome.LATE


async def test_an_event_for_an_invoice_that_was_cut_off_waits_for_its_successor(
    company: Company, telling: Telling
) -> None:
    """Whoever asks for the invoice again gets the same one, and it must learn what was told."""
    request = company.request(goal=Goal.PAID)
    await company.start(request)
    invoice = await company.until_waiting(request.reference, "payment")
    await company.client.handle(request.reference).terminate("the test cuts it off")
    event = an_event(invoice.number)
    handle = await told(company, event)
    await until_looked_for(handle)
    assert (await handle.query("state", result_type=EventState)).outcome is None
    await company.start(request)
    state = await ended(handle)
    assert (state.outcome, state.to) == (EventOutcome.DELIVERED, (workflow_id(request.reference),))


async def until_looked_for(handle: WorkflowHandle[Any, EventState], times: int = 2) -> None:
    """Wait until its invoice has been looked for so often in vain."""
    async with asyncio.timeout(30):
        async for each in handle.fetch_history_events(wait_new_event=True):
            times -= each.event_type == EventType.EVENT_TYPE_TIMER_STARTED
            if times == 0:
                return


async def test_the_engines_cancel_ends_an_event_that_cannot_be_read(
    company: Company, telling: Telling
) -> None:
    async def about(event: Event) -> Subject:
        raise Unavailable("not now")

    telling.about = about  # type: ignore[method-assign]
    handle = await told(company, an_event("nobody's"))
    await until_asked(handle)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failed:
        await ended(handle)
    assert isinstance(failed.value.cause, CancelledError)


async def until_asked(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until its first call is under way."""
    async with asyncio.timeout(30):
        async for each in handle.fetch_history_events(wait_new_event=True):
            if each.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                return


async def parked(handle: WorkflowHandle[Any, EventState]) -> EventState:
    async with asyncio.timeout(30):
        while True:
            state: EventState = await handle.query("state", result_type=EventState)
            if state.problem is not None:
                return state
            await asyncio.sleep(0.05)


def answer(action: str, reference: str | None = None) -> ResolveEvent:
    return ResolveEvent(by="an operator", reason="test", action=action, reference=reference)


async def test_an_event_nobody_knows_waits_for_a_person_who_can_say_whose_it_is(
    company: Company, telling: Telling
) -> None:
    invoice = await out(company)
    company.stand_in.pay(invoice.reference)
    handle = await told(company, an_event("nobody's"), pace=1e-6)
    await parked(handle)
    listed = (await handle.describe()).typed_search_attributes
    assert listed.get(attributes.STATUS) == "needs_attention"
    assert listed.get(attributes.WAITING_FOR) == "person: an event without an invoice"
    assert listed.get(attributes.WAITING_SINCE) is not None
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("resolve", answer("deliver"))
    await handle.execute_update("resolve", answer("deliver", "T-does-not-exist"))
    await parked(handle)
    await handle.execute_update("resolve", answer("deliver", invoice.reference))
    assert (await ended(handle)).outcome is EventOutcome.DELIVERED
    assert (await company.finished(invoice.reference)).status is Status.PAID
    listed = (await handle.describe()).typed_search_attributes
    assert listed.get(attributes.STATUS) == EventOutcome.DELIVERED.value
    assert listed.get(attributes.WAITING_FOR) is None
    assert listed.get(attributes.WAITING_SINCE) is None


async def test_an_event_may_be_looked_for_again_or_dropped(
    company: Company, telling: Telling
) -> None:
    handle = await told(company, an_event("nobody's"), pace=1e-6)
    await parked(handle)
    await handle.execute_update("resolve", answer("retry"))
    handle = company.client.temporal.get_workflow_handle(handle.id, result_type=EventState)
    await parked(handle)
    await handle.execute_update("resolve", answer("drop"))
    assert (await ended(handle)).outcome is EventOutcome.DROPPED


async def test_an_event_is_answered_for_once_however_many_answer(
    company: Company, telling: Telling
) -> None:
    """Whoever was told that it was carried out can rely on it."""
    handle = await told(company, an_event("nobody's"), pace=1e-6)
    await parked(handle)
    answers = (handle.execute_update("resolve", answer("drop")) for _ in range(8))
    told_of = await asyncio.gather(*answers, return_exceptions=True)
    assert [isinstance(one, Exception) for one in told_of].count(False) == 1
    assert (await ended(handle)).outcome is EventOutcome.DROPPED


# --- feeds ----------------------------------------------------------------------------------------


async def empty(telling: Telling, company: Company, within: float = 30) -> None:
    """Wait until every item was acknowledged."""
    async with asyncio.timeout(within):
        while telling.feed:  # noqa: ASYNC110 - the feed is no event source of its own
            await asyncio.sleep(0.02)


async def test_a_feed_is_fetched_until_it_is_empty_and_every_item_reaches_its_invoice(
    company: Company, telling: Telling
) -> None:
    invoice = await out(company)
    company.stand_in.pay(invoice.reference)
    events = [an_event(invoice.number), *(an_event(None) for _ in range(4))]
    telling.feed = {event.id: event for event in events}
    handle = await polling(company)
    await empty(telling, company)
    assert telling.acknowledged == [event.id for event in events]
    assert (await company.finished(invoice.reference)).status is Status.PAID
    state = await handle.query("state", result_type=FeedState)
    assert state.delivered == 5
    await handle.terminate("the test is over")


async def test_an_item_is_acknowledged_only_once_its_workflow_exists(
    company: Company, telling: Telling
) -> None:
    there: list[bool] = []
    event = an_event(None)
    handle = company.client.temporal.get_workflow_handle(
        event_id("zero_friction", company.account, event.id)
    )
    loop = asyncio.get_running_loop()
    checks: list[asyncio.Task[None]] = []

    async def look() -> None:
        there.append((await handle.describe()).id == handle.id)

    telling.before_acknowledging = lambda: checks.append(loop.create_task(look()))
    telling.feed = {event.id: event}
    poller = await polling(company)
    await empty(telling, company)
    await asyncio.gather(*checks)
    assert there == [True]
    await poller.terminate("the test is over")


async def test_a_feed_cut_off_before_it_acknowledged_delivers_nothing_twice(
    company: Company, telling: Telling
) -> None:
    """The poller is terminated between the two and begun anew: the item comes again."""
    invoice = await out(company)
    event = an_event(invoice.number)
    telling.fails = [Unavailable("not now") for _ in range(1000)]
    telling.feed = {event.id: event}
    poller = await polling(company)
    delivery = company.client.temporal.get_workflow_handle(
        event_id("zero_friction", company.account, event.id), result_type=EventState
    )
    async with asyncio.timeout(30):
        while len(telling.fails) > 998:  # noqa: ASYNC110 - see `empty`
            await asyncio.sleep(0.02)
    assert (await ended(delivery)).outcome is EventOutcome.DELIVERED
    await poller.terminate("killed between delivery and acknowledgement")
    telling.fails = []
    poller = await polling(company)
    await empty(telling, company)
    assert telling.acknowledged == [event.id]
    runs = [
        run async for run in company.client.temporal.list_workflows(f"WorkflowId = '{delivery.id}'")
    ]
    assert len(runs) == 1
    await poller.terminate("the test is over")


@pytest.mark.thorough
async def test_the_number_of_fetches_does_not_grow_with_what_waits(
    company: Company, telling: Telling
) -> None:
    """Five waiting invoices and none cost the same calls: the feed asks for all of them at once."""
    telling.feed_interval = timedelta(hours=1)
    poller = await polling(company)
    async with asyncio.timeout(30):
        while not telling.polls:  # noqa: ASYNC110 - see `empty`
            await asyncio.sleep(0.02)
    await asyncio.gather(*(out(company) for _ in range(5)))
    assert telling.polls == 1
    await poller.signal("fetch_now")
    async with asyncio.timeout(30):
        while telling.polls < 2:  # noqa: ASYNC110 - see `empty`
            await asyncio.sleep(0.02)
    assert telling.polls == 2
    await poller.terminate("the test is over")


async def test_the_engines_cancel_ends_a_feed_that_cannot_be_fetched(
    company: Company, telling: Telling
) -> None:
    async def poll() -> Batch:
        raise Unavailable("not now")

    telling.poll = poll  # type: ignore[method-assign]
    poller = await polling(company)
    await until_asked(poller)
    await poller.cancel()
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(poller.result(), 30)
    assert isinstance(failed.value.cause, CancelledError)


async def test_a_feed_in_trouble_is_listed_as_long_as_it_is(
    company: Company, telling: Telling
) -> None:
    event = an_event(None)
    telling.fails = [Rejected("not like this")]
    telling.feed = {event.id: event}
    poller = await polling(company)

    async def listed_as(wanted: str | None) -> None:
        async with asyncio.timeout(30):
            while True:
                listed = (await poller.describe()).typed_search_attributes
                if listed.get(attributes.STATUS) == wanted:
                    assert (listed.get(attributes.WAITING_SINCE) is None) is (wanted is None)
                    return
                await asyncio.sleep(0.05)

    await listed_as("needs_attention")
    await empty(telling, company)
    await listed_as(None)
    await poller.terminate("the test is over")
