"""The stand-in for Quiddly: what a test does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.kit.accounts import Moved
from sandbox.kit.faults import Faults
from sandbox.kit.server import StandIn, Way
from sandbox.quiddly.books import Books
from sandbox.quiddly.data import PASSWORD, USERNAME, Json, User
from sandbox.quiddly.invoice import Payment
from sandbox.quiddly.routes import Routes, unknown
from sandbox.quiddly.words import Assumed, Step, Told


class QuiddlyStandIn(StandIn):
    """Quiddly as its pages describe it, state and all.

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
        self._tokens: dict[str, tuple[User, float]] = {}
        self._revoked: set[str] = set()

    def account(self, url: str | None = None) -> dict[str, str]:
        """See `StandIn.account`; with the assumed routes that are switched on."""
        routes = {
            "read_route": "/invoices/{id}" if self.assumed.reads else "",
            "find_route": "/invoices?invoiceNumber={number}" if self.assumed.lists else "",
            "delete_route": "/invoices/{id}" if self.assumed.deletes else "",
        }
        there = {name: route for name, route in routes.items() if route}
        return {"base_url": url or self.url, "username": USERNAME, "password": PASSWORD, **there}

    def ways(self) -> Sequence[Way]:
        """Every route of Quiddly's that this stand-in has, the assumed ones included."""
        return self._routes().all()

    def lost(self, request: Request) -> Response:
        """What no route answers is refused like everything else."""
        return unknown().answer()

    def take_up(self, books: Books) -> None:
        """See `StandIn.take_up`."""
        books.assumed = self.assumed
        self.books = books

    def invoice(self, reference: str) -> Json:
        """The latest invoice known by this, as a GET would show it; LookupError if none."""
        return self._routes().show(self.books.latest(reference))

    def attachment(self, reference: str) -> bytes | None:
        """The caller's own PDF that the latest invoice known by this has."""
        return self.books.attachment(self.books.latest(reference))

    def pay(self, reference: str, amount: Decimal | None = None) -> None:
        """The buyer pays, which shows in the feed; ValueError where nothing can be paid."""
        self.books.pay(reference, amount)

    def charge_back(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.charge_back`; it shows in the feed."""
        self.books.give_back(reference, Moved.CHARGED_BACK, amount)

    def refund(self, reference: str, amount: Decimal | None = None) -> None:
        """See `StandIn.refund`; it shows in the feed."""
        self.books.give_back(reference, Moved.REFUNDED, amount)

    def payments(self, reference: str) -> tuple[Payment, ...]:
        """What was paid for the latest invoice known by this, oldest first."""
        return self.books.payments_of(reference)

    def advance(self, reference: str, word: str | None = None) -> None:
        """Climb the dunning ladder to `word`, or by one; ValueError for a draft or the top."""
        self.books.advance(reference, word)

    def pause(self, reference: str, until: date | None) -> None:
        """Let its handling rest until a day; None: no longer."""
        self.books.latest(reference).paused_until = until

    def discard(self, reference: str) -> None:
        """Somebody deletes its draft by hand; ValueError once it is activated."""
        self.books.discard(self.books.latest(reference))

    def finish(self, reference: str) -> None:
        """End its distribution now, if one is under way."""
        self.books.finish(self.books.latest(reference))

    def revoke_tokens(self) -> None:
        """Make every token handed out so far worthless: the next call gets a 401."""
        self._tokens.clear()

    def revoke(self, token: str) -> None:
        """Make one token worthless, the service account's for instance."""
        self._revoked.add(token)

    def _routes(self) -> Routes:
        return Routes(self.books, self._tokens, self._revoked)
