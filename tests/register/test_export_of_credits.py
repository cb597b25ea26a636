"""A credit note in an export: booked the other way, and part of no sum but of what was credited."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from register import Books
from register.export import BookingTable, exported
from tests.register.test_export import JUNE, kept, reader, rows

__all__ = ["reader"]


async def test_a_credit_note_is_booked_the_other_way_and_adds_to_nothing_but_what_was_credited(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    gross = Decimal("121.00")
    await kept(books, "INV")
    note: dict[str, Any] = {"credit_note": True, "credits": "INV"}
    await kept(books, "INV-C1", **note)
    await kept(books, "INV-C2", **note, number=None)
    await kept(books, "INV-C3", **note, number=None, stage="none", status="abandoned")
    out = exported(reader, tmp_path / "june", JUNE)
    (sums,) = out.manifest.totals
    assert (sums.invoices, sums.credit_notes, sums.gross) == (1, 2, "121.00")
    assert Decimal(sums.credited) == 2 * gross
    booked = {
        row["reference"]: (row["kind"], row["side"], row["amount"])
        for row in _bookings(reader, tmp_path / "booked")
    }
    assert booked == {
        "INV": ("invoice", "S", "121.00"),
        "INV-C1": ("credit", "H", "121.00"),
        "INV-C2": ("credit", "H", "121.00"),
    }
    taxed = {row["reference"]: row["credit_note"] for row in rows(tmp_path / "june", "vat")}
    assert taxed == {"INV": "no", "INV-C1": "yes", "INV-C2": "yes", "INV-C3": "yes"}
    credits_ = {row["reference"]: row for row in rows(tmp_path / "june", "credits")}
    assert credits_.keys() == {"INV-C1", "INV-C2"}
    assert credits_["INV-C1"]["credits"] == "INV"
    assert credits_["INV-C1"]["credited"] == "121.00"


def _bookings(reader: Engine, folder: Path) -> list[Any]:
    names = ("reference", "kind", "side", "amount")
    table = BookingTable(separator=",", decimal="point", columns={each: each for each in names})
    exported(reader, folder, JUNE, bookings=table)
    return rows(folder, "bookings", encoding=table.encoding)
