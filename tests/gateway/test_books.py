"""Lists of the register over REST: amounts and totals, page by page, and to each its own."""

from __future__ import annotations

import asyncio
import contextlib
import csv
from collections.abc import AsyncIterator
from io import BytesIO, StringIO
from pathlib import Path

import openpyxl
import pytest

from gateway import book_file, tokens
from gateway.problems import Kind
from invoicing.books.booked import Page, Total, Wanted
from register import opened
from register.reading import Reader
from settings.callers import Scope
from tests.gateway.door import TOKENS, Door, Gateway, caller, callers, gateway_over, problem
from tests.lifecycle.world import World
from tests.register.said import a_claim, a_record, a_row, lines
from tests.tiers import detail

LIMITED = {
    "of an account": {"accounts": ("mollie/shop",)},
    "of a provider": {"accounts": ("invoro",)},
    "of references": {"references": ("A-",)},
    "of both": {"accounts": ("mollie",), "references": ("B-",)},
}
KEYS = {name: tokens.new() for name in LIMITED}
ROWS = {
    "A-1": ("mollie", "shop"),
    "A-2": ("mollie", "default"),
    "B-1": ("mollie", "shop"),
    "B-2": ("invoro", "default"),
}


@pytest.fixture(scope="module")
async def booked(
    shared_world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    place = str(tmp_path_factory.mktemp("register") / "register.db")
    books = opened(place)
    for reference, (provider, account) in ROWS.items():
        await books.claim(a_claim(reference))
        row = a_row(provider=provider, account=account, number=f"N-{reference}")
        await books.record(a_record(lines(1, 1), row, reference))
    books.close()
    known = {
        name: caller(KEYS[name], Scope.READ, **limits) for name, limits in LIMITED.items()
    } | callers()
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, known, reader) as gateway:
            yield gateway


async def everything(door: Door, **filters: str) -> set[str]:
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        answer = (await door.get("/v1/books", limit=1, **filters, **more)).json()
        found += [each["reference"] for each in answer["invoices"]]
        if answer["cursor"] is None:
            assert len(found) == len(set(found))
            return set(found)
        more = {"cursor": answer["cursor"]}


async def test_every_invoice_is_there_once_with_its_amounts(booked: Gateway) -> None:
    door = booked.bearer(TOKENS["read"])
    assert await everything(door) == set(ROWS)
    (one,) = (await door.get("/v1/books", text="n-a-1")).json()["invoices"]
    assert (one["gross"], one["currency"], one["buyer"]) == ("121.00", "EUR", "Bakker & Zn")
    (total,) = (await door.get("/v1/books/totals")).json()["totals"]
    assert (total["invoices"], total["gross"], total["rates"][0]["vat"]) == (4, "484.00", "84.00")


@pytest.mark.parametrize(
    ("limited", "own"),
    [
        ("of an account", {"A-1", "B-1"}),
        ("of a provider", {"B-2"}),
        ("of references", {"A-1", "A-2"}),
        ("of both", {"B-1"}),
    ],
)
async def test_a_limited_caller_sees_and_adds_up_its_own_alone(
    booked: Gateway, limited: str, own: set[str]
) -> None:
    door = booked.bearer(KEYS[limited])
    assert await everything(door) == own
    (total,) = (await door.get("/v1/books/totals")).json()["totals"]
    assert total["invoices"] == len(own)
    assert references((await door.get("/v1/books/file")).text) == own
    # Nor by a filter, nor by the cursor of somebody who sees all.
    assert await everything(door, prefix="A-") == {each for each in own if each[0] == "A"}
    whole = await booked.bearer(TOKENS["read"]).get("/v1/books", limit=1)
    after = await door.get("/v1/books", cursor=whole.json()["cursor"])
    assert {each["reference"] for each in after.json()["invoices"]} <= own


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "bm90LW9uZQ"},
        {"status": "nonsense"},
        {"since": "2", "limit": "999"},
        {"buyer": "a\0b"},
        {"currency": "EURO"},
        {"amount_to": "1,5"},
    ],
)
async def test_what_is_asked_for_wrongly_is_said(booked: Gateway, query: dict[str, str]) -> None:
    answer = await booked.bearer(TOKENS["read"]).get("/v1/books", **query)
    problem(answer, Kind.INVALID)


async def test_a_period_that_ends_before_it_begins_is_a_mistake(booked: Gateway) -> None:
    asked = {"since": "2026-06-02", "until": "2026-06-01"}
    for path in ("/v1/books", "/v1/books/totals"):
        problem(await booked.bearer(TOKENS["read"]).get(path, **asked), Kind.INVALID)


async def test_without_a_register_it_says_so(gateway: Gateway) -> None:
    for path in ("/v1/books", "/v1/books/totals", "/v1/books/file"):
        answer = await gateway.bearer(TOKENS["read"]).get(path)
        assert "INVOICING_REGISTER_AT" in problem(answer, Kind.NOT_FOUND).detail


@detail
async def test_a_register_that_cannot_be_read_is_unavailable_and_comes_back(
    shared_world: World, tmp_path: Path
) -> None:
    place = str(tmp_path / "register.db")
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, books=reader) as made:
            door = made.bearer(TOKENS["read"])
            problem(await door.get("/v1/books"), Kind.UNAVAILABLE)
            opened(place).close()
            assert (await door.get("/v1/books")).json()["invoices"] == []


async def test_how_it_goes_is_told_by_day_and_of_one_s_own_alone(booked: Gateway) -> None:
    asked = {"since": "2026-06-01", "until": "2026-06-30"}
    whole = (await booked.door("read").get("/v1/books/overview", **asked)).json()
    assert [(each["status"], each["invoices"]) for each in whole["days"]] == [("sent", 4)]
    assert [(each["currency"], each["final"]) for each in whole["money"]] == [("EUR", "484.00")]
    mine = (await booked.bearer(KEYS["of both"]).get("/v1/books/overview", **asked)).json()
    assert [each["invoices"] for each in mine["days"]] == [1]


def references(text: str) -> set[str]:
    """Of a CSV file."""
    return {row["reference"] for row in csv.DictReader(StringIO(text.lstrip("\ufeff")))}


async def test_what_a_filter_chooses_is_taken_as_a_file(booked: Gateway) -> None:
    door = booked.door("read")
    answer = await door.get("/v1/books/file", provider="mollie", amount_from="121")
    assert references(answer.text) == {"A-1", "A-2", "B-1"}
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="invoices.csv"'
    assert ",121.00," in answer.text
    comma = await door.get("/v1/books/file", decimal="comma")
    assert ";121,00;" in comma.text
    book = openpyxl.load_workbook(
        BytesIO((await door.get("/v1/books/file", format="xlsx", text="A-1")).content)
    )
    names, row = list(book["invoices"].values)
    said = dict(zip(names, row, strict=True))
    assert (said["reference"], said["gross"], said["buyer"]) == ("A-1", 121, "Bakker & Zn")


@pytest.mark.parametrize(
    "query", [{"format": "exe"}, {"decimal": "x"}, {"cursor": "x"}, {"amount_from": "ten"}]
)
async def test_a_file_that_is_asked_for_wrongly_is_a_mistake(
    booked: Gateway, query: dict[str, str]
) -> None:
    problem(await booked.door("read").get("/v1/books/file", **query), Kind.INVALID)


@pytest.mark.parametrize(
    ("most", "name", "count"),
    [(3, "invoices-first-3.csv", 3), (4, "invoices.csv", 4), (5, "invoices.csv", 4)],
)
async def test_a_file_has_the_latest_rows_up_to_its_bound_and_says_so(
    booked: Gateway, monkeypatch: pytest.MonkeyPatch, most: int, name: str, count: int
) -> None:
    monkeypatch.setattr(book_file, "MOST_ROWS", most)
    monkeypatch.setattr(book_file, "AT_ONCE", 2)
    answer = await booked.door("read").get("/v1/books/file")
    assert f'"{name}"' in answer.headers["content-disposition"]
    assert len(references(answer.text)) == count


async def test_amounts_out_of_order_are_a_mistake(booked: Gateway) -> None:
    asked = {"amount_from": "2", "amount_to": "1"}
    for path in ("/v1/books", "/v1/books/totals", "/v1/books/file"):
        problem(await booked.door("read").get(path, **asked), Kind.INVALID)


@pytest.mark.parametrize("until", ["2026-05-31", "2026-09-01"])
async def test_an_overview_is_of_ninety_two_days_at_most(booked: Gateway, until: str) -> None:
    answer = await booked.door("read").get("/v1/books/overview", since="2026-06-01", until=until)
    problem(answer, Kind.INVALID)


class Stuck(Reader):
    """A register that never answers."""

    def __init__(self) -> None:
        """Over nothing."""

    async def page(self, wanted: Wanted, limit: int, after: str | None = None) -> Page:
        return await asyncio.Future[Page]()

    async def totals(self, wanted: Wanted) -> tuple[Total, ...]:
        return await asyncio.Future[tuple[Total, ...]]()


@detail
async def test_a_register_that_does_not_answer_is_not_taken_for_the_server(
    shared_world: World,
) -> None:
    async with gateway_over(shared_world.client, books=Stuck(), temporal_seconds=0.2) as made:
        for path in ("/v1/books", "/v1/books/totals", "/v1/books/file"):
            late = await made.bearer(TOKENS["read"]).get(path)
            assert "the register did not answer" in problem(late, Kind.UNAVAILABLE).detail
