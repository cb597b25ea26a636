"""What `plan` of every adaptor needs to refuse aloud: all mistakes at once, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from invoicing.errors import FieldProblem, Rejected, Unsupported
from invoicing.parse import REQUEST, problems

Model = TypeVar("Model", bound=BaseModel)


class Mistakes:
    """Collects what is wrong in a request and what the provider does not offer."""

    def __init__(self) -> None:
        self._wrong: list[FieldProblem] = []
        self._unoffered: list[FieldProblem] = []

    def wrong(self, field: str, message: str) -> None:
        """The request contradicts itself or the provider's rules."""
        self._wrong.append(FieldProblem(field=field, message=message))

    def unoffered(self, field: str, message: str) -> None:
        """The request is sound, but the provider has no way to say this."""
        self._unoffered.append(FieldProblem(field=field, message=message))

    def settle(self, provider: str) -> None:
        """Raise Rejected if anything is wrong, else Unsupported if anything is not offered.

        Either carries all of both, so that one answer is enough to mend the request.
        """
        fields = (*self._wrong, *self._unoffered)
        if self._wrong:
            raise Rejected(f"{provider}: the request has {_count(fields)}", fields=fields)
        if fields:
            raise Unsupported(f"{provider} does not offer what is asked", fields=fields)


def _count(fields: tuple[FieldProblem, ...]) -> str:
    return "a mistake" if len(fields) == 1 else f"{len(fields)} mistakes"


MOST_REFERENCE = 200
"""Characters that are kept of a reference a provider states; ours have half as many at most."""


def stated(value: object) -> str | None:
    """A reference as a provider states it; None for what is no text, or empty. One that is too long
    is cut: it is not ours, and must not fill a history."""
    return value[:MOST_REFERENCE] if isinstance(value, str) and value else None


def parsed(model: type[Model], value: Any, at: str, mistakes: Mistakes) -> Model | None:
    """The value as that model, or None with every mistake noted under `at`."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for problem in problems_of(error, at):
            mistakes.wrong(problem.field, problem.message)
        return None


def problems_of(error: ValidationError, at: str) -> tuple[FieldProblem, ...]:
    """What pydantic found, in the sentences that the rest of a request has, without the values."""
    return tuple(
        FieldProblem(field=at if one.field == REQUEST else f"{at}.{one.field}", message=one.message)
        for one in problems(error)
    )


def refuse_given(
    model: BaseModel, sentences: Mapping[str, str], at: str, mistakes: Mistakes
) -> None:
    """Note every field of the table that was given a value other than its default."""
    for name, sentence in sentences.items():
        default = type(model).model_fields[name].get_default(call_default_factory=True)
        if getattr(model, name) != default:
            mistakes.unoffered(f"{at}.{name}", sentence)
