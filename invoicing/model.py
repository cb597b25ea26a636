"""The two kinds of model: what people type, and what stands in history.

Neither repeats in an error what it was given: that may be personal data.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Typed(BaseModel):
    """Written by people or other services: an unknown key is a mistake and is refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )


class Recorded(BaseModel):
    """Kept in histories: only ever gains optional fields, ignores keys it does not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
