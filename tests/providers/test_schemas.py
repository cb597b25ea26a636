"""The JSON Schemas of the providers' options: as new as the models, and each field explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from commands.options import paths
from invoicing.schemas import described, schema, written
from providers.kit.coverage import leaf_paths
from providers.registry import ADAPTORS
from providers.schemas import OPENAPI, components
from starter import app

KEPT = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "options"

each_adaptor = pytest.mark.parametrize("name", sorted(ADAPTORS))


def test_the_files_are_as_new_as_the_options() -> None:
    """If this fails: `make schemas`."""
    kept = {file.name: file.read_text(encoding="utf-8") for file in KEPT.iterdir()}
    assert kept == written(adaptor.Options for adaptor in ADAPTORS.values())


@each_adaptor
def test_every_option_has_its_sentence(name: str) -> None:
    made = described(ADAPTORS[name].Options)
    silent = [path for path, sentence in paths(made, made["$defs"]) if not sentence]
    assert silent == []


@each_adaptor
def test_every_option_is_listed(name: str) -> None:
    made = described(ADAPTORS[name].Options)
    listed = {path.replace(".*.", "[].") for path, _ in paths(made, made["$defs"])}
    assert set(leaf_paths(ADAPTORS[name].Options)) <= listed


@each_adaptor
def test_there_is_an_example_that_fits_schema_and_model(name: str) -> None:
    model = ADAPTORS[name].Options
    made = schema(model)
    Draft202012Validator.check_schema(made)
    assert made["examples"]
    for example in made["examples"]:
        assert list(Draft202012Validator(made).iter_errors(example)) == []
        model.model_validate(example)


def _references(value: Any) -> Iterator[str]:
    match value:
        case dict():
            if isinstance(at := value.get("$ref"), str):
                yield at
            for each in value.values():
                yield from _references(each)
        case list():
            for each in value:
                yield from _references(each)


def test_what_openapi_refers_to_is_there() -> None:
    made = components()
    for at in _references(made):
        place: Any = made
        for segment in at.removeprefix(OPENAPI).split("/"):
            place = place[segment]


@each_adaptor
def test_the_command_line_lists_them(name: str) -> None:
    result = CliRunner().invoke(app, ["options", name])
    assert result.exit_code == 0, result.output
    assert "lines\n    What single lines have" in result.output or name == "mollie"
    assert "For example:" in result.output


def test_a_provider_nobody_knows_is_named_with_those_there_are() -> None:
    result = CliRunner().invoke(app, ["options", "nobody"])
    assert result.exit_code != 0
