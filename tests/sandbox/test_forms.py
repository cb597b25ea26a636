"""Requests as models: what is no mistake, what is one, where, and which is told first."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import Field

from sandbox.kit.forms import ABSENT, Form, Lenient, Number, dotted, indexed, mistakes, one_of


class Piece(Form):
    name: Annotated[str, Field(max_length=3)]
    price: Number = ABSENT
    kind: Annotated[str, one_of(("a", "b"), "should be a or b")] | None = None


class Basket(Form):
    pieces: list[Piece]


class LenientPiece(Lenient):
    name: str
    price: Number | None = None


def found(body: Any, form: type[Form] = Basket) -> list[tuple[str, str]]:
    return [(dotted(one.at), one.kind) for one in mistakes(form, body)]


@pytest.mark.parametrize("price", [1, 0, Decimal("0.1"), Decimal("1E+2")])
def test_numbers_of_json_are_taken_as_they_are(price: Any) -> None:
    assert found({"pieces": [{"name": "one", "price": price}]}) == []


@pytest.mark.parametrize("price", ["1", True, 0.1, None, []])
def test_nothing_else_is_a_number(price: Any) -> None:
    assert found({"pieces": [{"name": "one", "price": price}]}) == [("pieces.0.price", "number")]


def test_what_is_unknown_is_told_first_then_what_is_missing() -> None:
    body = {"pieces": [{"kind": "c", "colour": "red"}]}
    assert found(body) == [
        ("pieces.0.colour", "extra_forbidden"),
        ("pieces.0.name", "missing"),
        ("pieces.0.kind", "word"),
    ]


def test_null_is_wrong_unless_the_field_allows_it() -> None:
    assert found({"pieces": [{"name": "one", "kind": None}]}) == []
    (mistake,) = mistakes(Basket, {"pieces": [{"name": None}]})
    assert (mistake.null, mistake.name) == (True, "name")


def test_where_null_stands_for_absent_an_unknown_field_is_unknown_all_the_same() -> None:
    assert found({"name": "one", "price": None}, LenientPiece) == []
    assert found({"name": None}, LenientPiece) == [("name", "missing")]
    assert found({"name": "one", "colour": None}, LenientPiece) == [("colour", "extra_forbidden")]


def test_a_mistake_says_where_what_and_how_much_was_allowed() -> None:
    (mistake,) = mistakes(Basket, {"pieces": [{"name": "seven"}]})
    assert (mistake.given, mistake.limits["max_length"]) == ("seven", 3)
    assert (dotted(mistake.at), indexed(mistake.at)) == ("pieces.0.name", "pieces[0].name")


def test_a_body_that_is_no_object_is_one_mistake_at_no_place() -> None:
    assert found([]) == [("", "model_type")]
    assert found([], LenientPiece) == [("", "model_type")]
