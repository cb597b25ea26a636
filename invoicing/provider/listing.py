"""The port, continued: what a provider lists of an account, page by page."""

from __future__ import annotations

from datetime import date
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from invoicing.model import Recorded
from invoicing.provider import Snapshot


class ListCall(Recorded):
    """Input of `list_page`."""

    account: str
    since: date
    """What was made before this day may be left out; whether it is, is the provider's matter."""
    cursor: dict[str, JsonValue] | None = None
    """What the page before gave to go on with; None for the first."""


class Listed(Recorded):
    """One invoice of a list, read without anything that its request brought.

    So its stage is certain only as far as draft, final, credited and deleted go.
    """

    invoice: Snapshot
    credits: str | None = None
    """The provider's id of the invoice that this document takes back."""


class ListPage(Recorded):
    """One page of the list. `cursor` gets the next one; None: this was the last."""

    items: tuple[Listed, ...] = ()
    cursor: dict[str, JsonValue] | None = None
    lists: bool = True
    """Whether the provider lists anything at all."""
    complete: bool = True
    """False where what is on the page cannot be told whole, or the list breaks off after it."""


@runtime_checkable
class Lists(Protocol):
    """A provider that lists an account's invoices, those of other systems and people included."""

    async def list_page(self, call: ListCall) -> ListPage:
        """One page, in one call. Raises as `read` does."""
        ...
