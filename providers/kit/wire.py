"""What travels: models of what a provider answers, and the shape of what it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from providers.kit.http import Call, Json, unclear

_Item = TypeVar("_Item")
_Model = TypeVar("_Model", bound=BaseModel)


class Wire(BaseModel):
    """What a provider writes: more fields than we read, null for nothing."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class CamelWire(Wire):
    """The same where names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


def _no_items(value: Any) -> Any:
    return () if value is None else value


def _no_members(value: Any) -> Any:
    return {} if value is None else value


Many = Annotated[tuple[_Item, ...], BeforeValidator(_no_items)]
"""A list that may be null."""

Maybe = Annotated[_Item, BeforeValidator(_no_members)]
"""An object that may be null: then one without members."""


def parse(model: type[_Model], data: Any, request: Call) -> _Model:
    """The answer, or a part of it, as that model; what an unreadable answer means if it is not."""
    try:
        return model.model_validate(data)
    except (ValidationError, AttributeError):
        raise unclear(request, "is not what was expected") from None


def filled(body: Mapping[str, Json]) -> dict[str, Json]:
    """Without the members that are None: what is not given is not written."""
    return {name: value for name, value in body.items() if value is not None}
