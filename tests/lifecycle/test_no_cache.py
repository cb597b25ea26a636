"""A worker that keeps no workflow in memory replays all it knows before every step it takes."""

from __future__ import annotations

import asyncio
import contextlib

from temporalio.client import WorkflowFailureError
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from temporal_server import local_server
from tests.lifecycle.world import world
from tests.patience import LONG_ENOUGH
from tests.tiers import simulated, slow
from tests.workflows import record

pytestmark = simulated

SENT = ["created", "approved", "sent"]
ENDS: dict[record.Life, list[str]] = {
    record.corrected: ["created", "deleted", *SENT],
    record.cancelled_by_the_engine: ["created", "deleted"],
    record.released: SENT,
    record.approved_slowly: SENT[:2],
    record.told: [*SENT, "paid"],
    record.lost_while_looking: SENT,
}


@slow
async def test_lives_go_the_same_way_when_every_task_is_a_replay_in_the_full_sandbox() -> None:
    """The runner is the SDK's own, strict one: it re-imports our workflow modules and refuses what
    is not deterministic in them. The worker does without, to save memory and time."""
    runner = SandboxedWorkflowRunner()
    async with (
        local_server(own=True) as server,
        world(server, runner=runner, cached_workflows=0) as here,
    ):

        async def lived(life: record.Life, effects: list[str]) -> None:
            async with here.company() as company:
                reference = await life(company)
                with contextlib.suppress(WorkflowFailureError):
                    await asyncio.wait_for(
                        company.client.invoices.handle(reference).result(), LONG_ENOUGH
                    )
                state = await company.ended(reference)
                assert company.effects(reference) == effects, life.__name__
                assert await company.violations(reference, state) == [], life.__name__

        await asyncio.gather(*(lived(life, effects) for life, effects in ENDS.items()))
