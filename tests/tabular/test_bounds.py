"""Files that are too large, hostile, damaged or of another kind: a sentence, and little work."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import tabular.requests
import tabular.text
import tabular.workbook
from tabular.bounds import MOST_CELL, MOST_NAMES
from tabular.requests import Entry, opened
from tabular.wishes import UnreadableFile, Wishes
from tests.tabular.test_habits import OPTIONS, WHOLE, a_file


def a_book(folder: Path, *rows: dict[str, Any], sheets: tuple[str, ...] = ("June",)) -> Path:
    book = openpyxl.Workbook()
    del book["Sheet"]
    for title in sheets:
        sheet = book.create_sheet(title)
        whole = [{**WHOLE, "reference": f"A-{number}", **row} for number, row in enumerate(rows, 1)]
        names = list(dict.fromkeys(name for row in whole for name in row))
        sheet.append(names)
        for row in whole:
            sheet.append([row.get(name) for name in names])
    path = folder / "june.xlsx"
    book.save(path)
    return path


def entries(path: Path, **said: str) -> list[Entry]:
    return list(opened(path, Wishes.model_validate(said), OPTIONS).entries())


def refused(path: Path, **said: str) -> str:
    with pytest.raises(UnreadableFile) as error:
        entries(path, **said)
    return str(error.value)


def repacked(path: Path, part: str, text: bytes) -> Path:
    """The same file with another part in it."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in {**parts, part: text}.items():
            new.writestr(name, content)
    return path


# XLSX


def test_a_file_that_grows_when_it_is_unpacked_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular.workbook, "MOST_UNPACKED", 1 << 20)
    bomb = repacked(a_book(tmp_path, {}), "xl/worksheets/sheet2.xml", b"\0" * (2 << 20))
    assert bomb.stat().st_size < 50_000
    assert "is too large: unpacked it has" in refused(bomb)


def test_texts_that_are_held_while_a_sheet_is_read_are_bounded_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular.workbook, "MOST_HELD", 1 << 20)
    texts = b"<sst>%b</sst>" % (b"<si><t>x</t></si>" * 70_000)
    path = a_book(tmp_path, {})
    assert "its texts and styles have" in refused(repacked(path, "xl/sharedStrings.xml", texts))


@pytest.mark.parametrize("chunk", [1 << 10, 1 << 20])
def test_a_text_that_no_spreadsheet_writes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(tabular.workbook, "_CHUNK", chunk)
    for part in ("xl/worksheets/sheet2.xml", "xl/sharedStrings.xml"):
        long = repacked(a_book(tmp_path, {}), part, b"<t>%b</t>" % (b"x" * 300_001))
        assert "has more than 300,000 bytes" in refused(long)
    kept = repacked(a_book(tmp_path, {}), "customXml/item1.xml", b"<x>%b</x>" % (b"x" * 300_001))
    assert len(entries(kept)) == 1


def test_a_file_that_declares_entities_is_refused(tmp_path: Path) -> None:
    lol = b'<?xml version="1.0"?><!-- x --><!DOCTYPE a [<!ENTITY b "b">]><sst>&b;</sst>'
    assert "it declares a DTD" in refused(repacked(a_book(tmp_path, {}), "xl/sst.xml", lol))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04 and then nothing", "is not an .xlsx file, or is damaged"),
        (b"", "is not an .xlsx file, or is damaged"),
        (b"\xd0\xcf\x11\xe0 an old one", "is an old .xls file or has a password"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "june.xlsx"
    path.write_bytes(content)
    assert sentence in refused(path)


def test_a_damaged_sheet_is_refused(tmp_path: Path) -> None:
    damaged = repacked(a_book(tmp_path, {}), "xl/worksheets/sheet1.xml", b"<worksheet><sheetData")
    assert "is damaged" in refused(damaged)


def test_which_of_two_sheets_is_asked(tmp_path: Path) -> None:
    path = a_book(tmp_path, {}, sheets=("June", "July"))
    assert 'say `--sheet "June"` or `--sheet "July"`' in refused(path)
    assert len(entries(path, sheet="July")) == 1
    assert "has no sheet of that name: June, July" in refused(path, sheet="May")


def test_a_formula_without_a_result_is_its_row_s_mistake_and_no_empty_cell(tmp_path: Path) -> None:
    path = a_book(tmp_path, {"due_date": "=TODAY()"}, {"due_date": "2026-07-30"})
    computed, plain = entries(path)
    assert computed.wrong == (
        "row 2: due_date: is a formula whose result is not in the file: save it in a spreadsheet",
    )
    assert plain.request


@pytest.mark.parametrize(
    ("column", "cell", "wrong"),
    [
        ("buyer.account_number", 8.71e15, "has more than the 15 digits"),
        ("buyer.account_number", 1.1, "is a number in this file, and text is wanted"),
        ("buyer.account_number", True, "is true or false in this file, and text is wanted"),
        ("line.quantity", True, "must be a number, and is true or false"),
        ("issue_date", 46203, "must be a date, and is a number"),
        ("hold", "perhaps", "must be true or false"),
        ("line.quantity", "#N/A", "is an error value of the spreadsheet"),
    ],
)
def test_a_cell_of_another_type_is_its_row_s_mistake(
    tmp_path: Path, column: str, cell: object, wrong: str
) -> None:
    (entry,) = entries(a_book(tmp_path, {column: cell}))
    assert any(wrong in each for each in entry.wrong), entry.wrong


def test_the_noise_of_binary_numbers_is_not_in_the_amount(tmp_path: Path) -> None:
    (entry,) = entries(a_book(tmp_path, {"line.unit_price": 0.1 + 0.2, "line.quantity": 19.99}))
    assert entry.request
    (line,) = entry.request.document.lines
    assert (str(line.unit_price), str(line.quantity)) == ("0.3", "19.99")


def test_a_hundredth_that_is_not_shown_as_a_percentage_is_asked_about(tmp_path: Path) -> None:
    path = a_book(tmp_path, {"line.vat.rate": 0.21})
    assert "row 2, line.vat.rate: a rate below 1" in refused(path)
    (entry,) = entries(path, rates="fraction")
    assert entry.request
    assert entry.request.document.lines[0].vat.rate == 21


# CSV


def test_more_rows_than_may_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular.requests, "MOST_ROWS", 2)
    assert len(entries(a_file(tmp_path, {}, {}))) == 2
    assert "has more than 2 rows" in refused(a_file(tmp_path, {}, {}, {}))


def test_a_cell_that_is_too_long_is_its_row_s_mistake(tmp_path: Path) -> None:
    rows: tuple[dict[str, str], ...] = ({"line.note": "x" * (MOST_CELL + 1)}, {})
    long, short = entries(a_file(tmp_path, *rows))
    assert long.wrong == ("row 2: line.note: has more than 655,360 characters",)
    assert short.request


def test_a_quote_that_is_never_closed_does_not_swallow_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular.text, "MOST_RECORD", 1000)
    path = a_file(tmp_path, {"line.note": '"open'}, *[{}] * 50)
    assert "is not CSV: field larger than field limit" in refused(path)


def test_more_lines_than_an_invoice_may_have_are_counted_and_not_kept(tmp_path: Path) -> None:
    rows = [{"reference": "A-1", "line.id": f"{each}"} for each in range(3000)]
    (entry,) = entries(a_file(tmp_path, *rows))
    assert entry.wrong == ("has more than 1200 lines",)
    assert len(entry.rows) == 1201


@pytest.mark.parametrize("name", ["june.xls", "june.ods", "june.pdf", "june"])
def test_a_file_of_another_kind_is_named_as_such(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")
    assert "must end in .csv or .xlsx" in refused(path)


# Encodings


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"])
def test_unicode_is_told_by_its_mark_or_its_bytes(tmp_path: Path, encoding: str) -> None:
    path = a_file(tmp_path, {"buyer.name": "Żółw € 1"})
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    (entry,) = entries(path)
    assert entry.request
    assert entry.request.document.buyer.name == "Żółw € 1"


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Łódź", "cp1250"),
        ("Crème", "cp1252"),
        ("ΑΒΓΔ", "cp1253"),
        ("διό", "cp1253"),
        ("Жук", "cp1251"),
        ("é£", "cp850"),
    ],
)
def test_a_code_page_that_is_not_certain_is_asked(tmp_path: Path, name: str, encoding: str) -> None:
    path = a_file(tmp_path, {"buyer.name": name})
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    assert "say `--encoding cp1252`" in refused(path)
    (entry,) = entries(path, encoding=encoding)
    assert entry.request
    assert entry.request.document.buyer.name == name
    assert "No encoding is called" in refused(path, encoding="latin-99")


def test_german_is_certain_in_the_old_code_page(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"buyer.name": "Großmüller & Söhne, 50 €"})
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    assert entries(path)[0].request
    assert opened(path).dialect.encoding == "cp1252"


def test_a_row_of_more_names_than_a_table_has_columns_is_refused_at_once(tmp_path: Path) -> None:
    row = {f"c{number}": "" for number in range(MOST_NAMES)}
    assert "columns, and 1,000 is the most" in refused(a_file(tmp_path, row))
