"""Files of the caller's own, where the disk they are on is the trouble."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from providers.kit import files


async def test_a_directory_that_hangs_leaves_threads_for_everything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = threading.Event()

    def hang(directory: Path, name: str, limit: int) -> files.Content:
        mended.wait()
        raise files.NotUsable("cannot be read")

    monkeypatch.setattr(files, "_read", hang)
    reads = [asyncio.create_task(files.read(tmp_path, "own.pdf", 1)) for _ in range(40)]
    try:
        assert await asyncio.wait_for(asyncio.to_thread(int, "1"), 5) == 1
    finally:
        mended.set()
        await asyncio.gather(*reads, return_exceptions=True)
