"""The stand-in for Invoro: what a test does with it."""

from __future__ import annotations

import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.invoro import data
from sandbox.invoro.books import Books
from sandbox.invoro.data import BASE_PATH, LIVE_KEY, Json
from sandbox.invoro.invoice import STATES, Invoice
from sandbox.invoro.routes import Routes
from sandbox.invoro.words import Assumed, Step, Told
from sandbox.kit.accounts import Moved
from sandbox.kit.faults import Faults
from sandbox.kit.server import StandIn, Way


class InvoroStandIn(StandIn):
    """Invoro as its pages describe it, state and all.

    Args:
        assumed: what the pages leave open.
        clock: the time in seconds that the rate limit goes by.
        faults: a plan made earlier, such as `Faults.drawn(seed, list(Step))`.
        changes: fields of `Assumed` that differ.
    """

    steps = Step
    told = frozenset(Told)
    books: Books

    def __init__(
        self,
        assumed: Assumed | None = None,
        *,
        clock: Callable[[], float] = time.time,
        faults: Faults | None = None,
        **changes: Any,
    ) -> None:
        super().__init__(faults)
        self.assumed = replace(assumed or Assumed(), **changes)
        self.books = Books(self.assumed)
        self.keys = data.keys()
        self.clock = clock
        self._spent: dict[str, tuple[int, int]] = {}

    def account(self, url: str | None = None) -> dict[str, str]:
        """See `StandIn.account`."""
        return {"base_url": (url or self.url) + BASE_PATH, "api_key": LIVE_KEY}

    def ways(self) -> Sequence[Way]:
        """Every route of Invoro's that this stand-in has."""
        return self._routes().all()

    def lost(self, request: Request) -> Response:
        """A route that does not exist; it counts as a call and says so."""
        return self._routes().lost(request)

    def take_up(self, books: Books) -> None:
        """See `StandIn.take_up`."""
        books.assumed = self.assumed
        self.books = books

    @property
    def participants(self) -> dict[str, Json]:
        """Who is on Peppol, by id."""
        return self.books.participants

    def forget(self) -> None:
        """See `StandIn.forget`; the calls that were spent too."""
        super().forget()
        self._spent.clear()

    @property
    def base_url(self) -> str:
        """What stands for https://api.invoro.eu/invoice-api."""
        return self.url + BASE_PATH

    def invoice(self, reference: str) -> Json:
        """The latest invoice known by this, as a GET would show it; LookupError if none."""
        return self._routes().show(self.books.latest(reference))

    def attached(self, reference: str) -> dict[str, bytes]:
        """The files that travel with the latest invoice known by this, by name."""
        held = self.books.latest(reference).ubl.get("attachments") or []
        return {one["filename"]: b64decode(one["data"]) for one in held if one.get("data")}

    def finish(self, reference: str) -> None:
        """End at once what is under way with it: a sending, a delivery."""
        self.books.finish(self.books.latest(reference))

    def deliver(self, reference: str) -> None:
        """Let the recipient have it now; ValueError unless it is being sent or sent."""
        invoice = self.books.under_way(reference)
        if invoice.state == "sending":
            self.books.sent(invoice)
        self.books.delivered(invoice)

    def fail(self, reference: str, reason: str = "The recipient could not be reached.") -> None:
        """Let the network give up on it; ValueError unless it is being sent or sent."""
        self.books.failed(self.books.under_way(reference), reason)

    def put(self, reference: str, state: str) -> None:
        """Do what no route does and the provider's application may: approve it, cancel it."""
        if state not in STATES:
            raise ValueError(f"no state {state!r}; there are {', '.join(STATES)}")
        invoice = self.books.latest(reference)
        invoice.due = None
        invoice.becomes(state)

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays, in units of the currency; ValueError before it was ever sent."""
        invoice = self._final(reference)
        left = invoice.total("payable_amount") - invoice.paid
        self.books.receive(invoice, left if amount is None else _in_cents(amount))

    def charge_back(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.charge_back`."""
        invoice = self._final(reference)
        cents = invoice.paid if amount is None else _in_cents(amount)
        self.books.give_back(invoice, Moved.CHARGED_BACK, cents)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.refund`."""
        invoice = self._final(reference)
        cents = self.books.surplus(invoice) if amount is None else _in_cents(amount)
        self.books.give_back(invoice, Moved.REFUNDED, cents)

    def _final(self, reference: str) -> Invoice:
        invoice = self.books.latest(reference)
        if not invoice.final:
            raise ValueError(f"{invoice.state} invoices are not paid")
        return invoice

    def _routes(self) -> Routes:
        return Routes(
            self.books, lambda: self.base_url, self.keys, self._spent, lambda: self.clock()
        )


def _in_cents(amount: Decimal) -> int:
    cents = amount.scaleb(2)
    if cents != cents.to_integral_value():
        raise ValueError("an amount has no fractions of a cent")
    return int(cents)
