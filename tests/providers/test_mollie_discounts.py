"""Discounts at Mollie: whatever a document lowers is written so that the figures agree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.errors import Unsupported
from invoicing.provider import Plan
from invoicing.request import InvoiceRequest
from sandbox.mollie.invoice import figures
from tests.providers.test_mollie import LINE, fields, line, planned, refused, request, sent_body

RATE_OR_LINE: dict[str, Literal["rate", "line"]] = {"category": "rate", "line": "line"}
"""Where the stand-in rounds VAT, in its words."""


@st.composite
def _discounted(draw: st.DrawFn) -> dict[str, Any]:
    """Up to six lines at up to three rates, and allowances for any of those."""
    rates = draw(st.lists(st.sampled_from(("21", "9", "6", "5.5")), min_size=1, max_size=3))
    cents = st.integers(0, 100_00).map(lambda each: f"{Decimal(each) / 100}")
    off = st.one_of(
        st.fixed_dictionaries({"percent": st.sampled_from(("0", "10", "33.3", "100"))}),
        st.fixed_dictionaries({"amount": cents}),
    )
    lines = [
        line(
            id=str(index),
            quantity=draw(st.integers(1, 3)),
            unit_price=draw(cents),
            vat={"rate": draw(st.sampled_from(rates))},
            allowances=[{"percent": "12.5"}] if draw(st.booleans()) else [],
        )
        for index in range(draw(st.integers(1, 6)))
    ]
    vats = st.sampled_from([one["vat"] for one in lines])
    allowances = [{**draw(off), "vat": draw(vats)} for _ in range(draw(st.integers(0, 4)))]
    inclusive = draw(st.booleans())
    return {"lines": lines, "allowances": allowances, "prices_include_vat": inclusive}


@pytest.mark.parametrize(
    ("lowered", "taken"),
    [
        ([{"amount": "5", "vat": {"rate": "21"}}], ["5.00", None]),
        ([{"percent": "10", "vat": {"rate": "21"}}], ["8.90", None]),
        ([{"percent": "10", "vat": {"rate": rate}} for rate in ("21", "6")], ["8.90", "0.90"]),
        (
            [
                {"percent": "10", "vat": {"rate": "21"}},
                {"amount": "5", "vat": {"rate": "6"}},
                {"percent": "1", "vat": {"rate": "6"}},
            ],
            ["8.90", "5.09"],
        ),
    ],
)
async def test_a_discount_for_one_rate_of_several_is_taken_from_its_lines(
    lowered: list[Any], taken: list[str | None]
) -> None:
    lines = [LINE, line(id="2", vat={"rate": "6"}, unit_price="9")]
    body = await sent_body(request({"lines": lines, "allowances": lowered}))
    assert [one.get("discount") for one in body["lines"]] == [
        value and {"type": "amount", "value": value} for value in taken
    ]
    assert "discount" not in body


async def test_a_discount_for_the_one_rate_there_is_is_written_as_one() -> None:
    for off in ({"percent": "10"}, {"amount": "10"}):
        lowered = [{**off, "vat": {"rate": "21"}}]
        body = await sent_body(
            request({"lines": [LINE, LINE | {"id": "2"}], "allowances": lowered})
        )
        kind = "percentage" if "percent" in off else "amount"
        assert body["discount"]["type"] == kind
        assert not any("discount" in one for one in body["lines"])


@pytest.mark.parametrize(
    ("allowances", "refusal"),
    [
        ([{"amount": "9.01", "vat": {"rate": "6"}}], "more than the lines"),
        ([{"amount": "5", "vat": {"rate": "9"}}], "more than the lines"),
        ([{"amount": "8", "vat": {"rate": "6"}}] * 2, "more than the lines"),
    ],
)
async def test_a_discount_of_more_than_its_lines_is_refused(
    allowances: list[Any], refusal: str
) -> None:
    lines = [LINE, line(id="2", vat={"rate": "6"}, unit_price="9")]
    error = await refused(request({"lines": lines, "allowances": allowances}))
    assert fields(error) == ["document.allowances"]
    assert refusal in error.fields[0].message


async def test_a_discount_that_comes_to_other_cents_per_line_is_refused() -> None:
    """5.05 at 21 % is 1.06 of VAT and 0.05 of that is 0.01; 5.00 at 21 % is 1.05."""
    lines = [line(unit_price="5.07")]
    lowered = [{"amount": "0.12", "vat": {"rate": "21"}}]
    asked = request({"lines": lines, "allowances": lowered})
    assert await planned(asked)
    error = await refused(asked, vat_rounding="line")
    assert fields(error) == ["document.allowances"]
    assert "write them on the lines" in error.fields[0].message


async def test_ten_percent_over_two_rates_is_not_a_cent_off() -> None:
    """0.31 off 3.05 and 0.32 off 3.15 are 0.63; ten percent of the whole would be 0.62."""
    vats: list[dict[str, str]] = [{"rate": "21"}, {"rate": "9"}]
    lines = [line(unit_price="3.05", vat=vats[0]), line(id="2", unit_price="3.15", vat=vats[1])]
    lowered = [{"percent": "10", "vat": vat} for vat in vats]
    asked = request({"lines": lines, "allowances": lowered})
    made = figures(await sent_body(asked), "rate")
    assert (made.discounted, made.total) == (Decimal("5.57"), Decimal("6.40"))
    assert (await planned(asked)).totals.gross == made.total


async def plan_or_problem(asked: InvoiceRequest, rounding: str) -> Plan | str:
    try:
        return await planned(asked, vat_rounding=rounding)
    except Unsupported as error:
        (problem,) = error.fields
        return problem.message


@given(drawn=st.data())
async def test_what_is_written_comes_to_what_was_planned(drawn: st.DataObject) -> None:
    """Held against the stand-in, which knows nothing of how we divide a discount."""
    document = drawn.draw(_discounted())
    rounding = drawn.draw(st.sampled_from(("category", "line")))
    asked = request(document)
    plan = await plan_or_problem(asked, rounding)
    if isinstance(plan, str):
        assert "more than the lines" in plan or (rounding == "line" and "other cents" in plan)
        return
    made = figures(await sent_body(asked, vat_rounding=rounding), RATE_OR_LINE[rounding])
    assert (made.discounted, made.vat) == (plan.totals.net, plan.totals.vat)
