"""How it goes: the pictures, and the tables that say the same."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from console import pictures
from gateway import tokens
from invoicing.books.calls import Called
from invoicing.books.overview import DayCount
from invoicing.state.invoice import Status
from register import opened
from register.reading import Reader
from settings.callers import Scope
from tests.console.browser import Browser, console_over
from tests.console.conftest import signed_in
from tests.console.scenes import differing, until
from tests.gateway.door import TOKENS, caller
from tests.lifecycle.world import Company, World
from tests.register.said import a_claim, a_record, a_row, lines
from tests.tiers import detail

TODAY = date(2026, 6, 30)
SPAN = [TODAY - timedelta(days=before) for before in (2, 1, 0)]


def counted(day: date, status: str, invoices: int) -> DayCount:
    return DayCount(day=day, status=status, invoices=invoices)


# --- where things are -----------------------------------------------------------------------------


def test_every_status_has_a_colour_and_only_one() -> None:
    statuses = [each for statuses in pictures.GROUPS.values() for each in statuses]
    assert sorted(statuses) == sorted(Status)


def test_the_parts_of_a_day_stand_on_each_other_and_fit_the_field() -> None:
    told = [counted(SPAN[0], "sent", 3), counted(SPAN[0], "held", 1), counted(SPAN[2], "paid", 40)]
    chart = pictures.by_day(SPAN, told)
    assert chart.top == 40
    sent, person, paid = chart.blocks
    assert (sent.group, person.group, paid.group) == ("sent", "person", "paid")
    assert sent.y + sent.height == pictures.HEIGHT
    assert person.y + person.height == pytest.approx(sent.y)
    assert (paid.y, paid.height) == (0, pictures.HEIGHT)
    assert sent.x < paid.x < paid.x + paid.width <= pictures.WIDTH
    assert chart.days[SPAN[1]] == dict.fromkeys(pictures.GROUPS, 0)


def test_a_status_of_a_newer_worker_is_under_way() -> None:
    chart = pictures.by_day(SPAN, [counted(SPAN[0], "teleported", 1)])
    assert [each.group for each in chart.blocks] == ["under_way"]


@pytest.mark.parametrize(
    ("most", "top"), [(0, 2), (1, 2), (3, 4), (5, 10), (10, 10), (11, 20), (99, 100), (401, 1000)]
)
def test_an_axis_ends_with_a_round_number(most: int, top: int) -> None:
    assert pictures.round_up(most) == top


def test_what_is_there_at_all_has_a_bar_that_is_seen() -> None:
    assert pictures.lengths([Decimal(100_000), Decimal("0.01"), Decimal(0)]) == [1000, 4, 0]
    assert pictures.lengths([]) == []


# --- the page -------------------------------------------------------------------------------------


async def _kept(place: Path) -> str:
    """Two of today: A-1 is sent and overdue, B-1 paid."""
    where, now = str(place / "register.db"), datetime.now(UTC)
    books = opened(where)
    paid: dict[str, Any] = {"status": "paid", "payment": "paid", "paid": Decimal(121)}
    rows: dict[str, dict[str, Any]] = {
        "A-1": {"due_date": now.date() - timedelta(days=1)},
        "B-1": paid,
    }
    for reference, row in rows.items():
        await books.claim(a_claim(reference))
        told = [each.model_copy(update={"at": now}) for each in lines(1, 1)]
        call = a_record(tuple(told), a_row(**row), reference)
        await books.record(call.model_copy(update={"began": now}))
    calls = {("mollie", "ok"): 7, ("mollie", "unavailable"): 2, ("invoro", "rejected"): 1}
    await books.count_calls(
        tuple(
            Called(day=now.date(), provider=provider, account="a", result=result, calls=count)
            for (provider, result), count in calls.items()
        )
    )
    books.close()
    return where


@detail
async def test_the_page_says_in_tables_what_its_pictures_show(
    shared_world: World, tmp_path: Path
) -> None:
    key = tokens.new()
    known = {
        "whole": caller(TOKENS["read"], Scope.READ),
        "limited": caller(key, Scope.READ, references=("B-",)),
    }
    with contextlib.closing(Reader(await _kept(tmp_path))) as reader:
        async with console_over(shared_world.client, known, books=reader) as gateway:
            browser, limited = Browser(gateway.url), Browser(gateway.url)
            await browser.sign_in(TOKENS["read"])
            await limited.sign_in(key)
            page = await browser.get("/console/going", params={"days": "7"})
            mine = await limited.get("/console/going")
    assert page.status == 200
    today = f"{datetime.now(UTC):%b} {datetime.now(UTC).day}, {datetime.now(UTC).year}"
    assert f"{today} 1 1 0 0 0" in page.text
    assert "asked for €242.00 final €242.00 paid €121.00" in page.text
    assert "overdue €121.00" in page.text
    (chart,) = [given for tag, given in page.tags if given.get("role") == "img"]
    assert chart["aria-describedby"] == "by-day-table"
    shown = [given["class"] for tag, given in page.tags if tag == "rect"]
    assert shown[:2] == ["paid", "sent"]
    assert "Half of them within 95 of 100 within As a bar mollie 2 1 second 1 second" in page.text
    assert "mollie / a 9 2 2 × it was away, or wanted us to wait" in page.text
    assert "invoro / a 1 1 1 × it refused what was sent" in page.text
    assert "No call of these days is written down." in mine.text, "calls are of accounts"
    assert "asked for €121.00" in mine.text
    assert "overdue €0.00" in mine.text


@detail
async def test_what_waits_is_counted_by_its_reason(company: Company, browser: Browser) -> None:
    await differing(company)
    page = await until(
        browser, "/console/going", lambda page: "A person: the provider's figures" in page.text
    )
    assert "This system keeps no register" in page.text


async def test_there_are_spans_and_no_other(shared_world: World) -> None:
    async with console_over(shared_world.client) as gateway:
        browser = await signed_in(gateway, "read")
        assert (await browser.get("/console/going", params={"days": "91"})).status == 200
        assert (await browser.get("/console/going", params={"days": "4000"})).status == 422
