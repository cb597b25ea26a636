"""What a provider tells us unasked reaches the one invoice it is about, once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import CancelledError

from invoicing.errors import Rejected, Unavailable
from invoicing.provider import Batch, Event, Item, Subject
from invoicing.request import Goal
from invoicing.state import attributes
from invoicing.state.identity import (
    TASK_QUEUE,
    event_id,
    workflow_id,
)
from invoicing.state.invoice import Invoice, Problem, Resolve, Status
from invoicing.state.news import EventOutcome, EventState, FeedState
from invoicing.state.order import invoice_reference
from invoicing.state.questions import Answer, Reason
from temporal_server import local_server
from tests.lifecycle.telling import HASTE, Telling, an_event, polling, talkative, told
from tests.lifecycle.test_orders import a_delivery, begun
from tests.lifecycle.world import PACES, Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import detail, slow


@pytest.fixture
async def telling(shared_world: World, company: Company) -> Telling:
    return talkative(shared_world, company)


async def ended(handle: WorkflowHandle[Any, EventState]) -> EventState:
    return await asyncio.wait_for(handle.result(), LONG_ENOUGH)


async def out(company: Company) -> Invoice:
    """An invoice that waits for its payment, which looks again only when it is told to."""
    slow = PACES.payment.model_copy(
        update={"first": timedelta(minutes=1), "cap": timedelta(minutes=1)}
    )
    company.adaptor.paces = PACES.model_copy(update={"payment": slow})
    reference = await company.start(goal=Goal.PAID)
    return await company.until_waiting(reference, "payment")


# --- one event ------------------------------------------------------------------------------------


@slow
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


@detail
async def test_an_event_that_comes_twice_is_delivered_once(
    company: Company, telling: Telling
) -> None:
    invoice = await out(company)
    event = an_event(invoice.number)
    handles = await asyncio.gather(*(told(company, event) for _ in range(5)))
    await ended(handles[0])
    state = await ended(await told(company, event))
    assert state.outcome is EventOutcome.DELIVERED
    history = await company.client.invoices.handle(invoice.reference).fetch_history()
    signalled = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    assert [each.event_type for each in history.events].count(signalled) == 1


@detail
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
    company.client.invoices.started.add(reference)  # type: ignore[attr-defined]
    state = await ended(handle)
    assert (state.outcome, state.to) == (EventOutcome.DELIVERED, (workflow_id(reference),))


@detail
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


@detail
async def test_an_event_that_comes_after_the_end_says_so(
    company: Company, telling: Telling
) -> None:
    invoice = await company.finished(await company.start())
    state = await ended(await told(company, an_event(invoice.number)))
    assert state.outcome is EventOutcome.LATE


@detail
async def test_an_event_for_an_invoice_that_was_cut_off_waits_for_its_successor(
    company: Company, telling: Telling
) -> None:
    """Whoever asks for the invoice again gets the same one, and it must learn what was told."""
    request = company.request(goal=Goal.PAID)
    await company.start(request)
    invoice = await company.until_waiting(request.reference, "payment")
    await company.client.invoices.handle(request.reference).terminate("the test cuts it off")
    event = an_event(invoice.number)
    handle = await told(company, event)
    await until_looked_for(handle)
    assert (await handle.query("state", result_type=EventState)).outcome is None
    await company.start(request)
    state = await ended(handle)
    assert (state.outcome, state.to) == (EventOutcome.DELIVERED, (workflow_id(request.reference),))


async def until_looked_for(handle: WorkflowHandle[Any, EventState], times: int = 2) -> None:
    """Wait until its invoice has been looked for so often in vain."""
    async with asyncio.timeout(LONG_ENOUGH):
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
    async with asyncio.timeout(LONG_ENOUGH):
        async for each in handle.fetch_history_events(wait_new_event=True):
            if each.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                return


async def parked(handle: WorkflowHandle[Any, EventState]) -> EventState:
    async with asyncio.timeout(LONG_ENOUGH):
        while True:
            state: EventState = await handle.query("state", result_type=EventState)
            if state.problem is not None:
                return state
            await asyncio.sleep(0.05)


async def asked(handle: WorkflowHandle[Any, EventState]) -> Problem:
    """The question that it waits with."""
    problem = (await parked(handle)).problem
    assert problem is not None
    return problem


def answer(question: str, word: Answer, reference: str | None = None) -> Resolve:
    said = {"by": "an operator", "reason": "test", "reference": reference}
    return Resolve.model_validate({**said, "question": question, "answer": word})


@detail
async def test_an_event_nobody_knows_waits_for_a_person_who_can_say_whose_it_is(
    company: Company, telling: Telling
) -> None:
    invoice = await out(company)
    company.stand_in.pay(invoice.reference)
    handle = await told(company, an_event("nobody's"), pace=1e-6)
    first = await asked(handle)
    assert (first.reason, first.question) == (Reason.EVENT_UNPLACED, "q1")
    assert first.answers == (Answer.RETRY, Answer.DELIVER, Answer.DROP)
    listed = (await handle.describe()).typed_search_attributes
    assert listed.get(attributes.STATUS) == "needs_attention"
    assert listed.get(attributes.WAITING_FOR) == "person: event_unplaced"
    assert listed.get(attributes.WAITING_SINCE) is not None
    for unfit in (
        {"by": "an operator", "reason": "test", "question": "q1", "answer": "deliver"},
        answer("q1", Answer.ABANDON),
        answer("q2", Answer.DROP),
    ):
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("resolve", unfit)
    await handle.execute_update("resolve", answer("q1", Answer.DELIVER, "T-does-not-exist"))
    second = await asked(handle)
    assert (second.question, second.what) == (
        "q2",
        "nothing that runs, or hears of its money, has the reference that was named",
    )
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("resolve", answer("q1", Answer.DROP))
    await handle.execute_update("resolve", answer("q2", Answer.DELIVER, invoice.reference))
    assert (await ended(handle)).outcome is EventOutcome.DELIVERED
    assert (await company.finished(invoice.reference)).status is Status.PAID
    listed = (await handle.describe()).typed_search_attributes
    assert listed.get(attributes.STATUS) == EventOutcome.DELIVERED.value
    assert listed.get(attributes.WAITING_FOR) is None
    assert listed.get(attributes.WAITING_SINCE) is None


@detail
async def test_an_event_may_be_looked_for_again_or_dropped(
    company: Company, telling: Telling
) -> None:
    handle = await told(company, an_event("nobody's"), pace=1e-6)
    assert (await asked(handle)).question == "q1"
    await handle.execute_update("resolve", answer("q1", Answer.RETRY))
    handle = company.client.temporal.get_workflow_handle(handle.id, result_type=EventState)
    # Another question: what was answered before it began anew is no answer to it.
    assert (await asked(handle)).question == "q2"
    with pytest.raises(WorkflowUpdateFailedError):
        await handle.execute_update("resolve", answer("q1", Answer.DROP))
    await handle.execute_update("resolve", answer("q2", Answer.DROP))
    assert (await ended(handle)).outcome is EventOutcome.DROPPED


async def test_an_event_is_answered_for_once_however_many_answer(
    company: Company, telling: Telling
) -> None:
    """Whoever was told that it was carried out can rely on it."""
    handle = await told(company, an_event("nobody's"), pace=1e-6)
    await parked(handle)
    answers = (handle.execute_update("resolve", answer("q1", Answer.DROP)) for _ in range(8))
    told_of = await asyncio.gather(*answers, return_exceptions=True)
    assert [isinstance(one, Exception) for one in told_of].count(False) == 1
    assert (await ended(handle)).outcome is EventOutcome.DROPPED


async def test_an_event_that_nobody_knows_is_answered_for_by_signal_too(
    company: Company, telling: Telling
) -> None:
    """And a signal that does not fit, or cannot be read, harms nothing."""
    handle = await told(company, an_event("nobody's"), pace=1e-6)
    await parked(handle)
    await handle.signal("resolve", answer("q9", Answer.DROP))
    await handle.signal("resolve", "drop it")
    await handle.signal("resolve")
    assert (await asked(handle)).question == "q1"
    await handle.signal("resolve", answer("q1", Answer.DROP))
    assert (await ended(handle)).outcome is EventOutcome.DROPPED


# --- which invoice --------------------------------------------------------------------------------


@detail
async def test_an_event_that_fits_two_invoices_is_delivered_to_neither_unasked(
    company: Company, telling: Telling
) -> None:
    """Two references were given one number. One payment would count for both."""
    number = f"N-{uuid.uuid4().hex[:8]}"
    one, other = (
        company.request(hold=True, document={"number": number}, goal=Goal.PAID) for _ in range(2)
    )
    for each in one, other:
        await company.start(each)
        # The provider itself refuses the number the second time: it waits for a person.
        await company.until_status(each.reference, Status.HELD, Status.NEEDS_ATTENTION)
    handle = await told(company, an_event(number))
    problem = await asked(handle)
    assert problem.reason is Reason.EVENT_AMBIGUOUS
    listed = (await handle.describe()).typed_search_attributes
    assert listed.get(attributes.WAITING_FOR) == "person: event_ambiguous"
    assert await told_of(company, one.reference) == await told_of(company, other.reference) == []
    await handle.execute_update(
        "resolve", answer(problem.question, Answer.DELIVER, other.reference)
    )
    state = await ended(handle)
    assert (state.outcome, state.to) == (EventOutcome.DELIVERED, (workflow_id(other.reference),))
    assert await told_of(company, one.reference) == []
    assert await told_of(company, other.reference) == [state.event]


@detail
async def test_an_event_that_fits_an_ended_invoice_and_one_under_way_is_the_latters(
    company: Company, telling: Telling
) -> None:
    """Only those that still wait for news can be meant."""
    number = f"N-{uuid.uuid4().hex[:8]}"
    ended_one = company.request(hold=True, document={"number": number})
    await company.start(ended_one)
    await company.until_status(ended_one.reference, Status.HELD)
    await company.cancel(ended_one.reference)
    await company.finished(ended_one.reference)
    request = company.request(hold=True, document={"number": number})
    await company.start(request)
    await company.until_status(request.reference, Status.HELD)
    state = await ended(await told(company, an_event(number)))
    assert (state.outcome, state.to) == (EventOutcome.DELIVERED, (workflow_id(request.reference),))


@detail
async def test_an_event_that_fits_several_deliveries_of_one_order_reaches_all_of_them(
    company: Company, telling: Telling
) -> None:
    """They know among themselves what is theirs, as they do when it names their order."""
    number = f"N-{uuid.uuid4().hex[:8]}"
    order = await begun(company, "1", "2")
    invoices = [invoice_reference(order, name) for name in "AB"]
    for name, line in ("A", "1"), ("B", "2"):
        await company.client.orders.deliver(order, a_delivery(name, line, number=number, hold=True))
    for invoice in invoices:
        # The provider itself refuses the number the second time: it waits for a person.
        await company.until_status(invoice, Status.HELD, Status.NEEDS_ATTENTION)
    state = await ended(await told(company, an_event(number)))
    assert state.outcome is EventOutcome.DELIVERED
    assert set(state.to) == {workflow_id(invoice) for invoice in invoices}
    for invoice in invoices:
        assert await told_of(company, invoice) == [state.event]
    await company.client.orders.handle(order).terminate("the test is over")


async def told_of(company: Company, reference: str) -> list[str]:
    """The ids of the events that an invoice's workflow was told of."""
    history = await company.client.invoices.handle(reference).fetch_history()
    signals = [
        event.workflow_execution_signaled_event_attributes
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]
    decoded = [
        await company.client.temporal.data_converter.decode(one.input.payloads, [Event])
        for one in signals
        if one.signal_name == "provider_event"
    ]
    return [event.id for (event,) in decoded]


# --- feeds ----------------------------------------------------------------------------------------


async def empty(telling: Telling, company: Company, within: float = LONG_ENOUGH) -> None:
    """Wait until every item was acknowledged."""
    async with asyncio.timeout(within):
        while telling.feed:  # noqa: ASYNC110 - the feed is no event source of its own
            await asyncio.sleep(0.02)


@detail
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


@detail
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
    async with asyncio.timeout(LONG_ENOUGH):
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


@slow
async def test_the_number_of_fetches_does_not_grow_with_what_waits(
    company: Company, telling: Telling
) -> None:
    """Five waiting invoices and none cost the same calls: the feed asks for all of them at once."""
    telling.feed_interval = timedelta(hours=1)
    poller = await polling(company)
    async with asyncio.timeout(LONG_ENOUGH):
        while not telling.polls:  # noqa: ASYNC110 - see `empty`
            await asyncio.sleep(0.02)
    await asyncio.gather(*(out(company) for _ in range(5)))
    assert telling.polls == 1
    await poller.signal("fetch_now")
    async with asyncio.timeout(LONG_ENOUGH):
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
        await asyncio.wait_for(poller.result(), LONG_ENOUGH)
    assert isinstance(failed.value.cause, CancelledError)


@detail
async def test_a_feed_in_trouble_is_listed_as_long_as_it_is(
    company: Company, telling: Telling
) -> None:
    event = an_event(None)
    telling.fails = [Rejected("not like this")]
    telling.feed = {event.id: event}
    poller = await polling(company)

    async def listed_as(wanted: str | None) -> None:
        async with asyncio.timeout(LONG_ENOUGH):
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


# --- very many at once ----------------------------------------------------------------------------


@pytest.fixture
async def narrow() -> AsyncIterator[Company]:
    """On a server where a workflow may have few children at once, and is soon long."""
    limits = {
        "limit.numPendingChildExecutions.error": 20,
        "limit.historyCount.suggestContinueAsNew": 100,
    }
    async with (
        local_server(own=True, dynamic_config=limits) as server,
        world(server) as made,
        made.company() as company,
    ):
        talkative(made, company)
        yield company


def of(company: Company) -> Telling:
    assert isinstance(company.adaptor, Telling)
    return company.adaptor


def at_one_poll(telling: Telling, events: list[Event]) -> None:
    """Have all of them come with one poll."""
    telling.feed = {event.id: event for event in events}

    async def poll() -> Batch:
        telling.polls += 1
        oldest = telling.feed.values()
        return Batch(items=tuple(Item(event=one, receipt={"id": one.id}) for one in oldest))

    telling.poll = poll  # type: ignore[method-assign]


@slow
async def test_one_poll_may_bring_more_than_a_workflow_may_have_children(narrow: Company) -> None:
    """Events that wait for their invoice, for days or for a person, hold up no other."""
    telling = of(narrow)
    at_one_poll(telling, [an_event("nobody's") for _ in range(60)])
    everything = list(telling.feed)
    poller = await polling(narrow)
    first = (await poller.describe()).run_id
    await empty(telling, narrow, within=LONG_ENOUGH)
    # It began anew in between; what was left by then came again, and was not delivered twice.
    assert telling.acknowledged == everything
    assert telling.polls > 1
    assert (await poller.describe()).run_id != first
    state = await poller.query("state", result_type=FeedState)
    assert (state.delivered, state.trouble) == (60, "")
    for event in everything[0], everything[-1]:
        identity = event_id("zero_friction", narrow.account, event)
        handle = narrow.client.temporal.get_workflow_handle(identity, result_type=EventState)
        assert (await handle.query("state", result_type=EventState)).outcome is None


@detail
async def test_a_feed_that_was_in_trouble_goes_on_when_its_history_begins_anew(
    narrow: Company,
) -> None:
    """Its trouble was listed, and is listed no more: what is taken away does not come back."""
    telling = of(narrow)
    event = an_event(None)
    telling.fails = [Rejected("not like this")]
    telling.feed = {event.id: event}
    poller = await polling(narrow, pace=HASTE)
    await empty(telling, narrow)
    first = (await poller.describe()).run_id
    async with asyncio.timeout(LONG_ENOUGH):
        while (await poller.describe()).run_id == first:  # noqa: ASYNC110 - see `empty`
            await asyncio.sleep(0.05)
    late = an_event(None)
    telling.feed = {late.id: late}
    await empty(telling, narrow)
    assert telling.acknowledged == [event.id, late.id]


@slow
async def test_one_poll_brings_more_than_two_thousand_items(
    company: Company, telling: Telling
) -> None:
    at_one_poll(telling, [an_event(None) for _ in range(2100)])
    everything = list(telling.feed)
    poller = await polling(company)
    await empty(telling, company, within=400)
    assert telling.acknowledged == everything
    assert (await poller.query("state", result_type=FeedState)).delivered == 2100
    await poller.terminate("the test is over")
