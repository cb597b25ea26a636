"""Every official rule has its place, and what ours refuse the judge refuses as well."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from invoicing import rules, vat
from invoicing.codes import LISTS
from invoicing.document import Document, Vat, VatCategory
from tests.invoicing import document, line
from tests.norm import judge, lists, ubl
from tests.norm.held import NOT_JUDGED, held

WORDS = {"required", "computed", "unsaid", "written", "provider", "apart"}


def test_every_official_rule_is_held_somewhere_or_cannot_be_broken() -> None:
    """The rest of the judge's rules (UBL-…) is about its syntax alone."""
    official = {name for name in judge.rules() if not name.startswith("UBL-")}
    assert held().keys() == official | NOT_JUDGED
    assert not official & NOT_JUDGED


def test_what_holds_a_rule_is_there() -> None:
    ours = {name for module in (rules, vat) for name in vars(module)}
    assert set(held().values()) <= WORDS | ours


def test_the_code_lists_are_those_of_the_judge() -> None:
    """`python -m tests.norm.lists invoicing/codes` writes them anew."""
    assert LISTS.keys() == lists.WANTED.keys()
    for each in LISTS.values():
        assert each.codes == lists.named_in(each.rule)
        assert each.stated == lists.stated()[1]
        assert not each.codes & each.withdrawn


@pytest.mark.parametrize("rule", ["BR-CL-21", "BR-CL-26"])
def test_identifiers_are_of_one_list_everywhere(rule: str) -> None:
    assert lists.named_in(rule) == LISTS["identifier_schemes"].codes


def _changed(model: Any, path: str, value: Any) -> Any:
    """A copy in which this stands there, unchecked."""
    name, _, rest = path.partition(".")
    if isinstance(model, tuple):
        index = int(name)
        inner = _changed(model[index], rest, value) if rest else value
        return (*model[:index], inner, *model[index + 1 :])
    assert isinstance(model, BaseModel)
    inner = _changed(getattr(model, name), rest, value) if rest else value
    return model.model_copy(update={name: inner})


ADDRESS = {"country": "BE"}
TAXED = {"name": "Canary Energy BV", "vat_number": "NL004495445B01", "address": ADDRESS}
ITEM = {"value": "5412345000013", "scheme": "0160"}
WHOLE: dict[str, Any] = {
    "seller": {
        "name": "Seller BV",
        "trading_name": "Seed",
        "electronic_address": ITEM | {"scheme": "0088"},
    },
    "buyer": TAXED
    | {
        "registration": ITEM,
        "identifiers": [ITEM],
        "electronic_address": ITEM | {"scheme": "0088"},
    },
    "payee": {"name": "Factor BV"},
    "delivery": {"actual_date": "2025-01-30", "location": ITEM, "address": ADDRESS},
    "payment": {"means": "30", "iban": "NL91ABNA0417164300"},
    "period": {"start": "2025-01-01", "end": "2025-01-31"},
}


def whole(category: str = "S", **more: Any) -> Document:
    """A document with everything in it that the cases change."""
    of: dict[str, Any] = {"category": category, "rate": 21 if category in "SLM" else 0}
    if category == "E":
        of["exemption_reason"] = "education"
    adjusted = [{"amount": 1, "vat": of, "reason_code": "95"}]
    charged = [{"amount": 1, "vat": of, "reason_code": "FC"}]
    given = WHOLE | {"allowances": adjusted, "charges": charged} | more
    return document(line(vat=of, unit="KWH", standard_item_id=ITEM), line(vat=of), **given)


def _vat(category: str, rate: int = 0, **more: Any) -> Vat:
    return Vat.model_construct(category=VatCategory(category), rate=Decimal(rate), **more)


OUTSIDE = {"seller": {"name": "Seller BV"}, "buyer": {"name": "Canary", "address": ADDRESS}}
NAMED = {"S": "S", "Z": "Z", "E": "E", "AE": "AE", "K": "IC", "G": "G", "L": "AF", "M": "AG"}
"""The categories as the rules call them; O is a case of its own."""
PLACES = ("lines.0", "allowances.0", "charges.0")

Broken = tuple[str, dict[str, Any]]


def _rates() -> Iterator[tuple[str, Broken]]:
    """A rate that the category has not: on a line, an allowance, a charge."""
    for category, name in NAMED.items():
        rate = {"S": 0, "L": -1, "M": -1}.get(category, 21)
        said = {"exemption_reason": "x"} if category == "E" else {}
        for number, place in enumerate(PLACES, start=5):
            wrong = _vat(category, rate, **said)
            yield f"BR-{name}-0{number}", (category, {f"{place}.vat": wrong})


def _parties() -> Iterator[tuple[str, Broken]]:
    """A buyer who is not known, or should not be; for a line, an allowance, a charge."""
    unknown = {"buyer.vat_number": None}
    for number in (2, 3, 4):
        yield f"BR-IC-0{number}", ("K", unknown)
        yield f"BR-AE-0{number}", ("AE", unknown | {"buyer.registration": None})
        yield f"BR-O-0{number}", ("O", {"buyer.vat_number": "NL004495445B01"})


def _mixed() -> Iterator[tuple[str, Broken]]:
    """What is not subject to VAT beside what is."""
    for number, place in (
        (11, "lines.1"),
        (12, "lines.1"),
        *zip((13, 14), PLACES[1:], strict=True),
    ):
        yield f"BR-O-{number}", ("O", {f"{place}.vat": _vat("Z")})


def _explained() -> Iterator[tuple[str, Broken]]:
    """A reason where nothing is exempt."""
    for category in "SZLM":
        rule = f"BR-{NAMED[category]}-10"
        yield rule, (category, {"lines.0.vat.exemption_reason": "because"})


BROKEN: dict[str, Broken] = {
    **dict(_rates()),
    **dict(_parties()),
    **dict(_mixed()),
    **dict(_explained()),
    "BR-IC-11": ("K", {"delivery.actual_date": None, "period": None}),
    "BR-IC-12": ("K", {"delivery.address": None}),
    "BR-17": ("S", {"payee.name": "Seed"}),
    "BR-62": ("S", {"seller.electronic_address.scheme": None}),
    "BR-63": ("S", {"buyer.electronic_address.scheme": None}),
    "BR-64": ("S", {"lines.0.standard_item_id.scheme": None}),
    "BR-CL-10": ("S", {"buyer.identifiers.0.scheme": "KVK"}),
    "BR-CL-11": ("S", {"buyer.registration.scheme": "9925"}),
    "BR-CL-16": ("S", {"payment.means": "99"}),
    "BR-CL-19": ("S", {"allowances.0.reason_code": "FC"}),
    "BR-CL-20": ("S", {"charges.0.reason_code": "95"}),
    "BR-CL-21": ("S", {"lines.0.standard_item_id.scheme": "160"}),
    "BR-CL-22": ("G", {"lines.0.vat.exemption_code": "EXPORT"}),
    "BR-CL-23": ("S", {"lines.0.unit": "KWX"}),
    "BR-CL-25": ("S", {"buyer.electronic_address.scheme": "0001"}),
    "BR-CL-26": ("S", {"delivery.location.scheme": "88"}),
    "BR-E-10": ("E", {"lines.0.vat.exemption_reason": None}),
}
"""What to change, unchecked, in a whole document with this category, so that it breaks the rule."""


def found_in(made: Document) -> set[str]:
    return {one.rule for one in judge.findings(ubl.written(made, "category")[0])}


@pytest.mark.parametrize("category", ["S", "Z", "E", "AE", "K", "G", "O", "L", "M"])
def test_a_whole_document_breaks_no_rule(category: str) -> None:
    assert found_in(whole(category, **(OUTSIDE if category == "O" else {}))) == set()


def test_every_rule_that_ours_hold_is_broken_once() -> None:
    """So that one that is held in word alone shows."""
    assert {rule for rule, by in held().items() if by not in WORDS} <= BROKEN.keys()


@pytest.mark.parametrize("rule", BROKEN)
def test_what_ours_refuse_the_judge_refuses_too(rule: str) -> None:
    category, changes = BROKEN[rule]
    made = whole(category, **(OUTSIDE if category == "O" else {}))
    for path, value in changes.items():
        made = _changed(made, path, value)
    assert rule in found_in(made)
    with pytest.raises(ValueError, match=r"\w"):
        Document.model_validate_json(made.model_dump_json(warnings=False))


def test_currencies_of_three_decimals_are_more_than_the_norm_has() -> None:
    broken = found_in(document(line(unit_price="0.005"), buyer=TAXED, currency="BHD"))
    assert "BR-DEC-14" in broken


def test_vat_rounded_per_line_stays_within_the_judges_margin_up_to_two_hundred_lines() -> None:
    half = line(unit_price="0.50", vat={"rate": 5})

    def judged(lines: int) -> set[str]:
        made = document(*[half] * lines, buyer=TAXED)
        text, _ = ubl.written(made, "line")
        return {one.rule for one in judge.findings(text)}

    assert judged(199) == set()
    assert judged(200) == {"BR-CO-17", "BR-S-09"}
