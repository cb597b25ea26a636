"""Every rule of the document, each with what breaks it and only it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from invoicing.document import Document, Period, Vat
from invoicing.parse import problems
from tests.invoicing import content, document, line
from tests.invoicing.counting import computed

BUYER = {"name": "Canary Energy BV"}
VAT_21 = {"rate": 21}


def mistakes(**changes: Any) -> list[str]:
    """What is wrong with the smallest document when this is changed in it."""
    return found_in(content(**changes))


def found_in(typed: dict[str, Any]) -> list[str]:
    try:
        Document.model_validate(typed)
    except ValidationError as error:
        return [str(problem) for problem in problems(error)]
    return []


def on_lines(*lines: dict[str, Any], **changes: Any) -> list[str]:
    return found_in(content(*lines, **changes))


def vat_mistakes(**vat: Any) -> list[str]:
    return [one.removeprefix("lines[0].vat.") for one in on_lines(line(vat=vat), buyer=TAXED)]


DELIVERED = {"actual_date": "2025-01-30", "address": {"country": "BE"}}
TAXED = {**BUYER, "vat_number": "NL004495445B01"}


def test_the_smallest_document_is_valid() -> None:
    assert mistakes() == []


def test_json_gives_back_the_same_document() -> None:
    made = document(
        line(quantity="1.500", allowances=[{"percent": "2.50"}]),
        payment={"iban": "NL91ABNA0417164300"},
    )
    text = made.model_dump_json()
    assert Document.model_validate_json(text) == made
    assert Document.model_validate_json(text).model_dump_json() == text
    assert '"quantity":"1.500"' in text


class TestVat:
    """Categories, rates and reasons (BR-S-05, BR-E-10 and their sisters)."""

    @pytest.mark.parametrize(
        "vat",
        [
            {"category": "S", "rate": "1"},
            {"category": "S", "rate": "2.1"},
            {"category": "Z", "rate": 0},
            {"category": "Z"},
            {"category": "E", "rate": 0, "exemption_reason": "education"},
            {"category": "E", "rate": 0, "exemption_code": "VATEX-EU-132"},
            {"category": "AE", "rate": 0},
            {"category": "K", "rate": 0},
            {"category": "G", "rate": 0, "exemption_code": "VATEX-EU-G"},
            {"category": "O", "rate": 0},
            {"category": "O"},
            {"category": "O", "exemption_code": "VATEX-EU-O"},
            {"category": "L", "rate": 7},
            {"category": "L", "rate": 0},
            {"category": "M", "rate": 0},
            {"category": "M", "rate": "0.5"},
            {"category": "M", "rate": 4},
        ],
    )
    def test_what_fits_together_is_taken(self, vat: dict[str, Any]) -> None:
        Vat.model_validate(vat)

    @pytest.mark.parametrize("vat", [{}, {"category": "L"}, {"category": "M"}])
    def test_what_is_taxed_says_its_rate(self, vat: dict[str, Any]) -> None:
        assert vat_mistakes(**vat) == ["rate: is required"]

    @pytest.mark.parametrize("category", ["Z", "AE", "K", "G", "O"])
    def test_what_is_not_taxed_need_not_say_a_rate(self, category: str) -> None:
        assert Vat.model_validate({"category": category}).rate == 0

    @pytest.mark.parametrize(
        ("category", "rate", "meant"),
        [("S", "0.21", "21"), ("S", "0.055", "5.5"), ("S", "0.9999", "99.99"), ("L", "0.07", "7")],
    )
    def test_a_spreadsheets_percentage_is_not_taken_for_a_rate(
        self, category: str, rate: str, meant: str
    ) -> None:
        assert vat_mistakes(category=category, rate=rate) == [
            f"rate: is in percent: is {meant} meant?"
        ]

    def test_the_standard_rate_is_above_zero(self) -> None:
        assert vat_mistakes(rate=0) == ["rate: must be more than 0 for category S; 0 % is Z"]

    @pytest.mark.parametrize("category", ["Z", "E", "AE", "K", "G", "O"])
    def test_the_other_categories_have_no_rate(self, category: str) -> None:
        reason = {"exemption_reason": "because"} if category == "E" else {}
        assert vat_mistakes(category=category, rate=21, **reason) == [
            f"rate: must be 0 for category {category}"
        ]

    def test_an_exemption_is_explained(self) -> None:
        assert vat_mistakes(category="E", rate=0) == [
            "exemption_reason: needed for category E, or an exemption_code"
        ]

    @pytest.mark.parametrize("category", ["S", "Z", "L", "M"])
    @pytest.mark.parametrize("field", ["exemption_reason", "exemption_code"])
    def test_what_is_not_exempt_has_no_exemption(self, category: str, field: str) -> None:
        rate = 21 if category in "SLM" else 0
        assert vat_mistakes(category=category, rate=rate, **{field: "VATEX-EU-132"}) == [
            f"{field}: has no place in category {category}"
        ]

    @pytest.mark.parametrize(
        ("code", "category"),
        [
            *(("VATEX-EU-AE", "AE"), ("VATEX-EU-IC", "K"), ("VATEX-EU-G", "G")),
            *(("VATEX-EU-O", "O"), ("VATEX-EU-D", "E"), ("VATEX-EU-F", "E")),
            *(("VATEX-EU-I", "E"), ("VATEX-EU-J", "E")),
        ],
    )
    def test_a_reason_that_means_a_category_is_of_no_other(self, code: str, category: str) -> None:
        Vat.model_validate({"category": category, "exemption_code": code})
        for other in {"E", "AE", "K", "G", "O"} - {category}:
            with pytest.raises(ValidationError, match=f"is the reason of category {category}"):
                Vat.model_validate({"category": other, "exemption_code": code})

    def test_several_mistakes_are_all_named(self) -> None:
        assert [one.split(":")[0] for one in vat_mistakes(category="E", rate=9)] == [
            "rate",
            "exemption_reason",
        ]

    @pytest.mark.parametrize(("rate", "limit"), [("-1", "0 or more"), ("100.01", "100 or less")])
    def test_rates_are_percentages(self, rate: str, limit: str) -> None:
        assert vat_mistakes(rate=rate) == [f"rate: must be {limit}"]

    def test_two_are_the_same_by_category_and_rate(self) -> None:
        standard = Vat(rate=Decimal("21.0"))
        assert standard.same(Vat(rate=Decimal(21)))
        assert not standard.same(Vat(rate=Decimal(9)))
        assert not standard.same(Vat.model_validate({"category": "L", "rate": 21}))


class TestAcrossFields:
    def test_line_ids_differ(self) -> None:
        typed = content(line(), line(), line())
        for one in typed["lines"]:
            one["id"] = "a"
        assert found_in(typed) == [
            "lines[1].id: is that of lines[0] too",
            "lines[2].id: is that of lines[0] too",
        ]

    def test_it_is_not_due_before_it_is_issued(self) -> None:
        assert mistakes(due_date="2025-01-31") == []
        assert mistakes(due_date="2025-01-30") == ["due_date: is before issue_date"]

    def test_a_credit_note_names_its_invoice(self) -> None:
        assert mistakes(type="credit_note", precedents=[{"number": "2025-1"}]) == []
        assert mistakes(type="credit_note") == [
            "precedents: a credit note must name the invoice that it credits"
        ]

    def test_a_period_does_not_end_before_it_starts(self) -> None:
        assert mistakes(period={"start": "2025-01-31", "end": "2025-01-31"}) == []
        assert mistakes(period={"start": "2025-01-31", "end": "2025-01-30"}) == [
            "period.end: is before start"
        ]

    def test_an_adjustment_is_either_an_amount_or_a_percentage(self) -> None:
        for wrong in ({}, {"amount": 1, "percent": 1}):
            assert on_lines(line(allowances=[wrong])) == [
                "lines[0].allowances[0]: give either amount or percent"
            ]

    def test_a_buyer_who_owes_the_vat_has_a_vat_number(self) -> None:
        supply = line(vat={"category": "K", "rate": 0})
        needed = ["buyer.vat_number: needed for VAT category K"]
        known = {**BUYER, "registration": {"value": "1"}}
        assert on_lines(supply, buyer=TAXED, delivery=DELIVERED) == []
        assert on_lines(supply, delivery=DELIVERED) == needed
        assert on_lines(supply, buyer=known, delivery=DELIVERED) == needed

    @pytest.mark.parametrize("where", ["lines", "allowances", "charges"])
    def test_a_supply_within_the_union_says_when_and_where_it_was_delivered(
        self, where: str
    ) -> None:
        """BR-IC-11, BR-IC-12."""
        supply = {"category": "K", "rate": 0}
        freight = {where: [{"amount": 1, "vat": supply}]} if where != "lines" else {}
        lines = [line(vat=supply)] if where == "lines" else [line(vat={"category": "Z"})]

        def found(**more: Any) -> list[str]:
            return on_lines(*lines, buyer=TAXED, **freight, **more)

        when = "delivery.actual_date: needed for VAT category K, or a period"
        place = "delivery.address: needed for VAT category K: the country it was delivered to"
        month = {"start": "2025-01-01", "end": "2025-01-31"}
        there = {"address": {"country": "BE"}}
        assert found() == [when, place]
        assert found(delivery={"actual_date": "2025-01-30"}) == [place]
        assert found(period=month) == [place]
        assert found(delivery=there) == [when]
        assert found(delivery=there, period=month) == []
        assert found(delivery=DELIVERED) == []

    @pytest.mark.parametrize("where", ["lines", "allowances", "charges"])
    def test_who_is_not_subject_to_vat_says_no_vat_number(self, where: str) -> None:
        """BR-O-02 to BR-O-04."""
        outside = {"category": "O"}
        adjusted = {where: [{"amount": 1, "vat": outside}]} if where != "lines" else {}
        taxed = {"seller": TAXED, "buyer": TAXED}
        assert on_lines(line(vat=outside), **adjusted, **taxed) == [
            f"{party}.vat_number: has no place in VAT category O: not subject to VAT"
            for party in ("seller", "buyer")
        ]
        assert on_lines(line(vat=outside), seller=BUYER, **adjusted) == []

    def test_a_payee_is_somebody_else(self) -> None:
        """BR-17."""
        known = [{"value": "1", "scheme": "0208"}]
        seller = {"name": "Seller BV", "trading_name": "Seed", "identifiers": known}
        is_seller = ["payee: has the seller's name or identifier; leave out who is the seller"]
        for payee in (
            {"name": "Seller BV"},
            {"name": "Seed"},
            {"name": "Factor BV", "identifiers": known},
        ):
            assert mistakes(seller=seller, payee=payee) == is_seller
            assert mistakes(payee=payee) == []
        assert mistakes(seller=seller, payee={"name": "Factor BV"}) == []

    def test_a_buyer_under_reverse_charge_has_a_vat_number_or_a_registration(self) -> None:
        charge = line(vat={"category": "AE", "rate": 0})
        assert on_lines(charge, buyer=TAXED) == []
        assert on_lines(charge, buyer={**BUYER, "registration": {"value": "1"}}) == []
        assert on_lines(charge) == [
            "buyer.vat_number: needed for VAT category AE, or a registration"
        ]

    def test_adjustments_count_as_much_as_lines_for_who_owes_the_vat(self) -> None:
        for kind in ("allowances", "charges"):
            freight = [{"amount": 1, "vat": {"category": "K", "rate": 0}}]
            assert mistakes(**{kind: freight}, delivery=DELIVERED) == [
                "buyer.vat_number: needed for VAT category K"
            ]

    def test_what_is_outside_the_scope_of_vat_stands_alone(self) -> None:
        outside = line(vat={"category": "O", "rate": 0})
        assert on_lines(outside, outside) == []
        assert on_lines(line(), outside, charges=[{"amount": 1, "vat": VAT_21}]) == [
            "lines[0].vat.category: must be O, as elsewhere in this document",
            "charges[0].vat.category: must be O, as elsewhere in this document",
        ]

    def test_a_percentage_of_the_document_is_of_lines_with_its_vat(self) -> None:
        for kind in ("allowances", "charges"):
            assert mistakes(**{kind: [{"percent": 5, "vat": VAT_21}]}) == []
            assert mistakes(**{kind: [{"amount": 5, "vat": {"rate": 9}}]}) == []
            assert mistakes(**{kind: [{"percent": 5, "vat": {"rate": 9}}]}) == [
                f"{kind}[0].percent: is of the lines with this VAT; there are none"
            ]


class TestAmounts:
    def test_a_quantity_is_not_zero(self) -> None:
        assert on_lines(line(quantity="-1")) == []
        assert on_lines(line(quantity="0.0")) == ["lines[0].quantity: must not be 0"]

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("unit_price", "-0.01", "must be 0 or more"),
            ("base_quantity", "0", "must be more than 0"),
            ("base_quantity", "-1", "must be more than 0"),
        ],
    )
    def test_prices_have_a_direction(self, field: str, value: str, message: str) -> None:
        assert on_lines(line(**{field: value})) == [f"lines[0].{field}: {message}"]

    @pytest.mark.parametrize("kind", ["allowances", "charges"])
    @pytest.mark.parametrize("field", ["amount", "percent"])
    def test_adjustments_are_not_negative(self, kind: str, field: str) -> None:
        wrong = [{field: "-1"}]
        assert on_lines(line(**{kind: wrong})) == [f"lines[0].{kind}[0].{field}: must be 0 or more"]

    def test_what_is_prepaid_is_not_negative(self) -> None:
        assert mistakes(prepaid="-1") == ["prepaid: must be 0 or more"]

    @pytest.mark.parametrize("rounding", [None, "line", "category"])
    def test_nobody_has_paid_more_than_the_whole(self, rounding: str | None) -> None:
        whole: dict[str, Any] = {"vat_rounding": rounding}
        assert mistakes(prepaid="107.69", **whole) == []
        assert mistakes(prepaid="107.70", **whole) == [
            (
                "prepaid: is more than the whole, which is 107.69 EUR with VAT; "
                "money that goes back to the buyer is a line with a negative quantity"
            )
        ]
        for nothing_left in (line(unit_price=0), line(quantity=-1)):
            (said,) = on_lines(nothing_left, prepaid="0.01", **whole)
            assert said.startswith("prepaid: is more than the whole, which is ")

    def test_what_is_prepaid_may_be_the_whole_in_either_rounding_until_one_is_chosen(self) -> None:
        """Three times 0.99 with 21 percent: 3.60 where VAT is rounded per line, else 3.59."""
        small = [line(unit_price="0.99")] * 3
        assert on_lines(*small, prepaid="3.60") == []
        assert on_lines(*small, prepaid="3.60", vat_rounding="line") == []
        for rounding, least in ((None, "3.60"), ("line", "3.60"), ("category", "3.59")):
            (said,) = on_lines(*small, prepaid="3.61", vat_rounding=rounding)
            assert f"which is {least} EUR" in said

    @pytest.mark.parametrize("rounding", [None, "line", "category"])
    def test_a_rounding_moves_the_whole_by_no_more_than_itself(self, rounding: str | None) -> None:
        whole: dict[str, Any] = {"vat_rounding": rounding}
        for fits in ("0.31", "-0.69", "107.69", "-107.69"):
            assert mistakes(rounding=fits, **whole) == []
        for more in ("107.70", "-107.70"):
            (said,) = mistakes(rounding=more, **whole)
            assert said.startswith("rounding: is more than the whole, which is 107.69 EUR with VAT")
        assert on_lines(line(quantity=-1), rounding="0.31", **whole) == []
        (said,) = on_lines(line(unit_price=0), rounding="0.01", **whole)
        assert said.startswith("rounding: is more than the whole, which is 0.00 EUR")

    def test_who_pays_at_once_has_paid_the_rounded_whole(self) -> None:
        """In cash: 107.69 comes to 107.70, and nothing is due."""
        assert mistakes(prepaid="107.70", rounding="0.01") == []
        for prepaid, rounding, whole in (
            ("107.71", "0.01", "107.70"),
            ("107.69", "-0.04", "107.65"),
        ):
            (said,) = mistakes(prepaid=prepaid, rounding=rounding)
            assert said.startswith(f"prepaid: is more than the whole, which is {whole} EUR")

    def test_vat_is_accounted_for_in_another_currency_and_on_the_same_side(self) -> None:
        def said(currency: str, vat: str, *lines: Any) -> list[str]:
            given = {"currency": currency, "vat": vat}
            return on_lines(*(lines or (line(),)), vat_accounting=given)

        assert said("SEK", "213.17") == said("JPY", "3000") == said("SEK", "0") == []
        assert said("SEK", "-213.17", line(quantity=-1)) == []
        assert said("EUR", "18.69") == [
            "vat_accounting.currency: is the document's own; leave it out"
        ]
        assert said("JPY", "3000.5") == ["vat_accounting.vat: JPY has 0 decimals, not more"]
        for vat, bought in (("-213.17", line()), ("213.17", line(quantity=-1))):
            assert said("SEK", vat, bought) == [
                "vat_accounting.vat: is on the other side of zero than the VAT of the document"
            ]

    @pytest.mark.parametrize("missing", ["currency", "vat"])
    def test_the_currency_of_accounting_and_the_vat_in_it_go_together(self, missing: str) -> None:
        """BR-53."""
        given = {"currency": "SEK", "vat": "213.17"}
        del given[missing]
        (said,) = mistakes(vat_accounting=given)
        assert said.startswith(f"vat_accounting.{missing}: ")

    def test_allowances_leave_something_of_their_line(self) -> None:
        too_much = ["lines[0].allowances: come to more than the line itself"]
        assert on_lines(line(allowances=[{"amount": "89.00"}])) == []
        assert on_lines(line(allowances=[{"amount": "89.01"}])) == too_much
        assert on_lines(line(allowances=[{"amount": "0.01"}, {"percent": 100}])) == too_much
        assert on_lines(line(quantity=-1, allowances=[{"percent": 100}])) == []
        assert on_lines(line(quantity=-1, allowances=[{"percent": 60}] * 2)) == too_much

    def test_a_return_is_adjusted_by_percentages(self) -> None:
        for kind in ("allowances", "charges"):
            assert on_lines(line(quantity=-1, **{kind: [{"percent": 1}]})) == []
            assert on_lines(line(quantity=-1, **{kind: [{"amount": 1}]})) == [
                f"lines[0].{kind}[0].amount: give a percent instead: the quantity is negative"
            ]

    def test_amounts_are_no_finer_than_their_currency(self) -> None:
        fine = [{"amount": "0.001"}]
        vat_fine = [{"amount": "0.001", "vat": VAT_21}]
        found = on_lines(
            line(allowances=fine, charges=fine),
            allowances=vat_fine,
            charges=vat_fine,
            prepaid="0.001",
            rounding="-0.001",
        )
        assert found == [
            f"{path}: EUR has 2 decimals, not more"
            for path in (
                "lines[0].allowances[0].amount",
                "lines[0].charges[0].amount",
                "allowances[0].amount",
                "charges[0].amount",
                "prepaid",
                "rounding",
            )
        ]
        assert mistakes(prepaid="1.000") == []
        assert mistakes(prepaid="0.001", currency="BHD") == []
        assert mistakes(prepaid="0.5", currency="JPY") == ["prepaid: JPY has 0 decimals, not more"]

    def test_unit_prices_may_be_finer_than_their_currency(self) -> None:
        assert on_lines(line(unit_price="0.0123456789")) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"lines": [line(quantity="1000000", unit_price="500000000")]},
            {"lines": [line(quantity="-1000000", unit_price="500000000")]},
            {"charges": [{"amount": "500000000000000", "vat": VAT_21}]},
            {"prepaid": "999999999999999"},
            {"rounding": "-999999999999999"},
            {
                "lines": [
                    line(
                        quantity="999999999999999.9999999999",
                        unit_price="999999999999999.9999999999",
                        base_quantity="0.0000000001",
                        charges=[{"percent": "99.9999999999"}] * 50,
                    )
                ],
                "charges": [{"percent": "99.9999999999", "vat": VAT_21}] * 50,
            },
        ],
    )
    def test_the_totals_must_be_numbers_too(self, changes: dict[str, Any]) -> None:
        assert mistakes(**changes) == ["lines: come to an absurdly large amount"]

    def test_an_adjustment_of_the_document_comes_to_an_amount(self) -> None:
        made = document(
            line(unit_price=100),
            line(unit_price=50, allowances=[{"percent": 10}]),
            line(unit_price=1000, vat={"rate": 9}),
            charges=[{"percent": "2.5", "vat": VAT_21}, {"amount": "4.95", "vat": VAT_21}],
        )
        assert [str(made.amount_of(one)) for one in made.charges] == ["3.63", "4.95"]

    @pytest.mark.parametrize("lines", [2, 20, 200])
    @pytest.mark.parametrize("adjustments", [1, 10, 50])
    @pytest.mark.parametrize("prepaid", [0, 1])
    def test_each_amount_is_computed_once_or_once_a_rounding_however_many_there_are(
        self, lines: int, adjustments: int, prepaid: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tenth = [{"percent": 10, "vat": VAT_21}] * adjustments
        typed = content(
            *[line(allowances=[{"percent": 1}], charges=[{"amount": 1}])] * lines,
            allowances=tenth,
            charges=tenth,
        )
        calls = computed(monkeypatch)
        Document.model_validate(typed | {"prepaid": prepaid})
        again = 4 * adjustments if prepaid else 0
        assert calls == {
            "price": lines,
            "amounts": lines,
            "of": 2 * lines + 2 * adjustments + again,
        }

    def test_nothing_computed_is_kept_in_the_document(self) -> None:
        made, untouched = (document(charges=[{"percent": 5, "vat": VAT_21}]) for _ in range(2))
        made.amounts()
        made.amount_of(made.charges[0])
        assert vars(made).keys() == Document.model_fields.keys()
        assert made == untouched
        assert made.model_dump_json() == untouched.model_dump_json()
        doubled = tuple(one.model_copy(update={"quantity": Decimal(2)}) for one in made.lines)
        changed = made.model_copy(update={"lines": doubled})
        assert str(changed.amount_of(changed.charges[0])) == "8.90"


class TestText:
    @pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\u200b", "\t\n"])
    @pytest.mark.parametrize(
        "path", ["name", "description", "note", "seller_item_id", "order_line", "id"]
    )
    def test_text_on_a_line_is_not_blank(self, path: str, blank: str) -> None:
        typed = content()
        typed["lines"][0][path] = blank
        assert found_in(typed) == [f"lines[0].{path}: must not be empty"]

    @pytest.mark.parametrize("field", ["number", "buyer_reference", "contract"])
    def test_text_on_the_document_is_not_blank(self, field: str) -> None:
        assert mistakes(**{field: "\u200b"}) == [f"{field}: must not be empty"]

    def test_names_and_postal_codes_are_not_blank(self) -> None:
        blank = {"country": "NL", "postal_code": "\u200b"}
        assert mistakes(buyer={"name": " ", "address": blank}) == [
            "buyer.name: must not be empty",
            "buyer.address.postal_code: must not be empty",
        ]

    def test_text_is_trimmed(self) -> None:
        assert document(buyer={"name": "  Canary Energy BV "}).buyer.name == "Canary Energy BV"

    def test_text_is_not_endless(self) -> None:
        assert mistakes(buyer={"name": "x" * 256}) == [
            "buyer.name: must have at most 255 characters"
        ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"currency": "eur"}, "currency: write it in capitals: EUR"),
        ({"issue_date": 0}, 'issue_date: must be a date such as "2025-01-31"'),
        ({"issue_date": "2025-02-29"}, "issue_date: is not a day that exists"),
        ({"due_date": "2025-03-01T12:00:00"}, 'due_date: must be a date such as "2025-01-31"'),
        ({"prices_include_vat": "yes"}, "prices_include_vat: must be true or false"),
        ({"lines": []}, "lines: must have at least 1"),
        (
            {"allowances": [{"amount": 1, "vat": VAT_21}] * 51},
            "allowances: must have at most 50, has 51",
        ),
        (
            {"buyer": {**BUYER, "vat_number": "NL004495446B01"}},
            "buyer.vat_number: is not a valid VAT number: its check digit does not fit",
        ),
        (
            {"buyer": {**BUYER, "contact": {"email": "billing"}}},
            "buyer.contact.email: is not a valid e-mail address",
        ),
        (
            {"buyer": {**BUYER, "address": {"country": "NLD"}}},
            "buyer.address.country: must be a country's two-letter code (ISO 3166), such as NL",
        ),
        (
            {"buyer": {**BUYER, "language": "dutch"}},
            "buyer.language: must be a language such as nl or nl-BE",
        ),
        (
            {"payment": {"iban": "NL91ABNA0417164301"}},
            "payment.iban: is not a valid IBAN: its check digits do not fit, a typing error?",
        ),
        (
            {"payment": {"bic": "X"}},
            "payment.bic: is not a valid BIC: 8 or 11 characters, such as DEUTDEFF",
        ),
        (
            {"payment": {"means": "transfer"}},
            "payment.means: must be a UNCL4461 code, such as 30 (credit transfer)",
        ),
    ],
)
def test_each_field_says_what_it_needs(changes: dict[str, Any], said: str) -> None:
    assert mistakes(**changes) == [said]


@pytest.mark.parametrize(
    "path",
    [
        ("issue_date",),
        ("due_date",),
        ("tax_point_date",),
        ("period", "start"),
        ("period", "end"),
        ("delivery", "actual_date"),
    ],
)
def test_no_date_is_a_number_of_seconds(path: tuple[str, ...]) -> None:
    inner: Any = 86400
    if path[0] == "period":
        inner = {"start": "2025-01-01", "end": "2025-01-31", path[1]: 86400}
    elif len(path) == 2:
        inner = {path[1]: 86400}
    assert mistakes(**{path[0]: inner}) == [
        f'{".".join(path)}: must be a date such as "2025-01-31"'
    ]


def test_a_precedents_date_is_a_date() -> None:
    assert mistakes(precedents=[{"number": "1", "issue_date": 86400}]) == [
        'precedents[0].issue_date: must be a date such as "2025-01-31"'
    ]


@pytest.mark.parametrize("lines", [1, 30])
def test_every_percentage_of_no_line_at_all_is_named(lines: int) -> None:
    wrong = [{"percent": 1, "vat": {"rate": 9}}] * 50
    found = on_lines(*[line()] * lines, charges=wrong)
    assert len(found) == 50
    assert found[49] == "charges[49].percent: is of the lines with this VAT; there are none"


@pytest.mark.parametrize(
    "changes",
    [
        {"buyer": {**BUYER, "vat_number": "N" * 321}},
        {"buyer": {**BUYER, "contact": {"email": "N" * 321}}},
        {"payment": {"iban": "N" * 321}},
        {"payment": {"bic": "N" * 321}},
    ],
    ids=str,
)
def test_no_library_is_asked_about_a_text_without_end(changes: dict[str, Any]) -> None:
    (said,) = mistakes(**changes)
    assert said.endswith("must have at most 320 characters")


def test_no_number_without_end_is_looked_at() -> None:
    for number in ("1" * 101, "1,1" * 1000, "x" * 101):
        said = "prepaid: must be a number of at most 100 characters"
        assert mistakes(prepaid=number) == [said]
    assert mistakes(prepaid="1" * 100) == ["prepaid: has more than 15 digits before the point"]


def test_mistakes_are_readable_without_our_parser() -> None:
    with pytest.raises(ValidationError, match="end: is before start"):
        Period.model_validate({"start": "2025-01-31", "end": "2025-01-30"})
