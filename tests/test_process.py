"""A program that has used Temporal ends with its own exit code, not with a signal."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from invoicing import process
from temporal_server import ServerUnavailable, local_server
from tests.tiers import detail, slow

_ROOT = Path(process.__file__).parent.parent


async def _answer(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_run_gives_the_answer_and_settles(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[bool] = []
    monkeypatch.setattr(process, "settle", lambda: settled.append(True))
    assert process.run(_answer(3)) == 3
    assert settled == [True]


@detail
def test_run_passes_an_error_on_and_settles_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[bool] = []
    monkeypatch.setattr(process, "settle", lambda: settled.append(True))

    async def failing() -> None:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        process.run(failing())
    assert settled == [True]


@slow
async def test_programs_with_a_worker_end_cleanly() -> None:
    """A handful of processes. By hand, `python -m tests.test_process compare 50` runs as many as
    you like, with and without the guard, and tells both tallies."""
    try:
        async with local_server() as server:
            codes = await asyncio.to_thread(_exit_codes, server.address, "guarded", 5)
    except ServerUnavailable as problem:
        if os.environ.get("TESTS_REQUIRE_SERVER"):
            raise
        pytest.skip(str(problem))
    assert codes == [0] * 5


def _exit_codes(address: str, how: str, count: int) -> list[int]:
    def once(_: int) -> int:
        command = [sys.executable, "-m", "tests.test_process", how, address]
        return subprocess.run(command, cwd=_ROOT, capture_output=True, check=False).returncode

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(once, range(count)))


@workflow.defn(name="Greeting")
class _Greeting:
    @workflow.run
    async def run(self, name: str) -> str:
        await workflow.sleep(0.01)
        return f"hello {name}"


def _program(how: str, address: str) -> None:
    """The smallest real program: connect, work on one workflow, end."""

    async def work() -> None:
        queue = f"exit-{os.getpid()}"
        client = await Client.connect(address)
        async with Worker(
            client,
            task_queue=queue,
            workflows=[_Greeting],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            answer = await client.execute_workflow(_Greeting.run, "you", id=queue, task_queue=queue)
            assert answer == "hello you"

    if how == "guarded":
        process.run(work())
    else:
        asyncio.run(work())


async def _compare(count: int) -> None:
    async with local_server() as server:
        for how in ("bare", "guarded"):
            codes = await asyncio.to_thread(_exit_codes, server.address, how, count)
            deaths = [code for code in codes if code]
            sys.stdout.write(f"{how}: {len(deaths)} of {count} died {sorted(deaths)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "compare":
        process.run(_compare(int(sys.argv[2])))
    else:
        _program(*sys.argv[1:])
