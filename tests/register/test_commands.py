"""`export` and `verify` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from register import Books
from starter import Code
from tests.command_line import typed
from tests.register.test_export import kept

JUNE = ("--month", "2026-06")


async def test_a_month_is_exported_and_verified(place: str, books: Books, tmp_path: Path) -> None:
    for reference in ("INV-1", "INV-2"):
        await kept(books, reference)
    folder = tmp_path / "june"
    said = await typed("export", *JUNE, "-o", str(folder), INVOICING_REGISTER_AT=place)
    assert said.exit_code == Code.DONE, said.output
    assert "2 invoices: net 200.00 + VAT 42.00 = gross 242.00" in said.stdout
    seal = said.stdout.split()[-1]
    fine = await typed("verify", str(folder), "--seal", seal)
    assert (fine.exit_code, fine.stdout) == (Code.DONE, "It is as it was written.\n")
    with (folder / "vat.csv").open("a") as file:
        file.write("more")
    bad = await typed("verify", str(folder), "--json")
    assert bad.exit_code == Code.FAILED
    (wrong,) = json.loads(bad.stdout)["wrong"]
    assert wrong.startswith("vat.csv is not as it was written, has ")


async def test_the_columns_of_the_booking_file_are_a_setting(
    place: str, books: Books, tmp_path: Path
) -> None:
    await kept(books, "INV-1")
    table = tmp_path / "bookings.toml"
    table.write_text("columns = { Amount = 'amount', Whose = 'buyer' }")
    given = {"INVOICING_REGISTER_AT": place, "INVOICING_BOOKINGS": str(table)}
    said = await typed("export", *JUNE, "-o", str(tmp_path / "june"), **given)
    assert said.exit_code == Code.DONE, said.output
    booked = (tmp_path / "june" / "bookings.csv").read_text("cp1252").splitlines()
    assert booked == ["Amount;Whose", "121,00;Bakker & Zn"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "Say which period"),
        (("--month", "June"), "--month is written as 2026-06"),
        ((*JUNE, "--from", "2026-06-01"), "Say either --month"),
        (("--from", "2026-06-02", "--until", "2026-06-01"), "--until is before --from"),
        (JUNE, "There is no register here"),
    ],
)
async def test_what_cannot_be_exported_is_said(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    said = await typed("export", *arguments, "-o", str(tmp_path / "out"))
    assert said.exit_code == Code.BAD_INPUT
    assert why in said.stderr
    assert not (tmp_path / "out").exists()
