"""How a process of ours ends. Every entry point that uses Temporal's SDK goes through here."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# The SDK's Rust threads hold Python objects for a moment after the event loop has closed. When the
# interpreter ends first, they touch a GIL that is gone: SDK 1.35.0 on Python 3.11 then dies of
# SIGABRT or SIGSEGV with all the work done, in 6 to 28 % of the runs measured. Dropping the garbage
# (clients and workers sit in reference cycles) and leaving those threads a moment to let go of it
# cures that; tests/test_process.py keeps watch.
_MOMENT = 0.05


def keep() -> None:
    """Have nobody look for garbage in what is there now: it is there as long as the process. Call
    it once, when all that stays has been made. A look at all of it holds everything up for a tenth
    of a second, at any moment. What has come since is looked through as a whole ten times less
    often: most of it is a thousand connections that are open."""
    gc.collect()
    gc.freeze()
    first, second, _ = gc.get_threshold()
    gc.set_threshold(first, second, 100)


def settle() -> None:
    """Let the SDK's threads finish with Python; call it last, after every event loop has closed."""
    gc.unfreeze()
    gc.collect()
    time.sleep(_MOMENT)


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` for programs that use Temporal: the same answer and errors, a safe exit."""
    try:
        return asyncio.run(main)
    finally:
        settle()
