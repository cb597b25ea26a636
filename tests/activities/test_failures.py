"""What becomes of an activity that does not end as it should."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from temporalio import activity
from temporalio.activity import ActivityCancellationDetails
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.failures import as_failures


class Activities:
    """One that waits, and says when it does."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()

    @activity.defn
    @as_failures
    async def wait(self, call: str) -> None:
        self.waits.set()
        await asyncio.Event().wait()

    @activity.defn
    @as_failures
    async def cut_off(self, call: str) -> None:
        raise asyncio.CancelledError


async def test_a_call_that_is_cut_off_is_unknown_and_takes_no_worker_with_it() -> None:
    """As a cancel that nobody asked for, the SDK's core takes the whole worker down."""
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment().run(Activities().cut_off, "x")
    assert (failed.value.type, failed.value.non_retryable) == ("UnknownOutcome", False)


@pytest.mark.parametrize(
    ("why", "raised"),
    [
        (ActivityCancellationDetails(cancel_requested=True), asyncio.CancelledError),
        (ActivityCancellationDetails(worker_shutdown=True), ApplicationError),
    ],
)
async def test_a_call_that_is_cancelled_says_by_whom(
    why: ActivityCancellationDetails, raised: type[BaseException]
) -> None:
    environment, activities = ActivityEnvironment(), Activities()
    running = asyncio.ensure_future(environment.run(activities.wait, "x"))
    await activities.waits.wait()
    environment.cancel(cancellation_details=why)
    with pytest.raises(raised):
        await running


def test_the_details_that_are_asked_are_those_the_sdk_has() -> None:
    names = {field.name for field in dataclasses.fields(ActivityCancellationDetails)}
    assert {"cancel_requested", "worker_shutdown"} <= names
