"""The workers of the comparison, beside `worker.py`: each a process of its own.

    python -m benchmarks.serve bare
    python -m benchmarks.serve bare_unsandboxed
    python -m benchmarks.serve from_memory

serve until SIGTERM, with the same settings as `worker.py`; the last of them with a register, where
one is set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import settings.shared
import settings.worker
from benchmarks import bare, from_memory
from benchmarks.children import until_told
from invoicing import process
from invoicing.books.claims import Register
from invoicing.client import connect, converter
from observing.runtime import in_one_thread
from settings.worker import WorkerSettings
from worker import RUNNER, kept, keys_kept, serving, workers

# As the SDK runs workflows by default, but for its own modules, which are not imported anew.
SANDBOXED = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("benchmarks")
)


def _bare(
    client: Client, setup: WorkerSettings, runner: WorkflowRunner = SANDBOXED
) -> list[Worker]:
    stories = Worker(
        client,
        task_queue=bare.WORKFLOWS,
        workflows=[bare.BareWorkflow],
        workflow_runner=runner,
        max_cached_workflows=setup.cache(),
    )
    calls = Worker(
        client,
        task_queue=bare.CALLS,
        activities=[bare.nothing],
        max_concurrent_activities=setup.calls,
    )
    return [stories, calls]


def _bare_unsandboxed(client: Client, setup: WorkerSettings) -> list[Worker]:
    return _bare(client, setup, RUNNER)


def _from_memory(
    client: Client, setup: WorkerSettings, register: Register | None = None
) -> list[Worker]:
    adaptors = {from_memory.NAME: {"default": from_memory.FromMemory()}}
    return workers(client, adaptors, setup, register=register)


async def main(which: str) -> None:
    """Serve one of them until SIGTERM."""
    in_one_thread()
    setup = settings.worker.read(os.environ)
    days = timedelta(days=setup.findings_days)
    where = settings.shared.register(os.environ)
    async with kept(where, days) as register, keys_kept(where) as data_keys:
        client = await connect(data_converter=converter(data_keys, worker=True))
        made: dict[str, Callable[[], list[Worker]]] = {
            "bare": lambda: _bare(client, setup),
            "bare_unsandboxed": lambda: _bare_unsandboxed(client, setup),
            "from_memory": lambda: _from_memory(client, setup, register),
        }
        async with serving(made[which]()):
            await until_told()


if __name__ == "__main__":
    process.run(main(sys.argv[1]))
