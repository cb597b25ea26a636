"""From JSON text to a request; every mistake named by its path, in plain words.

No message repeats a value that was sent: it may be somebody's name or address. Names of unknown
fields are repeated, cut to a decent length.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NoReturn, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from invoicing.density import too_dense
from invoicing.errors import FieldProblem, InvalidRequest
from invoicing.inconsistent import Inconsistent
from invoicing.lengths import LET_GO
from invoicing.lengths import MOST_PROBLEMS as MOST_PROBLEMS
from invoicing.model import Recorded, Typed
from invoicing.request import InvoiceRequest

Model = TypeVar("Model", bound=BaseModel)

REQUEST = "request"
"""Stands for the whole where a mistake is in no field of its own."""

NO_SENTENCE = "is not valid here"
"""For mistakes that have no sentence of their own."""

_SENTENCES: dict[str, str] = {
    "missing": "is required",
    "string_type": "must be text, in quotes",
    "string_unicode": "contains characters that are not valid Unicode",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_short": "must have at least {min_length}",
    "too_long": "must have at most {max_length}",
    "tuple_type": "must be a list",
    "dict_type": "must be an object with named fields",
    "model_type": "must be an object with named fields",
    "model_attributes_type": "must be an object with named fields",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "country_alpha2": "must be a country's two-letter code (ISO 3166), such as NL",
    "date_type": 'must be a date such as "2025-01-31"',
    "date_parsing": 'must be a date such as "2025-01-31"',
    "date_from_datetime_parsing": "is not a day that exists",
    "date_from_datetime_inexact": "must be a day, without a time",
}

_PATTERNS: dict[str, str] = {
    "reference": "must be 1 to 100 letters, digits or . _ : # -, and begin with a letter or digit",
    "provider": "must be the provider's name in small letters, digits or _",
    "account": "must be the account's name in small letters, digits or _",
    "subscriber": "must be the subscriber's name in small letters, digits or _",
    "unit": "must be a UN/ECE unit code in capitals, such as C62 (piece), HUR (hour) or KWH",
    "means": "must be a UNCL4461 code, such as 30 (credit transfer)",
    "language": "must be a language such as nl or nl-BE",
    "sha256": "must be a SHA-256 digest: 64 digits and letters from a to f",
}

MOST_KEY = 50
"""Characters of an unknown field's name that are shown, and of one that is likened to others."""


def read_request(text: str | bytes) -> InvoiceRequest:
    """The request that this JSON holds; raises as `read` does."""
    return read(InvoiceRequest, text)


def read(model: type[Model], text: str | bytes) -> Model:
    """What this JSON holds, as one of the models that people type.

    Raises InvalidRequest, which names every mistake at once as far as they can be seen at once:
    fields first, then what does not go together; the first hundred where there are more.
    """
    data = _load(text)
    try:
        return model.model_validate(data, context=LET_GO)
    except ValidationError as error:
        found = problems(error)
    # Outside the handler, so that the values in pydantic's error are not chained to ours.
    raise InvalidRequest(f"the request cannot be taken as it is, {_counted(found)}:", found)


def _counted(found: Sequence[FieldProblem]) -> str:
    if len(found) >= MOST_PROBLEMS:
        return f"the first {len(found)} mistakes"
    return "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"


def problems(error: ValidationError) -> tuple[FieldProblem, ...]:
    """Each mistake that pydantic found in one of our models: its path, and a plain sentence."""
    return explained(error.errors(include_url=False, include_input=False), error.title)


def explained(details: Sequence[ErrorDetails], title: str = "") -> tuple[FieldProblem, ...]:
    """The same for pydantic's details of mistakes in the model of this name, or in none of ours."""
    shown = details[:MOST_PROBLEMS]
    found = (
        problem for one in shown if not _follows(one, shown) for problem in _problems(title, one)
    )
    return tuple(islice(found, MOST_PROBLEMS))


def _follows(one: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """Whether a list only seems too short because its faulty items were not counted."""
    depth = len(one["loc"])
    return one["type"] == "too_short" and any(
        other["loc"][:depth] == one["loc"] and other is not one for other in others
    )


def _problems(title: str, details: ErrorDetails) -> Iterator[FieldProblem]:
    path = details["loc"]
    context = details.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, Inconsistent):
        for problem in cause.problems:
            yield FieldProblem(field=_joined(_path(path), problem.field), message=problem.message)
        return
    yield FieldProblem(
        field=_path(path) or REQUEST, message=_sentence(title, path, details["type"], context)
    )


def _sentence(
    title: str, path: tuple[int | str, ...], kind: str, context: Mapping[str, Any]
) -> str:
    if kind == "extra_forbidden":
        return "unknown field" + _proposal(title, path)
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(path[-1]), "is not written as this field needs it")
    if kind == "too_long" and (count := context.get("actual_length")):
        return f"must have at most {context['max_length']}, has {count}"
    return _SENTENCES.get(kind, NO_SENTENCE).format_map(context)


def _path(path: tuple[int | str, ...]) -> str:
    written = ""
    for part in path:
        written = f"{written}[{part}]" if isinstance(part, int) else _joined(written, _decent(part))
    return written


def _joined(path: str, field: str) -> str:
    return f"{path}.{field}" if path and field else path or field


def _decent(key: str) -> str:
    # One more than is shown tells that there are more.
    begins = key[: MOST_KEY + 1]
    shown = "".join(character if character.isprintable() else "?" for character in begins)
    return shown if len(shown) <= MOST_KEY else f"{shown[:MOST_KEY]}…"


def _proposal(title: str, path: tuple[int | str, ...]) -> str:
    model = _model_at(title, path[:-1])
    if len(str(path[-1])) > MOST_KEY:
        return ""
    near = difflib.get_close_matches(str(path[-1]).lower(), model.model_fields if model else (), 1)
    return f"; did you mean {near[0]}?" if near else ""


def _model_at(title: str, path: tuple[int | str, ...]) -> type[BaseModel] | None:
    model = next((kind for kind in _kinds(Typed, Recorded) if kind.__name__ == title), None)
    keyed = False
    for part in path:
        if isinstance(part, int) or keyed:  # one of several: of the model that all of them are
            keyed = False
            continue
        field = model.model_fields.get(part) if model else None
        model = next(_models_in(field.annotation), None) if field else None
        keyed = field is not None and _is_keyed(field.annotation)
    return model


def _is_keyed(annotation: Any) -> bool:
    return get_origin(annotation) is dict or any(map(_is_keyed, get_args(annotation)))


def _kinds(*roots: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for root in roots:
        yield root
        yield from _kinds(*root.__subclasses__())


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in `Party | None`, `tuple[Line, ...]` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _load(text: str | bytes) -> Any:
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        if dense := too_dense(text):
            raise InvalidRequest(f"this is no request: {dense} are more than can mean something")
        return json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_integer,
        )
    except UnicodeDecodeError:
        message = "it is not UTF-8 text"
    except json.JSONDecodeError as error:
        message = f"line {error.lineno}, column {error.colno}: {_lower(error.msg)}"
    except RecursionError:
        message = "it is nested too deeply"
    raise InvalidRequest(f"this is not JSON: {message}")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            _refuse(key, "is given twice in one object")
        seen[key] = value
    return seen


def _constant(name: str) -> NoReturn:
    _refuse(REQUEST, f"{name} is not a number in JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse(REQUEST, "a number is absurdly large")
    return number


def _integer(digits: str) -> int:
    # Python itself refuses thousands of digits with an error of its own.
    if len(digits) > 40:
        _refuse(REQUEST, "a number is absurdly long")
    return int(digits)


def _refuse(field: str, message: str) -> NoReturn:
    problem = FieldProblem(field=_decent(field), message=message)
    raise InvalidRequest("the request cannot be taken as it is:", [problem])
