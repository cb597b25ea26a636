"""A check tells code that would strand what runs from code that would not, and says where."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import Client

from invoicing.state.invoice import Status
from rollout import replaying
from rollout.differences import Difference
from rollout.replaying import MOST_KINDS, TYPES, Replayed, check
from tests.lifecycle.telling import polling, talkative
from tests.patience import LONG_ENOUGH
from tests.rollout.changed import WITHOUT_FEEDS, Breaking, Patched, Raising, stories
from tests.rollout.conftest import Scene
from tests.tiers import detail, slow
from worker import STORIES


@pytest.fixture(scope="module")
async def living(shared: Scene) -> list[str]:
    """Three held invoices, one that has ended, and a feed."""
    company = shared.company
    talkative(shared.here, company)
    await polling(company)
    held = [await company.start(hold=True) for _ in range(3)]
    for each in held:
        await company.until_status(each, Status.HELD)
    await company.finished(await company.start())
    # Lists say a moment later that it runs no more.
    temporal = shared.client
    async with asyncio.timeout(LONG_ENOUGH):
        while (await temporal.count_workflows(replaying.LIVING)).count > len(held) + 1:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return held


@pytest.fixture
def client(shared: Scene) -> Client:
    return shared.client


@slow
async def test_the_code_that_lived_it_fits(living: list[str], client: Client) -> None:
    told: list[tuple[int, int]] = []
    found = await check(client, STORIES, ended=5, processes=2, progress=lambda *at: told.append(at))
    assert (found.fit, found.differ, found.gone) == (5, 0, 0)
    assert told[-1] == (5, 5)


def test_of_what_hears_of_money_a_sample_is_enough() -> None:
    """It runs for a year, one for each invoice."""
    assert replaying.LIVING.endswith("WorkflowType != 'MoneyWorkflow'")
    samples = replaying._of_the_ended(5)
    assert (replaying.HEARING, 5) in samples
    assert {limit for _, limit in samples} == {5}
    assert replaying._of_the_ended(0) == []


@detail
async def test_a_harmless_change_passes(living: list[str], client: Client) -> None:
    found = await check(client, stories(Patched), ended=5, processes=1)
    assert (found.fit, found.differ) == (5, 0)


async def test_a_breaking_change_is_told_with_its_event(living: list[str], client: Client) -> None:
    found = await check(client, stories(Breaking), processes=1)
    assert (found.fit, found.differ) == (1, 3), "the feed still fits"
    (first,) = found.first.values()
    assert first.workflow_id.removeprefix("invoice/") in living
    assert str(first).endswith("the code at hand starts a timer there")
    assert f"InvoiceWorkflow {first.workflow_id}, event {first.event_id}: the history" in str(first)
    history = await client.get_workflow_handle(first.workflow_id).fetch_history()
    event = next(each for each in history.events if each.event_id == first.event_id)
    assert event.event_id == min(each.event_id for each in history.events if each.event_id > 4), (
        "the first thing that it ever asked for"
    )


@detail
async def test_a_mistake_in_the_code_is_told_without_what_it_says(
    living: list[str], client: Client
) -> None:
    found = await check(client, stories(Raising), processes=1)
    (first,) = found.first.values()
    assert (found.fit, found.differ) == (1, 3)
    assert first.came == "raises LookupError there"


@detail
async def test_a_workflow_that_is_no_more_is_missed(living: list[str], client: Client) -> None:
    found = await check(client, WITHOUT_FEEDS, processes=1)
    (first,) = found.first.values()
    assert (found.fit, found.differ) == (3, 1)
    assert first.came == "has no workflow `FeedWorkflow`"


@detail
async def test_what_is_gone_meanwhile_is_no_difference(client: Client) -> None:
    found = await replaying._replay(
        STORIES, client.namespace, [("invoice/none", ""), ("order/no", "")], client.data_converter
    )
    assert (found.fit, found.gone, found.differ) == (0, 2, 0)


@detail
def test_kinds_of_difference_are_kept_up_to_a_bound() -> None:
    whole = Replayed()
    for number in range(3 * MOST_KINDS):
        one = Difference(workflow_type=f"Type{number}", workflow_id="a", run_id="b", came="ends")
        whole.add(Replayed(kinds={one.kind: 2}, first={one.kind: one}))
    assert whole.differ == 6 * MOST_KINDS
    assert len(whole.first) == MOST_KINDS
    assert len(whole.kinds) == MOST_KINDS + 1


def test_of_each_type_that_a_worker_runs_some_that_ended_are_looked_at() -> None:
    assert sorted(TYPES) == sorted(story.__name__ for story in STORIES)
