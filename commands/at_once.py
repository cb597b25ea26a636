"""Many things at once, but not too many; and a bar that says how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from terminal import screen

S = TypeVar("S")
T = TypeVar("T")


async def few_at_a_time(
    items: Sequence[S], do: Callable[[S], Awaitable[T]], at_once: int
) -> list[T]:
    """Do it with all of them, at most so many at once; the answers are in their order."""
    places = asyncio.Semaphore(at_once)

    async def one(item: S) -> T:
        async with places:
            return await do(item)

    return list(await asyncio.gather(*map(one, items)))


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A bar on standard error, where that is a terminal; call what it gives for each one done.
    Without a total it only moves."""
    console = screen(error=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count=1: bar.advance(task, count)
