"""What a provider tells unasked: by webhook, or in a feed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from pydantic import JsonValue

from invoicing.model import Recorded
from invoicing.provider.calls import (
    Event,
)


class Subject(Recorded):
    """What an event is about, by the names the provider uses, the most telling one first.

    No names: the event concerns no invoice and no order (a test call, a notice about the account).
    """

    keys: tuple[str, ...] = ()
    event: Event | None = None
    """The event with no more than `read` or `read_order` will look at; None: nothing but its id and
    kind is needed. It is kept in histories, so it must be small."""
    document: bool = False
    """Whether it is about the document of an invoice, which may have ended."""


@runtime_checkable
class Notifies(Protocol):
    """A provider that tells us things unasked."""

    async def about(self, event: Event) -> Subject:
        """Which invoice or order the event is about. No call. Raises Unreadable."""
        ...


class Item(Recorded):
    """One item of a feed: the event that it is, and what `acknowledge` needs to know."""

    event: Event
    receipt: dict[str, JsonValue] = {}


class Batch(Recorded):
    """What `poll` answered. An item stays in the feed until it is acknowledged."""

    items: tuple[Item, ...] = ()
    more: bool = False
    """Whether to ask again at once, after these have been acknowledged."""


@runtime_checkable
class Feeds(Protocol):
    """A provider whose news must be fetched: one call per interval, however many invoices wait."""

    @property
    def feed_interval(self) -> timedelta | None:
        """How often to ask; None where this account's feed is another system's to fetch."""
        ...

    async def poll(self) -> Batch:
        """The oldest items nobody has acknowledged. Raises as `read` does."""
        ...

    async def acknowledge(self, item: Item) -> None:
        """Take the item out of the feed; safe to repeat. Raises as `read` does."""
        ...


class Delivery(Recorded):
    """A webhook as it arrived. `headers` have small names; `source` is the sender's address."""

    headers: dict[str, str] = {}
    body: bytes
    source: str = ""
    received: datetime


@runtime_checkable
class Hooks(Protocol):
    """A provider that calls us by webhook."""

    def receive(self, delivery: Delivery) -> tuple[Event, ...]:
        """The events in a webhook, once it is certain that the provider sent it.

        Raises Forged when that is not certain, Unreadable when it is not understood.
        """
        ...
