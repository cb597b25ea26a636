"""The stand-in for Riverty: what a test does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sandbox.kit.faults import Faults
from sandbox.kit.server import StandIn, Way
from sandbox.riverty.books import Books
from sandbox.riverty.data import BUSINESS, PRIMARY_KEY
from sandbox.riverty.forms import Json
from sandbox.riverty.notices import Callback, Notices
from sandbox.riverty.routes import Routes
from sandbox.riverty.words import TYPES, Assumed, Step, Told


class RivertyStandIn(StandIn):
    """Accounting as a Service as its pages describe it: a gateway, and a core that judges later.

    Args:
        assumed: what the pages leave open.
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
        changes: fields of `Assumed` that differ.
    """

    steps = Step
    told = frozenset(Told)
    books: Books

    def __init__(
        self, assumed: Assumed | None = None, *, faults: Faults | None = None, **changes: Any
    ) -> None:
        super().__init__(faults)
        self.assumed = replace(assumed or Assumed(), **changes)
        self.books = Books(self.assumed)
        self._revoked: set[str] = set()

    def account(self, url: str | None = None) -> dict[str, str]:
        """See `StandIn.account`; `notification_sources` is for whoever hears its notifications."""
        return {
            "base_url": url or self.url,
            "subscription_key": PRIMARY_KEY,
            "business_code": BUSINESS,
            "country": "BE",
            "notification_sources": self.assumed.source,
        }

    def ways(self) -> Sequence[Way]:
        """Every route of Riverty's that this stand-in has."""
        return Routes(self.books, self._revoked).all()

    def take_up(self, books: Books) -> None:
        """See `StandIn.take_up`."""
        books.assumed = books.notices.assumed = self.assumed
        self.books = books

    async def start(self, port: int = 0, host: str = "127.0.0.1", url: str | None = None) -> None:
        """See `StandIn.start`; notifications that nobody has taken yet are delivered."""
        await super().start(port, host, url)
        self.books.url = self.url
        self.notices.run()

    async def stop(self) -> None:
        """See `StandIn.stop`; no notification is delivered any more."""
        await self.notices.stop()
        await super().stop()

    @property
    def notices(self) -> Notices:
        """What it tells unasked."""
        return self.books.notices

    def call(self, url: str) -> None:
        """Have every notification posted there, as if somebody had subscribed."""
        if url not in {callback.url for callback in self.notices.callbacks}:
            self.notices.callbacks.append(Callback(url, TYPES))

    def finish(self, reference: str) -> None:
        """Judge at once what waits for it, and render what is to be rendered."""
        self.books.finish(reference)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays; see `StandIn.pay`. ValueError for nothing."""
        self.books.pay(reference, amount)

    def charge_back(
        self,
        reference: str,
        amount: Decimal | None = None,
        kind: str = "DIRECT_DEBIT_CHARGEBACK_FIXED_FEE",
    ) -> None:
        """A payment is taken back, all of it unless an amount is given; ValueError if none is."""
        self.books.charge_back(reference, amount, kind)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.refund`; it is told by notification."""
        self.books.refund(reference, amount)

    def order(self, reference: str) -> Json:
        """An accepted order as the core holds it, with the status of each line; LookupError."""
        order = self.books.accepted.orders.get(reference)
        if order is None:
            raise LookupError(f"no order {reference}")
        lines = {line.number: line.status for line in order.lines}
        return {**order.asked, "customerNumber": order.customer, "lines": lines}

    def invoice(self, reference: str) -> Json:
        """An accepted invoice as the core holds it, by either reference; LookupError."""
        invoice = self.books.latest(reference)
        figures = ("gross", "vat", "paid", "credited", "remaining")
        return {**invoice.asked, **{name: getattr(invoice, name) for name in figures}}

    def render_document(self, reference: str) -> str:
        """Render and send its document now, once; the URL of it."""
        invoice = self.books.latest(reference)
        self.books.render(invoice)
        return self.books.link(invoice)

    def revoke(self, key: str) -> None:
        """Make a key worthless: calls with it get a 500."""
        self._revoked.add(key)
