"""Totals against hand-computed examples, against exact fractions, and against their own laws."""

from __future__ import annotations

import decimal
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

import iso4217
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from invoicing.document import Document, VatCategory
from invoicing.money import minor_units
from invoicing.totals import Totals, VatRounding, gross, totals, who_owes
from tests.invoicing import document, line
from tests.invoicing.counting import computed
from tests.tiers import TRIES

M = TypeVar("M", bound=BaseModel)
quick = settings(derandomize=True, database=None, max_examples=TRIES)

CURRENCIES = sorted(c.code for c in iso4217.Currency if c.exponent is not None)
ROUNDINGS: tuple[VatRounding, ...] = ("line", "category")
VATS: tuple[dict[str, Any], ...] = (
    {"rate": "21"},
    {"rate": "21.00"},
    {"rate": "9"},
    {"rate": "5.5"},
    {"category": "Z", "rate": "0"},
    {"category": "E", "rate": "0", "exemption_reason": "education"},
    {"category": "L", "rate": "7"},
)


# Hand-computed examples


def figures(found: Totals) -> dict[str, str]:
    """What an example may state, as text: `vat S 21` is the VAT in that row."""
    rows = {f"vat {row.category} {row.rate}": str(row.vat) for row in found.vat_rows}
    taxed = {f"taxable {row.category} {row.rate}": str(row.taxable) for row in found.vat_rows}
    names = ("line_net", "allowances", "charges", "net", "vat", "gross", "due")
    return {**{name: str(getattr(found, name)) for name in names}, **rows, **taxed}


def priced(price: str, rate: str = "21", quantity: str = "1", **more: Any) -> dict[str, Any]:
    return line(unit_price=price, quantity=quantity, vat={"rate": rate}, **more)


EXAMPLES: dict[str, tuple[Document, VatRounding, dict[str, str]]] = {
    "one line": (
        document(priced("89.00")),
        "line",
        {"net": "89.00", "vat": "18.69", "gross": "107.69", "due": "107.69"},
    ),
    "three small lines, VAT rounded on each: 0.2079 is 0.21, three times": (
        document(*[priced("0.99")] * 3),
        "line",
        {"net": "2.97", "vat": "0.63", "gross": "3.60"},
    ),
    "three small lines, VAT rounded once: 0.6237": (
        document(*[priced("0.99")] * 3),
        "category",
        {"net": "2.97", "vat": "0.62", "gross": "3.59"},
    ),
    "the same with VAT in the prices: 0.99 holds 0.1718": (
        document(*[priced("0.99")] * 3, prices_include_vat=True),
        "line",
        {"net": "2.46", "vat": "0.51", "gross": "2.97"},
    ),
    "the same, taken out once: 2.97 holds 0.5155": (
        document(*[priced("0.99")] * 3, prices_include_vat=True),
        "category",
        {"line_net": "2.45", "net": "2.45", "vat": "0.52", "gross": "2.97"},
    ),
    "a half is rounded up": (
        document(priced("0.50", rate="5")),
        "line",
        {"vat": "0.03", "gross": "0.53"},
    ),
    "a returned half is rounded down, away from zero": (
        document(priced("0.50", rate="5", quantity="-1")),
        "line",
        {"net": "-0.50", "vat": "-0.03", "gross": "-0.53"},
    ),
    "price per thousand": (
        document(priced("12.50", quantity="1234", base_quantity=1000)),
        "line",
        {"net": "15.43", "vat": "3.24", "gross": "18.67"},
    ),
    "allowance and charge on a line; percentages are of the price before either": (
        document(
            priced(
                "10.00",
                quantity="3",
                allowances=[{"percent": "10"}, {"amount": "1.50"}],
                charges=[{"percent": "5"}],
            )
        ),
        "line",
        {"line_net": "27.00", "net": "27.00", "vat": "5.67"},
    ),
    "each percentage is rounded before it is subtracted: 0.335 twice is 0.68": (
        document(priced("6.70", allowances=[{"percent": "5"}, {"percent": "5"}])),
        "line",
        {"net": "6.02"},
    ),
    "document adjustments at two rates": (
        document(
            priced("100.00"),
            priced("50.00", rate="9"),
            allowances=[{"percent": "10", "vat": {"rate": 21}}],
            charges=[{"amount": "4.95", "vat": {"rate": 9}}],
            prepaid="20",
        ),
        "category",
        {
            "line_net": "150.00",
            "allowances": "10.00",
            "charges": "4.95",
            "net": "144.95",
            "taxable S 21": "90.00",
            "vat S 21": "18.90",
            "taxable S 9": "54.95",
            "vat S 9": "4.95",
            "vat": "23.85",
            "gross": "168.80",
            "due": "148.80",
        },
    ),
    "a document allowance is a line of its own where VAT is rounded per line: 2.10 less 0.0105": (
        document(priced("10.00"), allowances=[{"amount": "0.05", "vat": {"rate": 21}}]),
        "line",
        {"net": "9.95", "vat": "2.09", "gross": "12.04"},
    ),
    "adjustments contain VAT where prices do": (
        document(
            priced("121.00"),
            allowances=[{"amount": "12.10", "vat": {"rate": 21}}],
            prices_include_vat=True,
        ),
        "line",
        {
            "line_net": "100.00",
            "allowances": "10.00",
            "net": "90.00",
            "vat": "18.90",
            "gross": "108.90",
        },
    ),
    "reverse charge": (
        document(
            line(unit_price="1000", vat={"category": "AE", "rate": 0}),
            buyer={"name": "Canary Energy BV", "vat_number": "NL004495445B01"},
        ),
        "category",
        {"net": "1000.00", "vat": "0.00", "gross": "1000.00", "vat AE 0": "0.00"},
    ),
    "the same rate in two categories stays apart": (
        document(
            line(vat={"category": "Z", "rate": 0}),
            line(vat={"category": "E", "rate": 0, "exemption_code": "VATEX-EU-132"}),
        ),
        "line",
        {"taxable Z 0": "89.00", "taxable E 0": "89.00", "gross": "178.00"},
    ),
    "yen have no decimals": (
        document(priced("99", rate="10", quantity="1.5"), currency="JPY"),
        "line",
        {"net": "149", "vat": "15", "gross": "164"},
    ),
    "dinars have three": (
        document(priced("0.0125", rate="5", quantity="3"), currency="BHD"),
        "line",
        {"net": "0.038", "vat": "0.002", "gross": "0.040"},
    ),
    "unidades de fomento have four": (
        document(priced("1.00005", rate="19"), currency="CLF"),
        "line",
        {"net": "1.0001", "vat": "0.1900", "gross": "1.1901"},
    ),
    "a credit note counts up, its type says the direction": (
        document(priced("89.00"), type="credit_note", precedents=[{"number": "2025-1"}]),
        "line",
        {"gross": "107.69", "due": "107.69"},
    ),
    "a free line": (document(priced("0")), "category", {"net": "0.00", "vat": "0.00"}),
    "a free return has no negative zero": (
        document(priced("0", quantity="-1")),
        "line",
        {"net": "0.00", "vat": "0.00", "due": "0.00"},
    ),
    "as large as it gets, as fine as it gets": (
        document(priced("300000.0000000001", quantity="1000000000.0000000001")),
        "line",
        {"net": "300000000000000.10", "vat": "63000000000000.02", "gross": "363000000000000.12"},
    ),
}


@pytest.mark.parametrize(("made", "rounding", "stated"), EXAMPLES.values(), ids=list(EXAMPLES))
def test_totals_are_as_computed_by_hand(
    made: Document, rounding: VatRounding, stated: dict[str, str]
) -> None:
    found = figures(totals(made, rounding))
    assert {name: found[name] for name in stated} == stated


# Any document


def _numbers(most: int, decimals: int) -> st.SearchStrategy[Decimal]:
    return st.integers(1, most).map(lambda n: Decimal(n).scaleb(-decimals))


@st.composite
def lines(draw: st.DrawFn, decimals: int) -> dict[str, Any]:
    sign = draw(st.sampled_from((1, 1, 1, -1)))
    percents = st.sampled_from(("2.5", "10", "33.333")).map(lambda p: {"percent": p})
    amounts = st.integers(0, 9).map(lambda n: {"amount": Decimal(n).scaleb(-decimals)})
    charge = percents if sign < 0 else percents | amounts
    return line(
        quantity=sign * draw(_numbers(10**6, draw(st.sampled_from((0, 2, 10))))),
        unit_price=draw(_numbers(10**7, draw(st.sampled_from((decimals, decimals + 2))))),
        base_quantity=draw(st.sampled_from((1, 1, 3, "0.7"))),
        vat=draw(st.sampled_from(VATS)),
        allowances=draw(st.lists(percents, max_size=2)),
        charges=draw(st.lists(charge, max_size=2)),
    )


@st.composite
def documents(draw: st.DrawFn, /, **fixed: Any) -> Document:
    currency = fixed.pop("currency", None) or draw(st.sampled_from(CURRENCIES))
    decimals = minor_units(currency)
    given_lines = draw(st.lists(lines(decimals), min_size=1, max_size=6))
    present = st.sampled_from([one["vat"] for one in given_lines])
    amounts = st.builds(
        lambda n, vat: {"amount": Decimal(n).scaleb(-decimals), "vat": vat},
        st.integers(0, 10**5),
        st.sampled_from(VATS),
    )
    percents = st.builds(lambda vat: {"percent": "7.5", "vat": vat}, present)
    adjustments = st.lists(amounts | percents, max_size=2)
    made = document(
        *given_lines,
        currency=currency,
        allowances=draw(adjustments),
        charges=draw(adjustments),
        prices_include_vat=draw(st.booleans()),
        **fixed,
    )
    gross = min(totals(made, rounding).gross for rounding in ROUNDINGS)
    most = max(0, int(gross.scaleb(decimals)))
    prepaid = Decimal(draw(st.integers(0, min(most, 10**5)))).scaleb(-decimals)
    most = min(most, 99)
    rounding = Decimal(draw(st.integers(-most, most))).scaleb(-decimals)
    return made.model_copy(update={"prepaid": prepaid, "rounding": rounding})


both_roundings = pytest.mark.parametrize("rounding", ROUNDINGS)


@both_roundings
@quick
@given(made=documents())
def test_the_gross_alone_is_that_of_the_totals(rounding: VatRounding, made: Document) -> None:
    assert gross(made, made.amounts(), rounding) == totals(made, rounding).gross


@both_roundings
@quick
@given(made=documents())
def test_the_identities_hold(rounding: VatRounding, made: Document) -> None:
    found = totals(made, rounding)
    assert found.line_net - found.allowances + found.charges == found.net
    assert sum(row.taxable for row in found.vat_rows) == found.net
    assert sum(row.vat for row in found.vat_rows) == found.vat
    assert found.net + found.vat == found.gross
    assert found.gross - made.prepaid + made.rounding == found.due
    assert all(one.net + one.vat == one.gross for one in found.lines)


@both_roundings
@quick
@given(made=documents())
def test_the_lines_add_up_to_line_net(rounding: VatRounding, made: Document) -> None:
    found = totals(made, rounding)
    assert sum(one.net for one in found.lines) == found.line_net


@quick
@given(made=documents())
def test_lines_that_contain_vat_keep_their_gross_and_miss_their_own_net_by_little(
    made: Document,
) -> None:
    made = _changed(made, prices_include_vat=True)
    alone, fitted = totals(made, "line"), totals(made, "category")
    assert [one.gross for one in fitted.lines] == [one.gross for one in alone.lines]
    parts = len(made.lines) + len(made.allowances) + len(made.charges)
    for one, own in zip(fitted.lines, alone.lines, strict=True):
        assert abs(one.net - own.net) <= 2 * _half(made) * parts


def test_the_line_that_was_rounded_furthest_takes_the_cent() -> None:
    """0.99 holds 0.818 net and 1.00 holds 0.826: 0.82 and 0.83 are one too many for 1.99."""
    made = document(priced("1.00"), priced("0.99"), priced("0.99"), prices_include_vat=True)
    nets = [str(one.net) for one in totals(made, "category").lines]
    assert totals(made, "category").net == Decimal("2.46")
    assert nets == ["0.82", "0.82", "0.82"]


@both_roundings
@quick
@given(made=documents())
def test_prices_with_vat_add_up_to_the_gross_exactly(rounding: VatRounding, made: Document) -> None:
    found = totals(made, rounding)
    if made.prices_include_vat:
        typed = sum(one.amount(made.currency) for one in made.lines)
        lowered = sum(made.amount_of(one) for one in made.allowances)
        raised = sum(made.amount_of(one) for one in made.charges)
        assert found.gross == typed - lowered + raised


@both_roundings
@quick
@given(made=documents())
def test_every_figure_has_exactly_the_decimals_of_its_currency(
    rounding: VatRounding, made: Document
) -> None:
    found = totals(made, rounding)
    amounts = [
        *(one for entry in found.lines for one in (entry.net, entry.vat, entry.gross)),
        *(one for row in found.vat_rows for one in (row.taxable, row.vat)),
        *(found.line_net, found.allowances, found.charges),
        *(found.net, found.vat, found.gross, found.due),
    ]
    assert {amount.as_tuple().exponent for amount in amounts} == {-minor_units(made.currency)}
    assert not any(amount.is_zero() and amount.is_signed() for amount in amounts)


@quick
@given(made=documents())
def test_the_two_roundings_differ_by_half_a_minor_unit_per_line_at_most(made: Document) -> None:
    by_line, by_category = (totals(made, rounding) for rounding in ROUNDINGS)
    parts = len(made.lines) + len(made.allowances) + len(made.charges)
    assert abs(by_line.vat - by_category.vat) <= _half(made) * parts


@both_roundings
@quick
@given(made=documents(), order=st.randoms(use_true_random=False))
def test_another_order_of_lines_changes_nothing_but_the_order(
    rounding: VatRounding, made: Document, order: Any
) -> None:
    shuffled = list(made.lines)
    order.shuffle(shuffled)
    before = totals(made, rounding)
    after = totals(made.model_copy(update={"lines": tuple(shuffled)}), rounding)
    assert [one.id for one in after.lines] == [one.id for one in shuffled]
    assert Counter(map(str, after.lines)) == Counter(map(str, before.lines))
    assert after.model_dump_json(exclude={"lines"}) == before.model_dump_json(exclude={"lines"})


@both_roundings
@quick
@given(made=documents(currency="JPY"), currency=st.sampled_from(("EUR", "BHD", "CLF")))
def test_a_hundred_yen_count_like_one_euro(
    rounding: VatRounding, made: Document, currency: str
) -> None:
    yen, other = totals(made, rounding), totals(_finer(made, currency), rounding)
    for figure in ("line_net", "allowances", "charges", "net", "vat", "gross", "due"):
        assert getattr(other, figure).scaleb(minor_units(currency)) == getattr(yen, figure), figure


@both_roundings
@quick
@given(made=documents())
def test_a_return_is_the_exact_opposite_of_its_purchase(
    rounding: VatRounding, made: Document
) -> None:
    bought = _with_percentages_only(made)
    opposite = tuple(_changed(one, quantity=-one.quantity) for one in bought.lines)
    there, back = totals(bought, rounding), totals(_changed(bought, lines=opposite), rounding)
    assert (back.net, back.vat, back.gross, back.due) == tuple(
        -one for one in (there.net, there.vat, there.gross, there.due)
    )


@quick
@given(made=documents(), times=st.integers(2, 5))
def test_with_vat_per_line_the_same_lines_again_are_the_same_money_again(
    made: Document, times: int
) -> None:
    bare = _changed(made, allowances=(), charges=(), prepaid=Decimal(0), rounding=Decimal(0))
    once, often = totals(bare, "line"), totals(_changed(bare, lines=bare.lines * times), "line")
    assert (often.net, often.vat, often.gross) == (
        times * once.net,
        times * once.vat,
        times * once.gross,
    )


@both_roundings
@quick
@given(made=documents())
def test_fractions_come_to_the_same_totals(rounding: VatRounding, made: Document) -> None:
    found = totals(made, rounding)
    rows = _rows_in_fractions(made, rounding)
    stated = {(row.category, row.rate): (row.taxable, row.vat) for row in found.vat_rows}
    assert {key: tuple(map(Fraction, row)) for key, row in stated.items()} == rows


def test_the_callers_decimal_context_has_no_say() -> None:
    made, rounding, _ = EXAMPLES["as large as it gets, as fine as it gets"]
    usual = totals(made, rounding)
    crude = decimal.Context(prec=2, rounding=decimal.ROUND_DOWN, Emax=5, traps=[decimal.Inexact])
    with decimal.localcontext(crude):
        content = made.model_dump_json()
        assert totals(Document.model_validate_json(content), rounding) == usual
        assert decimal.getcontext().prec == 2


@both_roundings
@pytest.mark.parametrize("lines", [2, 20, 200])
@pytest.mark.parametrize("adjustments", [1, 10, 50])
def test_each_amount_is_computed_once_however_many_there_are(
    rounding: VatRounding, lines: int, adjustments: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenth = [{"percent": 10, "vat": {"rate": 21}}] * adjustments
    made = document(*[line(charges=[{"percent": 1}])] * lines, allowances=tenth, charges=tenth)
    calls = computed(monkeypatch)
    totals(made, rounding)
    assert calls == {"price": lines, "amounts": lines, "of": lines + 2 * adjustments}


PURCHASE, RETURN = line(), line(quantity=-1)
OWING: dict[str, tuple[Document, str]] = {
    "a purchase": (document(PURCHASE), "buyer"),
    "one that was paid before": (document(PURCHASE, prepaid="107.69"), "nobody"),
    "a purchase and as large a return": (document(PURCHASE, RETURN), "nobody"),
    "a return": (document(RETURN), "seller"),
    "a free line": (document(line(unit_price=0)), "nobody"),
    "a credit note": (
        document(PURCHASE, type="credit_note", precedents=[{"number": "1"}]),
        "seller",
    ),
    "a credit note below zero, which takes back a return": (
        document(RETURN, type="credit_note", precedents=[{"number": "1"}]),
        "buyer",
    ),
}


@pytest.mark.parametrize(("made", "owing"), OWING.values(), ids=list(OWING))
def test_who_owes_follows_from_what_is_due_and_which_way_it_goes(
    made: Document, owing: str
) -> None:
    for rounding in ROUNDINGS:
        assert who_owes(made, totals(made, rounding)) == owing


def test_rows_are_sorted_by_category_then_rate() -> None:
    made = document(
        line(vat={"category": "Z", "rate": 0}), *(priced("1", rate) for rate in ("21", "9", "5.50"))
    )
    rows = [(row.category.value, str(row.rate)) for row in totals(made, "line").vat_rows]
    assert rows == [("S", "5.5"), ("S", "9"), ("S", "21"), ("Z", "0")]


def test_a_rounding_the_document_does_not_ask_for_is_refused() -> None:
    made = document(vat_rounding="line")
    assert totals(made, "line").vat == Decimal("18.69")
    with pytest.raises(ValueError, match="per line"):
        totals(made, "category")


def test_totals_survive_json_to_the_digit() -> None:
    found = totals(EXAMPLES["document adjustments at two rates"][0], "line")
    text = found.model_dump_json()
    assert Totals.model_validate_json(text) == found
    assert Totals.model_validate_json(text).model_dump_json() == text


def _half(made: Document) -> Decimal:
    return Decimal(5).scaleb(-minor_units(made.currency) - 1)


def _changed(model: M, **changes: Any) -> M:
    return model.model_copy(update=changes)


def _finer(made: Document, currency: str) -> Document:
    """Every amount with its point moved by the currency's decimals."""
    power = -minor_units(currency)

    def moved(adjustments: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(
            one if one.amount is None else _changed(one, amount=one.amount.scaleb(power))
            for one in adjustments
        )

    lines = tuple(
        _changed(
            one,
            unit_price=one.unit_price.scaleb(power),
            allowances=moved(one.allowances),
            charges=moved(one.charges),
        )
        for one in made.lines
    )
    return _changed(
        made,
        currency=currency,
        lines=lines,
        allowances=moved(made.allowances),
        charges=moved(made.charges),
        prepaid=made.prepaid.scaleb(power),
        rounding=made.rounding.scaleb(power),
    )


def _with_percentages_only(made: Document) -> Document:
    def percentages(adjustments: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(one for one in adjustments if one.percent is not None)

    lines = tuple(_changed(one, charges=percentages(one.charges)) for one in made.lines)
    return _changed(
        made,
        lines=lines,
        allowances=percentages(made.allowances),
        charges=percentages(made.charges),
        prepaid=Decimal(0),
        rounding=Decimal(0),
    )


# The same rules once more, without Decimal and without the code under test

Row = tuple[Fraction, Fraction]


def _rows_in_fractions(
    made: Document, rounding: VatRounding
) -> dict[tuple[VatCategory, Decimal], Row]:
    unit = Fraction(1, 10 ** minor_units(made.currency))

    def to_unit(amount: Fraction) -> Fraction:
        size = (abs(amount) / unit + Fraction(1, 2)).__floor__() * unit
        return size if amount >= 0 else -size

    def of(adjustment: Any, base: Fraction) -> Fraction:
        if adjustment.amount is not None:
            return Fraction(adjustment.amount)
        return to_unit(base * Fraction(adjustment.percent) / 100)

    def amount(one: Any) -> Fraction:
        price = to_unit(
            Fraction(one.quantity) * Fraction(one.unit_price) / Fraction(one.base_quantity)
        )
        lowered = sum(of(each, price) for each in one.allowances)
        return price - lowered + sum(of(each, price) for each in one.charges)

    def vat_of(total: Fraction, rate: Fraction) -> Fraction:
        return to_unit(total * rate / (100 + rate if made.prices_include_vat else 100))

    lines = [((one.vat.category, one.vat.rate), amount(one)) for one in made.lines]
    parts = list(lines)
    for sign, adjustments in ((-1, made.allowances), (1, made.charges)):
        for each in adjustments:
            key = (each.vat.category, each.vat.rate)
            base = sum((part for other, part in lines if other == key), Fraction(0))
            parts.append((key, sign * of(each, base)))
    rows: dict[tuple[VatCategory, Decimal], Row] = {}
    for key in {key for key, _ in parts}:
        amounts = [part for other, part in parts if other == key]
        rate, total = Fraction(key[1]), sum(amounts, Fraction(0))
        by_line = sum((vat_of(part, rate) for part in amounts), Fraction(0))
        vat = by_line if rounding == "line" else vat_of(total, rate)
        rows[key] = (total - vat if made.prices_include_vat else total, vat)
    return rows
