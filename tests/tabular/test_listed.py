"""A list as a file: amounts are numbers, days are days, and what anybody typed is text."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pytest

from invoicing.books.booked import Entry
from tabular.listed import COLUMNS, cells, written
from tabular.results import harmless

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FORMULAS = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", "＝1", "\t=1", "\r=1", "\x00=1"]


def entry(**changes: Any) -> Entry:
    given = {
        "reference": "INV-7",
        "provider": "mollie",
        "account": "default",
        "status": "sent",
        "payment": "unpaid",
        "number": "2026-1",
        "buyer": 'Bakker; & Zn, "Oost"',
        "currency": "EUR",
        "gross": Decimal("1250.00"),
        "due": Decimal("1250.00"),
        "paid": Decimal("-0.50"),
        "issue_date": date(2026, 6, 1),
        "began_at": NOON,
        "changed_at": NOON,
    }
    return Entry.model_validate({**given, **changes})


def as_csv(one: Entry, separator: str = ",", **how: Any) -> dict[str, str]:
    text = written([cells(one)], "csv", **how).decode()
    assert text.startswith("\ufeff")
    (row,) = csv.DictReader(StringIO(text[1:], newline=""), delimiter=separator)
    return row


def as_xlsx(one: Entry) -> dict[str, Any]:
    sheet = openpyxl.load_workbook(BytesIO(written([cells(one)], "xlsx")))["invoices"]
    names, row = sheet.rows
    return {str(name.value): cell for name, cell in zip(names, row, strict=True)}


def test_a_csv_file_has_exact_amounts_and_days_that_sort() -> None:
    row = as_csv(entry())
    assert tuple(row) == COLUMNS
    assert (row["gross"], row["paid"], row["left"]) == ("1250.00", "-0.50", "1250.50")
    assert (row["issue_date"], row["due_date"]) == ("2026-06-01", "")
    assert (row["buyer"], row["credit_note"]) == ('Bakker; & Zn, "Oost"', "no")


def test_where_decimals_have_a_comma_a_semicolon_separates() -> None:
    row = as_csv(entry(), ";", decimal="comma")
    assert (row["gross"], row["paid"]) == ("1250,00", "-0,50")
    assert row["buyer"] == 'Bakker; & Zn, "Oost"'


def test_in_a_workbook_amounts_are_numbers_and_days_are_days() -> None:
    row = as_xlsx(entry())
    assert (row["gross"].value, row["gross"].number_format) == (1250, "#,##0.00")
    assert row["paid"].value == -0.5
    assert row["issue_date"].value == datetime(2026, 6, 1)  # noqa: DTZ001 - it has no zone there
    assert row["issue_date"].is_date
    assert row["net"].value is None


def test_an_amount_that_no_spreadsheet_reckons_with_is_exact() -> None:
    row = as_xlsx(entry(gross=Decimal("12345678901234567.89")))
    assert row["gross"].value == "12345678901234567.89"


@pytest.mark.parametrize("typed", FORMULAS)
@pytest.mark.parametrize("name", ["reference", "number", "buyer", "account", "credits"])
def test_nothing_that_anybody_typed_is_a_formula(typed: str, name: str) -> None:
    one = entry(**{name: typed})
    said = as_csv(one)[name]
    assert said == harmless(typed)
    assert said.startswith(("'", " "))
    assert as_xlsx(one)[name].data_type == "s"


def test_a_text_that_no_cell_holds_is_cut() -> None:
    assert len(as_xlsx(entry(buyer="x" * 40_000))["buyer"].value) == 32_767


def test_a_list_of_nothing_has_its_heading() -> None:
    assert written([], "csv").decode() == "\ufeff" + ",".join(COLUMNS) + "\r\n"
    sheet = openpyxl.load_workbook(BytesIO(written([], "xlsx")))["invoices"]
    assert [list(row) for row in sheet.values] == [[*COLUMNS]]
