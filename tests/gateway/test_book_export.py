"""The books of a month over REST: packed, bounded, to each its own; verified like any export."""

from __future__ import annotations

import contextlib
import csv
import tempfile
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from gateway import tokens
from gateway.backend import Backend
from gateway.book_export import MOST_OUT, ExportFilters, export_of
from gateway.callers import Caller
from gateway.problems import Kind, Trouble
from gateway.reach import Reach
from register import opened
from register.database import made
from register.export import packing as packs
from register.export import verified
from register.export.bookings import BadBookingTable
from register.reading import Reader
from register.tables import journal
from settings.callers import Scope
from settings.gateway import GatewaySettings
from tests.gateway.door import Door, Gateway, caller, callers, gateway_over, problem
from tests.lifecycle.world import World
from tests.register.said import a_claim, a_record, a_row, lines
from tests.tiers import detail

OF_AN_ACCOUNT, OF_REFERENCES = tokens.new(), tokens.new()
ROWS = {"A-1": ("mollie", "shop"), "A-2": ("mollie", "default"), "B-1": ("invoro", "shop")}
PATH = "/v1/books/export"
TABLES = ("invoices", "vat", "payments", "credits", "journal")


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "register.db")


@pytest.fixture
async def booked(shared_world: World, place: str) -> AsyncIterator[Gateway]:
    books = opened(place)
    for reference, (provider, account) in ROWS.items():
        await books.claim(a_claim(reference))
        given = {"provider": provider, "account": account, "number": f"N-{reference}"}
        row = a_row(issue_date=date(2026, 6, 15), **given)
        await books.record(a_record(lines(1, 2), row, reference))
    books.close()
    known = {
        "clerk": caller(OF_AN_ACCOUNT, Scope.READ, accounts=("mollie/shop",)),
        "team": caller(OF_REFERENCES, Scope.READ, references=("B-",)),
    } | callers()
    with contextlib.closing(Reader(place)) as reader:
        async with gateway_over(shared_world.client, known, reader) as gateway:
            yield gateway


async def taken(door: Door, **query: str) -> httpx.Response:
    answer = await door.get(PATH, **{"month": "2026-06", **query})
    assert answer.status_code == 200, answer.text
    return answer


def unpacked(answer: httpx.Response, folder: Path) -> Path:
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        packed.extractall(folder)
    return folder / "books-2026-06"


def references(folder: Path, table: str = "invoices") -> set[str]:
    text = (folder / f"{table}.csv").read_text("utf-8-sig")
    return {row["reference"] for row in csv.DictReader(text.splitlines())}


async def test_the_books_of_a_month_are_taken_whole_and_can_be_verified(
    booked: Gateway, tmp_path: Path
) -> None:
    answer = await taken(booked.door("read"), xlsx="true")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="books-2026-06.zip"'
    folder = unpacked(answer, tmp_path)
    seal = answer.headers["etag"].strip('"')
    assert list(verified(folder, seal)) == []
    names = {f"{table}.{kind}" for table in TABLES for kind in ("csv", "jsonl")}
    others = {"bookings.csv", "books.xlsx", "manifest.json", "manifest.sha256"}
    assert {each.name for each in folder.iterdir()} == names | others
    assert references(folder) == references(folder, "journal") == {*ROWS}
    # A change of it shows.
    with (folder / "vat.csv").open("a") as file:
        file.write("x")
    assert any("vat.csv" in wrong for wrong in verified(folder, seal))


@detail
@pytest.mark.parametrize(
    ("token", "own"), [(OF_AN_ACCOUNT, {"A-1"}), (OF_REFERENCES, {"B-1"})], ids=["account", "refs"]
)
async def test_a_limited_caller_takes_its_own_alone_and_the_manifest_says_so(
    booked: Gateway, tmp_path: Path, token: str, own: set[str]
) -> None:
    folder = unpacked(await taken(booked.bearer(token)), tmp_path)
    for table in ("invoices", "vat", "journal"):
        assert references(folder, table) == own, table
    said = (folder / "manifest.json").read_text()
    assert ("mollie/shop" in said, '"B-"' in said) == (own == {"A-1"}, own == {"B-1"})
    everything = b"".join(each.read_bytes() for each in folder.iterdir())
    for other in ROWS.keys() - own:
        assert other.encode() not in everything
    # Nor by naming somebody else's provider.
    other = "mollie" if own == {"B-1"} else "invoro"
    elsewhere = await taken(booked.bearer(token), provider=other)
    assert references(unpacked(elsewhere, tmp_path / "other")) == set()


@detail
async def test_one_provider_s_or_another_month_s_books_are_taken(
    booked: Gateway, tmp_path: Path
) -> None:
    door = booked.door("read")
    folder = unpacked(await taken(door, provider="invoro"), tmp_path)
    assert references(folder) == references(folder, "journal") == {"B-1"}
    empty = await taken(door, month="2025-01")
    assert '"books-2025-01.zip"' in empty.headers["content-disposition"]


@detail
@pytest.mark.parametrize("most", ["MOST_INVOICES", "MOST_LINES"])
async def test_more_than_the_bound_is_refused_with_what_to_do(
    booked: Gateway, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    count = {"MOST_INVOICES": 3, "MOST_LINES": 6}[most]
    monkeypatch.setattr(packs, most, count)
    await taken(booked.door("read"))
    monkeypatch.setattr(packs, most, count - 1)
    said = problem(await booked.door("read").get(PATH, month="2026-06"), Kind.INVALID)
    (mistake,) = said.errors
    assert (mistake.field, "invoicing export" in mistake.message) == ("query.month", True)
    # What is not the caller's own does not count.
    await taken(booked.bearer(OF_AN_ACCOUNT))


@detail
@pytest.mark.parametrize(
    "query",
    [{}, {"month": "2026-13"}, {"month": "9999-12"}, {"month": "June"}, {"month": "2026-6"}]
    + [{"month": "2026-06", other: "no such"} for other in ("xlsx", "provider", "since")],
)
async def test_what_is_asked_for_wrongly_is_said(booked: Gateway, query: dict[str, str]) -> None:
    problem(await booked.door("read").get(PATH, **query), Kind.INVALID)


@detail
async def test_the_name_says_that_the_journal_was_changed(
    booked: Gateway, place: str, tmp_path: Path
) -> None:
    engine = made(place)
    with engine.begin() as db:
        db.execute(update(journal).where(journal.c.position == 2).values(status="paid"))
    engine.dispose()
    answer = await taken(booked.door("read"))
    assert '"books-2026-06-journal-changed.zip"' in answer.headers["content-disposition"]
    assert list(verified(unpacked(answer, tmp_path)))


@detail
async def test_nothing_of_it_is_left_on_the_disk(
    booked: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    await taken(booked.door("read"))
    assert list(place.iterdir()) == []
    monkeypatch.setattr(packs, "_pack", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    problem(await booked.door("read").get(PATH, month="2026-06"), Kind.UNAVAILABLE)
    assert list(place.iterdir()) == []


@detail
async def test_so_many_are_read_out_at_once_and_no_more(
    shared_world: World, place: str, booked: Gateway
) -> None:
    who, filters = Caller("clerk", frozenset({Scope.READ}), Reach()), ExportFilters(month="2026-06")
    with contextlib.closing(Reader(place)) as reader:
        behind = Backend(shared_world.client, {}, GatewaySettings(), reader)
        out = [await export_of(filters, behind, who) for _ in range(MOST_OUT)]
        with pytest.raises(Trouble) as refused:
            await export_of(filters, behind, who)
        assert refused.value.kind is Kind.UNAVAILABLE
        for _ in range(2):
            out.pop().file.close()
        last = [await export_of(filters, behind, who) for _ in range(2)]
        with pytest.raises(Trouble):
            await export_of(filters, behind, who)
    for each in (*out, *last):
        each.file.close()


async def test_without_a_register_it_says_so(gateway: Gateway) -> None:
    answer = await gateway.door("read").get(PATH, month="2026-06")
    assert "INVOICING_REGISTER_AT" in problem(answer, Kind.NOT_FOUND).detail


@detail
async def test_while_the_register_is_away_it_is_unavailable(
    shared_world: World, tmp_path: Path
) -> None:
    with contextlib.closing(Reader(str(tmp_path / "none.db"))) as reader:
        async with gateway_over(shared_world.client, books=reader) as made:
            problem(await made.door("read").get(PATH, month="2026-06"), Kind.UNAVAILABLE)


@detail
async def test_the_booking_table_is_the_one_that_the_settings_name(
    shared_world: World, booked: Gateway, place: str, tmp_path: Path
) -> None:
    table = tmp_path / "table.toml"
    table.write_text('[columns]\nBuyer = "buyer"\n')
    with contextlib.closing(Reader(place, table)) as reader:
        async with gateway_over(shared_world.client, books=reader) as made:
            folder = unpacked(await taken(made.door("read")), tmp_path)
    assert (folder / "bookings.csv").read_text("cp1252").splitlines()[0] == "Buyer"
    table.write_text('[columns]\nBuyer = "no such"\n')
    with pytest.raises(BadBookingTable):
        Reader(place, table)
