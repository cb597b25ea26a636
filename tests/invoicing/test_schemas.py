"""The JSON Schemas in docs/schemas: as new as the models, and right about what is accepted."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from invoicing.errors import InvalidRequest
from invoicing.model import Typed
from invoicing.parse import read_request
from invoicing.request import InvoiceRequest
from invoicing.schemas import INPUTS, main, schema, written
from invoicing.state.invoice import Instruction
from tests.examples import an_invoice

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "schemas"
EXAMPLES = sorted((ROOT / "sandbox" / "examples").glob("*.json"))


@functools.cache
def validator(model: type[Typed]) -> Draft202012Validator:
    return Draft202012Validator(schema(model), format_checker=FormatChecker())


def mistakes(model: type[Typed], value: object) -> list[str]:
    errors = validator(model).iter_errors(value)
    return [f"{error.json_path}: {error.message}" for error in errors]


def request(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads(an_invoice("INV-1").model_dump_json(exclude_unset=True))
    return {**whole, **changes}


def test_the_files_are_as_new_as_the_models() -> None:
    """If this fails: `make schemas`."""
    kept = {file.name: file.read_text(encoding="utf-8") for file in KEPT.glob("*.json")}
    assert kept == written()


@pytest.mark.parametrize("model", INPUTS, ids=lambda model: model.__name__)
def test_every_schema_is_a_schema_and_knows_its_name(model: type[Any]) -> None:
    made = schema(model)
    Draft202012Validator.check_schema(made)
    assert made["$id"].endswith(f":{model.__name__}")
    assert made["additionalProperties"] is False


def test_every_instruction_that_a_person_can_give_has_a_schema() -> None:
    assert set(Instruction.__subclasses__()) <= set(INPUTS)


def test_the_sentences_under_the_fields_are_in_the_schemas() -> None:
    properties = schema(InvoiceRequest)["properties"]
    assert properties["hold"]["description"].startswith("Stop before the first irreversible step")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_examples_that_are_accepted_fit_a_schema(file: Path) -> None:
    value = json.loads(file.read_text())
    assert not all(mistakes(model, value) for model in INPUTS), file.name


def test_an_ordinary_request_fits_its_schema() -> None:
    assert mistakes(InvoiceRequest, request()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": "with space"},
        {"provider": None},
        {"gaol": "paid"},
        {"goal": "posted"},
        {"document": {}},
        {"hold": "perhaps"},
    ],
    ids=str,
)
def test_what_a_schema_refuses_is_refused(changes: dict[str, Any]) -> None:
    wrong = request(**changes)
    assert mistakes(InvoiceRequest, wrong)
    with pytest.raises(InvalidRequest):
        read_request(json.dumps(wrong))


@pytest.mark.parametrize("quantity", ["3", "-1.5", "0.10"])
def test_numbers_are_written_as_text(quantity: str) -> None:
    whole = request()
    whole["document"]["lines"][0]["quantity"] = quantity
    assert read_request(json.dumps(whole))
    assert mistakes(InvoiceRequest, whole) == []


def test_a_number_with_a_point_has_to_be_text() -> None:
    whole = request()
    whole["document"]["lines"][0]["quantity"] = 1.5
    assert mistakes(InvoiceRequest, whole)
    with pytest.raises(InvalidRequest):
        read_request(json.dumps(whole))


def test_what_only_our_own_workflows_set_is_not_offered() -> None:
    assert "order" not in schema(InvoiceRequest)["properties"]
    assert "RegisteredOrder" not in json.dumps(schema(InvoiceRequest))


def test_a_schema_of_an_input_that_is_no_more_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "Old.json").write_text('{"$id": "urn:durable-invoicing:schema:Old"}')
    (tmp_path / "theirs.json").write_text("{}")
    main(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {*written(), "theirs.json"}
