"""Which workflows of a reference still run: before its data key may be destroyed, none may."""

from __future__ import annotations

from temporalio.client import Client, WorkflowExecutionStatus

from invoicing.asking import known
from invoicing.engine import stored
from invoicing.errors import NotFound
from invoicing.identity import credits_id, document_id, order_id, workflow_id


@stored
async def open_still(temporal: Client, reference: str, *, order: bool = False) -> list[str]:
    """The ids of those that run; needs no worker. Raises EngineError: then nothing is known."""
    ids = (
        [order_id(reference)]
        if order
        else [workflow_id(reference), credits_id(reference), document_id(reference)]
    )
    return [each for each in ids if await _runs(temporal, each)]


async def _runs(temporal: Client, identity: str) -> bool:
    try:
        last = await known(identity, temporal.get_workflow_handle(identity).describe())
    except NotFound:
        return False
    return last.status is WorkflowExecutionStatus.RUNNING
