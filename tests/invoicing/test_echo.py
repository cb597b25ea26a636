from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from invoicing.provider import Echo, Figure, Plan
from invoicing.state.echo import Difference, Expected, differences
from invoicing.totals import Totals, totals
from tests.invoicing import document, line

ALL = tuple(Figure)
NOTHING: tuple[Figure, ...] = ()

OURS = totals(document(line(unit_price="100.00")), "line")
TWO_RATES = totals(document(line(), line(unit_price="50", vat={"rate": "5.5"})), "line")
EXEMPT = totals(document(line(vat={"category": "Z", "rate": 0})), "line")


def expected(ours: Totals = OURS, **changes: Any) -> Expected:
    asked = {
        "totals": ours,
        "due": ours.due,
        "issue_date": "2025-01-31",
        "due_date": "2025-03-02",
        "buyer": "customer 7",
        "number": "2025-1",
        "reference": "ref-1",
    }
    return Expected(**{**asked, **changes})


def echo(**changes: Any) -> Echo:
    agreeing = {
        "currency": "EUR",
        "net": "100.00",
        "vat": {"21": "21.00"},
        "gross": "121.00",
        "prepaid": "0",
        "rounding": "0.00",
        "due": "121.00",
        "issue_date": "2025-01-31",
        "due_date": "2025-03-02",
        "reference": "ref-1",
        "buyer": "customer 7",
        "number": "2025-1",
    }
    return Echo.model_validate({**agreeing, **changes})


def said(theirs: Echo, promised: tuple[Figure, ...] = ALL, ours: Totals = OURS) -> list[str]:
    return [str(one) for one in differences(expected(ours), theirs, promised)]


def test_an_echo_that_agrees_has_no_differences() -> None:
    assert said(echo()) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"currency": "SEK"}, "currency: ours EUR, theirs SEK"),
        ({"net": "99.99"}, "net: ours 100.00 EUR, theirs 99.99 EUR (0.01 less)"),
        ({"vat": {"21": "21.01"}}, "vat 21: ours 21.00 EUR, theirs 21.01 EUR (0.01 more)"),
        ({"gross": "121.01"}, "gross: ours 121.00 EUR, theirs 121.01 EUR (0.01 more)"),
        ({"gross": "121.004"}, "gross: ours 121.00 EUR, theirs 121.004 EUR (0.004 more)"),
        ({"gross": "-121"}, "gross: ours 121.00 EUR, theirs -121.00 EUR (242.00 less)"),
        ({"buyer": "customer 8"}, "buyer: not the one asked for"),
        ({"number": "2025-2"}, "number: ours 2025-1, theirs 2025-2"),
        ({"prepaid": "500"}, "prepaid: ours 0.00 EUR, theirs 500.00 EUR (500.00 more)"),
        ({"rounding": "-0.02"}, "rounding: ours 0.00 EUR, theirs -0.02 EUR (0.02 less)"),
        ({"due": "221"}, "due: ours 121.00 EUR, theirs 221.00 EUR (100.00 more)"),
        ({"issue_date": "2025-02-01"}, "issue date: ours 2025-01-31, theirs 2025-02-01"),
        ({"due_date": "?"}, "due date: ours 2025-03-02, theirs ?"),
        ({"reference": "ref-2"}, "reference: ours ref-1, theirs ref-2"),
    ],
)
@pytest.mark.parametrize("promised", [ALL, NOTHING], ids=["promised", "volunteered"])
def test_a_figure_that_differs_is_said_with_how_much(
    changes: dict[str, Any], sentence: str, promised: tuple[Figure, ...]
) -> None:
    assert said(echo(**changes), promised) == [sentence]


@pytest.mark.parametrize(
    ("figure", "sentence"),
    [
        ("currency", "currency: ours EUR, theirs not stated"),
        ("net", "net: ours 100.00 EUR, theirs not stated"),
        ("vat", "vat: ours 21.00 EUR, theirs not stated"),
        ("gross", "gross: ours 121.00 EUR, theirs not stated"),
        ("buyer", "buyer: not stated"),
        ("number", "number: ours 2025-1, theirs not stated"),
        ("prepaid", "prepaid: ours 0.00 EUR, theirs not stated"),
        ("due", "due: ours 121.00 EUR, theirs not stated"),
        ("issue_date", "issue date: ours 2025-01-31, theirs not stated"),
        ("reference", "reference: ours ref-1, theirs not stated"),
    ],
)
def test_a_figure_that_is_not_stated_matters_only_if_it_was_promised(
    figure: str, sentence: str
) -> None:
    without = echo(**{figure: None})
    named = Figure(figure.replace("_", " "))
    assert said(without, (named,)) == [sentence]
    assert said(without, tuple(one for one in ALL if one != named)) == []


def test_nothing_is_compared_with_what_we_do_not_expect() -> None:
    names = ("buyer", "number", "issue_date", "due_date", "reference")
    nothing: dict[str, Any] = dict.fromkeys(names)
    assert differences(expected(**nothing), echo(), ALL) == ()
    assert differences(expected(**nothing), echo(**nothing), ALL) == ()


def test_what_is_due_is_less_what_is_prepaid_and_rounded_as_the_options_say() -> None:
    asked = document(line(unit_price="100.00"), prepaid="50", due_date="2025-03-02")
    plan = Plan(totals=totals(asked, "line"), echoes=(), rounding=Decimal("-0.04"))
    made = Expected.of("ref-1", asked, plan, "customer 7")
    assert (made.prepaid, made.rounding) == (Decimal(50), Decimal("-0.04"))
    assert made.due == Decimal("70.96")
    assert (made.issue_date, made.due_date) == ("2025-01-31", "2025-03-02")
    lowered = Expected.of("ref-1", asked, plan.model_copy(update={"due": Decimal(7)}), None)
    assert lowered.due == 7


def test_what_is_due_is_rounded_as_the_document_says() -> None:
    asked = document(line(unit_price="100.10"), prepaid="50", rounding="-0.12")
    made = Expected.of("ref-1", asked, Plan(totals=totals(asked, "line"), echoes=()), None)
    assert (made.rounding, made.due) == (Decimal("-0.12"), Decimal("71.00"))
    dropped = echo(net="100.10", vat={"21": "21.02"}, gross="121.12", prepaid="50", due="71.12")
    told = [str(each) for each in differences(made, dropped, ALL)]
    assert "rounding: ours -0.12 EUR, theirs 0.00 EUR (0.12 more)" in told
    assert "due: ours 71.00 EUR, theirs 71.12 EUR (0.12 more)" in told


def test_neither_buyer_is_named() -> None:
    (difference,) = differences(expected(buyer="Ann Example"), echo(buyer="Bob Example"), ALL)
    assert "Example" not in difference.model_dump_json() + str(difference)


def test_all_differences_are_said_in_the_order_of_the_figures() -> None:
    wrong = echo(gross="1", net="2", vat={"9": "3"}, number="4", buyer="5", currency="USD")
    assert [one.split(":")[0] for one in said(wrong)] == [
        "currency",
        "net",
        "vat 9",
        "vat 21",
        "gross",
        "buyer",
        "number",
    ]


def test_amounts_in_another_currency_are_not_subtracted() -> None:
    assert said(echo(currency="USD", gross="130")) == [
        "currency: ours EUR, theirs USD",
        "gross: ours 121.00 EUR, theirs 130.00 USD",
    ]


def test_an_amount_is_the_same_however_many_zeros_it_is_written_with() -> None:
    assert said(echo(gross="121", net="100.0000")) == []


class TestVatPerRate:
    def said(self, vat: dict[str, str], ours: Totals = TWO_RATES) -> list[str]:
        return said(Echo.model_validate({"vat": vat}), (Figure.VAT,), ours)

    def test_each_rate_is_compared(self) -> None:
        assert self.said({"21": "18.69", "5.5": "2.75"}) == []
        assert self.said({"21": "18.70", "5.5": "2.74"}) == [
            "vat 5.5: ours 2.75 EUR, theirs 2.74 EUR (0.01 less)",
            "vat 21: ours 18.69 EUR, theirs 18.70 EUR (0.01 more)",
        ]

    def test_a_rate_that_they_lack_is_not_stated(self) -> None:
        assert self.said({"21": "18.69"}) == ["vat 5.5: ours 2.75 EUR, theirs not stated"]

    def test_a_rate_that_we_lack_is_too_much_even_with_no_vat_at_it(self) -> None:
        right = {"21": "18.69", "5.5": "2.75"}
        assert self.said({**right, "9": "1"}) == ["vat 9: ours none, theirs 1.00 EUR"]
        assert self.said({**right, "9": "0"}) == ["vat 9: ours none, theirs 0.00 EUR"]
        assert self.said({**right, "0": "1"}) == ["vat 0: ours none, theirs 1.00 EUR"]

    def test_rates_are_numbers_however_they_are_written(self) -> None:
        assert self.said({"21.00": "18.69", "5.50": "2.75"}) == []

    def test_one_rate_in_two_rows_counts_together(self) -> None:
        assert self.said({"21": "18", "21.0": "0.69", "5.5": "2.75"}) == []
        both = document(line(), line(vat={"category": "L", "rate": 21}))
        assert self.said({"21": "37.38"}, totals(both, "line")) == []

    @pytest.mark.parametrize("vat", [{}, {"0": "0"}, {"0.00": "0.00"}])
    def test_no_vat_at_zero_percent_need_not_be_stated(self, vat: dict[str, str]) -> None:
        assert self.said(vat, EXEMPT) == []
        assert self.said({"21": "18.69", "5.5": "2.75", **vat}) == []

    def test_what_is_no_rate_is_a_difference_and_not_repeated(self) -> None:
        for word in ("reduced", "NaN"):
            assert self.said({"21": "18.69", "5.5": "2.75", word: "1"}) == [
                "vat ?: ours none, theirs 1.00 EUR"
            ]


def test_yen_are_compared_and_shown_without_decimals() -> None:
    yen = totals(document(line(unit_price=100), currency="JPY"), "line")
    assert said(Echo(gross=Decimal(122)), (), yen) == [
        "gross: ours 121 JPY, theirs 122 JPY (1 more)"
    ]


def test_a_difference_survives_json() -> None:
    (found,) = differences(expected(), echo(gross="1"), ALL)
    assert Difference.model_validate_json(found.model_dump_json()) == found
