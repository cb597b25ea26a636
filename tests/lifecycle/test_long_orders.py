"""An order whose history begins anew, because it lasts so long, forgets nothing and stays cheap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from invoicing.request import Goal
from invoicing.state.identity import order_id
from invoicing.state.invoice import LineStatus, Release, Status
from invoicing.state.order import invoice_reference
from invoicing.state.questions import Answer, Reason
from sandbox.zero_friction import Step, Told
from temporal_server import local_server
from tests.lifecycle.test_orders import (
    SENT,
    a_cancellation,
    a_delivery,
    an_answer,
    asked,
    begun,
    finished,
    resolve,
    statuses,
    until,
)
from tests.lifecycle.world import Company, World, world
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated
from workflows.kit import children

pytestmark = simulated

SUGGESTED = 60
"""After so many events the server suggests to continue as new."""

NEW = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
SIGNALLED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
TASKS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
)


@pytest.fixture(scope="module")
async def here() -> AsyncIterator[World]:
    short = {"limit.historyCount.suggestContinueAsNew": SUGGESTED}
    async with local_server(own=True, dynamic_config=short) as server, world(server) as made:
        yield made


@pytest.fixture
async def company(here: World) -> AsyncIterator[Company]:
    async with here.company(patience=10) as made:
        yield made


async def histories(company: Company, identity: str) -> list[list[HistoryEvent]]:
    """The history of every run of a workflow, the first one first."""
    client = company.client.temporal
    history = await client.get_workflow_handle(identity).fetch_history()
    found = [list(history.events)]
    while before := found[0][
        0
    ].workflow_execution_started_event_attributes.continued_execution_run_id:
        history = await client.get_workflow_handle(identity, run_id=before).fetch_history()
        found.insert(0, list(history.events))
    return found


async def continued(company: Company, reference: str) -> None:
    """Have the order begin its history anew, by signals that it refuses."""
    handle = company.client.orders.handle(reference)
    first = (await handle.describe()).run_id
    async with asyncio.timeout(LONG_ENOUGH):
        while (await handle.describe()).run_id == first:
            await handle.signal("resolve")


async def test_an_order_with_deliveries_under_way_begins_its_history_anew(
    company: Company,
) -> None:
    """The next run is nobody's parent; it hears of the ends of its invoices all the same."""
    reference = await begun(company, "1", "2", "3", goal="paid")
    paid, held, late = (invoice_reference(reference, name) for name in "ABC")
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    await company.client.orders.deliver(reference, a_delivery("B", "2", hold=True))
    await until(company, reference, lambda order: order.deliveries[0].status is Status.SENT)
    await company.until_status(held, Status.HELD)
    before = await company.client.orders.state(reference)
    await continued(company, reference)
    await continued(company, reference)
    after = await company.client.orders.state(reference)
    assert after.model_dump() == before.model_dump()
    await company.client.orders.deliver(reference, a_delivery("B", "2", hold=True))
    await company.client.orders.deliver(reference, a_delivery("C", "3"))
    await company.release(held)
    for invoice in paid, held, late:
        await company.until(invoice, lambda state: state.stage == "sent")
        company.stand_in.pay(invoice)
        await company.tell(invoice)
    order = await finished(company, reference)
    assert statuses(order) == dict.fromkeys("123", LineStatus.SETTLED)
    assert all(one.ended and one.number for one in order.deliveries)
    for invoice in paid, held, late:
        assert company.effects(invoice) == [*SENT, "paid"]
    assert len(await histories(company, order_id(reference))) >= 3


async def test_a_continued_order_takes_its_deliveries_back(company: Company) -> None:
    reference = await begun(company, "1", "2")
    held = invoice_reference(reference, "A")
    await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))
    await company.until_status(held, Status.HELD)
    await continued(company, reference)
    await company.client.orders.handle(reference).cancel()
    order = await finished(company, reference)
    assert statuses(order) == dict.fromkeys("12", LineStatus.CANCELLED)
    assert company.effects(held) == ["created", "deleted"]


async def test_a_continued_order_asks_about_an_invoice_that_was_cut_off_meanwhile(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody signals that end: it is looked for."""
    monkeypatch.setattr(children, "LOOKS", _looks(first=0.2, factor=2))
    reference = await begun(company, "1")
    held = invoice_reference(reference, "A")
    await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))
    await company.until_status(held, Status.HELD)
    await continued(company, reference)
    await company.client.invoices.handle(held).terminate("the test cuts it off")
    assert (await asked(company, reference)).reason is Reason.DELIVERY_UNCLEAR
    assert statuses(await company.client.orders.state(reference)) == {"1": LineStatus.RESERVED}
    await resolve(company, reference, Answer.INVOICED, number="N-1")
    assert statuses(await finished(company, reference)) == {"1": LineStatus.INVOICED}


def _looks(first: float, factor: float) -> Any:
    return children.LOOKS.model_copy(
        update={"first": timedelta(seconds=first), "factor": factor, "cap": timedelta(hours=1)}
    )


async def test_what_a_continued_order_looks_at_it_looks_at_ever_more_rarely(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when its history begins anew: a thousand deliveries would else be a thousand looks
    every few seconds, for as long as nobody pays."""
    monkeypatch.setattr(children, "LOOKS", _looks(first=0.05, factor=4))
    reference = await begun(company, "1", goal="paid")
    await company.client.orders.deliver(reference, a_delivery("A", "1"))
    await until(company, reference, lambda order: statuses(order)["1"] == "invoiced")
    await continued(company, reference)
    async with asyncio.timeout(LONG_ENOUGH):
        while len(await _pauses(company, reference)) < 4:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.1)
    await continued(company, reference)
    async with asyncio.timeout(LONG_ENOUGH):
        while len(await histories(company, order_id(reference))) < 3:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.1)
    pauses = await _pauses(company, reference)
    # One that was cut short by the new run is begun again, as long as it was.
    assert pauses[-1] >= 0.05 * 4**3 * 0.7
    for place, pause in enumerate(pauses[:4]):
        assert 0.05 * 4**place * 0.7 <= pause <= 0.05 * 4**place
    await company.client.orders.handle(reference).terminate("the test is over")


async def _pauses(company: Company, reference: str) -> list[float]:
    """How long it has waited, in seconds, before each look at a delivery's invoice."""
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
        for history in await histories(company, order_id(reference))
        for event in history
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
        and b"invoice of" in event.user_metadata.summary.data
    ]


# --- an answer, and a new run in the same moment --------------------------------------------------


async def test_an_answer_is_not_lost_when_the_history_begins_anew_in_that_moment(
    company: Company,
) -> None:
    """Whoever gave it was told that it was taken, or has nobody who could tell them otherwise."""
    reference = await begun(company, "1", "2")
    held = invoice_reference(reference, "A")
    await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))
    await company.until_status(held, Status.HELD)
    await company.client.invoices.handle(held).terminate("the test cuts it off")
    question = (await asked(company, reference)).question
    handle = company.client.orders.handle(reference)

    async def again() -> None:
        await company.client.orders.deliver(reference, a_delivery("A", "1", hold=True))

    await _on_the_verge(company, handle.id, again)
    await handle.signal("resolve", an_answer(question, Answer.FREE))
    order = await until(company, reference, lambda order: statuses(order)["1"] == "open")
    assert order.problem is None
    await _was_the_last_thing_said(company, handle.id)
    await company.client.orders.cancel_lines(reference, a_cancellation("X", "1", "2"))
    await finished(company, reference)


async def test_an_answer_about_an_invoice_is_not_lost_in_that_moment_either(
    company: Company,
) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    reference = await company.start(goal=Goal.PAID)
    problem = (await company.parked(reference)).problem
    assert problem is not None
    handle = company.client.invoices.handle(reference)

    async def held() -> None:
        await company.hold(reference)

    await _on_the_verge(company, handle.id, held)
    document = company.request().document
    answer = an_answer(problem.question, Answer.CORRECT, document=document)
    await handle.signal("resolve", answer)
    released = Release(by="an operator", reason="test")
    await handle.signal("release", released)
    await company.until_waiting(reference, "payment")
    await _was_the_last_thing_said(company, handle.id)
    assert company.effects(reference) == ["created", "deleted", *SENT]


async def _on_the_verge(company: Company, identity: str, update: Callable[[], Any]) -> None:
    """Have so many events in its history that whatever is said next, and that alone, is said to a
    run that is to begin anew."""
    handle = company.client.temporal.get_workflow_handle(identity)
    async with asyncio.timeout(LONG_ENOUGH):
        while (length := await _at_rest(company, identity)) < SUGGESTED - 2:
            # A refused signal adds four events, an update five; and the third of either, the
            # beginning of its task, says whether the history is long.
            if length == SUGGESTED - 3:
                await update()
            else:
                await handle.signal("resolve")
    # News that come just then may add a task more.
    assert length <= SUGGESTED + 3


async def _at_rest(company: Company, identity: str) -> int:
    """The length of its history, once no task of it is under way."""
    handle = company.client.temporal.get_workflow_handle(identity)
    while True:
        events = (await handle.fetch_history()).events
        kinds = [event.event_type for event in events]
        tasks = [kind for kind in kinds if kind in TASKS]
        unheard = SIGNALLED in kinds[len(kinds) - 1 - kinds[::-1].index(tasks[-1]) :]
        if tasks[-1] == TASKS[-1] and not unheard:
            return len(events)
        await asyncio.sleep(0.02)


async def _was_the_last_thing_said(company: Company, identity: str) -> None:
    """What was said on the verge was indeed said to a run that ended with it."""
    async with asyncio.timeout(LONG_ENOUGH):
        while len(runs := await histories(company, identity)) < 2:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)
    events = [event for event in runs[0] if event.event_type in (SIGNALLED, *TASKS, NEW)]
    while events[-1].event_type != SIGNALLED:
        events.pop()
    after = [event for event in runs[0] if event.event_id > events[-1].event_id]
    suggested = [
        event.workflow_task_started_event_attributes.suggest_continue_as_new
        for event in runs[0]
        if event.event_type == TASKS[1]
    ]
    assert suggested.index(True) >= len(suggested) - 1 - len(
        [event for event in after if event.event_type == TASKS[1]]
    )
