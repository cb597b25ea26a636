"""The code lists: where they are from, how old, and that an unknown code costs little."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from invoicing.codes import LISTS, CodeList
from invoicing.codes.__main__ import OLD, told
from tests.invoicing import line
from tests.invoicing.test_document import BUYER, VAT_21, mistakes, on_lines

MADE = CodeList(
    name="made",
    title="a made list",
    rule="BR-CL-00",
    source="this test",
    stated=date(2026, 1, 1),
    codes=frozenset({"0002", "0208"}),
    withdrawn=frozenset({"0001"}),
)


def test_each_list_has_codes_a_source_and_a_day() -> None:
    assert len(LISTS) == 7
    for name, each in LISTS.items():
        assert each.name == name
        assert len(each.codes) > 10
        assert each.source
        assert date(2024, 1, 1) < each.stated


@pytest.mark.parametrize("code", ["0208", "0001"])
def test_a_code_is_taken_though_it_was_withdrawn_since(code: str) -> None:
    assert MADE.check(code) == code


@pytest.mark.parametrize("code", ["0003", "", "x" * 1000, "0208 "])
def test_no_other_is_taken_and_none_is_repeated(code: str) -> None:
    with pytest.raises(ValueError, match="is no code of a made list") as caught:
        MADE.check(code)
    assert "x" * 10 not in str(caught.value)


def test_what_is_withdrawn_is_not_proposed() -> None:
    assert MADE.near("0001") == ["0002"]


def test_the_age_of_each_is_told_and_an_old_one_stands_out() -> None:
    (line,) = told([MADE], date(2026, 1, 1 + OLD % 30))
    assert "2026-01-01" in line
    assert "OLD" not in line
    last_good = date.fromordinal(MADE.stated.toordinal() + OLD)
    assert len(told([MADE], last_good)) == 1
    line, advice = told([MADE], date.fromordinal(last_good.toordinal() + 1))
    assert f"{OLD + 1} days, OLD" in line
    assert "tests.norm.lists" in advice


class TestCodes:
    """Of which list a code is, its place says (BR-CL-10 to BR-CL-26, BR-62 to BR-64)."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            (
                {"buyer": {**BUYER, "electronic_address": {"value": "1", "scheme": "208"}}},
                (
                    "buyer.electronic_address.scheme: is no code of EAS (schemes of electronic "
                    "addresses); near are 0208"
                ),
            ),
            (
                {"seller": {**BUYER, "electronic_address": {"value": "1"}}},
                (
                    "seller.electronic_address.scheme: is required: EAS (schemes of electronic "
                    "addresses)"
                ),
            ),
            (
                {"buyer": {**BUYER, "registration": {"value": "1", "scheme": "9925"}}},
                (
                    "buyer.registration.scheme: is no code of ISO 6523 ICD (schemes of "
                    "identifiers); it is one of EAS (schemes of electronic addresses)"
                ),
            ),
            (
                {"payee": {**BUYER, "identifiers": [{"value": "1", "scheme": "KVK"}]}},
                "payee.identifiers[0].scheme: is no code of ISO 6523 ICD (schemes of identifiers)",
            ),
            (
                {"delivery": {"location": {"value": "1", "scheme": "88"}}},
                (
                    "delivery.location.scheme: is no code of ISO 6523 ICD (schemes of "
                    "identifiers); near are 0088"
                ),
            ),
            (
                {"lines": [line(standard_item_id={"value": "1"})]},
                (
                    "lines[0].standard_item_id.scheme: is required: ISO 6523 ICD (schemes of "
                    "identifiers)"
                ),
            ),
            (
                {"lines": [line(standard_item_id={"value": "1", "scheme": "160"})]},
                (
                    "lines[0].standard_item_id.scheme: is no code of ISO 6523 ICD (schemes of "
                    "identifiers); near are 0160"
                ),
            ),
            (
                {"lines": [line(allowances=[{"amount": 1, "reason_code": "FC"}])]},
                (
                    "lines[0].allowances[0].reason_code: is no code of UNCL 5189 (reasons of "
                    "allowances); it is one of UNCL 7161 (reasons of charges)"
                ),
            ),
            (
                {"lines": [line(charges=[{"amount": 1, "reason_code": "95"}])]},
                (
                    "lines[0].charges[0].reason_code: is no code of UNCL 7161 (reasons of "
                    "charges); it is one of UNCL 5189 (reasons of allowances)"
                ),
            ),
            (
                {"charges": [{"amount": 1, "vat": VAT_21, "reason_code": "fc"}]},
                "charges[0].reason_code: is no code of UNCL 7161 (reasons of charges); near are FC",
            ),
            (
                {"allowances": [{"amount": 1, "vat": VAT_21, "reason_code": "1O0"}]},
                (
                    "allowances[0].reason_code: is no code of UNCL 5189 (reasons of allowances); "
                    "near are 105, 104, 103, 102, 100"
                ),
            ),
            (
                {"lines": [line(unit="KWX")]},
                (
                    "lines[0].unit: is no code of UN/ECE Recommendations 20 and 21 (units and "
                    "packages); near are KX, KW, XWX, KWY, KWT"
                ),
            ),
            (
                {"payment": {"means": "99"}},
                "payment.means: is no code of UNCL 4461 (means of payment); near are 9",
            ),
            (
                {
                    "lines": [
                        line(vat={"category": "E", "rate": 0, "exemption_code": "vatex-eu-132"})
                    ]
                },
                (
                    "lines[0].vat.exemption_code: is no code of VATEX (reasons of VAT exemption); "
                    "near are VATEX-EU-132"
                ),
            ),
        ],
        ids=lambda one: one.partition(":")[0] if isinstance(one, str) else "",
    )
    def test_an_unknown_code_is_refused_with_what_is_near(
        self, changes: dict[str, Any], said: str
    ) -> None:
        assert mistakes(**changes) == [said]

    def test_known_codes_are_taken(self) -> None:
        belgian = {"value": "0403170701", "scheme": "0208"}
        party = {**BUYER, "registration": belgian, "identifiers": [belgian]}
        assert (
            on_lines(
                line(unit="KWH", standard_item_id={"value": "5412345000013", "scheme": "0160"}),
                buyer={**party, "electronic_address": belgian},
                delivery={"location": belgian},
                payment={"means": "30"},
                allowances=[{"amount": 1, "vat": VAT_21, "reason_code": "95"}],
                charges=[{"amount": 1, "vat": VAT_21, "reason_code": "FC"}],
            )
            == []
        )
