"""What a look at an invoice's workflow tells of one that no worker has ever seen."""

from __future__ import annotations

import uuid

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import ActivityEnvironment

from activities.news import Directory
from invoicing.credits.case import Looked, RequestedCall
from invoicing.state.identity import WORKFLOW, workflow_id
from temporal_server import Server


async def test_one_that_was_ended_before_a_worker_saw_it_is_cut_off_and_not_asked_for_ever(
    server: Server,
) -> None:
    identity = workflow_id(f"U-{uuid.uuid4().hex[:12]}")
    client = await Client.connect(server.address)
    handle: WorkflowHandle[object, object] = await client.start_workflow(
        WORKFLOW, {}, id=identity, task_queue="nobody-serves-it"
    )
    await handle.terminate("by a person")
    look = Directory(client).requested
    seen = await ActivityEnvironment().run(look, RequestedCall(workflow_id=identity))
    assert seen == Looked(cut_off=True)
