"""The books of a period as files: in them is what was recorded, and a change of them shows."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from invoicing.books.periods import Period
from invoicing.document import VatCategory
from invoicing.totals import VatRow
from register import Books
from register.database import BadRegister, for_reading, made
from register.export import BookingTable, exported, verified
from register.export.bookings import BadBookingTable
from register.export.manifest import MANIFEST, SEAL, Manifest, sealed
from register.export.writing import BadExport, Exported
from register.tables import claims, invoices, journal
from tests.register.said import a_claim, a_record, a_row, lines
from tests.tiers import detail, slow

JUNE = Period.month("2026-06")
DAY = date(2026, 6, 15)


@pytest.fixture
def reader(place: str, books: Books) -> Iterator[Engine]:
    engine = for_reading(place)
    yield engine
    engine.dispose()


async def kept(books: Books, reference: str, told: int = 2, **row: Any) -> None:
    await books.claim(a_claim(reference))
    given = {"issue_date": DAY, "provider_id": reference, "number": f"N-{reference}", **row}
    await books.record(a_record(lines(1, told), a_row(**given), reference=reference))


def rows(folder: Path, name: str, separator: str = ",", encoding: str = "utf-8-sig") -> list[Any]:
    with (folder / f"{name}.csv").open(newline="", encoding=encoding) as file:
        return list(csv.DictReader(file, delimiter=separator))


def objects(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def rated(*rates: tuple[str, str, str]) -> tuple[VatRow, ...]:
    return tuple(
        VatRow(
            category=VatCategory.STANDARD,
            rate=Decimal(rate),
            taxable=Decimal(taxable),
            vat=Decimal(vat),
        )
        for rate, taxable, vat in rates
    )


# --- what is in it --------------------------------------------------------------------------------


async def test_sums_are_what_was_recorded_to_the_cent(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    chance = random.Random(7)  # noqa: S311
    for place in range(60):
        low, high = (Decimal(chance.randrange(1, 10**9)).scaleb(-2) for _ in range(2))
        tax, more = ((each * Decimal("0.21")).quantize(Decimal("0.01")) for each in (low, high))
        gross = low + high + tax + more
        await kept(
            books,
            f"INV-{place}",
            net=low + high,
            vat=tax + more,
            gross=gross,
            due=gross,
            paid=chance.choice((gross, Decimal(0), None)),
            payment=chance.choice(("paid", "unpaid", "partly_paid")),
            credited=chance.choice((gross, Decimal(0))),
            currency=chance.choice(("EUR", "USD")),
            vat_rows=rated(("21", str(low), str(tax)), ("9", str(high), str(more))),
        )
    out = exported(reader, tmp_path / "june", JUNE)
    columns = [func.sum(invoices.c[name]) for name in ("net", "vat", "gross", "due", "credited")]
    with reader.begin() as db:
        recorded = {
            row[0]: [Decimal(int(each)).scaleb(-2) for each in row[1:]]
            for row in db.execute(
                select(invoices.c.currency, *columns).group_by(invoices.c.currency)
            )
        }
    folder = tmp_path / "june"
    for sums in out.manifest.totals:
        named = [sums.net, sums.vat, sums.gross, sums.due, sums.credited]
        assert [Decimal(each) for each in named] == recorded[sums.currency]
        of = [row for row in rows(folder, "invoices") if row["currency"] == sums.currency]
        assert sum(Decimal(row["gross"]) for row in of) == Decimal(sums.gross)
        assert sum(not row["paid"] for row in of) == sums.paid_unknown
        taxed = [row for row in objects(folder, "vat") if row["currency"] == sums.currency]
        assert sum(Decimal(row["vat"]) for row in taxed) == Decimal(sums.vat)
        booked = [
            row
            for row in rows(folder, "bookings", ";", "cp1252")
            if row["WKZ Umsatz"] == sums.currency
        ]
        balance = sum(_booked(row) for row in booked)
        assert balance == Decimal(sums.gross) - Decimal(sums.credited)
    assert {each.currency for each in out.manifest.totals} == recorded.keys()


def _booked(row: dict[str, str]) -> Decimal:
    amount = Decimal(row["Umsatz (ohne Soll/Haben-Kz)"].replace(",", "."))
    return amount if row["Soll/Haben-Kennzeichen"] == "S" else -amount


async def test_an_invoice_is_of_the_day_of_its_issue_or_else_of_its_request(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    await kept(books, "first", issue_date=date(2026, 6, 1))
    await kept(books, "last", issue_date=date(2026, 6, 30))
    await kept(books, "before", issue_date=date(2026, 5, 31))
    await kept(books, "after", issue_date=date(2026, 7, 1))
    await kept(books, "undated", issue_date=None)
    exported(reader, tmp_path / "june", JUNE)
    found = {row["reference"] for row in rows(tmp_path / "june", "invoices")}
    assert found == {"first", "last", "undated"}
    exported(reader, tmp_path / "may", Period(date(2026, 5, 1), date(2026, 5, 31)))
    assert [row["reference"] for row in rows(tmp_path / "may", "invoices")] == ["before"]
    assert rows(tmp_path / "may", "journal") == []
    assert list(verified(tmp_path / "may")) == []


async def test_a_provider_s_export_has_its_own_lines_alone_and_can_be_verified(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    for place in range(6):
        provider = "mollie" if place % 2 else "invoro"
        await kept(books, f"INV-{place}", provider=provider)
    exported(reader, tmp_path / "june", JUNE, "mollie")
    folder = tmp_path / "june"
    assert {row["provider"] for row in rows(folder, "invoices")} == {"mollie"}
    told = {row["reference"] for row in objects(folder, "journal")}
    assert told == {"INV-1", "INV-3", "INV-5"}
    assert list(verified(folder)) == []


async def test_payments_and_credits_are_those_of_which_something_is_known(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    gross = Decimal("121.00")
    await kept(books, "paid", payment="paid", paid=gross)
    await kept(books, "partly", payment="partly_paid", paid=None)
    await kept(books, "unpaid")
    await kept(books, "credited", status="credited", credited=gross)
    exported(reader, tmp_path / "june", JUNE)
    payments = {row["reference"]: row["paid"] for row in rows(tmp_path / "june", "payments")}
    assert payments == {"paid": "121.00", "partly": ""}
    (credit,) = rows(tmp_path / "june", "credits")
    assert (credit["reference"], credit["credited"]) == ("credited", "121.00")


async def test_no_spreadsheet_takes_what_others_wrote_for_a_formula(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    evil = '=HYPERLINK("http://evil")'
    await books.claim(a_claim())
    row = a_row(buyer=evil, number="+1", provider_id="@x", issue_date=DAY)
    await books.record(a_record(lines(1, 1, by="-1+1", reason="＝2"), row))
    exported(reader, tmp_path / "june", JUNE)
    folder = tmp_path / "june"
    for name, separator, encoding in (
        ("invoices", ",", "utf-8-sig"),
        ("journal", ",", "utf-8-sig"),
        ("bookings", ";", "cp1252"),
    ):
        cells = [cell for row in rows(folder, name, separator, encoding) for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝"))]
    assert objects(folder, "invoices")[0]["buyer"] == evil
    assert list(verified(folder)) == []


async def test_an_amount_that_no_column_holds_is_exported_all_the_same(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    large = Decimal("999999999999999.9999")
    whole = rated(("0", str(large), "0"))
    await kept(books, "large", currency="CLF", gross=large, net=large, vat_rows=whole)
    out = exported(reader, tmp_path / "june", JUNE)
    assert out.manifest.totals[0].gross == str(large)
    assert rows(tmp_path / "june", "vat")[0]["taxable"] == str(large)


async def test_writers_go_on_and_the_export_sees_one_moment(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    await kept(books, "INV-1")
    with reader.begin() as db:
        before = db.execute(select(func.count()).select_from(invoices)).scalar()
        await kept(books, "INV-2")
        assert db.execute(select(func.count()).select_from(invoices)).scalar() == before == 1
    exported(reader, tmp_path / "june", JUNE)
    assert len(rows(tmp_path / "june", "invoices")) == 2


# --- bookings -------------------------------------------------------------------------------------

TABLE = """
separator = ","
decimal = "point"
dates = "%Y-%m-%d"
encoding = "utf-8"
receivable = { mollie = "1410", otherwise = "1400" }
revenue = { "S 21" = "8400", otherwise = "8000" }
tax_keys = { "S 21" = "9" }
[columns]
Amount = "amount"
Side = "side"
From = "receivable"
To = "revenue"
Key = "tax_key"
Day = "issue_date"
Number = "number"
Cost = "=4711"
"""


async def test_a_table_says_what_is_booked_where(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    two = rated(("21", "100.00", "21.00"), ("9", "50.00", "4.50"))
    sums: dict[str, Any] = {
        "net": Decimal(150),
        "vat": Decimal("25.50"),
        "gross": Decimal("175.50"),
    }
    await kept(books, "two", vat_rows=two, **sums)
    await kept(books, "negative", provider="invoro", vat_rows=rated(("21", "-10.00", "-2.10")))
    await kept(books, "draft", number=None)
    await kept(books, "part", vat_rows=two, **sums, credited=Decimal("10.00"))
    table = BookingTable.model_validate(tomllib.loads(TABLE))
    exported(reader, tmp_path / "june", JUNE, bookings=table)
    booked = [list(row.values()) for row in rows(tmp_path / "june", "bookings", ",", "utf-8")]
    day, cost = "2026-06-15", "4711"
    assert booked == [
        ["12.10", "H", "1400", "8400", "9", day, "N-negative", cost],
        ["121.00", "S", "1410", "8400", "9", day, "N-part", cost],
        ["54.50", "S", "1410", "8000", "", day, "N-part", cost],
        ["10.00", "H", "1410", "8000", "", day, "N-part", cost],
        ["121.00", "S", "1410", "8400", "9", day, "N-two", cost],
        ["54.50", "S", "1410", "8000", "", day, "N-two", cost],
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns = 3", "columns"),
        ("columns = { A = 'colour' }", "'colour' is none of"),
        ("colums = {}", "colums"),
        ("= 3", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bookings.toml"
    path.write_text(text)
    with pytest.raises(BadBookingTable, match=said):
        BookingTable.read(path)


# --- a change of it shows -------------------------------------------------------------------------


@pytest.fixture
async def june(books: Books, reader: Engine, tmp_path: Path) -> Path:
    for place in range(4):
        await kept(books, f"INV-{place}", told=3)
    exported(reader, tmp_path / "june", JUNE)
    assert list(verified(tmp_path / "june")) == []
    return tmp_path / "june"


@slow
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_each_of_a_thousand_flipped_bits_is_found(june: Path) -> None:
    chance = random.Random(3)  # noqa: S311
    files = [each for each in sorted(june.iterdir()) if each.stat().st_size]
    assert {MANIFEST, SEAL} < {each.name for each in files}
    for _ in range(1000):
        file = chance.choice(files)
        before = file.read_bytes()
        where, bit = chance.randrange(len(before)), chance.randrange(8)
        flipped = bytearray(before)
        flipped[where] ^= 1 << bit
        file.write_bytes(flipped)
        assert list(verified(june)), f"{file.name}, byte {where}, bit {bit}"
        file.write_bytes(before)
    assert list(verified(june)) == []


def test_every_file_that_is_missing_or_added_is_named(june: Path) -> None:
    for file in sorted(june.iterdir()):
        text = file.read_bytes()
        file.unlink()
        assert f"{file.name} is missing" in list(verified(june))
        file.write_bytes(text)
    (june / "more.csv").write_text("")
    assert list(verified(june)) == ["more.csv is not of this export"]


def rewritten(june: Path, journal_lines: list[str]) -> None:
    """Whoever changes the journal, and every digest that says so, but for the chain."""
    file = june / "journal.jsonl"
    file.write_text("".join(f"{line}\n" for line in journal_lines))
    manifest = Manifest.model_validate_json((june / MANIFEST).read_text())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    files = tuple(
        each.model_copy(update={"sha256": digest}) if each.name == file.name else each
        for each in manifest.files
    )
    text = manifest.model_copy(update={"files": files}).text
    (june / MANIFEST).write_bytes(text)
    (june / SEAL).write_bytes(sealed(text))


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_broken_chain_is_found_although_every_digest_fits(june: Path) -> None:
    whole = (june / "journal.jsonl").read_text().splitlines()
    said = json.dumps({**json.loads(whole[4]), "what": "another"})
    status = json.dumps({**json.loads(whole[4]), "status": "paid"})
    changes = {
        "row 5": [*whole[:4], said, *whole[5:]],
        "row 5: line 5 is not": [*whole[:4], status, *whole[5:]],
        "row 5: line 6": [*whole[:4], *whole[5:]],
        "row 5: line 6 is not chained": [*whole[:4], whole[5], whole[4], *whole[6:]],
        "must have 12 lines": whole[:-1],
        "row 13": [*whole, whole[-1]],
        "row 3: cannot": [*whole[:2], "{}", *whole[3:]],
    }
    for where, changed in changes.items():
        rewritten(june, changed)
        (found,) = verified(june)
        assert where in found
    rewritten(june, whole)
    assert list(verified(june)) == []


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
async def test_who_kept_the_seal_finds_a_folder_of_which_all_was_changed(
    books: Books, reader: Engine, june: Path, tmp_path: Path
) -> None:
    out: Exported = exported(reader, tmp_path / "again", JUNE)
    assert list(verified(tmp_path / "again", out.seal)) == []
    (found,) = verified(june, out.seal)
    assert "is not the one with the seal" in found


async def test_a_line_that_was_changed_in_the_register_is_told_of(
    place: str, books: Books, reader: Engine, tmp_path: Path
) -> None:
    await kept(books, "INV-1", told=4)
    engine = made(place)
    with engine.begin() as db:
        db.execute(update(journal).where(journal.c.position == 3).values(status="paid"))
    engine.dispose()
    out = exported(reader, tmp_path / "june", JUNE)
    assert out.broken == "line 3 is not as it was written"
    (found,) = verified(tmp_path / "june")
    assert "line 3 is not as it was written" in found


async def test_what_was_erased_of_a_line_breaks_no_chain(
    place: str, books: Books, reader: Engine, tmp_path: Path
) -> None:
    await kept(books, "INV-1", told=4)
    engine = made(place)
    with engine.begin() as db:
        db.execute(update(journal).where(journal.c.position == 2).values(salt=None, said=None))
    # Nobody has erased it: the chain holds, and it is told of all the same.
    missed = exported(reader, tmp_path / "missed", JUNE).broken
    assert missed == "line 2 (INV-1): what it says is gone, and nobody erased it"
    with engine.begin() as db:
        db.execute(update(claims).values(erased_at=datetime.now(UTC)))
    engine.dispose()
    assert exported(reader, tmp_path / "june", JUNE).broken is None
    assert list(verified(tmp_path / "june")) == []


# --- where it fails -------------------------------------------------------------------------------


async def test_a_folder_that_is_not_empty_is_left_alone(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    (tmp_path / "june").mkdir()
    (tmp_path / "june" / "mine").write_text("mine")
    with pytest.raises(BadExport, match="not empty"):
        exported(reader, tmp_path / "june", JUNE)
    assert [each.name for each in (tmp_path / "june").iterdir()] == ["mine"]


async def test_what_fails_in_the_middle_leaves_no_folder(
    books: Books, reader: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(books, "INV-1")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("register.export.bookings.Bookings.add", fail)
    with pytest.raises(BadExport, match="No space left"):
        exported(reader, tmp_path / "june", JUNE)
    assert not [*tmp_path.glob("*june*")]  # noqa: ASYNC240


def test_a_register_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadRegister, match="no register at this place"):
        for_reading(str(tmp_path / "none.db"))
    assert list(tmp_path.iterdir()) == []


@detail
def test_files_can_be_read_by_their_owner_alone(june: Path) -> None:
    assert {oct(each.stat().st_mode)[-3:] for each in june.iterdir()} == {"600"}
    assert oct(june.stat().st_mode)[-3:] == "700"


@detail
def test_a_month_has_all_its_days() -> None:
    assert Period.month("2028-02") == Period(date(2028, 2, 1), date(2028, 2, 29))
    assert Period.month("2026-12") == Period(date(2026, 12, 1), date(2026, 12, 31))
    assert JUNE.moments[1] == datetime(2026, 7, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="2026"):
        Period.month("2026")
