"""The rivals' processes.

    python -m benchmarks.rivals.serve temporal URL              # a worker, until SIGTERM
    python -m benchmarks.rivals.serve temporal_unsandboxed URL
    python -m benchmarks.rivals.serve by_hand URL SEED COUNT SHARE PREFIX
    python -m benchmarks.rivals.serve no_look_up URL SEED COUNT SHARE PREFIX
    python -m benchmarks.rivals.serve dbos URL SEED COUNT SHARE PREFIX DATABASE

Those that have no server do the work themselves: some to warm up, then COUNT invoices while SHARE
of the calls fail; then they print the seconds and the seconds of CPU that it took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable

from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from benchmarks.children import until_told
from benchmarks.kinds import AT_ONCE
from benchmarks.rivals import by_hand, storm
from benchmarks.rivals.job import Job
from invoicing import process
from invoicing.client import connect
from providers.kit.http import client as http_client
from providers.zero_friction.adaptor import ZeroFriction
from providers.zero_friction.settings import ZeroFrictionSettings
from sandbox import zero_friction as zf
from worker import RUNNER, serving

SANDBOXED = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "benchmarks", "invoicing", "providers", "sandbox"
    )
)
WARM_UP = 10

Live = Callable[[str], Awaitable[object]]


async def _work(live: Live, url: str, seed: int, count: int, share: float, prefix: str) -> None:
    await _all(live, "WARM-", WARM_UP)
    await storm.brew(url, seed, count, share)
    began, used = time.perf_counter(), time.process_time()
    await _all(live, prefix, count)
    spent = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}
    print(json.dumps(spent), flush=True)


async def _all(live: Live, prefix: str, count: int) -> None:
    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            try:
                await live(f"{prefix}{number:05}")
            except Exception as error:  # noqa: BLE001 (the ledger says that it is lost)
                print(f"{type(error).__name__}: {error}", file=sys.stderr)

    await asyncio.gather(*(one_after_the_other() for _ in range(min(AT_ONCE, count))))


async def _worker(job: Job, *, sandboxed: bool) -> None:
    # Only where Temporal is used: the sandbox has the workflow's module imported.
    from benchmarks.rivals.with_temporal import QUEUE, RivalWorkflow, Steps

    steps = Steps(job)
    client = await connect()
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[RivalWorkflow],
        activities=[steps.learn, steps.draft, steps.approve, steps.send, steps.is_at],
        workflow_runner=SANDBOXED if sandboxed else RUNNER,
    )
    async with serving([worker]):
        await until_told()


async def main(which: str, url: str, *more: str) -> None:
    """Be that rival."""
    known = zf.ZeroFrictionStandIn().account(url) | {"search_covers_reference": "true"}
    async with http_client() as http:
        adaptor = ZeroFriction(ZeroFrictionSettings.model_validate(known), http)
        job = Job(adaptor, looks_first=which != "no_look_up")
        if which.startswith("temporal"):
            await _worker(job, sandboxed=which == "temporal")
            return
        seed, count, share, prefix = int(more[0]), int(more[1]), float(more[2]), more[3]
        live: Live = lambda reference: by_hand.live(job, reference)  # noqa: E731
        if which == "dbos":
            from dbos import DBOS

            from benchmarks.rivals import with_dbos

            with_dbos.begin(job, more[4])

            async def durable(reference: str) -> None:
                handle = await DBOS.start_workflow_async(with_dbos.life, reference)
                await handle.get_result()

            live = durable
        await _work(live, url, seed, count, share, prefix)
        if which == "dbos":
            DBOS.destroy()


if __name__ == "__main__":
    process.run(main(*sys.argv[1:]))
