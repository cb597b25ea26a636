"""The booking file: a row per final invoice and VAT rate, and one more for what was credited.

Its columns, and which accounts are booked, are a table of whoever keeps the accounts (TOML). The
one that is here without it has the columns of a DATEV posting batch and no accounts.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from invoicing.errors import InvoicingError
from invoicing.money import plain
from register.export.manifest import FileEntry
from register.export.rows import Kept
from register.export.tables import Sealed, cell

FIELDS = (
    *("amount", "side", "currency", "receivable", "revenue", "tax_key", "issue_date", "due_date"),
    *("number", "reference", "buyer", "provider", "account", "category", "rate", "taxable", "vat"),
    "kind",
)
"""What a column may be. `amount` is gross, `side` S (debit) or H (credit) of the receivable."""

CONSTANT = "="
"""What a column's value begins with that is the same in every row."""

OTHERWISE = "otherwise"

_DATEV = {
    "Umsatz (ohne Soll/Haben-Kz)": "amount",
    "Soll/Haben-Kennzeichen": "side",
    "WKZ Umsatz": "currency",
    "Konto": "receivable",
    "Gegenkonto (ohne BU-Schlüssel)": "revenue",
    "BU-Schlüssel": "tax_key",
    "Belegdatum": "issue_date",
    "Belegfeld 1": "number",
    "Belegfeld 2": "due_date",
    "Buchungstext": "buyer",
}


class BadBookingTable(InvoicingError):
    """The table of the booking file cannot be used; says where."""


class BookingTable(BaseModel):
    """What a booking file looks like.

    columns: the name of each column, and what is in it: one of FIELDS, or a constant after `=`.
    receivable: the account of what buyers owe; by provider, `otherwise` for all others.
    revenue, tax_keys: by VAT category and rate, as `S 21`; `otherwise` for all others.
    dates: as strftime takes it; DATEV's own is `%d%m`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: dict[Annotated[str, StringConstraints(min_length=1)], str] = Field(
        _DATEV, min_length=1
    )
    receivable: dict[str, str] = {}
    revenue: dict[str, str] = {}
    tax_keys: dict[str, str] = {}
    separator: Annotated[str, StringConstraints(pattern=r"^[;,|\t]$")] = ";"
    decimal: Literal["comma", "point"] = "comma"
    dates: str = "%d%m"
    encoding: Literal["cp1252", "utf-8", "utf-8-sig"] = "cp1252"

    @field_validator("columns")
    @classmethod
    def _known(cls, columns: dict[str, str]) -> dict[str, str]:
        for name, field in columns.items():
            if field not in FIELDS and not field.startswith(CONSTANT):
                raise ValueError(f"{name!r}: {field!r} is none of {', '.join(FIELDS)}, nor =…")
        return columns

    @classmethod
    def read(cls, path: Path) -> Self:
        """The table in this file. Raises BadBookingTable."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
            raise BadBookingTable(f"{path.name} cannot be read: {error}") from None
        except ValidationError as error:
            wrong = (f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise BadBookingTable("\n".join([f"{path.name}:", *wrong])) from None


class Bookings:
    """bookings.csv, row by row."""

    def __init__(self, folder: Path, table: BookingTable) -> None:
        self._table = table
        self._out = Sealed(folder / "bookings.csv", table.encoding.removesuffix("-sig"))
        self._rows = csv.writer(self._out, delimiter=table.separator)
        if table.encoding.endswith("-sig"):
            self._out.write("\ufeff")
            self._out.lines = 0
        self._rows.writerow(table.columns)

    def add(self, kept: Kept) -> None:
        """What is to be booked of this invoice."""
        for booking in booked(kept, self._table):
            self._rows.writerow([self._cell(booking, of) for of in self._table.columns.values()])

    def close(self) -> FileEntry:
        """It is on the disk."""
        return self._out.close()

    def give_up(self) -> None:
        """Let go of it."""
        self._out.give_up()

    def _cell(self, booking: dict[str, Any], field: str) -> str:
        if field.startswith(CONSTANT):
            return field.removeprefix(CONSTANT)
        value = booking[field]
        if hasattr(value, "strftime"):
            return str(value.strftime(self._table.dates))
        return cell(value, self._amount)

    def _amount(self, amount: Decimal) -> str:
        text = f"{amount:f}"
        return text if self._table.decimal == "point" else text.replace(".", ",")


def booked(kept: Kept, table: BookingTable) -> Iterator[dict[str, Any]]:
    """The bookings of an invoice: none until it is final. Together they are its gross, and what was
    credited of it."""
    row = kept.row
    if not kept.final or row.gross is None:
        return
    rates = [_of_rate(kept, table, one) for one in kept.vat()] or [_of_no_rate(kept, table)]
    if kept.is_note:
        for one in rates:
            yield _sided({**one, "kind": "credit"}, "H")
        return
    for one in rates:
        yield _sided({**one, "kind": "invoice"}, "S")
    if row.credited and row.credited == row.gross:
        for one in rates:
            yield _sided({**one, "kind": "credit"}, "H")
    elif row.credited:
        # A part: which rate it was at, nobody has recorded, unless there is but one.
        part = rates[0] if len(rates) == 1 else _of_no_rate(kept, table)
        unknown = {"amount": row.credited, "taxable": None, "vat": None, "kind": "credit"}
        yield _sided({**part, **unknown}, "H")


def _sided(booking: dict[str, Any], side: str) -> dict[str, Any]:
    """No booking is below zero: it is then one on the other side."""
    amount = booking["amount"]
    if amount < 0:
        side = "H" if side == "S" else "S"
    return {**booking, "amount": abs(amount), "side": side}


def _of_rate(kept: Kept, table: BookingTable, vat: dict[str, Any]) -> dict[str, Any]:
    key = f"{vat['category']} {plain(vat['rate'])}"
    amount = vat["taxable"] + vat["vat"]
    return {**_about(kept, table, key), **vat, "amount": amount}


def _of_no_rate(kept: Kept, table: BookingTable) -> dict[str, Any]:
    nothing = dict.fromkeys(("category", "rate", "taxable", "vat"))
    return {**_about(kept, table, OTHERWISE), **nothing, "amount": kept.row.gross}


def _about(kept: Kept, table: BookingTable, key: str) -> dict[str, Any]:
    row, columns = kept.row, kept.columns
    return {
        "currency": columns["currency"],
        "receivable": _found(table.receivable, row.provider),
        "revenue": _found(table.revenue, key),
        "tax_key": _found(table.tax_keys, key),
        "issue_date": row.issue_date or columns["began_at"].date(),
        "due_date": row.due_date,
        "number": columns["number"],
        "reference": columns["reference"],
        "buyer": columns["buyer"],
        "provider": row.provider,
        "account": row.account,
    }


def _found(accounts: dict[str, str], key: str) -> str:
    return accounts.get(key, accounts.get(OTHERWISE, ""))
