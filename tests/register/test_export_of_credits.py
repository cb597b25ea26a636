"""Credits and orders in an export. A credit note is booked the other way, and part of no sum but of
what was credited; what people said of credits and orders is in the journal."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from invoicing.state.recording import CreditsCall
from register import Books
from register.export import BookingTable, exported, verified
from tests.register.said import a_claim, a_record, a_row, lines
from tests.register.test_export import JUNE, kept, objects, reader, rows
from tests.tiers import detail

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


@detail
async def test_the_journal_has_what_orders_and_credits_tell_as_well(
    books: Books, reader: Engine, tmp_path: Path
) -> None:
    await kept(books, "INV-7", told=1)
    await books.claim(a_claim("ORDER-1", kind="order"))
    order = a_record(lines(1, 2, by="Ans"), a_row(number=None), "ORDER-1", kind="order")
    await books.record(order)
    told = CreditsCall(reference="INV-7", claimant="ledger", lines=lines(1, 1, by="Bo"))
    await books.record_credits(told)
    for provider in (None, "mollie"):
        folder = tmp_path / str(provider)
        assert exported(reader, folder, JUNE, provider).broken is None
        assert [
            (line["kind"], line["reference"], line["claimant"], line["by"])
            for line in objects(folder, "journal")
        ] == [
            ("invoice", "INV-7", "one", ""),
            ("order", "ORDER-1", "one", "Ans"),
            ("order", "ORDER-1", "one", "Ans"),
            ("invoice", "INV-7", "ledger", "Bo"),
        ]
        assert not list(verified(folder))
        # An order is asked for, and invoiced by its deliveries: it has no amounts of its own.
        assert [one["reference"] for one in objects(folder, "invoices")] == ["INV-7"]
