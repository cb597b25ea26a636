"""What is certain is read, what is not is asked, and no cell ever means another amount or day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.request import InvoiceRequest
from providers.registry import ADAPTORS
from tabular.habits import read_day, read_number
from tabular.requests import Entry, opened
from tabular.wishes import UnreadableFile, Wishes

OPTIONS = {name: adaptor.Options for name, adaptor in ADAPTORS.items()}
WHOLE = {
    "reference": "A-1",
    "provider": "mollie",
    "currency": "EUR",
    "issue_date": "2026-06-30",
    "buyer.name": "Canary Energy BV",
    "line.name": "Work",
    "line.quantity": "1",
    "line.unit_price": "2",
    "line.vat.rate": "21",
}


def a_file(folder: Path, *rows: dict[str, str], separator: str = ";") -> Path:
    """Rows that are whole but for what is said of them."""
    whole = [{**WHOLE, "reference": f"A-{number}", **row} for number, row in enumerate(rows, 1)]
    names = list(dict.fromkeys(name for row in whole for name in row))
    lines = [names, *([row.get(name, "") for name in names] for row in whole)]
    path = folder / "june.csv"
    path.write_text("".join(f"{separator.join(line)}\n" for line in lines), encoding="utf-8")
    return path


def entries(path: Path, **said: str | tuple[str, ...]) -> list[Entry]:
    return list(opened(path, Wishes.model_validate(said), OPTIONS).entries())


def one(path: Path, **said: str | tuple[str, ...]) -> InvoiceRequest:
    (entry,) = entries(path, **said)
    assert entry.wrong == ()
    assert entry.request
    return entry.request


def asked(path: Path, **said: str) -> str:
    """The only question about this file."""
    with pytest.raises(UnreadableFile) as error:
        entries(path, **said)
    (question,) = error.value.fields
    return str(question)


# Numbers


@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_thousands_or_decimals_is_asked_whatever_the_separator(
    tmp_path: Path, separator: str
) -> None:
    path = a_file(tmp_path, {"line.unit_price": "1.250"}, separator=separator)
    assert asked(path) == (
        "row 2, line.unit_price: 1.250 may be 1250 or 1.250, and nothing in the file decides it: "
        "say `--decimal comma` or `--decimal point`"
    )
    assert one(path, decimal="comma").document.lines[0].unit_price == 1250
    assert f"{one(path, decimal='point').document.lines[0].unit_price}" == "1.250"


@pytest.mark.parametrize("decides", ["89,00", "1.250,00", "2.500.000", "1 250,125", "0,125"])
def test_one_certain_number_decides_for_the_whole_file(tmp_path: Path, decides: str) -> None:
    rows = ({"line.unit_price": "1.250"}, {"line.quantity": decides})
    first, _ = entries(a_file(tmp_path, *rows))
    assert first.request
    assert first.request.document.lines[0].unit_price == 1250


def test_numbers_that_contradict_each_other_are_asked_about(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"line.unit_price": "89,00"}, {"line.quantity": "12.5"})
    assert asked(path).startswith(
        "row 2, line.unit_price: has a decimal comma, and row 3, line.quantity has a decimal point"
    )
    good, bad = entries(path, decimal="comma")
    assert good.request
    (why,) = bad.wrong
    assert why.startswith("row 3: line.quantity: is not written as the other numbers of this file")
    assert why.endswith("are, such as 1250,50")


@given(st.decimals(0, 10**9, places=3), st.sampled_from([".", "'", "’", " ", "\u00a0", ""]))
def test_a_number_is_read_as_it_was_written_or_not_at_all(number: object, thousands: str) -> None:
    written = f"{number:,.3f}".replace(",", "T").replace(".", ",").replace("T", thousands)
    assert read_number(written, "comma") == f"{number:.3f}"
    assert read_number(f"{written}-", "comma") == f"-{number:.3f}"
    other = read_number(written, "point")
    assert other is None or written.count(",") == 1


@pytest.mark.parametrize("text", ["1.25.000", "12,34,56", "1,2.5", "", "-", "1 25", "1e5", "--1"])
def test_what_is_no_number_is_none_in_either_way(text: str) -> None:
    assert read_number(text, "comma") is None
    assert read_number(text, "point") is None


# Rates


def test_a_rate_below_one_is_asked_about(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"line.vat.rate": "0,21"})
    assert "row 2, line.vat.rate: a rate below 1" in asked(path)
    assert one(path, rates="fraction").document.lines[0].vat.rate == 21
    (entry,) = entries(path, rates="percent")
    assert entry.wrong == ("document.lines[0].vat.rate: is in percent: is 21 meant?",)


def test_a_rate_with_its_sign_is_certain(tmp_path: Path) -> None:
    rates = [
        entry.request.document.lines[0].vat.rate
        for entry in entries(a_file(tmp_path, {"line.vat.rate": "5,5%"}, {"line.vat.rate": "21 %"}))
        if entry.request
    ]
    assert [f"{rate:f}" for rate in rates] == ["5.5", "21"]


# Days


def test_a_day_is_asked_about_unless_another_row_decides(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"issue_date": "03/04/2026"})
    assert asked(path).startswith("row 2, issue_date: day, month and year cannot be told apart")
    assert one(path, dates="dmy").document.issue_date == date(2026, 4, 3)
    assert one(path, dates="mdy").document.issue_date == date(2026, 3, 4)
    decided = a_file(tmp_path, {"issue_date": "03/04/2026"}, {"issue_date": "30/06/2026"})
    first, _ = entries(decided)
    assert first.request
    assert first.request.document.issue_date == date(2026, 4, 3)


@pytest.mark.parametrize("mark", ["/", ".", "-"])
def test_a_year_of_two_digits_is_asked_about(tmp_path: Path, mark: str) -> None:
    path = a_file(tmp_path, {"issue_date": f"30{mark}06{mark}26"})
    assert "say `--dates dmy` or `--dates ymd`" in asked(path)
    assert one(path, dates="dmy").document.issue_date == date(2026, 6, 30)


def test_days_that_contradict_each_other_are_asked_about(tmp_path: Path) -> None:
    rows = ({"issue_date": "30/06/2026"}, {"issue_date": "06/30/2026"})
    assert "row 3, issue_date: is written in another order" in asked(a_file(tmp_path, *rows))


def test_a_day_that_is_the_same_either_way_asks_nothing(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"issue_date": "06/06/2026"})
    assert one(path).document.issue_date == date(2026, 6, 6)


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)))
def test_a_day_is_read_as_it_was_written(day: date) -> None:
    for form, order in (("%d.%m.%Y", "dmy"), ("%m/%d/%Y", "mdy"), ("%d%m%Y", "dmy")):
        assert read_day(day.strftime(form), order) == day  # type: ignore[arg-type]
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%d 00:00:00"):
        assert read_day(day.strftime(form), "dmy") == day


# Texts, truths and the rest


def test_a_text_that_begins_with_a_bracket_is_text_unless_its_column_takes_json(
    tmp_path: Path,
) -> None:
    names = {"line.name": "[FURN_7777] Office chair", "buyer.trading_name": "{x}"}
    request = one(a_file(tmp_path, names | {"notes": '["one"| "two"]'.replace("|", ",")}))
    assert request.document.lines[0].name == "[FURN_7777] Office chair"
    assert request.document.buyer.trading_name == "{x}"
    assert request.document.notes == ("one", "two")
    (bad,) = entries(a_file(tmp_path, {"notes": "[FURN_7777] Office chair"}))
    assert bad.wrong == ("row 2: notes: begins like JSON and is none",)


def test_options_are_converted_by_their_declared_type(tmp_path: Path) -> None:
    options = {
        "provider": "invoro",
        "options.calculate_totals": "WAAR",
        "options.rounding_amount": "0,02",
        "options.document_type": "true",
        "options.lines.1.origin_country": "NL",
    }
    assert one(a_file(tmp_path, options)).options == {
        "calculate_totals": True,
        "rounding_amount": "0.02",
        "document_type": "true",
        "lines": {"1": {"origin_country": "NL"}},
    }


def test_a_column_says_by_how_much_the_whole_is_rounded(tmp_path: Path) -> None:
    wanted = one(a_file(tmp_path, {"rounding": "-0,02", "prepaid": "1,50"})).document
    assert (f"{wanted.rounding}", f"{wanted.prepaid}") == ("-0.02", "1.50")


def test_an_option_that_the_provider_does_not_have_is_its_row_s_mistake(tmp_path: Path) -> None:
    (entry,) = entries(a_file(tmp_path, {"options.calculate_totals": "true"}))
    assert entry.wrong == ("options.calculate_totals: is no field of mollie",)


def test_a_column_that_is_none_is_asked_about_where_it_has_something(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"due_dat": "2026-07-30", "Remarks": ""})
    assert asked(path) == (
        "row 2, due_dat: is no field of a request (did you mean due_date?). Rename the column, or "
        'leave it out: say `--ignore "due_dat"`'
    )
    assert one(path, ignore=("DUE_DAT",)).document.due_date is None
    assert one(path, ignore=("*",)).document.due_date is None


def test_names_of_columns_may_be_in_capitals_and_with_spaces(tmp_path: Path) -> None:
    path = a_file(tmp_path, {"Due Date": "2026-07-30", "Document.Buyer.Account-Number": "0012"})
    request = one(path)
    assert request.document.due_date == date(2026, 7, 30)
    assert request.document.buyer.account_number == "0012"


def test_rows_of_one_invoice_may_stand_apart(tmp_path: Path) -> None:
    rows = [{"reference": f"R-{each % 2}", "line.id": f"{each}"} for each in range(6)]
    first, second = entries(a_file(tmp_path, *rows))
    assert (first.rows, second.rows) == ((2, 4, 6), (3, 5, 7))


def test_a_text_that_a_spreadsheet_has_shortened_is_refused(tmp_path: Path) -> None:
    (entry,) = entries(a_file(tmp_path, {"buyer.account_number": "8,71E+12"}))
    assert "was shortened by a spreadsheet" in entry.wrong[0]


def test_a_file_that_changes_meanwhile_is_not_read_on(tmp_path: Path) -> None:
    path = a_file(tmp_path, {})
    requests = opened(path, Wishes(), OPTIONS)
    path.write_text(path.read_text() + "A-2;mollie\n")
    with pytest.raises(UnreadableFile, match="has changed meanwhile"):
        list(requests.entries())
