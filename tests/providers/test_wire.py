"""What a provider writes is read, not judged: numbers, dates, and items that are not ours."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from providers.kit.http import decode
from providers.kit.wire import Amount, Cents, Moment, Seen, Wire, Written


class Told(Wire):
    amount: Amount = Decimal(0)
    cents: Cents | None = None
    at: Moment = None
    on: Written = None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("25.38", "25.38"),
        ("25.376400000000003", "25.3764"),
        ("0.30000000000000004", "0.3"),
        ("1234567.8900000001", "1234567.89"),
        ("59.970000000000006", "59.97"),
        ("1E+2", "100"),
        ("-0.0", "0"),
        ("1e-12", "0"),
        ('"72.56"', "72.56"),
        ('"123456789012345.12"', "123456789012345.12"),
        ("0.0000012345", "0.0000012345"),
    ],
)
def test_a_number_is_read_as_it_is_meant(written: str, read: str) -> None:
    told = Told.model_validate(decode(f'{{"amount": {written}}}'.encode()))
    assert told.amount == Decimal(read)


@pytest.mark.parametrize(
    "given", [True, None, "", "much", "NaN", "1e99", "9" * 200, [1], Decimal("Infinity"), 0.1]
)
def test_what_is_no_amount_of_money_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        Told.model_validate({"amount": given})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00+00:00", None),
        ("9999-12-31T23:59:59.9999999", None),
        ("2026-06-30T11:00:00.1234567Z", datetime(2026, 6, 30, 11, 0, 0, 123456, UTC)),
        ("2026-06-30T11:00:00Z", datetime(2026, 6, 30, 11, tzinfo=UTC)),
        (None, None),
    ],
)
def test_an_instant_of_any_platform_is_read(written: str | None, read: datetime | None) -> None:
    assert Told.model_validate({"at": written}).at == read
    assert (Told.model_validate({"on": written}).on is None) == (read is None)


def test_an_item_that_two_pages_show_came_once_and_a_next_page_leads_on_once() -> None:
    seen = Seen()
    assert seen.fresh([{"id": "a"}, {"id": "b"}, {}]) == [{"id": "a"}, {"id": "b"}, {}]
    assert seen.fresh([{"id": "b"}, {"id": 7}, {}, {"id": "c"}]) == [{"id": 7}, {}, {"id": "c"}]
    assert [seen.leads_on(page) for page in ("2", "3", "2", None)] == [True, True, False, False]


@pytest.mark.parametrize("written", ["12550", '"12550"', "12550.0", "1.255E+4"])
def test_cents_are_one_number_however_they_are_written(written: str) -> None:
    assert Told.model_validate(decode(f'{{"cents": {written}}}'.encode())).cents == 12550


@pytest.mark.parametrize("given", [True, "", "125.50", Decimal("0.5"), [1], "much"])
def test_what_is_no_whole_number_of_cents_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        Told.model_validate({"cents": given})
