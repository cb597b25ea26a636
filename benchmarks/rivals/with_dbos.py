"""DBOS: durable steps in a database, with a look-up before the create."""

from __future__ import annotations

from typing import Any

from dbos import DBOS, DBOSConfig

from benchmarks.rivals.job import ATTEMPTS, LONGEST, PAUSE, Job
from invoicing.provider import Stage

JOB: list[Job] = []
"""The one of this process: steps are functions of a module and take plain values."""
_STEP: dict[str, Any] = {
    "retries_allowed": True,
    "interval_seconds": PAUSE,
    "max_attempts": ATTEMPTS,
    "backoff_rate": 2.0,
}


@DBOS.step(**_STEP)
async def learn(reference: str) -> dict[str, Any]:
    """See `Job`."""
    return await JOB[0].learn(reference)


@DBOS.step(**_STEP)
async def draft(reference: str, context: dict[str, Any]) -> str:
    """See `Job`."""
    return await JOB[0].draft(reference, context)


@DBOS.step(**_STEP)
async def approve(reference: str, context: dict[str, Any], invoice: str) -> None:
    """See `Job`."""
    await JOB[0].approve(reference, context, invoice)


@DBOS.step(**_STEP)
async def send(reference: str, context: dict[str, Any], invoice: str) -> None:
    """See `Job`."""
    await JOB[0].send(reference, context, invoice)


@DBOS.step(**_STEP)
async def is_at(reference: str, context: dict[str, Any], invoice: str, stage: str) -> bool:
    """See `Job`."""
    return await JOB[0].is_at(reference, context, invoice, Stage(stage))


@DBOS.workflow()
async def life(reference: str) -> str:
    """One invoice, until it is sent."""
    context = await learn(reference)
    invoice = await draft(reference, context)
    await approve(reference, context, invoice)
    await _until(reference, context, invoice, Stage.APPROVED)
    await send(reference, context, invoice)
    await _until(reference, context, invoice, Stage.SENT)
    return invoice


async def _until(reference: str, context: dict[str, Any], invoice: str, stage: Stage) -> None:
    pause = PAUSE
    while not await is_at(reference, context, invoice, stage):
        await DBOS.sleep_async(pause)
        pause = min(2 * pause, LONGEST)


def begin(job: Job, database: str) -> None:
    """Have it run in this process, with its state in this database."""
    JOB[:] = [job]
    config: DBOSConfig = {
        "name": "rival",
        "system_database_url": database,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
