"""The two kinds of model: what people type, and what stands in history.

Neither repeats in an error what it was given: that may be personal data.
"""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from itertools import islice
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from invoicing.lengths import MOST_PROBLEMS


class Typed(BaseModel):
    """Written by people or other services: an unknown key is a mistake and is refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_a_flood(cls, given: Any) -> Any:
        """Of unknown keys, the first hundred are enough to refuse it."""
        fields = cls.__pydantic_fields__
        if isinstance(given, dict) and len(given) > len(fields) + MOST_PROBLEMS:
            return _cut(given, fields)
        return given

    def model_post_init(self, _: Any, /) -> None:
        """Have all that say the same fields share one set of their names. A set for each was two
        fifths of what a document of many lines takes. No model changes its own (they are frozen),
        and a copy gets a set of its own."""
        said = _shared(frozenset(self.__pydantic_fields_set__))
        object.__setattr__(self, "__pydantic_fields_set__", said)


@lru_cache(maxsize=1024)
def _shared(names: frozenset[str]) -> set[str]:
    return set(names)


def _cut(given: dict[Any, Any], known: Container[Any]) -> dict[Any, Any]:
    unknown = islice((key for key in given if key not in known), MOST_PROBLEMS)
    kept = {*unknown}
    return {key: value for key, value in given.items() if key in known or key in kept}


class Recorded(BaseModel):
    """Kept in histories: only ever gains optional fields, ignores keys it does not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
