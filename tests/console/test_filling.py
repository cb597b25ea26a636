"""The form that is walked along a model: what is shown, what is taken from it, what stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.filling import (
    MOST_ITEMS,
    Field,
    Group,
    Listed,
    added,
    parts,
    removed,
    typed_into,
    walked,
    without_empty,
)
from console.render import shown
from invoicing.document import Document
from invoicing.vat import VatCategory
from providers.registry import ADAPTORS

WRITTEN: dict[str, Any] = {
    "currency": "EUR",
    "issue_date": "2026-11-30",
    "buyer": {"name": "Nobody BV", "address": {"country": "NL"}},
    "prices_include_vat": True,
    "lines": [{"id": "1", "name": "Gas\u202e", "quantity": "1.50", "vat": {"rate": 21}}],
}


def form(written: dict[str, Any] = WRITTEN, **firsts: int) -> Group:
    starts = {f"document.{name}": first for name, first in firsts.items()}
    return walked(Document, written, "document", starts)


def as_it_is_sent(made: Group) -> dict[str, str]:
    """What a browser sends of a form that nobody touched."""
    return {
        each.path: shown(each.value).replace("\n", "\r\n")
        for each in parts(made)
        if isinstance(each, Field)
    }


def test_what_nobody_touched_stays_as_it_was_however_it_was_written() -> None:
    assert typed_into(form(), WRITTEN, as_it_is_sent(form())) == WRITTEN


def test_what_was_typed_is_taken_as_json_has_it() -> None:
    typed = {
        "document.prices_include_vat": "false",
        "document.lines[0].vat.category": "AE",
        "document.lines[0].name": " Heat ",
        "document.buyer.address.country": "",
    }
    made = typed_into(form(), WRITTEN, typed)
    assert made["prices_include_vat"] is False
    assert made["lines"][0] == {
        "id": "1",
        "name": "Heat",
        "quantity": "1.50",
        "vat": {"rate": 21, "category": VatCategory.REVERSE_CHARGE},
    }
    assert made["buyer"]["address"] == {}
    assert without_empty(form(made), made)["buyer"] == {"name": "Nobody BV"}


@pytest.mark.parametrize(
    "path",
    ["document.secret", "document.lines[1].name", "document.seller.name", "options.channel", "x"],
)
def test_what_the_form_does_not_have_is_not_taken_from_it(path: str) -> None:
    assert typed_into(form(), WRITTEN, {path: "typed"}) == WRITTEN


@pytest.mark.parametrize(
    "path", ["document", "document.buyer", "document.lines[5]", "document.__class__", "", "a[0]"]
)
def test_only_what_has_a_button_is_added_or_removed(path: str) -> None:
    assert removed(form(), WRITTEN, path) == WRITTEN
    assert added(form(), WRITTEN, path) == WRITTEN


def test_lines_and_groups_come_and_go() -> None:
    more = added(form(), WRITTEN, "document.lines")
    assert more["lines"] == [*WRITTEN["lines"], {"id": "2"}]
    assert removed(form(more), more, "document.lines[0]")["lines"] == [{"id": "2"}]
    with_seller = added(form(), WRITTEN, "document.seller")
    assert with_seller["seller"] == {}
    assert removed(form(with_seller), with_seller, "document.seller") == WRITTEN
    assert added(form(), WRITTEN, "document.notes")["notes"] == [""]
    assert added(form(), WRITTEN, "document.precedents")["precedents"] == [{}]


@pytest.mark.parametrize(("first", "shows"), [(0, (0, 10)), (20, (20, 5)), (99, (20, 5))])
def test_of_many_lines_a_page_shows_few_and_keeps_the_others(
    first: int, shows: tuple[int, int]
) -> None:
    many = {**WRITTEN, "lines": [{"id": str(n)} for n in range(25)]}
    made = form(many, lines=first)
    (lines,) = [e for e in parts(made) if isinstance(e, Listed) and e.path == "document.lines"]
    assert (lines.first, len(lines.items), lines.count) == (*shows, 25)
    assert MOST_ITEMS == 10
    typed = {f"document.lines[{n}].name": "typed" for n in range(25)}
    named = [n for n, each in enumerate(typed_into(made, many, typed)["lines"]) if "name" in each]
    assert named == list(range(shows[0], sum(shows)))


@pytest.mark.parametrize("wrong", [None, [], "text", 7, {"lines": {}}, {"lines": [7, None, "a"]}])
def test_what_is_no_document_is_shown_all_the_same(wrong: Any) -> None:
    made = form(wrong)
    assert [*parts(made)]
    json.dumps(typed_into(made, wrong, as_it_is_sent(made)))


@pytest.mark.parametrize("provider", ADAPTORS)
def test_every_provider_s_options_have_a_form(provider: str) -> None:
    made = walked(ADAPTORS[provider].Options, {}, "options")
    assert [each for each in parts(made) if isinstance(each, Field)]
    assert typed_into(made, {}, as_it_is_sent(made)) == {}
