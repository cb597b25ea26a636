"""The same tables as a workbook: the same rows, no formula, and a sheet that never is too long."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
from sqlalchemy import Engine

from register import Books
from register.export import exported, verified
from register.export.rows import CREDIT, PAYMENT
from register.export.workbook import MOST_LETTERS, Workbook
from tests.register.said import a_claim, a_record, a_row, lines
from tests.register.test_export import DAY, JUNE, kept, reader, rows
from tests.tiers import detail

__all__ = ["reader"]


def opened(path: Path) -> Any:
    return openpyxl.load_workbook(path / "books.xlsx", read_only=True)


async def test_a_workbook_has_the_same_rows_and_nothing_in_it_is_a_formula(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    huge = Decimal("12345678901234.89")
    long = {"reason": "x" * 40_000}
    await kept(books, "=1+1", told=3, buyer="@evil\x07 & Zn", gross=Decimal("121.00"))
    await kept(books, "INV-2", gross=huge, due=huge, payment="paid", paid=huge)
    await books.claim(a_claim("INV-3"))
    about = a_row(number="N-INV-3", issue_date=DAY)
    await books.record(a_record(lines(1, 1, **long), about, reference="INV-3"))
    out = exported(reader, tmp_path / "june", JUNE, xlsx=True)
    entry = {each.name: each for each in out.manifest.files}["books.xlsx"]
    book = opened(tmp_path / "june")
    assert book.sheetnames == ["invoices", "vat", "payments", "credits", "journal"]
    assert entry.lines == sum(len(list(book[name].iter_rows())) for name in book.sheetnames)
    assert (tmp_path / "june" / "books.xlsx").stat().st_mode & 0o777 == 0o600
    for name in book.sheetnames:
        heading, *found = book[name].iter_rows()
        told = rows(tmp_path / "june", name)
        assert [cell.value for cell in heading] == list(told[0] if told else heading_of(name))
        assert len(found) == len(told)
        assert not [cell for row in found for cell in row if cell.data_type == "f"]
    first, second, _ = list(book["invoices"].iter_rows(min_row=2, values_only=True))
    names = [cell.value for cell in next(book["invoices"].iter_rows())]
    assert (first[0], first[names.index("buyer")]) == ("=1+1", "@evil  & Zn")
    assert first[names.index("gross")] == 121
    assert str(first[names.index("issue_date")]).startswith(DAY.isoformat())
    # More digits than a spreadsheet reckons with stay as they are.
    assert second[names.index("gross")] == "12345678901234.89"
    said = list(book["journal"].iter_rows(values_only=True))
    assert max(len(str(each)) for row in said for each in row) == MOST_LETTERS
    assert list(verified(tmp_path / "june")) == []


def heading_of(name: str) -> tuple[str, ...]:
    return {"payments": PAYMENT, "credits": CREDIT}[name]


def test_what_no_longer_fits_on_a_sheet_goes_on_on_the_next(tmp_path: Path) -> None:
    made = Workbook(tmp_path, most_rows=4)
    sheet = made.sheet("vat", ("reference",))
    for place in range(7):
        sheet.add({"reference": f"R-{place}"})
    assert made.close().lines == 7 + 3
    book = opened(tmp_path)
    sizes = {name: len(list(book[name].iter_rows())) for name in book.sheetnames}
    assert sizes == {"vat": 4, "vat 2": 4, "vat 3": 2}


@detail
async def test_a_flipped_bit_of_the_workbook_is_found(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    await kept(books, "INV")
    exported(reader, tmp_path / "june", JUNE, xlsx=True)
    path = tmp_path / "june" / "books.xlsx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert list(verified(tmp_path / "june")) == ["books.xlsx is not as it was written"]
