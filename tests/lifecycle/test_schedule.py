"""An invoice that is not to be sent before its day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent

from invoicing.client import Refused
from invoicing.provider import Plan, ReadCall, Snapshot, Stage, Target
from invoicing.request import InvoiceRequest
from invoicing.state.invoice import Invoice, Release, Status
from invoicing.state.questions import Answer
from sandbox.zero_friction import Step, Told
from tests.lifecycle.kinds import KINDS
from tests.lifecycle.provider_world import opened
from tests.lifecycle.world import Company, World, together
from tests.tiers import detail, elsewhere

DAY = date(2099, 3, 1)
BEGINS = datetime(2099, 3, 1, tzinfo=UTC)
NO_DUE_DATE = {"due_date": None}


async def scheduled(company: Company, **changes: Any) -> str:
    reference = await company.start(send_on=DAY, document=NO_DUE_DATE, **changes)
    await company.until_status(reference, Status.SCHEDULED)
    return reference


async def history(company: Company, reference: str) -> list[HistoryEvent]:
    return [
        event async for event in company.client.invoices.handle(reference).fetch_history_events()
    ]


async def test_it_is_approved_and_waits_for_its_day_in_plain_sight(company: Company) -> None:
    reference = await scheduled(company)
    invoice = await company.client.invoices.state(reference)
    assert company.effects(reference) == ["created", "approved"]
    assert invoice.number
    assert invoice.send_on == BEGINS
    assert invoice.waiting is not None
    assert (str(invoice.waiting), invoice.waiting.until) == ("time: send_on", BEGINS)
    listed = await company.client.invoices.listed(reference)
    assert (listed.status, listed.waiting_for) == ("scheduled", "time: send_on")


@detail
async def test_the_timer_ends_when_its_day_begins(company: Company) -> None:
    reference = await scheduled(company)
    events = await history(company, reference)
    (timer,) = [event for event in events if event.HasField("timer_started_event_attributes")][-1:]
    length = timer.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    began = timer.event_time.ToDatetime(tzinfo=UTC)
    assert timedelta() <= began + length - BEGINS < timedelta(seconds=5)


@detail
async def test_it_goes_by_itself_at_its_moment_and_not_before(company: Company) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1.5)
    reference = await company.start(send_on=moment, document=NO_DUE_DATE)
    assert (await company.finished(reference)).status is Status.SENT
    (asked,) = [
        event
        for event in await history(company, reference)
        if event.activity_task_scheduled_event_attributes.activity_type.name == "send"
    ]
    assert asked.event_time.ToDatetime(tzinfo=UTC) >= moment
    assert company.effects(reference) == ["created", "approved", "sent"]


@detail
async def test_a_day_that_has_begun_holds_nothing_up(company: Company) -> None:
    reference = await company.start(send_on=datetime.now(UTC).date(), document=NO_DUE_DATE)
    assert (await company.finished(reference)).status is Status.SENT


@detail
async def test_a_person_may_have_it_sent_now(company: Company) -> None:
    reference = await scheduled(company)
    await company.client.invoices.release(
        reference, Release(by="an operator", reason="they asked for it")
    )
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference) == ["created", "approved", "sent"]
    entries = (await company.client.invoices.journal(reference)).entries
    assert ("released", "an operator", "they asked for it") in [
        (entry.what, entry.by, entry.reason) for entry in entries
    ]


@detail
async def test_the_release_of_a_hold_does_not_bring_its_day_forward(company: Company) -> None:
    reference = await company.start(send_on=DAY, document=NO_DUE_DATE, hold=True)
    await company.until_status(reference, Status.HELD)
    await company.release(reference)
    await company.until_status(reference, Status.SCHEDULED)
    await company.hold(reference)
    await company.until_status(reference, Status.HELD)
    await company.release(reference)
    await company.until_status(reference, Status.SCHEDULED)
    assert company.effects(reference) == ["created", "approved"]


@detail
async def test_one_that_waits_for_its_day_is_taken_back_unsent(company: Company) -> None:
    reference = await scheduled(company)
    await company.cancel(reference)
    assert (await company.finished(reference)).status is Status.CREDITED
    assert company.effects(reference) == ["created", "approved", "credited"]


@detail
async def test_what_somebody_else_approved_waits_for_its_day_as_well(company: Company) -> None:
    """Where approving is what sends it, as a rule."""
    adaptor, read, seen = company.adaptor, company.adaptor.read, list[Target]()
    planned = adaptor.plan

    async def plan(request: InvoiceRequest) -> Plan:
        return (await planned(request)).model_copy(update={"sent_by": "approve"})

    async def looked(call: ReadCall) -> Snapshot:
        seen.append(call.target)
        return await read(call)

    adaptor.plan, adaptor.read = plan, looked  # type: ignore[method-assign]
    reference = await company.start(send_on=DAY, document=NO_DUE_DATE, hold=True)
    await company.until_status(reference, Status.HELD)
    await adaptor.approve(seen[-1])
    await company.stand_in.ledger.reached("approved", reference)
    await company.release(reference)
    await company.until_status(reference, Status.SCHEDULED)
    assert company.effects(reference) == ["created", "approved"]


@detail
async def test_a_correction_that_is_due_before_its_day_is_refused(company: Company) -> None:
    company.stand_in.faults.place(Step.CREATE, Told.CHANGED_AMOUNT)
    reference = await company.start(send_on=DAY, document=NO_DUE_DATE)
    await company.parked(reference)
    due = company.request().document
    with pytest.raises(Refused, match="send_on: is after the due date"):
        await company.resolve(reference, Answer.CORRECT, document=due)
    later = due.model_copy(update={"due_date": DAY})
    await company.resolve(reference, Answer.CORRECT, document=later)
    await company.until_status(reference, Status.SCHEDULED)


@elsewhere
async def test_no_provider_sends_one_before_its_day(shared_world: World) -> None:
    await together({name: _nowhere_early(shared_world, name) for name in sorted(KINDS)}, every=True)


async def _nowhere_early(world: World, name: str) -> None:
    """Where approving is what sends it, it is not approved either."""
    async with opened(world, name) as shop:
        reference = await shop.start(
            send_on=DAY, document={"issue_date": DAY, "due_date": DAY + timedelta(days=30)}
        )
        await shop.follow(reference, _is_scheduled)
        assert shop.effects(reference) == ["created"]
        await shop.release(reference)
        last = await shop.follow(reference, lambda invoice: invoice.ended or bool(invoice.problem))
        assert not last.problem, last.problem
        assert last.stage.reached(Stage.SENT)


def _is_scheduled(invoice: Invoice) -> bool:
    return invoice.status is Status.SCHEDULED
