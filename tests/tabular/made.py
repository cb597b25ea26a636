"""Files as five spreadsheets and ERPs write them in five languages, made here and nowhere kept.

Each says the same three invoices, so each must yield the same requests: the reference decides.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.cell import WriteOnlyCell

HEADER = (
    "reference",
    "provider",
    "hold",
    "currency",
    "issue_date",
    "due_date",
    "buyer.name",
    "buyer.account_number",
    "line.id",
    "line.name",
    "line.quantity",
    "line.unit_price",
    "line.vat.rate",
    "options.include_terminated_contracts",
)


@dataclass(frozen=True)
class Tongue:
    """How one language writes, in its spreadsheets."""

    decimal: str
    thousands: str
    day: str
    true: str
    false: str
    buyer: str
    item: str
    encoding: str = "cp1252"

    def number(self, value: Decimal, places: int | None = None) -> str:
        text = f"{value:,.{places}f}" if places is not None else f"{value:,f}"
        swap = {",": self.thousands, ".": self.decimal}
        return "".join(swap.get(each, each) for each in text)


TONGUES = {
    "nl": Tongue(",", ".", "%d-%m-%Y", "WAAR", "ONWAAR", "Café Zoë BV", "Vervanging meter"),
    "de": Tongue(",", ".", "%d.%m.%Y", "WAHR", "FALSCH", "Müller & Söhne", "Zähler 50 €"),
    "fr": Tongue(",", "\u202f", "%d/%m/%Y", "VRAI", "FAUX", "Crémerie Éloïse", "Pièce à 50 €"),
    "en": Tongue(".", ",", "%d/%m/%Y", "TRUE", "FALSE", "O'Brien Ltd", '19" rack, £'),
    "pl": Tongue(
        ",", "\u00a0", "%d.%m.%Y", "PRAWDA", "FAŁSZ", "Żółw Sp. z o.o.", "Wymiana", "cp1250"
    ),
}


@dataclass(frozen=True)
class Sold:
    """One line of one invoice, before anybody writes it down."""

    reference: str
    line: int
    quantity: Decimal
    price: Decimal
    rate: Decimal
    hold: bool
    issued: dt.date = dt.date(2026, 6, 3)
    due: dt.date = dt.date(2026, 7, 30)


SALES = (
    Sold("S-1", 1, Decimal(1250), Decimal("0.89"), Decimal(21), False),
    Sold("S-1", 2, Decimal(-2), Decimal("250.50"), Decimal(6), False),
    Sold("S-2", 1, Decimal("1.5"), Decimal("1234567.89"), Decimal("5.5"), True),
    Sold("S-3", 1, Decimal(3), Decimal("1250.125"), Decimal(21), True, due=dt.date(2026, 7, 4)),
)
AMOUNTS = {
    "S-1": ("611.50", "203.57", "815.07"),
    "S-2": ("1851851.84", "101851.85", "1953703.69"),
    "S-3": ("3750.38", "787.58", "4537.96"),
}
"""Net, VAT and gross of each, with VAT rounded per category."""

Cells = Sequence[Sequence[Any]]
Writer = Callable[[Path, Tongue], Path]


def told(tongue: Tongue, **how: Any) -> list[list[str]]:
    """The sales as text, in this language."""
    says = Said(tongue, **how)
    return [says.row(each) for each in SALES]


@dataclass(frozen=True)
class Said:
    """One program's way within its language."""

    tongue: Tongue
    day: str = ""
    places: int | None = None
    minus_behind: bool = False
    percent: str = ""
    truth: tuple[str, str] | None = None
    thousands: str | None = None

    def row(self, sold: Sold) -> list[str]:
        truth = self.truth or (self.tongue.true, self.tongue.false)
        return [
            sold.reference,
            "zero_friction",
            truth[not sold.hold],
            "EUR",
            sold.issued.strftime(self.day or self.tongue.day),
            sold.due.strftime(self.day or self.tongue.day),
            self.tongue.buyer,
            "0012",
            str(sold.line),
            self.tongue.item,
            self._number(sold.quantity, self.places),
            self._number(sold.price, max(self.places or 0, 3)),
            self._number(sold.rate) + self.percent,
            truth[0],
        ]

    def _number(self, value: Decimal, places: int | None = None) -> str:
        tongue = self.tongue
        if self.thousands is not None:
            tongue = replace(tongue, thousands=self.thousands)
        text = tongue.number(value, places)
        if self.minus_behind and text.startswith("-"):
            return f"{text[1:]}-"
        return text


def _csv(rows: Cells, separator: str, newline: str = "\r\n", *, quoted: bool = False) -> str:
    out = io.StringIO()
    if quoted:
        rows = [[f'"{cell}"' for cell in map(_doubled, row)] for row in rows]
        return "".join(f"{separator.join(row)}{newline}" for row in rows)
    csv.writer(out, delimiter=separator, lineterminator=newline).writerows(rows)
    return out.getvalue()


def _doubled(cell: str) -> str:
    return cell.replace('"', '""')


def _stored(path: Path, text: str, encoding: str) -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def _separator(tongue: Tongue) -> str:
    return "," if tongue.decimal == "." else ";"


# --- the writers ----------------------------------------------------------------------------------


def excel_csv(folder: Path, tongue: Tongue) -> Path:
    """“CSV (separator delimited)”: the system's old code page and list separator."""
    text = _csv([HEADER, *told(tongue)], _separator(tongue)).replace("\u202f", "\u00a0")
    return _stored(folder / "excel.csv", text, tongue.encoding)


def excel_utf8(folder: Path, tongue: Tongue) -> Path:
    """“CSV UTF-8”: with a byte order mark; percent as it is shown."""
    rows = told(tongue, percent="%")
    return _stored(folder / "excel8.csv", _csv([HEADER, *rows], _separator(tongue)), "utf-8-sig")


def excel_unicode(folder: Path, tongue: Tongue) -> Path:
    """“Unicode text”: UTF-16 with tabs."""
    text = _csv([HEADER, *told(tongue)], "\t")
    return _stored(folder / "excel.txt", f"\ufeff{text}", "utf-16-le")


def libreoffice_csv(folder: Path, tongue: Tongue) -> Path:
    """UTF-8 without a mark, every text quoted, line feeds; its own names in capitals."""
    header = [name.upper() for name in HEADER]
    rows = told(tongue, places=3, thousands="")
    text = _csv([header, *rows], ";", "\n", quoted=True)
    return _stored(folder / "libre.csv", text, "utf-8")


def sap(folder: Path, tongue: Tongue) -> Path:
    """A title above, days as 20260603, the minus behind, yes and no as X would be: 1 and 0."""
    rows = told(tongue, day="%Y%m%d", minus_behind=True, truth=("1", "0"), places=3)
    text = _csv([["Open items 06/2026"], [], HEADER, *rows], "|")
    return _stored(folder / "sap.txt", text, "utf-8")


def odoo(folder: Path, tongue: Tongue) -> Path:
    """Points and ISO days whatever the language, commas, texts that begin with a bracket; what is
    about the invoice stands in its first row alone."""
    plain = replace(TONGUES["en"], buyer=tongue.buyer, item=f"[FURN_7777] {tongue.item}")
    rows = told(plain, day="%Y-%m-%d", truth=("True", "False"), thousands="")
    for row, before in zip(rows[1:], rows, strict=False):
        if row[0] == before[0]:
            row[1:8], row[13] = [""] * 7, ""
    return _stored(folder / "odoo.csv", _csv([HEADER, *rows], ",", "\n"), "utf-8")


def exact(folder: Path, tongue: Tongue) -> Path:
    """A `sep=` line, days with a time of midnight, columns without anything in them."""
    rows = [[*row, ""] for row in told(tongue, day=f"{tongue.day} 00:00:00")]
    text = _csv([[*HEADER, "Remarks"], *rows], ";")
    return _stored(folder / "exact.csv", f"sep=;\r\n{text}", "utf-8-sig")


def excel_xlsx(folder: Path, tongue: Tongue) -> Path:
    """Typed cells: numbers, dates, truths, percentages, zeros in front by a format."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(f"{tongue.true} 1")
    book.create_sheet("Blad2")
    sheet.append(HEADER)
    for sold in SALES:
        rate = WriteOnlyCell(sheet, value=float(sold.rate / 100))
        rate.number_format = "0.0%"
        account = WriteOnlyCell(sheet, value=12)
        account.number_format = "0000"
        price = WriteOnlyCell(sheet, value=float(sold.price))
        price.number_format = "#,##0.00"
        sheet.append(
            [
                sold.reference,
                "zero_friction",
                sold.hold,
                "EUR",
                sold.issued,
                dt.datetime.combine(sold.due, dt.time()),
                tongue.buyer,
                account,
                sold.line,
                tongue.item,
                float(sold.quantity),
                price,
                rate,
                True,
            ]
        )
    path = folder / "excel.xlsx"
    book.save(path)
    return path


WRITERS: dict[str, Writer] = {
    writer.__name__: writer
    for writer in (
        excel_csv,
        excel_utf8,
        excel_unicode,
        libreoffice_csv,
        sap,
        odoo,
        exact,
        excel_xlsx,
    )
}
