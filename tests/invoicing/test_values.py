from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import invoicing
from invoicing.values import bic, day, day_or_moment, email, iban, not_zero, readable, vat_number

# The examples of the libraries' own documentation: nobody's number.


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("ATU13585627", "ATU13585627"),
        ("BE 0403.019.261", "BE0403019261"),
        ("BG 175 074 752", "BG175074752"),
        ("CY-10259033P", "CY10259033P"),
        ("CZ 25123891", "CZ25123891"),
        ("DE 136695976", "DE136695976"),
        ("DK 13585628", "DK13585628"),
        ("EE 100 931 558", "EE100931558"),
        ("EL 094259216", "EL094259216"),
        ("ES B-58378431", "ESB58378431"),
        ("FI 20774740", "FI20774740"),
        ("fr 40 303 265 045", "FR40303265045"),
        ("HR 33392005961", "HR33392005961"),
        ("HU-12892312", "HU12892312"),
        ("IE 6433435F", "IE6433435F"),
        ("IT 00743110157", "IT00743110157"),
        ("LT 119511515", "LT119511515"),
        ("LU 150 274 42", "LU15027442"),
        ("LV 4000 3521 600", "LV40003521600"),
        ("MT 1167-9112", "MT11679112"),
        ("NL4495445B01", "NL004495445B01"),
        ("PL 8567346215", "PL8567346215"),
        ("PT 501 964 843", "PT501964843"),
        ("RO 185 472 90", "RO18547290"),
        ("SE 123456789701", "SE123456789701"),
        ("SI 5022 3054", "SI50223054"),
        ("SK 202 274 96 19", "SK2022749619"),
        ("GB 980 7806 84", "GB980780684"),
        ("XI 980 7806 84", "XI980780684"),
        ("NO 995 525 828 MVA", "NO995525828MVA"),
        ("CHE-107.787.577 IVA", "CHE107787577IVA"),
    ],
)
def test_vat_numbers_are_written_compactly_with_their_country(typed: str, written: str) -> None:
    assert vat_number(typed) == written
    assert vat_number(written) == written


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("DE13669597", "too long or too short"),
        ("DE136695977", "check digit does not fit"),
        ("NO995525829MVA", "check digit does not fit"),
        ("CHE107787578IVA", "check digit does not fit"),
        ("GB980780685", "check digit does not fit"),
        ("ESB5837843?", "is not a valid VAT number"),
        ("136695976", "must begin with the country"),
        ("", "must begin with the country"),
        ("GR094259216", "write EL"),
        ("US123456789", "cannot be checked here"),
        ("EU372022452", "cannot be checked here"),
    ],
)
def test_vat_numbers_that_cannot_be_right_are_refused(typed: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        vat_number(typed)


def test_ibans_and_bics_are_written_without_spaces() -> None:
    assert iban("nl91 abna 0417 1643 00") == "NL91ABNA0417164300"
    assert bic("deutdeff") == "DEUTDEFF"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("NL91ABNA0417164301", "check digits do not fit"),
        ("NL91ABNA041716430", "too long or too short"),
        ("ZZ91ABNA0417164300", "no country's"),
        ("NL91123404171643OO", "is not a valid IBAN"),
        ("", "IBAN"),
    ],
)
def test_ibans_that_cannot_be_right_are_refused(typed: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        iban(typed)


def test_a_bic_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="8 or 11 characters"):
        bic("DEUT")


def test_mail_addresses_are_written_in_their_usual_form() -> None:
    assert email("billing@Example.COM") == "billing@example.com"
    assert email("billing@canary.test") == "billing@canary.test"


@pytest.mark.parametrize("typed", ["billing", "billing@", "@example.com", "a b@example.com", ""])
def test_what_is_no_mail_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^is not a valid e-mail address$"):
        email(typed)


def test_dates_pass_and_are_trimmed() -> None:
    assert day(" 2025-01-31 ") == "2025-01-31"
    assert day(date(2025, 1, 31)) == date(2025, 1, 31)


@pytest.mark.parametrize(
    "typed", [0, True, 1.5, Decimal(1), b"2025-01-31", "1738281600", "31-01-2025", "2025-1-31"]
)
def test_a_date_is_written_in_one_way_only(typed: Any) -> None:
    with pytest.raises(ValueError, match="must be a date"):
        day(typed)


@pytest.mark.parametrize("text", ["Ünïcode", "two\nlines\tand tabs", "日本", "a\u200bb", "👍"])
def test_text_is_readable_when_there_is_something_to_see(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize("text", ["\u200b", "\u00a0 \u2003", "\u202e", "\n"])
def test_text_that_cannot_be_seen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        readable(text)


@pytest.mark.parametrize("text", ["a\x00b", "a\x1b[31m", "a\x7f"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="control characters"):
        readable(text)


def _verdict(text: str) -> str:
    try:
        return readable(text)
    except ValueError as error:
        return f"refused: {error}"


def test_the_short_way_for_plain_text_comes_to_what_the_categories_say() -> None:
    for number in range(128):
        character = chr(number)
        # Beside a letter that is not ASCII the categories decide.
        wanted = _verdict(f"{character}é").removesuffix("é")
        assert _verdict(f"{character}e").removesuffix("e") == wanted, number
        seen = unicodedata.category(character)[0] not in "CZ"
        assert (_verdict(character) == character) == seen, number


def test_zero_is_refused_where_something_must_be() -> None:
    assert not_zero(Decimal(-1)) == -1
    with pytest.raises(ValueError, match="must not be 0"):
        not_zero(Decimal("0.00"))


@pytest.mark.parametrize("check", [iban, bic, vat_number, email])
def test_what_was_typed_is_neither_repeated_nor_chained(check: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match=r"^is not") as caught:
        check("NL-Somebody")
    assert "somebody" not in str(caught.value).lower()
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "2026-02-30",
        "2026-12-01T09:00:00",
        "9999-12-31T23:00:00-05:00",
        "0001-01-01T00:00:00+05:00",
        5,
        1.5,
        b"2026-12-01",
    ],
    ids=repr,
)
def test_without_an_offset_or_a_name_in_utc_it_is_neither_a_day_nor_a_moment(
    value: object,
) -> None:
    with pytest.raises(ValueError, match="offset from UTC"):
        day_or_moment(value)


def test_a_day_and_a_moment_are_taken_as_they_are_written() -> None:
    assert day_or_moment(" 2026-12-01 ") == date(2026, 12, 1)
    moment = day_or_moment("2026-12-01T09:00+01:00")
    assert moment == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert day_or_moment(moment) is moment


FIRST_USE = """
import sys
from invoicing.values import bic, email, iban, vat_number
from invoicing.document import Address

seen = []
sys.addaudithook(lambda event, about: event in ("open", "import") and seen.append(about[0]))
bic("DEUTDEFF"), iban("FR1420041010050500013M02606"), Address(country="BE")
email("billing@example.com"), email("billing@kanarie\u00ef.example.com")
for number in ("BE0403019261", "CY10259033P", "NO995525828MVA", "CHE107787577IVA", "GB980780684"):
    vat_number(number)
print(seen)
"""


def test_nothing_is_loaded_at_the_first_use() -> None:
    run = [sys.executable, "-c", FIRST_USE]
    root = Path(invoicing.__file__).parents[1]
    ended = subprocess.run(run, capture_output=True, text=True, check=True, cwd=root)
    assert ended.stdout.strip() == "[]"
