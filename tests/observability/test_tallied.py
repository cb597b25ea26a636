"""Calls are counted in the process, and written into the register: none twice, and none lost while
it is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import date
from types import SimpleNamespace

import pytest
from temporalio.common import MetricMeter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from invoicing.books.calls import Called, Tally
from invoicing.errors import Unavailable
from observing.calls import WatchedCalls
from observing.tallied import log, write, written_down

ONE = Called(day=date(2026, 6, 1), provider="mollie", account="shop", result="ok", calls=1)


class Register:
    """One that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[Called] = []
        self.written = asyncio.Event()

    async def count_calls(self, every: tuple[Called, ...]) -> None:
        """Keeps them."""
        if self.away:
            raise Unavailable("the register: away")
        self.told += every
        self.written.set()


async def test_calls_are_written_down_again_and_again_and_at_the_end() -> None:
    tally, register = Tally(), Register()
    async with written_down(tally, register, every=0.001):
        tally.add(ONE)
        tally.add(ONE)
        await asyncio.wait_for(register.written.wait(), 10)
        assert register.told == [ONE.model_copy(update={"calls": 2})]
    async with written_down(tally, register, every=3600):
        tally.add(ONE)
    assert [each.calls for each in register.told] == [2, 1]


async def test_what_cannot_be_written_is_written_with_what_comes_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tally, register = Tally(), Register()
    register.away = True
    tally.add(ONE)
    with caplog.at_level(logging.WARNING, log.name):
        await write(tally, register)
    assert "the register: away" in caplog.text
    register.away = False
    tally.add(ONE)
    await write(tally, register)
    await write(tally, register)
    assert [each.calls for each in register.told] == [2]


async def test_every_call_is_counted_with_what_became_of_it() -> None:
    tally = Tally()
    calls = WatchedCalls("mollie", MetricMeter.noop, ["shop"], tally)

    async def called(account: str, error: Exception | None) -> None:
        with (
            contextlib.suppress(ApplicationError),
            calls.watching(SimpleNamespace(account=account)),
        ):
            if error:
                raise error

    wrong = ApplicationError("away", type="Unavailable")
    for account, error in (("shop", None), ("shop", wrong), ("shop", None), ("unknown", None)):
        await ActivityEnvironment().run(called, account, error)
    told = {(each.account, each.result): each.calls for each in tally.taken()}
    assert told == {("shop", "ok"): 2, ("shop", "unavailable"): 1, ("other", "ok"): 1}
    assert tally.taken() == ()


async def test_without_a_register_nothing_is_written() -> None:
    async with written_down(Tally(), None):
        pass
