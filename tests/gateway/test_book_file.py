"""A list as a file: one of a caller at a time, for it holds its rows meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import pytest

from gateway import book_file
from gateway.backend import Backend, Register
from gateway.book_file import FileFilters, file_of
from gateway.callers import Caller
from gateway.reach import Reach
from invoicing.books.booked import Page, Wanted
from invoicing.client import InvoicingClient
from settings.callers import Scope
from settings.gateway import GatewaySettings

NOTHING: Mapping[str, Any] = MappingProxyType({})
TURNS = 200
"""Of the loop: more than it takes to ask the register."""


class Asked:
    """A register of nothing, that counts what it is asked for."""

    def __init__(self) -> None:
        self.times = 0

    async def page(self, wanted: Wanted, limit: int, after: str | None = None) -> Page:
        """No invoice."""
        self.times += 1
        return Page(rows=())


async def test_a_caller_s_next_file_is_begun_when_the_one_before_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writing, go_on, written = asyncio.Event(), threading.Event(), Counter[str]()
    loop = asyncio.get_running_loop()

    def slowly(*_: object) -> bytes:
        loop.call_soon_threadsafe(writing.set)
        assert go_on.wait(30)
        written["files"] += 1
        return b""

    monkeypatch.setattr(book_file, "written", slowly)
    books = Asked()
    behind = Backend(
        cast("InvoicingClient", None), NOTHING, GatewaySettings(), cast("Register", books)
    )
    clerk, other = (Caller(name, frozenset({Scope.READ}), Reach()) for name in ("a", "b"))
    tasks = [asyncio.create_task(file_of(FileFilters(), behind, clerk))]
    await writing.wait()
    tasks.append(asyncio.create_task(file_of(FileFilters(), behind, clerk)))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert books.times == 1
    # Nobody else waits for it.
    tasks.append(asyncio.create_task(file_of(FileFilters(), behind, other)))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert books.times == 2
    go_on.set()
    await asyncio.gather(*tasks)
    assert (books.times, written["files"]) == (3, 3)
