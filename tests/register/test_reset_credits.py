"""The ledger of an invoice's credits is reset in Temporal, or begun without what it knew: it
credits nothing more, for it does not know what it has credited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyType
from temporalio.api.workflowservice.v1 import (
    DeleteWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
)
from temporalio.service import RPCError

from invoicing.client import Refused
from invoicing.credits.case import CreditsInput
from invoicing.credits.credit import Credit
from invoicing.state.identity import CREDITS_WORKFLOW, TASK_QUEUE, credits_id
from invoicing.temporal.asking import Execution
from temporal_server import local_server
from tests.lifecycle.office import Office, a_credit, office_at, units
from tests.patience import LONG_ENOUGH
from tests.tiers import detail

ALL = a_credit("C9", whole=True)
FORGOTTEN = "has forgotten credits that it had made"


@pytest.fixture
async def office(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    # A test credits, resets and credits within the seconds for which a look holds.
    monkeypatch.setattr("workflows.credit.learning.HOLDS", timedelta())
    async with local_server(own=True) as server, office_at(server) as made:
        yield made


async def _reset(
    office: Office, reference: str, place: int, reapply: ResetReapplyType.ValueType
) -> None:
    """To the end of this one of its workflow tasks."""
    handle = office.client.credits.handle(reference)
    last = await handle.describe()
    done = [
        event.event_id
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    ]
    await office.client.temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=office.client.temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=last.run_id),
            reason="test",
            workflow_task_finish_event_id=done[place],
            request_id="reset",
            reset_reapply_type=reapply,
        )
    )


async def _listed(office: Office, handle: Execution, ended: int) -> None:
    """So many of its runs are listed as ended: lists are a moment behind."""
    query = f"WorkflowId = '{handle.id}' AND ExecutionStatus != 'Running'"
    async with asyncio.timeout(LONG_ENOUGH):
        while (await office.client.temporal.count_workflows(query)).count < ended:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _credited(office: Office, reference: str, wanted: Credit) -> int:
    """Credit it, to the end of its note; how many workflow tasks its ledger had done before."""
    handle = office.client.credits.handle(reference)
    made = await office.client.credits.make(reference, wanted)
    await asyncio.wait_for(office.client.invoices.result(made.reference), LONG_ENOUGH)
    await office.until(reference, lambda known: all(one.ended for one in known.credits))
    done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return sum([event.event_type == done async for event in handle.fetch_history_events()])


@detail
@pytest.mark.parametrize("before", [0, 1])
async def test_one_that_was_reset_credits_nothing_that_it_may_have_credited(
    office: Office, before: int
) -> None:
    """To its beginning, or to before its second credit."""
    reference = await office.invoiced()
    place = (await _credited(office, reference, units("3"))) - 1
    await _credited(office, reference, units("4", "C2"))
    handle = office.client.credits.handle(reference)
    nothing = ResetReapplyType.RESET_REAPPLY_TYPE_NONE
    await _reset(office, reference, place * before, nothing)
    await _listed(office, handle, 1)
    for wanted in (ALL, units("4", "C2"), units("1", "C3")):
        with pytest.raises(Refused, match=f"{FORGOTTEN}.*C2"):
            await office.client.credits.make(reference, wanted)
    known = await office.client.credits.overview(reference)
    assert (known.left, FORGOTTEN in str(known.not_creditable)) == (None, True)
    assert office.provider.units(reference, "1") == 7


@detail
async def test_nor_where_what_was_said_to_it_is_said_once_more(office: Office) -> None:
    """As the engine does it by itself."""
    reference = await office.invoiced()
    await _credited(office, reference, units("3"))
    await _credited(office, reference, units("4", "C2"))
    await _reset(office, reference, 0, ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE)
    with pytest.raises(Refused):
        await office.client.credits.make(reference, ALL)
    assert office.provider.units(reference, "1") == 7


@detail
async def test_nor_once_it_has_ended_without_a_word(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that knows nothing ends soon, and hands on that it knows nothing."""
    reference = await office.invoiced()
    await _credited(office, reference, units("4"))
    monkeypatch.setattr("workflows.credit.story.KEPT_EMPTY", timedelta(seconds=0.1))
    await _reset(office, reference, 0, ResetReapplyType.RESET_REAPPLY_TYPE_NONE)
    handle = office.client.credits.handle(reference)
    await asyncio.wait_for(handle.result(), LONG_ENOUGH)
    await _listed(office, handle, 2)
    for _ in range(2):
        with pytest.raises(Refused, match=FORGOTTEN):
            await office.client.credits.make(reference, ALL)
    assert office.provider.units(reference, "1") == 4


@detail
async def test_nor_where_it_is_begun_without_what_it_knew(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a caller with a plain SDK may do it."""
    monkeypatch.setattr("workflows.credit.story.KEPT", timedelta(seconds=0.1))
    reference = await office.invoiced()
    await _credited(office, reference, units("4"))
    handle = office.client.credits.handle(reference)
    await asyncio.wait_for(handle.result(), LONG_ENOUGH)
    monkeypatch.setattr("workflows.credit.story.KEPT", timedelta(days=1))
    await _listed(office, handle, 1)
    await office.client.temporal.start_workflow(
        CREDITS_WORKFLOW,
        CreditsInput(reference=reference),
        id=credits_id(reference),
        task_queue=TASK_QUEUE,
    )
    with pytest.raises(Refused, match=f"{FORGOTTEN}.*C1"):
        await office.client.credits.make(reference, ALL)
    assert office.provider.units(reference, "1") == 4


@detail
async def test_one_that_was_reset_and_has_forgotten_nothing_goes_on(office: Office) -> None:
    reference = await office.invoiced()
    place = (await _credited(office, reference, units("4"))) - 1
    await _reset(office, reference, place, ResetReapplyType.RESET_REAPPLY_TYPE_NONE)
    await _listed(office, office.client.credits.handle(reference), 1)
    await _credited(office, reference, units("6", "C2"))
    assert office.provider.units(reference, "1") == 10


@detail
async def test_nor_where_the_run_before_it_is_forgotten(office: Office) -> None:
    """It was reset, and nobody knows any more what it had credited."""
    reference = await office.invoiced()
    await _credited(office, reference, units("4"))
    handle = office.client.credits.handle(reference)
    before = (await handle.describe()).run_id
    await _reset(office, reference, 0, ResetReapplyType.RESET_REAPPLY_TYPE_NONE)
    temporal = office.client.temporal
    gone = WorkflowExecution(workflow_id=handle.id, run_id=before)
    await temporal.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(namespace=temporal.namespace, workflow_execution=gone)
    )
    async with asyncio.timeout(LONG_ENOUGH):
        with contextlib.suppress(RPCError):
            while await temporal.get_workflow_handle(handle.id, run_id=before).describe():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    with pytest.raises(Refused, match=f"{FORGOTTEN}.*nobody knows which"):
        await office.client.credits.make(reference, ALL)
    assert office.provider.units(reference, "1") == 4
