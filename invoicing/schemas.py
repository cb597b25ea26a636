"""JSON Schemas of everything that people and other services write.

    python -m invoicing.schemas docs/schemas      # writes one file per input

What a schema cannot say (a VAT number's digits, a sum that has to add up) is checked when it is
sent; every mistake is then named by its path. Numbers are text in the schemas; integers are taken
as well, which JSON's own kinds cannot tell from 3.0.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from invoicing.books.findings import Close
from invoicing.books.legal_hold import LegalHold, ReleaseLegalHold
from invoicing.credits.amend import Amend
from invoicing.credits.credit import Credit
from invoicing.model import Typed
from invoicing.provider import Event
from invoicing.request import SET_BY_US, InvoiceRequest, OrderRequest
from invoicing.state.invoice import Cancel, Hold, Release, Resolve
from invoicing.state.order import AddLines, CancelLines, Deliver

INPUTS: tuple[type[Typed], ...] = (
    InvoiceRequest,
    OrderRequest,
    Deliver,
    CancelLines,
    AddLines,
    Credit,
    Amend,
    Hold,
    Release,
    Resolve,
    Cancel,
    Close,
    LegalHold,
    ReleaseLegalHold,
    Event,
)

NOT_FOR_CALLERS: Mapping[type[BaseModel], frozenset[str]] = {
    InvoiceRequest: SET_BY_US,
    **dict.fromkeys(
        (
            Deliver,
            CancelLines,
            AddLines,
            Credit,
            Amend,
            Hold,
            Release,
            Resolve,
            Cancel,
            Close,
            LegalHold,
            ReleaseLegalHold,
        ),
        frozenset({"proven"}),
    ),
}
"""Set by our own workflows or doors alone."""


class _Described(GenerateJsonSchema):
    """With the sentences that stand under a field as its description, where there are any."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model, properties = schema["cls"], made.get("properties", {})
        for name in NOT_FOR_CALLERS.get(model, ()):
            del properties[name]
        for name, sentences in _sentences(model).items():
            if name in properties:
                properties[name].setdefault("description", sentences)
        return made


def _sentences(model: type[Any]) -> dict[str, str]:
    """Under each field of the model or its bases, the text literal that explains it."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            found |= _explained(each)
    return found


def _explained(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)  # noqa: S101 (it is the source of a class)
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())


def described(model: type[BaseModel], refer: str = "#/$defs/{model}") -> dict[str, Any]:
    """What is written for this model, each field with its sentence. `refer` is where the document
    that it becomes part of has its definitions."""
    return model.model_json_schema(schema_generator=_Described, ref_template=refer)


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what is written for this model."""
    made = described(model)
    head = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:durable-invoicing:schema:{model.__name__}",
    }
    return head | made


def written(models: Iterable[type[BaseModel]] = INPUTS) -> dict[str, str]:
    """Every schema as text, by the name of its file."""
    return {
        f"{model.__name__}.json": json.dumps(schema(model), indent=2, ensure_ascii=False) + "\n"
        for model in models
    }


def main(folder: Path, models: Iterable[type[BaseModel]] = INPUTS) -> None:
    """Write every schema into this folder, and take away those of inputs that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    files = written(models)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    for file in folder.glob("*.json"):
        if file.name not in files and "urn:durable-invoicing:schema:" in file.read_text("utf-8"):
            file.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m invoicing.schemas FOLDER")
    main(Path(sys.argv[1]))
