"""Lists page by page: a cursor is Temporal's token, good for the list that gave it and no other."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from gateway.problems import invalid
from invoicing.model import Typed

Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,2000}$")]
_MARK = 8


def _one_mistake(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError as error:
        expected = " or ".join(str(each["ctx"]["expected"]) for each in error.errors())
        raise PydanticCustomError("enum", "no status", {"expected": expected}) from None


Words = WrapValidator(_one_mistake)
"""For a choice between two sets of words: a word of neither is one mistake, not two."""


class Paged(Typed):
    """Which part of a list is wanted. `cursor` is that of the page before."""

    limit: Limit = 50
    cursor: Cursor | None = None


class Bookmarks:
    """The cursors of one list: a list of that name with these filters."""

    def __init__(self, name: str, filters: Mapping[str, object]) -> None:
        self._list = repr((name, sorted(filters.items()))).encode()

    def cursor(self, token: bytes | None) -> str | None:
        """What a caller sends back to get the next page; None: there is none."""
        if not token:
            return None
        return urlsafe_b64encode(self._mark(token) + token).decode().rstrip("=")

    def token(self, cursor: str | None) -> bytes | None:
        """Temporal's token in a cursor. Problem where it is none of this list's."""
        if cursor is None:
            return None
        try:
            both = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError:
            both = b""
        mark, token = both[:_MARK], both[_MARK:]
        if not token or mark != self._mark(token):
            raise invalid("query.cursor", "is none that a list with these filters has given")
        return token

    def _mark(self, token: bytes) -> bytes:
        return hashlib.sha256(self._list + token).digest()[:_MARK]
