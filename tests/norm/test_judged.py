"""The official rules, and the norm's sums, on documents of every kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from invoicing.document import Document, VatCategory
from invoicing.money import minor_units
from invoicing.totals import BOTH_ROUNDINGS, VatRounding, totals
from tests.invoicing import document, line
from tests.norm import judge, said, sums, ubl
from tests.tiers import JUDGED

SHARDS = 5
NEEDS_CENTS = ("BR-CO-17", "BR-S-09", "BR-AF-09", "BR-AG-09")
"""The judge allows less than 1.00 either way: nothing, where the smallest amount is 1."""


def found_in(made: Document, rounding: VatRounding) -> list[str]:
    """All that the schema, the official rules and the sums say against it."""
    return against(ubl.written(made, rounding)[0], made, rounding)


def against(text: bytes, made: Document, rounding: VatRounding) -> list[str]:
    """The same of what is written."""
    apart = NEEDS_CENTS if rounding == "line" and minor_units(made.currency) < 2 else ()
    broken = [
        f"{one.rule} ({one.flag}) at {one.where}"
        for one in judge.findings(text)
        if one.rule not in apart
    ]
    off = sums.wrong(
        text,
        minor_units(made.currency),
        by_line=rounding == "line",
        with_vat=made.prices_include_vat,
    )
    return [*judge.misplaced(text), *broken, *off]


def _spoiler(name: str, which: int = 0) -> Callable[[str], str]:
    """Adds 0.01 to an amount of this name, the first or a later one."""

    def spoilt(text: str) -> str:
        found = list(re.finditer(rf"(<cbc:{name}[^>]*>)(-?[0-9.]+)<", text))[which]
        more = Decimal(found[2]) + Decimal("0.01")
        return f"{text[: found.start()]}{found[1]}{more}<{text[found.end() :]}"

    return spoilt


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_document_breaks_an_official_rule_and_its_sums_are_right_to_the_cent(
    shard: int,
) -> None:
    """A failure names the numbers of the documents; `said.document` draws them again."""
    found = {
        (number, rounding): wrong
        for number in range(shard, JUDGED, SHARDS)
        for rounding, wrong in judged(said.document(number))
        if wrong
    }
    assert found == {}


def judged(made: Document) -> Iterator[tuple[VatRounding, list[str]]]:
    """What is said against it in each rounding that it leaves open."""
    for rounding in BOTH_ROUNDINGS:
        if made.vat_rounding in (None, rounding):
            yield rounding, found_in(made, rounding)


DOCUMENT = document(
    line(unit_price="100.10"),
    line(unit_price="3.33", vat={"category": "Z"}, allowances=[{"percent": 10}]),
    charges=[{"amount": "2", "vat": {"rate": 21}}],
    allowances=[{"amount": "1", "vat": {"category": "Z"}}],
    prepaid="50",
    rounding="-0.02",
    vat_accounting={"currency": "SEK", "vat": "239.87"},
    buyer={"name": "Canary Energy BV", "address": {"country": "NL"}},
)
SPOILT: dict[str, tuple[Callable[[str], str], str]] = {
    "the amount due": (_spoiler("PayableAmount"), "BR-CO-16"),
    "the gross": (_spoiler("TaxInclusiveAmount"), "BR-CO-15"),
    "the net": (_spoiler("TaxExclusiveAmount"), "BR-CO-13"),
    "the sum of lines": (_spoiler("LineExtensionAmount"), "BR-CO-10"),
    "the allowances": (_spoiler("AllowanceTotalAmount"), "BR-CO-11"),
    "the charges": (_spoiler("ChargeTotalAmount"), "BR-CO-12"),
    "a taxable amount": (_spoiler("TaxableAmount"), "TaxableAmount is"),
    "a row's VAT": (_spoiler("TaxAmount", 1), "TaxAmount is"),
    "a price": (_spoiler("PriceAmount"), "line 1 is not"),
    "the VAT in another currency": (
        lambda text: text.replace("TaxCurrencyCode>SEK", "TaxCurrencyCode>NOK"),
        "BR-53",
    ),
    "a place": (lambda text: text.replace("IssueDate", "StartDate"), "not expected"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_wrong_figure_of_any_kind_is_noticed(what: str) -> None:
    text, _ = ubl.written(DOCUMENT, "category")
    assert against(text, DOCUMENT, "category") == []
    spoil, said = SPOILT[what]
    spoilt = spoil(text.decode())
    assert spoilt != text.decode()
    assert any(said in one for one in against(spoilt.encode(), DOCUMENT, "category"))


def test_documents_of_every_kind_are_drawn() -> None:
    """So that a kind that nobody draws any more does not go unjudged."""
    seen: Counter[str] = Counter()
    for made in map(said.document, range(250)):
        adjusted = (*made.allowances, *made.charges)
        vats = [*(one.vat for one in made.lines), *(one.vat for one in adjusted)]
        seen.update({f"category {vat.category}" for vat in vats})
        seen.update([made.type, f"prices with VAT: {made.prices_include_vat}"])
        seen["deposit"] += bool(made.prepaid)
        seen["rounded up"] += made.rounding > 0
        seen["VAT in another currency"] += bool(made.vat_accounting)
        seen["rounded down"] += made.rounding < 0
        seen["return"] += any(one.quantity < 0 for one in made.lines)
        seen["on a line"] += any(one.allowances or one.charges for one in made.lines)
        seen["on the document"] += bool(adjusted)
        seen["base quantity"] += any(one.base_quantity != 1 for one in made.lines)
        seen["below zero"] += totals(made, made.vat_rounding or "line").gross < 0
    kinds = {f"category {one}" for one in VatCategory}
    kinds |= {"invoice", "credit_note", "prices with VAT: True", "prices with VAT: False"}
    kinds |= {
        "deposit",
        "rounded up",
        "rounded down",
        "VAT in another currency",
        "return",
        "on a line",
        "on the document",
        "base quantity",
        "below zero",
    }
    assert {kind for kind in kinds if seen[kind] < 5} == set()
