"""Whatever an invoice waits for has a name at once, and what can heal by itself does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from invoicing.preview import PREVIEW_WORKFLOW, Preview
from invoicing.provider import Pace
from invoicing.request import Goal
from invoicing.state import attributes
from invoicing.state.identity import TASK_QUEUE
from invoicing.state.invoice import AWAY, CREDENTIALS, UNREAD, Status
from invoicing.state.questions import Reason
from sandbox.kit.faults import Fault
from sandbox.zero_friction import Step
from tests.lifecycle.parking import expire, renew
from tests.lifecycle.world import PACES, Company, World
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

FOR_EVER = 1_000_000
SOON = Pace(
    first=timedelta(milliseconds=20),
    factor=1,
    cap=timedelta(milliseconds=20),
    deadline=timedelta(seconds=1),
)


async def test_expired_credentials_are_waited_on_by_name_and_heal(company: Company) -> None:
    expire(company)
    reference = await company.start()
    await company.until_waiting(reference, CREDENTIALS)
    state = await company.client.invoices.state(reference)
    assert (state.status, state.problem) == (Status.STARTED, None)
    await renew(company, reference)
    assert (await company.finished(reference)).status is Status.SENT


@detail
async def test_credentials_that_expire_later_change_nothing_that_was_made(company: Company) -> None:
    reference = await company.start(hold=True)
    await company.until_status(reference, Status.HELD)
    expire(company)
    await company.release(reference)
    await company.until_waiting(reference, CREDENTIALS)
    await renew(company, reference)
    assert (await company.finished(reference)).status is Status.SENT
    assert company.effects(reference).count("created") == 1


@detail
async def test_a_look_that_keeps_failing_is_a_wait_at_once(company: Company) -> None:
    company.stand_in.faults.place(Step.CUSTOMERS, Fault.SERVER_ERROR, times=FOR_EVER)
    reference = await company.start()
    await company.until_waiting(reference, AWAY)
    company.stand_in.faults.clear()
    assert (await company.finished(reference)).status is Status.SENT


@detail
async def test_an_answer_that_nobody_understands_parks_after_a_few_looks(
    shared_world: World,
) -> None:
    paces = PACES.model_copy(update={"unreadable": SOON})
    async with shared_world.company(paces=paces) as company:
        company.stand_in.faults.place(Step.CUSTOMERS, Fault.NOT_JSON, times=FOR_EVER)
        reference = await company.start()
        await company.until_waiting(reference, UNREAD)
        problem = (await company.parked(reference)).problem
        assert problem is not None
        assert problem.reason is Reason.NOT_UNDERSTOOD


@detail
async def test_a_failed_look_does_not_lengthen_the_wait_that_it_was_for(
    shared_world: World,
) -> None:
    payment = Pace(
        first=timedelta(milliseconds=50),
        factor=1,
        cap=timedelta(milliseconds=50),
        deadline=timedelta(minutes=4),
    )
    async with shared_world.company(paces=PACES.model_copy(update={"payment": payment})) as company:
        reference = await company.start(goal=Goal.PAID)
        before = await company.until_waiting(reference, "payment")
        company.stand_in.faults.place(Step.READ, Fault.SERVER_ERROR, times=FOR_EVER)
        await company.until_waiting(reference, AWAY)
        company.stand_in.faults.clear()
        after = await company.until_waiting(reference, "payment")
        assert before.waiting is not None
        assert after.waiting is not None
        assert (after.waiting.since, after.waiting.until) == (
            before.waiting.since,
            before.waiting.until,
        )


async def previewing(company: Company) -> WorkflowHandle[Any, Preview]:
    """A preview that has begun; nobody waits for it."""
    request = company.request()
    return await company.client.temporal.start_workflow(
        PREVIEW_WORKFLOW,
        request,
        id=f"preview/{request.reference}",
        task_queue=TASK_QUEUE,
        result_type=Preview,
    )


async def waits_for(preview: WorkflowHandle[Any, Preview]) -> str | None:
    """What lists show that it waits for."""
    described = await preview.describe()
    return described.typed_search_attributes.get(attributes.WAITING_FOR)


async def shown(preview: WorkflowHandle[Any, Preview], what: str) -> None:
    """Wait until lists show that it waits for this."""
    async with asyncio.timeout(LONG_ENOUGH):
        while what not in (await waits_for(preview) or ""):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_preview_says_at_once_that_the_provider_is_away(company: Company) -> None:
    company.stand_in.faults.place(Step.CUSTOMERS, Fault.SERVER_ERROR, times=FOR_EVER)
    preview = await previewing(company)
    await shown(preview, AWAY)
    company.stand_in.faults.clear()
    result = await preview.result()
    assert (result.problem, result.totals is None) == ("", False)
    assert await waits_for(preview) is None


@detail
async def test_a_preview_that_nobody_answers_tells_what_stood_in_the_way(company: Company) -> None:
    company.stand_in.faults.place(Step.CUSTOMERS, Fault.NOT_JSON, times=FOR_EVER)
    preview = await previewing(company)
    await shown(preview, UNREAD)
    result = await preview.result()
    assert result.totals is not None
    assert result.problem


@detail
async def test_a_preview_with_refused_credentials_says_so_and_waits_for_nothing(
    company: Company,
) -> None:
    expire(company)
    preview = await previewing(company)
    assert (await preview.result()).problem
    assert await waits_for(preview) is None
