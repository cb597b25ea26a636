"""Time zones in settings: in which a provider reckons its days."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is not a time zone") from None
    return name


TimeZone = Annotated[str, AfterValidator(_known)]
"""The name of one, such as Europe/Brussels."""
