"""Lengths come before items, and a list of nonsense is read until a hundred mistakes are found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_extra_types.country import CountryAlpha2

from invoicing.document import Adjustment, Document
from invoicing.errors import InvalidRequest
from invoicing.lengths import MOST_PROBLEMS, Length
from invoicing.model import Typed
from invoicing.parse import problems, read
from invoicing.provider import Event
from invoicing.request import InvoiceRequest, OrderRequest
from invoicing.schemas import INPUTS, schema
from invoicing.state.order import CancelLines, Deliver
from invoicing.values import MOST_ADJUSTMENTS_IN_ALL, MOST_OPTIONS
from tests.invoicing import content, line

quick = settings(derandomize=True, database=None, max_examples=50)

VAT_21 = {"rate": 21}
FREIGHT = {"amount": 1, "vat": VAT_21}


def wrong_with(model: type[Typed], typed: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        read(model, json.dumps(typed))
    return list(map(str, caught.value.fields))


def in_document(**changes: Any) -> list[str]:
    return wrong_with(Document, content(**changes))


def on_line(**changes: Any) -> list[str]:
    return wrong_with(Document, content(line(**changes)))


def request(**changes: Any) -> dict[str, Any]:
    return {"reference": "order-7", "provider": "any", "document": content(), **changes}


class Seen:
    """Which items were looked at."""

    def __init__(self, least: int = 0) -> None:
        self.items: list[Any] = []
        item = Annotated[int, BeforeValidator(self._note)]
        self.adapter: TypeAdapter[tuple[int, ...]] = TypeAdapter(
            Annotated[tuple[item, ...], Length(1000, least=least)]
        )

    def _note(self, value: Any) -> Any:
        self.items.append(value)
        return value

    def mistakes(self, value: Any) -> list[str]:
        with pytest.raises(ValidationError) as caught:
            self.adapter.validate_python(value)
        return list(map(str, problems(caught.value)))


class TestBeforeItems:
    def test_of_too_many_none_is_looked_at(self) -> None:
        seen = Seen()
        assert seen.mistakes([{}] * 1001) == ["request: must have at most 1000, has 1001"]
        assert seen.items == []

    def test_as_many_as_there_may_be_are_taken(self) -> None:
        seen = Seen(least=1)
        assert seen.adapter.validate_python([1] * 1000) == (1,) * 1000
        assert seen.adapter.validate_json("[1]") == (1,)
        assert seen.mistakes([]) == ["request: must have at least 1"]
        assert Seen().adapter.validate_python([]) == ()

    def test_what_only_our_own_code_passes_is_counted_too(self) -> None:
        seen = Seen()
        assert seen.adapter.validate_python(iter(range(3))) == (0, 1, 2)
        assert seen.mistakes(iter(range(1001))) == ["request: must have at most 1000, has 1001"]

    def test_what_is_no_list_is_called_so(self) -> None:
        assert Seen().mistakes({"a": 1}) == ["request: must be a list"]
        assert Seen().mistakes("1") == ["request: must be a list"]

    @pytest.mark.parametrize(
        ("field", "most"),
        [
            ("lines", 1200),
            ("allowances", 50),
            ("charges", 50),
            ("notes", 100),
            ("precedents", 500),
        ],
    )
    def test_each_list_of_a_document_says_how_many_are_too_many(
        self, field: str, most: int
    ) -> None:
        said = f"{field}: must have at most {most}, has {most + 1}"
        assert in_document(**{field: [{}] * (most + 1)}) == [said]
        assert said not in in_document(**{field: [{}] * most})

    @pytest.mark.parametrize("field", ["allowances", "charges"])
    def test_so_does_each_list_of_a_line(self, field: str) -> None:
        said = f"lines[0].{field}: must have at most 50, has 51"
        assert on_line(**{field: [{}] * 51}) == [said]

    def test_so_do_the_identifiers_of_a_party(self) -> None:
        buyer = {"name": "Canary Energy BV", "identifiers": [{}] * 21}
        assert in_document(buyer=buyer) == ["buyer.identifiers: must have at most 20, has 21"]

    def test_so_do_instructions_to_an_order(self) -> None:
        deliver = {"delivery": "A", "lines": [None] * 1001, "issue_date": "2026-06-30"}
        assert wrong_with(Deliver, {**deliver, "notes": [None] * 101}) == [
            "lines: must have at most 1000, has 1001",
            "notes: must have at most 100, has 101",
        ]
        cancel = {"cancellation": "A", "by": "x", "reason": "y", "lines": [None] * 1001}
        assert wrong_with(CancelLines, cancel) == ["lines: must have at most 1000, has 1001"]

    @pytest.mark.parametrize("model", [InvoiceRequest, OrderRequest])
    def test_so_do_options_however_deep(self, model: type[Typed]) -> None:
        many = [0] * (MOST_OPTIONS + 1)
        has = f"must have at most {MOST_OPTIONS}, has {MOST_OPTIONS + 1}"
        named = {f"{key}": 0 for key, _ in enumerate(many)}
        assert wrong_with(model, request(options=named)) == [f"options: {has}"]
        deep = {"lines": {"1": [{"tags": many}]}}
        assert wrong_with(model, request(options=deep)) == [f"options.lines.1[0].tags: {has}"]
        assert wrong_with(model, request(options={"a": named})) == [f"options.a: {has}"]

    def test_options_hold_so_many_values_in_all(self) -> None:
        each = [0] * 1000
        right = request(options={f"{key}": each[1:] for key in range(20)})
        assert read(InvoiceRequest, json.dumps(right)).options == right["options"]
        wrong = request(options={f"{key}": each for key in range(20)})
        assert wrong_with(InvoiceRequest, wrong) == [
            "options: must hold at most 20000 values in all, holds 20020"
        ]

    @pytest.mark.parametrize(
        "model", [one for one in INPUTS if one is not Event], ids=lambda model: model.__name__
    )
    def test_no_list_and_no_free_object_that_callers_write_is_without_a_maximum(
        self, model: type[Typed]
    ) -> None:
        """An event is written by an adaptor or the gateway, never by a caller as it is."""
        assert list(_unbounded(schema(model), "")) == []


def _unbounded(part: Any, path: str) -> Iterator[str]:
    if isinstance(part, dict):
        if part.get("type") == "array" and "maxItems" not in part:
            yield path
        if part.get("additionalProperties") not in (None, False) and "maxProperties" not in part:
            yield path
        for key, inner in part.items():
            yield from _unbounded(inner, f"{path}/{key}")
    elif isinstance(part, list):
        for index, inner in enumerate(part):
            yield from _unbounded(inner, f"{path}/{index}")


class TestAdjustmentsInAll:
    def test_as_many_as_there_may_be_are_taken(self) -> None:
        half = [{"percent": 1}] * 25
        lines = [line(allowances=half, charges=half)] * 100
        made = Document.model_validate(content(*lines))
        assert len(made.lines) * 50 == MOST_ADJUSTMENTS_IN_ALL

    @pytest.mark.parametrize("kind", ["allowances", "charges"])
    def test_one_more_on_the_document_is_too_many_and_none_is_looked_at(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Adjustment, "of", lambda *_: pytest.fail("was looked at"))
        lines = [line(allowances=[{}] * 50)] * 100
        said = "lines: have 5001 allowances and charges with those of the document, at most 5000"
        assert wrong_with(Document, content(*lines, **{kind: [{}]})) == [said]

    def test_those_of_lines_that_were_read_before_count_too(self) -> None:
        made = Document.model_validate(content(line(charges=[{"percent": 1}] * 50)))
        fields = {**content(allowances=[FREIGHT]), "lines": made.lines * 100}
        with pytest.raises(ValidationError, match="have 5001 allowances"):
            Document.model_validate(fields)

    @pytest.mark.parametrize("odd", [None, 7, "x", {"a": 1}, [None, 7, "x", {"allowances": 7}]])
    def test_what_is_no_list_of_lines_is_refused_for_itself(self, odd: Any) -> None:
        assert all(said.startswith("lines") for said in in_document(lines=odd))


class TestTheFirstHundred:
    def test_reading_stops_at_the_hundredth_mistake(self) -> None:
        seen = Seen()
        assert len(seen.mistakes(["x"] * 1000)) == MOST_PROBLEMS
        assert len(seen.items) == MOST_PROBLEMS

    def test_every_item_before_it_is_looked_at_once(self) -> None:
        seen = Seen()
        typed: list[Any] = [0, "x", 1, 2, "y", 3] * 40
        named = [said.partition(":")[0] for said in seen.mistakes(typed)]
        assert named == [f"[{at}]" for at, one in enumerate(typed) if isinstance(one, str)]
        assert seen.items == typed

    @quick
    @given(st.lists(st.sampled_from(["NL", "XX", 7, None]), max_size=250))
    def test_mistakes_are_those_that_pydantic_finds_by_itself(self, typed: list[Any]) -> None:
        ours = TypeAdapter[Any](Annotated[tuple[CountryAlpha2, ...], Length(1000)])
        plain = TypeAdapter[Any](tuple[CountryAlpha2, ...])
        assert _outcome(ours, typed) == _outcome(plain, typed)

    def test_of_a_megabyte_of_faulty_lines_only_the_number_is_told(self) -> None:
        line = {"name": "a line of which nothing else is said"}
        assert in_document(lines=[line] * 20_000) == ["lines: must have at most 1200, has 20000"]

    def test_empty_lines_are_named_up_to_the_hundredth_mistake(self) -> None:
        found = in_document(lines=[{}] * 1000)
        assert len(found) == MOST_PROBLEMS
        assert found[0] == "lines[0].id: is required"
        assert found[-1].startswith("lines[19].")

    @pytest.mark.parametrize("lines", [10, 50, 100])
    def test_pydantic_holds_no_more_mistakes_than_one_list_gives(self, lines: int) -> None:
        typed = content(*[line(allowances=[{}] * 50)] * lines)
        with pytest.raises(ValidationError) as caught:
            Document.model_validate(typed)
        assert caught.value.error_count() == MOST_PROBLEMS

    def test_so_it_is_in_json_and_in_what_the_worker_reads(self) -> None:
        text = json.dumps(content(lines=[{}] * 1000))
        with pytest.raises(ValidationError) as caught:
            Document.model_validate_json(text)
        assert caught.value.error_count() == MOST_PROBLEMS

    def test_unknown_fields_are_named_up_to_the_hundredth_and_known_ones_still_read(self) -> None:
        noise = {f"x{number}": 0 for number in range(50_000)}
        with pytest.raises(ValidationError) as caught:
            Document.model_validate({**noise, **content(currency="EURO")})
        assert caught.value.error_count() == MOST_PROBLEMS + 1
        assert {one["type"] for one in caught.value.errors()} == {"extra_forbidden", "value_error"}

    def test_rules_across_lines_stop_at_the_hundredth_too(self) -> None:
        typed = content(*[line()] * 500)
        for one in typed["lines"]:
            one["id"] = "same"
        with pytest.raises(ValidationError) as caught:
            Document.model_validate(typed)
        (mistake,) = caught.value.errors()
        assert len(mistake["ctx"]["error"].problems) == MOST_PROBLEMS

    def test_the_message_says_that_there_may_be_more(self) -> None:
        with pytest.raises(InvalidRequest, match="the first 100 mistakes:"):
            read(Document, json.dumps(content(lines=[{}] * 1000)))


def _outcome(adapter: TypeAdapter[Any], typed: list[Any]) -> Any:
    try:
        return adapter.validate_python(typed)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return found[:MOST_PROBLEMS]
