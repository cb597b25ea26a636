"""Lists that somebody has saved under a name: what they choose, not what is in them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from invoicing.errors import InvoicingError
from invoicing.model import Recorded

MOST_SAVED = 20
"""Lists of one caller."""


class TooManySaved(InvoicingError):
    """The caller has as many as there may be."""

    def __init__(self) -> None:
        super().__init__(f"there are {MOST_SAVED} saved lists, the most there may be: forget one")


class SavedList(Recorded):
    """One of a caller's: `filters` are those of `/v1/books`."""

    name: str
    filters: dict[str, JsonValue]
    saved_at: datetime


class SavesLists(Protocol):
    """Where they are kept. All raise Unavailable."""

    async def saved_lists(self, owner: str) -> tuple[SavedList, ...]:
        """All of this caller's, by name."""
        ...

    async def save_list(self, owner: str, one: SavedList) -> None:
        """Keep it, in the place of one of the same name. Raises TooManySaved."""
        ...

    async def forget_list(self, owner: str, name: str) -> None:
        """Have none of this name."""
        ...
