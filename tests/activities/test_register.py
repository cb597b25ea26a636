"""The register as a workflow task asks it: it answers at once, or is left alone for a while."""

from __future__ import annotations

import asyncio

import pytest

from activities.register import LEFT_ALONE, AtOnce
from invoicing.books.claims import ClaimCall, Claimed, Word
from invoicing.errors import Unavailable
from invoicing.state.recording import CreditsCall, RecordCall
from tests.register.said import a_claim, a_record, lines


class _Register:
    """Answers, fails, or does not answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails = False
        self.hangs: asyncio.Event | None = None

    async def claim(self, call: ClaimCall) -> Claimed:
        await self._asked()
        return Claimed(word=Word.GRANTED)

    async def record(self, call: RecordCall) -> bool:
        await self._asked()
        return True

    async def record_credits(self, call: CreditsCall) -> bool:
        await self._asked()
        return False

    async def _asked(self) -> None:
        self.asked += 1
        if self.hangs:
            self.hangs.set()
            await asyncio.Event().wait()
        if self.fails:
            raise Unavailable("locked")


@pytest.fixture
def register() -> _Register:
    return _Register()


async def test_what_it_answers_is_passed_on(register: _Register) -> None:
    asked = AtOnce(register)
    assert (await asked.claim(a_claim())).word is Word.GRANTED
    assert await asked.record(a_record(lines(1, 1)))
    credits_ = CreditsCall(reference="INV-7", claimant="ledger", lines=lines(1, 1))
    assert not await asked.record_credits(credits_)


async def test_a_worker_without_a_register_says_so_and_the_queue_is_asked() -> None:
    with pytest.raises(Unavailable, match="on its own queue"):
        await AtOnce(None).claim(a_claim())


async def test_one_that_has_failed_is_left_alone_for_a_while(register: _Register) -> None:
    now = 0.0
    asked = AtOnce(register, lambda: now)
    register.fails = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await asked.claim(a_claim())
    assert register.asked == 1
    register.fails = False
    now = LEFT_ALONE - 0.1
    with pytest.raises(Unavailable):
        await asked.claim(a_claim())
    now = LEFT_ALONE
    assert (await asked.claim(a_claim())).word is Word.GRANTED
    assert register.asked == 2


async def test_of_those_that_ask_it_again_one_goes_first(register: _Register) -> None:
    now = 0.0
    asked = AtOnce(register, lambda: now)
    register.fails = True
    with pytest.raises(Unavailable):
        await asked.claim(a_claim())
    now = LEFT_ALONE
    register.hangs = asyncio.Event()
    first = asyncio.create_task(asked.claim(a_claim()))
    await register.hangs.wait()
    with pytest.raises(Unavailable, match="on its own queue"):
        await asked.claim(a_claim())
    assert register.asked == 2
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_one_that_has_not_answered_in_time_is_left_alone_as_well(
    register: _Register,
) -> None:
    register.hangs = asyncio.Event()
    asked = AtOnce(register, lambda: 0.0)
    asking = asyncio.create_task(asked.claim(a_claim()))
    await register.hangs.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    with pytest.raises(Unavailable, match="on its own queue"):
        await asked.claim(a_claim())
