"""Calls to providers, counted by day, account and result: added up, to each its own, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from invoicing.books.booked import Wanted
from invoicing.books.calls import KEPT, Called
from invoicing.books.periods import Period
from invoicing.errors import Unavailable
from register import Books
from register.database import for_reading
from register.overview import overview
from register.tables import provider_calls
from tests.tiers import detail

DAY = date(2026, 6, 1)
JUNE = Period(DAY, date(2026, 6, 30))


@pytest.fixture
def reader(place: str, books: Books) -> Iterator[Engine]:
    engine = for_reading(place)
    yield engine
    engine.dispose()


def called(calls: int = 1, **changes: Any) -> Called:
    given = {"day": DAY, "provider": "mollie", "account": "shop", "result": "ok", **changes}
    return Called(calls=calls, **given)


def told(reader: Engine, **wanted: Any) -> dict[tuple[str, str, str], int]:
    found = overview(reader, Wanted(**wanted), JUNE, DAY).calls
    return {(each.provider, each.account, each.result): each.calls for each in found}


async def test_counts_of_many_processes_and_days_are_added_up(books: Books, reader: Engine) -> None:
    await books.count_calls((called(3), called(1, result="rejected")))
    await books.count_calls((called(2), called(4, day=DAY + timedelta(days=29))))
    await books.count_calls((called(50, day=DAY + timedelta(days=30)),))
    await books.count_calls(())
    assert told(reader) == {("mollie", "shop", "ok"): 9, ("mollie", "shop", "rejected"): 1}


async def test_of_many_who_count_at_once_nothing_is_lost(books: Books, reader: Engine) -> None:
    async def count() -> None:
        # Of two who begin a row the second comes again, as it does a minute later.
        for _ in range(50):
            try:
                return await books.count_calls((called(1), called(1, result="rejected")))
            except Unavailable:
                await asyncio.sleep(0)
        raise AssertionError("it is never taken")

    await asyncio.gather(*(count() for _ in range(20)))
    assert told(reader) == {("mollie", "shop", "ok"): 20, ("mollie", "shop", "rejected"): 20}


@pytest.mark.parametrize(
    ("wanted", "own"),
    [
        ({"accounts": ("mollie/shop",)}, {"shop"}),
        ({"accounts": ("mollie",)}, {"shop", "other"}),
        ({"accounts": ("mollie/shop", "invoro")}, {"shop", "third"}),
        ({"provider": "invoro"}, {"third"}),
        ({"account": "other"}, {"other"}),
        # Of a call nobody knows whose reference it was about.
        ({"prefixes": ("A-",)}, set()),
    ],
)
async def test_a_limited_caller_is_told_of_its_own_accounts_alone(
    books: Books, reader: Engine, wanted: dict[str, Any], own: set[str]
) -> None:
    mine, third = called(account="other"), called(provider="invoro", account="third")
    await books.count_calls((called(), mine, third))
    assert {account for _, account, _ in told(reader, **wanted)} == own


@detail
async def test_what_is_too_old_is_forgotten(books: Books, reader: Engine) -> None:
    await books.count_calls((called(day=DAY - KEPT), called(day=DAY - KEPT + timedelta(days=1))))
    await books.count_calls((called(day=DAY + timedelta(days=1)),))
    with reader.begin() as db:
        left = db.execute(select(func.min(provider_calls.c.day), func.count())).one()
    assert tuple(left) == (DAY - KEPT + timedelta(days=1), 2)
