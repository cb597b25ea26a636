"""What spreadsheets and reports do to a file behind its author's back: never another amount than
they saw, and never an invoice of a part of its lines."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tabular.habits import read_day, read_number, unmarked
from tabular.requests import opened
from tabular.results import harmless
from tabular.wishes import UnreadableFile
from tests.tabular.test_bounds import a_book, refused, repacked
from tests.tabular.test_habits import WHOLE, a_file, asked, entries, one

SHEET = "xl/worksheets/sheet1.xml"
BOOK = "xl/workbook.xml"


def part(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as parts:
        return parts.read(name)


def computed(folder: Path, calculation: str) -> Path:
    """A workbook in which the price is a formula with 0 as its result, as what writes workbooks
    without computing them leaves it."""
    path = a_book(folder, {"line.unit_price": "=40+2"}, {})
    sheet = re.sub(rb"<f>40\+2</f><v ?(/>|></v>)", b"<f>40+2</f><v>0</v>", part(path, SHEET))
    assert b"<v>0</v>" in sheet
    repacked(path, SHEET, sheet)
    return repacked(path, BOOK, re.sub(rb"<calcPr [^>]*>", calculation.encode(), part(path, BOOK)))


# Formulas


@pytest.mark.parametrize(
    "calculation",
    ['<calcPr calcId="1" fullCalcOnLoad="1"/>', "<calcPr calcCompleted='false' calcOnSave='0'/>"],
)
def test_a_result_that_no_spreadsheet_has_computed_is_no_amount(
    tmp_path: Path, calculation: str
) -> None:
    formula, plain = entries(computed(tmp_path, calculation))
    (why,) = formula.wrong
    assert why.startswith("row 2: line.unit_price: is a formula that was never computed")
    assert plain.request


@pytest.mark.parametrize("calculation", ['<calcPr calcId="191029"/>', ""])
def test_a_result_that_was_computed_is_read(tmp_path: Path, calculation: str) -> None:
    path = computed(tmp_path, calculation)
    repacked(path, SHEET, part(path, SHEET).replace(b"<v>0</v>", b"<v>42</v>"))
    formula, _ = entries(path)
    assert formula.request
    assert formula.request.document.lines[0].unit_price == 42


# Rows


def hiding(path: Path, *rows: int) -> Path:
    """The same workbook with these rows filtered away."""
    book = openpyxl.load_workbook(path)
    for row in rows:
        book.worksheets[0].row_dimensions[row].hidden = True
    book.save(path)
    return path


def test_rows_that_a_sheet_does_not_show_are_asked_about(tmp_path: Path) -> None:
    path = hiding(a_book(tmp_path, {}, {}, {}), 3)
    question = (
        "row 3: is hidden in the sheet, by a filter or by hand: say `--hidden read` or "
        "`--hidden skip`"
    )
    assert asked(path) == question
    assert [entry.rows for entry in entries(path, hidden="skip")] == [(2,), (4,)]
    assert [entry.rows for entry in entries(path, hidden="read")] == [(2,), (3,), (4,)]


@pytest.mark.parametrize("height", ["0", "0.0"])
def test_a_row_without_height_is_not_seen_either(tmp_path: Path, height: str) -> None:
    path = a_book(tmp_path, {}, {})
    row = part(path, SHEET).replace(b'<row r="3"', b'<row ht="HEIGHT" r="3"')
    asked_about = repacked(path, SHEET, row.replace(b"HEIGHT", height.encode()))
    assert asked(asked_about).startswith("row 3: is hidden in the sheet")
    assert len(entries(repacked(path, SHEET, row.replace(b"HEIGHT", b"0.5")))) == 2


def test_hidden_rows_without_anything_in_them_ask_nothing(tmp_path: Path) -> None:
    path = hiding(a_book(tmp_path, {}), *range(3, 9))
    assert len(entries(path)) == 1


def test_a_hidden_row_of_names_still_names_the_columns(tmp_path: Path) -> None:
    path = hiding(a_book(tmp_path, {}, {}), 1)
    assert len(entries(path)) == len(entries(path, hidden="skip")) == 2


def test_a_hidden_row_is_seen_wherever_the_sheet_is_cut_and_whoever_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hiding(a_book(tmp_path, {}, {}), 3)
    prefixed = re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", part(path, SHEET))
    repacked(path, SHEET, prefixed.replace(b"xmlns=", b"xmlns:x="))
    for chunk in (1, 7, 64):
        monkeypatch.setattr("tabular.workbook._CHUNK", chunk)
        assert opened_hidden(path) == {3}


def opened_hidden(path: Path) -> set[int]:
    from tabular.wishes import Wishes
    from tabular.workbook import Workbook

    return {*Workbook.opened(path, Wishes()).hidden}


def test_an_invoice_with_a_row_below_it_that_has_no_reference_is_not_asked_for_in_part(
    tmp_path: Path,
) -> None:
    """As where cells are merged, or a report writes the reference in a group's first row alone."""
    rows = (
        {"reference": "A-1", "line.id": "1"},
        dict.fromkeys(WHOLE, "") | {"line.id": "2", "line.name": "More", "line.unit_price": "900"},
        {"reference": "A-2", "line.id": "1"},
    )
    first, orphan, other = sorted(entries(a_file(tmp_path, *rows)), key=lambda entry: entry.rows)
    assert (first.reference, first.request) == ("A-1", None)
    (why,) = first.wrong
    assert why.startswith("row 3 below it has no reference and may be one of its lines")
    assert orphan.wrong == ("reference: is required",)
    assert other.request


def test_the_names_may_stand_there_again(tmp_path: Path) -> None:
    path = a_file(tmp_path, {}, {})
    names, first, second = path.read_text().splitlines()
    path.write_text(f"{names}\n{first}\n{names}\n{second}\n")
    assert [entry.rows for entry in entries(path)] == [(2,), (4,)]
    path.write_text(f"{names}\n{first}\n{names.replace('line.name', 'Name')}\n{second}\n")
    assert [entry.reference for entry in entries(path) if entry.wrong] == ["reference"]


def test_a_reference_that_is_no_text_is_told_so(tmp_path: Path) -> None:
    (entry,) = entries(a_book(tmp_path, {"reference": 1.5}))
    assert entry.wrong == (
        "reference: is a number in this file, and text is wanted: make the column text",
    )


def test_an_empty_file_is_told_to_be_empty(tmp_path: Path) -> None:
    (path := tmp_path / "june.csv").touch()
    assert refused(path) == "The file is empty: it has no names of columns."


def test_merged_cells_do_not_lose_lines(tmp_path: Path) -> None:
    path = a_book(tmp_path, {"reference": "A-1", "line.id": "1"}, {"line.id": "2"}, {})
    book = openpyxl.load_workbook(path)
    book.worksheets[0].merge_cells("A2:A3")
    book.save(path)
    found = {entry.rows: entry for entry in entries(path)}
    assert "row 3 below it has no reference" in found[2,].wrong[0]
    assert found[4,].request


# Names of columns


def test_an_option_that_two_columns_give_is_a_mistake(tmp_path: Path) -> None:
    twice = {"provider": "invoro", "options.rounding_amount": "0.02"}
    (entry,) = entries(a_file(tmp_path, twice | {"Options.Rounding_Amount": "0.03"}))
    assert entry.wrong == ("options.rounding_amount: another column already gives it",)


@pytest.mark.parametrize("name", ["line.unit_price", "Line.Unit Price"])
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    text = ";".join([*WHOLE, name]) + "\n" + ";".join([*WHOLE.values(), "3"]) + "\n"
    path = tmp_path / "june.csv"
    path.write_text(text)
    with pytest.raises(UnreadableFile, match=r"there twice: line\.unit_price"):
        opened(path)


def test_a_header_in_another_language_is_not_guessed(tmp_path: Path) -> None:
    path = a_file(tmp_path, {})
    path.write_text(path.read_text().replace("reference", "Referenz"))
    assert "`reference` is one of them" in refused(path)


@pytest.mark.parametrize("mark", ["\ufeff\ufeff", "\ufeffsep=;\r\n", "sep=;\r\n\ufeff"])
def test_a_mark_may_be_there_twice(tmp_path: Path, mark: str) -> None:
    path = a_file(tmp_path, {})
    path.write_text(mark + path.read_text(), encoding="utf-8")
    assert one(path).reference == "A-1"


def test_files_that_were_put_one_behind_the_other_are_read(tmp_path: Path) -> None:
    path = a_file(tmp_path, {})
    row = path.read_text().splitlines()[1].replace("A-1", "A-2")
    path.write_text(f"\ufeff{path.read_text()}\ufeff{row}\n", encoding="utf-8")
    assert [entry.reference for entry in entries(path) if entry.request] == ["A-1", "A-2"]


@pytest.mark.parametrize("newline", ["\r", "\r\n", "\n"])
def test_a_line_may_end_in_any_way_and_a_text_may_hold_lines(tmp_path: Path, newline: str) -> None:
    path = a_file(tmp_path, {"line.name": '"Two|lines"'}, {})
    path.write_bytes(path.read_text().replace("\n", newline).replace("|", newline).encode())
    first, second = entries(path)
    assert first.request
    assert first.request.document.lines[0].name.split() == ["Two", "lines"]
    assert second.request


@pytest.mark.parametrize("written", ["Two_x000D_\nlines", "Two_x000d_lines", "Two_x000A_lines"])
def test_a_line_end_that_a_workbook_has_spelt_out_is_one(tmp_path: Path, written: str) -> None:
    path = a_book(tmp_path, {"line.name": "QQQ"})
    repacked(path, SHEET, part(path, SHEET).replace(b"QQQ", written.encode()))
    assert one(path).document.lines[0].name == "Two\nlines"


# Numbers


@pytest.mark.parametrize(
    ("written", "way", "number"),
    [
        ("1.234,50-", "comma", "-1234.50"),
        ("1.234,50 -", "comma", "-1234.50"),
        ("(12,50)", "comma", "-12.50"),
        ("( 1,234.50 )", "point", "-1234.50"),
        ("1\u00a0234,50", "comma", "1234.50"),
        ("1\u202f234,50", "comma", "1234.50"),
        ("1'234.50", "point", "1234.50"),
        ("(-5)", "point", None),
        ("()", "point", None),
        ("5)", "point", None),
        ("+1.250", "point", None),
        ("1e3", "point", None),
        ("１２", "point", None),
        ("1_000", "point", None),
    ],
)
def test_an_amount_is_read_in_one_way_or_not_at_all(
    written: str, way: Any, number: str | None
) -> None:
    assert read_number(written, way) == number


@pytest.mark.parametrize(
    "written", ["€ 12,50", "12,50 €", "EUR 12,50", "12,50EUR", " 12,50\u00a0€"]
)
def test_an_amount_may_stand_with_its_currency(tmp_path: Path, written: str) -> None:
    (line,) = one(a_file(tmp_path, {"line.unit_price": written})).document.lines
    assert line.unit_price == Decimal("12.50")


@pytest.mark.parametrize("written", ["-€ 1.250,5", "€ -1.250,5", "1.250,5 €-", "€\u00a0(1.250,5)"])
def test_a_minus_may_stand_on_any_side_of_the_currency(written: str) -> None:
    currency, amount = unmarked(written)
    assert (currency, read_number(amount, "comma")) == ("EUR", "-1250.5")


@pytest.mark.parametrize("written", ["£ 12,50", "12,50 USD", "$ 12,50", "kr 12,50", "€ EUR 1,5"])
def test_an_amount_in_another_currency_than_the_invoice_s_is_refused(
    tmp_path: Path, written: str
) -> None:
    (entry,) = entries(a_file(tmp_path, {"line.unit_price": written}))
    assert entry.request is None
    assert "line.unit_price" in entry.wrong[0] or "unit_price" in entry.wrong[0]


def test_thousands_or_decimals_is_asked_beside_a_currency_as_well(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"line.unit_price": "€ 1.250"})
    assert "1.250 may be 1250 or 1.250" in asked(path)
    assert one(path, decimal="comma").document.lines[0].unit_price == 1250


def test_a_list_that_gives_a_field_twice_is_a_mistake(tmp_path: Path) -> None:
    twice = '"[{""amount"": ""1.00""| ""amount"": ""99.00""| ""reason"": ""x""}]"'
    (entry,) = entries(a_file(tmp_path, {"line.allowances": twice.replace("|", ",")}))
    assert entry.wrong == ("row 2: line.allowances: gives a field twice in one object",)


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_what_is_no_number_in_json_is_none_in_a_cell(tmp_path: Path, number: str) -> None:
    (entry,) = entries(a_file(tmp_path, {"line.charges": f'"[{{""amount"": {number}}}]"'}))
    assert f"has {number}, which is no number in JSON" in entry.wrong[0]


@pytest.mark.parametrize("error", ["#N/A", "#NAME?", "#REF!", "#WERT!", "#NV", "#BEZUG!", "####"])
def test_what_a_spreadsheet_could_not_compute_is_no_text(tmp_path: Path, error: str) -> None:
    (entry,) = entries(a_file(tmp_path, {"line.name": error}))
    assert entry.wrong == ("row 2: line.name: is an error value of a spreadsheet",)
    assert one(a_file(tmp_path, {"line.name": "#1 chair"})).document.lines[0].name == "#1 chair"


@pytest.mark.parametrize("written", ["1.25.000,00", "12,5,0", "1e3", "12€50", "5%", "١٢"])
def test_a_number_that_is_none_is_told_how_this_file_writes_them(
    tmp_path: Path, written: str
) -> None:
    """The model's own sentence asks for a point, which another row of the file contradicts."""
    bad, good = entries(a_file(tmp_path, {"line.unit_price": written}, {"line.quantity": "1,5"}))
    assert good.request
    assert bad.wrong == (
        "row 2: line.unit_price: is no number as this file writes them, such as 1250,50",
    )


# What a number is shown as


def priced(folder: Path, number_format: str, **row: Any) -> Path:
    """A workbook whose price is shown in this way."""
    path = a_book(folder, {"line.unit_price": 12.5, **row})
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    column = [cell.value for cell in sheet[1]].index("line.unit_price") + 1
    sheet.cell(2, column).number_format = number_format
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("shown", "sign"),
    [
        ("[$$-409]#,##0.00", "$"),
        ('"$"#,##0.00', "$"),
        ("$#,##0.00_);[Red]($#,##0.00)", "$"),
        ("[$USD] #,##0.00", "USD"),
        ('#,##0.00 "CHF"', "CHF"),
        ('_-* #,##0.00 "zł"_-;-* #,##0.00 "zł"_-', "zł"),
        ('#,##0.00" kr"', "kr"),
        ("#,##0.00\\ [$Kč-405]", "Kč"),
        ("£#,##0", "£"),
    ],
)
def test_an_amount_that_is_shown_in_another_currency_is_refused(
    tmp_path: Path, shown: str, sign: str
) -> None:
    (entry,) = entries(priced(tmp_path, shown))
    assert entry.wrong == (f"row 2: line.unit_price: is in {sign}, and the invoice is in EUR",)


@pytest.mark.parametrize(
    ("shown", "currency"),
    [
        ("#,##0.00\\ [$€-407]", "EUR"),
        ('_-* #,##0.00 "€"_-', "EUR"),
        ("_-* #,##0.00 _€_-", "USD"),
        ("$#,##0.00", "CAD"),
        ('#,##0.00" kr"', "SEK"),
        ('0.00 "KWH"', "EUR"),
        ('0 "Stk"', "EUR"),
        ("[Red]0.00", "EUR"),
        ("0.00", "EUR"),
    ],
)
def test_an_amount_that_may_be_shown_in_the_currency_of_its_invoice_is_read(
    tmp_path: Path, shown: str, currency: str
) -> None:
    read = one(priced(tmp_path, shown, currency=currency))
    assert read.document.currency == currency
    assert read.document.lines[0].unit_price == Decimal("12.5")


# Days


@pytest.mark.parametrize(
    "written", ["30-6-2026 0:00", "30/06/2026 00:00:00", "30.06.2026 0:00:00", "30/06/2026"]
)
def test_a_day_may_end_with_the_hour_at_which_it_begins(written: str) -> None:
    assert read_day(written, "dmy") == date(2026, 6, 30)
    assert read_day("6/30/2026 12:00:00 AM", "mdy") == date(2026, 6, 30)
    assert read_day("6/30/2026 12:00:00 PM", "mdy") is None
    assert read_day("30-6-2026 1:00", "dmy") is None


def test_days_of_a_workbook_that_counts_from_1904_are_those_that_it_shows(tmp_path: Path) -> None:
    path = a_book(tmp_path, {"issue_date": date(2026, 6, 30)})
    book = openpyxl.load_workbook(path)
    book.epoch = CALENDAR_MAC_1904
    book.save(path)
    assert b"1904" in part(path, BOOK)
    assert one(path).document.issue_date == date(2026, 6, 30)


@pytest.mark.parametrize(("serial", "year"), [(-5, 1899), (130_000, 2255)])
def test_a_number_that_is_shown_as_a_day_is_none_of_an_invoice(
    tmp_path: Path, serial: int, year: int
) -> None:
    path = a_book(tmp_path, {"issue_date": date(2026, 6, 30)})
    sheet = re.sub(rb"<v>46203</v>", f"<v>{serial}</v>".encode(), part(path, SHEET))
    (entry,) = entries(repacked(path, SHEET, sheet))
    assert f"row 2: issue_date: is a day of the year {year} in this file" in entry.wrong


@pytest.mark.parametrize("serial", ["46203", "1782777600", "31-12"])
def test_a_number_is_no_day(tmp_path: Path, serial: str) -> None:
    (entry,) = entries(a_file(tmp_path, {"issue_date": serial}))
    assert entry.wrong == ('document.issue_date: must be a date such as "2025-01-31"',)


def test_a_truth_that_is_no_word_for_one_is_not_guessed(tmp_path: Path) -> None:
    (entry,) = entries(a_file(tmp_path, {"hold": "x"}))
    assert entry.wrong == ("row 2: hold: must be true or false",)


# What is written


@pytest.mark.parametrize(
    ("written", "safe"),
    [
        ("=1+1", "'=1+1"),
        (" \t=1+1", "  '=1+1"),
        ("a;=HYPERLINK(1)", "a;'=HYPERLINK(1)"),
        ("a, -b | @c", "a, '-b | '@c"),
        ("A-1 + 2 = 3", "A-1 + 2 = 3"),
    ],
)
def test_no_cell_holds_a_formula_for_any_country_s_spreadsheet(written: str, safe: str) -> None:
    assert harmless(written) == safe
