"""A program of ours as a process of its own, of which nothing is left when its test ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

COMPILED = {
    name: os.environ[name]
    for name in ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
    if name in os.environ
}
"""Where compiled code is kept, for a child that inherits nothing else: without it, it compiles
everything anew, and leaves that in the checkout."""


@contextlib.asynccontextmanager
async def child(*arguments: str, **how: Any) -> AsyncIterator[Process]:
    """`python …` from the root; killed if it still runs when the test leaves, however that is.

    `how` goes to asyncio's own call. What is left in its pipes is read: a pipe that is full is not
    read to its end by itself, and stays open for ever.
    """
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, **how)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@contextlib.asynccontextmanager
async def stand_in_alone(*arguments: str) -> AsyncIterator[str]:
    """`python -m sandbox.…` meanwhile; its URL. Told to end, it does so without a word."""
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    async with child("-m", *arguments, env=environment, **pipes) as process:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
        process.terminate()
        out, err = await process.communicate()
        assert (process.returncode, out, err) == (0, b"", b"")
