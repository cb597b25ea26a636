from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from invoicing.errors import InvalidRequest
from invoicing.model import Recorded
from invoicing.parse import _PATTERNS, problems, read_request
from invoicing.request import InvoiceRequest
from tests.invoicing import content, line

quick = settings(derandomize=True, database=None, max_examples=30)


def typed(**changes: Any) -> dict[str, Any]:
    return {"reference": "order-7", "provider": "any", "document": content(), **changes}


def refused(text: str | bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        read_request(text)
    return caught.value


def said(request: dict[str, Any]) -> list[str]:
    return [str(problem) for problem in refused(json.dumps(request)).fields]


@pytest.mark.parametrize("form", [str, str.encode, lambda text: "\ufeff" + text])
def test_a_request_is_read_from_text_or_bytes(form: Any) -> None:
    request = read_request(form(json.dumps(typed(options={"colour": ["red", 1.5, None]}))))
    assert request.reference == "order-7"
    assert request.document.lines[0].vat.rate == 21
    assert request.options == {"colour": ["red", 1.5, None]}


def test_json_gives_back_the_same_request() -> None:
    request = read_request(json.dumps(typed()))
    assert read_request(request.model_dump_json()) == request


def test_every_mistake_has_its_path_and_a_line_of_its_own() -> None:
    wrong = typed(document=content(line(vat={"rate": "a lot"}), line(quantity=True)))
    error = refused(json.dumps({**wrong, "goal": "framed"}))
    assert str(error).splitlines() == [
        "the request cannot be taken as it is, 3 mistakes:",
        "  goal: must be one of 'drafted', 'approved', 'sent', 'delivered' or 'paid'",
        '  document.lines[0].vat.rate: must be a number such as "12.50"',
        "  document.lines[1].quantity: must be a number, not true or false",
    ]


def test_rules_across_fields_have_their_path_too() -> None:
    wrong = typed(document=content(line(vat={"rate": 0}), due_date="2025-01-01"))
    assert said(wrong) == [
        "document.lines[0].vat.rate: must be more than 0 for category S; 0 % is Z"
    ]
    assert said(typed(document=content(due_date="2025-01-01", prepaid="0.001"))) == [
        "document.due_date: is before issue_date",
        "document.prepaid: EUR has 2 decimals, not more",
    ]


@pytest.mark.parametrize(
    ("path", "key", "sentence"),
    [
        ((), "refrence", "refrence: unknown field; did you mean reference?"),
        (("document",), "dueDate", "document.dueDate: unknown field; did you mean due_date?"),
        (
            ("document", "buyer"),
            "VATNumber",
            "document.buyer.VATNumber: unknown field; did you mean vat_number?",
        ),
        (
            ("document", "lines", 0),
            "quantiy",
            "document.lines[0].quantiy: unknown field; did you mean quantity?",
        ),
        (
            ("document", "lines", 0, "vat"),
            "percentage",
            "document.lines[0].vat.percentage: unknown field",
        ),
        ((), "zzz", "zzz: unknown field"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_known_one(
    path: tuple[str | int, ...], key: str, sentence: str
) -> None:
    request = typed()
    place: Any = request
    for part in path:
        place = place[part]
    place[key] = "x"
    assert said(request) == [sentence]


def test_the_name_of_an_unknown_field_is_shown_at_decent_length() -> None:
    (sentence,) = said(typed(**{"k" * 500 + "\n": 1}))
    assert sentence == f"{'k' * 50}…: unknown field"
    assert said(typed(**{"a\nb\x1b": 1})) == ["a?b?: unknown field"]


def test_a_name_without_end_is_likened_to_no_other() -> None:
    (sentence,) = said(typed(**{"reference" + "e" * 300_000: 1}))
    assert sentence == f"reference{'e' * 41}…: unknown field"


def test_a_list_is_not_called_too_short_for_its_faulty_items() -> None:
    assert said(typed(document=content(line(unit="kilo")))) == [
        f"document.lines[0].unit: {_PATTERNS['unit']}",
    ]
    assert said(typed(document={**content(), "lines": []})) == [
        "document.lines: must have at least 1"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1,\n "b" 2}', "this is not JSON: line 2, column 6: expecting ':' delimiter"),
        ("", "this is not JSON: line 1, column 1: expecting value"),
        ("{'a': 1}", "this is not JSON: line 1, column 2: expecting property name"),
        (b"\xff\xfe", "this is not JSON: it is not UTF-8 text"),
        ("[" * 1_900, "this is not JSON: it is nested too deeply"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(text: str | bytes, sentence: str) -> None:
    error = refused(text)
    assert str(error).startswith(sentence)
    assert error.fields == ()


@pytest.mark.parametrize("text", ["[]", "1", "null", '"text"'])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    assert list(map(str, refused(text).fields)) == ["request: must be an object with named fields"]


@pytest.mark.parametrize("options", [[], [1], ["ab"], 1, None, "ab"])
def test_options_that_are_no_object_are_refused_in_the_same_words(options: Any) -> None:
    request = {"reference": "A", "provider": "p", "document": content(), "options": options}
    assert said(request) == ["options: must be an object with named fields"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"reference": "a", "reference": "a"}', "reference: is given twice in one object"),
        ('{"document": {"lines": [{"id": 1, "id": 2}]}}', "id: is given twice in one object"),
        ('{"options": {"x": NaN}}', "request: NaN is not a number in JSON"),
        ('{"options": {"x": -Infinity}}', "request: -Infinity is not a number in JSON"),
        ('{"options": {"x": ' + "1" * 5000 + "}}", "request: a number is absurdly long"),
    ],
)
def test_json_that_could_be_read_in_two_ways_is_refused(text: str, sentence: str) -> None:
    assert list(map(str, refused(text).fields)) == [sentence]


SECRET = "Somebody"


def _everywhere(value: Any) -> Iterator[Any]:
    """The same content with one value at a time replaced."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in _everywhere(inner))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from (
                [*value[:index], other, *value[index + 1 :]] for other in _everywhere(inner)
            )
    yield SECRET


def test_no_value_is_repeated_in_an_error_or_chained_to_it() -> None:
    full = typed(
        goal="sent",
        hold=True,
        document=content(
            line(unit="C62", allowances=[{"percent": 1}], period={"start": "x", "end": "y"}),
            type="invoice",
            due_date="2025-03-01",
            prepaid="1",
            buyer={
                "name": "Canary Energy BV",
                "vat_number": "NL004495445B01",
                "language": "nl",
                "contact": {"email": "billing@example.com"},
                "address": {"country": "NL"},
            },
            payment={"iban": "NL91ABNA0417164300", "bic": "DEUTDEFF", "means": "30"},
        ),
    )
    for request in _everywhere(full):
        error = refused(json.dumps(request))
        assert SECRET not in str(error)
        assert error.__context__ is None
        assert error.__cause__ is None


@quick
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["", "a", "1,5"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(sorted(InvoiceRequest.model_fields)), inner, max_size=4
            )
        ),
        max_leaves=10,
    )
)
def test_any_json_gives_plain_sentences(data: Any) -> None:
    error = refused(json.dumps(data))
    assert error.fields
    for jargon in ("pydantic", "http", "Input", "type=", "tuple", "str", "dict"):
        assert jargon not in str(error)


def test_every_written_form_has_words() -> None:
    def patterns(schema: Any, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(schema, dict):
            if "pattern" in schema:
                yield name, schema["pattern"]
            for key, inner in schema.items():
                yield from patterns(inner, name if key in ("anyOf", "items") else key)
        elif isinstance(schema, list):
            for inner in schema:
                yield from patterns(inner, name)

    schema = InvoiceRequest.model_json_schema()
    numbers = r"^-?\d+(\.\d+)?$"
    found = {name for name, form in patterns(schema, "") if form != numbers}
    assert found - {"country"} == set(_PATTERNS)  # a register, not a form, says what a country is


class Inner(Recorded):
    amount: int


class Outer(Recorded):
    request: InvoiceRequest | None = None
    inner: dict[str, Inner] = {}


def test_problems_of_other_models_are_told_the_same_way() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Outer).validate_python(
            {"request": typed(refrence="x"), "inner": {"a": {"amount": "x"}}}
        )
    assert [str(one) for one in problems(caught.value)] == [
        "request.refrence: unknown field; did you mean reference?",
        "inner.a.amount: must be a whole number",
    ]


def test_a_model_that_is_not_ours_gets_no_proposal() -> None:
    class Foreign(BaseModel, extra="forbid"):
        name: str = ""

    with pytest.raises(ValidationError) as caught:
        Foreign.model_validate({"nane": ""})
    assert [str(one) for one in problems(caught.value)] == ["nane: unknown field"]


def test_a_day_to_send_it_on_must_make_sense() -> None:
    then = {"send_on": "2026-12-01", "document": content(due_date="2026-12-01")}
    assert read_request(json.dumps(typed(**then))).sent_from == datetime(2026, 12, 1, tzinfo=UTC)
    assert said(typed(**then, goal="drafted")) == [
        "send_on: a draft is not sent: leave it out, or ask for another goal"
    ]
    late = typed(**then | {"send_on": "2026-12-02T00:00:00+01:00"})
    assert said(late) == ["send_on: is after the due date, 2026-12-01"]
    assert len(said(typed(send_on="soon"))) == 1
