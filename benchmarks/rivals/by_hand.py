"""asyncio and repetition: nothing is kept, so a process that ends has forgotten its work."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.rivals.job import PAUSE, Job, repeated
from invoicing.provider import Stage


async def live(job: Job, reference: str) -> None:
    """One invoice, until it is sent."""
    context = await repeated(lambda: job.learn(reference))
    invoice = await repeated(lambda: job.draft(reference, context))
    await repeated(lambda: job.approve(reference, context, invoice))
    await _until(job, reference, context, invoice, Stage.APPROVED)
    await repeated(lambda: job.send(reference, context, invoice))
    await _until(job, reference, context, invoice, Stage.SENT)


async def _until(
    job: Job, reference: str, context: dict[str, Any], invoice: str, stage: Stage
) -> None:
    while not await repeated(lambda: job.is_at(reference, context, invoice, stage)):  # noqa: ASYNC110
        await asyncio.sleep(PAUSE)
