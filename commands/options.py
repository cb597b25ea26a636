"""`options`: what a request may ask of one provider and of no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from commands.base import PROGRAM, BadInput, app
from invoicing.schemas import described


@app.command(
    short_help="List what a request may ask of one provider alone.",
    epilog=f"Example: {PROGRAM} options mollie",
)
def options(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Its name in requests.")],
    *,
    as_schema: Annotated[
        bool, typer.Option("--schema", help="The whole JSON Schema instead.")
    ] = False,
) -> None:
    """List the `options` that a request to this provider may have, with a sentence each.

    docs/schemas/options has them as JSON Schemas.
    """
    from providers.registry import ADAPTORS

    if provider not in ADAPTORS:
        raise BadInput(f"No provider has that name; there are {', '.join(sorted(ADAPTORS))}.")
    made = described(ADAPTORS[provider].Options)
    if as_schema:
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
        return
    for path, sentence in paths(made, made.get("$defs", {})):
        typer.echo(f"{path}\n    {sentence}")
    for example in made.get("examples", ()):
        typer.echo(f"\nFor example:\n{json.dumps(example, ensure_ascii=False)}")


def paths(
    schema: dict[str, Any], named: dict[str, Any], above: str = ""
) -> Iterator[tuple[str, str]]:
    """Every option with its sentence, those that have others below them first; `.*.` stands for
    the id of a line, `[]` for every item."""
    for name, field in schema.get("properties", {}).items():
        path = f"{above}{name}"
        yield path, field.get("description", "")
        inner, between = _inner(field)
        if inner:
            yield from paths(named[inner], named, f"{path}{between}")


def _inner(field: dict[str, Any]) -> tuple[str, str]:
    """The definition that its values follow, and what stands between the two names."""
    below = {"items": "[].", "additionalProperties": ".*."}
    for key, between in below.items():
        if isinstance(each := field.get(key), dict) and "$ref" in each:
            return each["$ref"].rpartition("/")[2], between
    for each in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        if "$ref" in each:
            return each["$ref"].rpartition("/")[2], "."
    return "", ""
