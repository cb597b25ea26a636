"""Lists as Zero Friction pages them, and what is found in one by its id."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from sandbox.kit.server import Ask
from sandbox.zero_friction.forms import Malformed, Refusal, envelope


def paged(ask: Ask, size: int, found: Sequence[Any]) -> Response:
    """The page that was asked for; a token names the next one."""
    start = _offset(ask.headers.get("continuationtoken"))
    end = start + size
    more = end < len(found)
    data = {
        "results": list(found[start:end]),
        "hasNextPage": more,
        "nextPageToken": base64.urlsafe_b64encode(str(end).encode()).decode() if more else None,
        "totalRecords": len(found),
        "sortableFields": [],
    }
    return envelope(data)


def known(entities: Mapping[str, Any], identity: str, key: str) -> Any:
    """The one with this id; a Refusal with this key."""
    entity = entities.get(identity)
    if entity is None:
        raise Refusal((key, identity))
    return entity


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise Malformed({"continuationToken": "is not a token of this list"}) from None
